//! How far a page is written.

use crate::sessions::page_view::PageView;
use crate::sessions::session::Cursor;

/// How far a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageProgress {
    pub(crate) view: PageView,
    /// The part that is next.
    pub(crate) part: u8,
    /// When the page was begun, seconds since boot: all parts of a chart end then.
    pub(crate) uptime_s: u32,
    /// The scale of the chart that is being written.
    pub(crate) scale: Scale,
}

impl PageProgress {
    /// A page of which nothing is written, begun `uptime_s` after boot.
    pub(crate) fn new(view: PageView, uptime_s: u64) -> Self {
        Self { view, part: 0, uptime_s: u32::try_from(uptime_s).unwrap_or(u32::MAX), scale: Scale::NONE }
    }

    /// None if the session's page isn't begun.
    pub(crate) fn of(cursor: Cursor) -> Option<Self> {
        match cursor {
            Cursor::Page { view, part, uptime_s, scale: (low, high) } => {
                Some(Self { view, part, uptime_s, scale: Scale { low, high } })
            }
            _ => None,
        }
    }

    pub(crate) fn cursor(self) -> Cursor {
        let Self { view, part, uptime_s, scale: Scale { low, high } } = self;
        Cursor::Page { view, part, uptime_s, scale: (low, high) }
    }
}

/// The values at the lower and the upper edge of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) low: i32,
    pub(crate) high: i32,
}

impl Scale {
    pub(crate) const NONE: Self = Self { low: 0, high: 0 };

    /// Where a value is in a chart of this height, from above.
    pub(crate) fn y(self, value: i32, height: i64) -> i64 {
        let (low, high) = (i64::from(self.low), i64::from(self.high));
        match high - low {
            ..=0 => height / 2,
            span => ((high - i64::from(value)) * height + span / 2) / span,
        }
        .clamp(0, height)
    }

    /// The value in the middle.
    pub(crate) fn middle(self) -> i32 {
        ((i64::from(self.low) + i64::from(self.high)) / 2) as i32
    }
}
