//! The state that all clients share.

use core::net::{IpAddr, Ipv4Addr};

use embassy_sync::waitqueue::WakerRegistration;
use sockeye_firmware_update::wear::Wear;
use sockeye_wifi::{MachineInput, Wifi};
use sockeye_wiring::Wiring;

use crate::keys::catalog::Catalog;
use crate::keys::day::DayClock;
use crate::keys::remote::Remotes;
use crate::keys::wired::Wired;
use crate::limits::{OUTPUTS_MAX, READINGS_MAX, RULES_MAX};
use crate::platform::{Now, Platform, device_name};
use crate::rules::rule_state::{RuleState, RuleStates};
use crate::sessions::auth_failures::Failures;
use crate::sessions::monitor::Monitor;
use crate::sessions::session::{ClientOrigin, Cursor, Session, SessionKey, Sessions};
use crate::sessions::slow_log::SlowLog;
use crate::settings::{Settings, StoreStatus};
use crate::value::{Decimal, Latest, Value};

/// Figures since boot, beside those of the server. Each wraps.
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
    /// Messages that were put into mailboxes of subscribers.
    pub messages: u32,
    /// Messages that a full mailbox dropped.
    pub messages_dropped: u32,
    /// Reads of keys that have a value.
    pub hits: u32,
    /// Reads of keys that have none.
    pub misses: u32,
}

impl Counts {
    const ZERO: Self = Self {
        commands: 0,
        errors: 0,
        protocol_errors: 0,
        pages: 0,
        http_refused: 0,
        auth_failures: 0,
        samples: 0,
        messages: 0,
        messages_dropped: 0,
        hits: 0,
        misses: 0,
    };
}

/// The state that all clients share.
pub(crate) struct State {
    pub(crate) sessions: Sessions,
    /// The latest sample of each of the board's readings; none before the first, and while the sensor fails.
    pub(crate) latest: [Option<Latest>; READINGS_MAX],
    pub(crate) outputs: [Value; OUTPUTS_MAX],
    pub(crate) remotes: Remotes,
    /// The clock of all readings' days.
    pub(crate) clock: DayClock,
    /// The device has a log.
    pub(crate) has_log: bool,
    /// The platform sends samples to a peer.
    pub(crate) has_outbox: bool,
    pub(crate) settings: Settings,
    pub(crate) store: StoreStatus,
    /// The changes of settings that are spent.
    pub(crate) wear: Wear,
    pub(crate) failures: Failures,
    pub(crate) slow_log: SlowLog,
    pub(crate) monitor: Monitor,
    pub(crate) counts: Counts,
    pub(crate) wifi: Wifi,
    /// A command has changed what the Wi-Fi has to do.
    pub(crate) is_wifi_wanted: bool,
    pub(crate) wifi_waker: WakerRegistration,
    pub(crate) wired: Wired,
    pub(crate) rules: RuleStates,
    pub(crate) is_restart_requested: bool,
    pub(crate) restart_waker: WakerRegistration,
}

impl State {
    /// Memory for a state: all of it is zero, so that a static of it takes no flash. [`App::new`](crate::App::new) makes
    /// a state of it.
    pub(crate) const ZERO: Self = {
        Self {
            sessions: Sessions::new(),
            latest: [None; READINGS_MAX],
            outputs: [Value(0); OUTPUTS_MAX],
            remotes: Remotes::new(0, 0),
            clock: DayClock::ZERO,
            has_log: false,
            has_outbox: false,
            settings: Settings::ZERO,
            store: StoreStatus::Sound,
            wear: Wear::new(0),
            failures: Failures::new(),
            slow_log: SlowLog::new(),
            monitor: Monitor::new(),
            counts: Counts::ZERO,
            wifi: Wifi::ZERO,
            is_wifi_wanted: false,
            wifi_waker: WakerRegistration::new(),
            wired: Wired::ZERO,
            rules: [RuleState::ZERO; RULES_MAX],
            is_restart_requested: false,
            restart_waker: WakerRegistration::new(),
        }
    };

    /// All that keys come from.
    pub(crate) fn catalog<'s>(&'s self, platform: &'s dyn Platform) -> Catalog<'s> {
        let Self { remotes, latest, wired, settings, has_log, .. } = self;
        Catalog { platform, remotes, latest, wired, settings, has_log: *has_log }
    }

    /// The wiring, as far as it is used.
    pub(crate) fn wiring(&self) -> &Wiring {
        self.wired.used(&self.settings)
    }

    /// The device's name: the one that was set, or the one that it came with.
    pub(crate) fn device_name<'s>(&'s self, platform: &'s dyn Platform) -> &'s str {
        device_name(&self.settings, platform)
    }

    /// A sample of reading `index` came: puts a message into the mailbox of each subscriber, and wakes whoever waits
    /// for a sample.
    pub(crate) fn publish(&mut self, name: &str, index: usize, value: Decimal) {
        let counts = &mut self.counts;
        counts.samples = counts.samples.wrapping_add(1);
        for session in self.sessions.iter_mut() {
            let (receivers, dropped) = session.subscriber.publish(name, index as u8, value);
            counts.messages = counts.messages.wrapping_add(receivers);
            counts.messages_dropped = counts.messages_dropped.wrapping_add(dropped);
            let was_blocked = matches!(session.cursor, Cursor::Blocked { .. });
            session.event_pending |= was_blocked;
            if receivers > 0 || was_blocked {
                session.waker.wake();
            }
        }
    }

    /// Whether the session's connection has something to do that no request asks for.
    pub(crate) fn has_event(&self, session: &Session) -> bool {
        let has_lines = session.monitor.is_some_and(|next| next != self.monitor.next);
        session.killed || has_lines || session.subscriber.has_mail() || (session.is_blocked() && session.event_pending)
    }

    /// Whether this session may read: no token is set, or it has authenticated.
    pub(crate) fn may_read(&self, key: SessionKey) -> bool {
        self.settings.token.is_none() || self.sessions.get(key).authenticated
    }

    /// Whether this session may change something.
    pub(crate) fn may_write(&self, key: SessionKey) -> bool {
        let session = self.sessions.get(key);
        match self.settings.token {
            Some(_) => session.authenticated,
            None => session.origin != ClientOrigin::Station,
        }
    }

    /// The device's address in a network; unspecified if Wi-Fi has none there.
    pub(crate) fn own_address(&self, origin: ClientOrigin) -> IpAddr {
        let address = match origin {
            ClientOrigin::AccessPoint if self.wifi.has_radio => Some(self.settings.ap.address.address),
            ClientOrigin::Station => self.wifi.address,
            ClientOrigin::Loopback => Some(Ipv4Addr::LOCALHOST),
            ClientOrigin::AccessPoint => None,
        };
        address.unwrap_or(Ipv4Addr::UNSPECIFIED).into()
    }

    /// Asks whoever runs the device to restart it, and closes all connections.
    pub(crate) fn restart(&mut self) {
        self.request_restart();
        self.sessions.iter_mut().for_each(Session::kill);
    }

    /// Asks whoever runs the device to restart it. Connections stay open until then.
    pub(crate) fn request_restart(&mut self) {
        self.is_restart_requested = true;
        self.restart_waker.wake();
    }

    /// Counts a reply that is an error.
    pub(crate) fn count_error(&mut self) {
        self.counts.errors = self.counts.errors.wrapping_add(1);
    }

    /// Runs the Wi-Fi's state machine, and wakes the sessions that wait for its outcome.
    pub(crate) fn wifi(&mut self, now: Now, random: u32, happen: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        let settings = self.settings.wifi(&self.settings.name);
        let input = MachineInput { now_ms: now.uptime_ms(), random, settings };
        happen(&mut self.wifi, &input);
        let waiting = self.sessions.iter_mut().filter(|session| matches!(session.cursor, Cursor::Wifi(_)));
        waiting.for_each(Session::notify);
    }

    /// The same for a command: the loop that drives the radio looks at the state machine again.
    pub(crate) fn want_wifi(&mut self, now: Now, random: u32, want: impl FnOnce(&mut Wifi, &MachineInput<'_>)) {
        self.wifi(now, random, want);
        self.is_wifi_wanted = true;
        self.wifi_waker.wake();
    }
}

/// RAM of a chip; a host's pointers are larger.
#[cfg(target_pointer_width = "32")]
const _: () = {
    use crate::limits::{SESSIONS_MAX, SHARED_SIZE_MAX};
    assert!(size_of::<State>() - SESSIONS_MAX * size_of::<Session>() <= SHARED_SIZE_MAX);
};
