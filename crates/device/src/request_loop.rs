//! The loop between the application and one connection.
//!
//! A request stays in the client's receive buffer until it is answered, and a reply is written as far as the client's
//! transmit buffer has room for it. In between they are in [`Scratch`], which all sessions share: nothing of it lives
//! across a wait, so no client can hold it while another has something to say.

mod process_input;

use core::future::pending;
use core::ops::ControlFlow;

use embassy_futures::select::{Either, Either3, select, select3};
use embassy_time::{Duration, Instant, Timer};
use sockeye_resp::{Decoder, Http, http_method};

use crate::app::App;
use crate::limits::{BLOCK_MS_MAX, HALF_CLOSED_BLOCK_MS_MAX};
use crate::replies::page::{FOUND, NOT_FOUND};
use crate::sessions::session::{ClientAddress, ClientOrigin, SessionKey};
use crate::settings::Store;

use process_input::{Queue, Wait, WaitFor};

/// The reply to a client that is rejected because all slots are taken.
pub const REFUSAL: &[u8] = b"-ERR max number of clients reached\r\n";
/// The reply to a request of which no more comes: the client has closed its side, or its time is over.
pub const INCOMPLETE: &[u8] = b"-ERR Protocol error: incomplete request, its last line end is missing\r\n";

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

/// Opens a session, and serves its client until it leaves, breaks the protocol, or is sent away. Whoever calls closes the connection then,
/// in order, so that no reply is lost.
///
/// Requests that come together are answered together, in order: in one write, or as many as there is room for.
///
/// # Errors
/// What waiting for the client returned.
pub fn serve<C: ClientConnection, S: Store>(
    client: &mut C,
    app: &App<'_>,
    store: &S,
    address: ClientAddress,
) -> impl Future<Output = Result<(), C::Error>> {
    // Outside of the future, which would keep the address twice.
    let session = Session::open(app, address);
    async move {
        let Some(session) = session else {
            return put(client, REFUSAL).await;
        };
        let (decoder, queue) = (Decoder::new(), Queue::None);
        Connection { client, session, store, decoder, queue, waiting: 0, wait: Wait::No }.run().await
    }
}

/// A session that ends when its connection does, however that comes.
struct Session<'a, 'b> {
    app: &'a App<'b>,
    key: SessionKey,
}

impl<'a, 'b> Session<'a, 'b> {
    fn open(app: &'a App<'b>, address: ClientAddress) -> Option<Self> {
        app.open(address).map(|key| Self { app, key })
    }
}

impl Drop for Session<'_, '_> {
    fn drop(&mut self) {
        self.app.close(self.key);
    }
}

struct Connection<'c, 'a, C, S> {
    client: &'c mut C,
    session: Session<'c, 'a>,
    store: &'c S,
    decoder: Decoder,
    queue: Queue,
    /// Bytes that have come in and that there is nothing to be done with until more come.
    waiting: usize,
    /// Whether a request waits for something to happen.
    wait: Wait,
}

impl<C: ClientConnection, S: Store> Connection<'_, '_, C, S> {
    async fn run(&mut self) -> Result<(), C::Error> {
        if self.first_bytes().await?.is_break() {
            return Ok(());
        }
        while self.answer_requests().await?.is_continue() {
            self.client.set_listening(self.session.app.is_listening(self.session.key));
            loop {
                let input = self.client.wait_input(self.waiting);
                match select(input, self.session.app.event(self.session.key)).await {
                    Either::First(len) => match len? {
                        0 if self.is_in_request() => return put(self.client, INCOMPLETE).await,
                        0 => return Ok(()),
                        _ => break,
                    },
                    Either::Second(()) if self.session.app.is_killed(self.session.key) => return Ok(()),
                    Either::Second(()) => self.send_messages().await?,
                }
            }
        }
        Ok(())
    }

    /// Waits until it is known who speaks. A browser gets its page, and nothing that speaks HTTP gets to run a command.
    async fn first_bytes(&mut self) -> Result<ControlFlow<()>, C::Error> {
        let mut known = 0;
        loop {
            let len = match select(self.client.wait_input(known), self.session.app.event(self.session.key)).await {
                Either::First(len) => len?,
                // Nothing but its end can have happened to a session that has done nothing.
                Either::Second(()) => 0,
            };
            if len == 0 {
                if known > 0 {
                    put(self.client, INCOMPLETE).await?;
                }
                return Ok(ControlFlow::Break(()));
            }
            let verdict = {
                let scratch = &mut *self.session.app.scratch();
                known = self.client.peek(&mut scratch.rx);
                http_method(scratch.rx.get(..known).unwrap_or_default())
            };
            match verdict {
                Http::NotHttp => return Ok(ControlFlow::Continue(())),
                Http::Maybe => self.client.begin_request(),
                Http::Other => {
                    self.session.app.count(|counts| counts.http_refused = counts.http_refused.wrapping_add(1));
                    return Ok(ControlFlow::Break(()));
                }
                Http::Get => return self.page(known).await,
            }
        }
    }

    /// Waits for the rest of a browser's request line, and answers it. The headers are nobody's business.
    async fn page(&mut self, mut known: usize) -> Result<ControlFlow<()>, C::Error> {
        self.client.begin_request();
        let app = self.session.app;
        let target = loop {
            if let Some(target) = self.target() {
                break target;
            }
            known = match self.client.wait_input(known).await? {
                0 => break Target::None,
                len => len,
            };
        };
        match target {
            Target::Page => {
                app.count(|counts| counts.pages = counts.pages.wrapping_add(1));
                while let Some(room) = self.write_page() {
                    self.client.wait_room(room).await?;
                }
            }
            Target::Other => {
                let is_own = app.origin(self.session.key) == ClientOrigin::AccessPoint;
                put(self.client, if is_own { FOUND } else { NOT_FOUND }).await?;
            }
            Target::None => app.count(|counts| counts.http_refused = counts.http_refused.wrapping_add(1)),
        }
        Ok(ControlFlow::Break(()))
    }

    /// Answers all requests that are there.
    async fn answer_requests(&mut self) -> Result<ControlFlow<()>, C::Error> {
        loop {
            match self.process_input() {
                WaitFor::Input => return Ok(ControlFlow::Continue(())),
                WaitFor::Close => return Ok(ControlFlow::Break(())),
                WaitFor::Room(room) => self.client.wait_room(room).await?,
                WaitFor::Commit => self.commit().await,
                WaitFor::Event { timeout_ms } => {
                    self.client.set_listening(true);
                    let until = self.wait.until(timeout_ms);
                    match self.wait_for_event(until).await? {
                        WakeReason::Event => (),
                        WakeReason::TimedOut => self.wait = Wait::Over,
                        WakeReason::Gone => return Ok(ControlFlow::Break(())),
                    }
                }
            }
        }
    }

    /// Waits for what a request waits for, and tells the client of pushes meanwhile. The request stays where it is, and
    /// the next ones come in behind it.
    async fn wait_for_event(&mut self, until: Instant) -> Result<WakeReason, C::Error> {
        let (app, key) = (self.session.app, self.session.key);
        let mut has_ended = false;
        loop {
            let input = async {
                match has_ended {
                    true => pending().await,
                    false => self.client.wait_input(self.waiting).await,
                }
            };
            match select3(input, app.event(key), Timer::at(until)).await {
                Either3::First(len) => match len? {
                    0 if until.saturating_duration_since(Instant::now()).as_millis() <= HALF_CLOSED_BLOCK_MS_MAX => {
                        has_ended = true;
                    }
                    0 => return Ok(WakeReason::Gone),
                    len => self.waiting = len,
                },
                Either3::Second(()) if app.is_killed(key) => return Ok(WakeReason::Gone),
                Either3::Second(()) if app.is_event_pending(key) => return Ok(WakeReason::Event),
                Either3::Second(()) => self.send_messages().await?,
                Either3::Third(()) => return Ok(WakeReason::TimedOut),
            }
        }
    }

    /// Stores the settings that a request changes, and replies when they are stored.
    async fn commit(&mut self) {
        let mut pending = self.session.app.pending().await;
        // The change is in `pending` from now on, and the request is done with.
        if self.prepare(&mut pending) {
            let stored = pending.store(self.store).await;
            self.committed(&pending, stored);
        }
    }

    /// Sends all messages that wait.
    async fn send_messages(&mut self) -> Result<(), C::Error> {
        while let Some(room) = self.write_messages() {
            self.client.wait_room(room).await?;
        }
        Ok(())
    }
}

/// Puts `bytes` once there is room for them.
async fn put<C: ClientConnection>(client: &mut C, bytes: &[u8]) -> Result<(), C::Error> {
    while client.room() < bytes.len() {
        let room = client.room();
        client.wait_room(room).await?;
    }
    client.put(bytes);
    Ok(())
}

/// What a browser asks for.
#[derive(Clone, Copy)]
enum Target {
    Page,
    Other,
    /// Nothing that there is.
    None,
}

impl Target {
    /// The target of an HTTP/1 request line (RFC 9112 section 3).
    fn of(line: &[u8]) -> Self {
        let mut words = line.trim_ascii_end().split(|&byte| byte == b' ');
        let (Some(_method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return Self::None;
        };
        match version.starts_with(b"HTTP/1.") && words.next().is_none() {
            true if target == b"/" => Self::Page,
            true => Self::Other,
            false => Self::None,
        }
    }
}

/// Why a request that waits waits no more.
enum WakeReason {
    /// What it waits for may have come.
    Event,
    /// It has waited as long as it wanted to.
    TimedOut,
    /// Nobody waits for it any more.
    Gone,
}

impl Wait {
    /// When the request that waits gives up, and never if it is without a time; it may have waited before.
    fn until(&mut self, timeout_ms: u64) -> Instant {
        let until = match (*self, timeout_ms) {
            (Self::Until(until), _) => until,
            (_, 0) => Instant::MAX,
            _ => Instant::now() + Duration::from_millis(timeout_ms.min(BLOCK_MS_MAX)),
        };
        *self = Self::Until(until);
        until
    }
}
