//! The chip's first converter; the second is the radio's. The converter is set up for each conversion, so that any pin
//! can use it.

use esp_hal::Blocking;
use esp_hal::analog::adc::{Adc, AdcCalScheme, AdcChannel, AdcConfig, AdcPin, Attenuation};
use esp_hal::gpio::{AnyPin, Pin};
use esp_hal::peripherals::{self, ADC1};
use sockeye_board::converter::Nominal;
use sockeye_wiring::hardware::Range;

/// How often a conversion is asked whether it is over; it takes some 30 microseconds.
const POLLS: u32 = 10_000;

/// How the factory's measurements of a converter are applied.
#[cfg(feature = "esp32")]
type Calibration<'a> = esp_hal::analog::adc::AdcCalLine<ADC1<'a>>;
#[cfg(not(feature = "esp32"))]
type Calibration<'a> = esp_hal::analog::adc::AdcCalCurve<ADC1<'a>>;

/// The typical curve of the chip's converters in the low range, from the constants that the calibration data of a chip
/// are relative to.
#[cfg(feature = "esp32c3")]
const NOMINAL: Nominal = Nominal { zero: 1_000, steps_per_volt: 3_636 };
#[cfg(feature = "esp32c6")]
const NOMINAL: Nominal = Nominal { zero: 1_600, steps_per_volt: 2_850 };
#[cfg(any(feature = "esp32", feature = "esp32s3"))]
const NOMINAL: Nominal = Nominal { zero: 1_940, steps_per_volt: 2_824 };

/// Whether the chip knows its converter. If it doesn't, esp-hal's calibration would measure references inside of the chip
/// before the converter runs, and divide by what it finds. The ESP32's has a nominal reference of its own for chips that
/// were not measured.
pub fn is_calibrated() -> bool {
    #[cfg(not(feature = "esp32"))]
    return esp_hal::efuse::rtc_calib_version() != 0;
    #[cfg(feature = "esp32")]
    true
}

fn attenuation(range: Range) -> Attenuation {
    match range {
        Range::Low => Attenuation::_2p5dB,
        Range::Full => Attenuation::_11dB,
    }
}

macro_rules! converter {
    ($($number:literal $pin:ident),*) => {
        /// One conversion at a pin, millivolts; none if it isn't a pin of the converter, or the conversion doesn't end.
        pub fn millivolts(adc: ADC1<'_>, pin: AnyPin<'static>, range: Range) -> Option<u16> {
            match pin.number() {
                $($number => at(adc, pin.downcast::<peripherals::$pin<'static>>().ok()?, range),)*
                _ => None,
            }
        }
    };
}

#[cfg(feature = "esp32c3")]
converter!(0 GPIO0, 1 GPIO1, 2 GPIO2, 3 GPIO3, 4 GPIO4);
#[cfg(feature = "esp32c6")]
converter!(0 GPIO0, 1 GPIO1, 2 GPIO2, 3 GPIO3, 4 GPIO4, 5 GPIO5, 6 GPIO6);
#[cfg(feature = "esp32")]
converter!(32 GPIO32, 33 GPIO33, 34 GPIO34, 35 GPIO35, 36 GPIO36, 39 GPIO39);
#[cfg(feature = "esp32s3")]
converter!(1 GPIO1, 2 GPIO2, 3 GPIO3, 4 GPIO4, 5 GPIO5, 6 GPIO6, 7 GPIO7, 8 GPIO8, 9 GPIO9, 10 GPIO10);

fn at<'a, P: AdcChannel + esp_hal::gpio::AnalogPin>(adc: ADC1<'a>, pin: P, range: Range) -> Option<u16> {
    let mut config = AdcConfig::new();
    if is_calibrated() {
        let mut pin = config.enable_pin_with_cal::<_, Calibration<'a>>(pin, attenuation(range));
        return convert(&mut Adc::new(adc, config), &mut pin);
    }
    let mut pin = config.enable_pin(pin, attenuation(range));
    convert(&mut Adc::new(adc, config), &mut pin).map(|code| NOMINAL.millivolts(code, range))
}

fn convert<'a, P: AdcChannel, C: AdcCalScheme<ADC1<'a>>>(
    adc: &mut Adc<'a, ADC1<'a>, Blocking>,
    pin: &mut AdcPin<P, ADC1<'a>, C>,
) -> Option<u16> {
    (0..POLLS).find_map(|_| adc.read_oneshot(pin).ok())
}
