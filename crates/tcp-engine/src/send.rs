//! Segments to send (RFC 9293 section 3.8).

use embassy_time::Instant;

use crate::limits::{KEEP_ALIVE_MS, OVERRIDE_MS};
use crate::ring::RingMemory;
use crate::segment::{Flags, OutgoingSegment, Seq};
use crate::tcb::{AckDue, Control, State, Tcb, Timer, TimerKind};
use crate::timing::ticks;

impl<M: RingMemory> Tcb<M> {
    /// The next segment to send, if there is one. A segment stays due until [`on_sent`](Self::on_sent) is called, so
    /// nothing is lost where the driver has no room.
    #[inline]
    pub fn next_segment(&mut self, now: Instant) -> Option<OutgoingSegment> {
        if let Some(control) = self.control {
            return Some(self.control_segment(control));
        }
        match self.state {
            State::Closed => None,
            State::SynSent | State::SynReceived => self.syn_segment(),
            _ => self.data_segment(now),
        }
    }

    /// Whether a segment should be sent now, rather than with what a user is about to write.
    #[inline]
    pub fn has_urgent_segment(&self) -> bool {
        self.ack_due == AckDue::Now || self.control.is_some() || self.unsent() > 0
    }

    /// Whether the window has grown by so much that the peer should hear of it (section 3.8.6.2.2).
    #[inline]
    pub fn has_window_update(&self) -> bool {
        self.will_have_window_update(self.rx.len())
    }

    /// The same once so much is read that `left` received bytes are left, which are no more than there are.
    #[inline]
    pub fn will_have_window_update(&self, left: usize) -> bool {
        let room = self.rx.capacity().saturating_sub(left);
        matches!(self.state, State::Established | State::FinWait1 | State::FinWait2)
            && self.offered(room) > self.rcv_adv - self.rcv_nxt
    }

    /// Sequence numbers that wait to be sent, again or for the first time.
    #[inline]
    pub(crate) fn unsent(&self) -> usize {
        let flight = (self.snd_nxt - self.snd_una) as usize;
        match self.state {
            State::Established => self.tx.len().saturating_sub(flight),
            State::Closed => 0,
            State::SynSent | State::SynReceived => 1usize.saturating_sub(flight),
            _ => (self.tx.len() + usize::from(self.may_send_fin())).saturating_sub(flight),
        }
    }

    /// Copies the payload of a segment that [`next_segment`](Self::next_segment) has returned.
    #[inline]
    pub fn fill(&self, segment: &OutgoingSegment, payload: &mut [u8]) {
        self.tx.copy_to(segment.offset, payload);
    }

    /// The payload of a segment that [`next_segment`](Self::next_segment) has returned. None where it goes over the end of
    /// the transmit buffer, and lies there in two pieces.
    #[inline]
    pub fn text(&self, segment: &OutgoingSegment) -> Option<&[u8]> {
        self.tx.piece(segment.offset, segment.len)
    }

    /// The segment has left. Returns whether more waits.
    #[inline]
    pub fn on_sent(&mut self, segment: &OutgoingSegment, now: Instant) -> bool {
        self.ack_due = AckDue::No;
        self.control = None;
        if segment.flags.has(Flags::RST) {
            return false;
        }
        self.rcv_adv = self.rcv_adv.max(segment.ack + u32::from(segment.window));
        let len = segment.seq_len();
        if len > 0 {
            self.on_numbers_sent(segment.seq, segment.seq + len, now);
        } else {
            self.acks_at_edge = !self.acks_at_edge;
        }
        self.unsent() > 0
    }

    #[inline]
    fn on_numbers_sent(&mut self, seq: Seq, end: Seq, now: Instant) {
        self.is_overridden = false;
        if self.snd_max < end {
            // Numbers that were sent before are not measured (RFC 6298 section 3). Nor is a probe, which waits for a
            // window and not for the link.
            if self.snd_max == seq && self.timer.kind != TimerKind::Persist {
                self.rtt.on_sent(seq, now);
            }
            self.snd_max = end;
        }
        // A probe leaves SND.NXT where it is: the peer need not take its byte.
        if self.timer.kind != TimerKind::Persist {
            self.snd_nxt = self.snd_nxt.max(end);
        }
        if matches!(self.timer.kind, TimerKind::Off | TimerKind::Override) {
            // RFC 6298 (5.1).
            self.timer.start(TimerKind::Retransmit, now, self.rtt.rto());
        }
    }

    /// The one timer has gone off.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        match self.timer.kind {
            TimerKind::Off | TimerKind::TimeWait => {}
            TimerKind::Override => {
                self.timer = Timer::OFF;
                self.is_overridden = true;
            }
            TimerKind::Persist => {
                self.control = Some(Control::Probe);
                // SHLD-30; but each probe is answered, and a peer that is not heard for long is given up.
                self.rtt.back_off();
                self.timer.start(TimerKind::Persist, now, self.rtt.rto().min(ticks(KEEP_ALIVE_MS)));
            }
            TimerKind::Retransmit => self.on_retransmission_timeout(now),
        }
    }

    /// RFC 6298 (5.4) to (5.6), RFC 5681 section 3.1.
    fn on_retransmission_timeout(&mut self, now: Instant) {
        self.rtt.back_off();
        self.timer.start(TimerKind::Retransmit, now, self.rtt.rto());
        self.snd_nxt = self.snd_una;
        if matches!(self.state, State::SynSent | State::SynReceived) {
            self.syn_repeated = true;
        } else {
            self.congestion.on_timeout(self.snd_max - self.snd_una, self.snd_mss.into());
            (self.duplicates, self.recover) = (0, self.snd_max);
        }
    }

    #[cold]
    #[inline(never)]
    fn control_segment(&self, control: Control) -> OutgoingSegment {
        match control {
            Control::Reset(seq) => OutgoingSegment { flags: Flags::RST | Flags::ACK, ..self.ack_segment(seq) },
            Control::Probe => self.text_segment(self.snd_una, self.tx.len().min(1)),
            // SND.NXT - 1 and no text (SHLD-12): a byte could take the number of a FIN.
            Control::KeepAlive => self.ack_segment(self.snd_max - 1),
            Control::FastRetransmit => {
                let outstanding = (self.snd_max - self.snd_una) as usize;
                let len = self.tx.len().min(outstanding).min(self.snd_mss.into());
                self.text_segment(self.snd_una, len.min(self.snd_wnd as usize))
            }
        }
    }

    /// SYN or SYN,ACK, or in SYN-RECEIVED an ACK that was asked for.
    fn syn_segment(&self) -> Option<OutgoingSegment> {
        if self.snd_nxt == self.snd_una {
            let flags = if self.state == State::SynSent { Flags::SYN } else { Flags::SYN | Flags::ACK };
            return Some(OutgoingSegment { flags, mss: Some(self.rcv_mss), ..self.ack_segment(self.snd_una) });
        }
        let is_asked = self.ack_due == AckDue::Now && self.state == State::SynReceived;
        is_asked.then(|| self.ack_segment(self.snd_max))
    }

    /// Text, FIN, an ACK or a window update.
    #[inline]
    fn data_segment(&mut self, now: Instant) -> Option<OutgoingSegment> {
        let flight = self.snd_nxt - self.snd_una;
        let left = self.tx.len().saturating_sub(flight as usize);
        let mut len = left;
        if left > 0 {
            len = self.sendable(left, flight);
            if len == 0 && flight == 0 {
                self.hold(now);
            }
        }
        let segment = self.text_segment(self.snd_nxt, len);
        if len > 0 || segment.flags.has(Flags::FIN) {
            return Some(segment);
        }
        let is_due = self.ack_due != AckDue::No || self.has_window_update();
        is_due.then(|| self.ack_segment(self.ack_seq()))
    }

    /// How many of `left` bytes may leave as one segment, while `flight` are unacknowledged. The bytes must be within
    /// the peer's window and the congestion window. A small segment waits while a larger one may follow (section
    /// 3.8.6.2.1).
    #[inline]
    fn sendable(&self, left: usize, flight: u32) -> usize {
        let usable = self.snd_wnd.min(self.congestion.cwnd).saturating_sub(flight) as usize;
        let len = left.min(usable).min(self.snd_mss.into());
        let is_worth_it = len == left
            || len == usize::from(self.snd_mss)
            || len * 2 >= self.snd_wnd_max as usize
            // Text that is sent again waits for nothing: the time-out alone would send it.
            || self.snd_nxt != self.snd_max
            || self.is_overridden;
        if is_worth_it { len } else { 0 }
    }

    /// Text waits, nothing is outstanding, and no ACK will come that would send it.
    #[cold]
    fn hold(&mut self, now: Instant) {
        if self.timer.kind != TimerKind::Off {
            return;
        }
        if self.snd_wnd == 0 {
            self.timer.start(TimerKind::Persist, now, self.rtt.rto());
        } else {
            self.timer.start(TimerKind::Override, now, ticks(OVERRIDE_MS));
        }
    }

    #[inline]
    fn may_send_fin(&self) -> bool {
        matches!(self.state, State::FinWait1 | State::Closing | State::LastAck)
    }

    /// `len` bytes of text from `seq` on, with the FIN where it follows and is in the peer's window. Where nothing is
    /// outstanding, the FIN goes into a shut window and is its probe.
    #[inline]
    fn text_segment(&self, seq: Seq, len: usize) -> OutgoingSegment {
        let offset = (seq - self.snd_una) as usize;
        let is_last = offset + len == self.tx.len();
        let mut flags = Flags::ACK;
        if len > 0 && is_last {
            // MUST-61.
            flags = flags | Flags::PSH;
        }
        let fits = offset + len < self.snd_wnd as usize || offset + len == 0;
        if is_last && fits && self.may_send_fin() {
            flags = flags | Flags::FIN;
        }
        OutgoingSegment { flags, len, offset, ..self.ack_segment(seq) }
    }

    /// The number of a segment that occupies none: SND.NXT (section 3.10.7.4, appendix A.2). A lower number may be
    /// before the peer's window, and then its ACK would not count. Where that is beyond the peer's edge, a probe was
    /// sent. If the peer has refused its byte, the edge is the number that counts; if it has taken it, SND.NXT is. So
    /// the two take turns.
    #[inline]
    fn ack_seq(&self) -> Seq {
        let edge = self.snd_una + self.snd_wnd;
        if edge < self.snd_max && self.acks_at_edge { edge } else { self.snd_max }
    }

    #[inline]
    fn ack_segment(&self, seq: Seq) -> OutgoingSegment {
        let window = self.offered(self.rx.room()) as u16;
        OutgoingSegment { seq, ack: self.rcv_nxt, window, flags: Flags::ACK, mss: None, len: 0, offset: 0 }
    }

    /// RCV.WND in the next segment, with `room` bytes free in the buffer. The window grows only by a segment or half of
    /// the buffer (section 3.8.6.2.2), or to all of the buffer.
    #[inline]
    fn offered(&self, room: usize) -> u32 {
        let told = self.rcv_adv - self.rcv_nxt;
        let room = room as u32;
        let capacity = self.rx.capacity() as u32;
        let step = (capacity / 2).min(self.rcv_mss.into());
        let is_worth_it = room >= told + step || room == capacity;
        if is_worth_it { room.max(told) } else { told }
    }
}
