//! Commands that change settings: what each makes of them, and what follows when that is stored.

use sockeye_resp::ReplyWriter;
use sockeye_wifi::Input;

use crate::app::commit::Storing;
use crate::app::{self, State, wiring};
use crate::command::{Command, Cx};
use crate::command_table;
use crate::commands::{DENIED, config, wifi};
use crate::platform::Platform;
use crate::sessions::session::SessionKey;
use crate::settings::{Settings, StoreCondition, StoreError};

/// Which change is being stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// CONFIG SET.
    Config,
    /// CONFIG FACTORYRESET.
    Reset,
    /// WIFI CONFIRM.
    Confirm,
    /// WIFI FORGET.
    Forget,
}

impl Change {
    fn of(command: &Command) -> Option<Self> {
        Some(match command.name {
            "config|set" => Self::Config,
            "config|factoryreset" => Self::Reset,
            "wifi|confirm" => Self::Confirm,
            "wifi|forget" => Self::Forget,
            _ => return None,
        })
    }

    /// How the client named it.
    const fn name(self) -> &'static str {
        match self {
            Self::Config => "CONFIG SET",
            Self::Reset => "CONFIG FACTORYRESET",
            Self::Confirm => "WIFI CONFIRM",
            Self::Forget => "WIFI FORGET",
        }
    }
}

/// Puts into `storing` what the request makes of the settings in force. None if it changes nothing, and the error is
/// written.
pub(crate) fn change(cx: &mut Cx<'_, '_>, storing: &mut Storing) -> Option<Change> {
    let command = command_table::find(&cx.request).ok()?;
    // Another session may have changed the settings since the request was admitted, the token for instance.
    if !cx.state.may(cx.key, command.access) {
        let error = if cx.state.may_read(cx.key) { DENIED } else { "NOAUTH Authentication required." };
        return refuse(cx, error);
    }
    let change = Change::of(command)?;
    let request = cx.request;
    storing.staged = None;
    let changed = match change {
        Change::Config => match config::change(cx.state, cx.platform, &request) {
            Ok((changed, staged)) => {
                storing.staged = staged;
                Ok(changed)
            }
            Err(refusal) => {
                let _ = cx.refuse(format_args!("{refusal}"));
                return None;
            }
        },
        Change::Reset => Ok(Settings::default()),
        Change::Confirm => {
            let side = cx.session().side;
            wifi::confirmed(cx.state, side)
        }
        Change::Forget => wifi::without(cx.state, cx.arg(2)),
    };
    match changed {
        Ok(changed) => storing.settings = changed,
        Err(error) => return refuse(cx, error),
    }
    if change == Change::Confirm {
        wifi::set_confirming(cx.state, true);
    }
    Some(change)
}

fn refuse(cx: &mut Cx<'_, '_>, error: &'static str) -> Option<Change> {
    let _ = cx.refuse(format_args!("{error}"));
    None
}

/// What there is to work with when a change is stored; the request is no part of it.
pub(crate) struct Ended<'c, 'w> {
    pub(crate) platform: &'c dyn Platform,
    pub(crate) state: &'c mut State,
    pub(crate) reply: &'c mut ReplyWriter<'w>,
    pub(crate) key: SessionKey,
}

/// The new settings are stored, or are not: says so, and puts them in force.
pub(crate) fn committed(cx: &mut Ended<'_, '_>, change: Change, storing: &Storing, stored: Result<(), StoreError>) {
    let Ended { platform, state, reply, key } = cx;
    if change == Change::Confirm {
        wifi::set_confirming(state, false);
    }
    if let Err(error) = stored {
        state.store = error.into();
        let (name, why) = (change.name(), not_stored(error));
        state.stats.errors = state.stats.errors.wrapping_add(1);
        return reply.error_fmt(format_args!("ERR {name} failed - {why}"));
    }
    state.store = StoreCondition::Sound;
    let (now, random) = (platform.now(), app::random(*platform));
    if storing.settings.token != state.settings.token {
        // Whoever got in without this token, or with the last one, has to come again.
        let own = state.sessions.get(*key).id;
        state.sessions.iter_mut().filter(|session| session.id != own).for_each(|session| session.kill());
        state.sessions.get_mut(*key).authenticated = true;
    }
    // What is stored is empty, so that another build's settings take effect too.
    let factory_settings = (change == Change::Reset).then(|| platform.factory_settings());
    apply(state, *platform, factory_settings.as_ref().unwrap_or(&storing.settings), random);
    match change {
        // It was right when it was checked, and is still unless somebody else has begun to try a network.
        Change::Config => match storing.staged.as_ref().map_or(Ok(()), |staged| staged.apply(state)) {
            Ok(()) => reply.ok(),
            Err(refusal) => {
                state.stats.errors = state.stats.errors.wrapping_add(1);
                reply.error_fmt(format_args!("{refusal}"));
            }
        },
        Change::Confirm => {
            state.want_wifi(now, random, |wifi, env| wifi.command(Input::Confirmed, env));
            reply.ok();
        }
        Change::Reset | Change::Forget => reply.ok(),
    }
    if change == Change::Reset {
        wifi::reset(state, now, random);
    }
}

/// Puts settings in force that are stored.
pub(crate) fn apply(state: &mut State, platform: &dyn Platform, settings: &Settings, random: u32) {
    let now = platform.now();
    state.remotes.expire_ms = settings.remote_expire.0.saturating_mul(1_000);
    let old = core::mem::replace(&mut state.settings, settings.clone());
    state.want_wifi(now, random, |wifi, env| wifi.settings_changed(&old.wifi(&old.name), env));
    wiring::changed(state, platform, old.wiring);
}

/// Why nothing has changed, for people.
fn not_stored(error: StoreError) -> &'static str {
    match error {
        StoreError::Volatile => "this device can't store a configuration",
        StoreError::Full => "there is no room to store it, and nothing has changed",
        StoreError::Damaged => "what is stored can't be read and isn't written over; CONFIG FACTORYRESET starts anew",
        StoreError::Failed => "storing failed: nothing has changed, unless a restart finds the change half stored",
    }
}
