//! Working in a connection's own buffers, as `sockeye-server` lets handlers do.

use core::future::poll_fn;
use core::task::Poll;

use smoltcp::socket::tcp::{RecvError, Socket, State};
use sockeye_server::BufferedSocket;

use crate::limits::SEGMENT_LEN_SURE;
use crate::tcp_socket::{TcpError, TcpSocket};

impl BufferedSocket for TcpSocket {
    fn peek(&mut self, buf: &mut [u8]) -> usize {
        let mut table = self.shared.borrow_mut();
        let socket = table.connections[self.index].socket();
        let queued = socket.recv_queue();
        match socket.peek(buf.len()) {
            Ok(data) if data.len() == queued => {
                buf[..queued].copy_from_slice(data);
                queued
            }
            // It copies both parts of a ring that goes over its end.
            _ => socket.peek_slice(buf).unwrap_or_default(),
        }
    }

    fn consume(&mut self, len: usize) {
        let mut table = self.shared.borrow_mut();
        let socket = table.connections[self.index].socket();
        let queued = socket.recv_queue();
        let mut left = len.min(queued);
        while left > 0 {
            // Twice where the ring goes over its end.
            let dropped = socket.recv(|data| (left.min(data.len()), left.min(data.len())));
            match dropped {
                Ok(dropped @ 1..) => left -= dropped,
                _ => break,
            }
        }
        // The window has grown by so much that the client should hear of it.
        if len > 0 && queued >= socket.recv_capacity() / 4 {
            table.schedule_tx(self.index);
        }
    }

    async fn wait_input(&mut self, len: usize) -> Result<usize, TcpError> {
        poll_fn(|cx| {
            let mut table = self.shared.borrow_mut();
            let socket = table.connections[self.index].socket();
            let queued = socket.recv_queue();
            if queued > len {
                return Poll::Ready(Ok(queued));
            }
            match socket.state() {
                State::Established | State::FinWait1 | State::FinWait2 => {
                    socket.register_recv_waker(cx.waker());
                    table.transmit(self.index);
                    Poll::Pending
                }
                state => Poll::Ready(if has_ended(socket, state) { Ok(0) } else { Err(TcpError::ConnectionReset) }),
            }
        })
        .await
    }

    fn room(&mut self) -> usize {
        let mut table = self.shared.borrow_mut();
        let socket = table.connections[self.index].socket();
        socket.send_capacity() - socket.send_queue()
    }

    fn room_max(&mut self) -> usize {
        self.shared.borrow_mut().connections[self.index].socket().send_capacity()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let mut table = self.shared.borrow_mut();
        let connection = &mut table.connections[self.index];
        let socket = connection.socket();
        let mut put = |bytes: &[u8]| {
            let part = socket.send(|room| {
                let len = room.len().min(bytes.len());
                room[..len].copy_from_slice(&bytes[..len]);
                (len, len)
            });
            // A connection that is gone takes nothing, and the next wait says why.
            part.unwrap_or_default()
        };
        let mut len = put(bytes);
        // The rest is where the ring begins.
        if len < bytes.len() {
            len += put(&bytes[len..]);
        }
        if len > 0 {
            connection.bulk = connection.socket().send_queue() > SEGMENT_LEN_SURE;
            table.schedule_tx(self.index);
        }
        len
    }

    async fn wait_room(&mut self, len: usize) -> Result<(), TcpError> {
        poll_fn(|cx| {
            let mut table = self.shared.borrow_mut();
            let socket = table.connections[self.index].socket();
            if !socket.may_send() {
                return Poll::Ready(Err(TcpError::ConnectionReset));
            }
            if socket.send_capacity() - socket.send_queue() > len {
                return Poll::Ready(Ok(()));
            }
            socket.register_send_waker(cx.waker());
            table.transmit(self.index);
            Poll::Pending
        })
        .await
    }
}

/// Whether the client has closed its side in order.
fn has_ended(socket: &mut Socket<'_>, state: State) -> bool {
    match state {
        State::CloseWait | State::LastAck | State::Closing | State::TimeWait => true,
        _ => matches!(socket.recv(|_| (0, ())), Err(RecvError::Finished)),
    }
}
