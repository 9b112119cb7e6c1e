//! CLIENT: who is connected.

use core::fmt::Write;

use heapless::String;
use sockeye_resp::{LossyUtf8, Request};

use crate::command::{CommandContext, CommandResult, Flow, parse_integer};
use crate::replies::client_list::ClientList;
use crate::sessions::session::Session;

/// An address with its port: `[` 39 characters `]:65535`, a scope perhaps.
type Address = String<64, u8>;

pub(crate) fn id(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let id = cx.session().id;
    cx.reply.integer(id.into());
    Ok(Flow::Continue)
}

pub(crate) fn getname(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let session = cx.state.sessions.get(cx.key);
    match session.name.as_bytes() {
        [] => cx.reply.null(),
        name => cx.reply.bulk(name),
    }
    Ok(Flow::Continue)
}

pub(crate) fn setname(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    set_name(cx, cx.arg(2))?;
    cx.ok()
}

pub(crate) fn set_name(cx: &mut CommandContext<'_, '_>, name: &[u8]) -> Result<(), &'static str> {
    let name = plain(name).ok_or("ERR Client names cannot contain spaces, newlines or special characters.")?;
    cut(&mut cx.session().name, name);
    Ok(())
}

pub(crate) fn setinfo(cx: &mut CommandContext<'_, '_>) -> CommandResult {
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
    if is_name {
        cut(&mut session.lib_name, value)
    } else {
        cut(&mut session.lib_version, value)
    }
    cx.ok()
}

/// Keeps the start of a name that doesn't fit: libraries make long ones, and fail if one is refused.
fn cut<const N: usize>(to: &mut String<N, u8>, text: &str) {
    to.clear();
    let _ = to.push_str(text.get(..N).unwrap_or(text));
}

/// A name in which only printable ASCII is, and no blank.
fn plain(name: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(name).ok()?;
    text.bytes().all(|byte| byte.is_ascii_graphic()).then_some(text)
}

pub(crate) fn kill(cx: &mut CommandContext<'_, '_>) -> CommandResult {
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
    fn parse(cx: &CommandContext<'a, '_>) -> Result<Self, &'static str> {
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

pub(crate) fn info(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let (now_s, port, request) = (cx.now.uptime_s() as u32, cx.platform.identity().port, *cx.request);
    let clients = ClientList { state: cx.state, table: cx.table, own: cx.key, now_s, port, request };
    cx.reply.verbatim_with(*b"txt", |out| clients.write_own(out));
    Ok(Flow::Continue)
}

pub(crate) fn list(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let request = *cx.request;
    check_list(&request)?;
    if is_of_type(&request) && !is_type(cx.arg(3)) {
        return cx.refuse(format_args!("ERR Unknown client type '{}'", LossyUtf8(cx.arg(3))));
    }
    let (session, now_ms) = (cx.state.sessions.get(cx.key), cx.now.uptime_ms());
    let place = (session.id, session.cursor);
    let (now_s, port) = (cx.now.uptime_s() as u32, cx.platform.identity().port);
    let clients = ClientList { state: cx.state, table: cx.table, own: cx.key, now_s, port, request };
    let progress = cx.environment.document.borrow_mut().reply(place, now_ms, cx.reply, |out| clients.write(out));
    cx.go_on(progress)
}

/// ON or OFF, for a mode in which a device is anyway.
pub(crate) fn on_or_off(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let is = |word: &[u8]| cx.arg(2).eq_ignore_ascii_case(word);
    if is(b"ON") || is(b"OFF") { cx.ok() } else { Err("ERR syntax error") }
}

/// Client-side caching. With OPTIN a client caches only what follows CLIENT CACHING YES, which is refused, so that OPTIN
/// promises nothing. Every other mode promises invalidation messages.
pub(crate) fn tracking(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let is = |arg: &[u8], word: &[u8]| arg.eq_ignore_ascii_case(word);
    let options = || cx.request.args().skip(3);
    if is(cx.arg(2), b"OFF") {
        return cx.ok();
    }
    if !is(cx.arg(2), b"ON") || options().any(|option| !is(option, b"OPTIN") && !is(option, b"NOLOOP")) {
        return Err("ERR CLIENT TRACKING knows OFF, ON OPTIN and NOLOOP here: a device invalidates nothing");
    }
    match options().any(|option| is(option, b"OPTIN")) {
        true => cx.ok(),
        false => Err("ERR CLIENT TRACKING needs OPTIN here: a device invalidates nothing"),
    }
}

/// CLIENT CACHING YES is refused: a client that caches the next reply would keep it for good. The session's next
/// transaction is refused too.
pub(crate) fn caching(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if cx.arg(2).eq_ignore_ascii_case(b"NO") {
        return cx.ok();
    }
    cx.session().is_mode_refused = true;
    Err("ERR CLIENT CACHING is refused: a device invalidates nothing. The next EXEC is refused too")
}

/// CLIENT REPLY OFF and SKIP are refused, and the connection ends. A client that expects no reply would take the error,
/// or any later reply, for another command's.
pub(crate) fn reply(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if cx.arg(2).eq_ignore_ascii_case(b"ON") {
        return cx.ok();
    }
    let _ = cx.refuse(format_args!("ERR CLIENT REPLY is refused: every request has a reply; the connection is closed"));
    Ok(Flow::Close)
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
