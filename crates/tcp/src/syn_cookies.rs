//! A flood of SYNs (RFC 4987): a SYN that has no room is answered by a SYN cookie, and nothing of it is kept.
//!
//! Without cookies a client would need luck. Each free slot is given to another of the SYNs every
//! [`HALF_OPEN_KEEP_MS`](crate::limits::HALF_OPEN_KEEP_MS), and most of them are the flood's. The ACK of a cookie shows that
//! its sender has received the SYN,ACK. So its connection takes the place of the oldest half-open one.
//!
//! Cookies are for floods only. Otherwise a SYN without room waits, and its sender is not refused after all. The ACK
//! must be without text. An ACK with text may be an old one of a connection that has ended, and would open it again.

use embassy_time::Instant;
use sockeye_tcp_engine::{Flags, OutgoingSegment};

use crate::connection_table::{Table, after, at};
use crate::frame::{Local, Packet};
use crate::limits::{COOKIES_MS, FLOOD_MS, FLOOD_MS_MAX, FLOOD_SYN_MS, HALF_OPEN_SLOW_MS};
use crate::tcp_connection::AcceptState;

/// How many SYNs have found no place, and when.
pub(crate) struct Flood {
    /// A leaky bucket: each SYN moves this time on, up to [`FLOOD_MS_MAX`] from now. [`Instant::MIN`] before the first.
    level: Instant,
    /// Cookies are taken until then. [`Instant::MIN`] before the first.
    cookies_end: Instant,
}

impl Flood {
    pub(crate) const NONE: Self = Self { level: Instant::MIN, cookies_end: Instant::MIN };

    fn count(&mut self, now: Instant) {
        self.level = after(self.level.max(now), FLOOD_SYN_MS).min(after(now, FLOOD_MS_MAX));
    }

    fn is_on(&self, now: Instant) -> bool {
        self.level > after(now, FLOOD_MS)
    }
}

impl Table {
    /// The SYN,ACK for a SYN that has no room in a flood. None if the SYN is to wait: there is no flood, or all slots have
    /// clients.
    #[cold]
    #[inline(never)]
    pub(crate) fn cookie(
        &mut self,
        interface: usize,
        packet: &Packet<'_>,
        local: &Local,
        mtu: usize,
        now: Instant,
    ) -> Option<OutgoingSegment> {
        let index = self.oldest_half_open()?;
        let is_slow = after(at(&self.connections, index).since, HALF_OPEN_SLOW_MS) <= now;
        let peer = packet.peer;
        self.drop_syn(interface, peer);
        if is_slow && (self.is_backlog_full() || self.flood.is_on(now)) {
            self.flood.count(now);
        }
        if !self.flood.is_on(now) {
            return None;
        }
        self.flood.cookies_end = after(now, COOKIES_MS);
        let isn = self.isn_key.cookie(local.socket(peer), peer.into(), now);
        // The buffers of all connections that are accepted are of one length.
        Some(at(&self.connections, index).tcp.cookie_segment(&packet.segment, isn, mtu))
    }

    /// A connection for the sender of an ACK whose number is a cookie.
    #[cold]
    #[inline(never)]
    pub(crate) fn admit_by_cookie(
        &mut self,
        interface: usize,
        packet: &Packet<'_>,
        local: &Local,
        mtu: usize,
        now: Instant,
    ) -> Option<usize> {
        if !self.is_ack_of_cookie(packet, local, now) {
            return None;
        }
        let index = self.room_for_cookie()?;
        self.occupy(index, interface, packet, local, now).tcp.accept_cookie(&packet.segment, mtu, now);
        Some(index)
    }

    /// The same for an ACK that a half-open connection has refused. The peer's SYN came again while the cookie was under
    /// way, and began this connection with another ISN. False if the ACK is to be answered by a RST.
    #[cold]
    #[inline(never)]
    pub(crate) fn begin_by_cookie(
        &mut self,
        index: usize,
        packet: &Packet<'_>,
        local: &Local,
        mtu: usize,
        now: Instant,
    ) -> bool {
        let connection = at(&self.connections, index);
        let (interface, is_half_open) = (connection.interface, connection.accept_state == AcceptState::HalfOpen);
        if !is_half_open || !self.is_ack_of_cookie(packet, local, now) {
            return false;
        }
        self.forget(index);
        self.occupy(index, interface, packet, local, now).tcp.accept_cookie(&packet.segment, mtu, now);
        true
    }

    /// Whether a segment is the ACK of a cookie that is still taken.
    fn is_ack_of_cookie(&self, packet: &Packet<'_>, local: &Local, now: Instant) -> bool {
        let (peer, segment) = (packet.peer, &packet.segment);
        now < self.flood.cookies_end
            && segment.flags == Flags::ACK
            && segment.payload.is_empty()
            && self.is_listening(peer)
            && self.isn_key.is_cookie(segment.ack - 1, local.socket(peer), peer.into(), now)
    }
}
