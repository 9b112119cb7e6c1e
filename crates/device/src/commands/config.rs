//! CONFIG: what can be configured, and what clients of Redis ask about.

mod named_parameters;
mod parameter;
mod push;
mod rule_parameters;
mod wifi_parameters;
mod wiring_parameters;

pub(crate) use wifi_parameters::stage;

use heapless::String;
use sockeye_resp::Request;
use sockeye_wifi::{ApAddress, Ip, Network, StaticIp};

use crate::command::{CommandContext, CommandResult, Prepared};
use crate::limits::{
    DEVICE_NAME_LEN_MAX, SALT_LEN, SLOWLOG_LEN, SLOWLOG_SLOWER_THAN_US, TIME_SERVER_LEN_MAX, TOKEN_LEN_MAX,
    TOKEN_LEN_MIN,
};
use crate::names::is_name_byte;
use crate::pending::{Change, PendingSettings};
use crate::platform::Platform;
use crate::settings::token::TokenHash;
use crate::settings::{LogLevel, Settings};
use crate::state::State;

use named_parameters::Family;
use parameter::{PARAMETERS, Parameter, Refusal, find, matches, pairs};

pub(crate) fn get(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let request = cx.request;
    let found = || {
        PARAMETERS.into_iter().filter(move |(name, parameter)| {
            let is_wanted = request.args().skip(2).any(|pattern| matches(pattern, name));
            // A secret is never sent back, not even that there is one.
            is_wanted && !parameter.is_secret()
        })
    };
    let (parameters, named) = (found().count(), named_parameters::found(cx).count());
    cx.list(
        parameters + named,
        |cx| cx.reply.map(parameters + named),
        |cx, index| {
            let Some((name, parameter)) = found().nth(index) else {
                return named_parameters::write(cx, index - parameters);
            };
            // A client that asks by name looks for the name in its own case.
            let mut asked = request.args().skip(2).filter(|arg| arg.eq_ignore_ascii_case(name.as_bytes()));
            cx.reply.bulk(asked.next().unwrap_or(name.as_bytes()));
            write_value(cx, parameter);
        },
    )
}

fn write_value(cx: &mut CommandContext<'_, '_>, parameter: Parameter) {
    let health = || cx.platform.health().server;
    let number = match parameter {
        Parameter::AppendOnly => return cx.reply.bulk(b"no"),
        Parameter::Save
        | Parameter::AuthToken
        | Parameter::ApPassphrase
        | Parameter::WifiPassword
        | Parameter::PushToken => {
            return cx.reply.bulk(b"");
        }
        Parameter::ApAlways => return cx.reply.bulk(yes_no(cx.state.settings.ap.is_always_on)),
        Parameter::ApIp => {
            let ApAddress { address, prefix_len } = cx.state.settings.ap.address;
            return cx.reply.bulk_fmt(format_args!("{address}/{prefix_len}"));
        }
        Parameter::ApOpen => return cx.reply.bulk(yes_no(cx.state.settings.ap.is_open)),
        Parameter::WifiCountry => return cx.reply.bulk(&cx.state.settings.radio.country),
        Parameter::WifiPowerSave => return cx.reply.bulk(yes_no(cx.state.settings.radio.power_save)),
        Parameter::WifiSsid => return cx.reply.bulk(network(cx.state).map_or("", |network| &network.ssid).as_bytes()),
        Parameter::WifiIp | Parameter::WifiGateway => {
            let ip = match network(cx.state) {
                Some(Network { ip: Ip::Static(ip), .. }) => Some(*ip),
                _ => None,
            };
            return match (parameter, ip) {
                (Parameter::WifiIp, Some(StaticIp { address, prefix_len, .. })) => {
                    cx.reply.bulk_fmt(format_args!("{address}/{prefix_len}"));
                }
                (Parameter::WifiIp, None) => cx.reply.bulk(b"dhcp"),
                (_, Some(StaticIp { gateway: Some(gateway), .. })) => cx.reply.bulk_fmt(format_args!("{gateway}")),
                _ => cx.reply.bulk(b""),
            };
        }
        Parameter::TimeServer => return cx.reply.bulk(cx.state.settings.time_server.as_bytes()),
        Parameter::DeviceName => return cx.reply.bulk(cx.state.device_name(cx.platform).as_bytes()),
        Parameter::LogLevel => {
            let level = cx.state.settings.log_level;
            return cx.reply.bulk(level.name().as_bytes());
        }
        Parameter::PushNames | Parameter::PushPeriod | Parameter::PushTo | Parameter::RemoteExpire => {
            push::write(cx, parameter);
            return;
        }
        Parameter::Databases => 1,
        Parameter::MaxClients => health().slots.into(),
        Parameter::Port => cx.platform.identity().port.into(),
        Parameter::SlowlogMaxLen => SLOWLOG_LEN as u64,
        Parameter::SlowlogSlowerThan => SLOWLOG_SLOWER_THAN_US.into(),
        Parameter::Timeout => health().idle_timeout_s.into(),
    };
    cx.reply.bulk_fmt(format_args!("{number}"));
}

const fn yes_no(is: bool) -> &'static [u8] {
    if is { b"yes" } else { b"no" }
}

/// The network of CONFIG GET: the staged one, or the one that the device is in or tries to join.
fn network(state: &State) -> Option<&Network> {
    let current = || state.settings.networks.iter().find(|network| network.ssid == state.wifi.ssid);
    state.wifi.staged.as_ref().or_else(current).or(state.settings.networks.first())
}

fn check<'a>(request: &Request<'a>) -> Result<(), Refusal<'a>> {
    if !request.len().is_multiple_of(2) {
        return Err(Refusal::Arity);
    }
    for (index, (name, _)) in pairs(request).enumerate() {
        if let Some(family) = Family::of(name) {
            // A family's prefix may be in any case, a name in it may not.
            let own = family.name(name);
            if pairs(request).take(index).any(|(other, _)| family.name(other) == own) {
                return Err(Refusal::Argument(family.noun(), "duplicate parameter"));
            }
            continue;
        }
        let (known, parameter) = find(name).ok_or(Refusal::Unknown(name))?;
        if !parameter.is_mutable() {
            return Err(Refusal::Argument(known, "can't set immutable config"));
        }
        if pairs(request).take(index).any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(Refusal::Argument(known, "duplicate parameter"));
        }
    }
    Ok(())
}

/// Puts into `pending` what the request makes of the settings, and the network that it stages.
fn evaluate<'a>(cx: &CommandContext<'a, '_>, pending: &mut PendingSettings) -> Result<(), Refusal<'a>> {
    let (state, request) = (&*cx.state, &cx.request);
    check(request)?;
    pending.change = Change::Config;
    pending.is_wiring_named = Family::Wiring.pairs(request).next().is_some();
    pending.staged = wifi_parameters::staged(state, request)?;
    pending.settings.assign(&state.settings);
    let settings = &mut pending.settings;
    wiring_parameters::change(settings, cx.platform, request)?;
    rule_parameters::change(settings, request)?;
    for (name, value) in pairs(request).filter(|(name, _)| Family::of(name).is_none()) {
        let Some((known, parameter)) = find(name) else {
            return Err(Refusal::Unknown(name));
        };
        let refuse = |why| Refusal::Argument(known, why);
        match parameter {
            // The same token with another salt would be stored again.
            Parameter::AuthToken if settings.token.as_ref().is_some_and(|known| known.is(value)) => (),
            Parameter::AuthToken => settings.token = token(value, cx.platform).map_err(refuse)?,
            Parameter::DeviceName => settings.name = device_name(value).map_err(refuse)?,
            Parameter::TimeServer => settings.time_server = time_server(value).map_err(refuse)?,
            Parameter::LogLevel => settings.log_level = log_level(value).map_err(refuse)?,
            _ if parameter.is_staged() || wifi_parameters::change(settings, (known, parameter), value)? => (),
            _ if push::change(settings, (known, parameter), value)? => {
                if !settings.push.to.is_empty() && !state.has_outbox {
                    return Err(refuse("this device sends no samples"));
                }
            }
            _ => return Err(refuse("can't set immutable config")),
        }
    }
    rule_parameters::check_all(settings, state, cx.platform)
}

fn token(value: &[u8], platform: &dyn Platform) -> Result<Option<TokenHash>, &'static str> {
    match value.len() {
        0 => Ok(None),
        TOKEN_LEN_MIN..=TOKEN_LEN_MAX => {
            let mut salt = [0; SALT_LEN];
            platform.random(&mut salt);
            Ok(Some(TokenHash::new(value, salt)))
        }
        _ => Err("a token has 8 to 128 bytes, or none to remove it"),
    }
}

fn time_server(value: &[u8]) -> Result<String<TIME_SERVER_LEN_MAX, u8>, &'static str> {
    let is_plain = value.iter().all(|byte| is_name_byte(*byte) || *byte == b':');
    let text = core::str::from_utf8(value).ok().filter(|_| is_plain);
    text.and_then(|text| text.try_into().ok())
        .ok_or("a time server is HOST or HOST:PORT of at most 64 bytes, or nothing")
}

fn device_name(value: &[u8]) -> Result<String<DEVICE_NAME_LEN_MAX, u8>, &'static str> {
    let is_plain = value.iter().all(|byte| is_name_byte(*byte));
    let text = core::str::from_utf8(value).ok().filter(|_| is_plain);
    let name = text.and_then(|text| String::try_from(text).ok());
    name.ok_or("a name has at most 32 letters, digits, '.', '_' and '-'")
}

fn log_level(value: &[u8]) -> Result<LogLevel, &'static str> {
    let level = LogLevel::ALL.into_iter().find(|level| value.eq_ignore_ascii_case(level.name().as_bytes()));
    level.ok_or("argument(s) must be one of the following: debug, verbose, notice, warning")
}

pub(crate) fn set(cx: &mut CommandContext<'_, '_>, pending: &mut PendingSettings) -> Result<Prepared, &'static str> {
    let refusal = match evaluate(cx, pending) {
        Err(refusal) => refusal,
        Ok(()) if pending.settings != cx.state.settings => return Ok(Prepared::Store),
        // A client that sends a wiring again has it used again.
        Ok(()) if pending.is_wiring_named && cx.state.wired.is_set_aside => return Ok(Prepared::Store),
        // Settings that are in force already need no store, and neither does a network that is staged.
        Ok(()) => match pending.staged.as_ref().map_or(Ok(()), |staged| stage(cx.state, staged)) {
            Ok(()) => {
                cx.reply.ok();
                return Ok(Prepared::Nothing);
            }
            Err(refusal) => refusal,
        },
    };
    let _ = cx.refuse(format_args!("{refusal}"));
    Ok(Prepared::Nothing)
}

pub(crate) fn factory_reset(
    _: &mut CommandContext<'_, '_>,
    pending: &mut PendingSettings,
) -> Result<Prepared, &'static str> {
    *pending =
        PendingSettings { change: Change::Reset, settings: Settings::default(), staged: None, is_wiring_named: false };
    Ok(Prepared::Store)
}
