//! The lines of MONITOR: the commands that all clients send, and what rules set.

use core::fmt::{self, Write};
use core::net::SocketAddr;

use heapless::{Deque, String};
use sockeye_resp::Request;

use crate::limits::{MONITOR_LINE_LEN, MONITOR_LINES_MAX};
use crate::platform::Now;
use crate::sessions::session::Sessions;

type Line = String<MONITOR_LINE_LEN, u8>;

/// The last commands, for all sessions that monitor. A slow session misses some lines, and their numbers show how many.
pub(crate) struct Monitor {
    lines: Deque<Line, MONITOR_LINES_MAX>,
    /// Number of the next line, counted since boot; it may wrap.
    pub(crate) next: u32,
    /// A session has begun to monitor, and may still.
    pub(crate) is_watched: bool,
}

impl Monitor {
    pub(crate) const fn new() -> Self {
        Self { lines: Deque::new(), next: 0, is_watched: false }
    }

    /// Wakes the sessions that monitor, for a line that comes. False if there are none.
    #[inline]
    pub(crate) fn wake(&mut self, sessions: &mut Sessions) -> bool {
        self.is_watched && self.wake_watching(sessions)
    }

    #[cold]
    fn wake_watching(&mut self, sessions: &mut Sessions) -> bool {
        self.is_watched = false;
        for session in sessions.iter_mut().filter(|session| session.monitor.is_some()) {
            self.is_watched = true;
            session.waker.wake();
        }
        self.is_watched
    }

    /// Adds a command of a client.
    pub(crate) fn append(&mut self, request: &Request<'_>, peer: SocketAddr, now: Now) {
        self.add(|line| write_line(line, format_args!("{peer}"), request.args(), now));
    }

    /// Adds a SET by a rule: the output's key and the value.
    pub(crate) fn append_rule(&mut self, rule: &str, set: [&str; 2], now: Now) {
        let args = ["SET"].into_iter().chain(set).map(str::as_bytes);
        self.add(|line| write_line(line, format_args!("rule.{rule}"), args, now));
    }

    fn add(&mut self, write: impl FnOnce(&mut Line) -> fmt::Result) {
        if self.lines.is_full() {
            self.lines.pop_front();
        }
        let mut line = Line::new();
        // A line that is longer ends where it is full.
        let _ = write(&mut line);
        let _ = self.lines.push_back(line);
        self.next = self.next.wrapping_add(1);
    }

    /// The line of this number, or the oldest that there still is; with its number.
    pub(crate) fn line(&self, number: u32) -> Option<(u32, &str)> {
        let ahead = self.next.wrapping_sub(number) as usize;
        let age = ahead.min(self.lines.len());
        let line = self.lines.iter().nth(self.lines.len() - age)?;
        Some((self.next.wrapping_sub(age as u32), line))
    }
}

fn write_line<'a>(
    out: &mut impl Write,
    source: fmt::Arguments<'_>,
    args: impl Iterator<Item = &'a [u8]>,
    now: Now,
) -> fmt::Result {
    let stamp_us = now.stamp_us();
    write!(out, "{}.{:06} [0 {source}]", stamp_us / 1_000_000, stamp_us % 1_000_000)?;
    for arg in args {
        out.write_str(" \"")?;
        for &byte in arg {
            match byte {
                b'"' | b'\\' => write!(out, "\\{}", char::from(byte))?,
                b'\n' => out.write_str("\\n")?,
                b'\r' => out.write_str("\\r")?,
                b'\t' => out.write_str("\\t")?,
                7 => out.write_str("\\a")?,
                8 => out.write_str("\\b")?,
                b' '..=b'~' => out.write_char(byte.into())?,
                _ => write!(out, "\\x{byte:02x}")?,
            }
        }
        out.write_char('"')?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{DECIMAL_LEN_MAX, NAME_LEN_MAX};

    #[test]
    fn a_rule_with_the_longest_names_is_shown_whole() {
        let (rule, output) = ("r".repeat(NAME_LEN_MAX), "o".repeat(NAME_LEN_MAX));
        let value = format!("-{}", "7".repeat(DECIMAL_LEN_MAX - 1));
        let mut monitor = Monitor::new();
        // In the year 2286.
        let now = Now { uptime_us: 0, unix_us: Some(9_999_999_999_999_999) };
        monitor.append_rule(&rule, [&output, &value], now);
        let line = format!("9999999999.999999 [0 rule.{rule}] \"SET\" \"{output}\" \"{value}\"");
        assert_eq!(monitor.line(0), Some((0, line.as_str())));
    }
}
