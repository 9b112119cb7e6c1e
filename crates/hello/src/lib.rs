//! The classic: print what the client sent, answer `Hello World`, close.
//!
//! The same handler, [`Hello`], runs on the host, on the bare-metal QEMU board and on ESP32 chips.
#![no_std]
#![deny(unsafe_code)]

use core::fmt::Arguments;

use embedded_io_async::{Read, Write};
use sockeye_boot::{AddressText, Uptime};
use sockeye_resp::{HttpMethod, HttpRequestLine, HttpTarget, asks_for_page};
use sockeye_server::{Connection, ConnectionError, Handler, Socket};

/// The answer to every request, without a line end, as the classic server sends it.
pub const REPLY: &[u8] = b"Hello World";
/// The reply to a rejected client.
const REJECTION: &[u8] = b"ERR max number of clients reached\r\n";
/// Bytes of a request that are read and printed; what comes beyond is counted.
pub const REQUEST_LEN_MAX: usize = 256;

/// The same answer as a page for browsers.
const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 61\r\n\
Connection: close\r\n\r\n<!doctype html><title>Sockeye</title><h1>Hello World</h1>\r\n\r\n";

/// Length of the body of [`PAGE`].
const BODY_LEN: usize = 61;

/// Prints each request as one line through `print`, and answers it.
pub struct Hello<P> {
    print: P,
}

impl<P: Fn(Arguments<'_>)> Hello<P> {
    /// `print` puts one line on the console.
    pub const fn new(print: P) -> Self {
        Self { print }
    }
}

impl<S: Socket, P: Fn(Arguments<'_>)> Handler<S> for Hello<P> {
    async fn serve(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        let mut buf = [0; REQUEST_LEN_MAX];
        let mut len = client.read(&mut buf).await?;
        if len == 0 {
            return Ok(());
        }
        // TCP keeps no message boundaries, so the bytes of the first read are the request. If they may be the start of
        // a browser's request, more is read until its request line is complete.
        client.begin_request();
        let answer = loop {
            match http(&buf[..len]) {
                Some(answer) => break answer,
                None if len == buf.len() => break None,
                None => {}
            }
            match client.read(&mut buf[len..]).await? {
                0 => break None,
                more => len += more,
            }
        };
        let peer = AddressText(client.peer());
        (self.print)(format_args!("{} {peer} {len} bytes: \"{}\"", Uptime::now(), buf[..len].escape_ascii()));
        client.write_all(answer.unwrap_or(REPLY)).await?;
        let more = client.finish().await?;
        if more > 0 {
            (self.print)(format_args!("{} {peer} and {more} bytes more", Uptime::now()));
        }
        Ok(())
    }

    async fn reject(&self, client: &mut Connection<'_, S>) -> Result<(), ConnectionError<S::Error>> {
        let peer = AddressText(client.peer());
        (self.print)(format_args!("{} {peer} rejected: all slots are taken", Uptime::now()));
        client.write_all(REJECTION).await
    }
}

/// The answer to a GET or a HEAD of HTTP, which its request line shows. `Some(None)` if a request is neither, and None
/// while more bytes are needed.
fn http(request: &[u8]) -> Option<Option<&'static [u8]>> {
    if !asks_for_page(request)? {
        return Some(None);
    }
    let line = HttpRequestLine::parse(&request[..request.iter().position(|&byte| byte == b'\n')?]);
    Some(match line {
        Some(HttpRequestLine { method: HttpMethod::Get, target: HttpTarget::Path(_), is_http1: true }) => Some(PAGE),
        Some(HttpRequestLine { method: HttpMethod::Head, target: HttpTarget::Path(_), is_http1: true }) => {
            Some(&PAGE[..PAGE.len() - BODY_LEN])
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_says_its_own_length() {
        let text = core::str::from_utf8(PAGE).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let len = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        assert_eq!(len.parse(), Ok(body.len()));
        assert_eq!(body.len(), BODY_LEN);
    }

    #[test]
    fn http_is_told_by_its_first_line() {
        fn check(request: &str, expected: Option<Option<&[u8]>>) {
            assert_eq!(http(request.as_bytes()), expected, "{request:?}");
        }
        let head = PAGE.strip_suffix(b"<!doctype html><title>Sockeye</title><h1>Hello World</h1>\r\n\r\n").unwrap();
        check("GET / HTTP/1.1\r\n", Some(Some(PAGE)));
        check("GET /favicon.ico HTTP/1.0\n", Some(Some(PAGE)));
        check("GET http://192.168.1.1/ HTTP/1.1\r\n", Some(Some(PAGE)));
        check("HEAD / HTTP/1.1\r\n", Some(Some(head)));
        check("HEAD lm35 HTTP/1.1\r\n", Some(None));
        for request in ["GET / HTTP/1.1", "GET /", "GET http:", "G", "HEA"] {
            check(request, None);
        }
        for request in
            ["GET temp 000001\n", "GET /\r\n", "GET / HTTP/2\r\n", "POST / HTTP/1.1\r\n", "hello", "h", "P", "\n"]
        {
            check(request, Some(None));
        }
    }
}
