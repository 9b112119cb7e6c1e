//! Changes of settings: stored first, then in force.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::MutexGuard;
use sockeye_resp::{ReplyWriter, Request};

use crate::app::App;
use crate::command_table::TABLE;
use crate::commands::commit::{self, CommitContext};
use crate::pending::{Change, PendingSettings};
use crate::rules::engine;
use crate::sessions::session::SessionKey;
use crate::settings::StoreError;
use crate::state::State;

impl App<'_> {
    /// Waits until no other change is being stored.
    pub(crate) async fn pending(&self) -> MutexGuard<'_, NoopRawMutex, PendingSettings> {
        self.resources.pending.lock().await
    }

    /// Puts into `pending` what a request makes of the settings in force. False if there is nothing to store, and the
    /// reply is written.
    // Out of the way of other requests, whose stack would have room for this.
    #[inline(never)]
    pub(crate) fn prepare(
        &self,
        key: SessionKey,
        pending: &mut PendingSettings,
        request: &Request<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> bool {
        self.with_context(key, request, false, reply, |cx| {
            let command = TABLE.get(cx.session().command);
            command.is_some_and(|command| commit::prepare(cx, command, pending))
        })
    }

    /// Replies to a change that is stored, or is not, and puts it in force.
    #[inline(never)]
    pub(crate) fn committed(
        &self,
        key: SessionKey,
        pending: &mut PendingSettings,
        stored: Result<(), StoreError>,
        reply: &mut ReplyWriter<'_>,
    ) {
        let state = &mut *self.state();
        let is_reset = pending.change == Change::Reset && stored.is_ok();
        if let Some(log) = self.environment.log.filter(|_| is_reset) {
            // The log has the names of networks.
            log.clear();
        }
        commit::committed(&mut CommitContext { platform: self.platform, state, reply, key }, pending, stored);
        self.forget_readings(state);
        self.configure(state);
        engine::step(state, self.platform, self.platform.now());
    }

    /// Applies the settings outside of the state: the log level, the peer that samples go to, and the device's name.
    /// The names of streams at the peer begin with the device's name.
    fn configure(&self, state: &State) {
        self.platform.set_log_level(state.settings.log_level);
        if let Some(outbox) = self.environment.outbox {
            outbox.configure(&state.settings.push, state.device_name(self.platform));
        }
    }
}
