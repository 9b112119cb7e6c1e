//! Properties of request decoding.

mod common;

use bytes::Bytes;
use common::{decode, model};
use proptest::collection::vec;
use proptest::prelude::*;
use resp_rs::resp2::{Frame, frame_to_bytes, parse_frame};
use sockeye_resp::Limits;
use sockeye_resp::encode_request;
use sockeye_resp::limits::{ARGS_MAX, BULK_LEN_MAX, REQUEST_LEN_MAX};

fn args() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let arg = prop_oneof![
        8 => vec(any::<u8>(), 0..12),
        1 => vec(any::<u8>(), 0..200),
        1 => vec(any::<u8>(), 500..520),
    ];
    prop_oneof![8 => vec(arg.clone(), 1..5), 1 => vec(arg, 1..36)]
}

fn array(args: &[Vec<u8>]) -> Vec<u8> {
    let bulk = |arg: &Vec<u8>| Frame::BulkString(Some(Bytes::from(arg.clone())));
    frame_to_bytes(&Frame::Array(Some(args.iter().map(bulk).collect()))).to_vec()
}

/// Text in which quotes, escapes and blanks are frequent.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        6 => prop::sample::select(&b"abnrtx0fF\"\"''\\\\ \t\x0b\x0c\r"[..]),
        1 => prop::sample::select(&b"\xff\xff\xff\xf0\xf4\xf7\xf8\xfa\xfb\xfd\x03\xef\xbb\xbf"[..]),
        1 => any::<u8>().prop_filter("ends the line", |byte| !matches!(byte, 0 | b'\n')),
    ];
    vec(byte, 0..40)
}

/// One item of a stream: mostly a request, or something near one.
fn item() -> impl Strategy<Value = Vec<u8>> {
    let terminated = |mut line: Vec<u8>| {
        line.extend(b"\r\n");
        line
    };
    prop_oneof![
        4 => args().prop_map(|args| array(&args)),
        3 => line().prop_map(terminated),
        1 => prop::sample::select(&["\r\n", "\n", "*0\r\n", "*-1\r\n", "PING\n", "PING\r\0", "\u{feff}"][..])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::sample::select(&["POST / ", "Host: a", "GET / HTTP/1.1", "*", "*1\r\n$"][..])
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => vec(prop::sample::select(&b"\xff\xff\xf0\xf4\xfa\xfb\0\nx"[..]), 1..12),
        1 => vec(b'x'..=b'z', 200..600).prop_map(terminated),
    ]
}

/// A stream, into which an error may have crept.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let change = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()));
    (vec(item(), 1..8), change).prop_map(|(items, change)| {
        let mut wire = items.concat();
        if let Some((at, byte)) = change {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        wire
    })
}

fn limits() -> impl Strategy<Value = Limits> {
    prop_oneof![Just(Limits::AUTHENTICATED), Just(Limits::UNAUTHENTICATED)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_split_decodes_as_the_model_does(
        wire in stream(),
        pieces in vec(1u8..80, 1..6),
        limits in limits(),
    ) {
        let expected = model(&wire, &limits);
        prop_assert_eq!(decode(&wire, &pieces, &limits), expected.clone());
        prop_assert_eq!(decode(&wire, &[], &limits), expected.clone());
        prop_assert_eq!(decode(&wire, &[1], &limits), expected);
    }

    #[test]
    fn an_array_is_read_as_resp_rs_wrote_it(args in args(), pieces in vec(1u8..80, 1..6)) {
        let wire = array(&args);
        let outcome = decode(&wire, &pieces, &Limits::AUTHENTICATED);
        let fits = args.len() <= ARGS_MAX && args.iter().all(|arg| arg.len() <= BULK_LEN_MAX);
        if fits && wire.len() <= REQUEST_LEN_MAX {
            prop_assert_eq!(outcome.consumed, wire.len());
            prop_assert_eq!(outcome.requests, [args]);
        } else {
            prop_assert!(outcome.error.is_some());
        }
    }

    #[test]
    fn what_is_read_as_an_array_is_one_to_resp_rs(
        args in args(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), b'0'..=b'9'],
    ) {
        let mut wire = array(&args);
        let at = at.index(wire.len());
        wire[at] = byte;
        // An array of no arguments is skipped, and what follows is a line.
        let is_array = wire[0] == b'*' && wire[1] != b'0';
        let outcome = decode(&wire, &[], &Limits::AUTHENTICATED);
        if is_array && outcome.error.is_none() && outcome.requests.len() == 1 {
            let (frame, rest) = parse_frame(wire.clone().into()).unwrap();
            prop_assert_eq!(frame_to_bytes(&frame), array(&outcome.requests[0]));
            prop_assert_eq!(wire.len() - rest.len(), outcome.consumed);
        }
    }

    #[test]
    fn a_request_is_read_as_the_client_wrote_it(args in args()) {
        let slices: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let mut tx = [0; 20_000];
        let tx_len = encode_request(&slices, &mut tx).unwrap();
        prop_assert_eq!(&tx[..tx_len], array(&args));
    }

    #[test]
    fn a_line_is_split_as_the_model_does(line in line()) {
        let wire = [&line[..], b"\r\n"].concat();
        let limits = Limits::AUTHENTICATED;
        prop_assert_eq!(decode(&wire, &[], &limits), model(&wire, &limits));
    }
}
