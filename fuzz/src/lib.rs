//! The code that the fuzz targets share.
//!
//! `cargo xtask fuzz` builds and runs them. A target starts from the files of `seeds` and knows the words of its
//! dictionary. Two targets must fail: `canary`, which takes the seeds of `request`, and `leak`.

pub mod heap;

#[path = "../../crates/resp/tests/common/mod.rs"]
mod common;
#[path = "../../crates/resp/tests/common/oracle.rs"]
mod oracle;

// The device that the scripts of the simulation are run on.
#[path = "../../simulation/tests/device/board.rs"]
pub mod board;
#[path = "../../simulation/tests/device/radio.rs"]
pub mod radio;
#[path = "../../simulation/tests/device/script.rs"]
pub mod script;
#[path = "../../simulation/tests/device/slots.rs"]
pub mod slots;
#[path = "../../simulation/tests/device/update_life.rs"]
pub mod update_life;
#[path = "../../simulation/tests/device/wire.rs"]
pub mod wire;

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
