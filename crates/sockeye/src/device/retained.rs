//! The memory that a restart of the device leaves as it was: the log, and what a panic said. With a folder the memory is in
//! a file too, so that it outlives this program.

use std::cell::Cell;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::panic::{self, PanicHookInfo};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use portable_atomic::AtomicU8;
use sockeye_board::kept_lines::{keep, keep_panic};
use sockeye_board::limits::PANIC_MESSAGE_MEMORY_LEN;
use sockeye_board::panic_message::{self, PanicMemory};
use sockeye_boot::Line;
use sockeye_device::limits::LOG_MEMORY_LEN;
use sockeye_device::{LogMemory, LogRing};

use crate::serve;

/// The file in the device's folder.
const FILE: &str = "retained.bin";

static LOG_MEMORY: LogMemory = [const { AtomicU8::new(0) }; LOG_MEMORY_LEN];
static PANIC_MESSAGE: PanicMemory = [const { AtomicU8::new(0) }; PANIC_MESSAGE_MEMORY_LEN];
/// The device's log. A process has one device.
pub static LOG: LogRing<'static> = LogRing::new(&LOG_MEMORY);
static MEMORY_FILE: OnceLock<File> = OnceLock::new();
/// When the device was booted last, and how long it had been on then; None before the first boot.
static BOOTED: Mutex<Option<(Instant, Duration)>> = Mutex::new(None);

/// Prints a line of the device's console, and keeps it in the log.
pub fn print(line: Line<'_>) {
    serve::print(format_args!("{line}"));
    keep(&LOG, line, uptime_us());
    save();
}

/// The device has booted, and has been on for `uptime`.
pub fn booted(uptime: Duration) {
    *BOOTED.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), uptime));
}

fn uptime_us() -> u64 {
    let booted = *BOOTED.lock().unwrap_or_else(PoisonError::into_inner);
    booted.map_or(0, |(booted, before)| (before + booted.elapsed()).as_micros() as u64)
}

/// The reason of the device's boot, and the message of the panic that made it boot.
pub struct Retained {
    last_panic: Cell<Option<&'static str>>,
    reason: Cell<&'static str>,
}

impl Retained {
    /// Takes what is left, in `folder` or else nothing. From now on a panic of this program is the device's.
    ///
    /// # Errors
    /// The folder's file can't be used.
    pub fn open(folder: Option<&Path>) -> anyhow::Result<Self> {
        if let Some(folder) = folder {
            let path = folder.join(FILE);
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = file.with_context(|| format!("can't use {}", path.display()))?;
            let mut bytes = [0; LOG_MEMORY_LEN + PANIC_MESSAGE_MEMORY_LEN];
            // A new file is shorter; what it doesn't have is as memory that nobody wrote.
            let _ = file.read_at(&mut bytes, 0);
            memory().zip(bytes).for_each(|(to, byte)| to.store(byte, Ordering::Relaxed));
            let _ = MEMORY_FILE.set(file);
        }
        let said = panic_message::take(&PANIC_MESSAGE).map(|said| &*said.to_string().leak());
        save();
        let default_hook = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            default_hook(info);
            keep_said(info);
        }));
        let reason = if said.is_some() { "panic" } else { "power_on" };
        Ok(Self { last_panic: Cell::new(said), reason: Cell::new(reason) })
    }

    /// The message of the panic that ended the last run; None if no panic did.
    pub fn last_panic(&self) -> Option<&'static str> {
        self.last_panic.get()
    }

    /// Why the device has booted.
    pub fn reason(&self) -> &'static str {
        self.reason.get()
    }

    /// The device restarts because somebody means it.
    pub fn restart(&self) {
        self.last_panic.set(None);
        self.reason.set("software");
    }
}

fn keep_said(info: &PanicHookInfo<'_>) {
    keep_panic(&LOG, info, uptime_us());
    panic_message::keep(&PANIC_MESSAGE, info);
    save();
}

fn memory() -> impl Iterator<Item = &'static AtomicU8> {
    LOG_MEMORY.iter().chain(&PANIC_MESSAGE)
}

/// Writes the memory to its file. A log must not stop a device, so errors are nobody's.
fn save() {
    if let Some(file) = MEMORY_FILE.get() {
        let bytes: Vec<u8> = memory().map(|byte| byte.load(Ordering::Relaxed)).collect();
        let _ = file.write_all_at(&bytes, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    #[test]
    fn what_a_panic_said_and_the_lines_before_it_are_in_the_file() {
        let folder = std::env::temp_dir().join(format!("sockeye-retained-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let retained = Retained::open(Some(&folder)).unwrap();
        assert_eq!((retained.last_panic(), retained.reason()), (None, "power_on"));
        print(Line::Notice(format_args!("a line before")));
        print(Line::Secret(format_args!("passphrase: correct-horse")));
        let _ = thread::spawn(|| panic!("the radio starts")).join();

        // As another process finds it.
        let bytes = fs::read(folder.join(FILE)).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"correct"));
        let (log, message) = bytes.split_at(LOG_MEMORY_LEN);
        let (known, found) = (Vec::leak(log.iter().map(|byte| AtomicU8::new(*byte)).collect()), message.to_vec());
        let log = LogRing::new((&*known).try_into().unwrap());
        let lines: Vec<_> = (0..log.next()).filter_map(|number| log.line(number)).map(|line| line.text).collect();
        assert_eq!(lines[0], "a line before");
        assert!(lines[1].starts_with("panicked at crates/sockeye/src/device/retained.rs:"), "{lines:?}");
        assert!(lines[1].ends_with(": the radio starts"), "{lines:?}");
        let message: PanicMemory = std::array::from_fn(|index| AtomicU8::new(found[index]));
        let said = panic_message::take(&message).unwrap();
        assert!(said.ends_with(": the radio starts"), "{said}");
        let _ = panic::take_hook();
        fs::remove_dir_all(folder).unwrap();
    }
}
