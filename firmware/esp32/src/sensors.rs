//! What the chip measures: the LM35's voltage.

use esp_hal::Blocking;
use esp_hal::analog::adc::{Adc, AdcCalScheme, AdcConfig, AdcPin, Attenuation};
use esp_hal::peripherals::ADC1;
use sockeye_board::limits::CONVERSIONS;
use sockeye_board::lm35::{Scale, temperature};
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
/// before the converter runs, and divide by what it finds. The ESP32's has a nominal reference of its own for chips that
/// were not measured.
pub fn is_calibrated() -> bool {
    #[cfg(not(feature = "esp32"))]
    return esp_hal::efuse::rtc_calib_version() != 0;
    #[cfg(feature = "esp32")]
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

/// What samples the LM35 at the chip's first converter, as the second is the radio's.
pub fn lm35(adc: ADC1<'static>, pin: Lm35) -> impl FnMut() -> Option<Value> {
    let mut config = AdcConfig::new();
    let (mut calibrated, mut raw) = match is_calibrated() {
        true => (Some(config.enable_pin_with_cal::<_, Calibration>(pin, ATTENUATION)), None),
        false => (None, Some(config.enable_pin(pin, ATTENUATION))),
    };
    let mut adc = Adc::new(adc, config);
    move || match (&mut calibrated, &mut raw) {
        (Some(pin), _) => temperature((0..CONVERSIONS).map(|_| convert(&mut adc, pin)), Scale::Millivolts),
        (_, Some(pin)) => temperature((0..CONVERSIONS).map(|_| convert(&mut adc, pin)), NOMINAL),
        (None, None) => None,
    }
}

/// One conversion; none if the converter doesn't end it.
fn convert<C: AdcCalScheme<ADC1<'static>>>(
    adc: &mut Adc<'static, ADC1<'static>, Blocking>,
    pin: &mut AdcPin<Lm35, ADC1<'static>, C>,
) -> Option<u16> {
    (0..POLLS).find_map(|_| adc.read_oneshot(pin).ok())
}
