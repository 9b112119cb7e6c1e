//! The parameters of the Wi-Fi: those that are staged until WIFI CONFIRM, and those that are stored at once.

use sockeye_resp::Request;
use sockeye_wifi::{ApAddress, InvalidNetwork, Ip, Network, Secret, StaticIp};

use super::parameter::{Parameter, Refusal, find, pairs};
use crate::pending::Staged;
use crate::settings::Settings;
use crate::state::State;

/// Stages a network, unless one is being tried.
pub(crate) fn stage(state: &mut State, staged: &Staged) -> Result<(), Refusal<'static>> {
    is_free(state, staged.parameter.unwrap_or_default())?;
    state.wifi.staged = Some(staged.network.clone());
    Ok(())
}

fn is_free(state: &State, name: &'static str) -> Result<(), Refusal<'static>> {
    match state.wifi.trial {
        Some(_) => Err(Refusal::Argument(name, "a network is being tried: WIFI CONFIRM or WIFI ABORT comes first")),
        None => Ok(()),
    }
}

/// The network that a request stages; none if it has nothing to do with one.
pub(super) fn staged<'a>(state: &State, request: &Request<'a>) -> Result<Option<Staged>, Refusal<'a>> {
    let given = |wanted: Parameter| {
        let found = pairs(request).filter_map(|(name, value)| find(name).map(|(name, found)| (name, found, value)));
        found.filter(|(_, found, _)| *found == wanted).map(|(name, _, value)| (name, value)).next()
    };
    let all = [Parameter::WifiSsid, Parameter::WifiPassword, Parameter::WifiIp, Parameter::WifiGateway].map(given);
    let Some((first, _)) = all.iter().flatten().next() else {
        return Ok(None);
    };
    is_free(state, first)?;
    let [ssid, password, ip, gateway] = all;
    let mut network = match ssid {
        Some((name, ssid)) => known(state, ssid).map_err(|error| Refusal::Network(name, error))?,
        None => state.wifi.staged.clone().ok_or(Refusal::Argument(first, "set wifi.ssid first, or with it"))?,
    };
    if let Some((name, password)) = password {
        network.password = Secret::new(password).map_err(|error| Refusal::Network(name, error))?;
    }
    if let Some((name, ip)) = ip {
        network.ip = parse_ip(ip).map_err(|error| Refusal::Network(name, error))?;
    }
    if let Some((name, gateway)) = gateway {
        network.ip = match network.ip {
            Ip::Static(ip) => Ip::Static(ip.with_gateway(gateway).map_err(|error| Refusal::Network(name, error))?),
            Ip::Dhcp if gateway.is_empty() => Ip::Dhcp,
            Ip::Dhcp => return Err(Refusal::Argument(name, "the router gives one: set wifi.ip first, or with it")),
        };
    }
    Ok(Some(Staged { parameter: Some(first), network }))
}

/// The stored network of this name, so that one of its parameters can be changed; otherwise a new one.
fn known(state: &State, ssid: &[u8]) -> Result<Network, InvalidNetwork> {
    let stored = state.settings.networks.iter().find(|network| network.ssid.as_bytes() == ssid);
    stored.map_or_else(|| Network::new(ssid), |stored| Ok(stored.clone()))
}

fn parse_ip(value: &[u8]) -> Result<Ip, InvalidNetwork> {
    if value.eq_ignore_ascii_case(b"dhcp") { Ok(Ip::Dhcp) } else { StaticIp::parse(value).map(Ip::Static) }
}

/// Changes a parameter that is stored at once; false if it is none of these.
pub(super) fn change<'a>(
    settings: &mut Settings,
    (name, parameter): (&'static str, Parameter),
    value: &'a [u8],
) -> Result<bool, Refusal<'a>> {
    let network = |error| Refusal::Network(name, error);
    let switch = || yes_or_no(value).ok_or(Refusal::Argument(name, "argument must be 'yes' or 'no'"));
    match parameter {
        Parameter::ApAlways => settings.ap.is_always_on = switch()?,
        Parameter::ApIp => {
            let StaticIp { address, prefix_len, .. } = StaticIp::parse(value).map_err(network)?;
            settings.ap.address = ApAddress { address, prefix_len };
        }
        Parameter::ApOpen => settings.ap.is_open = switch()?,
        Parameter::ApPassphrase => settings.ap.passphrase = Secret::new(value).map_err(network)?,
        Parameter::WifiCountry => {
            let country = <[u8; 2]>::try_from(value).ok().map(|country| country.map(|c| c.to_ascii_uppercase()));
            let country = country.filter(|country| country == b"01" || country.iter().all(u8::is_ascii_uppercase));
            settings.radio.country = country.ok_or(Refusal::Argument(name, "a country is two letters, or 01"))?;
        }
        Parameter::WifiPowerSave => settings.radio.power_save = switch()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn yes_or_no(value: &[u8]) -> Option<bool> {
    match value {
        _ if value.eq_ignore_ascii_case(b"yes") => Some(true),
        _ if value.eq_ignore_ascii_case(b"no") => Some(false),
        _ => None,
    }
}
