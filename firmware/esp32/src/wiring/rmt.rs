//! Timing that must be exact, by the RMT: 1-Wire and DHT, whose line is pulled and heard, and WS2812.

use embassy_futures::join::join;
use embassy_time::{Duration, Timer, with_timeout};
use esp_hal::gpio::{AnyPin, Flex, Level};
use esp_hal::peripherals::RMT;
use esp_hal::rmt::{LoopMode, PulseCode, Rmt, RxChannelConfig, RxChannelCreator, TxChannelConfig, TxChannelCreator};
use esp_hal::time::Rate;
use sockeye_wiring::hardware::{LineError, PinError, Pulse};
use sockeye_wiring::limits::{LINE_HELD_MS, PIXEL_US, PIXELS_LATCH_US, PULSES_MAX, SENT_PULSES_MAX};

/// The clock, of which a channel divides by 1 to 255.
const CLOCK: Rate = Rate::from_mhz(80);
/// A tick is a microsecond.
const LINE_DIVIDER: u8 = 80;
/// A tick is 50 nanoseconds.
const PIXEL_DIVIDER: u8 = 4;
/// Pulses that are shorter are none: a microsecond of the clock.
const FILTER_TICKS: u8 = 80;
/// Codes 0 and 1 of a WS2812B, in ticks: high for 400 or 800 ns of 1,250 (its data sheet, data transfer time).
const PIXEL_0: PulseCode = PulseCode::new(Level::High, 8, Level::Low, 17);
const PIXEL_1: PulseCode = PulseCode::new(Level::High, 16, Level::Low, 9);

/// Pulls a line and hears it. All signals are inverted: high is a line that is pulled low. The reason is a channel's
/// idle level, which is low until the first transmission puts its configuration in force.
pub async fn exchange(
    rmt: RMT<'_>,
    line: Flex<'static>,
    send: &[Pulse],
    heard: &mut [Pulse],
    idle_us: u16,
) -> Result<usize, LineError> {
    let mut codes = [PulseCode::end_marker(); SENT_PULSES_MAX + 1];
    let mut ears = [PulseCode::end_marker(); PULSES_MAX];
    let (Some(codes), Some(ears)) = (codes.get_mut(..=send.len()), ears.get_mut(..heard.len())) else {
        return Err(LineError::Failed);
    };
    for (code, pulse) in codes.iter_mut().zip(send) {
        *code = PulseCode::try_new(Level::High, pulse.low, Level::Low, pulse.high).ok_or(LineError::Failed)?;
    }
    let rmt = Rmt::new(rmt, CLOCK).map_err(|_| LineError::Failed)?.into_async();
    let sending = TxChannelConfig::default().with_clk_divider(LINE_DIVIDER).with_idle_output(true);
    let hearing = RxChannelConfig::default().with_clk_divider(LINE_DIVIDER).with_idle_threshold(idle_us);
    let (input, output) = line.split();
    let tx = rmt.channel0.configure_tx(&sending.with_idle_output_level(Level::Low)).map_err(|_| LineError::Failed)?;
    // Each of the ESP32's eight channels does both; of the ESP32-S3's 4 to 7 hear.
    #[cfg(any(feature = "esp32c3", feature = "esp32c6"))]
    let rx = rmt.channel2;
    #[cfg(any(feature = "esp32", feature = "esp32s3"))]
    let rx = rmt.channel4;
    let rx = rx.configure_rx(&hearing.with_filter_threshold(FILTER_TICKS)).map_err(|_| LineError::Failed)?;
    let mut tx = tx.with_pin(output.with_output_inverter(true));
    let mut rx = rx.with_pin(input.with_input_inverter(true));
    // Both run from the call on, and not from the first poll: hear first.
    let (hearing, sending) = (rx.receive(ears), tx.transmit(codes));
    match with_timeout(Duration::from_millis(LINE_HELD_MS), join(hearing, sending)).await {
        Ok((Ok(len), Ok(()))) => {
            for (pulse, code) in heard.iter_mut().zip(&*ears) {
                *pulse = Pulse { low: code.length1(), high: code.length2() };
            }
            Ok(len)
        }
        Ok(_) => Err(LineError::Failed),
        // A line on which nothing changes is heard for ever: the receiver's idle time begins with an edge.
        Err(_) => Err(LineError::Held),
    }
}

/// Sends the same three bytes again and again, without a gap, for as long as the strip has lights. Bits after the last
/// light have no effect.
pub async fn pixels(rmt: RMT<'_>, pin: AnyPin<'static>, bytes: [u8; 3], len: u16) -> Result<(), PinError> {
    let mut codes = [PulseCode::end_marker(); 8 * 3 + 1];
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    codes.iter_mut().zip(bits).for_each(|(code, bit)| *code = if bit { PIXEL_1 } else { PIXEL_0 });
    let rmt = Rmt::new(rmt, CLOCK).map_err(|_| PinError)?;
    let config = TxChannelConfig::default().with_clk_divider(PIXEL_DIVIDER).with_idle_output(true);
    let tx = rmt.channel0.configure_tx(&config.with_idle_output_level(Level::Low)).map_err(|_| PinError)?;
    let sending = tx.with_pin(pin).transmit_continuously(&codes, LoopMode::Infinite).map_err(|_| PinError)?;
    Timer::after_micros(u64::from(len) * PIXEL_US).await;
    sending.stop_next().map(drop).map_err(|_| PinError)?;
    Timer::after_micros(PIXELS_LATCH_US).await;
    Ok(())
}
