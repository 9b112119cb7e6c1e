//! The page for browsers: who this is, what it measures, what to use instead of a browser, and how to set the network.

use core::fmt::{self, Write};

use crate::app::State;
use crate::commands::config;
use crate::keys::catalog::own;
use crate::platform::Platform;
use crate::replies::document::Lines;

/// What a browser of the device's own network gets for any path but `/`: there every name is the device's, and a phone
/// that asks the host of its maker whether it is on the internet is shown the page (RFC 8952).
pub(crate) const FOUND: &[u8] =
    b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
/// What any other browser gets.
pub(crate) const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The page.
pub(crate) struct Page<'a> {
    pub(crate) state: &'a State,
    pub(crate) platform: &'a dyn Platform,
}

impl Lines for Page<'_> {
    const FILLER: &'static str = "\n";
    const FILL: u8 = b' ';
    const END: &'static str = "\n";

    fn line(&self, index: usize, out: &mut dyn Write) -> Option<fmt::Result> {
        // All names are of letters, digits, '.', '_' and '-', so none needs to be escaped.
        let name = config::name(self.state, self.platform);
        let readings = own(self.platform);
        // What a token guards is not shown to whoever has none.
        let shown = if self.state.settings.token.is_some() { 0 } else { readings };
        let Some(index) = index.checked_sub(1) else {
            return Some(write!(
                out,
                "<!doctype html><meta charset=utf-8><title>{name}</title>\n<h1>{name}</h1>\n<p>This device speaks \
                 RESP, the protocol of Redis:\n<pre>redis-cli -h ADDRESS -p {}</pre>\n<table>",
                self.platform.identity().port
            ));
        };
        match index {
            index if index < shown => self.reading(index, out),
            index if index == shown => Some(out.write_str("\n</table>")),
            index if index == shown + 1 && self.state.wifi.has_radio => Some(out.write_str(
                "\n<p>To another network, typed in redis-cli or any app for Telnet:\n<pre>CONFIG SET wifi.ssid NAME \
                 wifi.password PASSWORD\nWIFI TRY\nWIFI CONFIRM</pre>",
            )),
            _ => None,
        }
    }
}

/// A text from outside, which may have what HTML takes for its own.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '<' => f.write_str("&lt;"),
            '&' => f.write_str("&amp;"),
            c => f.write_char(c),
        })
    }
}

impl Page<'_> {
    fn reading(&self, index: usize, out: &mut dyn Write) -> Option<fmt::Result> {
        let catalog = self.state.catalog(self.platform);
        let (Some((label, decimals)), Some((info, _))) = (catalog.reading(index), catalog.info(index)) else {
            // Nothing is wired in this place.
            return Some(Ok(()));
        };
        Some(match self.state.latest.get(index)? {
            Some(latest) => {
                let value = latest.value.with_decimals(decimals);
                write!(out, "\n<tr><td>{label}<td>{value} {}", Escaped(info.unit))
            }
            None => write!(out, "\n<tr><td>{label}<td>none yet"),
        })
    }
}
