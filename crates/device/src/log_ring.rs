//! The log: the last lines of the console, in memory that a restart leaves as it was.
//!
//! Each line has a slot of its own, with a number, an ID, a level and a check sum. After a power cut the memory may hold
//! anything, and a reset may come while a slot is written. So a line counts only if its check sum is right, and if all
//! lines after it are there.
//!
//! Lines may be added from anywhere: tasks, interrupts, a panic. A line is formatted on the stack of its caller. Copying
//! the line into its slot is a critical section without calls of foreign code, so nothing in it can wait or panic. Between
//! two lines of one text there may be a line of an interrupt.

use core::cell::RefCell;
use core::fmt::{self, Display, Write};
use core::task::Waker;

use embassy_sync::blocking_mutex::CriticalSectionMutex;
use heapless::{String, Vec};
use portable_atomic::{AtomicU8, Ordering};
use sockeye_firmware_update::crc32;

use crate::keys::history::{SampleId, Samples, StreamId};
use crate::limits::{LOG_LINE_LEN_MAX, LOG_LINES_MAX, LOG_MEMORY_LEN, LOG_SLOT_LEN, LOG_TEXT_LINES_MAX, SESSIONS_MAX};
use crate::platform::Now;
use crate::settings::LogLevel;

/// The memory of a log. After a restart the memory has the lines from before; whatever else is in it is noticed. The bytes
/// are atomic, because an interrupt may add a line at any time.
pub type LogMemory = [AtomicU8; LOG_MEMORY_LEN];

/// The bytes of a slot: check sum, number, ID, level, length of the text, text. Integers are little-endian.
mod field {
    use core::ops::Range;

    use crate::limits::LOG_SLOT_LEN;

    pub const CHECK_SUM: Range<usize> = 0..4;
    pub const NUMBER: Range<usize> = 4..8;
    pub const ID: Range<usize> = 8..16;
    pub const LEVEL: usize = 16;
    pub const LEN: usize = 17;
    pub const TEXT: Range<usize> = 18..LOG_SLOT_LEN;
}

const _: () = assert!(field::TEXT.end - field::TEXT.start == LOG_LINE_LEN_MAX);
const _: () = assert!(LOG_LINE_LEN_MAX <= u8::MAX as usize && LOG_MEMORY_LEN == LOG_LINES_MAX * LOG_SLOT_LEN);
// A number's slot stays the same when numbers wrap.
const _: () = assert!(LOG_LINES_MAX.is_power_of_two() && LOG_LINES_MAX <= u8::MAX as usize);

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was added; each line's ID is greater than the ID of the line before.
    pub id: StreamId,
    /// Its level.
    pub level: LogLevel,
    /// The line, without a line end and without control characters.
    pub text: String<LOG_LINE_LEN_MAX, u8>,
}

/// The last [`LOG_LINES_MAX`] lines of the console.
///
/// A `LogRing` takes some 150 bytes of RAM beside its [`LogMemory`].
pub struct LogRing<'a> {
    memory: &'a LogMemory,
    shared: CriticalSectionMutex<RefCell<Shared>>,
}

struct Shared {
    /// Number of the next line; None until the memory was looked at.
    next: Option<u32>,
    /// The ID of the last line.
    last: SampleId,
    /// When the device booted, microseconds since 1970; None before the device has the time of day.
    boot_unix_us: Option<u64>,
    /// The wakers of the sessions that wait for a line.
    wakers: Vec<Waker, SESSIONS_MAX, u8>,
}

impl<'a> LogRing<'a> {
    /// A log in this memory, which no other log uses.
    pub const fn new(memory: &'a LogMemory) -> Self {
        let shared = Shared { next: None, last: SampleId::ZERO, boot_unix_us: None, wakers: Vec::new() };
        Self { memory, shared: CriticalSectionMutex::new(RefCell::new(shared)) }
    }

    /// Adds a text, `uptime_us` microseconds after the device's boot, and wakes those who wait for a line. A text that is
    /// longer than [`LOG_LINE_LEN_MAX`] goes on in further lines, which begin with two blanks. Beyond
    /// [`LOG_TEXT_LINES_MAX`] lines the text is cut off; an empty one adds no line.
    pub fn append(&self, level: LogLevel, text: &dyn Display, uptime_us: u64) {
        let wakers = self.add(level, text, uptime_us, |shared| core::mem::take(&mut shared.wakers));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// The same in a panic, and nobody is woken. A panic may have come while the executor was at work, and a restart
    /// follows.
    pub fn append_in_panic(&self, level: LogLevel, text: &dyn Display, uptime_us: u64) {
        self.add(level, text, uptime_us, |_| ());
    }

    /// Adds a line, and then runs `after`. None if there is no line to add, or in a panic within the log.
    fn add<R>(
        &self,
        level: LogLevel,
        text: &dyn Display,
        uptime_us: u64,
        after: impl FnOnce(&mut Shared) -> R,
    ) -> Option<R> {
        let mut lines = Lines { log: self, slot: Slot::new(level), uptime_us, left: LOG_TEXT_LINES_MAX };
        // The write fails where the last line is full.
        let _ = write!(lines, "{text}");
        if lines.slot.is_empty() {
            return None;
        }
        self.keep(&mut lines.slot, uptime_us, after)
    }

    /// Keeps a line, and then runs `after`. None in a panic within the log.
    fn keep<R>(&self, slot: &mut Slot, uptime_us: u64, after: impl FnOnce(&mut Shared) -> R) -> Option<R> {
        self.with(|shared| {
            let number = *shared.next.get_or_insert_with(|| self.find_end(&mut shared.last));
            let unix_us = shared.boot_unix_us.map(|boot| boot.saturating_add(uptime_us));
            shared.last = shared.last.next(Now { uptime_us, unix_us });
            slot.seal(number, shared.last);
            self.store(number, &slot.0);
            shared.next = Some(number.wrapping_add(1));
            after(shared)
        })
    }

    /// Follows the device's clock, from which lines have their IDs.
    pub fn follow(&self, now: Now) {
        self.with(|shared| shared.boot_unix_us = now.unix_us.and_then(|unix| unix.checked_sub(now.uptime_us)));
    }

    /// Forgets all lines. The IDs of later ones are greater all the same.
    pub fn clear(&self) {
        self.with(|shared| {
            shared.next.get_or_insert_with(|| self.find_end(&mut shared.last));
            self.memory.iter().for_each(|byte| byte.store(0, Ordering::Relaxed));
        });
    }

    /// Number of the line that comes next.
    pub fn next(&self) -> u32 {
        let next = self.with(|shared| *shared.next.get_or_insert_with(|| self.find_end(&mut shared.last)));
        next.unwrap_or_default()
    }

    /// The line of this number, unless it is gone, damaged, or yet to come.
    pub fn line(&self, number: u32) -> Option<LogLine> {
        let slot = self.with(|_| self.load(number))??;
        slot.line(number)
    }

    /// How many lines there are: as many as are whole, counted from the newest back.
    pub fn len(&self) -> usize {
        self.range(StreamId::MIN, StreamId::MAX).len.into()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ID of the last line; 0-0 before the first.
    pub(crate) fn last(&self) -> StreamId {
        self.next();
        self.with(|shared| shared.last).unwrap_or(SampleId::ZERO).id()
    }

    /// The lines from one ID to another, both included.
    pub(crate) fn range(&self, from: StreamId, to: StreamId) -> Samples {
        let next = self.next();
        let mut range = Samples { first: next, len: 0 };
        for age in 1..=LOG_LINES_MAX as u32 {
            let number = next.wrapping_sub(age);
            let Some(id) = self.line(number).map(|line| line.id).filter(|id| *id >= from) else {
                break;
            };
            if id <= to {
                range = Samples { first: number, len: range.len + 1 };
            }
        }
        range
    }

    /// The lines that came since this was the next one's number, as many as there still are.
    pub(crate) fn since(&self, next: u32) -> Samples {
        let all = self.range(StreamId::MIN, StreamId::MAX);
        let end = all.first.wrapping_add(all.len.into());
        let len = end.wrapping_sub(next).min(all.len.into());
        Samples { first: end.wrapping_sub(len), len: len as u8 }
    }

    /// Wakes this one when the next line comes.
    pub(crate) fn register(&self, waker: &Waker) {
        let others = self.with(|shared| {
            if shared.wakers.iter().any(|known| known.will_wake(waker)) {
                return Vec::new();
            }
            // Without room all are woken; those who still wait register again.
            let others = if shared.wakers.is_full() { core::mem::take(&mut shared.wakers) } else { Vec::new() };
            let _ = shared.wakers.push(waker.clone());
            others
        });
        others.into_iter().flatten().for_each(Waker::wake);
    }

    /// Runs `work` where nothing interrupts it. None if `work` itself was interrupted by a panic, which adds its line.
    fn with<R>(&self, work: impl FnOnce(&mut Shared) -> R) -> Option<R> {
        self.shared.lock(|shared| Some(work(&mut *shared.try_borrow_mut().ok()?)))
    }

    /// The number after the newest line in memory, and its ID. Lines that a restart has left begin there.
    fn find_end(&self, last: &mut SampleId) -> u32 {
        let mut end = 0;
        for index in 0..LOG_LINES_MAX as u32 {
            let found = self.load(index).and_then(|slot| slot.sealed());
            if let Some((number, id)) =
                found.filter(|(number, id)| index == number % LOG_LINES_MAX as u32 && id >= last)
            {
                (end, *last) = (number.wrapping_add(1), id);
            }
        }
        end
    }

    fn slot(&self, number: u32) -> Option<&[AtomicU8]> {
        self.memory.chunks_exact(LOG_SLOT_LEN).nth(number as usize % LOG_LINES_MAX)
    }

    fn load(&self, number: u32) -> Option<Slot> {
        let mut slot = Slot([0; LOG_SLOT_LEN]);
        let from = self.slot(number)?.iter();
        slot.0.iter_mut().zip(from).for_each(|(to, from)| *to = from.load(Ordering::Relaxed));
        Some(slot)
    }

    fn store(&self, number: u32, bytes: &[u8; LOG_SLOT_LEN]) {
        let to = self.slot(number).unwrap_or_default();
        to.iter().zip(bytes).for_each(|(to, from)| to.store(*from, Ordering::Relaxed));
    }
}

/// The bytes of a line in memory.
struct Slot([u8; LOG_SLOT_LEN]);

impl Slot {
    fn new(level: LogLevel) -> Self {
        let mut slot = [0; LOG_SLOT_LEN];
        slot[field::LEVEL] = LogLevel::ALL.iter().position(|known| *known == level).unwrap_or_default() as u8;
        Self(slot)
    }

    fn is_empty(&self) -> bool {
        self.0[field::LEN] == 0
    }

    /// Adds a character, if there is room for it.
    fn push(&mut self, char: char) -> fmt::Result {
        let len = usize::from(self.0[field::LEN]);
        let room = self.0[field::TEXT].get_mut(len..len + char.len_utf8()).ok_or(fmt::Error)?;
        self.0[field::LEN] += char.encode_utf8(room).len() as u8;
        Ok(())
    }

    /// Gives the line its number and its ID.
    fn seal(&mut self, number: u32, id: SampleId) {
        self.0[field::NUMBER].copy_from_slice(&number.to_le_bytes());
        self.0[field::ID].copy_from_slice(&id.to_bits().to_le_bytes());
        let sum = crc32(self.summed().unwrap_or_default());
        self.0[field::CHECK_SUM].copy_from_slice(&sum.to_le_bytes());
    }

    /// The bytes that the check sum is of; None if the length can't be one.
    fn summed(&self) -> Option<&[u8]> {
        self.0.get(field::NUMBER.start..field::TEXT.start + usize::from(self.0[field::LEN]))
    }

    /// The number and the ID of a line that is whole.
    fn sealed(&self) -> Option<(u32, SampleId)> {
        let sum = self.0.first_chunk().copied().map(u32::from_le_bytes)?;
        let is_whole = !self.is_empty() && self.summed().is_some_and(|bytes| crc32(bytes) == sum);
        let number = self.0[field::NUMBER].first_chunk().copied().map(u32::from_le_bytes)?;
        let id = self.0[field::ID].first_chunk().copied().map(u64::from_le_bytes)?;
        is_whole.then_some((number, SampleId::from_bits(id)))
    }

    /// The line, if it is whole and has this number.
    fn line(&self, number: u32) -> Option<LogLine> {
        let (_, id) = self.sealed().filter(|(known, _)| *known == number)?;
        let level = *LogLevel::ALL.get(usize::from(self.0[field::LEVEL]))?;
        let text = self.0[field::TEXT].get(..self.0[field::LEN].into())?;
        let text = core::str::from_utf8(text).ok()?.try_into().ok()?;
        Some(LogLine { id: id.id(), level, text })
    }
}

/// Puts a text on lines: without control characters, and with whole characters to the end.
struct Lines<'l, 'a> {
    log: &'l LogRing<'a>,
    /// The line that is written, which is not kept yet.
    slot: Slot,
    uptime_us: u64,
    /// How many lines there may still be, with this one.
    left: usize,
}

impl Lines<'_, '_> {
    /// Keeps the line, which is full, and begins the next.
    fn go_on(&mut self) -> fmt::Result {
        self.left = self.left.checked_sub(1).filter(|left| *left > 0).ok_or(fmt::Error)?;
        self.log.keep(&mut self.slot, self.uptime_us, |_| ());
        self.slot.0[field::LEN] = 0;
        [' '; 2].into_iter().try_for_each(|blank| self.slot.push(blank))
    }
}

impl Write for Lines<'_, '_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        for char in part.chars() {
            let char = match char {
                '\n' | '\t' => ' ',
                char if char.is_control() => '?',
                char => char,
            };
            if self.slot.push(char).is_err() {
                self.go_on()?;
                self.slot.push(char)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
