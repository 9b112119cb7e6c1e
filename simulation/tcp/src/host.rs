//! The interface of a TCP under test: one connection of one host.

use crate::Micros;
use crate::wire::Side;

/// A connection's state (RFC 9293 section 3.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

/// How a host is set up.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub side: Side,
    /// Whether it sends the first SYN; otherwise it listens.
    pub opens: bool,
    /// Bytes of the receive buffer and of the transmit buffer.
    pub rx_len: usize,
    pub tx_len: usize,
    /// Bytes of the longest IPv4 packet.
    pub mtu: usize,
    /// The seed of its initial sequence number.
    pub seed: u64,
    pub now: Micros,
}

/// A congestion window. Data from SND.UNA up to `cwnd` bytes behind it may be sent.
#[derive(Debug, Clone, Copy)]
pub struct Congestion {
    pub snd_una: u32,
    pub cwnd: u32,
}

/// One host with one connection. Packets are IPv4; those to send are appended to `out`.
pub trait Host {
    /// Takes a packet from the link, and sends what that asks for at once.
    fn receive(&mut self, packet: &[u8], now: Micros, out: &mut Vec<Vec<u8>>);
    /// Looks at timers, and sends all that can be sent.
    fn poll(&mut self, now: Micros, out: &mut Vec<Vec<u8>>);
    /// When the host must be polled although no packet comes. `Micros::MAX` for never.
    fn due(&mut self, now: Micros) -> Micros;
    fn state(&self) -> State;

    /// Takes up to `len` received bytes.
    fn read(&mut self, len: usize) -> Vec<u8>;
    /// Received bytes that were not read.
    fn unread(&self) -> usize;
    /// Bytes of `data` that were taken.
    fn write(&mut self, data: &[u8]) -> usize;
    fn may_write(&self) -> bool;
    fn close(&mut self);
    fn abort(&mut self);

    /// None if the host has no congestion control.
    fn congestion(&self) -> Option<Congestion>;
}
