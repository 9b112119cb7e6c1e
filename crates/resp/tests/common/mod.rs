//! The expectations of the decoder that the tests and the fuzz targets share.

#![allow(dead_code, reason = "each test uses some of it")]

use sockeye_resp::limits::{self, RX_LEN_MIN};
use sockeye_resp::{Args, Decoder, Limits, ProtocolError, opens_http};

/// The requests that a stream decodes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    pub requests: Vec<Vec<Vec<u8>>>,
    /// The error that ended the stream; None if more bytes are awaited.
    pub error: Option<ProtocolError>,
    /// Bytes of the stream up to the end of the last request.
    pub consumed: usize,
}

/// Decodes `wire` as a connection would, through the smallest permitted buffer,
/// as many bytes at a time as `pieces` says in turn.
pub fn decode(wire: &[u8], pieces: &[u8], limits: &Limits) -> Outcome {
    let mut pieces = pieces.iter().map(|&len| usize::from(len).max(1)).cycle();
    let mut outcome = Outcome::default();
    let mut decoder = Decoder::new();
    let mut rx = [0; RX_LEN_MIN];
    let mut rx_len = 0;
    let mut rest = wire;
    while !rest.is_empty() && outcome.error.is_none() {
        assert!(rx_len < rx.len(), "no room to read into");
        let len = pieces.next().unwrap_or(usize::MAX).min(rest.len()).min(rx.len() - rx_len);
        let (piece, after) = rest.split_at(len);
        rx[rx_len..][..len].copy_from_slice(piece);
        rx_len += len;
        rest = after;
        outcome.error = decode_buffered(&mut decoder, &mut rx[..rx_len], limits, &mut outcome);
        outcome.consumed += decoder.consumed();
        rx_len = decoder.compact(&mut rx[..rx_len]);
    }
    outcome
}

fn decode_buffered(
    decoder: &mut Decoder,
    rx: &mut [u8],
    limits: &Limits,
    outcome: &mut Outcome,
) -> Option<ProtocolError> {
    // Each piece finds a table of arguments that others have used meanwhile.
    let mut args = Args::new();
    loop {
        match decoder.decode(rx, &mut args, limits) {
            Ok(Some(request)) => {
                assert_eq!(request.args().len(), request.len());
                assert_eq!(request.arg(request.len()), None);
                assert_eq!(request.arg(0), Some(request.name()));
                outcome.requests.push(request.args().map(<[u8]>::to_vec).collect());
            }
            Ok(None) => return None,
            Err(error) => {
                assert_eq!(decoder.decode(rx, &mut args, limits).err(), Some(error));
                return Some(error);
            }
        }
    }
}

/// The same from the whole stream at once, in the plainest way.
pub fn model(wire: &[u8], limits: &Limits) -> Outcome {
    let unauthenticated = *limits == Limits::UNAUTHENTICATED;
    let mut model = Model { wire, next: 0, unauthenticated };
    let mut outcome = Outcome::default();
    loop {
        match model.request() {
            Ok(args) if args.is_empty() => (),
            Ok(args) => outcome.requests.push(args),
            Err(Stop::Incomplete) => return outcome,
            Err(Stop::Error(error)) => {
                outcome.error = Some(error);
                return outcome;
            }
        }
        outcome.consumed = model.next;
    }
}

enum Stop {
    Incomplete,
    Error(ProtocolError),
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Self {
        Self::Error(error)
    }
}

struct Model<'a> {
    wire: &'a [u8],
    next: usize,
    unauthenticated: bool,
}

impl Model<'_> {
    fn request(&mut self) -> Result<Vec<Vec<u8>>, Stop> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        let rest = &self.wire[self.next..];
        match rest {
            [] => Err(Stop::Incomplete),
            [b'*', ..] => self.array(),
            [255, 255, ..] => self.line(),
            [255, ..] => match command(rest) {
                Some(len) if len <= self.line_len_max() + 1 => {
                    self.next += len;
                    Ok(Vec::new())
                }
                _ if rest.len() > self.line_len_max() => Err(ProtocolError::TooBigInlineRequest.into()),
                _ => Err(Stop::Incomplete),
            },
            _ if rest.starts_with(MARK) => {
                self.next += MARK.len();
                Ok(Vec::new())
            }
            _ if MARK.starts_with(rest) => Err(Stop::Incomplete),
            _ => self.line(),
        }
    }

    fn array(&mut self) -> Result<Vec<Vec<u8>>, Stop> {
        use ProtocolError::*;
        let start = self.next;
        self.next += 1;
        let count = self.number(InvalidMultibulkLength)?;
        if count > limits::ARGS_MAX as i64 {
            return Err(InvalidMultibulkLength.into());
        }
        if self.unauthenticated && count > limits::ARGS_MAX_UNAUTHENTICATED as i64 {
            return Err(UnauthenticatedMultibulkLength.into());
        }
        let mut args = Vec::new();
        for missing in (1..=count.max(0)).rev() {
            match self.wire.get(self.next) {
                None => return Err(Stop::Incomplete),
                Some(b'$') => self.next += 1,
                Some(&other) => return Err(ExpectedBulk(other).into()),
            }
            let len = self.number(InvalidBulkLength)?;
            if !(0..=limits::BULK_LEN_MAX as i64).contains(&len) {
                return Err(InvalidBulkLength.into());
            }
            let total = (self.next - start) as i64 + len + 2 + (missing - 1) * 6;
            if total > limits::REQUEST_LEN_MAX as i64 {
                return Err(InvalidBulkLength.into());
            }
            if self.unauthenticated
                && (len > limits::BULK_LEN_MAX_UNAUTHENTICATED as i64
                    || total > limits::REQUEST_LEN_MAX_UNAUTHENTICATED as i64)
            {
                return Err(UnauthenticatedBulkLength.into());
            }
            let rest = &self.wire[self.next..];
            let bulk = rest.get(..len as usize + 2).ok_or(Stop::Incomplete)?;
            let arg = bulk.strip_suffix(b"\r\n").ok_or(InvalidBulkLength)?;
            args.push(arg.to_vec());
            self.next += bulk.len();
        }
        Ok(args)
    }

    fn number(&mut self, invalid: ProtocolError) -> Result<i64, Stop> {
        let rest = &self.wire[self.next..];
        let line: Vec<u8> = rest.iter().copied().take_while(|&byte| byte != b'\r').collect();
        if line.len() > limits::COUNT_LEN_MAX {
            return Err(invalid.into());
        }
        match rest[line.len()..] {
            [b'\r', b'\n', ..] => self.next += line.len() + 2,
            [b'\r', _, ..] => return Err(invalid.into()),
            _ => return Err(Stop::Incomplete),
        }
        let text = String::from_utf8(line).map_err(|_| invalid)?;
        let value: i64 = text.parse().map_err(|_| invalid)?;
        let canonical = value.to_string() == text && value.unsigned_abs() <= i32::MAX as u64;
        if canonical { Ok(value) } else { Err(invalid.into()) }
    }

    fn line_len_max(&self) -> usize {
        if self.unauthenticated { limits::INLINE_LEN_MAX_UNAUTHENTICATED } else { limits::INLINE_LEN_MAX }
    }

    fn line(&mut self) -> Result<Vec<Vec<u8>>, Stop> {
        use ProtocolError::*;
        let args_max = if self.unauthenticated { limits::ARGS_MAX_UNAUTHENTICATED } else { limits::ARGS_MAX };
        let rest = &self.wire[self.next..];
        let (mut line, mut at) = (Vec::new(), 0);
        loop {
            if at > self.line_len_max() {
                return Err(TooBigInlineRequest.into());
            }
            match rest[at..] {
                [] => return Err(Stop::Incomplete),
                [b'\n', ..] => break,
                [0, ..] if at > 0 && rest[at - 1] == b'\r' => break,
                [0, ..] => return Err(NulInInlineRequest.into()),
                [255, ..] => {
                    let Some(len) = command(&rest[at..]) else {
                        let is_long = rest.len() > self.line_len_max();
                        return Err(if is_long { TooBigInlineRequest.into() } else { Stop::Incomplete });
                    };
                    match rest[at + 1] {
                        255 => line.push(255),
                        244 | 248 => line.clear(),
                        247 => drop(line.pop()),
                        _ => (),
                    }
                    at += len;
                    continue;
                }
                [3, ..] => line.clear(),
                [byte, ..] => line.push(byte),
            }
            at += 1;
        }
        self.next += at + 1;
        let raw = &rest[..at];
        let has_commands = raw.contains(&255) || raw.contains(&3);
        if has_commands && opens_http(raw) == Some(true) {
            return Err(Http.into());
        }
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        // Too many words are noticed before a quote that comes after them.
        let args = split_args(line, args_max)?;
        if is_http(&args) { Err(Http.into()) } else { Ok(args) }
    }
}

/// Bytes of a Telnet command, if all of it is there.
fn command(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? {
        250 => {
            let mut rest = bytes[2..].iter();
            loop {
                if *rest.next()? == 255 && *rest.next()? == 240 {
                    return Some(bytes.len() - rest.len());
                }
            }
        }
        251..=254 => bytes.get(2).map(|_| 3),
        _ => Some(2),
    }
}

fn is_http(args: &[Vec<u8>]) -> bool {
    let Some(name) = args.first() else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    let methods = ["post", "put", "head", "delete", "options", "patch", "connect", "trace", "pri"];
    let version = args[args.len() - 1].to_ascii_lowercase();
    methods.iter().any(|method| name == method.as_bytes())
        || name.ends_with(b":")
        || name.starts_with(b"host:")
        || args.len() == 3 && version.starts_with(b"http/") && version.get(5).is_some_and(u8::is_ascii_digit)
}

/// Words of a line, byte by byte.
pub fn split_args(line: &[u8], args_max: usize) -> Result<Vec<Vec<u8>>, ProtocolError> {
    let is_space = |byte: u8| byte == b' ' || (9..=13).contains(&byte);
    let hex = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut args = Vec::new();
    let mut at = 0;
    loop {
        while at < line.len() && is_space(line[at]) {
            at += 1;
        }
        if at == line.len() {
            return Ok(args);
        }
        if args.len() == args_max {
            return Err(ProtocolError::TooBigInlineRequest);
        }
        let mut word = Vec::new();
        let mut quote = None;
        loop {
            let (byte, after) = (line.get(at).copied(), line.get(at + 1).copied());
            match (quote, byte) {
                (None, None | Some(b' ' | b'\t' | b'\r' | b'\n')) => break,
                (None, Some(b'"' | b'\'')) => quote = byte,
                (Some(_), None) => return Err(ProtocolError::UnbalancedQuotes),
                (Some(_), _) if byte == quote => {
                    if after.is_some_and(|byte| !is_space(byte)) {
                        return Err(ProtocolError::UnbalancedQuotes);
                    }
                    at += 1;
                    break;
                }
                (Some(b'\''), Some(b'\\')) if after == Some(b'\'') => {
                    word.push(b'\'');
                    at += 1;
                }
                (Some(b'"'), Some(b'\\')) if after.is_some() => {
                    at += 1;
                    let digits = (hex(line.get(at + 1)), hex(line.get(at + 2)));
                    match (after, digits) {
                        (Some(b'x'), (Some(high), Some(low))) => {
                            word.push((high * 16 + low) as u8);
                            at += 2;
                        }
                        (Some(b'n'), _) => word.push(b'\n'),
                        (Some(b'r'), _) => word.push(b'\r'),
                        (Some(b't'), _) => word.push(b'\t'),
                        (Some(b'b'), _) => word.push(8),
                        (Some(b'a'), _) => word.push(7),
                        (other, _) => word.extend(other),
                    }
                }
                (_, Some(byte)) => word.push(byte),
            }
            at += 1;
        }
        args.push(word);
    }
}
