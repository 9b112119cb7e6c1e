//! The time since start, as it is printed.

use core::fmt;

use embassy_time::Instant;

/// The time since start, printed as seconds and milliseconds in brackets: `[    1.234]`.
pub struct Uptime(Instant);

impl Uptime {
    /// The time from start until now.
    pub fn now() -> Self {
        Self(Instant::now())
    }
}

impl fmt::Display for Uptime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        write!(f, "[{:5}.{:03}]", ms / 1000, ms % 1000)
    }
}
