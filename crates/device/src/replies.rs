//! Replies that are longer than the transmit buffer.

pub(crate) mod document;
pub(crate) mod info;
pub(crate) mod page;
