//! A reply is read as `resp_rs` reads it, and no part of its bytes is a reply.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use resp_rs::resp3::{Frame, parse_frame};
use sockeye_fuzz::heap::freed;
use sockeye_fuzz::is_same;
use sockeye_resp::decode_reply;

const RX_LEN_MAX: usize = 512;

fuzz_target!(|data: &[u8]| freed(|| {
    let data = &data[..data.len().min(RX_LEN_MAX)];
    let Ok(Some((reply, len))) = decode_reply(data, RX_LEN_MAX) else {
        return;
    };
    let reply_wire = &data[..len];
    for len in 0..len {
        assert_eq!(decode_reply(&data[..len], RX_LEN_MAX), Ok(None), "{len} bytes");
    }
    let (frame, rest) = parse_reply(Bytes::copy_from_slice(reply_wire));
    assert!(rest.is_empty(), "{} is more than one reply", reply_wire.escape_ascii());
    assert!(is_same(reply, &frame), "{reply:?} is not {frame:?}");
}));

/// Passes over attributes, which `resp_rs` gives like replies.
fn parse_reply(mut wire: Bytes) -> (Frame, Bytes) {
    loop {
        let (frame, rest) = parse_frame(wire).expect("resp_rs reads it too");
        if !matches!(frame, Frame::Attribute(_)) {
            return (frame, rest);
        }
        wire = rest;
    }
}
