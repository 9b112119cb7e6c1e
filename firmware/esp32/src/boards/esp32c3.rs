//! ESP32-C3 SuperMini, and boards that are wired alike.

use sockeye_wiring::BoardPins;
use sockeye_wiring::chip::ESP32C3;

/// The board's name.
pub const NAME: &str = "ESP32-C3 SuperMini";
/// The chip's pins, and those that the board uses itself.
pub const BOARD: BoardPins = BoardPins { chip: &ESP32C3, own: &[(9, "button")] };
/// The wiring from the factory.
///
/// The LM35 is at channel 0 of the converter. The light is on while its pin is low: it hangs from the supply.
pub const FACTORY: &[(&str, &str)] = &[("lm35", "lm35 pin=0"), ("led", "output pin=8 invert=yes strapping=yes")];

/// The pins and peripherals that the device itself uses, out of those that `esp_hal::init` returned.
#[macro_export]
macro_rules! pins {
    ($peripherals:ident) => {
        $crate::boards::Pins { button: $peripherals.GPIO9.into(), celsius: $crate::boards::celsius($peripherals.TSENS) }
    };
}
