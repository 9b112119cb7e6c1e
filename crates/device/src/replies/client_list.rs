//! CLIENT LIST and CLIENT INFO: a line for each client.

use core::fmt::{self, Write};
use core::net::SocketAddr;

use sockeye_resp::Request;

use crate::command::{CommandTable, parse_integer};
use crate::sessions::session::{Session, SessionKey, Transaction};
use crate::state::State;

/// The only user's name, as Redis names it.
pub(crate) const USER: &str = "default";

/// The clients that a request asks for.
pub(crate) struct ClientList<'a> {
    pub(crate) state: &'a State,
    pub(crate) table: &'static CommandTable,
    pub(crate) own: SessionKey,
    pub(crate) now_s: u32,
    /// The port on which the device listens.
    pub(crate) port: u16,
    pub(crate) request: Request<'a>,
}

impl ClientList<'_> {
    fn is_listed(&self, session: &Session) -> bool {
        let is = |index, word: &[u8]| self.request.arg(index).unwrap_or_default().eq_ignore_ascii_case(word);
        if is(2, b"TYPE") {
            is(3, if session.is_subscribed() { b"pubsub" } else { b"normal" })
        } else if is(2, b"ID") {
            self.request.args().skip(3).any(|id| parse_integer(id) == Some(session.id.into()))
        } else {
            true
        }
    }

    /// The lines of all clients that are listed, as CLIENT LIST has them.
    pub(crate) fn write(&self, out: &mut dyn Write) -> fmt::Result {
        let mut listed = self.state.sessions.iter().filter(|session| self.is_listed(session));
        listed.try_for_each(|session| self.write_line(session, out))
    }

    /// The line of the client that asks, as CLIENT INFO has it.
    pub(crate) fn write_own(&self, out: &mut dyn Write) -> fmt::Result {
        self.write_line(self.state.sessions.get(self.own), out)
    }

    /// The fields of Redis, in its order. Fields that have no meaning on a device have Redis's value for a client
    /// without that feature.
    fn write_line(&self, session: &Session, out: &mut dyn Write) -> fmt::Result {
        let flags = match session {
            _ if session.monitor.is_some() => "O",
            _ if session.is_blocked() => "b",
            _ if session.transaction != Transaction::None => "x",
            _ if session.is_subscribed() => "P",
            _ => "N",
        };
        let multi = match session.transaction {
            Transaction::None => -1,
            Transaction::Open { len } => i32::from(len),
            _ => 0,
        };
        writeln!(
            out,
            "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={flags} db=0 sub={} psub={} ssub=0 \
             multi={multi} qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem={} events=r \
             cmd={} user={USER} redir=-1 resp={} lib-name={} lib-ver={}",
            session.id,
            session.peer,
            SocketAddr::new(session.local, self.port),
            session.id,
            session.name,
            self.now_s.wrapping_sub(session.opened_s),
            self.now_s.wrapping_sub((session.last_us / 1_000_000) as u32),
            session.channels(),
            session.patterns(),
            size_of::<Session>(),
            self.table.get(session.command).map_or("NULL", |command| command.name),
            session.protocol.version(),
            session.lib_name,
            session.lib_version,
        )
    }
}
