//! NOR flash as a chip has it: 4 KB sectors that are erased to ones, and words that are written once. Power may be cut
//! in the middle of either.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use embassy_time::{Duration, Timer};
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// Bytes of a sector.
pub const SECTOR_LEN: usize = 4096;
/// Bytes of a word, which is written whole.
pub const WORD_LEN: usize = 4;
/// How long writing takes, microseconds a word: that of usual chips.
const WRITE_US: u64 = 10;
/// How long erasing takes, milliseconds a sector: that of usual chips.
pub const ERASE_MS: u64 = 45;

/// A chip that was used in a way that its data sheet forbids, or beyond its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misuse(NorFlashErrorKind);

impl NorFlashError for Misuse {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

struct State {
    bytes: Vec<u8>,
    random: fastrand::Rng,
    /// Bytes that are still written or erased before the power goes.
    left: Option<u32>,
    is_off: bool,
    /// The waker of the task that waits for the power cut.
    waker: Option<Waker>,
    /// Bytes written and erased since the chip was made.
    worn: u64,
    is_erasing: bool,
}

/// The chip. Clones are the same one; it outlives the device.
#[derive(Clone)]
pub struct Flash(Rc<RefCell<State>>);

impl Flash {
    /// A new chip of so many sectors, all ones.
    pub fn new(sectors: usize, random: fastrand::Rng) -> Self {
        let bytes = vec![0xff; sectors * SECTOR_LEN];
        Self(Rc::new(RefCell::new(State {
            bytes,
            random,
            left: None,
            is_off: false,
            waker: None,
            worn: 0,
            is_erasing: false,
        })))
    }

    /// The power will go when `len` more bytes have been written or erased.
    pub fn cut_power_after(&self, len: u32) {
        self.0.borrow_mut().left = Some(len);
    }

    /// Cancels the power cut.
    pub fn keep_power(&self) {
        self.0.borrow_mut().left = None;
    }

    /// Waits for the power to go in the middle of writing or erasing. An operation that is under way then never ends.
    pub async fn power_lost(&self) {
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            state.waker = Some(cx.waker().clone());
            if state.is_off { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Whether the power went in the middle of writing or erasing.
    pub fn is_off(&self) -> bool {
        self.0.borrow().is_off
    }

    /// The power is back.
    pub fn power_on(&self) {
        let mut state = self.0.borrow_mut();
        (state.is_off, state.left) = (false, None);
    }

    /// Whether a sector is being erased. A chip that runs its program from this flash stands still meanwhile.
    pub fn is_erasing(&self) -> bool {
        self.0.borrow().is_erasing
    }

    /// Bytes written and erased since the chip was made.
    pub fn worn(&self) -> u64 {
        self.0.borrow().worn
    }

    /// Flips this bit, as age does.
    pub fn flip(&self, bit: usize) {
        let mut state = self.0.borrow_mut();
        let byte = (bit / 8) % state.bytes.len();
        state.bytes[byte] ^= 1 << (bit % 8);
    }

    /// Flips a bit in a long run of ones of a sector in use, where the next item may be written. Returns false if
    /// nothing was ever written.
    pub fn flip_unwritten(&self, bit: usize) -> bool {
        const RUN_LEN: usize = 32;
        let free: Vec<_> = {
            let state = self.0.borrow();
            let is_erased = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0xff);
            let sectors = state.bytes.chunks(SECTOR_LEN).enumerate().filter(|(_, sector)| !is_erased(sector));
            let runs = sectors.flat_map(|(number, sector)| {
                sector.chunks(RUN_LEN).enumerate().map(move |(run, bytes)| (number * SECTOR_LEN + run * RUN_LEN, bytes))
            });
            runs.filter(|(_, bytes)| is_erased(bytes)).flat_map(|(start, bytes)| start..start + bytes.len()).collect()
        };
        let byte = free.get((bit / 8) % free.len().max(1));
        byte.into_iter().for_each(|byte| self.flip(8 * byte + bit % 8));
        byte.is_some()
    }

    /// The last byte of the last word that isn't all ones, from the chip's start.
    pub fn written(&self) -> usize {
        self.0.borrow().bytes.iter().rposition(|byte| *byte != 0xff).map_or(0, |last| last + 1)
    }

    /// Whether a range is within the chip, and made of whole units.
    fn check(&self, offset: u32, len: usize, unit: usize) -> Result<(), Misuse> {
        let start = offset as usize;
        if !start.is_multiple_of(unit) || !len.is_multiple_of(unit) {
            return Err(Misuse(NorFlashErrorKind::NotAligned));
        }
        let is_within = start + len <= self.0.borrow().bytes.len();
        if is_within { Ok(()) } else { Err(Misuse(NorFlashErrorKind::OutOfBounds)) }
    }

    /// Changes bytes until the power goes, and says whether it stayed.
    fn change(&self, from: usize, len: usize, step: usize, change: impl Fn(&mut State, usize)) -> bool {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        for at in (from..from + len).step_by(step) {
            if state.left.is_some_and(|left| (left as usize) < step) {
                // Some bits of what was under way have changed and some have not.
                for byte in at..at + step {
                    let before = state.bytes[byte];
                    change(state, byte);
                    let mask = state.random.u8(..);
                    state.bytes[byte] = state.bytes[byte] & mask | before & !mask;
                }
                state.is_off = true;
                state.waker.take().into_iter().for_each(Waker::wake);
                return false;
            }
            (at..at + step).for_each(|byte| change(state, byte));
            state.left = state.left.map(|left| left - step as u32);
            state.worn += step as u64;
        }
        true
    }
}

impl ErrorType for Flash {
    type Error = Misuse;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Misuse> {
        self.check(offset, bytes.len(), 1)?;
        let start = offset as usize;
        bytes.copy_from_slice(&self.0.borrow().bytes[start..start + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().bytes.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = WORD_LEN;
    const ERASE_SIZE: usize = SECTOR_LEN;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Misuse> {
        let len = to.saturating_sub(from) as usize;
        self.check(from, len, SECTOR_LEN)?;
        self.0.borrow_mut().is_erasing = true;
        Timer::after(Duration::from_millis(ERASE_MS * (len / SECTOR_LEN) as u64)).await;
        self.0.borrow_mut().is_erasing = false;
        if !self.change(from as usize, len, 64, |state, at| state.bytes[at] = 0xff) {
            pending::<()>().await;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Misuse> {
        self.check(offset, bytes.len(), WORD_LEN)?;
        Timer::after(Duration::from_micros(WRITE_US * (bytes.len() / WORD_LEN) as u64)).await;
        let start = offset as usize;
        if !self.change(start, bytes.len(), WORD_LEN, |state, at| state.bytes[at] &= bytes[at - start]) {
            pending::<()>().await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::clock;

    fn run<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        for _ in 0..2 {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return Some(value);
            }
            clock::advance(Duration::from_secs(1));
        }
        None
    }

    #[test]
    fn bits_only_fall_until_the_sector_is_erased() {
        let mut flash = Flash::new(2, fastrand::Rng::with_seed(1));
        assert_eq!(run(flash.write(4, &[0x0f, 1, 2, 3])), Some(Ok(())));
        assert_eq!(run(flash.write(4, &[0xf1, 1, 2, 3])), Some(Ok(())));
        let mut bytes = [0; 8];
        assert_eq!(run(flash.read(0, &mut bytes)), Some(Ok(())));
        assert_eq!(bytes, [0xff, 0xff, 0xff, 0xff, 1, 1, 2, 3]);
        assert_eq!((flash.written(), flash.worn()), (8, 8));
        assert_eq!(run(flash.erase(0, 4096)), Some(Ok(())));
        assert_eq!(flash.written(), 0);
        assert!(run(flash.write(2, &[0; 4])).unwrap().is_err());
    }

    #[test]
    fn a_power_cut_leaves_what_was_written_and_a_torn_word() {
        let mut flash = Flash::new(1, fastrand::Rng::with_seed(2));
        flash.cut_power_after(8);
        assert_eq!(run(flash.write(0, &[0; 16])), None);
        assert!(flash.is_off());
        flash.power_on();
        let mut bytes = [0; 16];
        run(flash.read(0, &mut bytes));
        assert_eq!((bytes[..8] == [0; 8], bytes[12..] == [0xff; 4]), (true, true), "{bytes:?}");
        assert!(bytes[8..12] != [0; 4] && bytes[8..12] != [0xff; 4], "{bytes:?}");
    }
}
