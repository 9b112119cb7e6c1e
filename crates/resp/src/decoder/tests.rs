use super::*;
use crate::limits::{INLINE_LEN_MAX, RX_LEN_MIN};
use ProtocolError::*;

const AUTHENTICATED: Limits = Limits::AUTHENTICATED;
const UNAUTHENTICATED: Limits = Limits::UNAUTHENTICATED;

type Expected<'a> = (&'a [&'a [&'a str]], Option<ProtocolError>);

/// The requests in `wire`, and the error after them if there is one; the
/// same however the bytes come.
fn check(wire: &str, limits: &Limits, (requests, error): Expected<'_>) {
    for piece_len in [1, 2, 7, wire.len().max(1)] {
        let mut rx = wire.as_bytes().to_vec();
        let mut decoder = Decoder::new();
        let mut decoded = Vec::new();
        let mut result = Ok(());
        for rx_len in (0..=rx.len()).step_by(piece_len).chain([rx.len()]) {
            result = decode_all(&mut decoder, &mut rx[..rx_len], limits, &mut decoded);
        }
        assert_eq!(decoded, requests, "{wire:?}");
        assert_eq!(result.err(), error, "{wire:?} in pieces of {piece_len}");
    }
}

fn decode_all(
    decoder: &mut Decoder,
    rx: &mut [u8],
    limits: &Limits,
    decoded: &mut Vec<Vec<String>>,
) -> Result<(), ProtocolError> {
    // Each piece finds a table of arguments that others have used meanwhile.
    let mut table = Args::new();
    while let Some(request) = decoder.decode(rx, &mut table, limits)? {
        let args = request.args().map(|arg| String::from_utf8_lossy(arg).into_owned());
        decoded.push(args.collect());
    }
    Ok(())
}

#[test]
fn arrays() {
    let check = |wire, requests| check(wire, &AUTHENTICATED, (requests, None));
    check("*1\r\n$4\r\nPING\r\n", &[&["PING"]]);
    check("*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n", &[&["GET", "a\r\nb"]]);
    check("*2\r\n$0\r\n\r\n$0\r\n\r\n", &[&["", ""]]);
    check("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\nc\r\n", &[&["a"], &["b"], &["c"]]);
    check("*0\r\n*-1\r\n*-7\r\n*1\r\n$1\r\na\r\n", &[&["a"]]);
    check("*1\r\n$4\r\nPIN", &[]);
    check("*1\r\n$4\r\nPING\r", &[]);
    // Methods of HTTP are words like any other in an array.
    check("*1\r\n$4\r\nPOST\r\n", &[&["POST"]]);
}

#[test]
fn lines() {
    let check = |wire, requests| check(wire, &AUTHENTICATED, (requests, None));
    check("PING\r\n", &[&["PING"]]);
    check("PING\nGET lm35\n", &[&["PING"], &["GET", "lm35"]]);
    check("\r\n\n  \r\nPING\r\n\r\n", &[&["PING"]]);
    check("SET a 'b c'\r\n\"\\x47ET\" a\r\n", &[&["SET", "a", "b c"], &["GET", "a"]]);
    check("PING", &[]);
    check("PING\r", &[]);
}

#[test]
fn malformed() {
    let check = |wire, error| check(wire, &AUTHENTICATED, (&[], Some(error)));
    check("*x\r\n", InvalidMultibulkLength);
    check("*\r\n", InvalidMultibulkLength);
    check("*1\n$1\r\n", InvalidMultibulkLength);
    check("*1\rx", InvalidMultibulkLength);
    check("*123456789012", InvalidMultibulkLength);
    check("*1\r\n:", ExpectedBulk(b':'));
    check("*1\r\n\r", ExpectedBulk(b'\r'));
    check("*1\r\n*1\r\n", ExpectedBulk(b'*'));
    check("*1\r\n$x\r\n", InvalidBulkLength);
    check("*1\r\n$-1\r\n", InvalidBulkLength);
    check("*1\r\n$123456789012", InvalidBulkLength);
    check("*1\r\n$4\r\nPINGS\r\n", InvalidBulkLength);
    check("SET a \"b\r\n", UnbalancedQuotes);
    check("a\0", NulInInlineRequest);
    check("\0", NulInInlineRequest);
}

/// The same however the bytes come.
fn check_bytes(wire: &[u8], requests: &[&[&str]]) {
    for piece_len in [1, 2, 7, wire.len()] {
        let mut rx = wire.to_vec();
        let (mut decoder, mut decoded) = (Decoder::new(), Vec::new());
        for rx_len in (0..=rx.len()).step_by(piece_len).chain([rx.len()]) {
            decode_all(&mut decoder, &mut rx[..rx_len], &AUTHENTICATED, &mut decoded).unwrap();
        }
        assert_eq!(decoded, requests, "{:?} in pieces of {piece_len}", wire.escape_ascii().to_string());
    }
}

#[test]
fn field_14_huge_numbers_are_invalid_lengths() {
    for digits in ["123456789012", "4294967296", "99999999999999999999999999"] {
        for end in ["", "\r\n"] {
            let check = |wire: String, error| check(&wire, &AUTHENTICATED, (&[], error));
            let is_waited_for = digits.len() <= 11 && end.is_empty();
            check(format!("*{digits}{end}"), (!is_waited_for).then_some(InvalidMultibulkLength));
            check(format!("*1\r\n${digits}{end}"), (!is_waited_for).then_some(InvalidBulkLength));
        }
    }
}

#[test]
fn field_19_telnet_negotiation_is_passed_over() {
    let putty = b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03\xff\xfd\x03";
    check_bytes(&[&putty[..], b"PING\r\n"].concat(), &[&["PING"]]);
    check_bytes(&[b"PI", &putty[..], b"NG\r\n"].concat(), &[&["PING"]]);
    // The size of a window, 80 by 24, and an option whose number is a line feed or a NUL.
    check_bytes(b"PING\r\n\xff\xfa\x1f\0\x50\0\x18\xff\xf0PING\r\n", &[&["PING"], &["PING"]]);
    check_bytes(b"PI\xff\xfa\x1f\0\x0a\0\x18\xff\xf0NG\r\n\xff\xfd\n\xff\xfb\0PING\n", &[&["PING"], &["PING"]]);
    check_bytes(&[&putty[..], b"*1\r\n$4\r\nPING\r\n"].concat(), &[&["PING"]]);
    check_bytes(b"*2\r\n$4\r\nECHO\r\n$3\r\n\x03\0\n\r\n", &[&["ECHO", "\x03\0\n"]]);
    check_bytes(b"ECHO \xff\xffx\r\n", &[&["ECHO", "\u{fffd}x"]]);
}

#[test]
fn field_19_negotiation_alone_is_no_half_request() {
    let mut decoder = Decoder::new();
    let mut rx = *b"\xff\xfb\x1f\xff\xfd\x03";
    assert!(decoder.decode(&mut rx, &mut Args::new(), &AUTHENTICATED).unwrap().is_none());
    assert_eq!(decoder.drain_consumed(), rx.len());
}

#[test]
fn field_19_each_end_of_a_line_is_one() {
    check_bytes(b"PING\r\0PING\r\nPING\nPING\r\0\r\0", &[&["PING"], &["PING"], &["PING"], &["PING"]]);
    check_bytes(b"ECHO \"a\"\r\0", &[&["ECHO", "a"]]);
}

#[test]
fn field_19_ctrl_c_drops_what_was_typed() {
    check_bytes(b"PING\r\n\xff\xf4\xff\xfd\x06PING\r\n", &[&["PING"], &["PING"]]);
    check_bytes(b"SET led 1\xff\xf4\xff\xfd\x06PING\r\n", &[&["PING"]]);
    check_bytes(b"SET led 1\x03PING\r\n\x03\r\n", &[&["PING"]]);
}

#[test]
fn field_19_a_byte_order_mark_is_passed_over() {
    check_bytes(b"\xef\xbb\xbfGET lm35\r\n", &[&["GET", "lm35"]]);
    check_bytes(b"\xef\xbb\xbf*1\r\n$4\r\nPING\r\n", &[&["PING"]]);
    check_bytes(
        "\u{feff}\u{feff}PING\r\nECHO \u{feff}\r\n\u{f000}\r\n".as_bytes(),
        &[&["PING"], &["ECHO", "\u{feff}"], &["\u{f000}"]],
    );
}

#[test]
fn field_19_no_negotiation_gets_past_the_limits_or_runs_http() {
    let check = |wire: Vec<u8>, expected| {
        let (mut rx, mut args) = (wire, Args::new());
        assert_eq!(Decoder::new().decode(&mut rx, &mut args, &AUTHENTICATED).err(), Some(expected));
    };
    check([&b"\xff\xfa"[..], &[b'x'; INLINE_LEN_MAX]].concat(), TooBigInlineRequest);
    check([&b"x\xff\xfa"[..], &[b'x'; INLINE_LEN_MAX]].concat(), TooBigInlineRequest);
    check([&b"x".repeat(10)[..], &b"\xff\xf1".repeat(INLINE_LEN_MAX / 2)].concat(), TooBigInlineRequest);
    check(b"\xff\xfb\x1fPOST / HTTP/1.1\r\n".to_vec(), Http);
    check(b"PO\xff\xf1ST / HTTP/1.1\r\n".to_vec(), Http);
    check(b"POST / HTTP/1.1 \xff\xf4PING\r\n".to_vec(), Http);
    check(b"GET /\x03PING\r\n".to_vec(), Http);
    check(b"\xef\xbb\xbfPOST / HTTP/1.1\r\n".to_vec(), Http);
    check(b"x\xff\xfa\0\xff\xf0\0".to_vec(), NulInInlineRequest);
}

#[test]
fn field_21_a_typed_key_with_a_colon_is_not_taken_for_http() {
    let check = |wire, requests| check(wire, &AUTHENTICATED, (requests, None));
    check("history:lm35\r\nPING\r\n", &[&["history:lm35"], &["PING"]]);
    check("history:lm35 - +\r\n", &[&["history:lm35", "-", "+"]]);
    check("a:b:c x\r\n", &[&["a:b:c", "x"]]);
}

#[test]
fn the_requests_before_an_error_are_served() {
    check("PING\r\n*x\r\nPING\r\n", &AUTHENTICATED, (&[&["PING"]], Some(InvalidMultibulkLength)));
}

#[test]
fn limits_hold_when_a_length_is_announced() {
    let check = |wire: &str, authenticated, unauthenticated| {
        check(wire, &AUTHENTICATED, (&[], authenticated));
        check(wire, &UNAUTHENTICATED, (&[], unauthenticated));
    };
    check("*10\r\n", None, None);
    check("*11\r\n", None, Some(UnauthenticatedMultibulkLength));
    check("*32\r\n", None, Some(UnauthenticatedMultibulkLength));
    check("*33\r\n", Some(InvalidMultibulkLength), Some(InvalidMultibulkLength));
    check("*1\r\n$128\r\n", None, None);
    check("*1\r\n$129\r\n", None, Some(UnauthenticatedBulkLength));
    check("*1\r\n$512\r\n", None, Some(UnauthenticatedBulkLength));
    check("*1\r\n$513\r\n", Some(InvalidBulkLength), Some(InvalidBulkLength));

    // 500 bytes so far: 4 for the count, 4 * 124.
    let so_far = "*5\r\n".to_owned() + &format!("$116\r\n{}\r\n", "x".repeat(116)).repeat(4);
    check(&(so_far.clone() + "$6\r\n"), None, None);
    check(&(so_far.clone() + "$7\r\n"), None, Some(UnauthenticatedBulkLength));
    let unauthenticated = Some(UnauthenticatedBulkLength);
    check(&(so_far.clone() + "$492\r\n"), None, unauthenticated);
    check(&(so_far + "$493\r\n"), Some(InvalidBulkLength), Some(InvalidBulkLength));
}

#[test]
fn the_arguments_to_come_count_into_the_limit() {
    // 525 bytes so far, 8 more besides the payload, and 6 for each of 30.
    let so_far = format!("*32\r\n$512\r\n{}\r\n", "x".repeat(512));
    let check = |wire: String, error| check(&wire, &AUTHENTICATED, (&[], error));
    check(format!("{so_far}$287\r\n"), None);
    check(format!("{so_far}$288\r\n"), Some(InvalidBulkLength));
}

#[test]
fn lines_are_limited() {
    let line = |len| "x".repeat(len);
    let fits = line(INLINE_LEN_MAX);
    check(&(fits.clone() + "\n"), &AUTHENTICATED, (&[&[&fits]], None));
    check(&fits, &AUTHENTICATED, (&[], None));
    check(&(fits + "x"), &AUTHENTICATED, (&[], Some(TooBigInlineRequest)));
    check(&line(256), &UNAUTHENTICATED, (&[], None));
    check(&line(257), &UNAUTHENTICATED, (&[], Some(TooBigInlineRequest)));
    let ten = ["x"; 10];
    check(&("x ".repeat(10) + "\n"), &UNAUTHENTICATED, (&[&ten], None));
    check(&("x ".repeat(11) + "\n"), &UNAUTHENTICATED, (&[], Some(TooBigInlineRequest)));
}

#[test]
fn http_never_runs() {
    let check = |wire, requests| check(wire, &AUTHENTICATED, (requests, Some(Http)));
    check("POST / HTTP/1.1\r\n\r\nCONFIG SET a b\r\n", &[]);
    check("\r\npost /\r\n", &[]);
    check("GET / HTTP/1.1\r\nHost: a\r\n", &[]);
    check("BREW /pot http/1.1\r\n", &[]);
    check("PING\r\nUser-Agent: a b c d\r\n", &[&["PING"]]);
    check("Host:a\r\n", &[]);
    check("Origin: http://a\r\n", &[]);
}

#[test]
fn tls_never_runs() {
    // A ClientHello whose length has a line feed in it. The bytes before its first NUL are a line, and a page can
    // choose none of them.
    let hello = "\x16\x03\x01\x02\n\x01\0\x01\x7c\x03\x03\nCONFIG SET a b\n";
    check(hello, &AUTHENTICATED, (&[&["\x01\x02"]], Some(NulInInlineRequest)));
}

#[test]
fn an_error_is_final() {
    let mut decoder = Decoder::new();
    let mut rx = *b"*x\r\nPING\r\n";
    for _ in 0..2 {
        let error = decoder.decode(&mut rx, &mut Args::new(), &AUTHENTICATED).err();
        assert_eq!(error, Some(InvalidMultibulkLength));
    }
}

#[test]
fn authentication_widens_the_limits_of_the_next_request() {
    let mut decoder = Decoder::new();
    let mut rx = *b"AUTH a\r\n*11\r\n";
    assert!(decoder.decode(&mut rx, &mut Args::new(), &UNAUTHENTICATED).unwrap().is_some());
    assert!(decoder.decode(&mut rx, &mut Args::new(), &AUTHENTICATED).unwrap().is_none());
}

#[test]
fn compact_keeps_the_request_that_has_begun() {
    let mut decoder = Decoder::new();
    let mut rx = *b"PING\n*2\r\n$1\r\na\r\n$1\r\nb\r\n";
    let begun = &mut rx[..18];
    assert!(decoder.decode(begun, &mut Args::new(), &AUTHENTICATED).unwrap().is_some());
    assert!(decoder.decode(begun, &mut Args::new(), &AUTHENTICATED).unwrap().is_none());
    assert_eq!(decoder.consumed(), 5);
    assert_eq!(decoder.compact(begun), 13);
    assert_eq!(decoder.consumed(), 0);

    rx.copy_within(18.., 13);
    let mut args = Args::new();
    let request = decoder.decode(&mut rx[..18], &mut args, &AUTHENTICATED).unwrap();
    assert!(request.unwrap().args().eq([b"a", b"b"]));
}

/// Judged bytes are overwritten by line feeds, so a decoder that read them again would see a line's end or no header.
#[test]
fn nothing_is_read_again() {
    let check = |start: &[u8], piece: u8, len| {
        let mut decoder = Decoder::new();
        let mut rx = [0; RX_LEN_MIN];
        rx[..start.len()].copy_from_slice(start);
        for rx_len in start.len()..=len {
            assert!(decoder.decode(&mut rx[..rx_len], &mut Args::new(), &AUTHENTICATED).unwrap().is_none());
            assert_eq!(decoder.consumed(), 0, "{rx_len} bytes");
            rx[..rx_len].fill(b'\n');
            rx[rx_len] = piece;
        }
        decoder
    };
    check(b"", b'x', INLINE_LEN_MAX);

    let start = b"*1\r\n$512\r\n";
    let payload_end = start.len() + 512;
    let mut decoder = check(start, b'x', payload_end);
    let mut rx = [b'\n'; RX_LEN_MIN];
    rx[payload_end..][..2].copy_from_slice(b"\r\n");
    let mut args = Args::new();
    let request = decoder.decode(&mut rx[..payload_end + 2], &mut args, &AUTHENTICATED).unwrap();
    assert_eq!(request.unwrap().name().len(), 512);
}

#[test]
fn a_misused_decoder_does_not_panic() {
    let mut decoder = Decoder::new();
    let mut rx = *b"PING\r\n*1\r\n$4\r\nPI";
    assert!(decoder.decode(&mut rx, &mut Args::new(), &AUTHENTICATED).unwrap().is_some());
    assert!(decoder.decode(&mut rx, &mut Args::new(), &AUTHENTICATED).unwrap().is_none());
    for rx_len in 0..rx.len() {
        assert!(decoder.decode(&mut rx[..rx_len], &mut Args::new(), &AUTHENTICATED).is_ok_and(|r| r.is_none()));
    }
    assert_eq!(decoder.compact(&mut rx[..3]), 0);
}

#[test]
fn a_request_is_given_again_until_it_is_done_with() {
    let wire = *b"PING\nECHO 'a b'\nPING\n";
    let (mut decoder, mut args) = (Decoder::new(), Args::new());
    let mut rx = wire;
    assert!(decoder.decode(&mut rx, &mut args, &AUTHENTICATED).unwrap().is_some());
    for _ in 0..3 {
        let mut rx = wire;
        let request = decoder.decode(&mut rx, &mut args, &AUTHENTICATED).unwrap().unwrap();
        assert!(request.args().eq([&b"ECHO"[..], b"a b"]));
        assert_eq!(decoder.consumed(), 16);
        decoder.unread();
        assert_eq!(decoder.consumed(), 5);
    }
    assert_eq!(decoder.drain_consumed(), 5);
    let mut rx = wire;
    let request = decoder.decode(&mut rx[5..], &mut args, &AUTHENTICATED).unwrap();
    assert_eq!(request.unwrap().len(), 2);
    assert_eq!(decoder.drain_consumed(), 11);
    assert!(decoder.decode(&mut rx[16..], &mut args, &AUTHENTICATED).unwrap().is_some());
}
