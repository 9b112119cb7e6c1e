//! One client's connection as the request loop keeps it.

use embassy_time::Instant;
use sockeye_resp::Decoder;

use crate::app::App;
use crate::sessions::session::{ClientAddress, SessionKey};

/// A client's connection with its two buffers, as the platform's server gives it.
///
/// The receive buffer has at least [`RX_LEN`](crate::limits::RX_LEN) bytes, the transmit buffer at least
/// [`TX_LEN`](crate::limits::TX_LEN). Dropping the future of a wait loses nothing, because the loop waits for input and
/// for events at once. The server bounds both waits. `begin_request`, `end_request` and `set_listening` choose the
/// server's timeout.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait ClientConnection {
    /// Why a connection is gone.
    type Error;
    /// Copies received bytes to `buf`, as many as fit, and returns how many. The bytes stay in the receive buffer.
    fn peek(&mut self, buf: &mut [u8]) -> usize;
    /// [`peek`](Self::peek) and [`room`](Self::room), for connections on which one call costs less than two.
    fn peek_and_room(&mut self, buf: &mut [u8]) -> (usize, usize) {
        (self.peek(buf), self.room())
    }
    /// Drops the first `len` received bytes.
    fn consume(&mut self, len: usize);
    /// Waits until the receive buffer holds more than `len` bytes, and returns how many; 0 once no more will come.
    /// Bytes that were put leave at the latest now.
    ///
    /// # Errors
    /// The connection is gone, or the client took too long.
    async fn wait_input(&mut self, len: usize) -> Result<usize, Self::Error>;
    /// Free bytes of the transmit buffer.
    fn room(&mut self) -> usize;
    /// The most that [`room`](Self::room) can be.
    fn room_max(&mut self) -> usize;
    /// Appends `bytes` to the transmit buffer, which must have room for them. If the connection is gone, they are lost.
    fn put(&mut self, bytes: &[u8]);
    /// [`put`](Self::put) of `bytes` and [`consume`](Self::consume) of `len` bytes, for connections on which one call
    /// costs less than two.
    fn put_and_consume(&mut self, bytes: &[u8], len: usize) {
        self.consume(len);
        self.put(bytes);
    }
    /// Waits until the transmit buffer has room for more than `len` bytes. Bytes that were put leave at the latest now.
    ///
    /// # Errors
    /// The connection is gone, or the client took too long.
    async fn wait_room(&mut self, len: usize) -> Result<(), Self::Error>;
    /// Starts the request timeout: part of a request has arrived.
    fn begin_request(&mut self);
    /// Ends the request timeout: the request is complete.
    fn end_request(&mut self);
    /// If true, disables the idle timeout (the client is subscribed, blocked or monitoring).
    fn set_listening(&mut self, is_listening: bool);
}

/// A session that ends when its connection does, however that comes.
pub(super) struct Session<'a, 'b> {
    pub(super) app: &'a App<'b>,
    pub(super) key: SessionKey,
}

impl<'a, 'b> Session<'a, 'b> {
    pub(super) fn open(app: &'a App<'b>, address: ClientAddress) -> Option<Self> {
        app.open(address).map(|key| Self { app, key })
    }
}

impl Drop for Session<'_, '_> {
    fn drop(&mut self) {
        self.app.close(self.key);
    }
}

/// A client and what is kept for it between two waits.
pub(super) struct Connection<'c, 'a, C, S> {
    pub(super) client: &'c mut C,
    pub(super) session: Session<'c, 'a>,
    pub(super) store: &'c S,
    pub(super) decoder: Decoder,
    pub(super) queue: Queue,
    /// Bytes that have come in and that there is nothing to be done with until more come.
    pub(super) waiting: usize,
    /// Whether a request waits for something to happen.
    pub(super) wait: Wait,
    /// A request was answered, in RESP: HTTP gets no answer of its own any more.
    pub(super) has_answered: bool,
}

/// How long a request waits for an event.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    /// No request waits.
    No,
    Until(Instant),
    /// The request's timeout is over.
    Over,
}

/// The requests that a transaction has queued, at the start of the receive buffer.
#[derive(Clone, Copy)]
pub(super) enum Queue {
    /// There is no transaction.
    None,
    /// Bytes of the requests after MULTI.
    Open { len: u16 },
    /// EXEC runs the requests: the first byte of the next, the end of the last, and the end of EXEC itself.
    Running { next: u16, end: u16, exec_end: u16 },
}

impl Queue {
    /// Bytes of the requests after MULTI; 0 unless a transaction is open.
    pub(super) fn open_len(self) -> usize {
        if let Self::Open { len } = self { len.into() } else { 0 }
    }
}
