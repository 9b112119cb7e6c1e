//! I2C transfers as drivers use them, and what their errors mean.

use embedded_hal::i2c::{Error, ErrorKind};
use embedded_hal_async::i2c::I2c;

use crate::crc;
use crate::driver::{Fault, Job};
use crate::hardware::Hardware;

/// The device that a step is for, at its address.
pub(crate) struct Device<B> {
    bus: B,
    address: u8,
}

/// The I2C device of a job.
pub(crate) fn device<'h, H: Hardware>(hardware: &'h H, job: &Job) -> Device<H::I2c<'h>> {
    Device { bus: hardware.i2c(job.args.pin("sda"), job.args.pin("scl")), address: job.args.pin("address") }
}

impl<B: I2c> Device<B> {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.bus.write(self.address, bytes).await.map_err(|error| fault(error.kind()))
    }

    pub(crate) async fn read<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.bus.read(self.address, &mut bytes).await.map_err(|error| fault(error.kind()))?;
        Ok(bytes)
    }

    /// Reads registers from one on.
    pub(crate) async fn registers<const N: usize>(&mut self, first: u8) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.bus.write_read(self.address, &[first], &mut bytes).await.map_err(|error| fault(error.kind()))?;
        Ok(bytes)
    }

    /// Reads words of 16 bits, each of which is followed by a checksum as Sensirion's sensors have it.
    pub(crate) async fn words<const N: usize>(&mut self) -> Result<[u16; N], Fault> {
        let mut triples = [[0; 3]; N];
        let bytes = triples.as_flattened_mut();
        self.bus.read(self.address, bytes).await.map_err(|error| fault(error.kind()))?;
        let mut words = [0; N];
        for ([high, low, sum], word) in triples.into_iter().zip(&mut words) {
            if crc::sensirion(&[high, low]) != sum {
                return Err(Fault::Checksum);
            }
            *word = u16::from_be_bytes([high, low]);
        }
        Ok(words)
    }
}

pub(crate) fn fault(kind: ErrorKind) -> Fault {
    match kind {
        ErrorKind::NoAcknowledge(_) => Fault::NoAnswer,
        // A line that someone else holds low.
        ErrorKind::Bus | ErrorKind::ArbitrationLoss => Fault::Short,
        _ => Fault::Hangs,
    }
}
