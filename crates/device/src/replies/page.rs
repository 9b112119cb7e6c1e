//! The pages for browsers: all readings, outputs and rules at `/`, and one reading at `/NAME`.
//!
//! A page is written in parts, each whole, as the connection has room for them. So a page takes no memory of its own.
//! Nothing on a page comes from elsewhere, and nothing on it changes anything. All names are of letters, digits, `.`, `_`
//! and `-`, so they need no escapes.

mod chart;
mod overview;
mod progress;
mod reading;
mod style;

pub(crate) use progress::PageProgress;

use core::fmt::{self, Write};
use core::net::IpAddr;

use crate::keys::day::Day;
use crate::keys::history::History;
use crate::keys::series::Series;
use crate::platform::{Health, Now, Platform};
use crate::sessions::page_view::PageView;
use crate::state::State;
use crate::value::Value;

/// The header of a page. The close of the connection ends the page's body (RFC 9112 section 6.3).
pub(crate) const HEADER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n\
    Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:\r\nConnection: close\r\n";

/// A page, and all that it tells about.
pub(crate) struct Page<'a> {
    pub(crate) state: &'a State,
    pub(crate) histories: &'a [History],
    pub(crate) days: &'a [Day],
    pub(crate) platform: &'a dyn Platform,
    pub(crate) health: Health,
    pub(crate) now: Now,
    /// The address at which the browser has found the device; unspecified if it isn't known.
    pub(crate) address: IpAddr,
}

/// A part was written, or there is no room for it.
type Written = fmt::Result;

impl Page<'_> {
    /// Writes parts from where `progress` is, each whole, as many as there is room for in `tx`. Gives how many bytes those
    /// are, and where the page goes on. None at its end.
    pub(crate) fn write(&self, mut progress: PageProgress, tx: &mut [u8]) -> (usize, Option<PageProgress>) {
        let mut out = Out { bytes: tx, len: 0 };
        loop {
            let start = out.len;
            let written = match progress.view.reading() {
                None => self.overview_part(&progress, &mut out),
                Some(reading) => self.reading_part(reading, &mut progress, &mut out),
            };
            match written {
                None => return (out.len, None),
                Some(Err(_)) => return (start, Some(progress)),
                Some(Ok(())) => progress.part = progress.part.saturating_add(1),
            }
            if progress.part == u8::MAX {
                return (out.len, None);
            }
        }
    }

    /// The parts that both pages begin with. None after the last of them.
    fn head_part(&self, progress: &PageProgress, title: impl fmt::Display, out: &mut Out<'_>) -> Option<Written> {
        let part = usize::from(progress.part);
        Some(match part.checked_sub(1) {
            None => self.head(progress.view, title, out),
            Some(index) => out.write_str(style::STYLE.get(index)?),
        })
    }

    fn head(&self, view: PageView, title: impl fmt::Display, out: &mut Out<'_>) -> Written {
        out.write_str(HEADER)?;
        if !view.is_still() {
            // A browser loads the page again after so many seconds.
            write!(out, "Refresh: {}\r\n", view.refresh_s())?;
        }
        write!(
            out,
            "\r\n<!doctype html><html lang=en><head><meta charset=utf-8>\
             <meta name=viewport content=\"width=device-width,initial-scale=1\"><link rel=icon href=data:,><title>{title}</title>"
        )
    }

    /// The end of a page: the way to the same page that is loaded again by itself, or stays as it is. `name` is the
    /// reading's; the page of all readings has none.
    fn end(&self, view: PageView, name: impl fmt::Display, out: &mut Out<'_>) -> Written {
        let other = PageView::prefix(!view.is_still());
        let words = match view.is_still() {
            true => "Refresh it",
            false => {
                write!(out, "<p class=m>The page refreshes itself every {} s.", view.refresh_s())?;
                "Stop refreshing"
            }
        };
        writeln!(out, "<p><a class=k href=\"{other}{name}\">{words}</a></main></body></html>")
    }

    /// The points that are kept of a reading.
    fn series(&self, reading: usize) -> Option<Series<'_>> {
        let history = self.histories.get(reading)?;
        Some(Series::new(history, Day::of(self.days, reading), self.state.clock))
    }

    /// The value of a reading as a page shows it, with its unit.
    fn write_value(&self, reading: usize, out: &mut Out<'_>) -> Written {
        let catalog = self.state.catalog(self.platform);
        let decimals = catalog.decimals(reading).unwrap_or_default();
        match catalog.latest(reading, self.now) {
            Some(latest) => {
                write!(out, "{}", latest.value.with_decimals(decimals))?;
                let unit = catalog.info(reading).map_or("", |(info, _)| info.unit);
                if unit.is_empty() { Ok(()) } else { write!(out, " <small>{}</small>", Escaped(unit)) }
            }
            None => out.write_str("<span class=m>no value</span>"),
        }
    }

    /// How a value of a reading is written.
    fn decimal(&self, reading: usize, value: i32) -> crate::value::Decimal {
        let decimals = self.state.catalog(self.platform).decimals(reading).unwrap_or_default();
        Value(value).with_decimals(decimals)
    }
}

/// A text from outside, which may have what HTML takes for its own.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            c => f.write_char(c),
        })
    }
}

/// A buffer that is filled from its start.
struct Out<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}
