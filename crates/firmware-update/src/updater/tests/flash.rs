//! NOR flash in memory whose power can be cut in the middle of any operation.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::pending;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::vec::Vec;

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// Bytes of an erase block.
pub const BLOCK: u32 = 4096;
const WORD: usize = 4;

struct Memory {
    bytes: Vec<u8>,
    /// Operations until the power is cut in one; None for never.
    left: Option<u32>,
    is_off: bool,
    random: fastrand::Rng,
    /// A byte with bits that have worn out, by its address: those bits, and what they are for ever.
    worn: Option<(usize, u8, u8)>,
    /// Operations that were completed, erases and programs.
    operations: u32,
    /// Erases of each block.
    erases: Vec<u32>,
}

#[derive(Clone)]
pub struct Flash(Rc<RefCell<Memory>>);

impl Flash {
    /// Erased.
    pub fn new(len: u32, seed: u64) -> Self {
        let bytes = std::vec![0xff; len as usize];
        let (random, erases) = (fastrand::Rng::with_seed(seed), std::vec![0; (len / BLOCK) as usize]);
        let (left, is_off, worn, operations) = (None, false, None, 0);
        Self(Rc::new(RefCell::new(Memory { bytes, left, is_off, random, worn, operations, erases })))
    }

    /// Puts bytes in the place of others, as a programmer on a bench does.
    pub fn place(&self, address: u32, bytes: &[u8]) {
        self.0.borrow_mut().bytes[address as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    pub fn bytes(&self, address: u32, len: usize) -> Vec<u8> {
        self.0.borrow().bytes[address as usize..][..len].to_vec()
    }

    /// These bits of a byte are for ever as they are in `value`, once the byte is erased or programmed.
    pub fn wear_out(&self, address: u32, bits: u8, value: u8) {
        self.0.borrow_mut().worn = Some((address as usize, bits, value));
    }

    /// The power is cut in the operation after so many.
    pub fn cut_after(&self, operations: u32) {
        self.0.borrow_mut().left = Some(operations);
    }

    pub fn power_on(&self) {
        let memory = &mut *self.0.borrow_mut();
        (memory.left, memory.is_off) = (None, false);
    }

    /// Nothing is cut until the power is released.
    pub fn hold_power(&self) -> Option<u32> {
        self.0.borrow_mut().left.take()
    }

    pub fn release_power(&self, left: Option<u32>) {
        self.0.borrow_mut().left = left;
    }

    pub fn is_off(&self) -> bool {
        self.0.borrow().is_off
    }

    pub fn operations(&self) -> u32 {
        self.0.borrow().operations
    }

    /// How often the block was erased that was erased most.
    pub fn erases_max(&self) -> u32 {
        self.0.borrow().erases.iter().copied().max().unwrap_or(0)
    }

    /// Changes bytes one by one; if the power is cut, some of them, and one of them in some of its bits.
    async fn change(&self, start: u32, len: usize, change: impl Fn(u8, usize) -> u8) {
        let is_cut = {
            let memory = &mut *self.0.borrow_mut();
            let is_cut = memory.is_off || memory.left == Some(0);
            if !memory.is_off {
                // Erasing begins anywhere in the block, programming at its start.
                let whole = if is_cut { memory.random.usize(..=len) } else { len };
                for index in 0..whole {
                    let at = start as usize + index;
                    let byte = &mut memory.bytes[at];
                    *byte = change(*byte, index);
                    if let Some((_, bits, value)) = memory.worn.filter(|(worn, ..)| *worn == at) {
                        *byte = *byte & !bits | value & bits;
                    }
                }
                if is_cut && whole < len {
                    let kept = memory.random.u8(..);
                    let byte = &mut memory.bytes[start as usize + whole];
                    *byte = *byte & kept | change(*byte, whole) & !kept;
                }
            }
            memory.is_off |= is_cut;
            memory.left = memory.left.map(|left| left.saturating_sub(1));
            memory.operations += u32::from(!is_cut);
            is_cut
        };
        if is_cut {
            pending::<()>().await;
        }
    }
}

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = WORD;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        assert!(offset.is_multiple_of(4) && bytes.len().is_multiple_of(4));
        bytes.copy_from_slice(&self.bytes(offset, bytes.len()));
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().bytes.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = BLOCK as usize;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        assert!(from.is_multiple_of(BLOCK) && to == from + BLOCK);
        self.0.borrow_mut().erases[(from / BLOCK) as usize] += 1;
        self.change(from, BLOCK as usize, |_, _| 0xff).await;
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        assert!(offset.is_multiple_of(4) && bytes.len().is_multiple_of(4));
        self.change(offset, bytes.len(), |old, index| old & bytes[index]).await;
        Ok(())
    }
}

/// Runs until it is done; None if the power is cut in it.
pub fn complete<T>(flash: &Flash, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut before = flash.operations();
    loop {
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(flash.operations() <= before + 1, "other tasks wait for one operation at most");
        before = flash.operations();
        if let Poll::Ready(value) = polled {
            return Some(value);
        }
        if flash.is_off() {
            return None;
        }
    }
}
