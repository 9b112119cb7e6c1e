//! Properties of writing and reading replies.

#[path = "common/oracle.rs"]
mod oracle;

use core::fmt::Write;

use bytes::Bytes;
use oracle::is_same;
use proptest::collection::vec;
use proptest::prelude::*;
use resp_rs::{resp2, resp3};
use sockeye_resp::decode_reply;
use sockeye_resp::limits::{OVERFLOW_REPLY, REPLY_DEPTH_MAX, TX_LEN_MIN};
use sockeye_resp::{Protocol, ReplyWriter};

/// One reply that a command may write.
#[derive(Clone, Debug)]
enum Written {
    Simple(String),
    Error(String),
    Integer(i64),
    Bulk(Vec<u8>),
    Text(Vec<String>),
    Verbatim(String),
    Null,
    NullArray,
    Boolean(bool),
    Double(f64),
    Array(Vec<Written>),
    Map(Vec<(Written, Written)>),
    Set(Vec<Written>),
    Push(Vec<Written>),
}

impl Written {
    fn write(&self, reply: &mut ReplyWriter) {
        let all = |elements: &[Written], reply: &mut ReplyWriter| {
            elements.iter().for_each(|element| element.write(reply));
        };
        match self {
            Self::Simple(text) => reply.simple(text),
            Self::Error(text) => reply.error(text),
            Self::Integer(value) => reply.integer(*value),
            Self::Bulk(bytes) => reply.bulk(bytes),
            Self::Text(parts) => {
                reply.bulk_with(|out| parts.iter().try_for_each(|part| out.write_str(part)));
            }
            Self::Verbatim(text) => reply.verbatim(*b"txt", text),
            Self::Null => reply.null(),
            Self::NullArray => reply.null_array(),
            Self::Boolean(value) => reply.boolean(*value),
            Self::Double(value) => reply.double(*value),
            Self::Array(elements) => {
                reply.array(elements.len());
                all(elements, reply);
            }
            Self::Map(pairs) => {
                reply.map(pairs.len());
                for (key, value) in pairs {
                    key.write(reply);
                    value.write(reply);
                }
            }
            Self::Set(elements) => {
                reply.set(elements.len());
                all(elements, reply);
            }
            Self::Push(elements) => {
                reply.push(elements.len());
                all(elements, reply);
            }
        }
    }

    fn to_wire(&self, protocol: Protocol) -> Vec<u8> {
        let mut tx = vec![0; 100_000];
        let mut reply = ReplyWriter::new(&mut tx, protocol);
        self.write(&mut reply);
        assert!(!reply.is_overflowed());
        reply.as_bytes().to_vec()
    }
}

fn written() -> impl Strategy<Value = Written> {
    let text = || prop_oneof!["[a-z ]{0,12}", "[a\r\n\u{e9}\0]{0,8}"];
    let leaf = prop_oneof![
        text().prop_map(Written::Simple),
        text().prop_map(Written::Error),
        any::<i64>().prop_map(Written::Integer),
        vec(any::<u8>(), 0..120).prop_map(Written::Bulk),
        vec(text(), 0..5).prop_map(Written::Text),
        text().prop_map(Written::Verbatim),
        Just(Written::Null),
        Just(Written::NullArray),
        any::<bool>().prop_map(Written::Boolean),
        any::<f64>().prop_map(Written::Double),
        any::<f32>().prop_map(|value| Written::Double(value.into())),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Written::Array),
            vec((inner.clone(), inner.clone()), 0..3).prop_map(Written::Map),
            vec(inner.clone(), 0..4).prop_map(Written::Set),
            vec(inner, 0..4).prop_map(Written::Push),
        ]
    })
}

fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::Resp2), Just(Protocol::Resp3)]
}

/// How many replies `wire` is, to `resp_rs`; it must be nothing but replies.
fn count_frames(wire: &[u8], protocol: Protocol) -> usize {
    let mut rest = Bytes::copy_from_slice(wire);
    let mut frames = 0;
    while !rest.is_empty() {
        rest = match protocol {
            Protocol::Resp2 => resp2::parse_frame(rest).map(|(_, rest)| rest),
            Protocol::Resp3 => resp3::parse_frame(rest).map(|(_, rest)| rest),
        }
        .unwrap_or_else(|error| panic!("{error}: {}", wire.escape_ascii()));
        frames += 1;
    }
    frames
}

/// Any frame that has one spelling here and there.
fn frame() -> impl Strategy<Value = resp3::Frame> {
    use resp3::Frame;
    let bytes = || vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let text = || "[a-zA-Z :+*$]{0,12}".prop_map(Bytes::from);
    let leaf = prop_oneof![
        text().prop_map(Frame::SimpleString),
        text().prop_map(Frame::Error),
        any::<i64>().prop_map(Frame::Integer),
        bytes().prop_map(|bytes| Frame::BulkString(Some(bytes))),
        Just(Frame::BulkString(None)),
        Just(Frame::Array(None)),
        bytes().prop_map(Frame::BlobError),
        Just(Frame::Null),
        (-1e6..1e6).prop_map(Frame::Double),
        prop::sample::select(&["inf", "-inf", "nan"][..]).prop_map(|text| Frame::SpecialFloat(Bytes::from(text))),
        any::<bool>().prop_map(Frame::Boolean),
        "[+-]?[0-9]{1,30}".prop_map(|text| Frame::BigNumber(Bytes::from(text))),
        "[a-z]{3}:[a-z]{0,9}".prop_map(|text| Frame::VerbatimString { payload: Bytes::from(text) }),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|elements| Frame::Array(Some(elements))),
            vec(inner.clone(), 0..4).prop_map(Frame::Set),
            vec(inner.clone(), 0..4).prop_map(Frame::Push),
            vec((inner.clone(), inner), 0..3).prop_map(Frame::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Whatever its size, the buffer holds as many whole replies as were begun. Each is the reply that a large buffer
    /// would hold, or the error.
    #[test]
    fn the_output_is_always_whole_replies(
        replies in vec(written(), 1..6),
        tx_len in 0usize..300,
        protocol in protocol(),
    ) {
        let mut tx = vec![0; tx_len];
        let mut reply = ReplyWriter::new(&mut tx, protocol);
        let mut expected = Vec::new();
        let mut begun = 0;
        for written in &replies {
            let room = tx_len - reply.as_bytes().len();
            prop_assert_eq!(reply.begin(0).is_ok(), room >= TX_LEN_MIN);
            written.write(&mut reply);
            if room >= TX_LEN_MIN {
                begun += 1;
                let whole = written.to_wire(protocol);
                prop_assert!(reply.is_overflowed() || whole.len() <= room);
                let fits = !reply.is_overflowed();
                expected.extend(if fits { &whole[..] } else { OVERFLOW_REPLY.as_bytes() });
            }
            prop_assert_eq!(reply.as_bytes(), &expected);
        }
        prop_assert_eq!(count_frames(&expected, protocol), begun);
    }

    /// A reply is refused only if it is too long. A text may need up to 8 bytes more while its length is not known yet.
    #[test]
    fn a_reply_that_fits_is_written(written in written(), protocol in protocol(), spare in 0usize..9) {
        let whole = written.to_wire(protocol);
        let mut tx = vec![0; (whole.len() + 8 + spare).max(TX_LEN_MIN)];
        let mut reply = ReplyWriter::new(&mut tx, protocol);
        written.write(&mut reply);
        prop_assert_eq!(reply.as_bytes(), whole);
    }

    #[test]
    fn what_the_writer_writes_is_read_as_resp_rs_reads_it(written in written()) {
        let wire = written.to_wire(Protocol::Resp3);
        let (frame, _) = resp3::parse_frame(wire.clone().into()).unwrap();
        let (reply, len) = decode_reply(&wire, wire.len()).unwrap().unwrap();
        prop_assert_eq!(len, wire.len());
        prop_assert!(is_same(reply, &frame), "{reply:?} is not {frame:?}");
        for len in 0..wire.len() {
            prop_assert_eq!(decode_reply(&wire[..len], wire.len()), Ok(None));
        }
    }

    #[test]
    fn what_resp_rs_writes_is_read_as_it_reads_it(frame in frame()) {
        let wire = resp3::try_frame_to_bytes(&frame).unwrap();
        let (reply, len) = decode_reply(&wire, wire.len()).unwrap().unwrap();
        prop_assert_eq!(len, wire.len());
        prop_assert!(is_same(reply, &frame), "{reply:?} is not {frame:?}");
    }

    #[test]
    fn what_is_read_as_a_reply_is_one_to_resp_rs(
        frame in frame(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(&b"0123456789\r\n*%~>|$=!:_,(#"[..])],
    ) {
        let mut wire = resp3::try_frame_to_bytes(&frame).unwrap().to_vec();
        let at = at.index(wire.len());
        wire[at] = byte;
        if let Ok(Some((reply, len))) = decode_reply(&wire, 1000) && wire[0] != b'|' {
            let (frame, rest) = resp3::parse_frame(wire.clone().into()).unwrap();
            prop_assert_eq!(wire.len() - rest.len(), len);
            prop_assert!(is_same(reply, &frame), "{reply:?} is not {frame:?}");
        }
    }

    #[test]
    fn noise_is_read_without_harm(rx in vec(any::<u8>(), 0..80), rx_len_max in 0usize..100) {
        if let Ok(Some((_, len))) = decode_reply(&rx, rx_len_max) {
            prop_assert!(len <= rx.len());
        }
    }
}

#[test]
fn the_depth_limit_is_not_a_matter_of_stack() {
    let wire = "*1\r\n".repeat(1_000_000);
    assert!(decode_reply(wire.as_bytes(), usize::MAX).is_err());
    assert!(decode_reply("*1\r\n".repeat(REPLY_DEPTH_MAX).as_bytes(), usize::MAX).is_ok());
}
