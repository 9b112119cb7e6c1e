//! The connection itself: PING, ECHO, HELLO, SELECT, QUIT, RESET.

use sockeye_resp::{LossyUtf8, Protocol};

use crate::command::{COMPATIBLE_VERSION, CommandContext, CommandResult, Flow, integer, parse_integer};
use crate::commands::auth_commands::{Login, login};
use crate::commands::client_commands::set_name;
use crate::sessions::session::Transaction;

pub(crate) fn ping(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if cx.request.len() > 2 {
        return cx.refuse(format_args!("ERR wrong number of arguments for 'ping' command"));
    }
    let message = cx.request.arg(1);
    if cx.session().is_restricted() {
        cx.reply.array(2);
        cx.reply.bulk(b"pong");
        cx.reply.bulk(message.unwrap_or_default());
        return Ok(Flow::Continue);
    }
    match message {
        Some(message) => cx.reply.bulk(message),
        None => cx.reply.simple("PONG"),
    }
    Ok(Flow::Continue)
}

pub(crate) fn echo(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.bulk(cx.arg(1));
    Ok(Flow::Continue)
}

pub(crate) fn select(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    match integer(cx.arg(1))? {
        0 => cx.ok(),
        _ => Err("ERR DB index is out of range"),
    }
}

pub(crate) fn quit(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    cx.reply.ok();
    Ok(Flow::Close)
}

pub(crate) fn reset(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let was_open = cx.session().transaction != Transaction::None;
    cx.session().reset();
    cx.reply.set_protocol(Protocol::Resp2);
    cx.reply.simple("RESET");
    Ok(if was_open { Flow::Discard } else { Flow::Continue })
}

pub(crate) fn hello(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let protocol = match cx.request.arg(1) {
        None => cx.session().protocol,
        Some(version) => {
            let version = parse_integer(version).ok_or("ERR Protocol version is not an integer or out of range")?;
            Protocol::from_version(version).ok_or("NOPROTO unsupported protocol version")?
        }
    };
    if let Some(flow) = hello_options(cx)? {
        return Ok(flow);
    }
    if !cx.state.may_read(cx.key) {
        return Err("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH \
                    <user> <pass> option can be used to authenticate the client and select the RESP protocol version \
                    at the same time");
    }
    cx.session().protocol = protocol;
    cx.reply.set_protocol(protocol);
    introduce(cx, protocol);
    Ok(Flow::Continue)
}

/// AUTH and SETNAME after HELLO's version; some if an error is written.
fn hello_options(cx: &mut CommandContext<'_, '_>) -> Result<Option<Flow>, &'static str> {
    let mut index = 2;
    while let Some(option) = cx.request.arg(index) {
        let (first, second) = (cx.request.arg(index + 1), cx.request.arg(index + 2));
        match (first, second) {
            (Some(user), Some(token)) if option.eq_ignore_ascii_case(b"AUTH") => {
                if let Login::Refused(flow) = login(cx, user, token) {
                    return Ok(Some(flow));
                }
                index += 3;
            }
            (Some(name), _) if option.eq_ignore_ascii_case(b"SETNAME") => {
                set_name(cx, name)?;
                index += 2;
            }
            _ => {
                let text = format_args!("ERR Syntax error in HELLO option '{}'", LossyUtf8(option));
                return cx.refuse(text).map(Some);
            }
        }
    }
    Ok(None)
}

fn introduce(cx: &mut CommandContext<'_, '_>, protocol: Protocol) {
    let id = cx.session().id;
    let reply = &mut *cx.reply;
    reply.map(7);
    reply.bulk(b"server");
    // Clients look for this word; docs/protocol.md says what it promises.
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(COMPATIBLE_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(protocol.version());
    reply.bulk(b"id");
    reply.integer(id.into());
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
}
