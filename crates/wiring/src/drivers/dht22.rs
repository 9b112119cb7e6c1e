//! DHT22, or AM2302: temperature and humidity in pulses (Aosong's data sheet of the AM2302).

use crate::driver::{Driver, Fault, Id, Job, Next, Use, celsius, every, gauge, pin};
use crate::hardware::{Hardware, LineError, Pulse};
use crate::limits::PULSES_MAX;

pub(super) const DRIVER: Driver = Driver {
    name: "dht22",
    id: Id::Dht22,
    help: "temperature and humidity in pulses; also sold as AM2302",
    words: &[pin("pin", Use::Pulses, "data pin, with 5 to 10 kOhm to the supply")],
    readings: &[gauge("temperature", celsius(1), (-400, 800)), gauge("humidity", ("%", 1), (0, 1_000))],
    output: None,
    period: every(10_000, 2_000),
};

/// The host pulls the line low for 1 ms at least.
const START_US: u16 = 1_100;
/// A bit's high time is 26 to 28 us for 0, and 70 us for 1.
const BIT_US: u16 = 48;
/// The line is idle when it has had one level for so much longer than the host's own pulse, which is the longest.
const IDLE_AFTER_START_US: u16 = 1_000;
/// The host's own pulse and the sensor's answer, before the bits.
const HEAD: usize = 2;
const BITS: usize = 40;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let [humidity_high, humidity_low, high, low] = read(hardware, job.args.pin("pin"), START_US).await?;
    job.set(0, tenths(u16::from_be_bytes([high, low])));
    job.set(1, u16::from_be_bytes([humidity_high, humidity_low]).into());
    Ok(Next::DONE)
}

/// Tenths of a degree. The data sheet's code below zero is a sign and a magnitude. Some sensors that are sold as DHT22 send
/// two's complement of 16 or of 12 bits. From -40 to 80 degrees no word of one code is a word of another. Any
/// other word is out of range in each of them.
fn tenths(word: u16) -> i32 {
    let word = i32::from(word);
    match word {
        0x8000..=0x8fff => 0x8000 - word,
        0xf000..=0xffff => word - 0x1_0000,
        0x0800..=0x0fff => word - 0x1000,
        _ => word,
    }
}

/// The four bytes of a DHT22 or DHT11, after their sum was checked.
pub(super) async fn read(hardware: &impl Hardware, pin: u8, start_us: u16) -> Result<[u8; 4], Fault> {
    let mut heard = [Pulse::default(); PULSES_MAX];
    let send = [Pulse { low: start_us, high: 10 }];
    let idle_us = start_us.saturating_add(IDLE_AFTER_START_US);
    let len = hardware.exchange(pin, &send, &mut heard, idle_us).await.map_err(|error| match error {
        LineError::Held => Fault::Short,
        LineError::Failed => Fault::Hardware,
    })?;
    if len < HEAD + BITS {
        return Err(if len <= 1 { Fault::NoAnswer } else { Fault::Checksum });
    }
    let bits = heard.iter().skip(HEAD).take(BITS).map(|pulse| pulse.high > BIT_US);
    let all = bits.fold(0_u64, |all, bit| all << 1 | u64::from(bit));
    let [_, _, _, a, b, c, d, sum] = all.to_be_bytes();
    let is_whole = [a, b, c, d].into_iter().fold(0, u8::wrapping_add) == sum;
    // Zeros are what a sensor without a measurement sends, or a line that is pulled too weakly.
    if is_whole && all != 0 { Ok([a, b, c, d]) } else { Err(Fault::Checksum) }
}
