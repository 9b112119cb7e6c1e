//! DS18B20, a thermometer on 1-Wire (Maxim's data sheet 19-7487, revision 6).

use crate::crc;
use crate::driver::{Driver, Fault, Id, Job, Kind, Next, Use, Word, celsius, every, gauge, pin};
use crate::hardware::Hardware;
use crate::number::rounded;
use crate::one_wire::OneWire;

pub(super) const DRIVER: Driver = Driver {
    name: "ds18b20",
    id: Id::Ds18b20,
    help: "thermometer on 1-Wire, with a supply of its own; several on a pin by their rom",
    words: &[
        pin("pin", Use::OneWire, "data pin, with 4.7 kOhm to the supply"),
        Word { name: "rom", kind: Kind::Rom, default: Some(0), help: "ROM code; without it the only one on the pin" },
    ],
    readings: &[gauge("", celsius(2), (-5_500, 12_500))],
    output: None,
    period: every(10_000, 1_000),
};

const CONVERT: u8 = 0x44;
const READ_SCRATCHPAD: u8 = 0xbe;
/// Time of a conversion of 12 bits, table 2.
const CONVERSION_MS: u32 = 750;
/// 85 degrees, which the scratchpad has before the first conversion, and its reserved byte as it is then.
const POWER_ON: ([u8; 2], u8) = ([0x50, 0x05], 0x0c);

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let bus = OneWire::new(hardware, job.args.pin("pin"));
    let rom = job.args.get("rom") as u64;
    if job.stage == 0 {
        bus.command(rom, CONVERT).await?;
        return Ok(Next::Step { stage: 1, after_ms: CONVERSION_MS });
    }
    bus.command(rom, READ_SCRATCHPAD).await?;
    let scratchpad: [u8; 9] = bus.read().await?;
    let [low, high, _, _, config, _, reserved, _, _] = scratchpad;
    if scratchpad == [0xff; 9] {
        return Err(Fault::NoAnswer);
    }
    if crc::one_wire(&scratchpad) != 0 {
        return Err(Fault::Checksum);
    }
    // A line that is held low gives zeros, whose checksum is right. These bits are fixed (figure 10), and others in a
    // DS18S20.
    if config & 0x9f != 0x1f {
        return Err(if scratchpad == [0; 9] { Fault::Short } else { Fault::OtherDevice });
    }
    if ([low, high], reserved) == POWER_ON {
        return Err(Fault::NotReady);
    }
    // Sixteenths of a degree. With fewer than 12 bits the lowest are undefined.
    let undefined = 3 - (config >> 5 & 3);
    let sixteenths = i16::from_le_bytes([low, high]) >> undefined << undefined;
    job.set(0, rounded(i64::from(sixteenths) * 100, 16) as i32);
    Ok(Next::DONE)
}
