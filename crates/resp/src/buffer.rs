//! Appending to a slice.

use crate::decimal::Digits;
use crate::limits::SHORT_BULK_LEN_MAX;

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A slice that is filled from its start.
pub(crate) struct Buffer<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl<'a> Buffer<'a> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, len: 0 }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn room(&self) -> usize {
        self.bytes.len() - self.len
    }

    /// The bytes after the first `start`.
    pub(crate) fn after(&mut self, start: usize) -> &mut [u8] {
        self.bytes.get_mut(start..self.len).unwrap_or_default()
    }

    /// Drops all but the first `len` bytes.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends all of `bytes`, or nothing.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let room = self.bytes.get_mut(self.len..self.len + bytes.len()).ok_or(Full)?;
        room.copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Leaves out `len` bytes, which the caller fills in later.
    pub(crate) fn skip(&mut self, len: usize) -> Result<(), Full> {
        if len > self.room() {
            return Err(Full);
        }
        self.len += len;
        Ok(())
    }

    /// Appends a bulk of `len` bytes, which `write` fills in, or nothing. [`Full`] also if there is no room, or if `len`
    /// has two digits.
    #[inline]
    pub(crate) fn put_short_bulk(&mut self, len: usize, write: impl FnOnce(&mut [u8])) -> Result<(), Full> {
        if len > SHORT_BULK_LEN_MAX {
            return Err(Full);
        }
        // Header, bytes and line end have one check of the room.
        let whole_len = len + b"$0\r\n\r\n".len();
        let free = self.bytes.get_mut(self.len..).ok_or(Full)?;
        let [kind, digit, header_cr, header_lf, body @ .., cr, lf] = free.get_mut(..whole_len).ok_or(Full)? else {
            return Err(Full);
        };
        (*kind, *digit, *header_cr, *header_lf) = (b'$', b'0' + len as u8, b'\r', b'\n');
        write(body);
        (*cr, *lf) = (b'\r', b'\n');
        self.len += whole_len;
        Ok(())
    }

    /// Appends a type byte, a number and a line end; a part of them if it is full.
    #[inline]
    pub(crate) fn put_header(&mut self, kind: u8, value: usize) -> Result<(), Full> {
        match value {
            0..10 => self.put(&[kind, b'0' + value as u8, b'\r', b'\n']),
            _ => self.put_long_header(kind, value),
        }
    }

    #[inline(never)]
    fn put_long_header(&mut self, kind: u8, value: usize) -> Result<(), Full> {
        self.put(&[kind])?;
        self.put(Digits::new(value as u64).as_bytes())?;
        self.put(b"\r\n")
    }

    /// Writes the header of the bytes from `body` on into the gap between `start` and `body`, and moves those bytes up
    /// to the header.
    ///
    /// The gap must be as long as the header or longer.
    pub(crate) fn put_header_at(&mut self, start: usize, body: usize, kind: u8) {
        let end = self.len;
        self.len = start;
        if self.put_header(kind, end - body).is_err() {
            return;
        }
        if let (Some(gap), Some(rest)) = (body.checked_sub(self.len), self.bytes.get_mut(self.len..end))
            && gap <= rest.len()
        {
            rest.copy_within(gap.., 0);
            self.len += end - body;
        }
    }
}
