extern crate std;

use core::convert::Infallible;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::collections::VecDeque;
use std::vec::Vec;

use embassy_futures::block_on;

use super::*;

/// A client's end: what it sends, piece by piece, and what it gets, a few bytes at a time and only every second time.
#[derive(Default)]
struct Wire {
    pieces: VecDeque<&'static [u8]>,
    got: Vec<u8>,
    is_busy: bool,
    writes: usize,
}

impl ErrorType for Wire {
    type Error = Infallible;
}

impl Read for Wire {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let Some(piece) = self.pieces.pop_front() else { return pending().await };
        let len = piece.len().min(buf.len());
        buf[..len].copy_from_slice(&piece[..len]);
        if len < piece.len() {
            self.pieces.push_front(&piece[len..]);
        }
        Ok(len)
    }
}

impl Write for Wire {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        poll_fn(|cx| {
            self.is_busy = !self.is_busy;
            if self.is_busy {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let len = buf.len().min(3);
            self.got.extend_from_slice(&buf[..len]);
            self.writes += 1;
            Poll::Ready(Ok(len))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

impl Readable for Wire {
    async fn readable(&mut self) -> Result<(), Infallible> {
        if self.pieces.is_empty() { pending().await } else { Ok(()) }
    }
}

impl TcpShutdown for Wire {
    async fn close(&mut self, _: Close) -> Result<(), Infallible> {
        self.got.push(b'.');
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn socket<const RX: usize, const TX: usize>(pieces: &[&'static [u8]]) -> Buffered<Wire, RX, TX> {
    let wire = Wire { pieces: pieces.iter().copied().collect(), ..Wire::default() };
    Buffered { socket: wire, rx: [0; RX], rx_len: 0, tx: [0; TX], sent: 0, tx_len: 0 }
}

fn peeked<const RX: usize, const TX: usize>(socket: &mut Buffered<Wire, RX, TX>) -> Vec<u8> {
    let mut buf = [0; 64];
    let len = socket.peek(&mut buf);
    buf[..len].to_vec()
}

#[test]
fn what_came_in_stays_until_it_is_dropped() {
    let mut socket = socket::<8, 8>(&[b"abc", b"de", b""]);
    assert_eq!(block_on(socket.wait_input(0)), Ok(3));
    assert_eq!(block_on(socket.wait_input(2)), Ok(3));
    assert_eq!(block_on(socket.wait_input(3)), Ok(5));
    assert_eq!(peeked(&mut socket), b"abcde");
    socket.consume(2);
    assert_eq!(peeked(&mut socket), b"cde");
    assert_eq!(block_on(socket.wait_input(3)), Ok(0), "the end");
    assert_eq!(peeked(&mut socket), b"cde");
    socket.consume(9);
    assert_eq!(peeked(&mut socket), b"");
}

#[test]
fn a_full_buffer_waits_to_be_emptied() {
    let mut socket = socket::<4, 8>(&[b"abcdef"]);
    assert_eq!(block_on(socket.wait_input(3)), Ok(4));
    {
        let mut wait = pin!(socket.wait_input(4));
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    socket.consume(3);
    assert_eq!(block_on(socket.wait_input(1)), Ok(3));
    assert_eq!(peeked(&mut socket), b"def");
}

#[test]
fn what_is_put_leaves_when_something_is_waited_for() {
    let mut socket = socket::<8, 8>(&[b"x"]);
    assert_eq!((socket.room(), socket.room_max()), (8, 8));
    assert_eq!(socket.put(b"0123456789"), 8);
    assert_eq!((socket.room(), socket.put(b"z"), socket.socket.writes), (0, 0, 0));
    assert_eq!(block_on(socket.wait_room(0)), Ok(()));
    assert_eq!((socket.room(), socket.socket.got.as_slice()), (8, &b"01234567"[..]));
    assert_eq!(socket.put(b"ab"), 2);
    assert_eq!(block_on(socket.wait_input(0)), Ok(1));
    assert_eq!(socket.socket.got, b"01234567ab");
    socket.put(b"c");
    assert_eq!(block_on(socket.close(Close::Write)), Ok(()));
    assert_eq!(socket.socket.got, b"01234567abc.");
}

#[test]
fn a_wait_that_is_dropped_sends_nothing_twice() {
    let mut socket = socket::<8, 16>(&[]);
    socket.put(b"0123456789");
    for _ in 0..4 {
        let mut wait = pin!(socket.wait_room(15));
        assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    socket.put(b"ab");
    assert_eq!(block_on(socket.flush()), Ok(()));
    assert_eq!(socket.socket.got, b"0123456789ab");
}

#[test]
fn reading_and_writing_keep_the_order() {
    let mut socket = socket::<8, 8>(&[b"abc", b"d"]);
    assert_eq!(block_on(socket.wait_input(0)), Ok(3));
    socket.put(b"01");
    let mut buf = [0; 2];
    assert_eq!((block_on(socket.readable()), block_on(socket.read(&mut buf)), buf), (Ok(()), Ok(2), *b"ab"));
    assert_eq!(block_on(socket.write(b"2")), Ok(1));
    assert_eq!(block_on(socket.read(&mut buf)), Ok(1));
    assert_eq!(block_on(socket.read(&mut buf)), Ok(1));
    assert_eq!((buf[0], socket.socket.got.as_slice()), (b'd', &b"012"[..]));
}
