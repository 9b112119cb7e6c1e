//! The application: what all clients share.

mod firmware_task;
mod restart;
mod rules_task;
mod run_request;
mod settings_commit;
mod setup_check;
mod wifi_controller;
mod wiring_desk;

pub use setup_check::SetupError;

use core::cell::{RefCell, RefMut};
use core::future::poll_fn;
use core::task::{Context, Poll};

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use heapless::String;
use sockeye_firmware_update::wear::Wear;
use sockeye_resp::{Limits, Protocol, ReplyWriter, Request};
use sockeye_wifi::Wifi;

use crate::command::{CommandContext, Environment, Flow};
use crate::command_table::TABLE;
use crate::keys::catalog::{Catalog, Key, LOG};
use crate::keys::day::Day;
use crate::keys::history::History;
use crate::keys::label::{Label, own};
use crate::keys::remote::Remotes;
use crate::keys::wired::Wired;
use crate::limits::{DEVICE_NAME_LEN_MAX, MESSAGE_LEN_MAX, TIME_SERVER_LEN_MAX};
use crate::log_ring::LogRing;
use crate::outbox::Outbox;
use crate::pending::PendingSettings;
use crate::platform::{Now, Platform};
use crate::replies::document::Document;
use crate::replies::page::{Page, PageProgress};
use crate::rewiring;
use crate::rules::engine;
use crate::scratch::Scratch;
use crate::sessions::page_view::PageView;
use crate::sessions::session::{ClientAddress, ClientOrigin, Cursor, Session, SessionKey, Transaction};
use crate::sessions::subscriber::Scope;
use crate::settings::{Settings, StoreStatus, Stored};
use crate::state::{Counts, State};
use crate::value::{Latest, Value};

/// The memory of an [`App`], some 18 KB on a 32-bit chip. A new one is all zero, so that a static of it takes no flash,
/// and no stack is needed to make it.
pub struct AppResources {
    state: RefCell<State>,
    /// The change that is being stored; locked meanwhile, so that stores never overlap.
    pending: Mutex<NoopRawMutex, PendingSettings>,
    /// Where the sessions' requests and replies are for as long as no session waits.
    scratch: RefCell<Scratch>,
    /// Where a long text is while it is sent.
    document: RefCell<Document>,
}

impl AppResources {
    /// Memory for one [`App`].
    pub const fn new() -> Self {
        Self {
            state: RefCell::new(State::ZERO),
            pending: Mutex::new(PendingSettings::ZERO),
            scratch: RefCell::new(Scratch::new()),
            document: RefCell::new(Document::new()),
        }
    }

    /// The settings that the device boots with, and the status of their store, for [`App::booted`]. A new one has no
    /// settings, and not the defaults.
    pub fn stored(&mut self) -> (&mut Settings, &mut StoreStatus) {
        let state = self.state.get_mut();
        (&mut state.settings, &mut state.store)
    }
}

impl Default for AppResources {
    fn default() -> Self {
        Self::new()
    }
}

/// The samples that are kept of readings.
struct Samples<'a> {
    histories: &'a mut [History],
    days: &'a mut [Day],
}

impl Samples<'_> {
    /// Keeps a sample that comes now. False if there is no such reading.
    fn add(&mut self, index: usize, value: Value, now: Now) -> bool {
        let Some(history) = self.histories.get_mut(index) else {
            return false;
        };
        history.append(value, now);
        Day::add_to(self.days, index, value, now.uptime_ms());
        true
    }

    /// Forgets what is kept of a reading.
    fn forget(&mut self, index: usize) {
        if let Some(history) = self.histories.get_mut(index) {
            history.clear();
        }
        Day::forget(self.days, index);
    }
}

/// The device, for all of its connections. An `App` belongs to one executor: no method waits, but for
/// [`event`](Self::event).
pub struct App<'a> {
    platform: &'a dyn Platform,
    resources: &'a AppResources,
    samples: RefCell<Samples<'a>>,
    environment: Environment<'a>,
}

impl<'a> App<'a> {
    /// A device as its platform describes it, with what was stored last: a [`Stored`], or just
    /// [`Settings`](crate::Settings).
    ///
    /// `histories` has one [`History`] for each reading. The first ones are those of the platform's readings, or
    /// [`READINGS_MAX`](crate::limits::READINGS_MAX) if readings can be wired to the platform. The rest, up to
    /// [`REMOTES_MAX`](crate::limits::REMOTES_MAX), are for readings of other devices.
    ///
    /// # Errors
    /// The platform describes a device that can't be; see [`SetupError`].
    pub fn new(
        platform: &'a dyn Platform,
        resources: &'a mut AppResources,
        histories: &'a mut [History],
        stored: impl Into<Stored>,
    ) -> Result<Self, SetupError> {
        let state = resources.state.get_mut();
        Stored { settings: state.settings, status: state.store } = stored.into();
        Self::booted(platform, resources, histories)
    }

    /// The same with what is [stored](AppResources::stored) in its memory. A board has no stack for copies of the
    /// settings.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    // A task that calls it has no room for its variables as long as it runs.
    #[inline(never)]
    pub fn booted(
        platform: &'a dyn Platform,
        resources: &'a mut AppResources,
        histories: &'a mut [History],
    ) -> Result<Self, SetupError> {
        setup_check::check(platform, histories)?;
        let state = resources.state.get_mut();
        state.wifi = Wifi::new();
        state.wear = Wear::new(state.settings.changes_spent);
        for (value, info) in state.outputs.iter_mut().zip(platform.outputs()) {
            *value = info.initial;
        }
        platform.set_log_level(state.settings.log_level);
        let expire_ms = state.settings.remote_expire.0.saturating_mul(1_000);
        state.remotes = Remotes::new(histories.len() - own(platform), expire_ms);
        state.wired = Wired::new(own(platform));
        rewiring::boot(state, platform);
        let samples = RefCell::new(Samples { histories, days: &mut [] });
        let readings = platform.readings();
        let environment =
            Environment { readings, document: &resources.document, log: None, outbox: None, firmware: None };
        Ok(Self { platform, resources, samples, environment })
    }

    /// The same device, whose samples also go into `outbox`. The outbox must have the readings of the same platform.
    pub fn with_outbox(self, outbox: &'a Outbox<'a>) -> Self {
        {
            let mut state = self.state();
            state.has_outbox = true;
            outbox.configure(&state.settings.push, state.device_name(self.platform));
        }
        Self { environment: Environment { outbox: Some(outbox), ..self.environment }, ..self }
    }

    /// The same device, which keeps a day of as many readings as there are `days`: of those whose first samples come
    /// first. Without days a device keeps the newest samples only.
    pub fn with_days(self, days: &'a mut [Day]) -> Self {
        self.samples.borrow_mut().days = days;
        self
    }

    /// The same device, which shows its clients this log.
    pub fn with_log(self, log: &'a LogRing<'a>) -> Self {
        self.state().has_log = true;
        Self { environment: Environment { log: Some(log), ..self.environment }, ..self }
    }

    fn state(&self) -> RefMut<'a, State> {
        self.resources.state.borrow_mut()
    }

    /// The device's name: the one that it was given, or else its platform's.
    pub fn name(&self) -> String<DEVICE_NAME_LEN_MAX, u8> {
        // Neither name is longer; a longer name of the platform would be left out.
        self.state().device_name(self.platform).try_into().unwrap_or_default()
    }

    /// The server that is asked for the time of day: `HOST` or `HOST:PORT`; empty for none.
    pub fn time_server(&self) -> String<TIME_SERVER_LEN_MAX, u8> {
        self.state().settings.time_server.clone()
    }

    /// The platform.
    pub fn platform(&self) -> &'a dyn Platform {
        self.platform
    }

    /// Figures since boot.
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Takes a sample of reading `index`: it becomes the reading's value, goes into its history, and to whoever has
    /// subscribed. An index that the platform doesn't have is ignored.
    pub fn sample(&self, index: usize, value: Value) {
        let now = self.platform.now();
        let state = &mut *self.state();
        let (Some(info), Some(latest)) = (self.platform.readings().get(index), state.latest.get_mut(index)) else {
            return;
        };
        if !self.samples.borrow_mut().add(index, value, now) {
            return;
        }
        *latest = Some(Latest { value, uptime_ms: now.uptime_ms() });
        state.clock.follow(now);
        if let Some(log) = self.environment.log {
            log.follow(now);
        }
        if let Some(outbox) = self.environment.outbox {
            outbox.put(index, value, now);
        }
        state.publish(info.name, index, value.with_decimals(info.decimals));
        engine::step(state, self.platform, now);
    }

    /// Takes a sample of a wired reading.
    pub(crate) fn sample_wired(&self, index: usize, value: Value) {
        let now = self.platform.now();
        let state = &mut *self.state();
        let catalog = state.catalog(self.platform);
        let Some((label, decimals)) = catalog.reading(index) else {
            return;
        };
        let name = label.text();
        let period_ms = catalog.info(index).map_or(0, |(info, _)| info.period_ms);
        let Some(latest) = state.latest.get_mut(index) else {
            return;
        };
        if !self.samples.borrow_mut().add(index, value, now) {
            return;
        }
        *latest = Some(Latest { value, uptime_ms: now.uptime_ms() });
        state.clock.follow(now);
        if let Some(outbox) = self.environment.outbox {
            outbox.put_named(index, (&name, period_ms), value, now);
        }
        state.publish(&name, index, value.with_decimals(decimals));
        engine::step(state, self.platform, now);
    }

    /// Takes the value of reading `index` away, because its sensor fails; its history stays.
    pub fn clear_reading(&self, index: usize) {
        let state = &mut *self.state();
        if let Some(latest) = state.latest.get_mut(index) {
            *latest = None;
        }
        engine::step(state, self.platform, self.platform.now());
    }

    /// Memory for one request and the replies to it, for one session at a time and never across a wait.
    pub(crate) fn scratch(&self) -> RefMut<'_, Scratch> {
        self.resources.scratch.borrow_mut()
    }

    /// Opens a session for a client. None if there are [`SESSIONS_MAX`](crate::limits::SESSIONS_MAX) already.
    pub fn open(&self, mut address: ClientAddress) -> Option<SessionKey> {
        let mut state = self.state();
        if address.local.is_unspecified() {
            address.local = state.own_address(address.origin);
        }
        state.sessions.open(address, self.platform.now())
    }

    /// Closes a session, whose key must not be used again.
    pub fn close(&self, key: SessionKey) {
        let mut state = self.state();
        let id = state.sessions.get(key).id;
        state.sessions.close(key);
        if self.environment.document.borrow_mut().release(id) {
            state.sessions.notify_awaiting_document();
        }
    }

    /// The version of RESP that the client speaks.
    pub fn protocol(&self, key: SessionKey) -> Protocol {
        self.state().sessions.get(key).protocol
    }

    /// Over which network the client has connected.
    pub(crate) fn origin(&self, key: SessionKey) -> ClientOrigin {
        self.state().sessions.get(key).origin
    }

    /// The limits of the client's next request.
    pub fn limits(&self, key: SessionKey) -> &'static Limits {
        if self.state().may_read(key) { &Limits::AUTHENTICATED } else { &Limits::UNAUTHENTICATED }
    }

    /// Whether the client waits for messages or for an event, so that its silence is no reason to close.
    pub fn is_listening(&self, key: SessionKey) -> bool {
        let state = self.state();
        state.sessions.get(key).is_listening()
    }

    /// Runs one request, or goes on with it, and writes its reply. `is_timed_out` is true if the time of a
    /// [`Flow::Block`] is over.
    pub fn call(
        &self,
        key: SessionKey,
        request: &Request<'_>,
        is_timed_out: bool,
        reply: &mut ReplyWriter<'_>,
    ) -> Flow {
        self.with_context(key, request, is_timed_out, reply, run_request::run)
    }

    /// Gives `run` what a command works with.
    fn with_context<R>(
        &self,
        key: SessionKey,
        request: &Request<'_>,
        is_timed_out: bool,
        reply: &mut ReplyWriter<'_>,
        run: impl FnOnce(&mut CommandContext<'_, '_>) -> R,
    ) -> R {
        let Samples { histories, days } = &mut *self.samples.borrow_mut();
        run(&mut CommandContext {
            platform: self.platform,
            state: &mut self.state(),
            histories,
            days,
            environment: &self.environment,
            table: &TABLE,
            request,
            reply,
            now: self.platform.now(),
            key,
            is_timed_out,
        })
    }

    /// Whether something has happened to the session that its connection must see to; [`event`](Self::event) waits
    /// for it.
    pub fn has_event(&self, key: SessionKey) -> bool {
        let state = self.state();
        let session = state.sessions.get(key);
        state.has_event(session) || self.has_log_line(session)
    }

    /// Whether the log has a line that the session waits for.
    fn has_log_line(&self, session: &Session) -> bool {
        let Some(log) = self.environment.log else { return false };
        session.awaited_log_lines().into_iter().flatten().any(|known| known != log.next())
    }

    /// Waits until something happens to the session: a message for it, a sample that it waits for, its end.
    pub fn event(&self, key: SessionKey) -> impl Future<Output = ()> {
        poll_fn(move |cx| self.poll_event(key, self.is_listening(key), cx))
    }

    /// [`event`](Self::event) as a step of a future, where [`is_listening`](Self::is_listening) is known.
    // Inlined where a session waits between two requests.
    #[inline(always)]
    pub(crate) fn poll_event(&self, key: SessionKey, is_listening: bool, cx: &Context<'_>) -> Poll<()> {
        let state = &mut *self.state();
        let session = state.sessions.get(key);
        if session.killed || (is_listening && self.poll_listening(state, session, cx)) {
            return Poll::Ready(());
        }
        state.sessions.get_mut(key).waker.register(cx.waker());
        Poll::Pending
    }

    /// [`poll_event`](Self::poll_event) for a session that waits for messages or for an event.
    #[inline(never)]
    fn poll_listening(&self, state: &State, session: &Session, cx: &Context<'_>) -> bool {
        let awaits_line = session.awaited_log_lines() != [None, None];
        (awaits_line && self.poll_log(session, cx)) || state.has_event(session)
    }

    /// Whether the log has a line that the session waits for. The next line wakes the session.
    #[cold]
    fn poll_log(&self, session: &Session, cx: &Context<'_>) -> bool {
        // An interrupt may add a line at any time, also after the look.
        if let Some(log) = self.environment.log {
            log.register(cx.waker());
        }
        self.has_log_line(session)
    }

    /// Whether the session is to be closed.
    pub fn is_killed(&self, key: SessionKey) -> bool {
        self.state().sessions.get(key).killed
    }

    /// Whether the device bounds how long the request waits, as for its flash or its radio. The client of an XREAD chooses.
    pub(crate) fn is_wait_bounded(&self, key: SessionKey) -> bool {
        !matches!(self.state().sessions.get(key).cursor, Cursor::Blocked { .. })
    }

    /// Whether the request that waits may go on.
    pub(crate) fn is_event_pending(&self, key: SessionKey) -> bool {
        let state = self.state();
        let session = state.sessions.get(key);
        let awaited = session.blocked_log_line().zip(self.environment.log);
        session.event_pending || awaited.is_some_and(|(known, log)| known != log.next())
    }

    /// All queued commands of a transaction have run.
    pub(crate) fn end_transaction(&self, key: SessionKey) {
        self.state().sessions.get_mut(key).transaction = Transaction::None;
    }

    /// There is no room for another command of a transaction: EXEC will refuse it.
    pub(crate) fn overflow_transaction(&self, key: SessionKey) {
        self.state().sessions.get_mut(key).transaction = Transaction::TooLong;
    }

    /// Writes messages that wait for the session, as many as there is room for. True if some are left.
    pub fn write_messages(&self, key: SessionKey, reply: &mut ReplyWriter<'_>) -> bool {
        let State { sessions, remotes, latest, wired, settings, monitor, counts, has_log, .. } = &mut *self.state();
        let session = sessions.get_mut(key);
        let catalog = Catalog { platform: self.platform, remotes, latest, wired, settings, has_log: *has_log };
        while let Some((message, subscription)) = session.subscriber.mail() {
            if reply.begin(MESSAGE_LEN_MAX).is_err() {
                return true;
            }
            if let Some((name, _)) = catalog.reading(message.reading.into()) {
                let is_pattern = subscription.scope == Scope::Pattern;
                reply.push(if is_pattern { 4 } else { 3 });
                reply.bulk(if is_pattern { b"pmessage" } else { b"message" });
                if is_pattern {
                    reply.bulk(subscription.text().as_bytes());
                }
                match name {
                    Label { name, suffix: "" } => reply.bulk(name.as_bytes()),
                    label => reply.bulk(label.text().as_bytes()),
                }
                message.value().reply(reply);
            }
            session.subscriber.delivered();
        }
        while let Some((log, next)) =
            self.environment.log.zip(session.subscriber.log).filter(|(log, next)| *next != log.next())
        {
            if reply.begin(MESSAGE_LEN_MAX).is_err() {
                return true;
            }
            let line = log.line(next);
            reply.push(3);
            reply.bulk(b"message");
            reply.bulk(LOG.as_bytes());
            session.subscriber.log = Some(match line {
                Some(line) => {
                    counts.messages = counts.messages.wrapping_add(1);
                    reply.bulk_fmt(format_args!("{}: {}", line.level.name(), line.text));
                    next.wrapping_add(1)
                }
                // The client was too slow.
                None => {
                    let first = log.since(next).first;
                    let lost = first.wrapping_sub(next);
                    counts.messages_dropped = counts.messages_dropped.wrapping_add(lost);
                    reply.bulk_fmt(format_args!(
                        "warning: lines that are lost, because they came faster than they were read: {lost}"
                    ));
                    first
                }
            });
        }
        while let Some((number, line)) = session.monitor.and_then(|next| monitor.line(next)) {
            if reply.begin(line.len() + 3).is_err() {
                return true;
            }
            reply.simple(line);
            session.monitor = Some(number.wrapping_add(1));
        }
        false
    }

    /// The page at a path; None if there is none. `/~` is before the name of a page that isn't loaded again by itself. With
    /// a token, only the page at `/` is shown.
    pub(crate) fn page_view(&self, path: &[u8]) -> Option<PageView> {
        let state = self.state();
        let path = path.strip_prefix(b"/")?;
        let (name, is_still) = path.strip_prefix(b"~").map_or((path, false), |name| (name, true));
        if name.is_empty() {
            return Some(PageView::new(None, is_still));
        }
        match Key::find(&state.catalog(self.platform), name) {
            Some(Key::Reading(index)) if state.settings.token.is_none() => Some(PageView::new(Some(index), is_still)),
            _ => None,
        }
    }

    /// Writes a page for browsers, as much of it as there is room for in `tx`, from its start. Gives how many bytes to send,
    /// and whether there are more.
    pub(crate) fn page(&self, key: SessionKey, view: PageView, tx: &mut [u8]) -> (usize, bool) {
        let (now, health) = (self.platform.now(), self.platform.health());
        let state = &mut *self.state();
        let session = state.sessions.get(key);
        let progress = PageProgress::of(session.cursor);
        if progress.is_none() {
            state.clock.follow(now);
        }
        let progress = progress.unwrap_or_else(|| PageProgress::new(view, now.uptime_s()));
        let address = state.sessions.get(key).local;
        let Samples { histories, days } = &*self.samples.borrow();
        let page = Page { state, histories, days, platform: self.platform, health, now, address };
        let (len, next) = page.write(progress, tx);
        state.sessions.get_mut(key).cursor = next.map_or(Cursor::Start, PageProgress::cursor);
        (len, next.is_some())
    }

    /// Counts something.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.state().counts);
    }
}
