//! Commands: the columns of the command table, and a command's context.

use core::cell::RefCell;
use core::fmt::{self, Write};

use sockeye_resp::{ReplyWriter, Request};

use crate::firmware::Firmware;
use crate::keys::day::Day;
use crate::keys::history::History;
use crate::limits::COMMAND_INDEX_LEN;
use crate::log_ring::LogRing;
use crate::outbox::Outbox;
use crate::pending::PendingSettings;
use crate::platform::{Now, Platform, ReadingInfo};
use crate::replies::document::{Document, Progress};
pub use crate::sessions::session::Access;
use crate::sessions::session::{Cursor, Session, SessionKey, Transaction};
use crate::state::State;

/// The version of Redis whose replies and errors these are; docs/protocol.md has the differences.
pub(crate) const COMPATIBLE_VERSION: &str = "7.0.15";

/// The groups into which Redis sorts its commands, and one of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Redis's names")]
pub enum Group {
    Connection,
    Firmware,
    Generic,
    Hash,
    Pubsub,
    Rule,
    Server,
    Stream,
    String,
    TimeSeries,
    Transactions,
    Wifi,
    Wiring,
}

impl Group {
    /// As COMMAND DOCS has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Firmware => "firmware",
            Self::Generic => "generic",
            Self::Hash => "hash",
            Self::Pubsub => "pubsub",
            Self::Rule => "rule",
            Self::Server => "server",
            Self::Stream => "stream",
            Self::String => "string",
            Self::TimeSeries => "timeseries",
            Self::Transactions => "transactions",
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
    /// The arguments after the name, as documentation writes them; optional ones are in `[]`.
    pub syntax: &'static str,
    /// Number of arguments with the name (and the subcommand's); negative if there may be more.
    pub arity: i8,
    /// The access that a client needs.
    pub access: Access,
    /// The group that it is in.
    pub group: Group,
    /// The version of Redis that had it first.
    pub since: &'static str,
    /// The command's documentation, one line.
    pub summary: &'static str,
    /// Where its keys are.
    pub keys: Keys,
    /// Set if the command has subcommands, and does nothing without one.
    pub is_container: bool,
    /// Set for a subcommand.
    pub(crate) is_subcommand: bool,
    /// A client that has subscribed in RESP2 may send it.
    pub(crate) is_allowed_subscribed: bool,
    /// Its arguments may be secret: MONITOR and the slow log don't show them.
    pub(crate) is_secret: bool,
    /// Its reply may be longer than [`REPLY_LEN_MAX`](crate::limits::REPLY_LEN_MAX) beside the first argument: replies
    /// that wait are sent first.
    pub(crate) is_long: bool,
    /// Set if the command changes nothing. Such a command may run in too little room, and again when there is more.
    pub(crate) is_repeatable: bool,
    /// How it behaves between MULTI and EXEC.
    pub(crate) in_transaction: InTransaction,
    pub(crate) run: Run,
    /// Of a command that changes settings: evaluates the request. `run` returns [`Flow::Commit`] then. None of any
    /// other.
    pub(crate) prepare: Option<Prepare>,
}

/// How a command behaves between MULTI and EXEC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InTransaction {
    /// The command runs at EXEC.
    Queued,
    /// The command runs at once.
    Immediate,
    /// The command is refused, and the transaction with it.
    Refused,
}

/// A command's function. An `Err` is the error that the client gets, in the place of the reply so far.
pub(crate) type Run = fn(&mut CommandContext<'_, '_>) -> CommandResult;
pub(crate) type CommandResult = Result<Flow, &'static str>;

/// Puts what a request makes of the settings in force into [`PendingSettings`]. An `Err` is the error that the client
/// gets.
pub(crate) type Prepare = fn(&mut CommandContext<'_, '_>, &mut PendingSettings) -> Result<Prepared, &'static str>;

/// The work that is left after a [`Prepare`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// Storing the settings; the reply is not written yet.
    Store,
    /// Nothing: the settings stay as they are, and the reply is written.
    Nothing,
}

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
            is_repeatable: false,
            in_transaction: InTransaction::Queued,
            run,
            prepare: None,
        }
    }

    /// A command that changes settings, and replies when they are stored.
    pub(crate) const fn commit(name: &'static str, arity: i8, access: Access, group: Group, prepare: Prepare) -> Self {
        let run: Run = |_| Ok(Flow::Commit);
        Self { prepare: Some(prepare), ..Self::new(name, arity, access, group, run) }
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

    pub(crate) const fn repeatable(self) -> Self {
        Self { is_repeatable: true, ..self }
    }

    pub(crate) const fn immediate(self) -> Self {
        Self { in_transaction: InTransaction::Immediate, ..self }
    }

    pub(crate) const fn no_multi(self) -> Self {
        Self { in_transaction: InTransaction::Refused, ..self }
    }

    /// The command that this is a subcommand of.
    pub fn parent(&self) -> Option<&'static str> {
        self.name.split_once('|').map(|(parent, _)| parent)
    }

    /// Whether its first argument is the name of a subcommand. COMMAND does something without one, too.
    pub(crate) fn has_subcommands(&self) -> bool {
        self.is_container || self.name == "command"
    }

    /// Whether the command has this name in any case.
    fn is_named(&self, name: &[u8], sub: Option<&[u8]>) -> bool {
        let own = self.name.as_bytes();
        let Some(sub) = sub else { return is_in_lower_case(own, name) };
        own.split_at_checked(name.len()).is_some_and(|(start, end)| {
            is_in_lower_case(start, name) && end.strip_prefix(b"|").is_some_and(|end| is_in_lower_case(end, sub))
        })
    }

    pub(crate) fn takes(&self, args: usize) -> bool {
        let arity = usize::from(self.arity.unsigned_abs());
        if self.arity < 0 { args >= arity } else { args == arity }
    }
}

/// The connection's next step after a command.
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
    OutputFull,
    /// Nothing is written. Call again with the same request on an event or after `timeout_ms`.
    Block {
        /// Milliseconds; 0 for ever.
        timeout_ms: u32,
    },
    /// The reply to MULTI is complete: the requests that follow are kept until EXEC.
    Queue,
    /// The start of EXEC's reply is written: run the requests that were kept.
    Execute,
    /// The reply is complete, and the requests that were kept are dropped.
    Discard,
}

/// The command table as commands see it.
pub(crate) struct CommandTable {
    /// All commands, each followed by its subcommands, sorted by name.
    pub(crate) rows: &'static [Command],
    /// HELP of each command that has subcommands.
    pub(crate) help: &'static Command,
    /// Positions in `rows`, counted from 1: each at the hash of its name, or at the next that was free; 0 is free. A
    /// search by halves takes six comparisons; this takes one or two.
    pub(crate) index: [u8; COMMAND_INDEX_LEN],
    /// Commands of Redis that a device doesn't have on purpose.
    pub(crate) refused: &'static [&'static str],
}

/// Why a request names no command.
#[derive(Clone, Copy)]
pub(crate) enum Unknown {
    /// No such command.
    Command,
    /// There is such a command, and it has no such subcommand.
    Subcommand(&'static Command),
    /// The command has subcommands, and none was named.
    Arity(&'static Command),
    /// A command that a device doesn't have on purpose.
    Refused(&'static str),
}

impl CommandTable {
    /// Hashes the names of `rows`.
    pub(crate) const fn new(
        rows: &'static [Command],
        help: &'static Command,
        refused: &'static [&'static str],
    ) -> Self {
        let mut index = [0; COMMAND_INDEX_LEN];
        let mut number = 0;
        while number < rows.len() {
            let name = rows[number].name.as_bytes();
            let mut hash = hash(name.len(), name[0], name[name.len() - 1]);
            while index[hash] != 0 {
                hash = (hash + 1) % COMMAND_INDEX_LEN;
            }
            number += 1;
            index[hash] = number as u8;
        }
        Self { rows, help, index, refused }
    }

    /// The command of this number, which [`find`](Self::find) gave.
    pub(crate) fn get(&self, number: u8) -> Option<&'static Command> {
        if number == self.help_number() { Some(self.help) } else { self.row(number) }
    }

    /// The number of HELP: one more than the last row's.
    fn help_number(&self) -> u8 {
        self.rows.len() as u8 + 1
    }

    fn row(&self, number: u8) -> Option<&'static Command> {
        self.rows.get(usize::from(number).checked_sub(1)?)
    }

    /// The command that a request names, or its subcommand, and its number.
    pub(crate) fn find(&self, request: &Request<'_>) -> Result<(u8, &'static Command), Unknown> {
        let name = request.name();
        let Some((number, command)) = self.lookup(name, None).filter(|(_, command)| !command.is_subcommand) else {
            let refused = self.refused.iter().find(|refused| refused.as_bytes().eq_ignore_ascii_case(name));
            return Err(refused.map_or(Unknown::Command, |name| Unknown::Refused(name)));
        };
        if !command.has_subcommands() {
            return Ok((number, command));
        }
        match request.arg(1) {
            Some(sub) => {
                let help = || sub.eq_ignore_ascii_case(b"HELP").then_some((self.help_number(), self.help));
                self.lookup(name, Some(sub)).or_else(help).ok_or(Unknown::Subcommand(command))
            }
            None if command.is_container => Err(Unknown::Arity(command)),
            None => Ok((number, command)),
        }
    }

    /// The command, or the subcommand after `|`, that a client names in an argument, in any case.
    pub(crate) fn by_any_name(&self, name: &[u8]) -> Option<&'static Command> {
        self.lookup(name, None).map(|(_, command)| command)
    }

    /// The subcommands of a command.
    pub(crate) fn subcommands(&self, command: &Command) -> impl Iterator<Item = &'static Command> + use<> {
        let name = command.name;
        self.rows.iter().filter(move |sub| sub.parent() == Some(name))
    }

    /// The command of this name, or its subcommand, in any case.
    fn lookup(&self, name: &[u8], sub: Option<&[u8]>) -> Option<(u8, &'static Command)> {
        let len = name.len() + sub.map_or(0, |sub| 1 + sub.len());
        let (first, last) = (name.first()?, sub.unwrap_or(name).last()?);
        let mut hash = hash(len, *first, *last);
        loop {
            // A free place ends the search, and there are some.
            let number = *self.index.get(hash)?;
            let command = self.row(number)?;
            if command.is_named(name, sub) {
                return Some((number, command));
            }
            hash = (hash + 1) % COMMAND_INDEX_LEN;
        }
    }
}

/// Whether `lower` is `text` in lower case.
fn is_in_lower_case(lower: &[u8], text: &[u8]) -> bool {
    lower.len() == text.len() && lower.iter().zip(text).all(|(lower, byte)| *lower == byte.to_ascii_lowercase())
}

/// The factors keep the commands furthest apart.
const fn hash(len: usize, first: u8, last: u8) -> usize {
    (16 * len + 5 * (first | 0x20) as usize + (last | 0x20) as usize) % COMMAND_INDEX_LEN
}

/// The parts of a device beside its state, which stay the same from boot on.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'a> {
    /// The board's own readings, as the platform has them.
    pub(crate) readings: &'a [ReadingInfo<'a>],
    /// Where long texts are kept while they are sent.
    pub(crate) document: &'a RefCell<Document>,
    /// None on a device without a log.
    pub(crate) log: Option<&'a LogRing<'a>>,
    /// None on a device that pushes no samples.
    pub(crate) outbox: Option<&'a Outbox<'a>>,
    /// None on a device without slots for updates.
    pub(crate) firmware: Option<&'a Firmware>,
}

/// A command's context: state, request and reply.
pub(crate) struct CommandContext<'c, 'w> {
    pub(crate) platform: &'c dyn Platform,
    pub(crate) state: &'c mut State,
    pub(crate) histories: &'c mut [History],
    pub(crate) days: &'c mut [Day],
    pub(crate) environment: &'c Environment<'c>,
    pub(crate) table: &'static CommandTable,
    pub(crate) request: &'c Request<'c>,
    pub(crate) reply: &'c mut ReplyWriter<'w>,
    pub(crate) now: Now,
    pub(crate) key: SessionKey,
    /// The time of a [`Flow::Block`] is over.
    pub(crate) is_timed_out: bool,
}

impl<'c> CommandContext<'c, '_> {
    /// Argument `index`, which the arity guarantees; empty if there is none.
    pub(crate) fn arg(&self, index: usize) -> &'c [u8] {
        self.request.arg(index).unwrap_or_default()
    }

    pub(crate) fn session(&mut self) -> &mut Session {
        self.state.sessions.get_mut(self.key)
    }

    /// Whether the request runs in EXEC, where nothing may wait for an event.
    pub(crate) fn is_in_exec(&self) -> bool {
        self.state.sessions.get(self.key).transaction == Transaction::Running
    }

    /// An error with values in it; one without is an `Err`.
    pub(crate) fn refuse(&mut self, text: fmt::Arguments<'_>) -> CommandResult {
        self.state.count_error();
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

    /// Turns the progress of a document into the command's result.
    pub(crate) fn go_on(&mut self, progress: Progress) -> CommandResult {
        let (cursor, flow) = match progress {
            Progress::Complete => (Cursor::Start, Flow::Continue),
            Progress::Part(cursor) => (cursor, Flow::OutputFull),
            Progress::Busy { timeout_ms } => (Cursor::AwaitingDocument, Flow::Block { timeout_ms }),
            Progress::Lost => (Cursor::Start, Flow::Abort),
        };
        let session = self.session();
        (session.event_pending, session.cursor) = (false, cursor);
        if flow == Flow::Continue {
            self.state.sessions.notify_awaiting_document();
        }
        Ok(flow)
    }

    pub(crate) fn ok(&mut self) -> CommandResult {
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
    ) -> CommandResult {
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
                return Ok(Flow::OutputFull);
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
