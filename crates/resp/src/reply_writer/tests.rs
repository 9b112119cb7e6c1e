use super::*;
use crate::limits::TX_LEN_MIN;

fn written(protocol: Protocol, tx_len: usize, write: impl Fn(&mut ReplyWriter)) -> String {
    let mut tx = vec![0; tx_len];
    let mut reply = ReplyWriter::new(&mut tx, protocol);
    reply.begin(0).unwrap();
    write(&mut reply);
    String::from_utf8(reply.as_bytes().to_vec()).unwrap()
}

/// The reply in both versions, first RESP2.
fn check(write: impl Fn(&mut ReplyWriter), expected: [&str; 2]) {
    let versions = [Protocol::Resp2, Protocol::Resp3];
    assert_eq!(versions.map(|version| written(version, 200, &write)), expected);
    // Where the reply fits exactly it is written, and a byte less it isn't.
    for (version, expected) in versions.into_iter().zip(expected) {
        for tx_len in TX_LEN_MIN..200 {
            let short = written(version, tx_len, &write);
            if short != expected {
                assert_eq!(short, OVERFLOW_REPLY, "{tx_len} bytes for {expected:?}");
            }
            assert!(short == expected || tx_len < expected.len() + 4, "{expected:?}");
        }
    }
}

#[test]
fn the_same_in_both_versions() {
    let same = |write: fn(&mut ReplyWriter), expected| check(write, [expected; 2]);
    same(|reply| reply.ok(), "+OK\r\n");
    same(|reply| reply.simple("a b"), "+a b\r\n");
    same(|reply| reply.error("ERR no"), "-ERR no\r\n");
    same(|reply| reply.integer(0), ":0\r\n");
    same(|reply| reply.integer(i64::MAX), ":9223372036854775807\r\n");
    same(|reply| reply.integer(i64::MIN), ":-9223372036854775808\r\n");
    same(|reply| reply.bulk(b""), "$0\r\n\r\n");
    same(|reply| reply.bulk(b"a\r\nb"), "$4\r\na\r\nb\r\n");
    same(|reply| reply.bulk(b"123456789"), "$9\r\n123456789\r\n");
    same(|reply| reply.bulk(b"1234567890"), "$10\r\n1234567890\r\n");
    same(|reply| reply.short_bulk(0, |_| ()), "$0\r\n\r\n");
    same(|reply| reply.short_bulk(9, |text| text.fill(b'x')), "$9\r\nxxxxxxxxx\r\n");
    same(|reply| reply.short_bulk(10, |_| unreachable!()), OVERFLOW_REPLY);
    same(|reply| reply.bulk_fmt(format_args!("{}", 12)), "$2\r\n12\r\n");
    same(|reply| reply.array(2), "*2\r\n");
}

#[test]
fn equivalents() {
    check(|reply| reply.null(), ["$-1\r\n", "_\r\n"]);
    check(|reply| reply.null_array(), ["*-1\r\n", "_\r\n"]);
    check(|reply| reply.boolean(true), [":1\r\n", "#t\r\n"]);
    check(|reply| reply.boolean(false), [":0\r\n", "#f\r\n"]);
    check(|reply| reply.map(3), ["*6\r\n", "%3\r\n"]);
    check(|reply| reply.set(3), ["*3\r\n", "~3\r\n"]);
    check(|reply| reply.push(3), ["*3\r\n", ">3\r\n"]);
    check(|reply| reply.verbatim(*b"txt", "hi"), ["$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"]);
    check(|reply| reply.double(-0.5), ["$4\r\n-0.5\r\n", ",-0.5\r\n"]);
    let nan = ["$3\r\nnan\r\n", ",nan\r\n"];
    check(|reply| reply.double(f64::NAN), nan);
}

#[test]
fn texts_longer_than_their_header_was_guessed_for() {
    for len in [0, 1, 9, 10, 99, 100, 999, 1000, 1015] {
        let text = "x".repeat(len);
        let bulk = written(Protocol::Resp3, 1024, |reply| reply.bulk_with(|out| out.write_str(&text)));
        assert_eq!(bulk, format!("${len}\r\n{text}\r\n"));
    }
}

#[test]
fn a_line_stays_one_line() {
    check(|reply| reply.simple("a\r\n+b"), ["+a  +b\r\n"; 2]);
    check(|reply| reply.error("ERR a\n-b\0\x1b[2J"), ["-ERR a -b  [2J\r\n"; 2]);
}

#[test]
fn overflow_lasts_until_the_next_reply_and_leaves_the_earlier_ones() {
    let mut tx = [0; 60];
    let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
    reply.begin(0).unwrap();
    reply.ok();
    reply.begin(0).unwrap();
    reply.array(2);
    reply.bulk(&[b'x'; 60]);
    reply.bulk(b"y");
    assert!(reply.is_overflowed());
    let sent = ["+OK\r\n", OVERFLOW_REPLY].concat();
    assert_eq!(reply.as_bytes(), sent.as_bytes());

    assert_eq!(reply.begin(0), Err(BufferFull));
    reply.ok();
    assert_eq!(reply.as_bytes(), sent.as_bytes());

    reply.clear();
    reply.begin(0).unwrap();
    reply.ok();
    assert_eq!(reply.as_bytes(), b"+OK\r\n");
}

#[test]
fn a_message_that_does_not_fit_is_dropped_without_an_error() {
    let mut tx = [0; 60];
    let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp3);
    reply.ok();
    reply.begin(0).unwrap();
    reply.push(1);
    reply.bulk(&[b'x'; 60]);
    reply.rewind();
    assert_eq!(reply.as_bytes(), b"+OK\r\n");
}

#[test]
fn room_is_asked_for_beside_waiting_replies_only() {
    let mut tx = [0; 100];
    let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
    assert_eq!(reply.begin(1000), Ok(()));
    reply.ok();
    assert_eq!(reply.begin(95), Ok(()));
    assert_eq!(reply.begin(96), Err(BufferFull));
}

#[test]
fn a_buffer_too_short_for_an_error_stays_empty() {
    for tx_len in 0..TX_LEN_MIN {
        let mut tx = vec![0; tx_len];
        let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
        assert_eq!(reply.begin(0), Err(BufferFull));
        reply.ok();
        assert_eq!(reply.as_bytes(), b"");
    }
}
