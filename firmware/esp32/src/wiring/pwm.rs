//! Pulses that go out, by the LEDC. Its timers have a frequency each, and its channels a pin each.

use esp_hal::gpio::{AnyPin, DriveMode, NoPin};
use esp_hal::ledc::channel::{self, Channel, ChannelHW, ChannelIFace};
use esp_hal::ledc::timer::{self, LSClockSource, TimerIFace};
use esp_hal::ledc::{LSGlobalClkSource, Ledc, LowSpeed};
use esp_hal::peripherals::LEDC;
use esp_hal::time::Rate;
use sockeye_wiring::hardware::{PinError, duty_bits, duty_count};

/// The clock that the timers count.
const CLOCK_HZ: u32 = 80_000_000;
/// esp-hal 1.2.2 counts the ESP32-C6's clock as 40 MHz, and it is the PLL's 80 MHz: twice the frequency would come out.
const CLOCK_ERROR: u32 = if cfg!(feature = "esp32c6") { 2 } else { 1 };

const TIMERS: [timer::Number; 4] =
    [timer::Number::Timer0, timer::Number::Timer1, timer::Number::Timer2, timer::Number::Timer3];
const CHANNELS: [channel::Number; 6] = [
    channel::Number::Channel0,
    channel::Number::Channel1,
    channel::Number::Channel2,
    channel::Number::Channel3,
    channel::Number::Channel4,
    channel::Number::Channel5,
];

/// A channel that is used.
#[derive(Clone, Copy)]
struct Used {
    pin: u8,
    timer: timer::Number,
    frequency_hz: u32,
}

/// The LEDC.
pub struct Pwm {
    ledc: Ledc<'static>,
    used: [Option<Used>; CHANNELS.len()],
}

impl Pwm {
    pub fn new(ledc: LEDC<'static>) -> Self {
        let mut ledc = Ledc::new(ledc);
        ledc.set_global_slow_clock(LSGlobalClkSource::APBClk);
        Self { ledc, used: [None; CHANNELS.len()] }
    }

    /// Takes a channel, and the timer that has this frequency, or else a free one.
    pub fn set_up(&mut self, pin: u8, output: AnyPin<'static>, frequency_hz: u32, duty: u16) -> Result<(), PinError> {
        let index = self.used.iter().position(Option::is_none).ok_or(PinError)?;
        let used = || self.used.iter().flatten();
        let number = match used().find(|used| used.frequency_hz == frequency_hz) {
            Some(used) => used.timer,
            None => TIMERS.into_iter().find(|timer| used().all(|used| used.timer != *timer)).ok_or(PinError)?,
        };
        let bits = duty_bits(CLOCK_HZ, frequency_hz);
        let mut timer = self.ledc.timer::<LowSpeed>(number);
        let resolution = timer::config::Duty::try_from(bits).map_err(|()| PinError)?;
        let frequency = Rate::from_hz(frequency_hz / CLOCK_ERROR);
        let config = timer::config::Config { duty: resolution, clock_source: LSClockSource::APBClk, frequency };
        timer.configure(config).map_err(|_| PinError)?;
        let mut channel = Channel::new(CHANNELS[index], output);
        let config = channel::config::Config { timer: &timer, duty_pct: 0, drive_mode: DriveMode::PushPull };
        channel.configure(config).map_err(|_| PinError)?;
        channel.set_duty_hw(duty_count(duty, bits));
        self.used[index] = Some(Used { pin, timer: number, frequency_hz });
        Ok(())
    }

    /// Changes the duty cycle of a pin that is set up.
    pub fn drive(&self, pin: u8, duty: u16) -> Option<()> {
        let mut channels = CHANNELS.into_iter().zip(&self.used);
        let (number, used) =
            channels.find_map(|(number, used)| Some((number, used.filter(|used| used.pin == pin)?)))?;
        // The channel keeps its pin and its timer; a handle is made for each change.
        let count = duty_count(duty, duty_bits(CLOCK_HZ, used.frequency_hz));
        Channel::<LowSpeed>::new(number, NoPin).set_duty_hw(count);
        Some(())
    }

    /// Gives a pin's channel back.
    pub fn release(&mut self, pin: u8) {
        self.used.iter_mut().for_each(|used| *used = used.filter(|used| used.pin != pin));
    }
}
