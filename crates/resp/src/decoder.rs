//! Reading requests: RESP arrays of bulk strings, and lines.

use crate::decimal::{InvalidCount, decode_count};
use crate::http::{is_http, opens_http};
use crate::inline::{self, SplitError};
use crate::limits::{ARG_LEN_MIN, ARGS_MAX, ARGS_SIZE_MAX, BULK_LEN_MAX, DECODER_SIZE_MAX, Limits, REQUEST_LEN_MAX};
use crate::protocol_error::ProtocolError;
use crate::request::{Request, Span};
use crate::telnet::{self, IAC};
use crate::whole_request;

/// UTF-8's byte order mark, which some editors put in front of a text.
const BYTE_ORDER_MARK: [u8; 3] = [BYTE_ORDER_MARK_FIRST, 0xbb, 0xbf];
const BYTE_ORDER_MARK_FIRST: u8 = 0xef;

/// Reads requests out of a receive buffer, and keeps its place in it.
///
/// The caller owns the buffer, at least [`RX_LEN_MIN`](crate::limits::RX_LEN_MIN) bytes, and appends received bytes.
/// [`decode`](Self::decode) is given the filled part each time, and resumes where it left off, however small the
/// pieces are in which bytes arrive. No byte is judged more than twice. [`drain_consumed`](Self::drain_consumed) returns how many bytes
/// are done with and to be dropped, and [`compact`](Self::compact) drops them.
///
/// A decoder is a few words. The positions of a request's arguments are in [`Args`], of which one does for all decoders
/// of a server.
///
/// ```
/// use sockeye_resp::{Args, Decoder, Limits, ProtocolError};
///
/// fn serve(mut wire: &[u8]) -> Result<Vec<String>, ProtocolError> {
///     let mut names = Vec::new();
///     let (mut decoder, mut args) = (Decoder::new(), Args::new());
///     let mut rx = [0; sockeye_resp::limits::RX_LEN];
///     let mut rx_len = 0;
///     while !wire.is_empty() {
///         // As much as came, here 7 bytes at a time.
///         let (received, rest) = wire.split_at(wire.len().min(7));
///         rx[rx_len..][..received.len()].copy_from_slice(received);
///         rx_len += received.len();
///         wire = rest;
///
///         while let Some(request) = decoder.decode(&mut rx[..rx_len], &mut args, &Limits::AUTHENTICATED)? {
///             names.push(String::from_utf8_lossy(request.name()).into_owned());
///         }
///         rx_len = decoder.compact(&mut rx[..rx_len]);
///     }
///     Ok(names)
/// }
///
/// let pipelined = b"*2\r\n$3\r\nGET\r\n$4\r\nlm35\r\nPING 'hello world'\r\n";
/// assert_eq!(serve(pipelined)?, ["GET", "PING"]);
/// # Ok::<(), ProtocolError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Decoder {
    state: State,
    /// Arguments of the request that is being read, so far.
    args_len: u8,
    /// How many arguments an earlier call has found, whose positions in `Args` are lost.
    lost_len: u8,
    /// The first byte of the request that is being read.
    start: usize,
    /// The first byte that isn't judged yet.
    next: usize,
}

/// Where the arguments of a request are.
///
/// The decoders of all connections may share one, because nothing in it outlives a request. No other decoder may use it
/// between a call of [`decode`](Decoder::decode) and the last use of its request; the borrow checker sees to that.
pub struct Args([Span; ARGS_MAX]);

impl Args {
    /// The arguments of no request.
    pub const fn new() -> Self {
        Self([Span::EMPTY; ARGS_MAX])
    }
}

impl Default for Args {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = assert!(size_of::<Decoder>() <= DECODER_SIZE_MAX && size_of::<Args>() <= ARGS_SIZE_MAX);

/// The part of a request that comes next.
#[derive(Clone, Copy)]
enum State {
    /// A request's first byte.
    Start,
    /// An inline request's line end. `has_commands` is set once there is a Telnet command in the line.
    Inline { has_commands: bool },
    /// The number of arguments.
    Count,
    /// The length of an argument, of which `missing` are to come.
    Length { missing: u8 },
    /// `len` bytes and their line end.
    Payload { missing: u8, len: u16 },
    /// The request was handed out; the next one starts at `next`.
    Complete,
    /// There is no next one.
    Failed(ProtocolError),
}

/// The state after a step; `None` means that more bytes are needed.
type Step = Result<Option<State>, ProtocolError>;

impl Decoder {
    /// A decoder for the start of a connection.
    pub const fn new() -> Self {
        Self { state: State::Start, args_len: 0, lost_len: 0, start: 0, next: 0 }
    }

    /// Returns the next request, or `None` if more bytes are needed.
    ///
    /// `rx` is the filled part of the receive buffer, and starts where it
    /// started in the last call unless [`drain_consumed`](Self::drain_consumed) or
    /// [`compact`](Self::compact) moved it. An inline request is unquoted in
    /// place. As in Redis, empty lines and arrays of no arguments are skipped.
    ///
    /// With [`RX_LEN_MIN`](crate::limits::RX_LEN_MIN) bytes of buffer there is
    /// always room to read into after `None` and [`compact`](Self::compact).
    ///
    /// # Errors
    ///
    /// The client broke the protocol or a limit. The connection is of no more use: each further call returns the same
    /// error.
    #[inline(always)]
    pub fn decode<'a>(
        &mut self,
        rx: &'a mut [u8],
        args: &'a mut Args,
        limits: &Limits,
    ) -> Result<Option<Request<'a>>, ProtocolError> {
        Ok(self.complete(rx, args, limits)?.then(|| self.request(rx, args)))
    }

    /// Whether the next request is complete.
    #[inline(always)]
    fn complete(&mut self, rx: &mut [u8], args: &mut Args, limits: &Limits) -> Result<bool, ProtocolError> {
        if let State::Complete = self.state {
            self.start_request();
        }
        if let State::Start = self.state
            && let Some(whole) = whole_request::find(rest(rx, self.start), &mut args.0, limits)
        {
            self.args_len = whole.args_len.get() as u8;
            self.next = self.start + whole.len;
            self.state = State::Complete;
            return Ok(true);
        }
        self.complete_in_steps(rx, args, limits)
    }

    /// Reads on where the last call ended.
    #[inline(never)]
    fn complete_in_steps(&mut self, rx: &mut [u8], args: &mut Args, limits: &Limits) -> Result<bool, ProtocolError> {
        // Another decoder may have had `args` meanwhile.
        self.lost_len = self.args_len;
        while !matches!(self.state, State::Complete) {
            match self.step(rx, args, limits) {
                Ok(Some(state)) => self.state = state,
                Ok(None) => return Ok(false),
                Err(error) => {
                    self.state = State::Failed(error);
                    return Err(error);
                }
            }
        }
        if self.lost_len > 0 {
            find_args(rx.get(self.start..self.next).unwrap_or_default(), &mut args.0, self.lost_len);
        }
        Ok(true)
    }

    /// The request that is complete.
    #[inline(always)]
    fn request<'a>(&self, rx: &'a [u8], args: &'a Args) -> Request<'a> {
        Request {
            bytes: rx.get(self.start..self.next).unwrap_or_default(),
            spans: args.0.get(..usize::from(self.args_len)).unwrap_or_default(),
        }
    }

    /// How many bytes from the start of the receive buffer are done with: all
    /// requests that were handed out or skipped.
    pub fn consumed(&self) -> usize {
        match self.state {
            State::Complete => self.next,
            _ => self.start,
        }
    }

    /// Takes back the request that was handed out last: the next call of [`decode`](Self::decode) returns it again. The
    /// bytes must be as they were received. Those of an inline request with quotes are not, because it was unquoted in
    /// place.
    pub fn unread(&mut self) {
        if let State::Complete = self.state {
            self.next = self.start;
            self.start_request();
        }
    }

    /// Returns [`consumed`](Self::consumed), the number of bytes that the caller now drops from the start of the
    /// receive buffer.
    pub fn drain_consumed(&mut self) -> usize {
        if let State::Complete = self.state {
            self.start_request();
        }
        let consumed = self.start;
        self.start = 0;
        self.next -= consumed;
        consumed
    }

    /// Drops the [`consumed`](Self::consumed) bytes from the filled part of the receive buffer, moves the rest to its
    /// start, and returns the rest's length.
    pub fn compact(&mut self, rx: &mut [u8]) -> usize {
        let consumed = self.drain_consumed().min(rx.len());
        if consumed < rx.len() {
            rx.copy_within(consumed.., 0);
        }
        rx.len() - consumed
    }

    /// Everything before `next` is done with.
    fn start_request(&mut self) -> State {
        self.start = self.next;
        (self.args_len, self.lost_len) = (0, 0);
        self.state = State::Start;
        self.state
    }

    fn step(&mut self, rx: &mut [u8], args: &mut Args, limits: &Limits) -> Step {
        match self.state {
            State::Start => self.first_byte(rx, limits),
            State::Inline { has_commands } => self.inline(rx, args, limits, has_commands),
            State::Count => self.count(rx, limits),
            State::Length { missing } => self.length(rx, limits, missing),
            State::Payload { missing, len } => self.payload(rx, args, missing, len),
            State::Complete => Ok(Some(State::Complete)),
            State::Failed(error) => Err(error),
        }
    }

    fn first_byte(&mut self, rx: &[u8], limits: &Limits) -> Step {
        match rx.get(self.next) {
            None => Ok(None),
            Some(b'*') => {
                self.next += 1;
                Ok(Some(State::Count))
            }
            Some(&(IAC | BYTE_ORDER_MARK_FIRST)) => self.preamble(rx, limits),
            Some(_) => Ok(Some(State::Inline { has_commands: false })),
        }
    }

    /// Passes over a Telnet command or a byte order mark before a request. Neither is a part of a request, so the
    /// request's timeout does not begin with it.
    #[cold]
    fn preamble(&mut self, rx: &[u8], limits: &Limits) -> Step {
        let rest = rest(rx, self.next);
        let len = match *rest {
            [IAC, IAC, ..] => None,
            [IAC, ..] => match telnet::command_len(rest.get(..=limits.inline_len_max).unwrap_or(rest)) {
                None if rest.len() > limits.inline_len_max => return Err(ProtocolError::TooBigInlineRequest),
                None => return Ok(None),
                len => len,
            },
            _ if rest.starts_with(&BYTE_ORDER_MARK) => Some(BYTE_ORDER_MARK.len()),
            _ if BYTE_ORDER_MARK.starts_with(rest) => return Ok(None),
            _ => None,
        };
        let Some(len) = len else {
            return Ok(Some(State::Inline { has_commands: false }));
        };
        self.next += len;
        Ok(Some(self.start_request()))
    }

    fn count(&mut self, rx: &[u8], limits: &Limits) -> Step {
        let count = decode_count(rest(rx, self.next)).map_err(|InvalidCount| ProtocolError::InvalidMultibulkLength)?;
        let Some(count) = count else {
            return Ok(None);
        };
        self.next += count.len;
        let Ok(args) = usize::try_from(count.value) else {
            return Ok(Some(self.start_request()));
        };
        match args {
            0 => Ok(Some(self.start_request())),
            _ if args > ARGS_MAX => Err(ProtocolError::InvalidMultibulkLength),
            _ if args > limits.args_max => Err(ProtocolError::UnauthenticatedMultibulkLength),
            _ => Ok(Some(State::Length { missing: args as u8 })),
        }
    }

    fn length(&mut self, rx: &[u8], limits: &Limits, missing: u8) -> Step {
        let digits = match *rest(rx, self.next) {
            [] => return Ok(None),
            [b'$', ref digits @ ..] => digits,
            [other, ..] => return Err(ProtocolError::ExpectedBulk(other)),
        };
        let count = decode_count(digits).map_err(|InvalidCount| ProtocolError::InvalidBulkLength)?;
        let Some(count) = count else {
            return Ok(None);
        };
        self.next += 1 + count.len;
        let len = usize::try_from(count.value).map_err(|_| ProtocolError::InvalidBulkLength)?;
        if len > BULK_LEN_MAX {
            return Err(ProtocolError::InvalidBulkLength);
        }
        let others = usize::from(missing - 1) * ARG_LEN_MIN;
        let request_len_min = self.next - self.start + len + 2 + others;
        if request_len_min > REQUEST_LEN_MAX {
            return Err(ProtocolError::InvalidBulkLength);
        }
        if len > limits.bulk_len_max || request_len_min > limits.request_len_max {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        Ok(Some(State::Payload { missing, len: len as u16 }))
    }

    fn payload(&mut self, rx: &[u8], args: &mut Args, missing: u8, len: u16) -> Step {
        let end = self.next + usize::from(len);
        let Some(line_end) = rx.get(end..end + 2) else {
            return Ok(None);
        };
        // Redis takes any two bytes here. A wrong length is an error at once, before the bytes after it are taken for a
        // header.
        if line_end != b"\r\n" {
            return Err(ProtocolError::InvalidBulkLength);
        }
        let arg = args.0.get_mut(usize::from(self.args_len)).ok_or(ProtocolError::InvalidMultibulkLength)?;
        *arg = Span::new(self.next - self.start, end - self.start);
        self.args_len += 1;
        self.next = end + 2;
        Ok(Some(match missing {
            1 => State::Complete,
            _ => State::Length { missing: missing - 1 },
        }))
    }

    fn inline(&mut self, rx: &mut [u8], args: &mut Args, limits: &Limits, has_commands: bool) -> Step {
        let len_max = limits.inline_len_max;
        let window_end = rx.len().min(self.start + len_max + 1);
        let window = rx.get(self.next..window_end).unwrap_or_default();
        match window.iter().position(|&byte| byte <= b'\n' || byte == IAC) {
            Some(offset) if !has_commands && window.get(offset) == Some(&b'\n') => {
                let end = self.next + offset;
                self.next = end + 1;
                self.line(rx.get_mut(self.start..end).unwrap_or_default(), args, limits)
            }
            None if rest(rx, self.start).len() <= len_max => {
                self.next = window_end;
                Ok(None)
            }
            offset => {
                let at = offset.map_or(window_end, |offset| self.next + offset);
                self.inline_with_commands(rx, args, limits, at, has_commands)
            }
        }
    }

    /// Goes on at `at`, which is a line feed, a control character, IAC or the end of what a line may be.
    #[cold]
    fn inline_with_commands(
        &mut self,
        rx: &mut [u8],
        args: &mut Args,
        limits: &Limits,
        mut at: usize,
        mut has_commands: bool,
    ) -> Step {
        let len_max = limits.inline_len_max;
        let window_end = rx.len().min(self.start + len_max + 1);
        while at < window_end {
            match rx.get(at) {
                Some(b'\n') => return self.line_end(rx, args, limits, at, has_commands),
                // Telnet's other end of a line (RFC 854, the NVT printer).
                Some(0) if at > self.start && rx.get(at - 1) == Some(&b'\r') => {
                    return self.line_end(rx, args, limits, at, has_commands);
                }
                // To Redis a NUL ends the search for the line feed.
                Some(0) => return Err(ProtocolError::NulInInlineRequest),
                Some(&IAC) => match telnet::command_len(rx.get(at..window_end).unwrap_or_default()) {
                    Some(len) => {
                        has_commands = true;
                        at += len;
                    }
                    None => break,
                },
                Some(&byte) => {
                    has_commands |= telnet::is_command(byte);
                    at += 1;
                }
                None => break,
            }
        }
        if rest(rx, self.start).len() > len_max {
            return Err(ProtocolError::TooBigInlineRequest);
        }
        self.next = at;
        self.state = State::Inline { has_commands };
        Ok(None)
    }

    /// A line is complete but for the byte at `end`, which ends it.
    fn line_end(&mut self, rx: &mut [u8], args: &mut Args, limits: &Limits, end: usize, has_commands: bool) -> Step {
        let line = rx.get_mut(self.start..end).unwrap_or_default();
        // A command that drops what was typed must not make a request out of a line of HTTP.
        if has_commands && opens_http(line) == Some(true) {
            return Err(ProtocolError::Http);
        }
        let len = if has_commands { telnet::strip(line) } else { line.len() };
        self.next = end + 1;
        self.line(line.get_mut(..len).unwrap_or_default(), args, limits)
    }

    fn line(&mut self, line: &mut [u8], args: &mut Args, limits: &Limits) -> Step {
        let args = args.0.get_mut(..limits.args_max).unwrap_or_default();
        let args_len = inline::split(line, args).map_err(|error| match error {
            SplitError::UnbalancedQuotes => ProtocolError::UnbalancedQuotes,
            SplitError::TooManyArgs => ProtocolError::TooBigInlineRequest,
        })?;
        if args_len == 0 {
            return Ok(Some(self.start_request()));
        }
        self.args_len = args_len as u8;
        let request = Request { bytes: line, spans: args.get(..args_len).unwrap_or_default() };
        if is_http(&request) {
            return Err(ProtocolError::Http);
        }
        Ok(Some(State::Complete))
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// Finds the first arguments of a whole array again, of which each header was judged when it came.
fn find_args(request: &[u8], args: &mut [Span], args_len: u8) {
    let number = |next| decode_count(rest(request, next + 1)).ok().flatten();
    let Some(count) = number(0) else { return };
    let mut next = 1 + count.len;
    for arg in args.iter_mut().take(args_len.into()) {
        let Some(count) = number(next) else { return };
        let start = next + 1 + count.len;
        let end = start + count.value.unsigned_abs() as usize;
        *arg = Span::new(start, end);
        next = end + 2;
    }
}

fn rest(rx: &[u8], next: usize) -> &[u8] {
    rx.get(next..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
