//! All specs of a device as one bounded text.

use core::ops::Deref;

use crate::error::Error;
use crate::limits::{TEXT_LEN_MAX, THINGS_MAX};
use crate::named_texts::{NamedTexts, TextError};

/// The names and specs of all things, in the order in which they were wired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wiring(NamedTexts<TEXT_LEN_MAX>);

impl Wiring {
    /// A wiring of nothing.
    pub const fn new() -> Self {
        Self(NamedTexts::new())
    }

    /// Gives a thing a spec, or removes it if the spec is empty. A thing that has one keeps its place. Whether the
    /// wiring is possible is for [`plan`](crate::plan) to say.
    ///
    /// # Errors
    /// The name can't be one, the spec has control characters, or there is no room; then nothing is changed.
    pub fn set(&mut self, name: &str, spec: &str) -> Result<(), Error<'static>> {
        self.0.set(name, spec, THINGS_MAX).map_err(|error| match error {
            TextError::Name => Error::Name,
            TextError::Control => Error::Control,
            TextError::Count => Error::Things,
            TextError::Length => Error::TextLength,
        })
    }
}

impl Deref for Wiring {
    type Target = NamedTexts<TEXT_LEN_MAX>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
