//! The part that is switched off in a run that must fail, to show that the checks notice.
//!
//! The product has no such switches: each of these is in the simulation's own layers, between the device and what it
//! stands on.

use embassy_time::Duration;
use sockeye_server::limits::Timeouts;

/// A protection that a run goes without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mutation {
    /// The device as it is.
    #[default]
    None,
    /// The radio sticks to the first network that it is told to join, and never comes back to what worked.
    NoRollback,
    /// The store says that settings are stored before they are.
    ReplyBeforeCommit,
    /// A client may be silent for as long as it likes, and a handshake half done.
    NoTimeouts,
    /// The driver can't be asked whether the station is in its network: the adapter has its events alone.
    NoPoll,
    /// A station that has dropped out because of a change of the radio's mode does not join again.
    NoRejoin,
    /// The adapter subscribes to the driver's events for each wait, and misses events between two waits.
    SubscribePerWait,
    /// embassy-net is configured without being woken.
    NoWake,
}

impl Mutation {
    /// All that must be noticed.
    pub const ALL: [Self; 7] = [
        Self::NoRollback,
        Self::ReplyBeforeCommit,
        Self::NoTimeouts,
        Self::NoPoll,
        Self::NoRejoin,
        Self::SubscribePerWait,
        Self::NoWake,
    ];

    /// The server's time-outs.
    pub fn timeouts(self, timeouts: Timeouts) -> Timeouts {
        if self != Self::NoTimeouts {
            return timeouts;
        }
        let long = Duration::from_secs(24 * 3_600);
        Timeouts { idle: long, request: long, write: long, linger: long, reject: long, handshake: long }
    }
}
