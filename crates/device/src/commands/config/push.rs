//! The parameters of push, and of the readings that others push here.

use super::parameter::{Parameter, Refusal};
use crate::command::CommandContext;
use crate::limits::REMOTE_EXPIRE_S_MAX;
use crate::settings::{PUSH_PERIOD_REFUSED, Seconds, Settings};

/// Changes a parameter; false if it is none of these.
pub(super) fn change<'a>(
    settings: &mut Settings,
    (name, parameter): (&'static str, Parameter),
    value: &'a [u8],
) -> Result<bool, Refusal<'a>> {
    let refuse = |why| Refusal::Argument(name, why);
    let push = &mut settings.push;
    match parameter {
        Parameter::PushNames => push.set_names(value).map_err(refuse)?,
        Parameter::PushPeriod => {
            let period_ms = number(value, u32::MAX).ok_or(refuse(PUSH_PERIOD_REFUSED))?;
            push.set_period_ms(period_ms).map_err(refuse)?;
        }
        Parameter::PushTo => push.set_to(value).map_err(refuse)?,
        Parameter::PushToken => push.set_token(value).map_err(refuse)?,
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

fn number(value: &[u8], most: u32) -> Option<u32> {
    let number = crate::command::parse_integer(value)?;
    u32::try_from(number).ok().filter(|number| *number <= most)
}
