//! Properties of what is taken for HTTP, with httparse as a second opinion.

mod common;

use common::decode;
use proptest::collection::vec;
use proptest::prelude::*;
use sockeye_resp::{HTTP_START_LEN_MAX, HttpMethod, HttpRequestLine, HttpTarget, Limits, asks_for_page, opens_http};

const METHODS: [&str; 16] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "CONNECT",
    "TRACE",
    "PRI",
    "get",
    "Head",
    "FROB",
    "SUBSCRIBE",
    "CONFIG",
    "*1",
];

/// Something near a request line of HTTP. A line has no line feed: those who read lines end them there.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let target = prop_oneof![
        4 => "(/[a-z0-9?#=%.]{0,12}){1,3}",
        3 => "[hH]ttps?:/{1,3}[a-z0-9.:]{0,12}[/?#]?[a-z/]{0,8}",
        1 => prop::sample::select(&["*", "lm35", "a:443", "", "/ /"][..]).prop_map(str::to_owned),
    ];
    let version = prop_oneof![
        6 => prop::sample::select(&["HTTP/1.1", "HTTP/1.0"][..]).prop_map(str::to_owned),
        2 => prop::sample::select(&["HTTP/2.0", "HTTP/1.1 ", "http/1.1", "HTTP/", "HTTP/1", "1", ""][..])
            .prop_map(str::to_owned),
    ];
    let words = (prop::sample::select(&METHODS[..]), target, version);
    let byte = any::<u8>().prop_filter("a line has no line feed", |&byte| byte != b'\n');
    let change = prop::option::weighted(0.2, (any::<prop::sample::Index>(), byte));
    (words, prop::bool::weighted(0.8), change).prop_map(|((method, target, version), has_cr, change)| {
        let mut line = format!("{method} {target} {version}").into_bytes();
        if let Some((at, byte)) = change {
            let at = at.index(line.len());
            line[at] = byte;
        }
        if has_cr {
            line.push(b'\r');
        }
        line
    })
}

fn is_page(line: &HttpRequestLine<'_>) -> bool {
    matches!((line.method, line.target), (HttpMethod::Get | HttpMethod::Head, HttpTarget::Path(_)))
}

/// The decoder takes the carriage return for a blank, so the line has four words there.
#[test]
fn a_carriage_return_within_a_line_makes_it_no_request_line() {
    assert_eq!(HttpRequestLine::parse(b"FROB /\r0aaa HTTP/1.1\r"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, ..ProptestConfig::default() })]

    #[test]
    fn a_verdict_about_first_bytes_is_kept_and_comes_in_time(line in prop_oneof![line(), vec(any::<u8>(), 0..20)]) {
        for verdict in [opens_http, asks_for_page] {
            let whole = verdict(&line);
            prop_assert!(whole.is_some() || line.len() < HTTP_START_LEN_MAX);
            for len in 0..line.len() {
                let early = verdict(&line[..len]);
                prop_assert!(early.is_none() || early == whole, "{len} bytes of it");
            }
        }
        prop_assert!(asks_for_page(&line) != Some(true) || opens_http(&line) == Some(true));
    }

    /// Whatever is a request line is no command, wherever it comes.
    #[test]
    fn no_request_line_is_a_command(line in line()) {
        let request = HttpRequestLine::parse(&line);
        prop_assert!(!request.as_ref().is_some_and(is_page) || asks_for_page(&line) == Some(true));
        // Some bytes mean something else to the decoder: quotes, line ends, blanks, Telnet, the start of an array.
        let is_plain = line.iter().all(|byte| matches!(byte, b' ' | b'\r' | b'#'..=b'&' | b'('..=b'~')) && line[0] != b'*';
        if request.is_some() && is_plain {
            let wire = [&line[..], b"\n"].concat();
            let outcome = decode(&wire, &[], &Limits::AUTHENTICATED);
            prop_assert!(outcome.requests.is_empty(), "{:?}", outcome.requests);
        }
    }

    #[test]
    fn what_httparse_reads_is_read_alike(line in line()) {
        let wire = [&line[..], b"\n\r\n"].concat();
        let mut headers = [httparse::EMPTY_HEADER; 1];
        let mut theirs = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(_)) = theirs.parse(&wire) {
            let ours = HttpRequestLine::parse(&line);
            prop_assert!(ours.is_some_and(|ours| ours.is_http1), "{ours:?}");
            let ours = ours.unwrap();
            let method = match theirs.method.unwrap() {
                "GET" => HttpMethod::Get,
                "HEAD" => HttpMethod::Head,
                "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => HttpMethod::Known,
                _ => HttpMethod::Unknown,
            };
            prop_assert_eq!(ours.method, method);
            let path = theirs.path.unwrap();
            let path = path.split(['?', '#']).next().unwrap();
            if path.starts_with('/') {
                prop_assert_eq!(ours.target, HttpTarget::Path(path.as_bytes()));
            }
        }
    }

    #[test]
    fn any_bytes_are_judged(bytes in vec(any::<u8>(), 0..64)) {
        let _ = (opens_http(&bytes), asks_for_page(&bytes), HttpRequestLine::parse(&bytes));
    }
}
