//! Long texts: INFO and CLIENT LIST.
//!
//! A bulk string begins with its length, so that its figures must not change while it is sent. A text that doesn't fit
//! into the transmit buffer is therefore written at once, into memory that all sessions share, and sent from there. One
//! session holds that memory at a time. A session that holds it for longer than [`DOCUMENT_HOLD_MS`] loses it to the
//! next session that needs it. The former session is closed, because its reply can't be completed.

use core::fmt::{self, Write};

use heapless::Vec;
use sockeye_resp::{Protocol, ReplyWriter};

use crate::limits::{DOCUMENT_HOLD_MS, DOCUMENT_LEN_MAX, HEADER_LEN_MAX};
use crate::sessions::session::Cursor;

/// The one long text that is being sent.
pub(crate) struct Document {
    /// The reply, header and line end included, and unused bytes before the header.
    bytes: Vec<u8, { HEADER_LEN_MAX + DOCUMENT_LEN_MAX + 2 }, u16>,
    start: u8,
    /// ID of the session that has it; 0 while nobody has.
    owner: u32,
    since_ms: u64,
}

/// A text is longer than [`DOCUMENT_LEN_MAX`].
#[derive(Debug)]
struct TooLong;

impl Document {
    /// Nobody's.
    pub(crate) const fn new() -> Self {
        Self { bytes: Vec::new(), start: 0, owner: 0, since_ms: 0 }
    }

    /// How long a session has to wait for it, milliseconds; None if it may have it now.
    fn wait_ms(&self, session: u32, now_ms: u64) -> Option<u32> {
        let held_ms = now_ms.saturating_sub(self.since_ms);
        let left_ms = u64::from(DOCUMENT_HOLD_MS).saturating_sub(held_ms) as u32;
        (self.owner != 0 && self.owner != session && left_ms > 0).then_some(left_ms)
    }

    /// Gives it to a session, and writes the session's reply into it.
    ///
    /// # Errors
    /// The text is too long; nobody has the document then.
    fn write(
        &mut self,
        session: u32,
        now_ms: u64,
        protocol: Protocol,
        write: impl Fn(&mut dyn Write) -> fmt::Result,
    ) -> Result<(), TooLong> {
        self.bytes.clear();
        // There is room for the header.
        let _ = self.bytes.resize_default(HEADER_LEN_MAX);
        self.owner = 0;
        write(&mut Out(&mut self.bytes)).map_err(|_| TooLong)?;
        let len = self.bytes.len() - HEADER_LEN_MAX;
        self.bytes.extend_from_slice(b"\r\n").map_err(|_| TooLong)?;
        let mut header = heapless::String::<HEADER_LEN_MAX, u8>::new();
        let written = match protocol {
            Protocol::Resp2 => write!(header, "${len}\r\n"),
            Protocol::Resp3 => write!(header, "={}\r\ntxt:", len + "txt:".len()),
        };
        written.map_err(|_| TooLong)?;
        let start = HEADER_LEN_MAX - header.len();
        let room = self.bytes.get_mut(start..HEADER_LEN_MAX).ok_or(TooLong)?;
        room.copy_from_slice(header.as_bytes());
        (self.start, self.owner, self.since_ms) = (start as u8, session, now_ms);
        Ok(())
    }

    /// The rest of the session's reply after `sent` bytes; None if another session has the memory now.
    fn rest(&self, session: u32, sent: u16) -> Option<&[u8]> {
        (self.owner == session).then(|| self.bytes.get(usize::from(self.start) + usize::from(sent)..)).flatten()
    }

    /// The session has no use for it any more. False if it didn't have it.
    pub(crate) fn release(&mut self, session: u32) -> bool {
        let is_owner = self.owner == session;
        if is_owner {
            self.owner = 0;
        }
        is_owner
    }
}

/// The progress of a text.
pub(crate) enum Progress {
    /// All of it is written into the reply.
    Complete,
    /// A part of it is, and the session has the document for the rest.
    Part(Cursor),
    /// Another session has the document, for so many milliseconds at most.
    Busy { timeout_ms: u32 },
    /// The rest is lost: another session has the document now.
    Lost,
}

impl Document {
    /// Writes a session's text, or goes on with it at `cursor`: as one reply if it fits, and otherwise in parts.
    pub(crate) fn reply(
        &mut self,
        (session, cursor): (u32, Cursor),
        now_ms: u64,
        reply: &mut ReplyWriter<'_>,
        write: impl Fn(&mut dyn Write) -> fmt::Result,
    ) -> Progress {
        let mut sent = match cursor {
            Cursor::Document { sent } => sent,
            _ => {
                reply.verbatim_with(*b"txt", |out| write(out));
                if !reply.is_overflowed() {
                    return Progress::Complete;
                }
                reply.rewind();
                if let Some(timeout_ms) = self.wait_ms(session, now_ms) {
                    return Progress::Busy { timeout_ms };
                }
                if self.write(session, now_ms, reply.protocol(), write).is_err() {
                    reply.error("ERR the text is longer than this device can send");
                    return Progress::Complete;
                }
                0
            }
        };
        let Some(rest) = self.rest(session, sent) else {
            return Progress::Lost;
        };
        let len = reply.raw(rest);
        if len == rest.len() {
            self.release(session);
            return Progress::Complete;
        }
        sent += len as u16;
        Progress::Part(Cursor::Document { sent })
    }
}

/// Appends to the document.
struct Out<'a>(&'a mut Vec<u8, { HEADER_LEN_MAX + DOCUMENT_LEN_MAX + 2 }, u16>);

impl Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(document: &Document, session: u32, sent: u16) -> Option<&str> {
        document.rest(session, sent).map(|rest| core::str::from_utf8(rest).unwrap())
    }

    #[test]
    fn one_session_has_it_at_a_time_and_not_for_ever() {
        let mut document = Document::new();
        assert_eq!(document.wait_ms(1, 0), None);
        document.write(1, 10, Protocol::Resp2, |out| out.write_str("# Server\r\n")).unwrap();
        assert_eq!(text(&document, 1, 0), Some("$10\r\n# Server\r\n\r\n"));
        assert_eq!(text(&document, 1, 5), Some("# Server\r\n\r\n"));
        assert_eq!(text(&document, 2, 0), None);
        assert_eq!(document.wait_ms(1, 20), None);
        assert_eq!(document.wait_ms(2, 20), Some(DOCUMENT_HOLD_MS - 10));
        assert!(!document.release(2));
        let over_ms = 10 + u64::from(DOCUMENT_HOLD_MS);
        assert_eq!(document.wait_ms(2, over_ms - 1), Some(1));
        assert_eq!(document.wait_ms(2, over_ms), None);
        document.write(2, over_ms, Protocol::Resp3, |out| out.write_str("x")).unwrap();
        assert_eq!(text(&document, 1, 0), None);
        assert_eq!(text(&document, 2, 0), Some("=5\r\ntxt:x\r\n"));
        assert!(document.release(2));
        assert_eq!(document.wait_ms(1, over_ms), None);
    }

    #[test]
    fn the_longest_text_has_room_and_a_longer_one_is_nobodys() {
        let mut document = Document::new();
        document.write(1, 0, Protocol::Resp3, |out| out.write_str(&"x".repeat(DOCUMENT_LEN_MAX))).unwrap();
        assert_eq!(text(&document, 1, 0).unwrap().len(), "=3304\r\ntxt:".len() + DOCUMENT_LEN_MAX + 2);
        let written = document.write(1, 0, Protocol::Resp2, |out| out.write_str(&"x".repeat(DOCUMENT_LEN_MAX + 3)));
        assert!(written.is_err() && document.rest(1, 0).is_none());
    }
}
