//! What a command is, and what it works with.

use core::fmt::{self, Write};

use sockeye_resp::{ReplyWriter, Request};

use crate::app::State;
use crate::keys::history::History;
use crate::platform::{Now, Platform};
use crate::sessions::session::{Cursor, Session, SessionKey};

/// Who may call a command. The one order of the three: who may write may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone, also before AUTH.
    Open,
    /// Everyone while no token is set, and whoever has authenticated.
    Read,
    /// Clients over the access point or loopback while no token is set, and whoever has authenticated.
    Write,
}

/// The groups into which Redis sorts its commands, and one of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Redis's names")]
pub enum Group {
    Connection,
    Generic,
    Hash,
    Pubsub,
    Server,
    Stream,
    String,
    Wifi,
    Wiring,
}

impl Group {
    /// As COMMAND DOCS has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Generic => "generic",
            Self::Hash => "hash",
            Self::Pubsub => "pubsub",
            Self::Server => "server",
            Self::Stream => "stream",
            Self::String => "string",
            Self::Wifi => "wifi",
            Self::Wiring => "wiring",
        }
    }
}

/// Where a command's keys are: the first, the last (-1 is the last argument) and the step; all 0 if there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Redis's names")]
pub struct Keys {
    pub first: i8,
    pub last: i8,
    pub step: i8,
}

/// One command, or one subcommand, of the table.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// In lower case; a subcommand's is `command|subcommand`.
    pub name: &'static str,
    /// What follows the name, as documentation writes it; in `[]` what may be left out.
    pub syntax: &'static str,
    /// Number of arguments with the name (and the subcommand's); negative if there may be more.
    pub arity: i8,
    /// Who may call it.
    pub access: Access,
    /// The group that it is in.
    pub group: Group,
    /// The version of Redis that had it first.
    pub since: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Where its keys are.
    pub keys: Keys,
    /// It has subcommands, and does nothing without one.
    pub is_container: bool,
    /// It is one of a container's.
    pub(crate) is_subcommand: bool,
    /// A client that has subscribed in RESP2 may send it.
    pub(crate) is_allowed_subscribed: bool,
    /// Its arguments may be secret: MONITOR and the slow log don't show them.
    pub(crate) is_secret: bool,
    /// Its reply may be longer than [`REPLY_LEN_MAX`](crate::limits::REPLY_LEN_MAX) beside the first argument: what
    /// waits is sent first.
    pub(crate) is_long: bool,
    pub(crate) run: Run,
}

/// What a command does. An `Err` is the error that the client gets, in the place of what was written.
pub(crate) type Run = fn(&mut Cx<'_, '_>) -> Outcome;
pub(crate) type Outcome = Result<Flow, &'static str>;

impl Command {
    pub(crate) const fn new(name: &'static str, arity: i8, access: Access, group: Group, run: Run) -> Self {
        let (mut is_subcommand, mut at) = (false, 0);
        while at < name.len() {
            is_subcommand |= name.as_bytes()[at] == b'|';
            at += 1;
        }
        Self {
            name,
            syntax: "",
            arity,
            access,
            group,
            since: "",
            summary: "",
            keys: Keys { first: 0, last: 0, step: 0 },
            is_container: false,
            is_subcommand,
            is_allowed_subscribed: false,
            is_secret: false,
            is_long: false,
            run,
        }
    }

    /// A command that has subcommands.
    pub(crate) const fn container(name: &'static str, group: Group) -> Self {
        let run: Run = |_| Err("ERR syntax error");
        Self { is_container: true, ..Self::new(name, -2, Access::Read, group, run) }
    }

    pub(crate) const fn doc(self, syntax: &'static str, since: &'static str, summary: &'static str) -> Self {
        Self { syntax, since, summary, ..self }
    }

    pub(crate) const fn keys(self, first: i8, last: i8) -> Self {
        Self { keys: Keys { first, last, step: 1 }, ..self }
    }

    pub(crate) const fn allowed_subscribed(self) -> Self {
        Self { is_allowed_subscribed: true, ..self }
    }

    pub(crate) const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    pub(crate) const fn long(self) -> Self {
        Self { is_long: true, ..self }
    }

    /// The command that this is a subcommand of.
    pub fn parent(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(parent, _)| parent)
    }

    /// Whether it may be run again if there was no room for its reply: it changes nothing.
    pub(crate) fn is_repeatable(&self) -> bool {
        let is_of_keys = matches!(self.group, Group::Generic | Group::Hash | Group::Stream | Group::String);
        let reads = self.access == Access::Read && (is_of_keys || self.is_long && self.group != Group::Pubsub);
        reads || matches!(self.name, "ping" | "echo")
    }

    pub(crate) fn takes(&self, args: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { args >= arity } else { args == arity }
    }
}

/// What the connection does after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The reply is complete.
    Continue,
    /// Nothing is written yet, and what changes must be stored first: [`serve()`](crate::serve()) does, and replies then.
    Commit,
    /// The reply is complete; send it and close.
    Close,
    /// Close at once: the reply can't be completed.
    Abort,
    /// There is no room for the reply, or for the rest of it: send what is written, and call again with the same
    /// request.
    More,
    /// The reply is a text: send what is written, and go on with [`App::text`](crate::App::text).
    Text,
    /// Nothing is written, and nothing will until something happens or so many milliseconds have passed: call again
    /// then. 0 is for ever.
    Block {
        /// Milliseconds, or 0.
        timeout_ms: u64,
    },
}

/// What a command works with.
pub(crate) struct Cx<'c, 'w> {
    pub(crate) platform: &'c dyn Platform,
    pub(crate) state: &'c mut State,
    pub(crate) histories: &'c mut [History],
    pub(crate) request: Request<'c>,
    pub(crate) reply: &'c mut ReplyWriter<'w>,
    pub(crate) now: Now,
    pub(crate) key: SessionKey,
}

impl<'c> Cx<'c, '_> {
    /// Argument `index`, which the arity says is there; otherwise it is empty.
    pub(crate) fn arg(&self, index: usize) -> &'c [u8] {
        self.request.arg(index).unwrap_or_default()
    }

    pub(crate) fn session(&mut self) -> &mut Session {
        self.state.sessions.get_mut(self.key)
    }

    /// An error with values in it; one without is an `Err`.
    pub(crate) fn refuse(&mut self, text: fmt::Arguments<'_>) -> Outcome {
        self.state.stats.errors = self.state.stats.errors.wrapping_add(1);
        self.reply.error_fmt(text);
        Ok(Flow::Continue)
    }

    /// A line of a text for people.
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) {
        let mut line = heapless::String::<{ crate::limits::HELP_LINE_LEN_MAX }>::new();
        // A longer line ends where it is full.
        let _ = line.write_fmt(text);
        self.reply.simple(&line);
    }

    pub(crate) fn ok(&mut self) -> Outcome {
        self.reply.ok();
        Ok(Flow::Continue)
    }

    /// Writes a list of `len` items, in as many parts as it takes: `header` before all, `item` for each. An item may be
    /// written again, if it didn't fit. The first call's `len` counts, as it was promised to the client.
    pub(crate) fn list(
        &mut self,
        len: usize,
        header: impl FnOnce(&mut Self),
        mut item: impl FnMut(&mut Self, usize),
    ) -> Outcome {
        let (first, len) = match self.session().cursor {
            Cursor::Item { next, len } => (next, len),
            _ => {
                header(self);
                (0, len as u16)
            }
        };
        for next in first..len {
            if !self.part(|cx| item(cx, next.into())) {
                self.session().cursor = Cursor::Item { next, len };
                return Ok(Flow::More);
            }
        }
        self.session().cursor = Cursor::Start;
        Ok(Flow::Continue)
    }

    /// Writes a part of a reply; false if there is no room for it.
    ///
    /// An empty buffer has room: no part is longer than [`REPLY_PART_LEN_MAX`](crate::limits::REPLY_PART_LEN_MAX).
    pub(crate) fn part(&mut self, write: impl FnOnce(&mut Self)) -> bool {
        if self.reply.begin(0).is_ok() {
            write(self);
        }
        let fits = !self.reply.is_overflowed();
        if !fits {
            self.reply.rewind();
        }
        fits
    }
}

/// A whole number, in the words of Redis.
pub(crate) fn integer(text: &[u8]) -> Result<i64, &'static str> {
    parse_integer(text).ok_or("ERR value is not an integer or out of range")
}

/// A whole number as Redis reads one: one spelling for each, so no `+`, no blanks, no leading zeros.
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_plain = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', ..] => true,
        _ => false,
    };
    if !is_plain {
        return None;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}
