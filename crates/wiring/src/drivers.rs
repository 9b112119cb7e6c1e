//! The drivers: one file for each, and the table of all.
//!
//! A driver is a function that does one step of a sample: a few short transfers, and never a wait. Where a sensor
//! takes time to measure, the step ends with how long that takes, and others run meanwhile. So one future serves all
//! things, and what a driver keeps from step to step is a few bytes.

mod adc;
mod ads1115;
mod aht20;
mod bh1750;
mod bme280;
mod bmp280;
mod counter;
mod dht11;
mod dht22;
mod ds18b20;
mod ina219;
mod input;
mod lm35;
mod ntc;
mod output;
mod pwm;
mod scd4x;
pub(crate) mod servo;
mod sht3x;
mod sht4x;
mod tmp36;
mod ws2812;

use crate::driver::{Driver, Fault, Id, Job, Next};
use crate::hardware::{Drive, Hardware, PinMode};
use crate::spec::SpecArgs;

pub(crate) use input::Debounce;

/// All drivers, in the order in which they are listed.
pub const DRIVERS: [Driver; 22] = [
    ds18b20::DRIVER,
    dht22::DRIVER,
    dht11::DRIVER,
    bme280::DRIVER,
    bmp280::DRIVER,
    sht4x::DRIVER,
    sht3x::DRIVER,
    aht20::DRIVER,
    bh1750::DRIVER,
    ina219::DRIVER,
    ads1115::DRIVER,
    scd4x::DRIVER,
    adc::DRIVER,
    lm35::DRIVER,
    tmp36::DRIVER,
    ntc::DRIVER,
    input::DRIVER,
    counter::DRIVER,
    output::DRIVER,
    pwm::DRIVER,
    servo::DRIVER,
    ws2812::DRIVER,
];

static TABLE: [Driver; DRIVERS.len()] = DRIVERS;

/// The driver of this name.
pub fn find(name: &str) -> Option<&'static Driver> {
    TABLE.iter().find(|driver| driver.name == name)
}

/// The place of a driver in the table.
pub fn index(driver: &Driver) -> u8 {
    // There are fewer drivers than 256.
    TABLE.iter().position(|known| known.id == driver.id).unwrap_or_default() as u8
}

/// The driver at a place of the table.
pub fn nth(index: usize) -> Option<&'static Driver> {
    TABLE.get(index)
}

/// Does one step of a sample.
///
/// # Errors
/// Why there is no value.
pub async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    match job.driver.id {
        Id::Ds18b20 => ds18b20::step(hardware, job).await,
        Id::Dht22 => dht22::step(hardware, job).await,
        Id::Dht11 => dht11::step(hardware, job).await,
        Id::Bme280 => bme280::step(hardware, job).await,
        Id::Bmp280 => bmp280::step(hardware, job).await,
        Id::Sht4x => sht4x::step(hardware, job).await,
        Id::Sht3x => sht3x::step(hardware, job).await,
        Id::Aht20 => aht20::step(hardware, job).await,
        Id::Bh1750 => bh1750::step(hardware, job).await,
        Id::Ina219 => ina219::step(hardware, job).await,
        Id::Ads1115 => ads1115::step(hardware, job).await,
        Id::Scd4x => scd4x::step(hardware, job).await,
        Id::Adc => adc::step(hardware, job),
        Id::Lm35 => lm35::step(hardware, job),
        Id::Tmp36 => tmp36::step(hardware, job),
        Id::Ntc => ntc::step(hardware, job),
        Id::Input => input::step(hardware, job),
        Id::Counter => counter::step(hardware, job),
        Id::Ws2812 => ws2812::step(hardware, job).await,
        // These drivers act at once when their output is set.
        Id::Output | Id::Pwm | Id::Servo => Ok(Next::DONE),
    }
}

/// The thing's pin and the mode that it is set up for; None if the driver needs no setup.
pub fn mode(driver: &Driver, args: &SpecArgs, output: i32) -> Option<(u8, PinMode)> {
    let mode = match driver.id {
        Id::Input => input::mode(args),
        Id::Counter => counter::mode(args),
        Id::Output => output::mode(args, output),
        Id::Pwm => pwm::mode(args, output),
        Id::Servo => servo::mode(args, output),
        _ => return None,
    };
    Some((args.pin("pin"), mode))
}

/// The drive of a pin for an output's value; None if the driver's step drives it.
fn drive(driver: &Driver, args: &SpecArgs, output: i32) -> Option<Drive> {
    match driver.id {
        Id::Output => Some(Drive::Level(output::is_high(args, output))),
        Id::Pwm => Some(Drive::Duty(pwm::duty(args, output))),
        Id::Servo => Some(Drive::Duty(servo::duty(args, output))),
        _ => None,
    }
}

/// Marks of a plan's kind, beside the pin's number. The greatest value stands above them.
const PLANS_LEVEL: u32 = 1 << 8;
const PLANS_DUTY: u32 = 1 << 9;
const PLANS_MAXIMUM_BIT: u32 = 16;

/// The memory of a thing whose output is driven at once: the pin, and the drives of the least and the greatest value.
/// A command then needs no spec. None if the driver's step drives the pin.
pub(crate) fn drive_plan(driver: &Driver, args: &SpecArgs) -> Option<[u32; 2]> {
    let output = driver.output?;
    let head = u32::from(args.pin("pin")) | (output.maximum as u32) << PLANS_MAXIMUM_BIT;
    match (drive(driver, args, output.minimum)?, drive(driver, args, output.maximum)?) {
        (Drive::Level(low), Drive::Level(high)) => {
            Some([head | PLANS_LEVEL, u32::from(low) | u32::from(high) << u16::BITS])
        }
        (Drive::Duty(low), Drive::Duty(high)) => {
            Some([head | PLANS_DUTY, u32::from(low) | u32::from(high) << u16::BITS])
        }
        _ => None,
    }
}

/// The drive of a pin for an output's value, by its [plan](drive_plan): between the two drives of the plan. None if
/// the memory is no plan.
pub(crate) fn planned_drive([head, ends]: [u32; 2], value: i32) -> Option<(u8, Drive)> {
    let (low, high) = (ends & 0xffff, ends >> u16::BITS);
    let drive = if head & PLANS_LEVEL != 0 {
        Drive::Level((if value == 0 { low } else { high }) != 0)
    } else if head & PLANS_DUTY != 0 {
        let maximum = i64::from(head >> PLANS_MAXIMUM_BIT).max(1);
        let parts = i64::from(low) * (maximum - i64::from(value)) + i64::from(high) * i64::from(value);
        Drive::Duty(crate::number::rounded(parts, maximum).clamp(0, u16::MAX.into()) as u16)
    } else {
        return None;
    };
    Some((head as u8, drive))
}

/// The initial value of a thing's output, in units of its last decimal; 0 for a thing without an output.
pub fn initial(args: &SpecArgs) -> i32 {
    args.int("initial")
}
