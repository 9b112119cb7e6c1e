//! The work between two waits: from the client's receive buffer to its transmit buffer.
//!
//! The receive buffer holds, from its start, the requests that a transaction has queued, and then those that are yet to
//! be answered. Without a transaction there are none of the former.

use sockeye_resp::{Args, Decoder, Limits, Protocol, ProtocolError, ReplyWriter, Request};

use super::client_connection::{ClientConnection, Connection, Queue, Wait};
use super::http_answer::HttpAnswer;
use crate::command::Flow;
use crate::limits::{REPLY_LEN_MAX, RX_LEN, TX_LEN};
use crate::pending::PendingSettings;
use crate::scratch::Scratch;
use crate::sessions::page_view::PageView;
use crate::settings::{Store, StoreError};

/// The wait before more requests can be processed.
pub(super) enum WaitFor {
    /// Nothing: there may be more to process.
    Nothing,
    /// More input: all requests that came are answered.
    Input,
    /// No more requests: the connection is to be closed.
    Close,
    /// Room for more than so many bytes; the request is decoded again then.
    Room(usize),
    /// The store, for the settings that the request changes.
    Commit,
    /// An event, or `timeout_ms`, which is 0 for ever; the request is decoded again then.
    Event { timeout_ms: u32 },
}

/// The outcome of the requests that were processed at once.
enum Step {
    Wait(WaitFor),
    /// MULTI, EXEC or the end of a transaction: there may be more to process.
    Again(Queue),
}

/// A part of the transmit buffer that is free.
#[derive(Clone, Copy)]
struct Room {
    len: usize,
    /// There is never more, or as much as a reply ever needs.
    is_whole: bool,
}

impl Room {
    fn of<C: ClientConnection>(client: &mut C) -> Self {
        let len = client.room();
        Self::known(client, len)
    }

    /// The same where its length is known.
    fn known<C: ClientConnection>(client: &mut C, len: usize) -> Self {
        Self { len, is_whole: len >= TX_LEN || len == client.room_max() }
    }

    /// More room than this is to be waited for, by who has found too little.
    fn wanted(self) -> usize {
        if self.is_whole { 0 } else { self.len }
    }

    fn buffer(self, tx: &mut [u8; TX_LEN]) -> &mut [u8] {
        tx.get_mut(..self.len.min(TX_LEN)).unwrap_or_default()
    }

    fn writer(self, tx: &mut [u8; TX_LEN], protocol: Protocol) -> ReplyWriter<'_> {
        ReplyWriter::new_in_part(self.buffer(tx), self.is_whole, protocol)
    }
}

/// The wait after a reply did not fit, once `len` bytes were put into `room`. A reply that doesn't fit into an empty
/// buffer never will, so the connection is closed.
fn output_full<C: ClientConnection>(client: &mut C, room: Room, len: usize) -> WaitFor {
    if len == 0 && room.is_whole {
        return WaitFor::Close;
    }
    WaitFor::Room(Room::of(client).wanted())
}

/// Decodes a request that was decoded before; None if it is gone.
// The decoder is inlined where requests are decoded first.
#[inline(never)]
fn decode_again<'a>(decoder: &mut Decoder, rx: &'a mut [u8], args: &'a mut Args) -> Option<Request<'a>> {
    decoder.decode(rx, args, &Limits::AUTHENTICATED).ok().flatten()
}

// A function for each step between two waits: inlined, they would make a future's poll larger, and each request slower.
impl<C: ClientConnection, S: Store> Connection<'_, '_, C, S> {
    /// Answers the requests that are there.
    #[inline(never)]
    pub(super) fn process_input(&mut self) -> WaitFor {
        let scratch = &mut *self.session.app.scratch();
        let (len, room) = self.client.peek_and_room(&mut scratch.rx);
        let room = Room::known(self.client, room);
        let step = match self.queue {
            Queue::Running { next, end, exec_end } => self.run_queued(scratch, (len, room), (next, end, exec_end)),
            Queue::None | Queue::Open { .. } => self.answer_all(scratch, (len, room)),
        };
        match step {
            Step::Again(queue) => {
                self.queue = queue;
                WaitFor::Nothing
            }
            Step::Wait(WaitFor::Input) if self.is_queue_full(len) => {
                // There is no room for the rest of the request beside the queued ones.
                self.session.app.overflow_transaction(self.session.key);
                self.consume_queued();
                WaitFor::Nothing
            }
            Step::Wait(wait) => wait,
        }
    }

    /// Whether requests are queued and more bytes have no room.
    fn is_queue_full(&self, len: usize) -> bool {
        self.queue.open_len() > 0 && len >= RX_LEN
    }

    /// Whether a part of a request has come, and the rest of it has not.
    pub(super) fn is_in_request(&self) -> bool {
        self.waiting > self.queue.open_len()
    }

    /// Drops the queued requests; the transaction stays open.
    fn consume_queued(&mut self) {
        if let Queue::Open { len } = &mut self.queue {
            let queued = usize::from(core::mem::take(len));
            self.client.consume(queued);
            self.waiting = self.waiting.saturating_sub(queued);
        }
    }

    /// Answers the requests after the queued ones, of which there are `len` bytes in all.
    #[inline]
    fn answer_all(&mut self, scratch: &mut Scratch, (len, room): (usize, Room)) -> Step {
        let queued = self.queue.open_len().min(len);
        let (step, reply_len) = self.answer(scratch, (queued, len), room);
        let done = self.decoder.drain_consumed();
        let (consumed, left) = match (&mut self.queue, &step) {
            (_, Step::Again(Queue::Running { .. })) => (0, 0),
            (Queue::Open { len: queued }, Step::Wait(_)) => {
                *queued += done as u16;
                (0, len.saturating_sub(usize::from(*queued)))
            }
            _ => (queued + done, len.saturating_sub(queued + done)),
        };
        self.client.put_and_consume(scratch.tx.get(..reply_len).unwrap_or_default(), consumed);
        self.waiting = self.queue.open_len() + left;
        if left > 0 && matches!(step, Step::Wait(WaitFor::Input)) {
            self.client.begin_request();
        }
        match step {
            Step::Wait(WaitFor::Room(_)) => Step::Wait(output_full(self.client, room, reply_len)),
            step => step,
        }
    }

    /// Writes the replies to the requests in these bytes, and returns how long they are.
    fn answer(&mut self, scratch: &mut Scratch, (queued, len): (usize, usize), room: Room) -> (Step, usize) {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { rx, args, tx } = scratch;
        let rx = rx.get_mut(queued..len).unwrap_or_default();
        let len = rx.len();
        let mut reply = room.writer(tx, app.protocol(key));
        let wait = loop {
            let request = match self.decoder.decode(rx, args, app.limits(key)) {
                Ok(Some(request)) => request,
                Ok(None) => break WaitFor::Input,
                Err(error) => {
                    if reply.begin(REPLY_LEN_MAX).is_err() {
                        break WaitFor::Room(0);
                    }
                    let received = rx.get(self.decoder.consumed()..).unwrap_or_default();
                    if error == ProtocolError::Http
                        && !self.has_answered
                        && let Some(answer) = HttpAnswer::to_refused(received)
                    {
                        // A method that nobody has heard of opens the connection.
                        app.count(|counts| counts.http_refused = counts.http_refused.wrapping_add(1));
                        reply.raw(answer);
                        break WaitFor::Close;
                    }
                    app.count(|counts| counts.protocol_errors = counts.protocol_errors.wrapping_add(1));
                    reply.error_fmt(format_args!("ERR {error}"));
                    break WaitFor::Close;
                }
            };
            self.client.end_request();
            self.has_answered = true;
            match app.call(key, &request, matches!(self.wait, Wait::Over), &mut reply) {
                Flow::Continue => {
                    self.wait = Wait::No;
                    if self.decoder.consumed() == len {
                        break WaitFor::Input;
                    }
                }
                Flow::Close => break WaitFor::Close,
                Flow::Abort => return (Step::Wait(WaitFor::Close), 0),
                Flow::OutputFull => break WaitFor::Room(0),
                Flow::Commit => break WaitFor::Commit,
                Flow::Block { timeout_ms } => break WaitFor::Event { timeout_ms },
                flow @ (Flow::Queue | Flow::Discard | Flow::Execute) => {
                    let queue = match flow {
                        Flow::Queue => Queue::Open { len: 0 },
                        Flow::Execute => {
                            let exec_end = (queued + self.decoder.consumed()) as u16;
                            Queue::Running { next: 0, end: queued as u16, exec_end }
                        }
                        _ => Queue::None,
                    };
                    return (Step::Again(queue), reply.as_bytes().len());
                }
            }
        };
        if matches!(wait, WaitFor::Room(_) | WaitFor::Commit | WaitFor::Event { .. }) {
            self.decoder.unread();
        }
        (Step::Wait(wait), reply.as_bytes().len())
    }

    /// Runs the queued requests of a transaction from `next` to `end`. Bytes after `exec_end` are requests that came
    /// behind EXEC.
    #[inline(never)]
    fn run_queued(
        &mut self,
        scratch: &mut Scratch,
        (len, room): (usize, Room),
        (mut next, end, exec_end): (u16, u16, u16),
    ) -> Step {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { rx, args, tx } = scratch;
        let mut reply = room.writer(tx, app.protocol(key));
        self.waiting = len;
        let wait = loop {
            let mut decoder = Decoder::new();
            let rx = rx.get_mut(next.into()..end.into()).unwrap_or_default();
            // Whole requests are there, which were decoded before. If they are gone, so is the connection, which the
            // next wait reports.
            let Some(request) = decode_again(&mut decoder, rx, args) else {
                self.client.put_and_consume(reply.as_bytes(), usize::from(exec_end).min(len));
                app.end_transaction(key);
                return Step::Again(Queue::None);
            };
            match app.call(key, &request, matches!(self.wait, Wait::Over), &mut reply) {
                Flow::Close => break WaitFor::Close,
                Flow::Abort => return Step::Wait(WaitFor::Close),
                Flow::OutputFull => break WaitFor::Room(0),
                Flow::Commit => break WaitFor::Commit,
                Flow::Block { timeout_ms } => break WaitFor::Event { timeout_ms },
                // Commands of transactions are never queued.
                Flow::Continue | Flow::Queue | Flow::Discard | Flow::Execute => {
                    self.wait = Wait::No;
                    next += decoder.consumed() as u16;
                }
            }
            self.queue = Queue::Running { next, end, exec_end };
        };
        self.client.put(reply.as_bytes());
        Step::Wait(if let WaitFor::Room(_) = wait {
            output_full(self.client, room, reply.as_bytes().len())
        } else {
            wait
        })
    }

    /// Puts what the request changes into `pending`. False if there is nothing to store, and the reply is written. The
    /// request is done with then.
    #[inline(never)]
    pub(super) fn prepare(&mut self, pending: &mut PendingSettings) -> bool {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { rx, args, tx } = &mut *app.scratch();
        let len = self.client.peek(rx);
        let mut queued = Decoder::new();
        let (decoder, start, end) = match self.queue {
            Queue::None => (&mut self.decoder, 0, len),
            Queue::Open { len: queued } => (&mut self.decoder, queued.into(), len),
            Queue::Running { next, end, .. } => (&mut queued, next.into(), end.into()),
        };
        let rx = rx.get_mut(start..end.min(len)).unwrap_or_default();
        // If the request is gone, so is the connection, which the next wait reports.
        let Some(request) = decode_again(decoder, rx, args) else {
            return false;
        };
        let mut reply = Room::of(self.client).writer(tx, app.protocol(key));
        // There is the room that the command was given.
        let _ = reply.begin(0);
        let must_store = app.prepare(key, pending, &request, &mut reply);
        let done = decoder.drain_consumed();
        let consumed = match &mut self.queue {
            Queue::Running { next, .. } => {
                *next += done as u16;
                0
            }
            _ => done,
        };
        self.client.put_and_consume(reply.as_bytes(), consumed);
        must_store
    }

    /// Replies to a change that is stored, or is not, and puts it in force.
    #[inline(never)]
    pub(super) fn committed(&mut self, pending: &mut PendingSettings, stored: Result<(), StoreError>) {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { tx, .. } = &mut *app.scratch();
        let mut reply = Room::of(self.client).writer(tx, app.protocol(key));
        let _ = reply.begin(0);
        app.committed(key, pending, stored, &mut reply);
        self.client.put(reply.as_bytes());
    }

    /// Writes messages as far as there is room. If some are left, more room than the number is needed.
    #[inline(never)]
    pub(super) fn write_messages(&mut self) -> Option<usize> {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { tx, .. } = &mut *app.scratch();
        let mut reply = Room::of(self.client).writer(tx, app.protocol(key));
        let is_more = app.write_messages(key, &mut reply);
        self.client.put(reply.as_bytes());
        is_more.then(|| Room::of(self.client).wanted())
    }

    /// Writes the page as far as there is room. If some of it is left, more room than the number is needed.
    #[inline(never)]
    pub(super) fn write_page(&mut self, view: PageView) -> Option<usize> {
        let Scratch { tx, .. } = &mut *self.session.app.scratch();
        let room = Room::of(self.client);
        let (len, is_more) = self.session.app.page(self.session.key, view, room.buffer(tx));
        self.client.put(tx.get(..len).unwrap_or_default());
        // A part that finds no room in an empty buffer never will.
        let is_possible = len > 0 || !room.is_whole;
        (is_more && is_possible).then(|| Room::of(self.client).wanted())
    }

    /// The answer to the request line of HTTP with which the connection opens. None while more of it may come, which it
    /// may not once `has_ended` is set.
    pub(super) fn http_answer(&mut self, has_ended: bool) -> Option<HttpAnswer> {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { rx, .. } = &mut *app.scratch();
        let len = self.client.peek(rx);
        HttpAnswer::to(rx.get(..len).unwrap_or_default(), has_ended, app.origin(key), |path| app.page_view(path))
    }
}
