//! Which page a browser is shown.

use crate::limits::{PAGE_REFRESH_S, READING_PAGE_REFRESH_S, READINGS_MAX, REMOTES_MAX};

/// A page: twice the number of one more than the reading whose page it is, or than nothing. One more if the page isn't
/// loaded again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageView(u8);

impl PageView {
    /// The page of a reading, or of all if `reading` is None. A page that `is_still` isn't loaded again by itself.
    pub(crate) fn new(reading: Option<usize>, is_still: bool) -> Self {
        Self((2 * reading.map_or(0, |reading| reading + 1) + usize::from(is_still)) as u8)
    }

    /// The reading whose page it is. None for the page of all readings.
    pub(crate) fn reading(self) -> Option<usize> {
        usize::from(self.0 / 2).checked_sub(1)
    }

    pub(crate) fn is_still(self) -> bool {
        self.0 % 2 == 1
    }

    /// After how long a browser loads the page again, seconds.
    pub(crate) fn refresh_s(self) -> u32 {
        if self.reading().is_none() { PAGE_REFRESH_S } else { READING_PAGE_REFRESH_S }
    }

    /// The start of a path, before the name of a reading. The path to the page of all readings has no more.
    pub(crate) const fn prefix(is_still: bool) -> &'static str {
        if is_still { "/~" } else { "/" }
    }
}

const _: () = assert!(2 * (READINGS_MAX + REMOTES_MAX) < u8::MAX as usize);
