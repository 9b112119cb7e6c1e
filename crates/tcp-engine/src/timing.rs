//! The retransmission time-out (RFC 6298) and the congestion window (RFC 5681).

use embassy_time::{Duration, Instant};

use crate::limits::{RTO_AFTER_SYN_LOSS_MS, RTO_FIRST_MS, RTO_MAX_MS, RTO_MIN_MS};
use crate::segment::Seq;

/// Milliseconds in ticks: 32 bits hold them, and 32-bit chips add them cheaply.
pub(crate) const fn ticks(milliseconds: u64) -> u32 {
    Duration::from_millis(milliseconds).as_ticks() as u32
}

/// `ticks` after `now`, which is a time and not [`Instant::MAX`].
#[inline]
pub(crate) fn after(now: Instant, ticks: u32) -> Instant {
    Instant::from_ticks(now.as_ticks().wrapping_add(ticks.into()))
}

const RTO_FLOOR: u32 = ticks(RTO_MIN_MS);
const RTO_CEILING: u32 = ticks(RTO_MAX_MS);

/// The round-trip time, estimated, and the retransmission time-out that follows from it. All in ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rtt {
    /// SRTT, eightfold. 0 before the first measurement.
    srtt: u32,
    /// RTTVAR, fourfold.
    rttvar: u32,
    rto: u32,
    /// The segment that is measured: its number, and when it was sent, in ticks modulo 2^32. None if none is.
    timed: Option<(Seq, u32)>,
}

impl Rtt {
    pub(crate) const fn new() -> Self {
        Self { srtt: 0, rttvar: 0, rto: ticks(RTO_FIRST_MS), timed: None }
    }

    /// RTO, backed off where it must be.
    #[inline]
    pub(crate) fn rto(&self) -> u32 {
        self.rto
    }

    /// A segment with new numbers is sent. One segment is measured at a time (RFC 6298 section 3).
    #[inline]
    pub(crate) fn on_sent(&mut self, seq: Seq, now: Instant) {
        if self.timed.is_none() {
            self.timed = Some((seq, now.as_ticks() as u32));
        }
    }

    /// A segment is sent again, so no ACK shows which of the two it is for (Karn, RFC 6298 section 3).
    pub(crate) fn forget_timed(&mut self) {
        self.timed = None;
    }

    /// Everything before `ack` is acknowledged (RFC 6298 section 2).
    #[inline]
    pub(crate) fn on_ack(&mut self, ack: Seq, now: Instant) {
        if let Some((seq, at)) = self.timed
            && seq < ack
        {
            self.timed = None;
            // A connection ends long before 2^32 ticks have passed.
            let passed = (now.as_ticks() as u32).wrapping_sub(at);
            self.measure(passed.min(RTO_CEILING / 2));
        }
    }

    fn measure(&mut self, rtt: u32) {
        if self.srtt == 0 {
            // (2.2): SRTT = R, RTTVAR = R / 2.
            (self.srtt, self.rttvar) = ((rtt << 3).max(1), rtt << 1);
        } else {
            // (2.3): RTTVAR first, with the SRTT from before. alpha = 1/8, beta = 1/4.
            let error = rtt.abs_diff(self.srtt >> 3);
            self.rttvar = self.rttvar - (self.rttvar >> 2) + error;
            self.srtt = (self.srtt - (self.srtt >> 3) + rtt).max(1);
        }
        self.reset_backoff();
    }

    /// RTO as it is before it is backed off.
    pub(crate) fn base(&self) -> u32 {
        if self.srtt == 0 {
            ticks(RTO_FIRST_MS)
        } else {
            ((self.srtt >> 3) + self.rttvar).clamp(RTO_FLOOR, RTO_CEILING)
        }
    }

    /// The time-out without back-off.
    pub(crate) fn reset_backoff(&mut self) {
        self.rto = self.base();
    }

    /// (5.5): the time-out has passed without an ACK.
    pub(crate) fn back_off(&mut self) {
        self.rto = (self.rto * 2).min(RTO_CEILING);
        self.timed = None;
    }

    /// (5.7): data follows a SYN that had to be repeated.
    pub(crate) fn after_syn_loss(&mut self) {
        if self.srtt == 0 {
            self.rto = ticks(RTO_AFTER_SYN_LOSS_MS);
        }
    }
}

/// Slow start, congestion avoidance and the reaction to loss. Fast retransmit sends one segment, without the inflation
/// of fast recovery. RFC 5681 section 3.2 permits the more careful way, and few segments fit into a small window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Congestion {
    /// Bytes.
    pub(crate) cwnd: u32,
    pub(crate) ssthresh: u32,
    /// The oldest segment has been sent again by time-out already.
    has_timed_out: bool,
}

impl Congestion {
    pub(crate) const fn new() -> Self {
        Self { cwnd: 0, ssthresh: u32::MAX, has_timed_out: false }
    }

    /// The handshake is complete (section 3.1: IW, and one segment after a lost SYN).
    pub(crate) fn begin(&mut self, smss: u32, syn_was_repeated: bool) {
        let segments = match smss {
            _ if syn_was_repeated => 1,
            2_191.. => 2,
            1_096.. => 3,
            _ => 4,
        };
        *self = Self { cwnd: segments * smss, ..Self::new() };
    }

    /// New data is acknowledged. Nothing grows beyond `buffer_len`, which is all that can be in flight.
    #[inline]
    pub(crate) fn on_new_ack(&mut self, acked: u32, smss: u32, buffer_len: usize) {
        self.has_timed_out = false;
        if self.cwnd as usize >= buffer_len {
            return;
        }
        self.cwnd += if self.cwnd < self.ssthresh {
            // (2): however much one ACK covers (RFC 3465), so that divided ACKs gain nothing.
            acked.min(smss)
        } else {
            // (3).
            (smss * smss / self.cwnd.max(1)).max(1)
        };
    }

    /// The retransmission timer has gone off. (4), and the loss window of one segment; a second time-out of the same
    /// segment leaves ssthresh as it is.
    pub(crate) fn on_timeout(&mut self, flight: u32, smss: u32) {
        if !self.has_timed_out {
            self.ssthresh = (flight / 2).max(2 * smss);
        }
        self.has_timed_out = true;
        self.cwnd = smss;
    }

    /// The third duplicate ACK has arrived (section 3.2, steps 2 and 6).
    pub(crate) fn on_fast_retransmit(&mut self, flight: u32, smss: u32) {
        self.ssthresh = (flight / 2).max(2 * smss);
        self.cwnd = self.ssthresh;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant::from_millis(1_000);

    fn at(milliseconds: u64) -> Instant {
        START + Duration::from_millis(milliseconds)
    }

    /// The estimator after round trips of these milliseconds.
    fn measured(trips: &[u64]) -> Rtt {
        let mut rtt = Rtt::new();
        for &trip in trips {
            rtt.on_sent(Seq::new(1), START);
            rtt.on_ack(Seq::new(2), at(trip));
        }
        rtt
    }

    #[test]
    fn the_first_time_out_is_a_second_and_no_other_is_too_short() {
        assert_eq!(Rtt::new().rto(), ticks(1_000));
        assert_eq!(measured(&[2; 20]).rto(), ticks(300));
        assert_eq!(measured(&[0]).rto(), ticks(300));
    }

    #[test]
    fn the_time_out_follows_rfc_6298_section_2() {
        // R = 800: SRTT = 800, RTTVAR = 400, RTO = 800 + 4 * 400.
        assert_eq!(measured(&[800]).rto(), ticks(2_400));
        // R' = 400: RTTVAR = 300 + 100 = 400, SRTT = 700 + 50 = 750.
        assert_eq!(measured(&[800, 400]).rto(), ticks(2_350));
        assert_eq!(measured(&[29_000]).rto(), ticks(60_000), "bounded");
        assert_eq!(measured(&[100_000_000]).rto(), ticks(60_000), "whatever passes");
        assert_eq!(measured(&[100_000_000]), measured(&[30_000]), "a sample of half the bound reaches it");
    }

    #[test]
    fn only_one_segment_is_measured_and_only_by_an_ack_behind_it() {
        let mut rtt = Rtt::new();
        rtt.on_sent(Seq::new(10), START);
        rtt.on_sent(Seq::new(20), at(500));
        rtt.on_ack(Seq::new(10), at(600));
        assert_eq!(rtt.srtt, 0, "it is not acknowledged yet");
        rtt.on_ack(Seq::new(11), at(800));
        assert_eq!(rtt.rto(), ticks(2_400), "measured from the first");
    }

    #[test]
    fn what_is_sent_again_is_not_measured() {
        let mut rtt = Rtt::new();
        rtt.on_sent(Seq::new(10), START);
        rtt.back_off();
        rtt.on_ack(Seq::new(11), at(1));
        assert_eq!((rtt.srtt, rtt.rto()), (0, ticks(2_000)), "the time-out stays backed off");
        rtt.on_sent(Seq::new(11), START);
        rtt.forget_timed();
        rtt.on_ack(Seq::new(12), at(1));
        assert_eq!(rtt.srtt, 0);
    }

    #[test]
    fn the_time_out_doubles_up_to_a_minute() {
        let mut rtt = Rtt::new();
        for expected in [2, 4, 8, 16, 32, 60, 60] {
            rtt.back_off();
            assert_eq!(rtt.rto(), ticks(expected * 1_000));
        }
        rtt.reset_backoff();
        assert_eq!(rtt.rto(), ticks(1_000));
    }

    #[test]
    fn after_a_lost_syn_the_time_out_is_three_seconds_until_it_is_measured() {
        let mut rtt = Rtt::new();
        rtt.after_syn_loss();
        assert_eq!(rtt.rto(), ticks(3_000));
        let mut rtt = measured(&[100]);
        rtt.after_syn_loss();
        assert_eq!(rtt.rto(), ticks(300));
    }

    #[test]
    fn the_initial_window_depends_on_the_segment_size() {
        for (smss, expected) in
            [(536, 4 * 536), (1_095, 4_380), (1_096, 3_288), (1_460, 4_380), (2_190, 6_570), (2_191, 4_382)]
        {
            let mut congestion = Congestion::new();
            congestion.begin(smss, false);
            assert_eq!((congestion.cwnd, congestion.ssthresh), (expected, u32::MAX), "{smss}");
            congestion.begin(smss, true);
            assert_eq!(congestion.cwnd, smss, "one segment after a lost SYN");
        }
    }

    #[test]
    fn the_window_grows_exponentially_and_then_by_a_segment_a_round_trip() {
        let mut congestion = Congestion { cwnd: 1_000, ssthresh: 3_000, has_timed_out: true };
        congestion.on_new_ack(400, 1_000, 100_000);
        assert_eq!((congestion.cwnd, congestion.has_timed_out), (1_400, false), "by what is acknowledged");
        congestion.on_new_ack(5_000, 1_000, 100_000);
        assert_eq!(congestion.cwnd, 2_400, "by a segment at most");
        congestion.on_new_ack(1_000, 1_000, 100_000);
        assert_eq!(congestion.cwnd, 3_400);
        congestion.on_new_ack(1_000, 1_000, 100_000);
        assert_eq!(congestion.cwnd, 3_400 + 294);
        congestion.on_new_ack(1_000, 10, 100_000);
        assert_eq!(congestion.cwnd, 3_695, "by a byte at least");
        congestion.on_new_ack(1_000, 1_000, 3_695);
        assert_eq!(congestion.cwnd, 3_695, "not beyond the buffer");
    }

    #[test]
    fn a_loss_halves_what_is_in_flight() {
        let mut congestion = Congestion { cwnd: 8_000, ssthresh: u32::MAX, has_timed_out: false };
        congestion.on_timeout(8_000, 1_000);
        assert_eq!((congestion.cwnd, congestion.ssthresh), (1_000, 4_000));
        congestion.on_timeout(1_000, 1_000);
        assert_eq!((congestion.cwnd, congestion.ssthresh), (1_000, 4_000), "the same segment again");
        congestion.on_new_ack(1_000, 1_000, 100_000);
        congestion.on_timeout(1_000, 1_000);
        assert_eq!(congestion.ssthresh, 2_000, "two segments at least");
        congestion.on_fast_retransmit(9_000, 1_000);
        assert_eq!((congestion.cwnd, congestion.ssthresh), (4_500, 4_500));
        congestion.on_fast_retransmit(900, 1_000);
        assert_eq!((congestion.cwnd, congestion.ssthresh), (2_000, 2_000));
    }
}
