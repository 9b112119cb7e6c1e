//! WIFI: the networks in the air, and trying one before it is stored.

use core::fmt::Write;

use sockeye_wifi::limits::{CONFIRM_S, CONFIRM_S_MAX, CONFIRM_S_MIN, OUTCOME_S};
use sockeye_wifi::{FIELDS, Input, Ip, MachineInput, Network, StationState, Wifi, WifiStatus};

use crate::command::{CommandContext, CommandResult, Flow, Prepared, integer};
use crate::pending::{Change, PendingSettings};
use crate::platform::{Now, random_u32};
use crate::sessions::session::{ClientOrigin, Cursor};
use crate::state::State;

/// The number is [`NETWORKS_MAX`](sockeye_wifi::limits::NETWORKS_MAX).
const NO_ROOM: &str = "ERR as many networks as there is room for are stored, 3: WIFI FORGET one first";
const _: () = assert!(sockeye_wifi::limits::NETWORKS_MAX == 3);
const NO_RADIO: &str = "ERR this device has no Wi-Fi";
const BUSY: &str = "ERR a network is being tried: WIFI CONFIRM or WIFI ABORT comes first";

impl CommandContext<'_, '_> {
    fn want_wifi(&mut self, want: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        let random = random_u32(self.platform);
        self.state.want_wifi(self.now, random, want);
    }

    fn has_radio(&self) -> Result<(), &'static str> {
        if self.state.wifi.has_radio { Ok(()) } else { Err(NO_RADIO) }
    }

    /// Nothing is written until the trial or the scan of this number has an outcome. The state machine bounds that.
    fn wait_for_wifi(&mut self, number: u16) -> CommandResult {
        let session = self.session();
        session.event_pending = false;
        session.cursor = Cursor::Wifi(number);
        Ok(Flow::Block { timeout_ms: 0 })
    }
}

pub(crate) fn status(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    let status = WifiStatus {
        wifi: &cx.state.wifi,
        settings: cx.state.settings.wifi(cx.state.device_name(cx.platform)),
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

pub(crate) fn scan(cx: &mut CommandContext<'_, '_>) -> CommandResult {
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

pub(crate) fn try_network(cx: &mut CommandContext<'_, '_>) -> CommandResult {
    if let Cursor::Wifi(number) = cx.session().cursor {
        return tried(cx, number);
    }
    cx.has_radio()?;
    let confirm_s = confirm_s(cx)?;
    check_trial(cx.state)?;
    cx.want_wifi(|wifi, env| wifi.command(Input::Try { confirm_s }, env));
    // A client is told before its connection may drop, because the station leaves its network, or because the access
    // point restarts. All others wait for the outcome.
    let origin = cx.session().origin;
    if origin == ClientOrigin::Station || origin == ClientOrigin::AccessPoint && cx.state.wifi.restarts_ap {
        write_begun_trial(cx, confirm_s, origin);
        return Ok(Flow::Continue);
    }
    cx.wait_for_wifi(cx.state.wifi.trials)
}

fn confirm_s(cx: &CommandContext<'_, '_>) -> Result<u16, &'static str> {
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
        return Err(NO_ROOM);
    }
    Ok(())
}

/// Replies with the outcome of a trial, once there is one.
fn tried(cx: &mut CommandContext<'_, '_>, number: u16) -> CommandResult {
    let wifi = &cx.state.wifi;
    let (trial, is_awaiting) = (wifi.trial, wifi.state == StationState::AwaitingConfirm);
    if wifi.trials == number
        && let Some(trial) = trial
    {
        if !is_awaiting {
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
fn write_begun_trial(cx: &mut CommandContext<'_, '_>, confirm_s: u16, origin: ClientOrigin) {
    cx.reply.map(5);
    write_fields(cx, confirm_s);
    cx.reply.bulk(b"outcome_within_s");
    cx.reply.integer(OUTCOME_S as i64);
    cx.reply.bulk(b"if_the_connection_drops");
    cx.reply.bulk(match origin {
        ClientOrigin::AccessPoint => b"join the device's access point again and ask WIFI STATUS",
        _ => b"join the new network and send WIFI CONFIRM there; a device that failed is back where it was",
    });
}

fn write_trial(cx: &mut CommandContext<'_, '_>, confirm_s: u16) {
    cx.reply.map(3);
    write_fields(cx, confirm_s);
}

/// The three fields of every reply.
fn write_fields(cx: &mut CommandContext<'_, '_>, confirm_s: u16) {
    let wifi = &cx.state.wifi;
    cx.reply.bulk(b"ssid");
    cx.reply.bulk(wifi.staged.as_ref().map_or("", |staged| &staged.ssid).as_bytes());
    cx.reply.bulk(b"address");
    match wifi.address.filter(|_| wifi.state == StationState::AwaitingConfirm) {
        Some(address) => cx.reply.bulk_fmt(format_args!("{address}")),
        None => cx.reply.null(),
    }
    cx.reply.bulk(b"confirm_within_s");
    cx.reply.integer(confirm_s.into());
}

pub(crate) fn confirm(
    cx: &mut CommandContext<'_, '_>,
    pending: &mut PendingSettings,
) -> Result<Prepared, &'static str> {
    cx.has_radio()?;
    let origin = cx.session().origin;
    check_proved(cx.state, origin)?;
    let staged = cx.state.wifi.staged.clone().ok_or("ERR no network is staged")?;
    change(pending, Change::Confirm, cx.state);
    let networks = &mut pending.settings.networks;
    match networks.iter_mut().find(|network| network.ssid == staged.ssid) {
        Some(known) => *known = staged,
        None => networks.push(staged).map_err(|_| NO_ROOM)?,
    }
    set_confirming(cx.state, true);
    Ok(Prepared::Store)
}

/// Begins a change of the settings in force.
fn change(pending: &mut PendingSettings, change: Change, state: &State) {
    (pending.change, pending.staged, pending.is_wiring_named) = (change, None, false);
    pending.settings.assign(&state.settings);
}

/// Whether a client of this origin may confirm the network on trial. A lease of DHCP shows that frames go both ways, so
/// any client may. A static address shows nothing, so only a client that has reached the device over the network on
/// trial may.
fn check_proved(state: &State, origin: ClientOrigin) -> Result<(), &'static str> {
    let is_static = state.wifi.staged.as_ref().is_some_and(|staged| staged.ip != Ip::Dhcp);
    match (state.wifi.trial, state.wifi.state) {
        (Some(_), StationState::AwaitingConfirm) if is_static && origin != ClientOrigin::Station => {
            Err("ERR nobody knows yet that this address works: WIFI CONFIRM must come over the new network")
        }
        (Some(_), StationState::AwaitingConfirm) => Ok(()),
        (Some(_), _) => Err("ERR the device has no address in the network yet"),
        (None, _) => Err("ERR no network is being tried: it was confirmed, the time is over, or WIFI TRY comes first"),
    }
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

pub(crate) fn abort(cx: &mut CommandContext<'_, '_>) -> CommandResult {
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

pub(crate) fn forget(cx: &mut CommandContext<'_, '_>, pending: &mut PendingSettings) -> Result<Prepared, &'static str> {
    let ssid = cx.arg(2);
    let is_other = |network: &Network| network.ssid.as_bytes() != ssid;
    if cx.state.settings.networks.iter().all(is_other) {
        return Err("ERR no such network is stored");
    }
    change(pending, Change::Forget, cx.state);
    pending.settings.networks.retain(is_other);
    Ok(Prepared::Store)
}
