//! ESP32 DevKit V1 with 30 or 38 pins and a blue light, and boards that are wired alike.

/// The board's name.
pub const NAME: &str = "ESP32 DevKit V1";
/// The light is on while its pin is high.
pub const LED_ON: esp_hal::gpio::Level = esp_hal::gpio::Level::High;
/// The LM35's pin: channel 6 of the converter. Channels of the second converter are the radio's.
pub type Lm35 = esp_hal::peripherals::GPIO34<'static>;

/// The pins, out of what `esp_hal::init` returned.
#[macro_export]
macro_rules! pins {
    ($peripherals:ident) => {
        $crate::boards::Pins {
            lm35: $peripherals.GPIO34,
            led: $peripherals.GPIO2.into(),
            button: $peripherals.GPIO0.into(),
            celsius: || None,
        }
    };
}
