//! Working in a connection's own buffers, as `sockeye-server` lets handlers do.

use core::future::{Future, poll_fn};
use core::task::Poll;

use sockeye_server::BufferedSocket;

use crate::connection_table::{at, at_mut};
use crate::tcp_socket::{TcpError, TcpSocket, end_of_input};

impl BufferedSocket for TcpSocket {
    fn peek(&mut self, buf: &mut [u8]) -> usize {
        at(&self.shared.borrow().connections, self.index).tcp.peek(buf)
    }

    fn consume(&mut self, len: usize) {
        self.shared.borrow_mut().consume(self.index, len);
    }

    fn wait_input(&mut self, len: usize) -> impl Future<Output = Result<usize, TcpError>> {
        poll_fn(move |cx| {
            let mut table = self.shared.borrow_mut();
            let connection = at_mut(&mut table.connections, self.index);
            let received = connection.tcp.received();
            if received > len {
                return Poll::Ready(Ok(received));
            }
            if !connection.tcp.may_receive() {
                return Poll::Ready(end_of_input(connection));
            }
            connection.wait_rx(cx.waker());
            table.transmit(self.index);
            Poll::Pending
        })
    }

    fn room(&mut self) -> usize {
        at(&self.shared.borrow().connections, self.index).tcp.room()
    }

    fn room_max(&mut self) -> usize {
        at(&self.shared.borrow().connections, self.index).tcp.send_capacity()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let mut table = self.shared.borrow_mut();
        // A connection that is gone takes nothing, and the next wait says why.
        let len = at_mut(&mut table.connections, self.index).tcp.write(bytes);
        if len > 0 {
            table.schedule_tx(self.index);
        }
        len
    }

    fn wait_room(&mut self, len: usize) -> impl Future<Output = Result<(), TcpError>> {
        poll_fn(move |cx| {
            let mut table = self.shared.borrow_mut();
            let connection = at_mut(&mut table.connections, self.index);
            if !connection.tcp.may_write() {
                return Poll::Ready(Err(TcpError::ConnectionReset));
            }
            if connection.tcp.room() > len {
                return Poll::Ready(Ok(()));
            }
            connection.wait_tx(cx.waker());
            table.transmit(self.index);
            Poll::Pending
        })
    }
}
