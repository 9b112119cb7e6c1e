//! ESP32 DevKit V1 with 30 or 38 pins and a blue light, and boards that are wired alike.

use sockeye_wiring::BoardPins;
use sockeye_wiring::chip::ESP32;

/// The board's name.
pub const NAME: &str = "ESP32 DevKit V1";
/// The chip's pins, and those that the board uses itself.
pub const BOARD: BoardPins = BoardPins { chip: &ESP32, own: &[(0, "button")] };
/// The wiring from the factory.
///
/// The LM35 is at channel 6 of the converter. The light is on while its pin is high.
pub const FACTORY: &[(&str, &str)] = &[("lm35", "lm35 pin=34"), ("led", "output pin=2 strapping=yes")];

/// The pins and peripherals that the device itself uses, out of those that `esp_hal::init` returned.
#[macro_export]
macro_rules! pins {
    ($peripherals:ident) => {
        $crate::boards::Pins { button: $peripherals.GPIO0.into(), celsius: || None }
    };
}
