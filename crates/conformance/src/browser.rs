//! A browser gets a page; everything that is no HTTP GET gets the plain answer.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::answer::{Answer, End, HELLO};
use crate::case::{Case, CaseResult, within};
use crate::limits::{AT_ONCE_MAX, LONG_REQUEST_LEN, REPLY_MAX};
use crate::target::Target;
use crate::test_client::{TestClient, ask};

pub const CASES: &[Case] = &[
    Case::new("http_get", http_get),
    Case::new("http_head", http_head),
    Case::new("http_split_everywhere", http_split_everywhere),
    Case::new("http_byte_at_a_time", http_byte_at_a_time),
    Case::new("http_long_head", http_long_head),
    Case::new("http_endless_path", http_endless_path),
    Case::new("http_lookalikes", http_lookalikes),
    Case::new("http_prefix_half_closed", http_prefix_half_closed),
];

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: sockeye\r\n\r\n";

/// Holds a reply against what an HTTP client insists on.
fn expect_page(reply: &Answer) -> Result<()> {
    ensure!(reply.end == End::Eof, "got {reply}");
    check_page(&reply.bytes).with_context(|| format!("got {reply}"))
}

fn check_page(bytes: &[u8]) -> Result<()> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_len) = response.parse(bytes)? else {
        bail!("the response's head has no end");
    };
    let body = &bytes[head_len..];
    let header = |name: &str| {
        let found = response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
            .with_context(|| format!("no {name}"))?;
        Ok::<_, anyhow::Error>(std::str::from_utf8(found.value)?)
    };
    ensure!(response.version == Some(1), "not HTTP/1.1");
    ensure!(response.code == Some(200), "code {:?}", response.code);
    ensure!(header("Content-Type")?.starts_with("text/html"), "Content-Type");
    ensure!(header("Connection")?.eq_ignore_ascii_case("close"), "Connection");
    ensure!(header("Content-Length")?.parse() == Ok(body.len()), "Content-Length for a body of {} bytes", body.len());
    ensure!(String::from_utf8_lossy(body).contains("Hello World"), "no Hello World in the body");
    Ok(())
}

fn http_get(target: &Target) -> CaseResult {
    let requests: &[&[u8]] = &[
        GET,
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /index.html HTTP/1.1\r\nHost: 192.168.1.1:3000\r\nAccept: */*\r\n\r\n",
        b"GET /favicon.ico?a=b%20c HTTP/1.1\r\nHost: sockeye\r\n\r\n",
        b"GET http://sockeye/ HTTP/1.1\r\nHost: sockeye\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: sockeye\r\nConnection: keep-alive\r\nUser-Agent: curl/8.0\r\n\r\n",
    ];
    for request in requests {
        let begin = Instant::now();
        let elapsed = expect_page(&ask(target, request)?).map(|()| begin.elapsed());
        let elapsed = elapsed.with_context(|| format!("to \"{}\"", request.escape_ascii()))?;
        within(AT_ONCE_MAX, elapsed, "the page")?;
    }
    Ok(format!("{} requests", requests.len()))
}

/// HEAD is answered as GET is, without the page (RFC 9110 section 9.3.2).
fn http_head(target: &Target) -> CaseResult {
    let page = ask(target, GET)?.bytes;
    let head = ask(target, b"HEAD / HTTP/1.1\r\nHost: sockeye\r\n\r\n")?;
    ensure!(head.end == End::Eof, "got {head}");
    let head_len = page.windows(4).position(|end| end == b"\r\n\r\n").context("the page's head has no end")? + 4;
    ensure!(head.bytes == page[..head_len], "got {head}");
    Ok(format!("{head_len} bytes"))
}

fn http_split_everywhere(target: &Target) -> CaseResult {
    for at in 1..GET.len() {
        let mut client = TestClient::connect(target)?;
        client.send(&GET[..at])?;
        thread::sleep(Duration::from_millis(10));
        client.send(&GET[at..])?;
        expect_page(&client.read_reply(REPLY_MAX)).with_context(|| format!("split after byte {at}"))?;
    }
    Ok(format!("{} splits", GET.len() - 1))
}

fn http_byte_at_a_time(target: &Target) -> CaseResult {
    let mut client = TestClient::connect(target)?;
    for byte in GET {
        client.send(&[*byte])?;
        thread::sleep(Duration::from_millis(20));
    }
    expect_page(&client.read_reply(REPLY_MAX))?;
    Ok(format!("{} bytes", GET.len()))
}

/// The request line is short, but the head is longer than any buffer.
fn http_long_head(target: &Target) -> CaseResult {
    let mut request = b"GET / HTTP/1.1\r\nHost: sockeye\r\n".to_vec();
    while request.len() < LONG_REQUEST_LEN {
        request.extend_from_slice(b"X-Cookie: 0123456789abcdef0123456789abcdef\r\n");
    }
    request.extend_from_slice(b"\r\n");
    expect_page(&ask(target, &request)?)?;
    Ok(format!("{} bytes", request.len()))
}

/// A request line longer than any buffer may get either answer, but a whole one.
fn http_endless_path(target: &Target) -> CaseResult {
    let mut request = b"GET /".to_vec();
    request.resize(LONG_REQUEST_LEN, b'a');
    let reply = ask(target, &request)?;
    if reply.is(HELLO) {
        return Ok("plain".to_string());
    }
    expect_page(&reply)?;
    Ok("page".to_string())
}

/// No answer may wait for more once it is certain that this is no HTTP GET.
fn http_lookalikes(target: &Target) -> CaseResult {
    let requests: &[&[u8]] = &[
        b"GET temp 000001\n",
        b"GET temp 000001",
        b"GET\n",
        b"GET \r\n",
        b"GET /\r\n",
        b"GET /\n",
        b"GET /HTTP/1.1\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP\r\n",
        b"GETS / HTTP/1.1\r\n",
        b"get / HTTP/1.1\r\n",
        b" GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PING\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff\xfe\x1b[2J",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    for request in requests {
        let begin = Instant::now();
        ask(target, request)?
            .expect_hello()
            .and_then(|()| within(AT_ONCE_MAX, begin.elapsed(), "the answer"))
            .with_context(|| format!("to \"{}\"", request.escape_ascii()))?;
    }
    Ok(format!("{} requests", requests.len()))
}

/// A start of a GET is no GET once the client has closed its side.
fn http_prefix_half_closed(target: &Target) -> CaseResult {
    let begin_of_get = b"GET / HTTP/1.";
    for len in 1..=begin_of_get.len() {
        let mut client = TestClient::connect(target)?;
        client.send(&begin_of_get[..len])?;
        client.half_close()?;
        client.read_reply(REPLY_MAX).expect_hello().with_context(|| format!("after {len} bytes"))?;
    }
    Ok(format!("{} prefixes", begin_of_get.len()))
}

#[cfg(test)]
mod tests {
    use super::check_page;

    #[test]
    fn pages() {
        let good =
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 11\r\nConnection: close\r\n\r\nHello World";
        let check = |page: &str| check_page(page.as_bytes());
        assert!(check(good).is_ok(), "{:?}", check(good));
        for (from, to) in [
            ("HTTP/1.1", "HTTP/1.0"),
            ("200", "404"),
            ("text/html", "text/plain"),
            ("11", "12"),
            ("11\r\n", "11\n\r\n\r\n"),
            ("Connection: close\r\n", ""),
            ("Hello World", "Hello Worlb"),
            ("\r\n\r\n", "\r\n"),
        ] {
            let page = good.replace(from, to);
            assert_ne!(page, good, "{from} was not found");
            assert!(check(&page).is_err(), "{page}");
        }
    }
}
