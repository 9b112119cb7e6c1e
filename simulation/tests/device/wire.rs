//! Connections in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use sockeye_device::ClientConnection;
use sockeye_device::limits::{RX_LEN, TX_LEN};

/// Both directions of a connection. Nobody is woken: a script polls all connections until nothing happens.
#[derive(Default)]
pub struct Pipe {
    /// The bytes on their way to the device.
    pub input: VecDeque<u8>,
    /// The bytes in the device's receive buffer.
    pub received: VecDeque<u8>,
    pub is_ended: bool,
    pub output: Vec<u8>,
    /// How many bytes come in at once at most, in turn; then as many as there are.
    pub pieces: VecDeque<usize>,
    /// The lengths of the writes.
    pub writes: Vec<usize>,
    /// How many bytes of the device's transmit buffer become free at once, in turn; then all of it at once. After 0
    /// writes wait.
    pub acks: VecDeque<usize>,
    /// Bytes of the transmit buffer that aren't free.
    pub unacked: usize,
    /// Writes wait.
    pub is_stuck: bool,
    pub is_listening: bool,
    pub in_request: bool,
}

impl Pipe {
    /// Takes the next bytes that come, as many as there is room for. False if there are none.
    fn receive(&mut self) -> bool {
        let room = RX_LEN - self.received.len();
        if room == 0 || self.input.is_empty() {
            return false;
        }
        let piece = self.pieces.pop_front().unwrap_or(usize::MAX).max(1);
        self.received.extend(self.input.drain(..piece.min(room).min(self.input.len())));
        true
    }
}

/// The device's end.
#[derive(Clone, Default)]
pub struct Wire(pub Rc<RefCell<Pipe>>);

impl ClientConnection for Wire {
    type Error = Infallible;

    fn peek(&mut self, buf: &mut [u8]) -> usize {
        let pipe = self.0.borrow();
        buf.iter_mut().zip(&pipe.received).map(|(to, from)| *to = *from).count()
    }

    fn consume(&mut self, len: usize) {
        self.0.borrow_mut().received.drain(..len);
    }

    async fn wait_input(&mut self, len: usize) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let pipe = &mut *self.0.borrow_mut();
            while pipe.received.len() <= len {
                if !pipe.receive() {
                    return if pipe.is_ended { Poll::Ready(Ok(0)) } else { Poll::Pending };
                }
            }
            Poll::Ready(Ok(pipe.received.len()))
        })
        .await
    }

    fn room(&mut self) -> usize {
        let pipe = self.0.borrow();
        if pipe.is_stuck { 0 } else { TX_LEN - pipe.unacked }
    }

    fn room_max(&mut self) -> usize {
        TX_LEN
    }

    fn put(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "{} bytes put where {} have room", bytes.len(), self.room());
        let pipe = &mut *self.0.borrow_mut();
        if bytes.is_empty() {
            return;
        }
        pipe.output.extend_from_slice(bytes);
        pipe.writes.push(bytes.len());
        pipe.unacked = if pipe.acks.is_empty() { 0 } else { pipe.unacked + bytes.len() };
    }

    async fn wait_room(&mut self, len: usize) -> Result<(), Infallible> {
        assert!(len < TX_LEN, "more room than there ever is");
        poll_fn(|_| {
            loop {
                if self.room() > len {
                    return Poll::Ready(Ok(()));
                }
                let pipe = &mut *self.0.borrow_mut();
                if pipe.is_stuck {
                    return Poll::Pending;
                }
                let acked = pipe.acks.pop_front().unwrap_or(usize::MAX);
                pipe.is_stuck = acked == 0;
                pipe.unacked = pipe.unacked.saturating_sub(acked);
            }
        })
        .await
    }

    fn begin_request(&mut self) {
        self.0.borrow_mut().in_request = true;
    }

    fn end_request(&mut self) {
        self.0.borrow_mut().in_request = false;
    }

    fn set_listening(&mut self, is_listening: bool) {
        self.0.borrow_mut().is_listening = is_listening;
    }
}
