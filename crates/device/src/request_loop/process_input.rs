//! What is done between two waits: from the client's receive buffer to its transmit buffer.

use embassy_time::Instant;
use sockeye_resp::{Args, Protocol, ReplyWriter};

use super::{Client, Connection, Target};
use crate::app::commit::Storing;
use crate::command::Flow;
use crate::commands::commit::Change;
use crate::limits::{REPLY_LEN_MAX, RX_LEN, TX_LEN};
use crate::settings::{Store, StoreError};

/// Where requests are while they are looked at, and replies while they are written.
pub(crate) struct Scratch {
    pub(crate) rx: [u8; RX_LEN],
    args: Args,
    tx: [u8; TX_LEN],
}

impl Scratch {
    pub(crate) const fn new() -> Self {
        Self { rx: [0; RX_LEN], args: Args::new(), tx: [0; TX_LEN] }
    }
}

/// What is to be waited for until there is more to do.
pub(super) enum Pause {
    /// More input: all that came is answered.
    Read,
    /// Nothing: the connection is to be closed.
    Close,
    /// Room for more than so many bytes; the request is asked for again then.
    Room(usize),
    /// The store, for what the request changes.
    Commit,
    /// An event, for so many milliseconds, or for ever if they are 0; the request is asked for again then.
    Block { timeout_ms: u64 },
}

/// How long a request waits for something to happen.
#[derive(Clone, Copy)]
pub(super) enum Wait {
    /// None does.
    No,
    Until(Instant),
    /// It has waited long enough.
    Over,
}

/// A part of the transmit buffer that is free.
#[derive(Clone, Copy)]
struct Room {
    len: usize,
    /// There is never more, or as much as a reply ever needs.
    is_whole: bool,
}

impl Room {
    fn of<C: Client>(client: &mut C) -> Self {
        let len = client.room();
        Self { len, is_whole: len >= TX_LEN || len == client.room_max() }
    }

    fn buffer(self, tx: &mut [u8; TX_LEN]) -> &mut [u8] {
        tx.get_mut(..self.len.min(TX_LEN)).unwrap_or_default()
    }

    fn writer(self, tx: &mut [u8; TX_LEN], protocol: Protocol) -> ReplyWriter<'_> {
        ReplyWriter::new_in_part(self.buffer(tx), self.is_whole, protocol)
    }
}

/// What to wait for when there is no room for more, after `len` bytes were put into `room`. Whoever finds no room for
/// anything in the most room that there can be never will.
fn full<C: Client>(client: &mut C, room: Room, len: usize) -> Pause {
    if len == 0 && room.is_whole {
        return Pause::Close;
    }
    let room = Room::of(client);
    Pause::Room(if room.is_whole { 0 } else { room.len })
}

impl<C: Client, S: Store> Connection<'_, '_, C, S> {
    /// Answers requests until there is something to wait for.
    pub(super) fn work(&mut self) -> Pause {
        let scratch = &mut *self.session.app.scratch();
        let len = self.client.peek(&mut scratch.rx);
        let pause = self.answer_all(scratch, len);
        let done = self.decoder.drain_consumed();
        if done > 0 {
            self.client.consume(done);
        }
        self.waiting = len - done.min(len);
        if self.waiting > 0 && matches!(pause, Pause::Read) {
            self.client.begin_request();
        }
        pause
    }

    fn answer_all(&mut self, scratch: &mut Scratch, len: usize) -> Pause {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { rx, args, tx } = scratch;
        let rx = rx.get_mut(..len).unwrap_or_default();
        let mut room = Room::of(self.client);
        let mut reply = room.writer(tx, app.protocol(key));
        let pause = loop {
            let request = match self.decoder.decode(rx, args, app.limits(key)) {
                Ok(Some(request)) => request,
                Ok(None) => break Pause::Read,
                Err(error) => {
                    if reply.begin(REPLY_LEN_MAX).is_err() {
                        break Pause::Room(0);
                    }
                    app.count(|counts| counts.protocol_errors = counts.protocol_errors.wrapping_add(1));
                    reply.error_fmt(format_args!("ERR {error}"));
                    break Pause::Close;
                }
            };
            self.client.end_request();
            let flow = match self.wait {
                Wait::Over if reply.begin(0).is_err() => Flow::More,
                Wait::Over => app.time_out(key, &mut reply),
                _ => app.call(key, &request, &mut reply),
            };
            match flow {
                Flow::Continue => {
                    self.wait = Wait::No;
                    if self.decoder.consumed() == len {
                        break Pause::Read;
                    }
                }
                Flow::Close => break Pause::Close,
                Flow::Abort => return Pause::Close,
                Flow::Text => {
                    self.client.put(reply.as_bytes());
                    let protocol = reply.protocol();
                    room = Room::of(self.client);
                    let (len, is_more) = app.text(key, &request, room.buffer(tx));
                    self.client.put(tx.get(..len).unwrap_or_default());
                    if is_more {
                        self.decoder.unread();
                        return full(self.client, room, len);
                    }
                    room = Room::of(self.client);
                    reply = room.writer(tx, protocol);
                }
                Flow::More => break Pause::Room(0),
                Flow::Commit => break Pause::Commit,
                Flow::Block { timeout_ms } => break Pause::Block { timeout_ms },
            }
        };
        if matches!(pause, Pause::Room(_) | Pause::Commit | Pause::Block { .. }) {
            self.decoder.unread();
        }
        self.client.put(reply.as_bytes());
        if let Pause::Room(_) = pause { full(self.client, room, reply.as_bytes().len()) } else { pause }
    }

    /// Puts what the request changes into `storing`. None if it changes nothing, and the error is written.
    pub(super) fn change(&mut self, storing: &mut Storing) -> Option<Change> {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { rx, args, tx } = &mut *app.scratch();
        let len = self.client.peek(rx);
        let rx = rx.get_mut(..len).unwrap_or_default();
        // It isn't there any more if the connection has gone meanwhile, which the next wait finds.
        let request = self.decoder.decode(rx, args, app.limits(key)).ok().flatten()?;
        let mut reply = Room::of(self.client).writer(tx, app.protocol(key));
        // There is the room that the command was given.
        let _ = reply.begin(0);
        let change = app.change(key, storing, &request, &mut reply);
        self.client.put(reply.as_bytes());
        self.client.consume(self.decoder.drain_consumed());
        change
    }

    /// Says whether a change is stored, and puts it in force.
    pub(super) fn committed(&mut self, change: Change, storing: &Storing, stored: Result<(), StoreError>) {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { tx, .. } = &mut *app.scratch();
        let mut reply = Room::of(self.client).writer(tx, app.protocol(key));
        let _ = reply.begin(0);
        app.committed(key, change, storing, stored, &mut reply);
        self.client.put(reply.as_bytes());
    }

    /// Writes pushes as far as there is room; if some are left, more room than this is needed.
    pub(super) fn write_pushes(&mut self) -> Option<usize> {
        let (app, key) = (self.session.app, self.session.key);
        let Scratch { tx, .. } = &mut *app.scratch();
        let mut reply = Room::of(self.client).writer(tx, app.protocol(key));
        let is_more = app.push(key, &mut reply);
        self.client.put(reply.as_bytes());
        is_more.then(|| self.client.room())
    }

    /// Writes the page as far as there is room; if some of it is left, more room than this is needed.
    pub(super) fn write_page(&mut self) -> Option<usize> {
        let Scratch { tx, .. } = &mut *self.session.app.scratch();
        let room = Room::of(self.client);
        let (len, is_more) = self.session.app.page(self.session.key, room.buffer(tx));
        self.client.put(tx.get(..len).unwrap_or_default());
        is_more.then(|| self.client.room())
    }

    /// The target of a browser's request line, if all of it is there or it is too long.
    pub(super) fn target(&mut self) -> Option<Target> {
        let Scratch { rx, .. } = &mut *self.session.app.scratch();
        let len = self.client.peek(rx);
        let received = rx.get(..len).unwrap_or_default();
        match received.split(|&byte| byte == b'\n').next() {
            Some(line) if line.len() < len => Some(Target::of(line)),
            _ => (len == RX_LEN).then_some(Target::None),
        }
    }
}
