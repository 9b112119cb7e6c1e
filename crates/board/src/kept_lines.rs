//! Which lines of the console are kept in the log.

use core::fmt::Display;

use sockeye_boot::Line;
use sockeye_device::{LogLevel, LogRing};

/// Keeps a line of the console, unless it has a secret in it. The device has been on for `uptime_us` microseconds.
pub fn keep(log: &LogRing<'_>, line: Line<'_>, uptime_us: u64) {
    let (level, text) = match line {
        Line::Verbose(text) => (LogLevel::Verbose, text),
        Line::Notice(text) => (LogLevel::Notice, text),
        Line::Warning(text) => (LogLevel::Warning, text),
        Line::Secret(_) => return,
    };
    log.append(level, &text, uptime_us);
}

/// Keeps what a panic says, and wakes nobody.
pub fn keep_panic(log: &LogRing<'_>, words: &dyn Display, uptime_us: u64) {
    log.append_in_panic(LogLevel::Warning, words, uptime_us);
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use sockeye_boot::{Boot, NetworkName};
    use sockeye_device::limits::LOG_MEMORY_LEN;

    use super::*;

    #[test]
    fn lines_are_kept_with_their_levels_and_secrets_are_not() {
        let log = LogRing::new(Box::leak(Box::new([(); LOG_MEMORY_LEN].map(|()| 0.into()))));
        let console = Boot::new(|line: Line<'_>| keep(&log, line, 0), "device", "a test");
        console.access_point(&NetworkName([0; 6]), Some("correct-horse"));
        console.warning(&"the flash is worn");
        keep_panic(&log, &"panicked at src/x.rs:1:2:\nno", 0);
        let next = log.next();
        let kept: Vec<_> =
            (0..next).filter_map(|number| log.line(number)).map(|line| (line.level, line.text)).collect();
        let first = concat!("Sockeye ", env!("CARGO_PKG_VERSION"), " device on a test");
        let expected = [
            (LogLevel::Notice, first),
            (LogLevel::Notice, "mode: access point"),
            (LogLevel::Warning, "the flash is worn"),
            (LogLevel::Warning, "panicked at src/x.rs:1:2: no"),
        ];
        assert!(kept.iter().map(|(level, text)| (*level, text.as_str())).eq(expected), "{kept:?}");
    }
}
