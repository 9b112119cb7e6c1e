//! What the fuzz targets share.
//!
//! A target starts from `seeds` and knows the words of `resp.dict`:
//!
//! ```text
//! mkdir -p corpus/request
//! cargo fuzz run request corpus/request seeds/request -- -dict=resp.dict -max_len=1600
//! ```
//!
//! `canary` takes the seeds of `request`, an empty corpus, and must fail. Without
//! the seeds it often doesn't, which is why they are there.

#[path = "../../crates/resp/tests/common/mod.rs"]
mod common;
#[path = "../../crates/resp/tests/common/oracle.rs"]
mod oracle;

pub use common::{Outcome, decode, model};
pub use oracle::is_same;
use sockeye_resp::Limits;

/// How a target reads its input: two bytes say how, the rest is the stream.
pub struct Input<'a> {
    pub limits: Limits,
    /// Lengths of the pieces in which the stream comes.
    pub pieces: [u8; 2],
    pub wire: &'a [u8],
}

impl<'a> Input<'a> {
    /// `None` if there is no stream.
    pub fn new(data: &'a [u8]) -> Option<Self> {
        let (&[how, piece], wire) = data.split_first_chunk()?;
        let limits = if how & 1 == 0 { Limits::AUTHENTICATED } else { Limits::UNAUTHENTICATED };
        Some(Self { limits, pieces: [how >> 1, piece], wire })
    }
}
