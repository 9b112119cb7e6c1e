//! All specs of a device as one bounded text.

use heapless::String;

use crate::error::Error;
use crate::limits::{KEY_LEN_MAX, TEXT_LEN_MAX, THINGS_MAX};

/// Ends a name and a spec; neither can have it.
const END: char = '\n';

/// The names and specs of all things, in the order in which they were wired.
///
/// The specs are kept as they were given, in one text, because most are far shorter than the longest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wiring {
    text: String<TEXT_LEN_MAX, u16>,
}

/// Where a name is in the text of one wiring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    start: u16,
    len: u8,
}

impl Place {
    /// Memory for one, all zero.
    pub const ZERO: Self = Self { start: 0, len: 0 };
}

impl Wiring {
    /// A wiring of nothing.
    pub const fn new() -> Self {
        Self { text: String::new() }
    }

    /// The names and specs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.text.split_terminator(END).filter_map(|line| line.split_once('='))
    }

    /// Where the name of a thing is, which makes it quick to find; of nothing if there is no such thing.
    pub fn place(&self, thing: usize) -> Place {
        let start = self.text.split_inclusive(END).take(thing).map(str::len).sum::<usize>();
        let name = self.iter().nth(thing).map_or("", |(name, _)| name);
        Place { start: start as u16, len: name.len() as u8 }
    }

    /// The name at a place of this wiring.
    pub fn at(&self, place: Place) -> &str {
        let start = usize::from(place.start);
        self.text.get(start..start + usize::from(place.len)).unwrap_or_default()
    }

    /// The part of a key after the name at a place; None if the key doesn't begin with the name.
    pub fn rest<'k>(&self, place: Place, key: &'k [u8]) -> Option<&'k [u8]> {
        let start = usize::from(place.start);
        key.strip_prefix(self.text.as_bytes().get(start..start + usize::from(place.len))?)
    }

    /// How many things there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether nothing is wired.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The spec of a thing.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, spec)| spec)
    }

    /// Gives a thing a spec, or removes it if the spec is empty. A thing that has one keeps its place. Whether the
    /// wiring is possible is for [`plan`](crate::plan) to say.
    ///
    /// # Errors
    /// The name can't be one, the spec has control characters, or there is no room; then nothing is changed.
    pub fn set(&mut self, name: &str, spec: &str) -> Result<(), Error<'static>> {
        if !is_name(name) {
            return Err(Error::Name);
        }
        if spec.chars().any(char::is_control) {
            return Err(Error::Control);
        }
        let mut text = String::new();
        let mut is_known = false;
        for (known, old) in self.iter() {
            is_known |= known == name;
            let spec = if known == name { spec } else { old };
            add(&mut text, known, spec)?;
        }
        if !is_known {
            if self.len() >= THINGS_MAX && !spec.is_empty() {
                return Err(Error::Things);
            }
            add(&mut text, name, spec)?;
        }
        self.text = text;
        Ok(())
    }
}

fn add(text: &mut String<TEXT_LEN_MAX, u16>, name: &str, spec: &str) -> Result<(), Error<'static>> {
    if spec.is_empty() {
        return Ok(());
    }
    let pushed = text.push_str(name).and_then(|()| text.push('=')).and_then(|()| text.push_str(spec));
    pushed.and_then(|()| text.push(END)).map_err(|_| Error::TextLength)
}

/// Whether a thing can have this name: letters, digits, `.`, `_` and `-`.
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=KEY_LEN_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SPEC_LEN_MAX;

    #[test]
    fn specs_come_back_as_they_were_given() {
        let mut wiring = Wiring::new();
        wiring.set("cellar", "ds18b20 pin=4").unwrap();
        wiring.set("room", "bme280  scl=7 sda=6").unwrap();
        wiring.set("cellar", "ds18b20 pin=5").unwrap();
        let things: Vec<_> = wiring.iter().collect();
        assert_eq!(things, [("cellar", "ds18b20 pin=5"), ("room", "bme280  scl=7 sda=6")]);
        assert_eq!(wiring.get("room"), Some("bme280  scl=7 sda=6"));
        assert_eq!([0, 1, 2].map(|thing| wiring.at(wiring.place(thing))), ["cellar", "room", ""]);
        wiring.set("cellar", "").unwrap();
        wiring.set("attic", "").unwrap();
        assert_eq!((wiring.len(), wiring.get("cellar")), (1, None));
    }

    #[test]
    fn what_has_no_room_changes_nothing() {
        let mut wiring = Wiring::new();
        for index in 0..THINGS_MAX {
            wiring.set(&format!("t{index}"), "output pin=1").unwrap();
        }
        let before = wiring.clone();
        assert_eq!(wiring.set("more", "output pin=1"), Err(Error::Things));
        let long = "x".repeat(SPEC_LEN_MAX);
        let results: Vec<_> = (0..THINGS_MAX).map(|index| wiring.set(&format!("t{index}"), &long)).collect();
        assert!(results.contains(&Err(Error::TextLength)) && results.contains(&Ok(())));
        wiring = before.clone();
        for name in ["", "a b", "a=b", "ä", "a\n", "name-of-twenty-five-bytes"] {
            assert_eq!(wiring.set(name, "output pin=1"), Err(Error::Name), "{name:?}");
        }
        assert_eq!(wiring.set("a", "output\npin=1"), Err(Error::Control));
        assert_eq!(wiring, before);
    }
}
