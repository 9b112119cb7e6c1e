//! A request as a server sees it.

use core::fmt;

/// One request: the command's name and its arguments, in the receive buffer.
///
/// A request is flat and never empty. Its bytes are not checked to be text.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) spans: &'a [Span],
}

impl<'a> Request<'a> {
    /// The command's name as sent; compare it without regard to case.
    pub fn name(&self) -> &'a [u8] {
        self.arg(0).unwrap_or_default()
    }

    /// Argument `index`, where 0 is the command's name.
    pub fn arg(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| span.of(self.bytes))
    }

    /// All arguments in order, the command's name first.
    pub fn args(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| span.of(bytes))
    }

    /// Number of arguments, the command's name included: 1 to
    /// [`ARGS_MAX`](crate::limits::ARGS_MAX).
    #[expect(clippy::len_without_is_empty, reason = "a request has a name")]
    pub fn len(&self) -> usize {
        self.spans.len()
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.args().map(<[u8]>::escape_ascii)).finish()
    }
}

/// An argument's place, counted from the request's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    start: u16,
    end: u16,
}

impl Span {
    pub(crate) const EMPTY: Self = Self { start: 0, end: 0 };

    /// `start` and `end` are at most [`REQUEST_LEN_MAX`](crate::limits::REQUEST_LEN_MAX), which fits into 16 bits.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u16, end: end as u16 }
    }

    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(usize::from(self.start)..usize::from(self.end)).unwrap_or_default()
    }
}
