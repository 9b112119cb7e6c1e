//! The loop between the application and one connection.
//!
//! A request stays in the client's receive buffer until it is answered. A reply is written as far as the client's
//! transmit buffer has room for it. In between both are in [`Scratch`], which all sessions share. No session keeps
//! anything in it while it waits, so no client can hold it up for another.

mod client_connection;
mod http_answer;
mod process_input;

pub use client_connection::ClientConnection;

use core::future::{pending, poll_fn};
use core::ops::ControlFlow;
use core::pin::pin;
use core::task::Poll;

use embassy_futures::select::{Either, Either3, select, select3};
use embassy_time::{Duration, Instant, Timer};
use sockeye_resp::{Decoder, opens_http};

use crate::app::App;
use crate::limits::HALF_CLOSED_BLOCK_MS_MAX;
use crate::replies::page::HEADER;
use crate::sessions::session::ClientAddress;
use crate::settings::Store;

use client_connection::{Connection, Queue, Session, Wait};
use http_answer::HttpAnswer;
use process_input::WaitFor;

/// The reply to a client that is rejected because all slots are taken.
pub const REFUSAL: &[u8] = b"-ERR max number of clients reached\r\n";
/// The reply to a request of which no more comes: the client has closed its side, or its time is over.
pub const INCOMPLETE: &[u8] = b"-ERR Protocol error: incomplete request, its last line end is missing\r\n";

/// Opens a session, and serves its client until the client leaves, breaks the protocol, or is to be closed. The caller
/// closes the connection then, in order, so that no reply is lost.
///
/// Requests that come together are answered together, in order: in one write, or as many as there is room for.
///
/// # Errors
/// The error of a wait for the client.
pub fn serve<C: ClientConnection, S: Store>(
    client: &mut C,
    app: &App<'_>,
    store: &S,
    address: ClientAddress,
) -> impl Future<Output = Result<(), C::Error>> {
    // Outside of the future, which would keep the address twice.
    let session = Session::open(app, address);
    // The loop itself: in a future of its own it would be a state more to look at with each request.
    async move {
        let Some(session) = session else {
            return put(client, REFUSAL).await;
        };
        let (key, decoder, queue) = (session.key, Decoder::new(), Queue::None);
        let (waiting, wait, has_answered) = (0, Wait::No, false);
        let mut connection = Connection { client, session, store, decoder, queue, waiting, wait, has_answered };
        if connection.first_bytes().await?.is_break() {
            return Ok(());
        }
        loop {
            match connection.process_input() {
                WaitFor::Input => (),
                WaitFor::Close => return Ok(()),
                wait => match connection.wait(wait).await? {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(()) => return Ok(()),
                },
            }
            // Only a request of the session changes it.
            let is_listening = app.is_listening(key);
            connection.client.set_listening(is_listening);
            loop {
                let input_or_event = {
                    let mut input = pin!(connection.client.wait_input(connection.waiting));
                    // As `select`, in one state.
                    poll_fn(move |cx| match input.as_mut().poll(cx) {
                        Poll::Ready(len) => Poll::Ready(len.map(Some)),
                        Poll::Pending => app.poll_event(key, is_listening, cx).map(|()| Ok(None)),
                    })
                    .await?
                };
                match input_or_event {
                    Some(0) if connection.is_in_request() => return put(connection.client, INCOMPLETE).await,
                    Some(0) => return Ok(()),
                    Some(_) => break,
                    None if app.is_killed(key) => return Ok(()),
                    None => connection.send_messages().await?,
                }
            }
        }
    }
}

impl<C: ClientConnection, S: Store> Connection<'_, '_, C, S> {
    /// Waits until it is known who speaks. A browser gets its page, and nothing that speaks HTTP gets to run a command.
    async fn first_bytes(&mut self) -> Result<ControlFlow<()>, C::Error> {
        let mut known = 0;
        loop {
            let len = match select(more_input(self.client, known), self.session.app.event(self.session.key)).await {
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
                opens_http(scratch.rx.get(..known).unwrap_or_default())
            };
            match verdict {
                Some(false) => return Ok(ControlFlow::Continue(())),
                None => self.client.begin_request(),
                Some(true) => return self.http(known).await,
            }
        }
    }

    /// Waits for the rest of the request line of HTTP, and answers it. The headers and the body are nobody's business.
    async fn http(&mut self, mut known: usize) -> Result<ControlFlow<()>, C::Error> {
        self.client.begin_request();
        let app = self.session.app;
        let mut has_ended = false;
        let answer = loop {
            if let Some(answer) = self.http_answer(has_ended) {
                break answer;
            }
            match more_input(self.client, known).await? {
                0 => has_ended = true,
                len => known = len,
            }
        };
        match answer {
            HttpAnswer::Page { has_body: false, .. } => {
                put(self.client, HEADER.as_bytes()).await?;
                put(self.client, b"\r\n").await?;
            }
            HttpAnswer::Page { view, has_body: true } => {
                app.count(|counts| counts.pages = counts.pages.wrapping_add(1));
                while let Some(room) = self.write_page(view) {
                    more_room(self.client, room).await?;
                }
            }
            HttpAnswer::NoPage(answer) => put(self.client, answer).await?,
            HttpAnswer::Refused(answer) => {
                app.count(|counts| counts.http_refused = counts.http_refused.wrapping_add(1));
                put(self.client, answer).await?;
            }
        }
        Ok(ControlFlow::Break(()))
    }

    /// Waits for what a request waits for, before it is processed again.
    async fn wait(&mut self, wait: WaitFor) -> Result<ControlFlow<()>, C::Error> {
        match wait {
            WaitFor::Nothing | WaitFor::Input => (),
            WaitFor::Close => return Ok(ControlFlow::Break(())),
            WaitFor::Room(room) => more_room(self.client, room).await?,
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
        Ok(ControlFlow::Continue(()))
    }

    /// Waits for the event that a request waits for, and sends pushes to the client meanwhile. The request stays in the
    /// receive buffer, and the next ones arrive behind it.
    async fn wait_for_event(&mut self, until: Instant) -> Result<WakeReason, C::Error> {
        let (app, key) = (self.session.app, self.session.key);
        let mut has_ended = false;
        loop {
            let input = async {
                match has_ended {
                    true => pending().await,
                    false => more_input(self.client, self.waiting).await,
                }
            };
            match select3(input, app.event(key), Timer::at(until)).await {
                Either3::First(len) => match len? {
                    0 if app.is_wait_bounded(key)
                        || until.saturating_duration_since(Instant::now()).as_millis() <= HALF_CLOSED_BLOCK_MS_MAX =>
                    {
                        has_ended = true;
                    }
                    // The requests behind this one get their replies too.
                    0 => return Ok(WakeReason::TimedOut),
                    len => self.waiting = len,
                },
                Either3::Second(()) if app.is_killed(key) => return Ok(WakeReason::Gone),
                Either3::Second(()) if app.is_event_pending(key) => return Ok(WakeReason::Event),
                Either3::Second(()) => {
                    self.send_messages().await?;
                    // The messages leave with the next wait for input.
                    has_ended = false;
                }
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
            self.committed(&mut pending, stored);
        }
    }

    /// Sends all messages that wait.
    async fn send_messages(&mut self) -> Result<(), C::Error> {
        while let Some(room) = self.write_messages() {
            more_room(self.client, room).await?;
        }
        Ok(())
    }
}

// The waits beside the one between two requests, which is inlined into the loop. A wait is large, so all places that wait
// for the same share one.
async fn more_input<C: ClientConnection>(client: &mut C, known: usize) -> Result<usize, C::Error> {
    client.wait_input(known).await
}

async fn more_room<C: ClientConnection>(client: &mut C, room: usize) -> Result<(), C::Error> {
    client.wait_room(room).await
}

/// Puts `bytes` once there is room for them.
async fn put<C: ClientConnection>(client: &mut C, bytes: &[u8]) -> Result<(), C::Error> {
    while client.room() < bytes.len() {
        let room = client.room();
        more_room(client, room).await?;
    }
    client.put(bytes);
    Ok(())
}

/// Why a request that waits waits no more.
enum WakeReason {
    /// The event that the request waits for may have come.
    Event,
    /// The request's timeout is over, or the client has closed its side and the request may block for long.
    TimedOut,
    /// The session is to be closed.
    Gone,
}

impl Wait {
    /// When the request that waits gives up, and never if it is without a time; it may have waited before.
    fn until(&mut self, timeout_ms: u32) -> Instant {
        let until = match (*self, timeout_ms) {
            (Self::Until(until), _) => until,
            (_, 0) => Instant::MAX,
            _ => Instant::now() + Duration::from_millis(timeout_ms.into()),
        };
        *self = Self::Until(until);
        until
    }
}
