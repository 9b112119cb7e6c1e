//! Seeed Studio XIAO ESP32C6.

use sockeye_wiring::BoardPins;
use sockeye_wiring::chip::ESP32C6;

/// The board's name.
pub const NAME: &str = "XIAO ESP32C6";
/// The chip's pins, and those that the board uses itself.
pub const BOARD: BoardPins = BoardPins { chip: &ESP32C6, own: &[(9, "button"), (3, "antenna switch")] };
/// The wiring from the factory.
///
/// The LM35 is at D0 on the board, channel 0 of the converter. The light is on while its pin is low: it hangs from the
/// supply.
pub const FACTORY: &[(&str, &str)] = &[("lm35", "lm35 pin=0"), ("led", "output pin=15 invert=yes strapping=yes")];

/// The pins and peripherals that the device itself uses, out of those that `esp_hal::init` returned.
#[macro_export]
macro_rules! pins {
    ($peripherals:ident) => {
        $crate::boards::Pins { button: $peripherals.GPIO9.into(), celsius: $crate::boards::celsius($peripherals.TSENS) }
    };
}
