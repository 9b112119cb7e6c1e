//! Which devices answer on a bus.

use embedded_hal::i2c::{Error, ErrorKind, NoAcknowledgeSource};
use embedded_hal_async::i2c::I2c;
use heapless::Vec;

use crate::bus;
use crate::driver::{Driver, Fault, Kind};
use crate::drivers::DRIVERS;
use crate::hardware::Hardware;
use crate::limits::ROMS_MAX;
use crate::one_wire::{OneWire, Search};

/// The first and the last address that a device can have (I2C-bus specification UM10204, 3.1.12).
const ADDRESSES: core::ops::RangeInclusive<u8> = 0x08..=0x77;

/// The bus that is to be scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanRequest {
    /// An I2C bus.
    I2c {
        /// Its data pin.
        sda: u8,
        /// Its clock pin.
        scl: u8,
    },
    /// A 1-Wire bus.
    OneWire {
        /// Its pin.
        pin: u8,
    },
}

/// The parts that answer on a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Addresses on an I2C bus.
    I2c(Addresses),
    /// ROM codes on a 1-Wire bus.
    OneWire(Vec<u64, ROMS_MAX, u8>),
}

/// Scans a bus.
///
/// # Errors
/// The bus is held or hangs; or nobody answers on a 1-Wire bus, or wrongly.
pub async fn scan(hardware: &impl Hardware, request: ScanRequest) -> Result<Found, Fault> {
    match request {
        ScanRequest::I2c { sda, scl } => i2c(hardware, sda, scl).await.map(Found::I2c),
        ScanRequest::OneWire { pin } => one_wire(hardware, pin).await.map(Found::OneWire),
    }
}

/// A set of I2C addresses: bit 0x76 is address 0x76.
pub type Addresses = u128;

/// Asks every address of an I2C bus for a byte, and gives those that acknowledged.
///
/// Some sensors refuse to be read before they have measured. An address that refuses is sent a zero, which starts
/// nothing in any device that a driver here is for.
///
/// # Errors
/// The bus is held, or hangs.
pub async fn i2c(hardware: &impl Hardware, sda: u8, scl: u8) -> Result<Addresses, Fault> {
    let mut bus = hardware.i2c(sda, scl);
    let mut found = 0;
    for address in ADDRESSES {
        let is_there = match bus.read(address, &mut [0]).await {
            Err(error) if matches!(error.kind(), ErrorKind::NoAcknowledge(_)) => bus.write(address, &[0]).await,
            result => result,
        };
        match is_there.map_err(|error| error.kind()) {
            Ok(()) | Err(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Data)) => found |= 1 << address,
            Err(ErrorKind::NoAcknowledge(_)) => {}
            Err(kind) => return Err(bus::fault(kind)),
        }
    }
    Ok(found)
}

/// The drivers that may be at an I2C address.
pub fn drivers(address: u8) -> impl Iterator<Item = &'static Driver> {
    DRIVERS.iter().filter(move |driver| {
        let has = |kind| matches!(kind, Kind::Address(addresses) if addresses.contains(&address));
        driver.words.iter().any(|word| has(word.kind))
    })
}

/// Finds the ROM codes on a 1-Wire bus, at most [`ROMS_MAX`].
///
/// # Errors
/// Nobody answers, a line is held, or a code's checksum is wrong.
pub async fn one_wire(hardware: &impl Hardware, pin: u8) -> Result<Vec<u64, ROMS_MAX, u8>, Fault> {
    let bus = OneWire::new(hardware, pin);
    let (mut roms, mut search) = (Vec::new(), Search::default());
    while roms.push(bus.search(&mut search).await?).is_ok() && search.branch.is_some() {}
    Ok(roms)
}
