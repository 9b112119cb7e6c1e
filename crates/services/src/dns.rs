//! Messages of DNS (RFC 1035 section 4), as far as a name server and an mDNS responder need them.

/// Bytes of a header.
pub(crate) const HEADER_LEN: usize = 12;

/// Types of records.
pub(crate) const A: u16 = 1;

/// The class of the internet.
pub(crate) const IN: u16 = 1;

/// Names that a pointer leads from one to the next, at most: a name has no more labels (RFC 1035 section 2.3.4).
const JUMPS_MAX: usize = 127;

/// A message, of which nothing is certain but that it has a header.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// None if the message has no whole header.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() >= HEADER_LEN).then_some(Self(bytes))
    }

    fn word(self, at: usize) -> u16 {
        u16::from_be_bytes([self.0[at], self.0[at + 1]])
    }

    pub(crate) fn is_response(self) -> bool {
        self.0[2] & 0x80 != 0
    }

    pub(crate) fn opcode(self) -> u8 {
        (self.0[2] >> 3) & 0x0f
    }

    /// How many records the header says that there are: questions, answers, authorities, additional.
    pub(crate) fn counts(self) -> [u16; 4] {
        [4, 6, 8, 10].map(|at| self.word(at))
    }

    /// What follows the header.
    pub(crate) fn reader(self) -> Reader<'a> {
        Reader { message: self.0, at: HEADER_LEN }
    }
}

/// A place in a message, which moves on.
pub(crate) struct Reader<'a> {
    message: &'a [u8],
    pub(crate) at: usize,
}

/// A type and class; the name before them is not kept.
#[derive(Clone, Copy)]
pub(crate) struct Question {
    pub(crate) kind: u16,
    pub(crate) class: u16,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let bytes = self.message.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(bytes)
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    /// The next question; None if it is cut off or no question.
    pub(crate) fn question(&mut self) -> Option<Question> {
        self.name()?;
        Some(Question { kind: self.word()?, class: self.word()? })
    }

    /// Reads a name, which is whole and has an end.
    fn name(&mut self) -> Option<Name<'a>> {
        let name = Name { message: self.message, at: self.at };
        for label in name.labels() {
            label?;
        }
        // The name ends here with a zero, or with a pointer to the rest.
        loop {
            match *self.take(1)?.first()? {
                0 => return Some(name),
                len if len & 0xc0 == 0xc0 => {
                    self.take(1)?;
                    return Some(name);
                }
                len => self.take(len.into())?,
            };
        }
    }
}

/// A name in a message.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Name<'a> {
    /// The labels, as far as the name is one: the last is None if it is not.
    pub(crate) fn labels(self) -> Labels<'a> {
        Labels { message: self.message, at: Some(self.at), jumps: 0 }
    }
}

/// The labels of a name.
pub(crate) struct Labels<'a> {
    message: &'a [u8],
    /// None after the last.
    at: Option<usize>,
    jumps: usize,
}

impl<'a> Labels<'a> {
    fn read(&mut self) -> Option<Option<&'a [u8]>> {
        loop {
            let at = self.at?;
            let len = usize::from(*self.message.get(at)?);
            match len & 0xc0 {
                0 if len == 0 => return Some(None),
                0 => {
                    let label = self.message.get(at + 1..at + 1 + len)?;
                    self.at = Some(at + 1 + len);
                    return Some(Some(label));
                }
                0xc0 => {
                    let target = ((len & 0x3f) << 8) | usize::from(*self.message.get(at + 1)?);
                    self.jumps += 1;
                    // A pointer leads to a prior place only (RFC 1035 section 4.1.4).
                    if target >= at || self.jumps > JUMPS_MAX {
                        return None;
                    }
                    self.at = Some(target);
                }
                _ => return None,
            }
        }
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Option<&'a [u8]>> {
        self.at?;
        match self.read() {
            Some(Some(label)) => Some(Some(label)),
            Some(None) => {
                self.at = None;
                None
            }
            None => {
                self.at = None;
                Some(None)
            }
        }
    }
}

/// Writes a message into a buffer.
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    pub(crate) len: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// None if there is no room.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.buffer.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;
        Some(())
    }

    pub(crate) fn word(&mut self, value: u16) -> Option<()> {
        self.put(&value.to_be_bytes())
    }
}
