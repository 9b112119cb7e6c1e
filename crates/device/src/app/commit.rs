//! Changes of settings: stored first, then in force.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::MutexGuard;
use sockeye_resp::{ReplyWriter, Request};

use crate::app::{App, State};
use crate::command::Cx;
use crate::commands::commit::{self, Change};
use crate::commands::config::Staged;
use crate::commands::{self, config};
use crate::sessions::session::SessionKey;
use crate::settings::{Settings, Store, StoreError};

/// What a request changes, while it is being stored: the request itself may be gone by then.
#[derive(Default)]
pub(crate) struct Storing {
    pub(crate) settings: Settings,
    /// The network that it stages, which is not stored.
    pub(crate) staged: Option<Staged>,
}

impl Storing {
    pub(crate) async fn store(&self, change: Change, store: &impl Store) -> Result<(), StoreError> {
        match change {
            Change::Reset => store.reset(&self.settings).await,
            _ => store.save(&self.settings).await,
        }
    }
}

impl App<'_> {
    /// Waits until no other change is being stored.
    pub(crate) async fn storing(&self) -> MutexGuard<'_, NoopRawMutex, Storing> {
        self.storing.lock().await
    }

    /// Puts into `storing` what a request makes of the settings in force. None if it changes nothing, and the error is
    /// written.
    pub(crate) fn change(
        &self,
        key: SessionKey,
        storing: &mut Storing,
        request: &Request<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Option<Change> {
        let state = &mut *self.state.borrow_mut();
        let (platform, now) = (self.platform, self.platform.now());
        let mut cx = Cx { platform, state, histories: &mut [], request: *request, reply, now, key };
        commit::change(&mut cx, storing)
    }

    /// A change is stored, or is not: says so, and puts it in force.
    pub(crate) fn committed(
        &self,
        key: SessionKey,
        change: Change,
        storing: &Storing,
        stored: Result<(), StoreError>,
        reply: &mut ReplyWriter<'_>,
    ) {
        let state = &mut *self.state.borrow_mut();
        commit::committed(&mut commit::Ended { platform: self.platform, state, reply, key }, change, storing, stored);
        self.forget_readings(state);
        self.configure(state);
    }

    /// Resets the device to how it came: what a held button does, without asking anybody.
    ///
    /// # Errors
    /// The store's; see [`Store::reset`].
    pub async fn factory_reset(&self, store: &impl Store) -> Result<(), StoreError> {
        let mut storing = self.storing.lock().await;
        *storing = Storing::default();
        storing.store(Change::Reset, store).await?;
        let random = self.random();
        let state = &mut *self.state.borrow_mut();
        state.sessions.iter_mut().for_each(|session| session.kill());
        let now = self.platform.now();
        commit::apply(state, self.platform, &storing.settings, random);
        commands::wifi::reset(state, now, random);
        self.forget_readings(state);
        self.configure(state);
        Ok(())
    }

    /// Tells whoever is outside of the state what its settings are: how much to say; where samples go, and the device's
    /// name, which is part of its readings' there.
    fn configure(&self, state: &State) {
        self.platform.set_log_level(state.settings.log_level);
        if let Some(outbox) = self.outbox {
            outbox.configure(&state.settings.push, config::name(state, self.platform));
        }
    }
}
