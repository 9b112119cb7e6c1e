//! Texts that may be longer than the transmit buffer: INFO, CLIENT LIST, the page.
//!
//! A bulk string says its length first, and leaves in parts, between which figures change. So a text is made of lines,
//! each of which is written when it is sent and is true then, and of a filler at its end, which makes up for lines
//! that became shorter. A line that became so much longer that it would leave no room for the filler is left out. A
//! text that fits into the buffer whole needs none of that.

use core::fmt::{self, Write};

use crate::limits::{TEXT_SLACK_LEN, TX_LEN};

/// A text, line by line.
pub(crate) trait Lines {
    /// What comes before the bytes that fill up; as short as can be.
    const FILLER: &'static str;
    /// What fills up.
    const FILL: u8;
    /// What the text ends with.
    const END: &'static str;

    /// Writes line `index`, with the line end that separates it from the one before. None if there is no such line.
    fn line(&self, index: usize, out: &mut dyn Write) -> Option<fmt::Result>;
}

/// What a text is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A bulk string.
    Bulk,
    /// RESP3's verbatim string.
    Verbatim,
    /// The body of an answer of HTTP.
    Http,
}

/// How far a text is that doesn't fit into the buffer whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// The next line; [`FILLING`](Self::FILLING) once all lines and the start of the filler are written.
    pub(crate) line: u16,
    /// Bytes that are promised and yet to come, the frame's end not included; 0 if nothing is written yet.
    pub(crate) left: u16,
}

impl Progress {
    const FILLING: u16 = u16::MAX;
    const NONE: Self = Self { line: 0, left: 0 };
}

/// Writes as much of a text as there is room for in `out`, which is empty; and how far it is then, none once it is
/// complete. A text that hasn't begun has no progress either.
///
/// A text that fits into [`TX_LEN`] begins only where there is room for all of it.
pub(crate) fn write<L: Lines>(
    lines: &L,
    frame: Frame,
    progress: Option<Progress>,
    out: &mut Out<'_>,
) -> Option<Progress> {
    let mut progress = match progress.filter(|progress| progress.left > 0) {
        Some(progress) => progress,
        None => begin(lines, frame, out)?,
    };
    if progress.left == 0 {
        return Some(progress);
    }
    while progress.line != Progress::FILLING {
        let start = out.len;
        let Some(line) = lines.line(progress.line.into(), out) else {
            if out.write_str(L::FILLER).is_err() {
                return Some(progress);
            }
            progress = Progress { line: Progress::FILLING, left: progress.left - L::FILLER.len() as u16 };
            break;
        };
        if line.is_err() {
            out.len = start;
            return Some(progress);
        }
        progress.line += 1;
        let rest = usize::from(progress.left).checked_sub(out.len - start);
        match rest.filter(|rest| *rest >= L::FILLER.len() + L::END.len()) {
            Some(rest) => progress.left = rest as u16,
            None => out.len = start,
        }
    }
    while usize::from(progress.left) > L::END.len() {
        if out.put(&[L::FILL]).is_err() {
            return Some(progress);
        }
        progress.left -= 1;
    }
    end::<L>(frame, out).is_err().then_some(progress)
}

/// Writes the start of a text, or all of it if it fits; how far it is if it doesn't.
fn begin<L: Lines>(lines: &L, frame: Frame, out: &mut Out<'_>) -> Option<Progress> {
    let mut measure = Measure(0);
    write_lines(lines, &mut measure);
    let len = measure.0 + L::END.len();
    if write_header(frame, len, out).is_err() {
        out.len = 0;
        return Some(Progress::NONE);
    }
    let whole_len = out.len + len + FRAME_END.len();
    if whole_len <= out.bytes.len() {
        write_lines(lines, out);
        // It fits: that was measured.
        let _ = end::<L>(frame, out);
        return None;
    }
    out.len = 0;
    let len = len + TEXT_SLACK_LEN;
    if whole_len <= TX_LEN || write_header(frame, len, out).is_err() {
        out.len = 0;
        return Some(Progress::NONE);
    }
    Some(Progress { line: 0, left: len as u16 })
}

fn write_lines(lines: &impl Lines, out: &mut dyn Write) {
    let all = (0..usize::from(Progress::FILLING)).map_while(|index| lines.line(index, out));
    all.for_each(drop);
}

fn write_header(frame: Frame, len: usize, out: &mut Out<'_>) -> fmt::Result {
    match frame {
        Frame::Bulk => write!(out, "${len}\r\n"),
        Frame::Verbatim => write!(out, "={}\r\ntxt:", len + "txt:".len()),
        Frame::Http => write!(
            out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len}\r\nCache-Control: \
             no-store\r\nConnection: close\r\n\r\n"
        ),
    }
}

/// What ends a string of RESP; HTTP has nothing there.
const FRAME_END: &str = "\r\n";

/// The end of the text and of its frame, or nothing if both don't fit.
fn end<L: Lines>(frame: Frame, out: &mut Out<'_>) -> fmt::Result {
    let start = out.len;
    out.write_str(L::END)?;
    let frame_end = if frame == Frame::Http { "" } else { FRAME_END };
    let ended = out.write_str(frame_end);
    if ended.is_err() {
        out.len = start;
    }
    ended
}

/// A buffer that is filled from its start.
pub(crate) struct Out<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl<'a> Out<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn put(&mut self, bytes: &[u8]) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + bytes.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }
}

impl Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text.as_bytes())
    }
}

/// Counts what is written.
struct Measure(usize);

impl Write for Measure {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}
