//! Replies that may be longer than the transmit buffer.

pub(crate) mod client_list;
pub(crate) mod document;
pub(crate) mod http_replies;
pub(crate) mod info;
pub(crate) mod page;
