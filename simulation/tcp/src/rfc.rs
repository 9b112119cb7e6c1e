//! The table of RFC 9293 section 3.10.7 (SEGMENT ARRIVES) as data: for each state, what a segment is answered with and
//! which state comes next. RFC 5961 is part of it, as section 3.10.7.4 has it.
//!
//! The first row whose conditions all hold is the one that counts.

use crate::host::State;

/// A segment, in the terms of the section.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub ack: bool,
    /// SEG.LEN > 0.
    pub occupies: bool,
    /// By the table of section 3.10.7.4, "first, check sequence number", or one of the [`Deviation`]s of the host.
    pub acceptable: bool,
    /// A [`Deviation::KeepAliveAcks`] of the host.
    pub keep_alive_acks: bool,
    /// SEG.SEQ = RCV.NXT.
    pub at_next: bool,
    /// RCV.WND = 0.
    pub shut: bool,
    /// A SYN that repeats the one which opened the connection: SEG.SEQ = IRS.
    pub first_syn: bool,
    /// SND.UNA < SEG.ACK =< SND.NXT.
    pub acks_new: bool,
    /// SEG.ACK > SND.NXT.
    pub acks_unsent: bool,
    /// SEG.ACK < SND.UNA - MAX.SND.WND (RFC 5961 section 5).
    pub acks_ancient: bool,
    /// SEG.ACK = SND.NXT, and our FIN was sent.
    pub acks_fin: bool,
    /// The segment's FIN is in the window, and nothing is missing before it.
    pub fin_in_order: bool,
}

/// The engine's deviations from "first, check sequence number" (section 3.10.7.4), each with its reason. smoltcp is held
/// to the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deviation {
    /// An ACK without text, SYN, FIN and RST is acceptable at SEG.SEQ = RCV.NXT+RCV.WND too. The edge is SND.NXT of a
    /// peer whose text fills the window and is lost.
    AckAtEdge,
    /// An ACK of more counts where SEG.SEQ = RCV.NXT-1 too, without SYN and RST, and not in SYN-RECEIVED. A keep-alive may
    /// bring the only ACK that is not lost. The segment is answered as unacceptable, and nothing else of it counts.
    KeepAliveAcks,
}

impl Deviation {
    pub const ALL: [Self; 2] = [Self::AckAtEdge, Self::KeepAliveAcks];
}

/// A condition of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    Syn,
    Fin,
    Rst,
    Ack,
    NoAck,
    /// SEG.LEN > 0.
    Occupies,
    /// Not acceptable, and not what section 3.10.7.4 allows while RCV.WND = 0: ACK and RST at RCV.NXT (MUST-66).
    Unacceptable,
    /// RCV.WND = 0, and the segment occupies sequence numbers.
    IntoShutWindow,
    AtNext,
    FirstSyn,
    AcksNew,
    AcksNothingNew,
    AcksUnsent,
    AcksAncient,
    AcksFin,
    FinInOrder,
    /// The ACK counts by [`Deviation::KeepAliveAcks`].
    KeepAliveAcks,
}

impl When {
    fn holds(self, facts: &Facts) -> bool {
        match self {
            Self::Syn => facts.syn,
            Self::Fin => facts.fin,
            Self::Rst => facts.rst,
            Self::Ack => facts.ack,
            Self::NoAck => !facts.ack,
            Self::Occupies => facts.occupies,
            Self::Unacceptable => !(facts.acceptable || facts.shut && facts.at_next && !facts.syn),
            Self::IntoShutWindow => facts.shut && facts.occupies,
            Self::AtNext => facts.at_next,
            Self::FirstSyn => facts.first_syn,
            Self::AcksNew => facts.acks_new,
            Self::AcksNothingNew => !facts.acks_new,
            Self::AcksUnsent => facts.acks_unsent,
            Self::AcksAncient => facts.acks_ancient,
            Self::AcksFin => facts.acks_fin,
            Self::FinInOrder => facts.fin_in_order,
            Self::KeepAliveAcks => facts.keep_alive_acks,
        }
    }
}

/// The segments that are sent within half a second (MUST-40).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    /// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`, once.
    Ack,
    /// Either: the RFC leaves it open, or names a case that it says can't occur.
    AckOrNothing,
    /// `<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>`.
    SynAck,
    /// `<SEQ=SEG.ACK><CTL=RST>`.
    Reset,
    /// `<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>`.
    ResetAck,
}

/// The state after the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Same,
    To(State),
    /// CLOSED, or LISTEN where a listener takes the connection back.
    Ended,
    /// Either: this is one of the deviations that docs/tcp.md lists.
    Either(State, State),
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub states: &'static [State],
    pub when: &'static [When],
    pub answer: Answer,
    pub next: Next,
    /// Where it stands; RFC 9293 where no RFC is named.
    pub section: &'static str,
}

use State::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, Listen, SynReceived, SynSent, TimeWait,
};

/// The states in which sequence numbers are synchronized.
const SYNCHRONIZED: &[State] = &[Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];
/// Those, and SYN-RECEIVED: section 3.10.7.4, "otherwise".
const OTHERWISE: &[State] = &[SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait];

const fn row(
    states: &'static [State],
    when: &'static [When],
    answer: Answer,
    next: Next,
    section: &'static str,
) -> Row {
    Row { states, when, answer, next, section }
}

use Answer::{Ack as Acked, AckOrNothing, Nothing, Reset, ResetAck, SynAck};
use Next::{Either, Ended, Same, To};
use When::{
    Ack, AcksAncient, AcksFin, AcksNew, AcksNothingNew, AcksUnsent, AtNext, Fin, FinInOrder, FirstSyn, IntoShutWindow,
    KeepAliveAcks, NoAck, Occupies, Rst, Syn, Unacceptable,
};

/// Every row, in the order of the section.
pub static TABLE: [Row; 53] = [
    row(&[Closed], &[Rst], Nothing, Same, "3.10.7.1"),
    row(&[Closed], &[Ack], Reset, Same, "3.10.7.1"),
    row(&[Closed], &[], ResetAck, Same, "3.10.7.1"),
    row(&[Listen], &[Rst], Nothing, Same, "3.10.7.2 first"),
    row(&[Listen], &[Ack], Reset, Same, "3.10.7.2 second"),
    row(&[Listen], &[Syn, Fin], AckOrNothing, Either(SynReceived, Listen), "3.10.7.2 third; a FIN with the first SYN"),
    row(&[Listen], &[Syn], SynAck, To(SynReceived), "3.10.7.2 third"),
    row(&[Listen], &[], Nothing, Same, "3.10.7.2 fourth"),
    row(&[SynSent], &[Ack, AcksNothingNew, Rst], Nothing, Same, "3.10.7.3 first"),
    row(&[SynSent], &[Ack, AcksNothingNew], Reset, Same, "3.10.7.3 first"),
    row(&[SynSent], &[Rst, Ack], Nothing, Ended, "3.10.7.3 second"),
    row(&[SynSent], &[Rst], Nothing, Same, "3.10.7.3 second"),
    row(&[SynSent], &[Syn, Ack, Fin], Acked, Either(Established, CloseWait), "3.10.7.3 fourth; a FIN with a SYN"),
    row(&[SynSent], &[Syn, Ack], Acked, To(Established), "3.10.7.3 fourth"),
    row(&[SynSent], &[Syn], SynAck, To(SynReceived), "3.10.7.3 fourth"),
    row(&[SynSent], &[], Nothing, Same, "3.10.7.3 fifth"),
    row(OTHERWISE, &[Unacceptable, Rst], Nothing, Same, "3.10.7.4 first"),
    row(OTHERWISE, &[Rst, AtNext], Nothing, Ended, "3.10.7.4 second; RFC 5961 section 3.2"),
    row(OTHERWISE, &[Rst], Acked, Same, "3.10.7.4 second; RFC 5961 section 3.2"),
    row(&[SynReceived], &[FirstSyn, Ack, AcksNew], AckOrNothing, To(Established), "3.5 figure 7"),
    row(&[SynReceived], &[FirstSyn, NoAck], SynAck, Same, "3.8.1; the SYN,ACK was lost"),
    row(&[SynReceived], &[FirstSyn], Acked, Same, "3.10.7.4 first"),
    row(&[FinWait1], &[Unacceptable, KeepAliveAcks, AcksFin], Acked, To(FinWait2), "3.10.7.4 first; a deviation"),
    row(&[Closing], &[Unacceptable, KeepAliveAcks, AcksFin], Acked, To(TimeWait), "3.10.7.4 first; a deviation"),
    row(&[LastAck], &[Unacceptable, KeepAliveAcks, AcksFin], Nothing, To(Closed), "3.10.7.4 first; a deviation"),
    row(OTHERWISE, &[Unacceptable], Acked, Same, "3.10.7.4 first"),
    row(&[SynReceived], &[Syn], Nothing, Ended, "3.10.7.4 fourth"),
    row(SYNCHRONIZED, &[Syn], Acked, Same, "3.10.7.4 fourth; RFC 5961 section 4.2"),
    row(OTHERWISE, &[NoAck, IntoShutWindow], AckOrNothing, Same, "3.10.7.4 first and fifth"),
    row(OTHERWISE, &[NoAck], Nothing, Same, "3.10.7.4 fifth"),
    row(&[SynReceived], &[AcksNothingNew], Reset, Same, "3.10.7.4 fifth"),
    row(&[SynReceived], &[FinInOrder], Acked, To(CloseWait), "3.10.7.4 fifth, eighth"),
    row(&[SynReceived], &[Occupies], Acked, To(Established), "3.10.7.4 fifth, seventh"),
    row(&[SynReceived], &[], Nothing, To(Established), "3.10.7.4 fifth"),
    row(SYNCHRONIZED, &[AcksUnsent], Acked, Same, "3.10.7.4 fifth"),
    row(SYNCHRONIZED, &[AcksAncient], Acked, Same, "3.10.7.4 fifth; RFC 5961 section 5.2"),
    row(&[Established], &[FinInOrder], Acked, To(CloseWait), "3.10.7.4 eighth"),
    row(&[Established], &[Occupies], Acked, Same, "3.10.7.4 seventh"),
    row(&[Established], &[], Nothing, Same, "3.10.7.4 fifth"),
    row(&[FinWait1], &[AcksFin, FinInOrder], Acked, To(TimeWait), "3.10.7.4 eighth"),
    row(&[FinWait1], &[AcksFin, Occupies], Acked, To(FinWait2), "3.10.7.4 fifth, seventh"),
    row(&[FinWait1], &[AcksFin], Nothing, To(FinWait2), "3.10.7.4 fifth"),
    row(&[FinWait1], &[FinInOrder], Acked, To(Closing), "3.10.7.4 eighth"),
    row(&[FinWait1], &[Occupies], Acked, Same, "3.10.7.4 seventh"),
    row(&[FinWait1], &[], Nothing, Same, "3.10.7.4 fifth"),
    row(&[FinWait2], &[FinInOrder], Acked, To(TimeWait), "3.10.7.4 eighth"),
    row(&[FinWait2], &[Occupies], Acked, Same, "3.10.7.4 seventh"),
    row(&[FinWait2], &[], Nothing, Same, "3.10.7.4 fifth"),
    row(&[Closing], &[AcksFin], AckOrNothing, To(TimeWait), "3.10.7.4 fifth"),
    row(&[LastAck], &[AcksFin], Nothing, To(Closed), "3.10.7.4 fifth"),
    row(&[CloseWait, Closing, LastAck], &[Occupies], AckOrNothing, Same, "3.10.7.4 seventh: should not occur"),
    row(&[CloseWait, Closing, LastAck], &[], Nothing, Same, "3.10.7.4 fifth"),
    row(&[TimeWait], &[], AckOrNothing, Same, "3.10.7.4 fifth: can't arrive"),
];

/// The row that a segment falls under, by its index.
///
/// # Panics
/// If the table has none: each state ends with a row without conditions.
pub fn find(state: State, facts: &Facts) -> usize {
    let fits = |row: &Row| row.states.contains(&state) && row.when.iter().all(|when| when.holds(facts));
    TABLE.iter().position(fits).expect("every state has a row without conditions")
}
