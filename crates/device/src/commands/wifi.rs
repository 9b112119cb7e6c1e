//! WIFI: the networks in the air, and trying one before it is stored.

use core::fmt::Write;

use sockeye_wifi::limits::{CONFIRM_S, CONFIRM_S_MAX, CONFIRM_S_MIN, OUTCOME_S};
use sockeye_wifi::{FIELDS, Input, Ip, MachineInput, Network, State as Station, Status, Wifi};

use crate::app::{self, State};
use crate::command::{Cx, Flow, Outcome, integer};
use crate::commands::config;
use crate::platform::Now;
use crate::sessions::session::{Cursor, Side};
use crate::settings::Settings;

const NO_RADIO: &str = "ERR this device has no Wi-Fi";
const BUSY: &str = "ERR a network is being tried: WIFI CONFIRM or WIFI ABORT comes first";

impl Cx<'_, '_> {
    fn want_wifi(&mut self, want: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        let random = app::random(self.platform);
        self.state.want_wifi(self.now, random, want);
    }

    fn has_radio(&self) -> Result<(), &'static str> {
        if self.state.wifi.has_radio { Ok(()) } else { Err(NO_RADIO) }
    }

    /// Nothing is written until the trial or the scan of this number has an outcome. The state machine bounds that.
    fn wait_for_wifi(&mut self, number: u16) -> Outcome {
        let session = self.session();
        session.sampled = false;
        session.cursor = Cursor::Wifi(number);
        Ok(Flow::Block { timeout_ms: 0 })
    }
}

pub(crate) fn status(cx: &mut Cx<'_, '_>) -> Outcome {
    let status = Status {
        wifi: &cx.state.wifi,
        settings: cx.state.settings.wifi(config::name(cx.state, cx.platform)),
        rssi_dbm: cx.platform.health().wifi_rssi_dbm,
        now_ms: cx.now.uptime_ms(),
    };
    let found = || FIELDS.iter().filter(|field| field.exists(&status));
    cx.reply.map(found().count());
    for field in found() {
        cx.reply.bulk(field.name.strip_prefix("wifi_").unwrap_or(field.name).as_bytes());
        cx.reply.bulk_with(|out| field.write(&status, out as &mut dyn Write).unwrap_or(Ok(())));
    }
    Ok(Flow::Continue)
}

pub(crate) fn scan(cx: &mut Cx<'_, '_>) -> Outcome {
    cx.has_radio()?;
    if let Cursor::Wifi(number) = cx.session().cursor {
        if cx.state.wifi.scans == number {
            return cx.wait_for_wifi(number);
        }
        cx.session().cursor = Cursor::Start;
        if cx.state.wifi.is_scan_failed {
            return Err("ERR the radio could not scan, try again");
        }
        let networks = cx.state.wifi.scan.networks();
        cx.reply.array(networks.len());
        for heard in networks {
            cx.reply.array(3);
            cx.reply.bulk(heard.ssid.as_bytes());
            cx.reply.integer(heard.rssi_dbm.into());
            cx.reply.bulk(heard.security.name().as_bytes());
        }
        return Ok(Flow::Continue);
    }
    cx.want_wifi(|wifi, env| wifi.request_scan(env));
    cx.wait_for_wifi(cx.state.wifi.scans)
}

pub(crate) fn try_network(cx: &mut Cx<'_, '_>) -> Outcome {
    if let Cursor::Wifi(number) = cx.session().cursor {
        return tried(cx, number);
    }
    cx.has_radio()?;
    let confirm_s = confirm_s(cx)?;
    check_trial(cx.state)?;
    cx.want_wifi(|wifi, env| wifi.command(Input::Try { confirm_s }, env));
    // A client is told before its connection may drop, because the station leaves its network, or because the access
    // point restarts. All others wait for the outcome.
    let side = cx.session().side;
    if side == Side::Station || side == Side::AccessPoint && cx.state.wifi.restarts_ap {
        write_begun_trial(cx, confirm_s, side);
        return Ok(Flow::Continue);
    }
    cx.wait_for_wifi(cx.state.wifi.trials)
}

fn confirm_s(cx: &Cx<'_, '_>) -> Result<u16, &'static str> {
    let Some(text) = cx.request.arg(2) else {
        return Ok(CONFIRM_S);
    };
    if cx.request.len() > 3 {
        return Err("ERR syntax error");
    }
    let seconds = u16::try_from(integer(text)?).ok().filter(|s| (CONFIRM_S_MIN..=CONFIRM_S_MAX).contains(s));
    seconds.ok_or("ERR WIFI TRY takes 10 to 600 seconds")
}

fn check_trial(state: &State) -> Result<(), &'static str> {
    if state.wifi.trial.is_some() {
        return Err(BUSY);
    }
    let staged = state.wifi.staged.as_ref();
    let staged = staged.ok_or("ERR no network is staged: CONFIG SET wifi.ssid S wifi.password P comes first")?;
    let networks = &state.settings.networks;
    if networks.is_full() && networks.iter().all(|network| network.ssid != staged.ssid) {
        return Err("ERR as many networks as there is room for are stored: WIFI FORGET one first");
    }
    Ok(())
}

/// What came of a trial, once something did.
fn tried(cx: &mut Cx<'_, '_>, number: u16) -> Outcome {
    let wifi = &cx.state.wifi;
    let (trial, is_proving) = (wifi.trial, wifi.state == Station::AwaitingConfirm);
    if wifi.trials == number
        && let Some(trial) = trial
    {
        if !is_proving {
            return cx.wait_for_wifi(number);
        }
        cx.session().cursor = Cursor::Start;
        write_trial(cx, trial.confirm_s);
        return Ok(Flow::Continue);
    }
    let failure = wifi.trial_failure.filter(|_| wifi.trials == number);
    cx.session().cursor = Cursor::Start;
    match failure {
        Some(failure) => cx.refuse(format_args!("ERR the network was not joined: {failure}; the device goes back")),
        None => Err("ERR the trial is over"),
    }
}

/// The reply that comes before the outcome: also within how many seconds the outcome is there, and how to ask for it.
fn write_begun_trial(cx: &mut Cx<'_, '_>, confirm_s: u16, side: Side) {
    cx.reply.map(5);
    write_fields(cx, confirm_s);
    cx.reply.bulk(b"outcome_within_s");
    cx.reply.integer(OUTCOME_S as i64);
    cx.reply.bulk(b"if_the_connection_drops");
    cx.reply.bulk(match side {
        Side::AccessPoint => b"join the device's access point again and ask WIFI STATUS",
        _ => b"join the new network and send WIFI CONFIRM there; a device that failed is back where it was",
    });
}

fn write_trial(cx: &mut Cx<'_, '_>, confirm_s: u16) {
    cx.reply.map(3);
    write_fields(cx, confirm_s);
}

/// The three fields of every reply.
fn write_fields(cx: &mut Cx<'_, '_>, confirm_s: u16) {
    let wifi = &cx.state.wifi;
    cx.reply.bulk(b"ssid");
    cx.reply.bulk(wifi.staged.as_ref().map_or("", |staged| &staged.ssid).as_bytes());
    cx.reply.bulk(b"address");
    match wifi.address.filter(|_| wifi.state == Station::AwaitingConfirm) {
        Some(address) => cx.reply.bulk_fmt(format_args!("{address}")),
        None => cx.reply.null(),
    }
    cx.reply.bulk(b"confirm_within_s");
    cx.reply.integer(confirm_s.into());
}

pub(crate) fn confirm(cx: &mut Cx<'_, '_>) -> Outcome {
    cx.has_radio()?;
    let side = cx.session().side;
    check_proved(cx.state, side)?;
    Ok(Flow::Commit)
}

/// Whether a client on this side may say that the network works. An address by DHCP shows that frames go both ways; one
/// that was configured shows nothing, so that only a client can which has reached the device there.
fn check_proved(state: &State, side: Side) -> Result<(), &'static str> {
    let is_static = state.wifi.staged.as_ref().is_some_and(|staged| staged.ip != Ip::Dhcp);
    match (state.wifi.trial, state.wifi.state) {
        (Some(_), Station::AwaitingConfirm) if is_static && side != Side::Station => {
            Err("ERR nobody knows yet that this address works: WIFI CONFIRM must come over the new network")
        }
        (Some(_), Station::AwaitingConfirm) => Ok(()),
        (Some(_), _) => Err("ERR the device has no address in the network yet"),
        (None, _) => Err("ERR no network is being tried: it was confirmed, the time is over, or WIFI TRY comes first"),
    }
}

/// The settings with the network that is being tried, and that a client on this side confirms.
pub(crate) fn confirmed(state: &State, side: Side) -> Result<Settings, &'static str> {
    check_proved(state, side)?;
    let staged = state.wifi.staged.clone().ok_or("ERR no network is staged")?;
    let mut settings = state.settings.clone();
    match settings.networks.iter_mut().find(|network| network.ssid == staged.ssid) {
        Some(known) => *known = staged,
        None => settings.networks.push(staged).map_err(|_| "ERR there is no room for another network")?,
    }
    Ok(settings)
}

/// The trial can't be over while it is being stored.
pub(crate) fn set_confirming(state: &mut State, is_confirming: bool) {
    if let Some(trial) = &mut state.wifi.trial {
        trial.is_confirming = is_confirming;
    }
}

/// All that a reboot would forget is forgotten.
pub(crate) fn reset(state: &mut State, now: Now, random: u32) {
    state.want_wifi(now, random, |wifi, env| {
        wifi.command(Input::Abort, env);
        wifi.staged = None;
    });
}

pub(crate) fn abort(cx: &mut Cx<'_, '_>) -> Outcome {
    cx.has_radio()?;
    if cx.state.wifi.is_confirming() {
        return Err("ERR the network is being stored");
    }
    match cx.state.wifi.trial {
        Some(_) => cx.want_wifi(|wifi, env| wifi.command(Input::Abort, env)),
        None => cx.state.wifi.staged = None,
    }
    cx.ok()
}

pub(crate) fn forget(cx: &mut Cx<'_, '_>) -> Outcome {
    without(cx.state, cx.arg(2))?;
    Ok(Flow::Commit)
}

/// The settings without this network.
pub(crate) fn without(state: &State, ssid: &[u8]) -> Result<Settings, &'static str> {
    let is_other = |network: &Network| network.ssid.as_bytes() != ssid;
    if state.settings.networks.iter().all(is_other) {
        return Err("ERR no such network is stored");
    }
    let mut settings = state.settings.clone();
    settings.networks.retain(is_other);
    Ok(settings)
}
