//! CLIENT: who is connected.

use core::fmt::{self, Write};

use heapless::String;
use sockeye_resp::{LossyUtf8, Request};

use crate::app::State;
use crate::command::{Cx, Flow, Outcome, parse_integer};
use crate::replies::document::Lines;
use crate::sessions::session::{Session, SessionKey, Side};

/// An address with its port: `[` 39 characters `]:65535`, a scope perhaps.
type Address = String<64, u8>;

pub(crate) fn id(cx: &mut Cx<'_, '_>) -> Outcome {
    let id = cx.session().id;
    cx.reply.integer(id.into());
    Ok(Flow::Continue)
}

pub(crate) fn getname(cx: &mut Cx<'_, '_>) -> Outcome {
    let session = cx.state.sessions.get(cx.key);
    match session.name.as_bytes() {
        [] => cx.reply.null(),
        name => cx.reply.bulk(name),
    }
    Ok(Flow::Continue)
}

pub(crate) fn setname(cx: &mut Cx<'_, '_>) -> Outcome {
    set_name(cx, cx.arg(2))?;
    cx.ok()
}

pub(crate) fn set_name(cx: &mut Cx<'_, '_>, name: &[u8]) -> Result<(), &'static str> {
    let name = plain(name).ok_or("ERR Client names cannot contain spaces, newlines or special characters.")?;
    cx.session().name = String::try_from(name).map_err(|_| "ERR client name is longer than 32 bytes")?;
    Ok(())
}

pub(crate) fn setinfo(cx: &mut Cx<'_, '_>) -> Outcome {
    let (attribute, value) = (cx.arg(2), cx.arg(3));
    let is_name = attribute.eq_ignore_ascii_case(b"lib-name");
    if !is_name && !attribute.eq_ignore_ascii_case(b"lib-ver") {
        return cx.refuse(format_args!("ERR Unrecognized option '{}'", LossyUtf8(attribute)));
    }
    let shown = if is_name { "lib-name" } else { "lib-ver" };
    let Some(value) = plain(value) else {
        return cx.refuse(format_args!("ERR {shown} cannot contain spaces, newlines or special characters."));
    };
    let session = cx.session();
    // What doesn't fit is cut: no client can help the length of its own name.
    if is_name {
        cut(&mut session.lib_name, value)
    } else {
        cut(&mut session.lib_version, value)
    }
    cx.ok()
}

fn cut<const N: usize>(to: &mut String<N, u8>, text: &str) {
    to.clear();
    let _ = to.push_str(text.get(..N).unwrap_or(text));
}

/// A name in which only printable ASCII is, and no blank.
fn plain(name: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(name).ok()?;
    text.bytes().all(|byte| byte.is_ascii_graphic()).then_some(text)
}

pub(crate) fn kill(cx: &mut Cx<'_, '_>) -> Outcome {
    let own_id = cx.session().id;
    if cx.request.len() == 3 {
        let address = cx.arg(2);
        let Some(session) = cx.state.sessions.iter_mut().find(|session| is_at(session, address)) else {
            return Err("ERR No such client");
        };
        if session.id == own_id {
            cx.reply.ok();
            return Ok(Flow::Close);
        }
        session.kill();
        return cx.ok();
    }
    let filter = KillFilter::parse(cx)?;
    let (mut killed, mut is_own) = (0, false);
    for session in cx.state.sessions.iter_mut().filter(|session| filter.matches(session, own_id)) {
        killed += 1;
        match session.id == own_id {
            true => is_own = true,
            false => session.kill(),
        }
    }
    cx.reply.integer(killed);
    Ok(if is_own { Flow::Close } else { Flow::Continue })
}

/// Which clients to kill.
struct KillFilter<'a> {
    id: Option<i64>,
    address: Option<&'a [u8]>,
    skip_me: bool,
}

impl<'a> KillFilter<'a> {
    fn parse(cx: &Cx<'a, '_>) -> Result<Self, &'static str> {
        let mut filter = Self { id: None, address: None, skip_me: true };
        let mut index = 2;
        while let Some(option) = cx.request.arg(index) {
            let value = cx.request.arg(index + 1).ok_or("ERR syntax error")?;
            if option.eq_ignore_ascii_case(b"ID") {
                let id = parse_integer(value).filter(|id| *id > 0);
                filter.id = Some(id.ok_or("ERR client-id should be greater than 0")?);
            } else if option.eq_ignore_ascii_case(b"ADDR") {
                filter.address = Some(value);
            } else if option.eq_ignore_ascii_case(b"SKIPME") {
                filter.skip_me = match value {
                    yes if yes.eq_ignore_ascii_case(b"yes") => true,
                    no if no.eq_ignore_ascii_case(b"no") => false,
                    _ => return Err("ERR syntax error"),
                };
            } else {
                return Err("ERR syntax error");
            }
            index += 2;
        }
        Ok(filter)
    }

    fn matches(&self, session: &Session, own_id: u32) -> bool {
        self.id.is_none_or(|id| id == i64::from(session.id))
            && self.address.is_none_or(|address| is_at(session, address))
            && !(self.skip_me && session.id == own_id)
    }
}

fn is_at(session: &Session, address: &[u8]) -> bool {
    let mut peer = Address::new();
    write!(peer, "{}", session.peer).is_ok() && peer.as_bytes() == address
}

pub(crate) fn info(_: &mut Cx<'_, '_>) -> Outcome {
    Ok(Flow::Text)
}

pub(crate) fn list(cx: &mut Cx<'_, '_>) -> Outcome {
    let request = cx.request;
    check_list(&request)?;
    if is_of_type(&request) && !is_type(cx.arg(3)) {
        return cx.refuse(format_args!("ERR Unknown client type '{}'", LossyUtf8(cx.arg(3))));
    }
    let clients = Clients { state: cx.state, own: cx.key, now_s: 0, request };
    if clients.listed().next().is_none() {
        cx.reply.verbatim(*b"txt", "");
        return Ok(Flow::Continue);
    }
    Ok(Flow::Text)
}

fn check_list(request: &Request<'_>) -> Result<(), &'static str> {
    let Some(option) = request.arg(2) else {
        return Ok(());
    };
    if is_of_type(request) {
        return Ok(());
    }
    if option.eq_ignore_ascii_case(b"ID") && request.len() > 3 {
        let are_ids = request.args().skip(3).all(|id| parse_integer(id).is_some_and(|id| id > 0));
        return are_ids.then_some(()).ok_or("ERR Invalid client ID");
    }
    Err("ERR syntax error")
}

/// Whether the request asks for clients of one type.
fn is_of_type(request: &Request<'_>) -> bool {
    request.len() == 4 && request.arg(2).is_some_and(|option| option.eq_ignore_ascii_case(b"TYPE"))
}

fn is_type(name: &[u8]) -> bool {
    [&b"normal"[..], b"pubsub", b"master", b"replica", b"slave"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// The clients as lines: all others and then the one who asks, because the last line is the one that is filled up.
pub(crate) struct Clients<'a> {
    pub(crate) state: &'a State,
    pub(crate) own: SessionKey,
    pub(crate) now_s: u32,
    pub(crate) request: Request<'a>,
}

impl Clients<'_> {
    fn is_listed(&self, session: &Session) -> bool {
        let arg = |index| self.request.arg(index).unwrap_or_default();
        let is = |index, word: &[u8]| arg(index).eq_ignore_ascii_case(word);
        if is(1, b"INFO") {
            session.id == self.state.sessions.get(self.own).id
        } else if is(2, b"TYPE") {
            is(3, if session.is_subscribed() { b"pubsub" } else { b"normal" })
        } else if is(2, b"ID") {
            self.request.args().skip(3).any(|id| parse_integer(id) == Some(session.id.into()))
        } else {
            true
        }
    }

    fn listed(&self) -> impl Iterator<Item = &Session> {
        let own = self.state.sessions.get(self.own);
        let others = self.state.sessions.iter().filter(move |session| session.id != own.id);
        others.chain([own]).filter(|session| self.is_listed(session))
    }
}

impl Lines for Clients<'_> {
    const FILLER: &'static str = " pad=";
    const FILL: u8 = b'.';
    const END: &'static str = "\n";

    fn line(&self, index: usize, out: &mut dyn Write) -> Option<fmt::Result> {
        let session = self.listed().nth(index)?;
        let separator = if index > 0 { "\n" } else { "" };
        Some(out.write_str(separator).and_then(|()| write_client(session, self.now_s, out)))
    }
}

fn write_client(session: &Session, now_s: u32, out: &mut dyn Write) -> fmt::Result {
    let flags = match session {
        _ if session.monitor.is_some() => "O",
        _ if session.is_blocked() => "b",
        _ if session.is_subscribed() => "P",
        _ => "N",
    };
    let side = match session.side {
        Side::AccessPoint => "ap",
        Side::Loopback => "loopback",
        Side::Station => "station",
    };
    write!(
        out,
        "id={} addr={} name={} age={} idle={} flags={flags} db=0 sub={} psub={} ssub=0 multi=-1 cmd={} user={} \
         resp={} lib-name={} lib-ver={} side={side} dropped={}",
        session.id,
        session.peer,
        session.name,
        now_s.wrapping_sub(session.opened_s),
        now_s.wrapping_sub((session.last_us / 1_000_000) as u32),
        session.channels(),
        session.patterns(),
        session.command,
        super::acl::USER,
        session.protocol.version(),
        session.lib_name,
        session.lib_version,
        session.subscriber.dropped,
    )
}
