//! Seeed Studio XIAO ESP32C6.

/// The board's name.
pub const NAME: &str = "XIAO ESP32C6";
/// The light is on while its pin is low: it hangs from the supply.
pub const LED_ON: esp_hal::gpio::Level = esp_hal::gpio::Level::Low;
/// The LM35's pin, D0 on the board: channel 0 of the converter.
pub type Lm35 = esp_hal::peripherals::GPIO0<'static>;

/// The pins, out of what `esp_hal::init` returned.
#[macro_export]
macro_rules! pins {
    ($peripherals:ident) => {
        $crate::boards::Pins {
            lm35: $peripherals.GPIO0,
            led: $peripherals.GPIO15.into(),
            button: $peripherals.GPIO9.into(),
            celsius: $crate::boards::celsius($peripherals.TSENS),
        }
    };
}
