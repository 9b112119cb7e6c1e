//! The other side: requests as a client writes them, and replies as it reads
//! them.
//!
//! Nothing here assumes that the server is a device of this kind: Redis and
//! Valkey reply with the same types.

mod encode;
mod reply;
mod scan;

pub use encode::{EncodeError, encode};
pub use reply::{Elements, ElementsIter, Reply, decode};
pub use scan::ReplyError;
