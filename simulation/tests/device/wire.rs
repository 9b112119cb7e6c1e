//! Connections in memory.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use embedded_io_async::{ErrorType, Read, Write};
use sockeye_device::Client;

/// Both directions of a connection. Nobody is woken: a script polls all connections until nothing happens.
#[derive(Default)]
pub struct Pipe {
    pub input: VecDeque<u8>,
    pub is_ended: bool,
    pub output: Vec<u8>,
    /// How many bytes a read gives at most, in turn; then as many as there are.
    pub pieces: VecDeque<usize>,
    /// Each write's length.
    pub writes: Vec<usize>,
    /// Writes wait.
    pub is_stuck: bool,
    pub is_listening: bool,
    pub in_request: bool,
}

/// The device's end.
#[derive(Clone, Default)]
pub struct Wire(pub Rc<RefCell<Pipe>>);

impl ErrorType for Wire {
    type Error = Infallible;
}

impl Read for Wire {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        assert!(!buf.is_empty(), "a read with no room");
        poll_fn(|_| {
            let pipe = &mut *self.0.borrow_mut();
            if pipe.input.is_empty() && !pipe.is_ended {
                return Poll::Pending;
            }
            let piece = if pipe.input.is_empty() { None } else { pipe.pieces.pop_front() };
            let len = pipe.input.len().min(buf.len()).min(piece.unwrap_or(usize::MAX).max(1));
            for (to, from) in buf.iter_mut().zip(pipe.input.drain(..len)) {
                *to = from;
            }
            Poll::Ready(Ok(len))
        })
        .await
    }
}

impl Write for Wire {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|_| {
            let pipe = &mut *self.0.borrow_mut();
            if pipe.is_stuck {
                return Poll::Pending;
            }
            pipe.output.extend_from_slice(buf);
            pipe.writes.push(buf.len());
            Poll::Ready(Ok(buf.len()))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        panic!("the server flushes");
    }
}

impl Client for Wire {
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
