//! The page for browsers: the device's name and readings, how to connect, and how to set the network.

use core::fmt::{self, Write};
use core::net::IpAddr;

use crate::platform::Platform;
use crate::state::State;

/// The answer to a browser in the access point's network for any path but `/`. Every host name resolves to the device
/// there. A phone that probes its maker's host for internet access is redirected to the page (RFC 8952).
pub(crate) const FOUND: &[u8] =
    b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n";
/// The answer to any other browser for any path but `/`.
pub(crate) const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a line that is no request line, though it begins as one.
pub(crate) const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a method that there is, such as POST. A device has GET and HEAD only.
pub(crate) const METHOD_NOT_ALLOWED: &[u8] =
    b"HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a request line that is longer than the receive buffer.
pub(crate) const URI_TOO_LONG: &[u8] = b"HTTP/1.1 414 URI Too Long\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a method that HTTP doesn't have.
pub(crate) const NOT_IMPLEMENTED: &[u8] =
    b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The answer to a version that isn't 1.0 or 1.1, such as HTTP/2 without TLS.
pub(crate) const VERSION_NOT_SUPPORTED: &[u8] =
    b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// The header of the page, whose body the connection's close ends (RFC 9112 section 6.3).
pub(crate) const HEADER: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n\
    Connection: close\r\n\r\n";

/// The page.
pub(crate) struct Page<'a> {
    pub(crate) state: &'a State,
    pub(crate) platform: &'a dyn Platform,
    /// The address at which the browser has found the device; unspecified if it isn't known.
    pub(crate) address: IpAddr,
}

impl Page<'_> {
    /// Writes lines from `first` on, each whole, as many as there is room for in `tx`. Gives how many bytes those are, and
    /// the next line; None if there is none.
    pub(crate) fn write(&self, first: u8, tx: &mut [u8]) -> (usize, Option<u8>) {
        let mut out = Out { bytes: tx, len: 0 };
        for line in first..=u8::MAX {
            let start = out.len;
            match self.line(line.into(), &mut out) {
                None => return (out.len, None),
                Some(Ok(())) => (),
                Some(Err(_)) => return (start, Some(line)),
            }
        }
        (out.len, None)
    }

    /// Writes line `index`, and fails if there is no room for it. None if there is no such line.
    fn line(&self, index: usize, out: &mut Out<'_>) -> Option<fmt::Result> {
        let readings = self.state.wired.own;
        // What a token guards is not shown to whoever has none.
        let shown = if self.state.settings.token.is_some() { 0 } else { readings };
        let Some(index) = index.checked_sub(1) else {
            return Some(self.title(out));
        };
        match index {
            index if index < shown => self.reading(index, out),
            index if index == shown => Some(out.write_str("</table>\n")),
            index if index == shown + 1 && self.state.wifi.has_radio => Some(out.write_str(
                "<p>To another network, typed in redis-cli or any app for Telnet:\n<pre>CONFIG SET wifi.ssid NAME \
                 wifi.password PASSWORD\nWIFI TRY\nWIFI CONFIRM</pre>\n",
            )),
            _ => None,
        }
    }

    /// All names are of letters, digits, `.`, `_` and `-`, so that none needs to be escaped.
    fn title(&self, out: &mut Out<'_>) -> fmt::Result {
        let (name, port) = (self.state.device_name(self.platform), self.platform.identity().port);
        write!(
            out,
            "{HEADER}<!doctype html><meta charset=utf-8><title>{name}</title>\n<h1>{name}</h1>\n<p>This device speaks \
             RESP, the protocol of Redis:\n<pre>redis-cli -h "
        )?;
        match self.address.is_unspecified() {
            false => write!(out, "{}", self.address)?,
            true => write!(out, "{name}.local")?,
        }
        write!(out, " -p {port}</pre>\n<table>\n")
    }

    fn reading(&self, index: usize, out: &mut Out<'_>) -> Option<fmt::Result> {
        let catalog = self.state.catalog(self.platform);
        let (Some((label, decimals)), Some((info, _))) = (catalog.reading(index), catalog.info(index)) else {
            // Nothing is wired in this place.
            return Some(Ok(()));
        };
        Some(match self.state.latest.get(index)? {
            Some(latest) => {
                let value = latest.value.with_decimals(decimals);
                writeln!(out, "<tr><td>{label}<td>{value} {}", Escaped(info.unit))
            }
            None => writeln!(out, "<tr><td>{label}<td>none yet"),
        })
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
