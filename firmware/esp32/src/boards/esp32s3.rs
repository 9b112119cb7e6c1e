//! Seeed Studio XIAO ESP32S3.

use sockeye_wiring::BoardPins;
use sockeye_wiring::chip::ESP32S3;

/// The board's name.
pub const NAME: &str = "XIAO ESP32S3";
/// The chip's pins, and those that the board uses itself.
pub const BOARD: BoardPins = BoardPins { chip: &ESP32S3, own: &[(0, "button")] };
/// The wiring from the factory.
///
/// The LM35 is at D0 on the board, channel 0 of the converter. The light is on while its pin is low: it hangs from the
/// supply.
pub const FACTORY: &[(&str, &str)] = &[("lm35", "lm35 pin=1"), ("led", "output pin=21 invert=yes")];

/// The pins and peripherals that the device itself uses, out of those that `esp_hal::init` returned.
#[macro_export]
macro_rules! pins {
    ($peripherals:ident) => {
        $crate::boards::Pins { button: $peripherals.GPIO0.into(), celsius: || None }
    };
}
