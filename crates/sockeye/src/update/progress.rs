//! How far an image is sent, for a person: a bar on a terminal, a line for each tenth elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

const BAR_LEN: usize = 30;
/// The least time between two drawings of the bar.
const REDRAW: Duration = Duration::from_millis(100);

/// The progress of sending an image.
pub struct Progress {
    size: usize,
    at: usize,
    /// When sending began, and at which byte.
    start: Option<(Instant, usize)>,
    drawn: Option<Instant>,
    tenths: usize,
    is_terminal: bool,
}

impl Progress {
    /// Nothing is sent of so many bytes.
    pub fn new(size: usize) -> Self {
        Self { size, at: 0, start: None, drawn: None, tenths: 0, is_terminal: stderr().is_terminal() }
    }

    /// The device has all before this byte.
    pub fn reach(&mut self, at: usize) {
        if self.start.is_none() {
            self.start = Some((Instant::now(), at));
            if at > 0 {
                self.tenths = 10 * at / self.size.max(1);
                self.say(&format!("going on at byte {at} of {}", self.size));
            }
        }
        self.at = at;
        let tenths = 10 * at / self.size.max(1);
        if self.is_terminal {
            if self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) || at == self.size {
                self.draw();
            }
        } else if tenths > self.tenths {
            self.say(&format!("{}% of {} bytes, {}", 10 * tenths, self.size, self.rate()));
        }
        self.tenths = tenths;
    }

    /// The byte that comes next.
    pub fn at(&self) -> usize {
        self.at
    }

    /// All is sent.
    pub fn end(&self) {
        if self.is_terminal {
            self.say("");
        }
    }

    fn draw(&mut self) {
        self.drawn = Some(Instant::now());
        let full = BAR_LEN * self.at / self.size.max(1);
        let bar = format!("{}{}", "#".repeat(full), ".".repeat(BAR_LEN - full));
        let percent = 100 * self.at / self.size.max(1);
        let _ = write!(stderr(), "\r[{bar}] {percent:3}% {:>12}", self.rate());
    }

    /// Kilobytes a second since sending began, and no number before that.
    fn rate(&self) -> String {
        let Some((start, from)) = self.start else { return String::new() };
        let seconds = start.elapsed().as_secs_f64().max(1e-3);
        format!("{:.1} KB/s", (self.at - from.min(self.at)) as f64 / 1_000.0 / seconds)
    }

    /// A closed pipe ends no update.
    fn say(&self, line: &str) {
        let _ = writeln!(stderr(), "{line}");
    }
}
