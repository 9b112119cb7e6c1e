//! The parameters of push, and of the readings that others push here.

use heapless::String;

use super::parameter::{Parameter, Refusal};
use crate::command::CommandContext;
use crate::limits::{PUSH_PERIOD_MS_MAX, REMOTE_EXPIRE_S_MAX};
use crate::names::is_name_byte;
use crate::settings::{Seconds, Settings};

/// Changes a parameter; false if it is none of these.
pub(super) fn change<'a>(
    settings: &mut Settings,
    (name, parameter): (&'static str, Parameter),
    value: &'a [u8],
) -> Result<bool, Refusal<'a>> {
    let refuse = |why| Refusal::Argument(name, why);
    let push = &mut settings.push;
    match parameter {
        Parameter::PushNames => push.names = text(value).ok_or(refuse("a pattern has at most 40 bytes"))?,
        Parameter::PushPeriod => {
            let period_ms = number(value, PUSH_PERIOD_MS_MAX);
            push.period_ms = period_ms.ok_or(refuse("a period is at most a day, in milliseconds"))?;
        }
        Parameter::PushTo => {
            let to = text(value).filter(|to| to.is_empty() || is_host_and_port(to));
            push.to = to.ok_or(refuse("a peer is HOST:PORT of at most 64 bytes, or nothing"))?;
        }
        Parameter::PushToken => push.token = text(value).ok_or(refuse("a token has at most 64 bytes"))?,
        Parameter::RemoteExpire => {
            let expire_s = number(value, REMOTE_EXPIRE_S_MAX).filter(|expire_s| *expire_s > 0);
            settings.remote_expire = Seconds(expire_s.ok_or(refuse("a time is 1 to 86400 seconds"))?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Writes the value of one of these parameters.
pub(super) fn write(cx: &mut CommandContext<'_, '_>, parameter: Parameter) {
    let (settings, reply) = (&cx.state.settings, &mut *cx.reply);
    match parameter {
        Parameter::PushNames => reply.bulk(settings.push.names.as_bytes()),
        Parameter::PushPeriod => reply.bulk_fmt(format_args!("{}", settings.push.period_ms)),
        Parameter::PushTo => reply.bulk(settings.push.to.as_bytes()),
        Parameter::RemoteExpire => reply.bulk_fmt(format_args!("{}", settings.remote_expire.0)),
        // A secret, or none of these.
        _ => reply.bulk(b""),
    }
}

fn text<const LEN: usize>(value: &[u8]) -> Option<String<LEN, u8>> {
    core::str::from_utf8(value).ok()?.try_into().ok()
}

fn number(value: &[u8], most: u32) -> Option<u32> {
    let number = crate::command::parse_integer(value)?;
    u32::try_from(number).ok().filter(|number| *number <= most)
}

/// Names and addresses have neither blanks nor further colons.
fn is_host_and_port(to: &str) -> bool {
    to.split_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.bytes().all(is_name_byte) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}
