//! One connection: its smoltcp socket, its client, and who answers for it.

use embassy_sync::waitqueue::WakerRegistration;
use embassy_time::Instant;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, State};

use crate::frame::Peer;
use crate::route::EthernetHeader;

/// Who owns a connection, from its SYN to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptState {
    /// Nobody: it can be used. It may still be in TIME-WAIT, which gives way to a new connection.
    Free,
    /// The handshake is under way.
    HalfOpen,
    /// Established, not yet accepted.
    Ready,
    /// A socket has it.
    Owned,
    /// Its socket was dropped, and its RST has not left yet.
    Orphan,
}

/// One connection: a smoltcp socket in a set of its own, so that nothing is ever searched.
pub(crate) struct Connection {
    pub(crate) set: SocketSet<'static>,
    handle: SocketHandle,
    pub(crate) peer: Option<Peer>,
    pub(crate) ethernet: EthernetHeader,
    pub(crate) interface: usize,
    pub(crate) accept_state: AcceptState,
    /// When its SYN came, and later when it was let go or began to give way.
    pub(crate) since: Instant,
    /// When its timers want to be looked at.
    pub(crate) due: Instant,
    /// Segments with payload since the last one was sent.
    pub(crate) unacked: u8,
    /// Its socket is closing both directions: it ends when a newcomer needs the connection.
    pub(crate) gives_way: bool,
    /// What is to be sent may take more than one segment.
    pub(crate) bulk: bool,
    /// Wakes the accept that holds the pending_accept of this number; it need not get this connection.
    pub(crate) accept_waker: WakerRegistration,
}

impl Connection {
    pub(crate) fn new(mut set: SocketSet<'static>, socket: Socket<'static>) -> Self {
        let handle = set.add(socket);
        Self {
            set,
            handle,
            peer: None,
            ethernet: EthernetHeader::default(),
            interface: 0,
            accept_state: AcceptState::Free,
            since: Instant::MIN,
            due: Instant::MAX,
            unacked: 0,
            gives_way: false,
            bulk: false,
            accept_waker: WakerRegistration::new(),
        }
    }

    #[inline]
    pub(crate) fn socket(&mut self) -> &mut Socket<'static> {
        self.set.get_mut(self.handle)
    }

    /// Ends the connection without a word to the client.
    pub(crate) fn forget(&mut self) {
        let socket = self.socket();
        if socket.state() != State::Closed || socket.remote_endpoint().is_some() {
            socket.abort();
            // Listening clears the remote endpoint, so that no RST is sent.
            let _ = socket.listen(1);
            socket.abort();
        }
        (self.peer, self.due) = (None, Instant::MAX);
        if self.accept_state != AcceptState::Owned {
            self.accept_state = AcceptState::Free;
        }
    }
}
