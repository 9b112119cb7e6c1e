//! The memory in which sessions decode requests and write replies.

use sockeye_resp::Args;

use crate::limits::{RX_LEN, TX_LEN};

/// A request while it is decoded, and a reply while it is written. All sessions share one scratch, because nothing of
/// it outlives a wait.
///
/// The copy of the receive buffer's bytes makes a request contiguous across the ring's end. An inline request is
/// unquoted in the copy, so that the ring's bytes stay unchanged.
pub(crate) struct Scratch {
    pub(crate) rx: [u8; RX_LEN],
    pub(crate) args: Args,
    pub(crate) tx: [u8; TX_LEN],
}

impl Scratch {
    pub(crate) const fn new() -> Self {
        Self { rx: [0; RX_LEN], args: Args::new(), tx: [0; TX_LEN] }
    }
}

/// RAM of a chip; a host's pointers are larger.
#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<Scratch>() <= crate::limits::SCRATCH_SIZE_MAX);
