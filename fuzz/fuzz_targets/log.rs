//! Whatever is in the memory of a log: a line that is added is the last one, and the others are read without a panic.

#![no_main]

use std::sync::atomic::Ordering;

use libfuzzer_sys::fuzz_target;
use sockeye_device::limits::{LOG_LINE_LEN_MAX, LOG_LINES_MAX, LOG_MEMORY_LEN, LOG_TEXT_LINES_MAX};
use sockeye_device::{LogLevel, LogMemory, LogRing, Now};
use sockeye_fuzz::heap::freed;

fuzz_target!(|data: &[u8]| freed(|| {
    let memory: LogMemory = [(); LOG_MEMORY_LEN].map(|()| 0.into());
    let mut log = LogRing::new(&memory);
    let mut data = data;
    // An operation, its place or time, and its length.
    while let [operation, low, high, len, rest @ ..] = data {
        let (bytes, rest) = rest.split_at(rest.len().min((*len).into()));
        let place = usize::from(u16::from_le_bytes([*low, *high]));
        match operation % 4 {
            0 => append(&log, bytes, place as u64),
            // The memory is another one, and the device restarts.
            1 => {
                let there = memory.iter().skip(place).zip(bytes);
                there.for_each(|(to, byte)| to.store(*byte, Ordering::Relaxed));
                log = LogRing::new(&memory);
            }
            2 => log.clear(),
            _ => log.follow(Now { uptime_us: 0, unix_us: Some(u64::MAX >> (place % 64)) }),
        }
        let next = log.next();
        let lines = (1..=LOG_LINES_MAX as u32).filter_map(|age| log.line(next.wrapping_sub(age)));
        assert!(log.len() <= lines.count());
        data = rest;
    }
}));

fn append(log: &LogRing<'_>, bytes: &[u8], uptime_us: u64) {
    let text = String::from_utf8_lossy(bytes);
    let next = log.next();
    log.append(LogLevel::Warning, &text, uptime_us);
    if text.is_empty() {
        return assert_eq!(log.next(), next);
    }
    let added = log.next().wrapping_sub(next) as usize;
    assert!((1..=LOG_TEXT_LINES_MAX).contains(&added));
    let mut len = 0;
    for number in 0..added {
        let line = log.line(next.wrapping_add(number as u32)).expect("the line is there").text;
        assert!(!line.is_empty() && !line.chars().any(char::is_control));
        let is_cut = number + 1 < added || line.len() + 4 > LOG_LINE_LEN_MAX;
        len += line.chars().count() - if number > 0 { 2 } else { 0 };
        assert!(is_cut || len == text.chars().count(), "{line}");
    }
}
