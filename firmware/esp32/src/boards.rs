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
pub use esp32::*;
#[cfg(feature = "esp32c3")]
pub use esp32c3::*;
#[cfg(feature = "esp32c6")]
pub use esp32c6::*;
#[cfg(feature = "esp32s3")]
pub use esp32s3::*;

use esp_hal::gpio::AnyPin;

/// Readings of which a day is kept, 2 KB each. With more, too little would be left of the smaller RAM for the stack.
pub const DAYS: usize = if cfg!(any(feature = "esp32", feature = "esp32c3")) { 3 } else { 12 };

/// The pins and peripherals of the board that the device itself uses. All others are wired by its users.
pub struct Pins<T> {
    /// The BOOT button, which pulls its pin to ground.
    pub button: AnyPin<'static>,
    /// The sampler of the chip's own temperature. The ESP32 has no sensor that can be relied on, and esp-hal no driver
    /// for the ESP32-S3's.
    pub celsius: T,
}

/// The sampler of the chip's own temperature, with esp-hal's driver.
#[cfg(any(feature = "esp32c3", feature = "esp32c6"))]
pub fn celsius(sensor: esp_hal::peripherals::TSENS<'static>) -> impl Fn() -> Option<f32> {
    let sensor = esp_hal::tsens::TemperatureSensor::new(sensor, Default::default()).ok();
    move || Some(sensor.as_ref()?.get_temperature().to_celsius())
}
