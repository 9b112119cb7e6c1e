//! Hardware that answers anything at all.

use alloc::vec::Vec;
use core::cell::Cell;

use embedded_hal::i2c::{ErrorKind, ErrorType, NoAcknowledgeSource, Operation};
use embedded_hal_async::i2c::I2c;
use sockeye_wiring::Hardware;
use sockeye_wiring::hardware::{Drive, LineError, PinError, PinMode, Pulse, Range};

use crate::bench::BusError;

/// Pins and buses whose answers are the bytes of a text; zeros when it is used up.
pub struct Garbage {
    text: Vec<u8>,
    used: Cell<usize>,
}

impl Garbage {
    /// Answers with these bytes.
    pub fn new(text: &[u8]) -> Self {
        Self { text: text.to_vec(), used: Cell::new(0) }
    }

    fn byte(&self) -> u8 {
        let used = self.used.get();
        self.used.set(used + 1);
        self.text.get(used).copied().unwrap_or(0)
    }

    fn word(&self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn pin(&self) -> Result<(), PinError> {
        if self.byte() == 0xff { Err(PinError) } else { Ok(()) }
    }
}

/// A bus whose answers are garbage.
pub struct GarbageBus<'h>(&'h Garbage);

impl ErrorType for GarbageBus<'_> {
    type Error = BusError;
}

impl I2c for GarbageBus<'_> {
    async fn transaction(&mut self, _: u8, operations: &mut [Operation<'_>]) -> Result<(), BusError> {
        for operation in operations {
            if let Operation::Read(bytes) = operation {
                bytes.fill_with(|| self.0.byte());
            }
        }
        // Most transfers succeed, so that drivers get far.
        match self.0.byte() {
            0xfd => Err(BusError::new(ErrorKind::NoAcknowledge(NoAcknowledgeSource::Unknown))),
            0xfe => Err(BusError::new(ErrorKind::Bus)),
            0xff => Err(BusError::new(ErrorKind::Other)),
            _ => Ok(()),
        }
    }
}

impl Hardware for Garbage {
    type I2c<'h> = GarbageBus<'h>;

    fn i2c(&self, _: u8, _: u8) -> GarbageBus<'_> {
        GarbageBus(self)
    }

    async fn exchange(&self, _: u8, send: &[Pulse], heard: &mut [Pulse], _: u16) -> Result<usize, LineError> {
        heard.fill_with(|| Pulse { low: self.word(), high: self.word() });
        match self.byte() {
            0xfe => Err(LineError::Held),
            0xff => Err(LineError::Failed),
            // As many as were sent and some more, or any number, even one that there is no room for.
            byte if byte < 0x80 => Ok(send.len() + usize::from(byte & 1)),
            byte => Ok(byte.into()),
        }
    }

    async fn pixels(&self, _: u8, _: [u8; 3], _: u16) -> Result<(), PinError> {
        self.pin()
    }

    fn millivolts(&self, _: u8, _: Range) -> Option<u16> {
        let word = self.word();
        (word != u16::MAX).then_some(word)
    }

    fn set_up(&self, _: u8, _: PinMode) -> Result<(), PinError> {
        self.pin()
    }

    fn release(&self, _: u8) {}

    fn level(&self, _: u8) -> bool {
        self.byte() & 1 == 1
    }

    fn count(&self, _: u8) -> u32 {
        u32::from(self.word()) << 16 | u32::from(self.word())
    }

    fn drive(&self, _: u8, _: Drive) -> Result<(), PinError> {
        self.pin()
    }
}
