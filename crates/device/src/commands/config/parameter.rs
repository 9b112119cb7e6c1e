//! The parameters of CONFIG: their names, the pairs of a request, and why CONFIG SET changes nothing.

use core::fmt;

use heapless::String;
use sockeye_resp::{LossyUtf8, Request};
use sockeye_wifi::InvalidNetwork;

use crate::bounded_text::write_start;
use crate::glob;
use crate::limits::SPEC_ERROR_LEN_MAX;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Parameter {
    ApAlways,
    ApIp,
    ApOpen,
    ApPassphrase,
    AppendOnly,
    AuthToken,
    Databases,
    DeviceName,
    LogLevel,
    MaxClients,
    Port,
    PushNames,
    PushPeriod,
    PushTo,
    PushToken,
    RemoteExpire,
    Save,
    SlowlogMaxLen,
    SlowlogSlowerThan,
    TimeServer,
    Timeout,
    WifiCountry,
    WifiGateway,
    WifiIp,
    WifiPassword,
    WifiPowerSave,
    WifiSsid,
}

pub(super) const PARAMETERS: [(&str, Parameter); 27] = [
    ("ap.always", Parameter::ApAlways),
    ("ap.ip", Parameter::ApIp),
    ("ap.open", Parameter::ApOpen),
    ("ap.passphrase", Parameter::ApPassphrase),
    ("appendonly", Parameter::AppendOnly),
    ("auth.token", Parameter::AuthToken),
    ("databases", Parameter::Databases),
    ("device.name", Parameter::DeviceName),
    ("loglevel", Parameter::LogLevel),
    ("maxclients", Parameter::MaxClients),
    ("port", Parameter::Port),
    ("push.names", Parameter::PushNames),
    ("push.period", Parameter::PushPeriod),
    ("push.to", Parameter::PushTo),
    ("push.token", Parameter::PushToken),
    ("remote.expire", Parameter::RemoteExpire),
    ("save", Parameter::Save),
    ("slowlog-max-len", Parameter::SlowlogMaxLen),
    ("slowlog-log-slower-than", Parameter::SlowlogSlowerThan),
    ("time.server", Parameter::TimeServer),
    ("timeout", Parameter::Timeout),
    ("wifi.country", Parameter::WifiCountry),
    ("wifi.gateway", Parameter::WifiGateway),
    ("wifi.ip", Parameter::WifiIp),
    ("wifi.password", Parameter::WifiPassword),
    ("wifi.powersave", Parameter::WifiPowerSave),
    ("wifi.ssid", Parameter::WifiSsid),
];

impl Parameter {
    pub(super) const fn is_secret(self) -> bool {
        matches!(self, Self::AuthToken | Self::ApPassphrase | Self::PushToken | Self::WifiPassword)
    }

    pub(super) const fn is_mutable(self) -> bool {
        use Parameter::{
            ApAlways, ApIp, ApOpen, ApPassphrase, AuthToken, DeviceName, LogLevel, PushNames, PushPeriod, PushTo,
            PushToken, RemoteExpire, TimeServer, WifiCountry, WifiPowerSave,
        };
        let is_stored = matches!(
            self,
            ApAlways
                | ApIp
                | ApOpen
                | ApPassphrase
                | AuthToken
                | DeviceName
                | LogLevel
                | TimeServer
                | WifiCountry
                | WifiPowerSave
        );
        let is_push = matches!(self, PushNames | PushPeriod | PushTo | PushToken | RemoteExpire);
        is_stored || is_push || self.is_staged()
    }

    /// Whether a parameter is of the network that is staged, and not stored until it was tried.
    pub(super) const fn is_staged(self) -> bool {
        use Parameter::{WifiGateway, WifiIp, WifiPassword, WifiSsid};
        matches!(self, WifiSsid | WifiPassword | WifiIp | WifiGateway)
    }
}

/// Whether a parameter's name matches a pattern, in any case.
pub(super) fn matches(pattern: &[u8], name: &str) -> bool {
    let mut lower = heapless::Vec::<u8, { sockeye_resp::limits::BULK_LEN_MAX }>::new();
    let fits = lower.extend_from_slice(pattern).is_ok();
    lower.make_ascii_lowercase();
    fits && glob::matches(&lower, name.as_bytes())
}

/// Why CONFIG SET changes nothing. `Display` gives Redis's words.
pub(crate) enum Refusal<'a> {
    Arity,
    Unknown(&'a [u8]),
    Argument(&'static str, &'static str),
    Network(&'static str, InvalidNetwork),
    /// A wiring or a rule that can't be, in words.
    Words(String<SPEC_ERROR_LEN_MAX, u8>),
}

impl fmt::Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arity => f.write_str("ERR wrong number of arguments for 'config|set' command"),
            Self::Unknown(name) => {
                write!(f, "ERR Unknown option or number of arguments for CONFIG SET - '{}'", LossyUtf8(name))
            }
            Self::Argument(name, why) => {
                write!(f, "ERR CONFIG SET failed (possibly related to argument '{name}') - {why}")
            }
            Self::Network(name, why) => {
                write!(f, "ERR CONFIG SET failed (possibly related to argument '{name}') - {why}")
            }
            Self::Words(why) => write!(f, "ERR CONFIG SET failed - {why}"),
        }
    }
}

/// A refusal in words.
pub(super) fn refuse(why: fmt::Arguments<'_>) -> Refusal<'static> {
    let mut text = String::new();
    write_start(&mut text, why);
    Refusal::Words(text)
}

/// The pairs of a request. All are looked at before one is changed, in Redis's order: unknown, immutable, duplicate.
pub(super) fn pairs<'a>(request: &Request<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
    let request = *request;
    let pair = move |index| Some((request.arg(index)?, request.arg(index + 1)?));
    (2..request.len()).step_by(2).map_while(pair)
}

/// The parameter of a name, in any case. None if there is no such parameter.
pub(super) fn find(name: &[u8]) -> Option<(&'static str, Parameter)> {
    PARAMETERS.into_iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
}
