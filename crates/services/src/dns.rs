//! Messages of DNS (RFC 1035 section 4), as far as a resolver, a name server and an mDNS responder need them.

use crate::limits::{DNS_HEADER_LEN, DNS_JUMPS_MAX, DNS_NAME_LEN_MAX};

/// The port of name servers.
pub(crate) const PORT: u16 = 53;

/// Types of records.
pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const PTR: u16 = 12;
pub(crate) const TXT: u16 = 16;
pub(crate) const SRV: u16 = 33;
pub(crate) const NSEC: u16 = 47;

/// The class of the internet.
pub(crate) const IN: u16 = 1;
/// Every type, or every class.
pub(crate) const ANY: u16 = 255;

/// A message, of which nothing is certain but that it has a header.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a>(&'a [u8]);

impl<'a> Message<'a> {
    /// None if the message has no whole header.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() >= DNS_HEADER_LEN).then_some(Self(bytes))
    }

    fn word(self, at: usize) -> u16 {
        u16::from_be_bytes([self.0[at], self.0[at + 1]])
    }

    pub(crate) fn id(self) -> u16 {
        self.word(0)
    }

    /// There is more in another message.
    pub(crate) fn is_truncated(self) -> bool {
        self.0[2] & 0x02 != 0
    }

    /// The response code.
    pub(crate) fn code(self) -> u8 {
        self.0[3] & 0x0f
    }

    pub(crate) fn is_response(self) -> bool {
        self.0[2] & 0x80 != 0
    }

    pub(crate) fn opcode(self) -> u8 {
        (self.0[2] >> 3) & 0x0f
    }

    /// The header's counts of records: questions, answers, authorities, additional.
    pub(crate) fn counts(self) -> [u16; 4] {
        [4, 6, 8, 10].map(|at| self.word(at))
    }

    /// The bytes after the header.
    pub(crate) fn reader(self) -> Reader<'a> {
        Reader { message: self.0, at: DNS_HEADER_LEN }
    }
}

/// A place in a message, which moves on.
pub(crate) struct Reader<'a> {
    message: &'a [u8],
    pub(crate) at: usize,
}

/// A name, type and class.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) name: Name<'a>,
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
    pub(crate) fn question(&mut self) -> Option<Question<'a>> {
        Some(Question { name: self.name()?, kind: self.word()?, class: self.word()? })
    }

    /// The next record; None if it is cut off or no record.
    pub(crate) fn record(&mut self) -> Option<Record<'a>> {
        let Question { name, kind, class } = self.question()?;
        let ttl_s = u32::from_be_bytes(*self.take(4)?.first_chunk()?);
        let len = self.word()?;
        let at = self.at;
        let data = self.take(len.into())?;
        Some(Record { name, kind, class, ttl_s, data, message: self.message, at })
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

/// A record.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) kind: u16,
    pub(crate) class: u16,
    /// How long it may be remembered, seconds; 0 if it ends.
    pub(crate) ttl_s: u32,
    pub(crate) data: &'a [u8],
    message: &'a [u8],
    /// Where the data begin.
    at: usize,
}

impl<'a> Record<'a> {
    /// The name in the data, behind so many bytes. None if there is no name.
    pub(crate) fn target(&self, offset: usize) -> Option<Name<'a>> {
        (offset < self.data.len()).then_some(Name { message: self.message, at: self.at + offset })
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
        Labels { message: self.message, at: Some(self.at), jumps: 0, room: DNS_NAME_LEN_MAX }
    }

    /// Whether both are the same name. Case is no difference (RFC 4343), and what is no name is the same as no other.
    pub(crate) fn is(self, other: Name<'_>) -> bool {
        let (mut labels, mut others) = (self.labels(), other.labels());
        loop {
            match (labels.next(), others.next()) {
                (None, None) => return true,
                (Some(Some(label)), Some(Some(other))) if label.eq_ignore_ascii_case(other) => {}
                _ => return false,
            }
        }
    }
}

/// The labels of a name.
pub(crate) struct Labels<'a> {
    message: &'a [u8],
    /// None after the last.
    at: Option<usize>,
    jumps: usize,
    /// Bytes that the rest of the name may have. Without a bound a loop of pointers could lead over the same labels
    /// [`DNS_JUMPS_MAX`] times.
    room: usize,
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
                    self.room = self.room.checked_sub(1 + len)?;
                    self.at = Some(at + 1 + len);
                    return Some(Some(label));
                }
                0xc0 => {
                    let target = ((len & 0x3f) << 8) | usize::from(*self.message.get(at + 1)?);
                    self.jumps += 1;
                    // A pointer leads to a prior place only (RFC 1035 section 4.1.4).
                    if target >= at || self.jumps > DNS_JUMPS_MAX {
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

    /// Writes over a word that is there.
    pub(crate) fn set_word(&mut self, at: usize, value: u16) {
        if let Some(word) = self.buffer.get_mut(at..at + 2) {
            word.copy_from_slice(&value.to_be_bytes());
        }
    }

    pub(crate) fn written(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// A message with these bytes behind its header.
    fn message(body: &[u8]) -> Vec<u8> {
        [&[0; DNS_HEADER_LEN], body].concat()
    }

    /// A name of labels of these lengths.
    fn name(lens: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &len in lens {
            bytes.push(len as u8);
            bytes.extend((0..len).map(|_| b'a'));
        }
        bytes
    }

    fn is_read(body: &[u8]) -> bool {
        Message(&message(body)).reader().name().is_some()
    }

    /// How many labels are read of the name at `at`, with the mark of a wrong one.
    fn steps(message: &[u8], at: usize) -> usize {
        Name { message, at }.labels().count()
    }

    /// NAME:WRECK, CVE-2020-24338.
    #[test]
    fn a_name_has_no_more_bytes_than_a_name_may_have() {
        for (lens, is_name) in
            [(&[63usize, 63, 63, 62][..], true), (&[63; 4], false), (&[1; 127], true), (&[1; 128], false)]
        {
            let zero = [&name(lens)[..], &[0]].concat();
            assert_eq!(is_read(&zero), is_name, "{lens:?}");
            // The same where a pointer leads to the last label.
            let (last, first) = lens.split_last().unwrap();
            let tail = [&name(&[*last])[..], &[0], &name(first), &[0xc0, DNS_HEADER_LEN as u8]].concat();
            let bytes = message(&tail);
            let labels = Name { message: &bytes, at: DNS_HEADER_LEN + last + 2 }.labels();
            assert_eq!(labels.map(|label| label.is_some()).last(), Some(is_name), "{lens:?}");
        }
    }

    #[test]
    fn pointers_lead_backwards_only() {
        let at = DNS_HEADER_LEN as u8;
        for (what, body, is_name) in [
            ("to itself", &[0xc0, at] as &[u8], false),
            ("forwards", &[0xc0, at + 2, 1, b'a', 0], false),
            ("beyond the end", &[0xff, 0xff], false),
            ("half of one", &[0xc0], false),
            ("of a kind that does not exist", &[0x40, 0], false),
            ("of a kind that does not exist", &[0x80, 0], false),
            ("into the header", &[0xc0, 0], true),
            ("no end", &[1, b'a'], false),
        ] {
            assert_eq!(is_read(body), is_name, "{what}");
        }
    }

    /// A message of many short questions, which all have the same long name, must not cost the square of its length.
    #[test]
    fn the_work_of_a_name_is_bounded() {
        // Labels of no use, and a pointer behind them that leads to the first: each turn reads them all.
        for lens in [&[1; 250][..], &[63; 15], &[20; 24]] {
            let bytes = message(&[&name(lens)[..], &[0xc0, DNS_HEADER_LEN as u8]].concat());
            assert!(steps(&bytes, DNS_HEADER_LEN) <= DNS_NAME_LEN_MAX / 2 + 1, "{}", steps(&bytes, DNS_HEADER_LEN));
        }
        // Pointers to pointers.
        let mut body = name(&[1]);
        body.push(0);
        for target in (DNS_HEADER_LEN + 1..).step_by(2).take(300) {
            body.extend([0xc0 | (target >> 8) as u8, target as u8]);
        }
        let bytes = message(&body);
        assert!(steps(&bytes, bytes.len() - 2) <= 1);
    }
}
