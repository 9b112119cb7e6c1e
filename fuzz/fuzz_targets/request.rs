//! However a stream is cut, the decoder reads what the model reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::heap::freed;
use sockeye_fuzz::{Input, decode, model};
use sockeye_resp::{HTTP_START_LEN_MAX, HttpMethod, HttpRequestLine, HttpTarget, asks_for_page, opens_http};

fuzz_target!(|data: &[u8]| freed(|| {
    let Some(Input { limits, pieces, wire }) = Input::new(data) else {
        return;
    };
    let outcome = decode(wire, &pieces, &limits);
    assert_eq!(outcome, model(wire, &limits));
    assert_eq!(outcome, decode(wire, &[1], &limits));

    let verdict = opens_http(wire);
    assert!(verdict.is_some() || wire.len() < HTTP_START_LEN_MAX);
    if verdict == Some(true) {
        assert!(is_page(wire) || outcome.requests.is_empty(), "a command ran from HTTP");
    }
    assert!(asks_for_page(wire) != Some(true) || verdict == Some(true));
    let line = wire.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if let Some(line) = HttpRequestLine::parse(line)
        && let (HttpMethod::Get | HttpMethod::Head, HttpTarget::Path(_)) = (line.method, line.target)
    {
        assert_eq!(asks_for_page(wire), Some(true));
    }
}));

/// `GET /x` without a version is a command to the decoder, which the caller of [`opens_http`] never asks.
fn is_page(wire: &[u8]) -> bool {
    wire.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"GET "))
}
