//! Where a station is.

/// Where the station is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StationLink {
    /// In no network, and on its way to none.
    Out,
    Joining,
    Joined,
    /// In the network, as far as anybody knows, but for a change of the radio's mode.
    Rejoining,
    Leaving,
}

impl StationLink {
    /// As far as anybody knows, it is in its network.
    pub(super) fn is_in(self) -> bool {
        matches!(self, Self::Joined | Self::Rejoining)
    }

    /// It is in its network or on its way there, and nobody wants it out.
    pub(super) fn is_wanted(self) -> bool {
        self == Self::Joining || self.is_in()
    }
}
