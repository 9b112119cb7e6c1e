//! Working in a connection's own buffers, as `sockeye-server` lets handlers do.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll};

use sockeye_server::BufferedSocket;

use crate::connection_table::at;
use crate::tcp_socket::{TcpError, TcpSocket};

impl BufferedSocket for TcpSocket {
    fn peek(&mut self, buf: &mut [u8]) -> usize {
        self.peek_and_room(buf).0
    }

    fn peek_and_room(&mut self, buf: &mut [u8]) -> (usize, usize) {
        let table = self.shared.borrow();
        let tcp = &at(&table.connections, self.index).tcp;
        (tcp.peek(buf), tcp.room())
    }

    fn consume(&mut self, len: usize) {
        self.put_and_consume(&[], len);
    }

    fn wait_input(&mut self, len: usize) -> impl Future<Output = Result<usize, TcpError>> {
        WaitInput { socket: self, len }
    }

    // Called where a reply had no room, and in many places.
    #[inline(never)]
    fn room(&mut self) -> usize {
        at(&self.shared.borrow().connections, self.index).tcp.room()
    }

    #[inline(never)]
    fn room_max(&mut self) -> usize {
        at(&self.shared.borrow().connections, self.index).tcp.send_capacity()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        self.put_and_consume(bytes, 0)
    }

    fn put_and_consume(&mut self, bytes: &[u8], len: usize) -> usize {
        // A connection that is gone takes nothing, and the next wait has the reason.
        self.shared.borrow_mut().write_and_consume(self.index, bytes, len)
    }

    fn wait_room(&mut self, len: usize) -> impl Future<Output = Result<(), TcpError>> {
        poll_fn(move |cx| {
            let mut table = self.shared.borrow_mut();
            let tcp = &at(&table.connections, self.index).tcp;
            if tcp.may_write() && tcp.room() > len {
                return Poll::Ready(Ok(()));
            }
            table.wait_room(self.index, cx.waker())
        })
    }
}

/// The future of [`BufferedSocket::wait_input`].
struct WaitInput<'a> {
    socket: &'a TcpSocket,
    len: usize,
}

impl Future for WaitInput<'_> {
    type Output = Result<usize, TcpError>;

    // The way of each request, and no more than a look where input has come.
    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut table = self.socket.shared.borrow_mut();
        let received = at(&table.connections, self.socket.index).tcp.received();
        if received > self.len {
            return Poll::Ready(Ok(received));
        }
        table.wait_input(self.socket.index, cx.waker())
    }
}
