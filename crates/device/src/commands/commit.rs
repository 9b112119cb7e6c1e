//! Commands that change settings: what follows when a change is stored.

use sockeye_resp::ReplyWriter;
use sockeye_wifi::Input;

use crate::command::{Command, CommandContext, Prepared};
use crate::commands::firmware_commands::ON_TRIAL;
use crate::commands::{check_access, config, wifi_commands};
use crate::limits::{CHANGES_MAX, RESET_CHANGES};
use crate::pending::{Change, PendingSettings};
use crate::platform::{Platform, random_u32};
use crate::rewiring;
use crate::rules::engine;
use crate::sessions::session::SessionKey;
use crate::settings::{Settings, StoreError, StoreStatus};
use crate::state::State;

/// Puts into `pending` what the request makes of the settings in force. False if there is nothing to store, and the
/// reply is written.
pub(crate) fn prepare(cx: &mut CommandContext<'_, '_>, command: &Command, pending: &mut PendingSettings) -> bool {
    // Another session may have changed the settings since the request was admitted, the token for instance.
    let prepared = check_access(cx, command).and_then(|()| match command.prepare {
        Some(_) if cx.is_firmware_on_trial() => Err(ON_TRIAL),
        Some(prepare) => prepare(cx, pending),
        None => Ok(Prepared::Nothing),
    });
    match prepared {
        Ok(Prepared::Nothing) => false,
        Ok(Prepared::Store) => spend(cx, pending),
        Err(error) => {
            cx.state.count_error();
            cx.reply.error(error);
            false
        }
    }
}

/// Spends what a change costs the flash, and notes it in `pending`. False if there were too many changes, and the reply is
/// written.
fn spend(cx: &mut CommandContext<'_, '_>, pending: &mut PendingSettings) -> bool {
    let cost = if pending.change == Change::Reset { RESET_CHANGES } else { 1 };
    let spent = cx.state.wear.spend(cost, CHANGES_MAX, cx.now.uptime_ms());
    pending.settings.changes_spent = cx.state.wear.spent();
    if let Err(wait_s) = spent {
        if pending.change == Change::Confirm {
            wifi_commands::set_confirming(cx.state, false);
        }
        let (name, why) = (pending.change.name(), "too many changes in a row wear out the flash");
        let _ = cx.refuse(format_args!("ERR {name} failed - {why}, try again in {wait_s} s"));
    }
    spent.is_ok()
}

/// The context when a change is stored. The request is gone by then.
pub(crate) struct CommitContext<'c, 'w> {
    pub(crate) platform: &'c dyn Platform,
    pub(crate) state: &'c mut State,
    pub(crate) reply: &'c mut ReplyWriter<'w>,
    pub(crate) key: SessionKey,
}

/// Replies to a change that is stored, or is not, and puts it in force. `pending` has the settings before then.
pub(crate) fn committed(cx: &mut CommitContext<'_, '_>, pending: &mut PendingSettings, stored: Result<(), StoreError>) {
    let CommitContext { platform, state, reply, key } = cx;
    let change = pending.change;
    if change == Change::Confirm {
        wifi_commands::set_confirming(state, false);
    }
    if let Err(error) = stored {
        state.store = error.into();
        let (name, why) = (change.name(), not_stored(error));
        state.count_error();
        return reply.error_fmt(format_args!("ERR {name} failed - {why}"));
    }
    state.store = StoreStatus::Sound;
    let (now, random) = (platform.now(), random_u32(*platform));
    if pending.settings.token != state.settings.token {
        // Clients that logged in without this token have to connect again.
        let own = state.sessions.get(*key).id;
        state.sessions.iter_mut().filter(|session| session.id != own).for_each(|session| session.kill());
        state.sessions.get_mut(*key).authenticated = true;
    }
    if change == Change::Reset {
        // The stored settings are empty, so that another build's settings take effect too.
        begin_anew(&mut pending.settings, *platform);
    }
    apply(state, *platform, pending, random);
    match change {
        // The change was valid when it was checked, and still is, unless another client has begun a trial.
        Change::Config => match pending.staged.as_ref().map_or(Ok(()), |staged| config::stage(state, staged)) {
            Ok(()) => reply.ok(),
            Err(refusal) => {
                state.count_error();
                reply.error_fmt(format_args!("{refusal}"));
            }
        },
        Change::Confirm => {
            state.want_wifi(now, random, |wifi, input| wifi.command(Input::Confirmed, input));
            reply.ok();
        }
        Change::Reset | Change::Forget => reply.ok(),
    }
    if change == Change::Reset {
        wifi_commands::reset(state, now, random);
        // A reset leaves no secret of before.
        pending.settings = Settings::ZERO;
    }
}

/// The settings of a device that nobody has configured.
// The stack has room for their copies during this call alone.
#[inline(never)]
fn begin_anew(settings: &mut Settings, platform: &dyn Platform) {
    *settings = platform.factory_settings();
}

/// Puts settings in force that are stored, and leaves those before in their place.
fn apply(state: &mut State, platform: &dyn Platform, pending: &mut PendingSettings, random: u32) {
    let (now, settings) = (platform.now(), &mut pending.settings);
    core::mem::swap(&mut state.settings, settings);
    let before = &*settings;
    state.remotes.expire_ms = state.settings.remote_expire.0.saturating_mul(1_000);
    state.want_wifi(now, random, |wifi, input| wifi.settings_changed(&before.wifi(&before.name), input));
    engine::changed(state, before, now);
    rewiring::changed(state, platform, before.wiring.as_ref(), pending.is_wiring_named);
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
