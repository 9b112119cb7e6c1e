//! What the chip measures: the LM35's voltage and its own temperature.

use esp_hal::Blocking;
use esp_hal::analog::adc::{Adc, AdcCalScheme, AdcConfig, AdcPin, Attenuation};
use esp_hal::peripherals::ADC1;
use sockeye_board::limits::CONVERSIONS;
use sockeye_board::lm35::{self, Scale};
use sockeye_device::Value;

use crate::boards::Lm35;

/// Up to 1,050 mV on all chips, with the smallest error but one of all attenuations.
const ATTENUATION: Attenuation = Attenuation::_2p5dB;
/// How often a conversion is asked whether it is over; it takes some 30 microseconds.
const POLLS: u32 = 10_000;

/// How the factory's measurements of a converter are applied.
#[cfg(feature = "esp32")]
type Calibration = esp_hal::analog::adc::AdcCalLine<ADC1<'static>>;
#[cfg(not(feature = "esp32"))]
type Calibration = esp_hal::analog::adc::AdcCalCurve<ADC1<'static>>;

/// Whether the chip knows its converter. If it doesn't, esp-hal's calibration would measure references inside of the chip
/// before the converter runs, and divide by what it finds.
#[cfg(not(feature = "esp32"))]
fn is_calibrated() -> bool {
    esp_hal::efuse::rtc_calib_version() != 0
}

/// The ESP32's calibration has a nominal reference of its own for chips that were not measured.
#[cfg(feature = "esp32")]
fn is_calibrated() -> bool {
    true
}

/// What is typical of the chip's converters, with [`ATTENUATION`], from the constants that the calibration data of a chip
/// are relative to.
#[cfg(feature = "esp32c3")]
const NOMINAL: Scale = Scale::Nominal { zero: 1_000, steps_per_volt: 3_636 };
#[cfg(feature = "esp32c6")]
const NOMINAL: Scale = Scale::Nominal { zero: 1_600, steps_per_volt: 2_850 };
#[cfg(any(feature = "esp32", feature = "esp32s3"))]
const NOMINAL: Scale = Scale::Nominal { zero: 1_940, steps_per_volt: 2_824 };

enum Input {
    Calibrated(AdcPin<Lm35, ADC1<'static>, Calibration>),
    Raw(AdcPin<Lm35, ADC1<'static>>),
}

/// The LM35 at the chip's first converter; the second is the radio's.
pub struct Lm35Sensor {
    adc: Adc<'static, ADC1<'static>, Blocking>,
    input: Input,
}

impl Lm35Sensor {
    /// Starts the converter.
    pub fn new(adc: ADC1<'static>, pin: Lm35) -> Self {
        let mut config = AdcConfig::new();
        let input = match is_calibrated() {
            true => Input::Calibrated(config.enable_pin_with_cal(pin, ATTENUATION)),
            false => Input::Raw(config.enable_pin(pin, ATTENUATION)),
        };
        Self { adc: Adc::new(adc, config), input }
    }

    /// Whether temperatures are what the sensor tells, and not a guess at it.
    pub fn is_calibrated(&self) -> bool {
        matches!(self.input, Input::Calibrated(_))
    }

    /// One sample.
    pub fn sample(&mut self) -> Option<Value> {
        let Self { adc, input } = self;
        match input {
            Input::Calibrated(pin) => lm35::temperature((0..CONVERSIONS).map(|_| convert(adc, pin)), Scale::Millivolts),
            Input::Raw(pin) => lm35::temperature((0..CONVERSIONS).map(|_| convert(adc, pin)), NOMINAL),
        }
    }
}

/// One conversion; none if the converter doesn't end it.
fn convert<C: AdcCalScheme<ADC1<'static>>>(
    adc: &mut Adc<'static, ADC1<'static>, Blocking>,
    pin: &mut AdcPin<Lm35, ADC1<'static>, C>,
) -> Option<u16> {
    (0..POLLS).find_map(|_| adc.read_oneshot(pin).ok())
}

/// The chip's own temperature.
pub use temperature::{ChipSensor, TemperatureSource};

/// With esp-hal's driver.
#[cfg(any(feature = "esp32c3", feature = "esp32c6"))]
mod temperature {
    use esp_hal::peripherals::TSENS;
    use esp_hal::tsens::{Config, TemperatureSensor};
    use sockeye_device::Value;

    /// What the sensor is made of.
    pub type TemperatureSource = TSENS<'static>;

    /// The sensor inside of the chip.
    pub struct ChipSensor(Option<TemperatureSensor<'static>>);

    impl ChipSensor {
        /// Switches it on.
        pub fn new(source: TemperatureSource) -> Self {
            Self(TemperatureSensor::new(source, Config::default()).ok())
        }

        /// One sample.
        pub fn sample(&self) -> Option<Value> {
            let celsius = self.0.as_ref()?.get_temperature().to_celsius();
            Some(Value((celsius * 10.0) as i32))
        }
    }
}

/// The ESP32 has no sensor that can be relied on, and esp-hal no driver for the ESP32-S3's.
#[cfg(any(feature = "esp32", feature = "esp32s3"))]
mod temperature {
    use sockeye_device::Value;

    /// There is none.
    pub type TemperatureSource = ();

    /// No sensor.
    pub struct ChipSensor;

    impl ChipSensor {
        /// Nothing to switch on.
        pub fn new((): TemperatureSource) -> Self {
            Self
        }

        /// Nothing to sample.
        pub fn sample(&self) -> Option<Value> {
            None
        }
    }
}
