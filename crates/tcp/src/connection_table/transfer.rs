//! Text between a socket and its connection, and when a connection sends.

use core::task::{Poll, Waker};

use embassy_time::Instant;

use super::{InterfaceState, Table, a_tick_after, at, at_mut};
use crate::driver_port::{Sent, send};
use crate::tcp_socket::TcpError;

impl Table {
    /// Marks a connection that has something to send. Returns its interface.
    #[inline]
    pub(crate) fn set_mark(&mut self, index: usize) -> &mut InterfaceState {
        let connection = at_mut(&mut self.connections, index);
        let interface = at_mut(&mut self.interfaces, connection.interface);
        if !connection.is_marked {
            connection.is_marked = true;
            interface.marked_len += 1;
        }
        interface
    }

    /// Takes the mark from a connection. True if there was one.
    #[inline]
    pub(crate) fn take_mark(&mut self, index: usize) -> bool {
        let connection = at_mut(&mut self.connections, index);
        let was_marked = core::mem::take(&mut connection.is_marked);
        if was_marked {
            at_mut(&mut self.interfaces, connection.interface).marked_len -= 1;
        }
        was_marked
    }

    /// Marks a connection that has something to send, and wakes its runner.
    pub(crate) fn mark(&mut self, index: usize) {
        self.set_mark(index).wake();
    }

    /// The same, and has the connection's timers looked at from `due` on, even where the driver has no room until then.
    pub(crate) fn mark_until(&mut self, index: usize, due: Instant) {
        at_mut(&mut self.connections, index).due = due;
        self.mark(index);
        at_mut(&mut self.interfaces, at(&self.connections, index).interface).expect(due);
    }

    /// Marks a connection that has something to send and whose owner will call [`transmit`](Self::transmit) soon. If the
    /// owner does not, the next tick sends it.
    #[inline]
    pub(crate) fn schedule_tx(&mut self, index: usize) {
        if at(&self.connections, index).is_marked {
            // The wake-up, where it was needed, came with the mark.
            return;
        }
        let interface = self.set_mark(index);
        if interface.alarm > interface.soon {
            interface.wake();
        }
    }

    /// Moves input to `buf`. None if there is no input.
    #[inline(always)]
    pub(crate) fn read(&mut self, index: usize, buf: &mut [u8]) -> Option<usize> {
        let connection = at_mut(&mut self.connections, index);
        if connection.tcp.received() == 0 {
            return None;
        }
        if connection.opens_window(buf.len()) {
            return Some(self.read_and_update(index, buf));
        }
        Some(connection.tcp.read(buf))
    }

    /// [`read`](Self::read) where it opens the window, which few of many short reads do.
    #[cold]
    #[inline(never)]
    fn read_and_update(&mut self, index: usize, buf: &mut [u8]) -> usize {
        self.schedule_tx(index);
        at_mut(&mut self.connections, index).tcp.read(buf)
    }

    /// Appends `data` to the transmit buffer, and returns how much was taken. The bytes leave when the owner calls
    /// [`transmit`](Self::transmit) or waits, or at the next tick.
    #[inline]
    pub(crate) fn write(&mut self, index: usize, data: &[u8]) -> usize {
        let len = at_mut(&mut self.connections, index).tcp.write(data);
        if len > 0 {
            self.schedule_tx(index);
        }
        len
    }

    /// [`write`](Self::write), which also drops `consumed` bytes of input that were read. A window update leaves with the
    /// bytes if the window has grown enough.
    #[inline]
    pub(crate) fn write_and_consume(&mut self, index: usize, data: &[u8], consumed: usize) -> usize {
        let connection = at_mut(&mut self.connections, index);
        let len = connection.tcp.write(data);
        let opens_window = connection.opens_window(consumed);
        connection.tcp.consume(consumed);
        if opens_window || len > 0 {
            self.schedule_tx(index);
        }
        len
    }

    /// Wakes `waker` when there is more input, and sends what is to be sent until then. At the end of input it returns 0
    /// if the peer has closed its side in order, and else an error.
    #[inline]
    pub(crate) fn wait_input(&mut self, index: usize, waker: &Waker) -> Poll<Result<usize, TcpError>> {
        let connection = at_mut(&mut self.connections, index);
        if !connection.tcp.may_receive() {
            let is_in_order = connection.tcp.has_received_fin();
            return Poll::Ready(if is_in_order { Ok(0) } else { Err(TcpError::ConnectionReset) });
        }
        connection.wait_rx(waker);
        self.transmit(index);
        Poll::Pending
    }

    /// Wakes `waker` when there is more room, and sends what is to be sent until then. An error if nothing may be
    /// written.
    #[inline(never)]
    pub(crate) fn wait_room(&mut self, index: usize, waker: &Waker) -> Poll<Result<(), TcpError>> {
        let connection = at_mut(&mut self.connections, index);
        if !connection.tcp.may_write() {
            return Poll::Ready(Err(TcpError::ConnectionReset));
        }
        connection.wait_tx(waker);
        self.transmit(index);
        Poll::Pending
    }

    /// Sends FIN behind all that is written.
    pub(crate) fn close(&mut self, index: usize) {
        at_mut(&mut self.connections, index).tcp.close();
        self.schedule_tx(index);
        self.transmit(index);
    }

    /// Ends a connection with a RST.
    pub(crate) fn abort(&mut self, index: usize) {
        at_mut(&mut self.connections, index).abort();
        self.schedule_tx(index);
        self.transmit(index);
    }

    /// Sends what a marked connection has to send, here and now.
    #[inline]
    pub(crate) fn transmit(&mut self, index: usize) {
        if at(&self.connections, index).is_marked {
            self.transmit_marked(index);
        }
    }

    fn transmit_marked(&mut self, index: usize) {
        let connection = at_mut(&mut self.connections, index);
        let interface = at_mut(&mut self.interfaces, connection.interface);
        let (Some(port), Some(waker)) = (interface.port, &interface.waker) else { return };
        // The port is borrowed only while embassy's executor polls the runner. If it is borrowed now, the runner sends.
        let Some(mut port) = port.try_borrow_mut() else { return };
        let now = Instant::now();
        if send(&mut *port, connection, waker, now) == Sent::All {
            connection.is_marked = false;
            interface.marked_len -= 1;
            let due = a_tick_after(now);
            if connection.due > due {
                connection.due = due;
                if interface.expect(due) {
                    interface.wake();
                }
            }
        }
    }
}
