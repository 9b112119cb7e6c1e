//! Changes of settings: stored first, then in force.

use sockeye_resp::{ReplyWriter, Request};

use crate::app::{App, State};
use crate::command::Cx;
use crate::commands::commit::{self, Change};
use crate::commands::{self, config};
use crate::session::SessionKey;
use crate::settings::{Settings, Store, StoreError};

impl App<'_> {
    /// Stores what a request changes, and replies when it is stored: what a [`Flow::Commit`](crate::Flow::Commit) asks for.
    pub async fn commit(
        &self,
        key: SessionKey,
        request: &Request<'_>,
        reply: &mut ReplyWriter<'_>,
        store: &impl Store,
    ) {
        let mut settings = self.storing.lock().await;
        let Some(change) = self.change(key, &mut settings, request, reply) else {
            return;
        };
        let stored = match change {
            Change::Reset => store.reset(&settings).await,
            _ => store.save(&settings).await,
        };
        let state = &mut *self.state.borrow_mut();
        let mut cx = self.cx(state, key, request, reply);
        commit::committed(&mut cx, change, &settings, stored);
        self.configure(state);
    }

    /// Resets the device to how it came: what a held button does, without asking anybody.
    ///
    /// # Errors
    /// The store's; see [`Store::reset`].
    pub async fn factory_reset(&self, store: &impl Store) -> Result<(), StoreError> {
        let mut settings = self.storing.lock().await;
        *settings = Settings::default();
        store.reset(&settings).await?;
        let random = self.random();
        let state = &mut *self.state.borrow_mut();
        state.sessions.iter_mut().for_each(|session| session.kill());
        let now = self.platform.now();
        commit::apply(state, &settings, now, random);
        commands::wifi::reset(state, now, random);
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

    /// Puts into `settings` what a request makes of those in force. Not in `commit`, whose future would keep them twice.
    fn change(
        &self,
        key: SessionKey,
        settings: &mut Settings,
        request: &Request<'_>,
        reply: &mut ReplyWriter<'_>,
    ) -> Option<Change> {
        let state = &mut *self.state.borrow_mut();
        let mut cx = self.cx(state, key, request, reply);
        commit::change(&mut cx, settings)
    }

    fn cx<'c, 'w>(
        &'c self,
        state: &'c mut State,
        key: SessionKey,
        request: &Request<'c>,
        reply: &'c mut ReplyWriter<'w>,
    ) -> Cx<'c, 'w> {
        Cx {
            platform: self.platform,
            state,
            histories: &mut [],
            request: *request,
            reply,
            now: self.platform.now(),
            key,
        }
    }
}
