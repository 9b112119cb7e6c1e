//! One client's connection as the request loop keeps it.

use embassy_time::Instant;
use sockeye_resp::Decoder;

use crate::app::App;
use crate::sessions::session::{ClientAddress, SessionKey};

/// A client's connection with its two buffers, as the platform's server gives it.
///
/// What comes in waits in one of at least [`RX_LEN`](crate::limits::RX_LEN) bytes, what goes out in one of at least
/// [`TX_LEN`](crate::limits::TX_LEN). Dropping one of the two waits loses nothing: the loop waits for input and for events
/// at once. The server bounds how long they may last; the three hints tell it what a silence means.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait ClientConnection {
    /// Why a connection is gone.
    type Error;
    /// Copies what has come in to `buf`, from its start and as much as there is room for. It stays where it is.
    fn peek(&mut self, buf: &mut [u8]) -> usize;
    /// Drops the first `len` bytes of what has come in.
    fn consume(&mut self, len: usize);
    /// Waits until more than `len` bytes have come in and are there, and gives how many; 0 once no more will come. What
    /// was put before leaves at the latest now.
    ///
    /// # Errors
    /// The connection is gone, or the client took too long.
    async fn wait_input(&mut self, len: usize) -> Result<usize, Self::Error>;
    /// How many bytes can be put.
    fn room(&mut self) -> usize;
    /// The most that [`room`](Self::room) can be.
    fn room_max(&mut self) -> usize;
    /// Writes `bytes`, for which there is room. What a connection that is gone is given is lost.
    fn put(&mut self, bytes: &[u8]);
    /// Waits until there is room for more than `len` bytes. What was put before leaves at the latest now.
    ///
    /// # Errors
    /// The connection is gone, or the client took too long.
    async fn wait_room(&mut self, len: usize) -> Result<(), Self::Error>;
    /// The first bytes of a request are there, and the rest isn't: from now on its time runs.
    fn begin_request(&mut self);
    /// The request is complete.
    fn end_request(&mut self);
    /// Whether the client waits to be told something, so that its silence is no reason to close.
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
}

/// How long a request waits for an event.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    /// No request waits.
    No,
    Until(Instant),
    /// It has waited long enough.
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
