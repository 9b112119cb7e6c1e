//! Segments that arrive (RFC 9293 section 3.10.7). Comments name the steps of section 3.10.7.4.

use embassy_time::Instant;

use crate::limits::{ACK_DELAY_MS, CHALLENGE_MS, DUPLICATE_ACKS, RTO_FIRST_MS, TIME_WAIT_MS};
use crate::ring::RingMemory;
use crate::segment::{Flags, Segment, Seq};
use crate::tcb::{AckDue, Control, Ended, RECOVERY, State, Tcb, Timer, TimerKind};
use crate::timing::{after, ticks};

/// The outcome of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Reaction {
    /// The segment is the peer's: its number is in the window, so that where it came from may be believed.
    Accepted,
    /// The segment may be anybody's; an answer may be to be sent.
    Ignored,
    /// `<SEQ=..><CTL=RST>` is to be sent at once.
    Reset(Seq),
}

/// The outcome of the caller's check of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The checksum is wrong.
    Damaged,
    /// The checksum is right.
    Intact,
    /// The checksum is right, and the text lies in the room for it.
    Copied,
}

impl<M: RingMemory> Tcb<M> {
    /// Takes a segment of this connection, whose checksum was verified.
    pub fn on_segment(&mut self, segment: &Segment<'_>, now: Instant) -> Reaction {
        self.on_unverified_segment(segment, now, false, |_| Check::Intact)
    }

    /// Takes a segment of this connection. `check` is called once, and nothing of the segment counts before `check` has
    /// found its checksum right (MUST-3).
    ///
    /// Where `check` `copies`, it gets the room for the segment's text, as long as the text. So `check` can copy the text
    /// while it sums the text. No room is given where the text is not the next in order. Nor is it where the room would
    /// go over the end of the receive buffer. Bytes in the room count if `check` returns [`Check::Copied`], and else never do.
    #[inline]
    pub fn on_unverified_segment(
        &mut self,
        segment: &Segment<'_>,
        now: Instant,
        copies: bool,
        check: impl FnOnce(Option<&mut [u8]>) -> Check,
    ) -> Reaction {
        let acked = segment.ack - self.snd_una;
        let outstanding = self.snd_max - self.snd_una;
        // Nearly all segments are the next one in order, and nothing but text and an ACK of something new or of all.
        let is_expected = self.state == State::Established
            && segment.flags.is_plain_ack()
            && segment.seq == self.rcv_nxt
            && self.early.is_none()
            && segment.payload.len() as u32 <= self.rcv_adv - self.rcv_nxt
            && acked <= outstanding
            && (acked > 0 || outstanding == 0 || !segment.payload.is_empty());
        let room = if is_expected && copies { self.rx.free(segment.payload.len()) } else { None };
        let has_room = room.is_some();
        let checked = check(room);
        if checked == Check::Damaged {
            return Reaction::Ignored;
        }
        if !is_expected {
            return self.on_other(segment, now);
        }
        self.heard = now;
        if acked > 0 {
            self.on_new_ack(acked, now);
        }
        self.update_window(segment, acked > 0, now);
        if !segment.payload.is_empty() {
            if checked == Check::Copied && has_room {
                self.rx.extend(segment.payload.len());
            } else {
                self.rx.rewind();
                self.rx.push(segment.payload);
            }
            self.rcv_nxt += segment.payload.len() as u32;
            self.delay_ack(now);
        }
        Reaction::Accepted
    }

    /// Every second segment with text is acknowledged at once (section 3.8.6.3, SHLD-19). Where half of the buffer is to
    /// be read, reading it sends a window update, which is the ACK too. Without a read the delayed ACK comes.
    #[inline]
    fn delay_ack(&mut self, now: Instant) {
        if self.ack_due == AckDue::No {
            self.ack_due = AckDue::Delayed;
            self.ack_at = after(now, ticks(ACK_DELAY_MS));
        } else if self.rx.len() < self.rx.capacity() / 2 {
            self.ack_due = AckDue::Now;
        }
    }

    #[inline(never)]
    pub(crate) fn on_other(&mut self, segment: &Segment<'_>, now: Instant) -> Reaction {
        match self.state {
            State::Closed => Reaction::Ignored,
            State::SynSent => self.in_syn_sent(segment, now),
            State::SynReceived if self.is_first_syn(segment) => self.on_first_syn_again(segment, now),
            _ => self.check_sequence(segment, now),
        }
    }

    /// Section 3.10.7.3.
    fn in_syn_sent(&mut self, segment: &Segment<'_>, now: Instant) -> Reaction {
        // First: of our numbers only the SYN can be acknowledged, and only if it was sent.
        let acks_syn = self.snd_una < segment.ack && segment.ack <= self.snd_max;
        if segment.has(Flags::ACK) && !acks_syn {
            return if segment.has(Flags::RST) { Reaction::Ignored } else { Reaction::Reset(segment.ack) };
        }
        // Second: a RST without an ACK is nobody's.
        if segment.has(Flags::RST) {
            if !segment.has(Flags::ACK) {
                return Reaction::Ignored;
            }
            self.end(Ended::Refused);
            return Reaction::Accepted;
        }
        // Fourth. Text and FIN that come with the SYN are not acknowledged, so that they come again.
        if !segment.has(Flags::SYN) {
            return Reaction::Ignored;
        }
        self.heard = now;
        self.take_syn(segment);
        if segment.has(Flags::ACK) {
            self.ack_due = AckDue::Now;
            self.become_established(segment, now);
        } else {
            // Both open at once (section 3.5, figure 7): our SYN goes again, with an ACK.
            self.state = State::SynReceived;
            self.repeat_syn();
        }
        Reaction::Accepted
    }

    /// Takes IRS, MSS and window from a SYN.
    pub(crate) fn take_syn(&mut self, syn: &Segment<'_>) {
        self.rcv_nxt = syn.seq + 1;
        self.rcv_adv = self.rcv_nxt;
        self.snd_mss = syn.mss().min(self.rcv_mss);
        self.snd_wnd = syn.window.into();
        self.snd_wl1 = syn.seq;
        self.snd_wnd_max = self.snd_wnd;
    }

    fn repeat_syn(&mut self) {
        self.snd_nxt = self.snd_una;
        self.rtt.forget_timed();
    }

    fn is_first_syn(&self, segment: &Segment<'_>) -> bool {
        segment.has(Flags::SYN) && !segment.has(Flags::RST) && segment.seq + 1 == self.rcv_nxt
    }

    /// In SYN-RECEIVED the SYN that opened the connection has come again. Its other contents will come again too.
    fn on_first_syn_again(&mut self, segment: &Segment<'_>, now: Instant) -> Reaction {
        if segment.has(Flags::ACK) {
            // Both sides have opened at once. The segment is the other side's SYN,ACK, whose SYN is old. Without its
            // SYN it is an ACK with the next number.
            if self.snd_una < segment.ack && segment.ack <= self.snd_max {
                self.heard = now;
                self.become_established(segment, now);
                return Reaction::Accepted;
            }
            self.challenge(now);
        } else {
            // The SYN,ACK was lost.
            self.repeat_syn();
        }
        Reaction::Ignored
    }

    /// Our SYN is acknowledged.
    fn become_established(&mut self, segment: &Segment<'_>, now: Instant) {
        self.snd_una += 1;
        self.snd_nxt = self.snd_nxt.max(self.snd_una);
        self.rtt.on_ack(self.snd_una, now);
        if self.syn_repeated {
            self.rtt.after_syn_loss();
        }
        self.congestion.begin(self.snd_mss.into(), self.syn_repeated);
        self.timer = Timer::OFF;
        self.state = if self.fin_queued { State::FinWait1 } else { State::Established };
        self.update_window(segment, true, now);
    }

    /// A challenge ACK. Two ends that have lost each other's numbers would send such ACKs without end. So challenge
    /// ACKs are limited, for each connection by itself (RFC 5961 section 7; CVE-2016-5696).
    fn challenge(&mut self, now: Instant) {
        if now >= self.challenge_at {
            self.challenge_at = after(now, ticks(CHALLENGE_MS));
            self.ack_due = AckDue::Now;
        }
    }

    /// First: check the sequence number. Second: RST.
    fn check_sequence(&mut self, segment: &Segment<'_>, now: Instant) -> Reaction {
        let window = self.rcv_adv - self.rcv_nxt;
        let is_inside = |number: Seq| number - self.rcv_nxt < window;
        let is_next = segment.seq == self.rcv_nxt;
        let is_acceptable = match (segment.len(), window) {
            (0, 0) => is_next,
            // At the right edge an ACK counts too. The edge is SND.NXT of a peer whose text fills the window.
            (0, _) => is_inside(segment.seq) || segment.seq == self.rcv_adv && segment.flags.is_plain_ack(),
            (_, 0) => false,
            (len, _) => is_inside(segment.seq) || is_inside(segment.seq + (len - 1)),
        };
        // ACK and RST count while the window is shut (MUST-66); what the segment occupies does not.
        let is_allowed = window == 0 && is_next && !segment.has(Flags::SYN);
        if !is_acceptable && !is_allowed {
            self.on_unacceptable(segment, now);
            return Reaction::Ignored;
        }
        if segment.has(Flags::RST) {
            if !is_next {
                // RFC 5961 section 3.2: whoever only guesses the window ends nothing.
                self.challenge(now);
                return Reaction::Ignored;
            }
            self.end(match self.state {
                State::SynReceived if !self.is_passive => Ended::Refused,
                // Both sides have closed, and the peer has all of the text.
                State::Closing | State::LastAck | State::TimeWait if self.tx.len() == 0 => Ended::Closed,
                _ => Ended::Reset,
            });
            return Reaction::Accepted;
        }
        self.check_ack(segment, now)
    }

    /// Sends the outstanding text again without waiting for a time-out that is backed off. Such a time-out may be
    /// longer than the [`SILENCE_MS`](crate::limits::SILENCE_MS) after which the peer gives up, and the peer has just
    /// been heard. The time-out keeps its length (RFC 6298 section 5.5). Two transmissions are at least one time-out
    /// without back-off apart, and a second: the peer may not have what it asks for with each answer.
    fn retransmit_early(&mut self, now: Instant) {
        let (base, rto) = (self.rtt.base().max(ticks(RTO_FIRST_MS)), self.rtt.rto());
        if self.timer.kind == TimerKind::Retransmit && base < rto && self.timer.at <= after(now, rto - base) {
            self.snd_nxt = self.snd_una;
            self.timer.start(TimerKind::Retransmit, now, rto);
        }
    }

    /// The answer to a segment that is not acceptable is an ACK. Of the segment itself only an ACK of more can count.
    fn on_unacceptable(&mut self, segment: &Segment<'_>, now: Instant) {
        if segment.has(Flags::RST) {
            return;
        }
        if segment.has(Flags::ACK) && self.is_ack_plausible(segment.ack) {
            if self.state != State::SynReceived {
                // A keep-alive, or a repetition: the peer is there. A handshake ends without the ACK of the SYN.
                self.heard = now;
            }
            if self.is_keep_alive(segment) && self.snd_una < segment.ack {
                self.take_ack(segment, now);
                if self.state == State::Closed {
                    return;
                }
            }
            self.retransmit_early(now);
            if self.state == State::TimeWait && segment.has(Flags::FIN) {
                // Eighth: the peer's FIN again. A FIN that is only guessed keeps nothing open.
                self.timer.start(TimerKind::TimeWait, now, ticks(TIME_WAIT_MS));
            }
        }
        if segment.payload.is_empty() && !segment.has(Flags::FIN) {
            self.challenge(now);
        } else {
            self.ack_due = AckDue::Now;
        }
    }

    /// Whether an unacceptable segment has the number RCV.NXT-1: a keep-alive (section 3.8.4), or a FIN alone again.
    ///
    /// The ACK of such a segment is the peer's latest, and may be the only one that arrives. Section 3.10.7.4 drops it,
    /// and the text that it acknowledges is sent again until the peer gives up. Other TCPs take this ACK too.
    fn is_keep_alive(&self, segment: &Segment<'_>) -> bool {
        segment.seq + 1 == self.rcv_nxt && !segment.has(Flags::SYN) && self.state != State::SynReceived
    }

    /// Fourth: SYN. Fifth: ACK.
    fn check_ack(&mut self, segment: &Segment<'_>, now: Instant) -> Reaction {
        if segment.has(Flags::SYN) {
            if self.state == State::SynReceived && self.is_passive {
                // Back to LISTEN.
                self.end(Ended::Reset);
            } else {
                // RFC 5961 section 4.2: a peer that has restarted answers the challenge with a RST.
                self.challenge(now);
            }
            return Reaction::Ignored;
        }
        if !segment.has(Flags::ACK) {
            return Reaction::Ignored;
        }
        if self.state == State::SynReceived {
            // Not the reverse: of two numbers that are half of all numbers apart, none comes first.
            let acks_syn = self.snd_una < segment.ack && segment.ack <= self.snd_max;
            if !acks_syn {
                return Reaction::Reset(segment.ack);
            }
            self.become_established(segment, now);
        } else if !self.is_ack_plausible(segment.ack) {
            self.challenge(now);
            return Reaction::Ignored;
        }
        self.heard = now;
        self.take_ack(segment, now);
        if self.state != State::Closed {
            self.take_text(segment);
            self.take_fin(segment, now);
        }
        Reaction::Accepted
    }

    /// SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT (RFC 5961 section 5.2): it acknowledges nothing that was never sent,
    /// and is not too old to be true.
    fn is_ack_plausible(&self, ack: Seq) -> bool {
        self.snd_una - self.snd_wnd_max <= ack && ack <= self.snd_max
    }

    /// Fifth, for an ACK in SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT. One before SND.UNA brings nothing.
    fn take_ack(&mut self, segment: &Segment<'_>, now: Instant) {
        if self.snd_una < segment.ack {
            let acked = segment.ack - self.snd_una;
            let acks_fin = acked as usize > self.tx.len();
            // A keep-alive with an ACK of more has an old number. Older segments stay older than the latest.
            let latest = self.snd_wl1.max(segment.seq);
            self.on_new_ack(acked, now);
            self.update_window(segment, true, now);
            self.snd_wl1 = latest;
            if acks_fin {
                self.on_fin_acked(now);
            }
        } else if self.snd_una == segment.ack {
            // RFC 5681 section 2.
            let is_duplicate =
                self.snd_max != self.snd_una && segment.is_empty() && u32::from(segment.window) == self.snd_wnd;
            if is_duplicate {
                self.on_duplicate_ack(now);
            }
            self.update_window(segment, false, now);
        }
    }

    /// `acked` numbers more than before are acknowledged.
    #[inline(always)]
    fn on_new_ack(&mut self, acked: u32, now: Instant) {
        self.snd_una += acked;
        self.snd_nxt = self.snd_nxt.max(self.snd_una);
        // A probe or a retransmission that has not left is for what is acknowledged now.
        self.control = None;
        if self.duplicates != 0 {
            self.on_ack_after_duplicates();
        }
        self.rtt.on_ack(self.snd_una, now);
        self.congestion.on_new_ack(acked, self.snd_mss.into(), self.tx.capacity());
        self.tx.drop_front(acked as usize);
        self.restart_retransmission(now);
    }

    /// RFC 6298 (5.2), (5.3).
    #[inline]
    fn restart_retransmission(&mut self, now: Instant) {
        if self.timer.kind == TimerKind::Persist {
            // Probes back off for the window's sake. The link is no worse for it.
            self.rtt.reset_backoff();
        }
        if self.snd_una == self.snd_max {
            self.timer = Timer::OFF;
        } else {
            self.timer.start(TimerKind::Retransmit, now, self.rtt.rto());
        }
    }

    fn on_fin_acked(&mut self, now: Instant) {
        match self.state {
            State::FinWait1 => self.state = State::FinWait2,
            State::Closing => self.enter_time_wait(now),
            State::LastAck => self.end(Ended::Closed),
            _ => {}
        }
    }

    fn enter_time_wait(&mut self, now: Instant) {
        self.state = State::TimeWait;
        self.timer.start(TimerKind::TimeWait, now, ticks(TIME_WAIT_MS));
    }

    fn on_duplicate_ack(&mut self, now: Instant) {
        // While the window is shut, probes are answered, and show no loss.
        if self.duplicates == RECOVERY || self.snd_wnd == 0 {
            return;
        }
        self.duplicates += 1;
        if self.duplicates >= self.duplicates_of_a_loss() {
            self.congestion.on_fast_retransmit(self.snd_max - self.snd_una, self.snd_mss.into());
            self.rtt.forget_timed();
            (self.duplicates, self.recover) = (RECOVERY, self.snd_max);
            self.retransmit_fast();
            self.timer.start(TimerKind::Retransmit, now, self.rtt.rto());
        }
    }

    /// Duplicate ACKs that mean a loss. All that may be sent is under way, and each segment behind the lost one brings
    /// one duplicate ACK. So of two or three segments under way fewer are enough (RFC 5827 section 3.1). Text that was
    /// sent again without need brings duplicate ACKs too. So they count as usual until later text is acknowledged.
    /// (They do after two gigabytes without a loss as well: numbers are compared modulo 2^32.)
    fn duplicates_of_a_loss(&self) -> u8 {
        let (outstanding, mss) = (self.snd_max - self.snd_una, u32::from(self.snd_mss));
        if outstanding <= mss || outstanding > 3 * mss || self.snd_una <= self.recover {
            DUPLICATE_ACKS
        } else if outstanding <= 2 * mss {
            1
        } else {
            2
        }
    }

    fn retransmit_fast(&mut self) {
        self.control = Some(Control::FastRetransmit);
        self.resent = self.snd_una + u32::from(self.snd_mss);
    }

    /// An ACK of more than before has followed duplicate ACKs. During recovery a partial ACK shows the next gap, which
    /// is filled at once (RFC 6582 section 3.2, step 3). Where the ACK is of less than was sent again, the rest is under
    /// way: segments were small, or only overtaken.
    #[cold]
    #[inline(never)]
    fn on_ack_after_duplicates(&mut self) {
        if self.duplicates != RECOVERY {
            self.duplicates = 0;
        } else if self.recover <= self.snd_una {
            (self.duplicates, self.recover) = (0, self.snd_max);
        } else if self.resent <= self.snd_una {
            self.retransmit_fast();
        }
    }

    /// The last part of the fifth step: SND.WND, from a segment that is newer than the last one that set it.
    ///
    /// An ACK of `more` than before is newer, whatever its number is. By the rule of SND.WL1 and SND.WL2 alone, a
    /// repeated FIN with a newer ACK would move SND.UNA and keep the old window. Data would then go beyond the peer's
    /// edge. Where both numbers are the same, the larger window is the newer one, since edges don't go back (SHLD-14).
    /// A shut window may be sent before an open one and arrive after it. SND.WL2 is SND.UNA, since each ACK of more sets
    /// both, and one of less does not get here.
    #[inline]
    fn update_window(&mut self, segment: &Segment<'_>, more: bool, now: Instant) {
        let window = u32::from(segment.window);
        let is_newer = more || self.snd_wl1 < segment.seq || self.snd_wl1 == segment.seq && self.snd_wnd < window;
        if !is_newer {
            return;
        }
        self.snd_wl1 = segment.seq;
        if window == 0 || self.snd_wnd == 0 {
            self.on_shut_window(window, now);
        }
        self.snd_wnd = window;
        self.snd_wnd_max = self.snd_wnd_max.max(window);
    }

    /// The window is shut or was shut (section 3.8.6.1).
    #[cold]
    fn on_shut_window(&mut self, window: u32, now: Instant) {
        if window > 0 {
            if self.timer.kind == TimerKind::Persist {
                // The window opens. The probes' byte goes again, since SND.NXT has stayed before it.
                self.control = None;
                self.restart_retransmission(now);
            }
        } else if self.tx.len() > 0 && self.timer.kind != TimerKind::Persist {
            // The first probe comes after a retransmission time-out (SHLD-29).
            self.rtt.reset_backoff();
            self.timer.start(TimerKind::Persist, now, self.rtt.rto());
        }
    }

    /// Seventh: takes the part of the text that is new and in the window. Early text is kept, in one piece.
    fn take_text(&mut self, segment: &Segment<'_>) {
        if segment.payload.is_empty() || !self.may_receive() {
            return;
        }
        // Out of order, a repetition, or what fills a gap: at once (RFC 5681 section 4.2).
        self.ack_due = AckDue::Now;
        let begin = segment.seq.max(self.rcv_nxt);
        let end = (segment.seq + segment.payload.len() as u32).min(self.rcv_adv);
        if end <= begin {
            return;
        }
        let text = segment.payload.get((begin - segment.seq) as usize..(end - segment.seq) as usize);
        let text = text.unwrap_or_default();
        let offset = self.rx.len() + (begin - self.rcv_nxt) as usize;
        if begin == self.rcv_nxt {
            self.rx.write(offset, text);
            let mut next = end;
            if let Some((_, last)) = self.early.take_if(|(first, _)| *first <= next) {
                next = next.max(last);
            }
            self.rx.extend((next - self.rcv_nxt) as usize);
            self.rcv_nxt = next;
            return;
        }
        self.early = match self.early {
            None => Some((begin, end)),
            // A second piece that doesn't touch the first is thrown away, and comes again.
            Some((first, last)) if last < begin || end < first => return,
            Some((first, last)) => Some((first.min(begin), last.max(end))),
        };
        self.rx.write(offset, text);
    }

    /// Eighth: FIN, once everything before it is there and it is in the window.
    fn take_fin(&mut self, segment: &Segment<'_>, now: Instant) {
        if !segment.has(Flags::FIN) || !self.may_receive() {
            return;
        }
        let fin_at = segment.seq + segment.payload.len() as u32;
        if fin_at != self.rcv_nxt || self.rcv_adv <= self.rcv_nxt {
            self.ack_due = AckDue::Now;
            return;
        }
        self.rcv_nxt += 1;
        self.fin_received = true;
        if self.state == State::Established {
            // A server closes when its client has. Its FIN then carries the ACK.
            self.state = State::CloseWait;
            self.delay_ack(now);
            return;
        }
        self.ack_due = AckDue::Now;
        match self.state {
            State::FinWait1 => self.state = State::Closing,
            State::FinWait2 => self.enter_time_wait(now),
            _ => {}
        }
    }
}
