//! The transmission control block (TCB) of a connection: its state, and the user's calls.

use embassy_time::Instant;

use crate::limits::{BUFFER_LEN_MAX, HEADERS_LEN, KEEP_ALIVE_MS, MSS_DEFAULT, MSS_MIN, SILENCE_MS};
use crate::ring::{Ring, RingMemory};
use crate::segment::{Segment, Seq};
use crate::timing::{Congestion, Rtt, after, ticks};

/// RFC 9293 section 3.3.2. LISTEN is the caller's: a SYN that it lets in goes to [`Tcb::accept`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// No connection.
    Closed,
    /// A SYN was sent.
    SynSent,
    /// A SYN has arrived, and a SYN was sent.
    SynReceived,
    /// Data goes both ways.
    Established,
    /// This side has closed; its FIN is not acknowledged.
    FinWait1,
    /// This side has closed; its FIN is acknowledged.
    FinWait2,
    /// The peer has closed.
    CloseWait,
    /// Both sides have closed at once; our FIN is not acknowledged.
    Closing,
    /// Both sides have closed, the peer first; our FIN is not acknowledged.
    LastAck,
    /// Both sides have closed; old segments die out.
    TimeWait,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// Both sides closed, or it was closed before anything was sent.
    Closed,
    /// The peer answered a SYN with a RST.
    Refused,
    /// The peer sent a RST (MUST-12).
    Reset,
    /// The peer was not heard for [`SILENCE_MS`].
    TimedOut,
    /// [`Tcb::abort`] or [`Tcb::forget`] was called.
    Aborted,
}

/// A segment beside text that is to be sent, and goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Control {
    /// `<SEQ=..><CTL=RST,ACK>`; nothing follows it.
    Reset(Seq),
    /// A window probe (section 3.8.6.1).
    Probe,
    /// A keep-alive (section 3.8.4).
    KeepAlive,
    /// One segment from SND.UNA (RFC 5681 section 3.2).
    FastRetransmit,
}

/// Instead of a count of duplicate ACKs: they have shown a loss, and not all that was under way then is acknowledged.
pub(crate) const RECOVERY: u8 = u8::MAX;

/// When text that has arrived is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AckDue {
    No,
    /// With the next segment, or when [`Tcb::due`] has it.
    Delayed,
    Now,
}

/// The purpose of a connection's one timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimerKind {
    Off,
    /// RFC 6298.
    Retransmit,
    /// Probes a window that is shut (section 3.8.6.1).
    Persist,
    /// Sends the text that silly window avoidance has held back (section 3.8.6.2.1).
    Override,
    TimeWait,
}

/// The timer. `at` is [`Instant::MAX`] while it is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Timer {
    pub(crate) kind: TimerKind,
    pub(crate) at: Instant,
}

impl Timer {
    pub(crate) const OFF: Self = Self { kind: TimerKind::Off, at: Instant::MAX };

    #[inline]
    pub(crate) fn start(&mut self, kind: TimerKind, now: Instant, ticks: u32) {
        *self = Self { kind, at: after(now, ticks) };
    }
}

/// The transmission control block of one connection. `M` is the memory of each of its two buffers. Fields have the names
/// of RFC 9293 section 3.3.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcb<M> {
    pub(crate) state: State,
    /// Set if [`accept`](Self::accept) opened the connection (MUST-11).
    pub(crate) is_passive: bool,
    /// Why it is closed; meaningless before.
    pub(crate) ended: Ended,

    pub(crate) snd_una: Seq,
    /// The next number to send. Goes back to SND.UNA when text is to be sent again.
    pub(crate) snd_nxt: Seq,
    /// The RFC's SND.NXT: behind the last number that was ever sent.
    pub(crate) snd_max: Seq,
    pub(crate) snd_wnd: u32,
    pub(crate) snd_wl1: Seq,
    /// MAX.SND.WND (RFC 5961 section 5): the largest window that the peer has offered.
    pub(crate) snd_wnd_max: u32,
    /// Effective send MSS, and the largest segment that we can take (section 3.7.1).
    pub(crate) snd_mss: u16,
    pub(crate) rcv_mss: u16,
    /// CLOSE was called: a FIN follows the text.
    pub(crate) fin_queued: bool,
    /// The SYN was sent more than once.
    pub(crate) syn_repeated: bool,

    pub(crate) rcv_nxt: Seq,
    /// The right edge of the window that was offered: RCV.WND = `rcv_adv` - RCV.NXT. Never goes back (SHLD-14).
    pub(crate) rcv_adv: Seq,
    /// Text that came early: where it begins and ends. One piece is kept.
    pub(crate) early: Option<(Seq, Seq)>,
    pub(crate) fin_received: bool,
    pub(crate) ack_due: AckDue,
    /// When a delayed ACK is sent.
    pub(crate) ack_at: Instant,
    /// No challenge ACK before (RFC 5961 section 7).
    pub(crate) challenge_at: Instant,

    pub(crate) control: Option<Control>,
    /// The next ACK has the number of the peer's edge, if SND.NXT is beyond it.
    pub(crate) acks_at_edge: bool,
    /// The override time-out has passed: the next segment may be small.
    pub(crate) is_overridden: bool,
    pub(crate) timer: Timer,
    /// When the peer sent its last acceptable segment, and when it was asked for one.
    pub(crate) heard: Instant,
    pub(crate) asked: Instant,
    pub(crate) rtt: Rtt,
    pub(crate) congestion: Congestion,
    /// Duplicate ACKs in a row, or [`RECOVERY`].
    pub(crate) duplicates: u8,
    /// SND.NXT of the RFC when recovery last began or ended, or the last time-out passed (RFC 6582 section 3.2).
    pub(crate) recover: Seq,
    /// In recovery: the end of what was sent again last. Meaningless else.
    pub(crate) resent: Seq,

    pub(crate) rx: Ring<M>,
    /// Text from SND.UNA on.
    pub(crate) tx: Ring<M>,
}

/// The MSS that packets of at most `mtu` bytes leave room for (RFC 6691 section 2).
pub(crate) fn own_mss(mtu: usize) -> u16 {
    mtu.saturating_sub(HEADERS_LEN).clamp(MSS_MIN.into(), BUFFER_LEN_MAX) as u16
}

impl<M: RingMemory> Tcb<M> {
    /// A connection that is closed. Of a buffer, [`BUFFER_LEN_MAX`] bytes are used at most.
    ///
    /// # Panics
    /// If a buffer is longer than that.
    pub fn new(rx: M, tx: M) -> Self {
        let (rx, tx) = (Ring::new(rx), Ring::new(tx));
        assert!(rx.capacity() <= BUFFER_LEN_MAX && tx.capacity() <= BUFFER_LEN_MAX, "a window without scaling");
        let zero = Seq::default();
        Self {
            state: State::Closed,
            is_passive: false,
            ended: Ended::Closed,
            snd_una: zero,
            snd_nxt: zero,
            snd_max: zero,
            snd_wnd: 0,
            snd_wl1: zero,
            snd_wnd_max: 0,
            snd_mss: MSS_DEFAULT,
            rcv_mss: MSS_DEFAULT,
            fin_queued: false,
            syn_repeated: false,
            rcv_nxt: zero,
            rcv_adv: zero,
            early: None,
            fin_received: false,
            ack_due: AckDue::No,
            ack_at: Instant::MAX,
            challenge_at: Instant::MIN,
            control: None,
            acks_at_edge: true,
            is_overridden: false,
            timer: Timer::OFF,
            heard: Instant::MIN,
            asked: Instant::MIN,
            rtt: Rtt::new(),
            congestion: Congestion::new(),
            duplicates: 0,
            recover: zero,
            resent: zero,
            rx,
            tx,
        }
    }

    /// Everything as in a new connection but the buffers' memory.
    fn begin(&mut self, isn: Seq, mtu: usize, now: Instant) {
        (self.snd_una, self.snd_nxt, self.snd_max) = (isn, isn, isn);
        (self.snd_wnd, self.snd_wnd_max, self.snd_mss) = (0, 0, MSS_DEFAULT);
        self.rcv_mss = own_mss(mtu);
        (self.fin_queued, self.syn_repeated, self.fin_received) = (false, false, false);
        (self.rcv_nxt, self.rcv_adv) = (Seq::default(), Seq::default());
        self.early = None;
        (self.ack_due, self.challenge_at) = (AckDue::No, Instant::MIN);
        (self.control, self.acks_at_edge, self.is_overridden) = (None, true, false);
        self.timer = Timer::OFF;
        (self.heard, self.asked) = (now, now);
        (self.rtt, self.congestion) = (Rtt::new(), Congestion::new());
        (self.duplicates, self.recover) = (0, isn);
        self.rx.clear();
        self.tx.clear();
    }

    // ---- OPEN, CLOSE, ABORT (section 3.9.1)

    /// Takes a SYN for a listener (section 3.10.7.2). `mtu` is the length of the longest IPv4 packet, bytes.
    #[inline(never)]
    pub fn accept(&mut self, syn: &Segment<'_>, isn: Seq, mtu: usize, now: Instant) {
        self.begin(isn, mtu, now);
        self.is_passive = true;
        self.take_syn(syn);
        self.state = State::SynReceived;
    }

    /// Sends a SYN (section 3.10.1, active open). `mtu` is the length of the longest IPv4 packet, bytes. That the
    /// remote address is that of a single other host is the caller's to see (MUST-46).
    pub fn connect(&mut self, isn: Seq, mtu: usize, now: Instant) {
        self.begin(isn, mtu, now);
        self.is_passive = false;
        self.state = State::SynSent;
    }

    /// Sends no more than what was written, and then FIN (section 3.10.4).
    pub fn close(&mut self) {
        match self.state {
            State::SynSent => self.end(Ended::Closed),
            // The FIN waits until the connection is established.
            State::SynReceived => self.fin_queued = true,
            State::Established => (self.state, self.fin_queued) = (State::FinWait1, true),
            State::CloseWait => (self.state, self.fin_queued) = (State::LastAck, true),
            _ => {}
        }
    }

    /// Ends the connection, with a RST if the peer has received a segment of it (section 3.10.5).
    pub fn abort(&mut self) {
        self.end_with_reset(Ended::Aborted);
    }

    pub(crate) fn end_with_reset(&mut self, why: Ended) {
        let state = self.state;
        self.end(why);
        if matches!(
            state,
            State::SynReceived | State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait
        ) {
            self.control = Some(Control::Reset(self.snd_max));
        }
    }

    /// Ends the connection and sends nothing.
    pub fn forget(&mut self) {
        self.end(Ended::Aborted);
        self.control = None;
    }

    /// A connection that has ended already keeps its reason.
    pub(crate) fn end(&mut self, why: Ended) {
        if self.state == State::Closed {
            return;
        }
        (self.state, self.ended) = (State::Closed, why);
        self.timer = Timer::OFF;
        (self.ack_due, self.control) = (AckDue::No, None);
    }

    // ---- SEND and RECEIVE

    /// Appends to the transmit buffer, and returns how much was taken. Before the connection is established the text
    /// waits (section 3.10.2). 0 once this side has closed.
    #[inline]
    pub fn write(&mut self, data: &[u8]) -> usize {
        if !self.may_write() && !matches!(self.state, State::SynSent | State::SynReceived) || self.fin_queued {
            return 0;
        }
        self.tx.rewind();
        self.tx.push(data)
    }

    /// Copies the oldest received bytes, and returns how many.
    #[inline]
    pub fn peek(&self, buf: &mut [u8]) -> usize {
        self.rx.copy_to(0, buf)
    }

    /// Moves the oldest received bytes to `buf`, and returns how many.
    #[inline(always)]
    pub fn read(&mut self, buf: &mut [u8]) -> usize {
        self.rx.pop(buf)
    }

    /// Drops the oldest received bytes.
    #[inline]
    pub fn consume(&mut self, len: usize) {
        self.rx.drop_front(len);
    }

    /// The state.
    #[inline]
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the connection ended. None while it has not.
    pub fn ended(&self) -> Option<Ended> {
        (self.state == State::Closed).then_some(self.ended)
    }

    /// Received bytes that were not consumed.
    #[inline]
    pub fn received(&self) -> usize {
        self.rx.len()
    }

    /// Length of the receive buffer.
    #[inline]
    pub fn receive_capacity(&self) -> usize {
        self.rx.capacity()
    }

    /// Bytes that [`write`](Self::write) takes.
    #[inline]
    pub fn room(&self) -> usize {
        self.tx.room()
    }

    /// Length of the transmit buffer.
    #[inline]
    pub fn send_capacity(&self) -> usize {
        self.tx.capacity()
    }

    /// Bytes that were written and not acknowledged.
    #[inline]
    pub fn unacknowledged(&self) -> usize {
        self.tx.len()
    }

    /// The peer has closed its side, and all of its text was received.
    #[inline]
    pub fn has_received_fin(&self) -> bool {
        self.fin_received
    }

    /// Whether text may still arrive.
    #[inline]
    pub fn may_receive(&self) -> bool {
        matches!(self.state, State::SynReceived | State::Established | State::FinWait1 | State::FinWait2)
    }

    /// Whether text may be written.
    #[inline]
    pub fn may_write(&self) -> bool {
        matches!(self.state, State::Established | State::CloseWait)
    }

    /// SND.UNA and the congestion window, bytes: data is sent up to their sum.
    pub fn congestion(&self) -> (Seq, u32) {
        (self.snd_una, self.congestion.cwnd)
    }

    // ---- time

    /// When [`on_timer`](Self::on_timer) is to be called if nothing else happens. [`Instant::MAX`] for never.
    pub fn due(&self) -> Instant {
        match self.state {
            State::Closed => Instant::MAX,
            _ => {
                let silence = after(self.heard, ticks(SILENCE_MS));
                let due = self.timer.at.min(silence).min(self.keep_alive_at());
                if self.ack_due == AckDue::Delayed { due.min(self.ack_at) } else { due }
            }
        }
    }

    /// When the peer is asked for a sign of life: only while nothing is outstanding (MUST-26), since a retransmission
    /// asks too.
    pub(crate) fn keep_alive_at(&self) -> Instant {
        let is_open = !matches!(self.state, State::SynSent | State::SynReceived);
        let is_idle = is_open && self.snd_una == self.snd_max && self.timer.kind == TimerKind::Off;
        if is_idle { after(self.asked.max(self.heard), ticks(KEEP_ALIVE_MS)) } else { Instant::MAX }
    }

    /// Does what the time asks for. Calling it early changes nothing.
    pub fn on_timer(&mut self, now: Instant) {
        match self.state {
            State::Closed => return,
            State::TimeWait if now >= self.timer.at => return self.end(Ended::Closed),
            _ => {}
        }
        if now >= after(self.heard, ticks(SILENCE_MS)) {
            return self.end_with_reset(Ended::TimedOut);
        }
        if now >= self.keep_alive_at() {
            self.asked = now;
            self.control = Some(Control::KeepAlive);
        }
        if now >= self.timer.at {
            self.on_timeout(now);
        }
        if self.ack_due == AckDue::Delayed && now >= self.ack_at {
            self.ack_due = AckDue::Now;
        }
    }
}
