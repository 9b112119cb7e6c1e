//! Several named texts in one bounded text.

use heapless::String;

use crate::limits::KEY_LEN_MAX;

/// Ends a name and its text; neither can have it.
const END: char = '\n';

/// Names, each with a text, in the order in which they were set, in `LEN` bytes together. A name and its text take two
/// bytes more than their own.
///
/// The texts are kept as they were given, in one text, because most are far shorter than the longest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedTexts<const LEN: usize> {
    text: String<LEN, u16>,
}

/// Where a name is in the text of one [`NamedTexts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    start: u16,
    len: u8,
}

impl Place {
    /// Memory for one, all zero.
    pub const ZERO: Self = Self { start: 0, len: 0 };
}

/// A name that is looked for among others. Names are short: [`is`](Self::is) takes less than the call that `==` is.
#[derive(Debug, Clone, Copy)]
pub struct WantedName<'a> {
    bytes: &'a [u8],
    words: &'a [[u8; 4]],
    rest: &'a [u8],
}

impl<'a> WantedName<'a> {
    /// Any bytes, as a client sent them.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        let (words, rest) = bytes.as_chunks();
        Self { bytes, words, rest }
    }

    /// Whether this is the name.
    #[inline]
    pub fn is(&self, name: &[u8]) -> bool {
        let (words, rest) = name.as_chunks();
        self.bytes.len() == name.len()
            && self.words.iter().zip(words).all(|(wanted, word)| wanted == word)
            && self.rest.iter().zip(rest).all(|(wanted, byte)| wanted == byte)
    }
}

/// Why a text is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextError {
    /// The name has other characters than letters, digits, `.`, `_` and `-`, or none, or more than
    /// [`KEY_LEN_MAX`].
    Name,
    /// The text has control characters.
    Control,
    /// There are as many names as there may be.
    Count,
    /// All names and texts together are too long.
    Length,
}

impl<const LEN: usize> NamedTexts<LEN> {
    /// No names.
    pub const fn new() -> Self {
        Self { text: String::new() }
    }

    /// The names and texts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.text.split_terminator(END).filter_map(|line| line.split_once('='))
    }

    /// Where the name of this number is, which makes it quick to find; of nothing if there is no such name.
    pub fn place(&self, number: usize) -> Place {
        let start = self.text.split_inclusive(END).take(number).map(str::len).sum::<usize>();
        let name = self.iter().nth(number).map_or("", |(name, _)| name);
        Place { start: start as u16, len: name.len() as u8 }
    }

    /// The name at a place.
    pub fn at(&self, place: Place) -> &str {
        let start = usize::from(place.start);
        self.text.get(start..start + usize::from(place.len)).unwrap_or_default()
    }

    /// Whether the name at a place is the wanted one.
    #[inline]
    pub fn is_at(&self, place: Place, name: &WantedName<'_>) -> bool {
        let (start, len) = (usize::from(place.start), usize::from(place.len));
        // Names of another length need no look at the text.
        len == name.bytes.len() && self.text.as_bytes().get(start..start + len).is_some_and(|known| name.is(known))
    }

    /// The part of a key after the name at a place; None if the key doesn't begin with the name.
    pub fn rest<'k>(&self, place: Place, key: &'k [u8]) -> Option<&'k [u8]> {
        let start = usize::from(place.start);
        key.strip_prefix(self.text.as_bytes().get(start..start + usize::from(place.len))?)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, text)| text)
    }

    /// Gives a name a text, or removes the name if the text is empty. A name that has a text keeps its place. `count_max`
    /// is how many names there may be.
    ///
    /// # Errors
    /// See [`TextError`]; then nothing is changed.
    pub fn set(&mut self, name: &str, text: &str, count_max: usize) -> Result<(), TextError> {
        if !is_name(name) {
            return Err(TextError::Name);
        }
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        let mut all = String::new();
        let mut is_known = false;
        for (known, old) in self.iter() {
            is_known |= known == name;
            let text = if known == name { text } else { old };
            add(&mut all, known, text)?;
        }
        if !is_known {
            if self.len() >= count_max && !text.is_empty() {
                return Err(TextError::Count);
            }
            add(&mut all, name, text)?;
        }
        self.text = all;
        Ok(())
    }
}

fn add<const LEN: usize>(all: &mut String<LEN, u16>, name: &str, text: &str) -> Result<(), TextError> {
    if text.is_empty() {
        return Ok(());
    }
    let pushed = all.push_str(name).and_then(|()| all.push('=')).and_then(|()| all.push_str(text));
    pushed.and_then(|()| all.push(END)).map_err(|_| TextError::Length)
}

/// Whether this can be a name: letters, digits, `.`, `_` and `-`.
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=KEY_LEN_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many names.
    const COUNT: usize = 8;
    type Texts = NamedTexts<320>;

    /// Names of any length differ in any of their bytes.
    #[test]
    fn a_name_is_itself_and_no_other() {
        let name = b"living-room.temperature";
        for len in 0..=name.len() {
            let wanted = WantedName::new(&name[..len]);
            assert!(wanted.is(&name[..len]));
            assert!(len == name.len() || !wanted.is(&name[..len + 1]));
            for at in 0..len {
                let mut other = name[..len].to_vec();
                other[at] ^= 0x20;
                assert!(!wanted.is(&other), "{len} {at}");
            }
        }
    }

    #[test]
    fn texts_come_back_as_they_were_given() {
        let mut texts = Texts::new();
        texts.set("cellar", "ds18b20 pin=4", COUNT).unwrap();
        texts.set("room", "bme280  scl=7 sda=6", COUNT).unwrap();
        texts.set("cellar", "ds18b20 pin=5", COUNT).unwrap();
        let all: Vec<_> = texts.iter().collect();
        assert_eq!(all, [("cellar", "ds18b20 pin=5"), ("room", "bme280  scl=7 sda=6")]);
        assert_eq!(texts.get("room"), Some("bme280  scl=7 sda=6"));
        assert_eq!([0, 1, 2].map(|number| texts.at(texts.place(number))), ["cellar", "room", ""]);
        for (name, is_room) in [("room", true), ("roof", false), ("rooms", false), ("roo", false), ("", false)] {
            assert_eq!(texts.is_at(texts.place(1), &WantedName::new(name.as_bytes())), is_room, "{name}");
        }
        texts.set("cellar", "", COUNT).unwrap();
        texts.set("attic", "", COUNT).unwrap();
        assert_eq!((texts.len(), texts.get("cellar")), (1, None));
    }

    #[test]
    fn what_has_no_room_changes_nothing() {
        let mut texts = Texts::new();
        for number in 0..COUNT {
            texts.set(&format!("t{number}"), "output pin=1", COUNT).unwrap();
        }
        let before = texts.clone();
        assert_eq!(texts.set("more", "output pin=1", COUNT), Err(TextError::Count));
        let long = "x".repeat(96);
        let results: Vec<_> = (0..COUNT).map(|number| texts.set(&format!("t{number}"), &long, COUNT)).collect();
        assert!(results.contains(&Err(TextError::Length)) && results.contains(&Ok(())));
        texts = before.clone();
        for name in ["", "a b", "a=b", "ä", "a\n", "name-of-twenty-five-bytes"] {
            assert_eq!(texts.set(name, "output pin=1", COUNT), Err(TextError::Name), "{name:?}");
        }
        assert_eq!(texts.set("a", "output\npin=1", COUNT), Err(TextError::Control));
        assert_eq!(texts, before);
    }
}
