//! Parameters with names of their own: `wiring.NAME` and `rule.NAME`.

use core::fmt::Write;

use heapless::String;
use sockeye_resp::Request;

use super::parameter::{Refusal, matches, pairs, refuse};
use crate::command::CommandContext;
use crate::limits::{KEY_LEN_MAX, RULE_LEN_MAX};
use crate::settings::Settings;

/// A kind of parameter that has as many members as were set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Wiring,
    Rules,
}

impl Family {
    pub(super) const ALL: [Self; 2] = [Self::Wiring, Self::Rules];

    /// The part of a parameter before the name.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Wiring => "wiring.",
            Self::Rules => "rule.",
        }
    }

    /// A member of the family, for people.
    pub(super) fn noun(self) -> &'static str {
        self.prefix().trim_end_matches('.')
    }

    /// The name in a parameter of this family.
    pub(super) fn name(self, parameter: &[u8]) -> Option<&[u8]> {
        let (prefix, name) = parameter.split_at_checked(self.prefix().len())?;
        prefix.eq_ignore_ascii_case(self.prefix().as_bytes()).then_some(name)
    }

    /// The family of a parameter.
    pub(super) fn of(parameter: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name(parameter).is_some())
    }

    /// The names and texts of this family in a request.
    pub(super) fn pairs<'a>(self, request: &Request<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        pairs(request).filter_map(move |(parameter, text)| Some((self.name(parameter)?, text)))
    }

    /// Sets the names and texts of a request in `texts`. Texts that become shorter come first, and make room for the others,
    /// whatever the order in the request. `len` is the length of the text that a name has, 0 if it has none.
    ///
    /// # Errors
    /// The first that `set` refuses, or that is not UTF-8.
    pub(super) fn set<'a, T>(
        self,
        request: &Request<'a>,
        texts: &mut T,
        len: impl Fn(&T, &str) -> usize,
        set: impl Fn(&mut T, &'a str, &'a str) -> Result<(), Refusal<'a>>,
    ) -> Result<(), Refusal<'a>> {
        for is_longer in [false, true] {
            for (name, text) in self.pairs(request) {
                let (Ok(name), Ok(text)) = (str::from_utf8(name), str::from_utf8(text)) else {
                    return Err(refuse(format_args!("{} is not UTF-8", self.noun())));
                };
                if is_longer == (text.len() > len(texts, name)) {
                    set(texts, name, text)?;
                }
            }
        }
        Ok(())
    }

    /// The names and texts that are set.
    fn texts(self, settings: &Settings) -> impl Iterator<Item = (&str, &str)> {
        let wiring = settings.wiring.as_ref().filter(|_| self == Self::Wiring);
        let rules = Some(&settings.rules).filter(|_| self == Self::Rules);
        wiring.into_iter().flat_map(|wiring| wiring.iter()).chain(rules.into_iter().flat_map(|rules| rules.iter()))
    }

    /// The parameter of a name.
    fn parameter(self, name: &str) -> String<KEY_LEN_MAX, u8> {
        let mut parameter = String::new();
        // A name is shorter than a key.
        let _ = write!(parameter, "{}{name}", self.prefix());
        parameter
    }
}

/// The members that CONFIG GET asks for, with their texts.
pub(super) fn found<'c>(cx: &'c CommandContext<'_, '_>) -> impl Iterator<Item = (Family, &'c str, &'c str)> {
    let request = cx.request;
    let has_pins = cx.platform.pins().is_some();
    let families = Family::ALL.into_iter().filter(move |family| has_pins || *family != Family::Wiring);
    let all =
        families.flat_map(|family| family.texts(&cx.state.settings).map(move |(name, text)| (family, name, text)));
    all.filter(move |(family, name, _)| {
        let mut parameter = family.parameter(name);
        parameter.make_ascii_lowercase();
        request.args().skip(2).any(|pattern| matches(pattern, &parameter))
    })
}

/// Writes one of these; nothing is left of one that was removed meanwhile.
pub(super) fn write(cx: &mut CommandContext<'_, '_>, index: usize) {
    // A rule is the longest of these texts.
    let copy = |text: &str| String::<RULE_LEN_MAX, u8>::try_from(text).unwrap_or_default();
    let found = found(cx).nth(index).map(|(family, name, text)| (family.parameter(name), copy(text)));
    let (name, text) = found.unwrap_or_default();
    cx.reply.bulk(name.as_bytes());
    cx.reply.bulk(text.as_bytes());
}
