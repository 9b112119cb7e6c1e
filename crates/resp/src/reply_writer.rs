//! Replies as a server writes them.

use core::fmt::{self, Write};

use crate::buffer::{Buffer, Full};
use crate::decimal::Digits;
use crate::double::write_double;
use crate::limits::{OVERFLOW_REPLY, SHORT_BULK_LEN_MAX};
use crate::protocol::Protocol;

/// The next reply may not fit: send the buffer's bytes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull;

/// Appends replies to a transmit buffer, each of them whole or not at all.
///
/// [`begin`](Self::begin) marks where the reply to a request starts, and fails if not even an error would fit. If the
/// reply doesn't fit, all of it is taken back and an error takes its place. Later writes before the next `begin` are
/// ignored. So a command needs no check of its own, and a client never waits for the rest of a reply.
///
/// In RESP2, a type that only RESP3 has is written as the RESP2 type that Redis uses for it. So a command is the same
/// for both versions.
///
/// ```
/// use sockeye_resp::{Protocol, ReplyWriter};
///
/// let mut tx = [0; 80];
/// let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
///
/// reply.begin(0).unwrap();
/// reply.map(1);
/// reply.bulk(b"lm35");
/// reply.bulk_fmt(format_args!("{:.1}", 23.5));
/// assert_eq!(reply.as_bytes(), b"*2\r\n$4\r\nlm35\r\n$4\r\n23.5\r\n");
///
/// reply.begin(0).unwrap();
/// reply.bulk(&[b'x'; 100]);
/// assert!(reply.is_overflowed());
/// assert!(reply.as_bytes().ends_with(b"-ERR reply too long for the output buffer\r\n"));
///
/// // Not even an error would fit now.
/// assert!(reply.begin(0).is_err());
/// reply.clear();
/// assert!(reply.begin(0).is_ok());
/// ```
///
/// A `LossyUtf8` shows the client's own bytes in an error:
///
/// ```
/// use sockeye_resp::{LossyUtf8, Protocol, ReplyWriter};
///
/// let mut tx = [0; 128];
/// let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
/// let name = LossyUtf8(b"PIN\r\nG\xff");
/// reply.error_fmt(format_args!("ERR unknown command '{name}'"));
/// assert_eq!(reply.as_bytes(), "-ERR unknown command 'PIN  G\u{fffd}'\r\n".as_bytes());
/// ```
pub struct ReplyWriter<'a> {
    out: Buffer<'a>,
    /// The buffer is as large as it gets.
    is_whole: bool,
    /// Where the current reply starts.
    checkpoint: usize,
    overflowed: bool,
    protocol: Protocol,
}

impl<'a> ReplyWriter<'a> {
    /// A writer for an empty buffer of at least
    /// [`TX_LEN_MIN`](crate::limits::TX_LEN_MIN) bytes.
    pub fn new(tx: &'a mut [u8], protocol: Protocol) -> Self {
        Self::new_in_part(tx, true, protocol)
    }

    /// A writer for the free part of a buffer. `is_whole` is set if all of the buffer is free. If it is not, a reply
    /// that doesn't fit now may fit later, so [`begin`](Self::begin) asks for its room even while nothing is written.
    pub fn new_in_part(tx: &'a mut [u8], is_whole: bool, protocol: Protocol) -> Self {
        Self { out: Buffer::new(tx), is_whole, checkpoint: 0, overflowed: false, protocol }
    }

    /// Ends the reply before, and starts the next one.
    ///
    /// `room` is how many bytes the next reply may need, which must be free beside the replies in the buffer. An empty
    /// buffer that is whole can't get more room, so there only an error must fit. 0 asks for the room of an error.
    ///
    /// # Errors
    ///
    /// [`BufferFull`] if there is less room. Writes before the next successful call are ignored.
    pub fn begin(&mut self, room: usize) -> Result<(), BufferFull> {
        let room_min = if self.has_most_room() { 0 } else { room };
        self.checkpoint = self.out.len();
        self.overflowed = self.out.room() < room_min.max(OVERFLOW_REPLY.len());
        if self.overflowed { Err(BufferFull) } else { Ok(()) }
    }

    /// Whether the buffer is empty and whole, so that [`begin`](Self::begin) asks for the room of an error only.
    pub fn has_most_room(&self) -> bool {
        self.is_whole && self.out.len() == 0
    }

    /// Takes back everything since [`begin`](Self::begin).
    ///
    /// A push message that doesn't fit is dropped in this way: a client would take an error for the reply to its next
    /// request.
    pub fn rewind(&mut self) {
        self.out.truncate(self.checkpoint);
        self.overflowed = false;
    }

    /// Empties the buffer, after its bytes were sent.
    pub fn clear(&mut self) {
        self.checkpoint = 0;
        self.rewind();
    }

    /// All replies so far, which are whole.
    pub fn as_bytes(&self) -> &[u8] {
        self.out.as_bytes()
    }

    /// Whether the reply since [`begin`](Self::begin) didn't fit.
    pub fn is_overflowed(&self) -> bool {
        self.overflowed
    }

    /// The client's version of RESP.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Sets the version of RESP. `HELLO` calls this before it replies, because its own reply is in the new version.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// A short text, such as a status. Control characters become spaces: a line
    /// end would end the reply.
    pub fn simple(&mut self, text: &str) {
        self.line(b"+", |reply| reply.put(text.as_bytes()));
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.put(b"+OK\r\n");
    }

    /// An error, such as `ERR unknown command`, whose first word clients take
    /// as its kind. Control characters become spaces.
    pub fn error(&mut self, text: &str) {
        self.line(b"-", |reply| reply.put(text.as_bytes()));
    }

    /// [`error`](Self::error) with values in it; bytes from the client go in as
    /// [`LossyUtf8`](crate::LossyUtf8).
    pub fn error_fmt(&mut self, text: fmt::Arguments<'_>) {
        self.line(b"-", |reply| {
            // If a value's formatting fails, the text ends there.
            let _ = ReplyText::new(reply).write_fmt(text);
        });
    }

    /// A whole number.
    pub fn integer(&mut self, value: i64) {
        self.put(if value < 0 { b":-" } else { b":" });
        self.put(Digits::new(value.unsigned_abs()).as_bytes());
        self.put(b"\r\n");
    }

    /// Any bytes.
    pub fn bulk(&mut self, bytes: &[u8]) {
        match bytes.len() {
            0..=SHORT_BULK_LEN_MAX => self.short_bulk(bytes.len(), |text| text.copy_from_slice(bytes)),
            _ => self.write(|out| {
                out.put_header(b'$', bytes.len())?;
                out.put(bytes)?;
                out.put(b"\r\n")
            }),
        }
    }

    /// `len` bytes, at most [`SHORT_BULK_LEN_MAX`], which `write` fills in where they are sent from. More of them, as
    /// without room, are a reply that is too long, and `write` is not called.
    ///
    /// ```
    /// use sockeye_resp::{Protocol, ReplyWriter};
    ///
    /// let mut tx = [0; 80];
    /// let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
    /// reply.short_bulk(3, |text| text.fill(b'x'));
    /// assert_eq!(reply.as_bytes(), b"$3\r\nxxx\r\n");
    /// ```
    #[inline]
    pub fn short_bulk(&mut self, len: usize, write: impl FnOnce(&mut [u8])) {
        self.write(|out| out.put_short_bulk(len, write));
    }

    /// A formatted value.
    pub fn bulk_fmt(&mut self, value: fmt::Arguments<'_>) {
        self.bulk_with(|text| text.write_fmt(value));
    }

    /// A text that is written bit by bit.
    ///
    /// If `write` returns an error, the text ends there. `write` need not return early for lack of room: a reply that
    /// doesn't fit is taken back anyway.
    ///
    /// ```
    /// use core::fmt::Write;
    /// use sockeye_resp::{Protocol, ReplyWriter};
    ///
    /// let mut tx = [0; 128];
    /// let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp3);
    /// reply.bulk_with(|info| {
    ///     info.write_str("# Server\r\n")?;
    ///     write!(info, "uptime_in_seconds:{}\r\n", 42)
    /// });
    /// assert_eq!(reply.as_bytes(), b"$32\r\n# Server\r\nuptime_in_seconds:42\r\n\r\n");
    /// ```
    pub fn bulk_with(&mut self, write: impl FnOnce(&mut ReplyText<'_, 'a>) -> fmt::Result) {
        self.text(b'$', b"", write);
    }

    /// A text for people: plain (`txt`) or Markdown (`mkd`). RESP2: a bulk.
    pub fn verbatim(&mut self, format: [u8; 3], text: &str) {
        self.verbatim_with(format, |out| out.write_str(text));
    }

    /// [`verbatim`](Self::verbatim) written bit by bit, as
    /// [`bulk_with`](Self::bulk_with) does.
    pub fn verbatim_with(&mut self, format: [u8; 3], write: impl FnOnce(&mut ReplyText<'_, 'a>) -> fmt::Result) {
        match self.protocol {
            Protocol::Resp2 => self.text(b'$', b"", write),
            Protocol::Resp3 => {
                let [a, b, c] = format;
                self.text(b'=', &[a, b, c, b':'], write);
            }
        }
    }

    /// Writes as many bytes as fit of a part of a reply that is encoded already. Returns how many were written.
    ///
    /// ```
    /// use sockeye_resp::{Protocol, ReplyWriter};
    ///
    /// let mut tx = [0; 80];
    /// let mut reply = ReplyWriter::new(&mut tx, Protocol::Resp2);
    /// assert_eq!(reply.raw(&[b'x'; 100]), 80);
    /// assert!(!reply.is_overflowed());
    /// ```
    pub fn raw(&mut self, bytes: &[u8]) -> usize {
        let len = if self.overflowed { 0 } else { bytes.len().min(self.out.room()) };
        self.put(bytes.get(..len).unwrap_or_default());
        len
    }

    /// No value. RESP2: a null bulk.
    pub fn null(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.put(b"$-1\r\n"),
            Protocol::Resp3 => self.put(b"_\r\n"),
        }
    }

    /// No value where an array would be. RESP2: a null array.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.put(b"*-1\r\n"),
            Protocol::Resp3 => self.put(b"_\r\n"),
        }
    }

    /// A yes or a no. RESP2: 1 or 0.
    pub fn boolean(&mut self, value: bool) {
        match (self.protocol, value) {
            (Protocol::Resp2, value) => self.integer(value.into()),
            (Protocol::Resp3, true) => self.put(b"#t\r\n"),
            (Protocol::Resp3, false) => self.put(b"#f\r\n"),
        }
    }

    /// A double, in the fewest digits that read back as the same number. Very large and very small numbers have an
    /// exponent. Infinities and NaN are `inf`, `-inf` and `nan`. RESP2: a bulk.
    pub fn double(&mut self, value: f64) {
        match self.protocol {
            Protocol::Resp2 => self.bulk_with(|text| write_double(text, value)),
            Protocol::Resp3 => {
                self.put(b",");
                let _ = write_double(&mut ReplyText::new(self), value);
                self.put(b"\r\n");
            }
        }
    }

    /// A number that is written already: digits, with a point and a `-` perhaps. RESP2: a simple string, as
    /// RedisTimeSeries has it.
    pub fn number(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.simple(text),
            Protocol::Resp3 => {
                self.put(b",");
                self.put(text.as_bytes());
                self.put(b"\r\n");
            }
        }
    }

    /// The start of an array; `len` elements follow.
    pub fn array(&mut self, len: usize) {
        self.header(b'*', len);
    }

    /// The start of a map; `len` keys, each with its value, follow. RESP2: an
    /// array of both.
    pub fn map(&mut self, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len * 2),
            Protocol::Resp3 => self.header(b'%', len),
        }
    }

    /// The start of a set; `len` elements follow. RESP2: an array.
    pub fn set(&mut self, len: usize) {
        self.header3(b'~', len);
    }

    /// The start of a push message, which is no reply to a request; `len` elements follow. RESP2: an array.
    pub fn push(&mut self, len: usize) {
        self.header3(b'>', len);
    }

    /// A header of RESP3 that is an array's in RESP2.
    fn header3(&mut self, kind: u8, len: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', len),
            Protocol::Resp3 => self.header(kind, len),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.write(|out| out.put(bytes));
    }

    fn header(&mut self, kind: u8, len: usize) {
        self.write(|out| out.put_header(kind, len));
    }

    fn line(&mut self, kind: &[u8], write: impl FnOnce(&mut Self)) {
        self.put(kind);
        let start = self.out.len();
        write(self);
        if !self.overflowed {
            for byte in self.out.after(start) {
                if byte.is_ascii_control() {
                    *byte = b' ';
                }
            }
        }
        self.put(b"\r\n");
    }

    fn text(&mut self, kind: u8, prefix: &[u8], write: impl FnOnce(&mut ReplyText<'_, 'a>) -> fmt::Result) {
        let start = self.out.len();
        // The length isn't known yet, so room is left for the longest header. Clients refuse a length with leading
        // zeros, so the text is moved when the header is shorter.
        let header_len = 1 + Digits::new(self.out.room() as u64).as_bytes().len() + 2;
        self.write(|out| out.skip(header_len));
        self.put(prefix);
        let _ = write(&mut ReplyText::new(self));
        self.write(|out| {
            out.put_header_at(start, start + header_len, kind);
            out.put(b"\r\n")
        });
    }

    #[inline]
    fn write(&mut self, write: impl FnOnce(&mut Buffer<'a>) -> Result<(), Full>) {
        if !self.overflowed && write(&mut self.out).is_err() {
            self.overflow();
        }
    }

    /// An error takes the place of the reply, which does not fit.
    #[cold]
    #[inline(never)]
    fn overflow(&mut self) {
        self.out.truncate(self.checkpoint);
        // The error fits unless the buffer is shorter than TX_LEN_MIN.
        let _ = self.out.put(OVERFLOW_REPLY.as_bytes());
        self.overflowed = true;
    }
}

/// Appends to the text that a reply consists of.
///
/// An error means that the reply doesn't fit, and was taken back.
pub struct ReplyText<'w, 'a> {
    reply: &'w mut ReplyWriter<'a>,
}

impl<'w, 'a> ReplyText<'w, 'a> {
    fn new(reply: &'w mut ReplyWriter<'a>) -> Self {
        Self { reply }
    }
}

impl Write for ReplyText<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.reply.put(text.as_bytes());
        if self.reply.is_overflowed() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
