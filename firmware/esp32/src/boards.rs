//! Boards: which pin is what. For another board of the same chip, change its file.

#[cfg(feature = "esp32")]
mod esp32;
#[cfg(feature = "esp32c3")]
mod esp32c3;
#[cfg(feature = "esp32c6")]
mod esp32c6;
#[cfg(feature = "esp32s3")]
mod esp32s3;

#[cfg(feature = "esp32")]
pub use esp32::{LED_ON, Lm35, NAME};
#[cfg(feature = "esp32c3")]
pub use esp32c3::{LED_ON, Lm35, NAME};
#[cfg(feature = "esp32c6")]
pub use esp32c6::{LED_ON, Lm35, NAME};
#[cfg(feature = "esp32s3")]
pub use esp32s3::{LED_ON, Lm35, NAME};

use esp_hal::gpio::AnyPin;

use crate::sensors::TemperatureSource;

/// What the device uses of the board.
pub struct Pins {
    /// What the LM35 gives out.
    pub lm35: Lm35,
    /// The light.
    pub led: AnyPin<'static>,
    /// The BOOT button, which pulls its pin to ground.
    pub button: AnyPin<'static>,
    /// The chip's own temperature, where it has a sensor.
    pub temperature: TemperatureSource,
}
