//! Where a station is, as far as the adapter has found out.

/// The link between the station and a router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StationLink {
    /// In no network, and on the way to none.
    Down,
    /// On the way into a network.
    Connecting,
    /// In a network.
    Connected,
    /// Back on the way into the network that it was in, after a change of the radio's mode.
    Reconnecting,
    /// On the way out of a network.
    Disconnecting,
}

impl StationLink {
    /// In its network, as reported to the state machine.
    pub(super) fn is_in(self) -> bool {
        matches!(self, Self::Connected | Self::Reconnecting)
    }

    /// In its network or on the way into it.
    pub(super) fn is_wanted(self) -> bool {
        self == Self::Connecting || self.is_in()
    }
}
