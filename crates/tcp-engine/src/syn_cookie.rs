//! Connections of which nothing is kept before the peer's ACK: SYN cookies (RFC 4987 section 3.6).

use embassy_time::Instant;

use crate::limits::BUFFER_LEN_MAX;
use crate::ring::RingMemory;
use crate::segment::{Flags, OutgoingSegment, Segment, Seq};
use crate::tcb::{Tcb, own_mss};

impl<M: RingMemory> Tcb<M> {
    /// The SYN,ACK that [`accept`](Self::accept) leads to, for a SYN of which nothing is kept. Its window is this
    /// connection's buffer. `isn` is [`IsnKey::cookie`](crate::IsnKey::cookie)'s, and `mtu` as in `accept`.
    pub fn cookie_segment(&self, syn: &Segment<'_>, isn: Seq, mtu: usize) -> OutgoingSegment {
        OutgoingSegment {
            ack: syn.seq + 1,
            window: self.cookie_window(),
            flags: Flags::SYN | Flags::ACK,
            mss: Some(own_mss(mtu)),
            ..OutgoingSegment::reset(isn)
        }
    }

    /// Begins as if the SYN had been [accepted](Self::accept) that `ack` belongs to, and its SYN,ACK sent. The caller has
    /// found the ISN to be a [cookie](crate::IsnKey::is_cookie), and gives `ack` to [`on_segment`](Self::on_segment) next.
    /// The options of the SYN are lost: the peer's MSS counts as 536 bytes.
    pub fn accept_cookie(&mut self, ack: &Segment<'_>, mtu: usize, now: Instant) {
        // Of a SYN, number, window and options are taken.
        let syn = Segment { seq: ack.seq - 1, options: &[], ..*ack };
        self.accept(&syn, ack.ack - 1, mtu, now);
        // As after the SYN,ACK. When it was sent is unknown, so the round trip is not measured.
        (self.snd_nxt, self.snd_max) = (ack.ack, ack.ack);
        self.rcv_adv = self.rcv_nxt + u32::from(self.cookie_window());
    }

    fn cookie_window(&self) -> u16 {
        self.receive_capacity().min(BUFFER_LEN_MAX) as u16
    }
}
