//! One connection of a [`Peer`], kept like an ordinary host keeps it (RFC 9293) until a case does otherwise.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::peer::{Peer, RawFlags, RawSegment, RawSegmentOut, WINDOW_LEN};
use crate::answer::{Answer, End};
use crate::limits::REPLY_MAX;

/// An ordinary host sends an unanswered SYN again after this time.
const SYN_RETRANSMIT: Duration = Duration::from_secs(1);

/// The peer's half of a connection.
#[derive(Clone, Debug)]
pub struct RawConnection {
    pub port: u16,
    /// The next byte that we send.
    pub snd_nxt: u32,
    /// The next byte that we expect.
    pub rcv_nxt: u32,
    pub window: u16,
    /// ACKs that the server sent in answer to our SYN because it knew an older connection.
    pub challenge_count: usize,
}

impl RawConnection {
    /// Connects from `port` with the initial sequence number `isn`.
    pub fn open(peer: &mut Peer, port: u16, isn: u32) -> Result<Self> {
        let mut connection = Self::answered(peer, port, isn)?;
        connection.acknowledge(peer)?;
        connection.snd_nxt = isn.wrapping_add(1);
        Ok(connection)
    }

    /// Sends a SYN until the server accepts it; the last ACK of the handshake is left to the caller.
    ///
    /// An ACK that doesn't belong to this SYN gets RST, so that the server forgets an older connection
    /// (RFC 9293, section 3.10.7.3).
    pub fn answered(peer: &mut Peer, port: u16, isn: u32) -> Result<Self> {
        let mut connection = Self { port, snd_nxt: isn, rcv_nxt: 0, window: WINDOW_LEN, challenge_count: 0 };
        let begin = Instant::now();
        while begin.elapsed() < REPLY_MAX {
            connection.send(peer, RawFlags::SYN, b"")?;
            let deadline = Instant::now() + SYN_RETRANSMIT;
            while let Some(segment) = next_before(peer, port, deadline)? {
                let accepted = segment.ack == isn.wrapping_add(1);
                match segment.flags {
                    RawFlags::SYN_ACK if accepted => {
                        connection.snd_nxt = segment.ack;
                        connection.rcv_nxt = segment.seq.wrapping_add(1);
                        return Ok(connection);
                    }
                    flags if flags.rst && accepted => bail!("the SYN was refused"),
                    flags if flags.ack && !flags.rst && !accepted => {
                        connection.challenge_count += 1;
                        connection.send_at(peer, RawFlags::RST, segment.ack, b"")?;
                    }
                    _ => {}
                }
            }
        }
        bail!("the SYN was not answered")
    }

    /// Sends a segment at the present sequence number, which stays as it is.
    pub fn send(&self, peer: &Peer, flags: RawFlags, payload: &[u8]) -> Result<()> {
        self.send_at(peer, flags, self.snd_nxt, payload)
    }

    pub fn send_at(&self, peer: &Peer, flags: RawFlags, seq: u32, payload: &[u8]) -> Result<()> {
        peer.send(&self.segment_at(flags, seq, payload))
    }

    /// The segment that [`RawConnection::send_at`] sends.
    pub fn segment_at<'a>(&self, flags: RawFlags, seq: u32, payload: &'a [u8]) -> RawSegmentOut<'a> {
        RawSegmentOut {
            port: self.port,
            flags,
            seq,
            ack: if flags.ack { self.rcv_nxt } else { 0 },
            window: self.window,
            payload,
        }
    }

    /// Sends bytes in order.
    pub fn say(&mut self, peer: &Peer, payload: &[u8]) -> Result<()> {
        self.send(peer, RawFlags::ACK, payload)?;
        self.snd_nxt = self.snd_nxt.wrapping_add(u32::try_from(payload.len())?);
        Ok(())
    }

    pub fn acknowledge(&self, peer: &Peer) -> Result<()> {
        self.send(peer, RawFlags::ACK, b"")
    }

    /// The next segment of this connection, of whatever kind.
    pub fn next(&self, peer: &mut Peer, limit: Duration) -> Result<Option<RawSegment>> {
        peer.receive(self.port, limit)
    }

    /// Reads and acknowledges until the server's FIN or RST, or until `limit` has passed.
    pub fn read_reply(&mut self, peer: &mut Peer, limit: Duration) -> Result<Answer> {
        let deadline = Instant::now() + limit;
        let mut bytes = Vec::new();
        while let Some(segment) = next_before(peer, self.port, deadline)? {
            if segment.flags.rst {
                let end = End::Reset;
                return Ok(Answer { bytes, end });
            }
            if segment.payload.is_empty() && !segment.flags.fin {
                continue;
            }
            let ended = self.take(&segment, &mut bytes);
            self.acknowledge(peer)?;
            if ended {
                let end = End::Eof;
                return Ok(Answer { bytes, end });
            }
        }
        let end = End::TimedOut;
        Ok(Answer { bytes, end })
    }

    /// Takes what is next in order; returns whether that includes the server's FIN.
    fn take(&mut self, segment: &RawSegment, bytes: &mut Vec<u8>) -> bool {
        if segment.seq != self.rcv_nxt {
            return false;
        }
        bytes.extend_from_slice(&segment.payload);
        let len = segment.payload.len() as u32 + u32::from(segment.flags.fin);
        self.rcv_nxt = self.rcv_nxt.wrapping_add(len);
        segment.flags.fin
    }

    /// Ends our side after the server's, and sees that the server takes it.
    pub fn close(&mut self, peer: &mut Peer) -> Result<()> {
        self.send(peer, RawFlags::FIN_ACK, b"")?;
        self.snd_nxt = self.snd_nxt.wrapping_add(1);
        let deadline = Instant::now() + REPLY_MAX;
        while let Some(segment) = next_before(peer, self.port, deadline)? {
            ensure!(!segment.flags.rst, "our FIN was answered by RST");
            if segment.flags.ack && segment.ack == self.snd_nxt {
                return Ok(());
            }
        }
        bail!("our FIN was not acknowledged")
    }

    /// Asks, reads the whole answer and closes in order.
    pub fn be_served(&mut self, peer: &mut Peer) -> Result<()> {
        self.say(peer, b"hello\n")?;
        self.read_reply(peer, REPLY_MAX)?.expect_hello().context("over raw frames")?;
        self.close(peer)
    }
}

fn next_before(peer: &mut Peer, port: u16, deadline: Instant) -> Result<Option<RawSegment>> {
    peer.receive(port, deadline.saturating_duration_since(Instant::now()))
}
