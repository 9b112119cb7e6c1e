//! The application: what all clients share.

pub(crate) mod commit;
mod wifi;
pub(crate) mod wiring;

use core::cell::{RefCell, RefMut};
use core::fmt;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::Poll;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_sync::waitqueue::WakerRegistration;
use heapless::String;
use sockeye_resp::{Limits, Protocol, ReplyWriter, Request};
use sockeye_wifi::Wifi;
use sockeye_wiring::Wiring;

use crate::app::commit::Storing;
use crate::command::{Access, Command, Cx, Flow};
use crate::command_table::{self, Unknown};
use crate::commands::client_commands::Clients;
use crate::commands::{self, config};
use crate::keys::catalog::{Catalog, Label, own};
use crate::keys::history::History;
use crate::keys::remote::Remotes;
use crate::keys::wired::{self, Wired};
use crate::limits::{
    DECIMALS_MAX, DEVICE_NAME_LEN_MAX, NAME_LEN_MAX, OUTPUTS_MAX, PUSH_LEN_MAX, READINGS_MAX, REPLY_LEN_MAX,
    TIME_SERVER_LEN_MAX, TX_LEN,
};
use crate::outbox::Outbox;
use crate::platform::{Now, Platform};
use crate::replies::document::{self, Frame, Out};
use crate::replies::info::Info;
use crate::replies::page::Page;
use crate::request_loop::Scratch;
use crate::sessions::monitor::Monitor;
use crate::sessions::session::{Cursor, Session, SessionKey, Sessions, Side};
use crate::sessions::slow_log::SlowLog;
use crate::sessions::subscriber::Scope;
use crate::sessions::token::Failures;
use crate::settings::{Settings, StoreCondition, Stored};
use crate::value::{Decimal, Value};

/// Figures since boot, beside those of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands that were run, whether they succeeded or not.
    pub commands: u32,
    /// Replies that were errors.
    pub errors: u32,
    /// Connections that were closed for a request that broke the protocol.
    pub protocol_errors: u32,
    /// Requests of browsers that got a page.
    pub pages: u32,
    /// Connections that were closed because they spoke HTTP.
    pub http_refused: u32,
    /// Wrong tokens.
    pub auth_failures: u32,
    /// Samples that came in.
    pub samples: u32,
    /// Pushes that went to mailboxes.
    pub pushes: u32,
    /// Pushes that a full mailbox dropped.
    pub pushes_dropped: u32,
    /// Reads of keys that have a value.
    pub hits: u32,
    /// Reads of keys that have none.
    pub misses: u32,
}

/// What a platform says of its readings and outputs can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupError {
    /// More readings or outputs than [`READINGS_MAX`] or [`OUTPUTS_MAX`].
    TooMany,
    /// Fewer histories than readings.
    TooFewHistories,
    /// A name is empty, too long, or has other characters than letters, digits, `.`, `_` and `-`.
    Name,
    /// Two have the same name.
    SameName,
    /// More decimals than [`DECIMALS_MAX`].
    Decimals,
    /// A minimum is above its maximum, or an initial value is not between them.
    Range,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many readings or outputs",
            Self::TooFewHistories => "a reading has no history",
            Self::Name => "a name has characters that a key can't have",
            Self::SameName => "two readings or outputs have the same name",
            Self::Decimals => "too many decimals",
            Self::Range => "a minimum is above its maximum",
        })
    }
}

impl core::error::Error for SetupError {}

/// The latest sample of a reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latest {
    pub(crate) value: Value,
    pub(crate) uptime_ms: u64,
}

/// What all clients share.
pub(crate) struct State {
    pub(crate) sessions: Sessions,
    pub(crate) latest: [Option<Latest>; READINGS_MAX],
    pub(crate) outputs: [Value; OUTPUTS_MAX],
    pub(crate) remotes: Remotes,
    /// The platform sends samples to a peer.
    pub(crate) has_outbox: bool,
    pub(crate) settings: Settings,
    pub(crate) store: StoreCondition,
    pub(crate) failures: Failures,
    pub(crate) slowlog: SlowLog,
    pub(crate) monitor: Monitor,
    pub(crate) stats: Counts,
    pub(crate) wifi: Wifi,
    /// A command wants something of the Wi-Fi.
    pub(crate) is_wifi_wanted: bool,
    pub(crate) wifi_waker: WakerRegistration,
    pub(crate) wired: Wired,
}

impl State {
    /// All that keys come from.
    pub(crate) fn catalog<'s>(&'s self, platform: &'s dyn Platform) -> Catalog<'s> {
        Catalog { platform, remotes: &self.remotes, wired: &self.wired, wiring: self.wiring() }
    }

    /// What is wired, as far as it is used.
    pub(crate) fn wiring(&self) -> &Wiring {
        match &self.settings.wiring {
            Some(wiring) if !self.wired.is_set_aside => wiring,
            _ => &wired::NOTHING,
        }
    }

    /// A sample of reading `index` came: tells whoever has subscribed, or waits for one.
    pub(crate) fn publish(&mut self, name: &str, index: usize, value: Decimal) {
        let stats = &mut self.stats;
        stats.samples = stats.samples.wrapping_add(1);
        for session in self.sessions.iter_mut() {
            let (receivers, dropped) = session.subscriber.publish(name, index as u8, value);
            stats.pushes = stats.pushes.wrapping_add(receivers);
            stats.pushes_dropped = stats.pushes_dropped.wrapping_add(dropped);
            let was_blocked = matches!(session.cursor, Cursor::Blocked);
            session.sampled |= was_blocked;
            if receivers > 0 || was_blocked {
                session.waker.wake();
            }
        }
    }

    fn has_event(&self, session: &Session) -> bool {
        let is_told = session.monitor.is_some_and(|next| next != self.monitor.next);
        session.killed || is_told || session.subscriber.has_mail() || (session.is_blocked() && session.sampled)
    }

    /// Whether this session may read: no token is set, or it has authenticated.
    pub(crate) fn may_read(&self, key: SessionKey) -> bool {
        self.settings.token.is_none() || self.sessions.get(key).authenticated
    }

    /// Whether this session may call such a command.
    pub(crate) fn may(&self, key: SessionKey, access: Access) -> bool {
        match access {
            Access::Open => true,
            Access::Read => self.may_read(key),
            Access::Write => self.may_write(key),
        }
    }

    /// Whether this session may change something.
    pub(crate) fn may_write(&self, key: SessionKey) -> bool {
        let session = self.sessions.get(key);
        match self.settings.token {
            Some(_) => session.authenticated,
            None => session.side != Side::Station,
        }
    }
}

/// The device, for all of its connections. It belongs to one executor: no method waits, but for
/// [`event`](Self::event) and [`factory_reset`](Self::factory_reset).
pub struct App<'a> {
    platform: &'a dyn Platform,
    state: RefCell<State>,
    histories: RefCell<&'a mut [History]>,
    outbox: Option<&'a Outbox<'a>>,
    /// What is being stored; locked meanwhile, so that stores never overlap.
    storing: Mutex<NoopRawMutex, Storing>,
    /// Where the sessions' requests and replies are for as long as no session waits.
    scratch: RefCell<Scratch>,
}

impl<'a> App<'a> {
    /// A device as its platform describes it, with what was stored last: a [`Stored`], or just [`Settings`].
    ///
    /// `histories` are the memory of as many readings as the platform has, or [`READINGS_MAX`] if readings can be wired
    /// to it, and of readings of other devices if there are more: each of them takes one, up to
    /// [`REMOTES_MAX`](crate::limits::REMOTES_MAX).
    ///
    /// # Errors
    /// The platform describes a device that can't be; see [`SetupError`].
    pub fn new(
        platform: &'a dyn Platform,
        histories: &'a mut [History],
        stored: impl Into<Stored>,
    ) -> Result<Self, SetupError> {
        check(platform, histories)?;
        let mut outputs = [Value(0); OUTPUTS_MAX];
        for (value, info) in outputs.iter_mut().zip(platform.outputs()) {
            *value = info.initial;
        }
        let Stored { settings, condition } = stored.into();
        platform.set_log_level(settings.log_level);
        let expire_ms = settings.remote_expire.0.saturating_mul(1_000);
        let remotes = Remotes::new(histories.len() - own(platform), expire_ms);
        let mut state = State {
            sessions: Sessions::new(),
            latest: [None; READINGS_MAX],
            outputs,
            remotes,
            has_outbox: false,
            settings,
            store: condition,
            failures: Failures::default(),
            slowlog: SlowLog::new(),
            monitor: Monitor::new(),
            stats: Counts::default(),
            wifi: Wifi::new(),
            is_wifi_wanted: false,
            wifi_waker: WakerRegistration::new(),
            wired: Wired::new(),
        };
        wiring::boot(&mut state, platform);
        let (state, histories) = (RefCell::new(state), RefCell::new(histories));
        let (storing, scratch) = (Mutex::new(Storing::default()), RefCell::new(Scratch::new()));
        Ok(Self { platform, state, histories, outbox: None, storing, scratch })
    }

    /// The same device, whose samples also go into `outbox`. That has the readings of the same platform.
    pub fn with_outbox(self, outbox: &'a Outbox<'a>) -> Self {
        {
            let mut state = self.state.borrow_mut();
            state.has_outbox = true;
            outbox.configure(&state.settings.push, config::name(&state, self.platform));
        }
        Self { outbox: Some(outbox), ..self }
    }

    /// The device's name: the one that it was given, or else its platform's.
    pub fn name(&self) -> String<DEVICE_NAME_LEN_MAX, u8> {
        // Both are no longer than that; the platform's would be left out if it were.
        config::name(&self.state.borrow(), self.platform).try_into().unwrap_or_default()
    }

    /// Who is to be asked for the time of day: `HOST` or `HOST:PORT`; empty for nobody.
    pub fn time_server(&self) -> String<TIME_SERVER_LEN_MAX, u8> {
        self.state.borrow().settings.time_server.clone()
    }

    /// The platform.
    pub fn platform(&self) -> &'a dyn Platform {
        self.platform
    }

    /// Figures since boot.
    pub fn counts(&self) -> Counts {
        self.state.borrow().stats
    }

    /// A sample of reading `index` came: it becomes the reading's value, goes into its history, and to whoever has
    /// subscribed. An index that the platform doesn't have is ignored.
    pub fn sample(&self, index: usize, value: Value) {
        let now = self.platform.now();
        let mut histories = self.histories.borrow_mut();
        let state = &mut *self.state.borrow_mut();
        let (Some(info), Some(history)) = (self.platform.readings().get(index), histories.get_mut(index)) else {
            return;
        };
        let Some(latest) = state.latest.get_mut(index) else {
            return;
        };
        *latest = Some(Latest { value, uptime_ms: now.uptime_ms() });
        history.push(value, now);
        if let Some(outbox) = self.outbox {
            outbox.put(index, value, now);
        }
        state.publish(info.name, index, value.with_decimals(info.decimals));
    }

    /// A sample of a wired reading came.
    pub(crate) fn sample_wired(&self, index: usize, value: Value) {
        let now = self.platform.now();
        let mut histories = self.histories.borrow_mut();
        let state = &mut *self.state.borrow_mut();
        let catalog = state.catalog(self.platform);
        let Some((label, decimals)) = catalog.reading(index) else {
            return;
        };
        let name = label.text();
        let period_ms = catalog.info(index).map_or(0, |(info, _)| info.period_ms);
        let (Some(latest), Some(history)) = (state.latest.get_mut(index), histories.get_mut(index)) else {
            return;
        };
        *latest = Some(Latest { value, uptime_ms: now.uptime_ms() });
        history.push(value, now);
        if let Some(outbox) = self.outbox {
            outbox.put_named(index, (&name, period_ms), value, now);
        }
        state.publish(&name, index, value.with_decimals(decimals));
    }

    /// Reading `index` has no value any more, because its sensor fails; its history stays.
    pub fn lose(&self, index: usize) {
        if let Some(latest) = self.state.borrow_mut().latest.get_mut(index) {
            *latest = None;
        }
    }

    /// Memory for one request and the replies to it, for one session at a time and never across a wait.
    pub(crate) fn scratch(&self) -> RefMut<'_, Scratch> {
        self.scratch.borrow_mut()
    }

    /// A client has connected. None if there are [`SESSIONS_MAX`](crate::limits::SESSIONS_MAX) already.
    pub fn open(&self, peer: SocketAddr, side: Side) -> Option<SessionKey> {
        self.state.borrow_mut().sessions.open(peer, side, self.platform.now())
    }

    /// The client has gone; its key must not be used again.
    pub fn close(&self, key: SessionKey) {
        self.state.borrow_mut().sessions.close(key);
    }

    /// The version of RESP that the client speaks.
    pub fn protocol(&self, key: SessionKey) -> Protocol {
        self.state.borrow().sessions.get(key).protocol
    }

    /// On which side the client is.
    pub(crate) fn side(&self, key: SessionKey) -> Side {
        self.state.borrow().sessions.get(key).side
    }

    /// What the client's next request is held to.
    pub fn limits(&self, key: SessionKey) -> &'static Limits {
        if self.state.borrow().may_read(key) { &Limits::AUTHENTICATED } else { &Limits::UNAUTHENTICATED }
    }

    /// Whether the client's silence is to be borne: it waits to be told something.
    pub fn is_listening(&self, key: SessionKey) -> bool {
        let state = self.state.borrow();
        let session = state.sessions.get(key);
        session.is_subscribed() || session.is_blocked() || session.monitor.is_some()
    }

    /// Runs one request, or goes on with it, and writes its reply.
    pub fn call(&self, key: SessionKey, request: &Request<'_>, reply: &mut ReplyWriter<'_>) -> Flow {
        let start = self.platform.now();
        let state = &mut *self.state.borrow_mut();
        let histories = &mut **self.histories.borrow_mut();
        let cursor = state.sessions.get(key).cursor;
        let is_first = matches!(cursor, Cursor::Start);
        if let Cursor::Text(_) = cursor {
            return Flow::Text;
        }
        let command = command_table::find(request);
        let mut attempt = None;
        if is_first && reply.begin(room(&command, request)).is_err() {
            // Its reply may be short enough all the same.
            let is_repeatable = command.as_ref().is_ok_and(|command| command.is_repeatable());
            if !is_repeatable || reply.begin(0).is_err() {
                return Flow::More;
            }
            attempt = Some(state.stats);
        }
        let mut cx = Cx { platform: self.platform, state, histories, request: *request, reply, now: start, key };
        let flow = commands::run(&mut cx, &command, is_first);
        if let Some(stats) = attempt.filter(|_| cx.reply.is_overflowed()) {
            cx.reply.rewind();
            cx.state.stats = stats;
            cx.session().cursor = Cursor::Start;
            return Flow::More;
        }
        if is_first {
            // The arguments of an unknown command may be those of a secret one that was mistyped.
            let is_secret = command.map_or(true, |command| command.is_secret);
            self.account(cx.state, key, request, is_secret, start);
        }
        flow
    }

    /// Notes a request that was run, for whoever looks on.
    fn account(&self, state: &mut State, key: SessionKey, request: &Request<'_>, is_secret: bool, start: Now) {
        state.stats.commands = state.stats.commands.wrapping_add(1);
        let end = self.platform.now();
        let session = state.sessions.get_mut(key);
        session.last_us = end.uptime_us;
        let peer = session.peer;
        state.slowlog.note(request, is_secret, peer, &session.name, (start, end));
        if !is_secret && state.monitor.is_watched {
            let mut watching = state.sessions.iter_mut().filter(|session| session.monitor.is_some());
            state.monitor.is_watched = watching.next().map(|session| session.waker.wake()).is_some();
            watching.for_each(|session| session.waker.wake());
            if state.monitor.is_watched {
                state.monitor.push(request, peer, start);
            }
        }
    }

    /// The request that waits has waited long enough: writes that there is nothing.
    pub fn time_out(&self, key: SessionKey, reply: &mut ReplyWriter<'_>) -> Flow {
        let mut state = self.state.borrow_mut();
        state.sessions.get_mut(key).cursor = Cursor::Start;
        reply.null_array();
        Flow::Continue
    }

    /// Whether something has happened to the session that its connection must see to; [`event`](Self::event) waits
    /// for it.
    pub fn has_event(&self, key: SessionKey) -> bool {
        let state = self.state.borrow();
        state.has_event(state.sessions.get(key))
    }

    /// Waits until something happens to the session: a push for it, a sample that it waits for, its end.
    pub async fn event(&self, key: SessionKey) {
        poll_fn(|cx| {
            let state = &mut *self.state.borrow_mut();
            if state.has_event(state.sessions.get(key)) {
                return Poll::Ready(());
            }
            state.sessions.get_mut(key).waker.register(cx.waker());
            Poll::Pending
        })
        .await;
    }

    /// Whether the session is to be closed.
    pub fn is_killed(&self, key: SessionKey) -> bool {
        self.state.borrow().sessions.get(key).killed
    }

    /// Whether the request that waits may go on.
    pub(crate) fn is_sampled(&self, key: SessionKey) -> bool {
        self.state.borrow().sessions.get(key).sampled
    }

    /// Writes pushes that wait for the session, as many as there is room for. True if some are left.
    pub fn push(&self, key: SessionKey, reply: &mut ReplyWriter<'_>) -> bool {
        let state = &mut *self.state.borrow_mut();
        let State { sessions, remotes, wired, settings, monitor, .. } = state;
        let session = sessions.get_mut(key);
        let wiring = settings.wiring.as_ref().filter(|_| !wired.is_set_aside).unwrap_or(&wired::NOTHING);
        let catalog = Catalog { platform: self.platform, remotes, wired, wiring };
        while let Some((push, subscription)) = session.subscriber.mail() {
            if reply.begin(PUSH_LEN_MAX).is_err() {
                return true;
            }
            if let Some((name, _)) = catalog.reading(push.reading.into()) {
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
                reply.bulk(push.value().text().as_bytes());
            }
            session.subscriber.delivered();
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

    /// Goes on with a reply that is a text: fills `tx` from its start, as far as there is room. Gives how many bytes to
    /// send, and whether there are more.
    pub fn text(&self, key: SessionKey, request: &Request<'_>, tx: &mut [u8]) -> (usize, bool) {
        let now = self.platform.now();
        let state = &mut *self.state.borrow_mut();
        let progress = match state.sessions.get(key).cursor {
            Cursor::Text(progress) => Some(progress),
            _ => None,
        };
        let frame = match state.sessions.get(key).protocol {
            Protocol::Resp2 => Frame::Bulk,
            Protocol::Resp3 => Frame::Verbatim,
        };
        let mut out = Out::new(tx);
        let progress = if request.name().eq_ignore_ascii_case(b"INFO") {
            let (histories, platform, outbox) = (&**self.histories.borrow(), self.platform, self.outbox);
            let info = Info { state, histories, platform, outbox, health: platform.health(), now, request: *request };
            document::write(&info, frame, progress, &mut out)
        } else {
            let clients = Clients { state, own: key, now_s: now.uptime_s() as u32, request: *request };
            document::write(&clients, frame, progress, &mut out)
        };
        state.sessions.get_mut(key).cursor = progress.map_or(Cursor::Start, Cursor::Text);
        (out.len(), progress.is_some())
    }

    /// The page for browsers, in the same way.
    pub(crate) fn page(&self, key: SessionKey, tx: &mut [u8]) -> (usize, bool) {
        let state = &mut *self.state.borrow_mut();
        let progress = match state.sessions.get(key).cursor {
            Cursor::Text(progress) => Some(progress),
            _ => None,
        };
        let mut out = Out::new(tx);
        let page = Page { state, platform: self.platform };
        let progress = document::write(&page, Frame::Http, progress, &mut out);
        state.sessions.get_mut(key).cursor = progress.map_or(Cursor::Start, Cursor::Text);
        (out.len(), progress.is_some())
    }

    /// Counts something.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.state.borrow_mut().stats);
    }
}

pub(crate) use wifi::random;

/// Room that a reply may need in a buffer that holds others. What a client sent may be in it.
fn room(command: &Result<&Command, Unknown>, request: &Request<'_>) -> usize {
    let is_long = command.as_ref().is_ok_and(|command| command.is_long);
    if is_long { TX_LEN } else { REPLY_LEN_MAX + request.arg(1).map_or(0, <[u8]>::len) }
}

fn check(platform: &dyn Platform, histories: &[History]) -> Result<(), SetupError> {
    let (readings, outputs) = (platform.readings(), platform.outputs());
    if readings.len() > READINGS_MAX || outputs.len() > OUTPUTS_MAX {
        return Err(SetupError::TooMany);
    }
    if histories.len() < own(platform) {
        return Err(SetupError::TooFewHistories);
    }
    let decimals = readings.iter().map(|info| info.decimals).chain(outputs.iter().map(|info| info.decimals));
    if decimals.max().is_some_and(|decimals| decimals > DECIMALS_MAX) {
        return Err(SetupError::Decimals);
    }
    let is_ordered = readings.iter().all(|info| info.minimum <= info.maximum)
        && outputs.iter().all(|info| (info.minimum..=info.maximum).contains(&info.initial));
    if !is_ordered {
        return Err(SetupError::Range);
    }
    let names = || readings.iter().map(|info| info.name).chain(outputs.iter().map(|info| info.name));
    let is_name = |name: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=NAME_LEN_MAX).contains(&name.len()) && name.bytes().all(is_plain)
    };
    if !names().all(is_name) {
        return Err(SetupError::Name);
    }
    let is_twice = names().enumerate().any(|(index, name)| names().skip(index + 1).any(|other| other == name));
    if is_twice { Err(SetupError::SameName) } else { Ok(()) }
}
