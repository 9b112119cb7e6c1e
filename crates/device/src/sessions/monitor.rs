//! The lines of MONITOR: the commands that all clients send.

use core::fmt::{self, Write};
use core::net::SocketAddr;

use heapless::{Deque, String};
use sockeye_resp::Request;

use crate::limits::{MONITOR_LINE_LEN, MONITOR_LINES_MAX};
use crate::platform::Now;

/// The last commands, for all sessions that monitor. A slow session misses some lines, and their numbers show how many.
pub(crate) struct Monitor {
    lines: Deque<String<MONITOR_LINE_LEN, u8>, MONITOR_LINES_MAX>,
    /// Number of the next line, counted since boot; it may wrap.
    pub(crate) next: u32,
    /// A session has begun to monitor, and may still.
    pub(crate) is_watched: bool,
}

impl Monitor {
    pub(crate) const fn new() -> Self {
        Self { lines: Deque::new(), next: 0, is_watched: false }
    }

    /// Adds a command.
    pub(crate) fn append(&mut self, request: &Request<'_>, peer: SocketAddr, now: Now) {
        if self.lines.is_full() {
            self.lines.pop_front();
        }
        let mut line = String::new();
        // A line that is longer ends where it is full.
        let _ = write_line(&mut line, request, peer, now);
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

fn write_line(out: &mut impl Write, request: &Request<'_>, peer: SocketAddr, now: Now) -> fmt::Result {
    let stamp_us = now.stamp_us();
    write!(out, "{}.{:06} [0 {peer}]", stamp_us / 1_000_000, stamp_us % 1_000_000)?;
    for arg in request.args() {
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
