//! The faults and the timings of a simulated radio.

use std::ops::Range;

/// How often what goes wrong, of a thousand; and what the driver is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// A call of the driver fails. A configuration that fails stops everything.
    pub call_fails: u16,
    /// A router's answer is lost, so that joining fails for no reason that a person could see.
    pub join_fails: u16,
    /// An event is lost.
    pub event_lost: u16,
    /// An event is up to [`Timings::late_ms`] late.
    pub event_late: u16,
    /// An event comes twice, the second time late.
    pub event_twice: u16,
    /// A scan has no end, until another call of the driver ends it.
    pub scan_endless: u16,
    /// From an attempt to join on, the driver joins no more until it is configured.
    pub station_stops: u16,
    /// The station drops out right after a call of the driver, before the next.
    pub drops_between_calls: u16,
    /// Both interfaces share one channel: the access point follows the station to another one and loses its clients.
    pub moves_channel: u16,
    /// Every configuration restarts the access point, also if only the station's part changes.
    pub restarts_ap: bool,
    /// The driver can be asked how many clients are in the access point. Otherwise no event of a client is lost but for
    /// want of room.
    pub counts_clients: bool,
}

impl Faults {
    /// Nothing goes wrong, and the driver is a good one.
    pub const NONE: Self = Self {
        call_fails: 0,
        join_fails: 0,
        event_lost: 0,
        event_late: 0,
        event_twice: 0,
        scan_endless: 0,
        station_stops: 0,
        drops_between_calls: 0,
        moves_channel: 0,
        restarts_ap: false,
        counts_clients: true,
    };
}

/// How long things take, milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// Listening on one channel of [`Self::CHANNELS`].
    pub channel_ms: Range<u64>,
    /// Joining, after the scan for the network.
    pub join_ms: Range<u64>,
    /// Leaving.
    pub leave_ms: Range<u64>,
    /// Until a station misses the beacons of a router that is gone.
    pub beacons_ms: Range<u64>,
    /// How late an event is that is late.
    pub late_ms: Range<u64>,
}

impl Timings {
    /// Channels of 2.4 GHz that a scan listens on.
    pub const CHANNELS: u8 = 13;

    /// About those of an ESP32.
    pub const CHIP: Self = Self {
        channel_ms: 110..180,
        join_ms: 100..2_000,
        leave_ms: 10..100,
        beacons_ms: 2_000..6_000,
        late_ms: 50..3_000,
    };
}
