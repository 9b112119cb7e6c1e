//! The clients that are connected.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use embassy_sync::waitqueue::WakerRegistration;
use heapless::String;
use sockeye_firmware_update::UpdateError;
use sockeye_resp::Protocol;

use crate::firmware::Outcome;
use crate::keys::catalog::KeySet;
use crate::keys::history::Samples;
use crate::limits::{CLIENT_NAME_LEN_MAX, LIB_NAME_LEN_MAX, LIB_VERSION_LEN_MAX, SESSIONS_MAX, STREAMS_MAX};
use crate::platform::Now;
use crate::sessions::page_view::PageView;
use crate::sessions::subscriber::{Scope, Subscriber};

/// Over which network a client has connected.
///
/// While no token is set, a client's origin decides what the client may change. Clients that know the access point's
/// passphrase, or run on the same machine, are trusted. The network that the station has joined is full of strangers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClientOrigin {
    /// The network that the device has joined.
    #[default]
    Station,
    /// The device's access point.
    AccessPoint,
    /// The machine itself; there are such clients in the simulator.
    Loopback,
}

/// A client's connection, by its addresses and its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress {
    /// The client's address and port.
    pub peer: SocketAddr,
    /// The device's address to which the client has connected; unspecified if it isn't known.
    pub local: IpAddr,
    /// Over which network.
    pub origin: ClientOrigin,
}

/// The access that a command needs. The order is that of rights: a client that may write may also read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone, also before AUTH.
    Open,
    /// Everyone while no token is set, and whoever has authenticated.
    Read,
    /// Clients over the access point or loopback while no token is set, and whoever has authenticated.
    Write,
}

/// A session that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionKey(u8);

impl SessionKey {
    fn index(self) -> usize {
        // Keys are made below with less; this tells the compiler.
        usize::from(self.0).min(SESSIONS_MAX - 1)
    }
}

/// How far a reply in parts is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Cursor {
    /// Nothing is written yet.
    #[default]
    Start,
    /// The next item of a list, and how many there are.
    Item { next: u16, len: u16 },
    /// The keys that are yet to be listed.
    Keys(KeySet),
    /// `samples` are those of stream number `stream` of the request that are yet to be written. `ready` has a bit for
    /// each of the request's streams that has samples.
    Samples { stream: u8, ready: u8, samples: Samples },
    /// A range of what is kept of readings. `readings` are yet to be written, `reading` is the first of them, and `left`
    /// of its points are, from `step` on. `left` is `u16::MAX` before the reading's start. The rest is the series' plan.
    Series { reading: u8, readings: u8, step: u16, left: u16, newest: u32, first_sample: u32, as_samples: u8 },
    /// A long text: how many bytes of it are sent, its header included.
    Document { sent: u16 },
    /// Nothing is written, and a long text waits until another session's is sent.
    AwaitingDocument,
    /// A page for browsers: which, its next part, when it was begun, and the scale of the chart that is being written.
    Page { view: PageView, part: u8, uptime_s: u32, scale: (i32, i32) },
    /// Nothing is written, and XREAD waits for the first sample after those that there were. `log_next` was the number of
    /// the log's next line then.
    Blocked { log_next: u32 },
    /// Nothing is written, and WIFI TRY or WIFI SCAN waits for the outcome of the trial or the scan of this number.
    Wifi(u16),
    /// Nothing is written, and WIRING SCAN waits for the outcome of the scan of this number.
    Scan(u16),
    /// Nothing is written, and FIRMWARE waits for its job; with an outcome the job is done.
    Firmware(Option<Result<Outcome, UpdateError>>),
}

/// Where a session is between MULTI and EXEC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Transaction {
    #[default]
    None,
    /// MULTI came, and so many commands after it.
    Open { len: u8 },
    /// A command was refused, so that EXEC will be.
    Aborted,
    /// The commands had no room, so that EXEC will be refused.
    TooLong,
    /// EXEC runs the commands.
    Running,
}

impl Transaction {
    /// Whether commands are queued rather than run.
    pub(crate) fn is_open(self) -> bool {
        !matches!(self, Self::None | Self::Running)
    }
}

/// The device's data about one client.
pub(crate) struct Session {
    /// 0 if the session isn't open; never the same again until the device boots.
    pub(crate) id: u32,
    pub(crate) peer: SocketAddr,
    /// The device's address to which the client has connected; unspecified if it isn't known.
    pub(crate) local: IpAddr,
    pub(crate) origin: ClientOrigin,
    pub(crate) protocol: Protocol,
    /// The client sent the right token. Without meaning while no token is set.
    pub(crate) authenticated: bool,
    /// Wrong tokens on this connection.
    pub(crate) auth_failures: u8,
    /// The session is to be closed.
    pub(crate) killed: bool,
    pub(crate) name: String<CLIENT_NAME_LEN_MAX, u8>,
    pub(crate) lib_name: String<LIB_NAME_LEN_MAX, u8>,
    pub(crate) lib_version: String<LIB_VERSION_LEN_MAX, u8>,
    pub(crate) opened_s: u32,
    pub(crate) last_us: u64,
    /// Number in the command table of the command that it sent last, counted from 1; 0 before the first.
    pub(crate) command: u8,
    pub(crate) subscriber: Subscriber,
    /// Number of the next line of MONITOR for it; None if it does not monitor.
    pub(crate) monitor: Option<u32>,
    pub(crate) cursor: Cursor,
    pub(crate) transaction: Transaction,
    /// A command was refused on which later ones depend, such as WATCH: the next transaction is refused too.
    pub(crate) is_mode_refused: bool,
    /// Numbers of the samples that the streams of an XREAD had next when it began: what `$` means.
    pub(crate) next: [u32; STREAMS_MAX],
    /// The event that the request waits for came: a sample, or an event of Wi-Fi.
    pub(crate) event_pending: bool,
    pub(crate) waker: WakerRegistration,
}

impl Session {
    const fn closed() -> Self {
        Self {
            id: 0,
            peer: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            local: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            origin: ClientOrigin::Station,
            protocol: Protocol::Resp2,
            authenticated: false,
            auth_failures: 0,
            killed: false,
            name: String::new(),
            lib_name: String::new(),
            lib_version: String::new(),
            opened_s: 0,
            last_us: 0,
            command: 0,
            subscriber: Subscriber::new(),
            monitor: None,
            cursor: Cursor::Start,
            transaction: Transaction::None,
            is_mode_refused: false,
            next: [0; STREAMS_MAX],
            event_pending: false,
            waker: WakerRegistration::new(),
        }
    }

    /// Whether a request waits for something to happen.
    pub(crate) fn is_blocked(&self) -> bool {
        use Cursor::{AwaitingDocument, Blocked, Firmware, Scan, Wifi};
        matches!(self.cursor, Blocked { .. } | AwaitingDocument | Wifi(_) | Scan(_) | Firmware(_))
    }

    /// Whether the session waits for messages or for an event. No other session has any.
    pub(crate) fn is_listening(&self) -> bool {
        self.is_subscribed() || self.is_blocked() || self.monitor.is_some()
    }

    /// The number of the log's next line when XREAD looked last; None if no XREAD waits.
    pub(crate) fn blocked_log_line(&self) -> Option<u32> {
        match self.cursor {
            Cursor::Blocked { log_next } => Some(log_next),
            _ => None,
        }
    }

    /// Numbers of the log's next lines that the subscription and XREAD wait for; None for what does not wait.
    pub(crate) fn awaited_log_lines(&self) -> [Option<u32>; 2] {
        [self.subscriber.log, self.blocked_log_line()]
    }

    /// An event came that the request may wait for.
    pub(crate) fn notify(&mut self) {
        self.event_pending = true;
        self.waker.wake();
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscriber.len() > 0
    }

    /// A push is no type of its own in RESP2, so a client that has subscribed may send few commands.
    pub(crate) fn is_restricted(&self) -> bool {
        self.is_subscribed() && self.protocol == Protocol::Resp2
    }

    pub(crate) fn channels(&self) -> usize {
        self.subscriber.count(Scope::Channel)
    }

    pub(crate) fn patterns(&self) -> usize {
        self.subscriber.count(Scope::Pattern)
    }

    /// As new, but for what RESET leaves: the connection itself, its library, and how often it guessed.
    pub(crate) fn reset(&mut self) {
        self.protocol = Protocol::Resp2;
        self.authenticated = false;
        self.name.clear();
        self.subscriber.clear();
        self.monitor = None;
        self.transaction = Transaction::None;
        self.is_mode_refused = false;
    }

    /// Marks the session to be closed; its connection is woken at once.
    pub(crate) fn kill(&mut self) {
        self.killed = true;
        self.waker.wake();
    }
}

pub(crate) struct Sessions {
    slots: [Session; SESSIONS_MAX],
    /// The ID of the session that was opened last; 0 before the first.
    last_id: u32,
}

impl Sessions {
    pub(crate) const fn new() -> Self {
        Self { slots: [const { Session::closed() }; SESSIONS_MAX], last_id: 0 }
    }

    /// Opens a session, unless there are too many.
    pub(crate) fn open(
        &mut self,
        ClientAddress { peer, local, origin }: ClientAddress,
        now: Now,
    ) -> Option<SessionKey> {
        let (index, session) = self.slots.iter_mut().enumerate().find(|(_, session)| session.id == 0)?;
        let now_s = now.uptime_s() as u32;
        self.last_id = self.last_id.wrapping_add(1).max(1);
        *session = Session {
            id: self.last_id,
            peer,
            local,
            origin,
            opened_s: now_s,
            last_us: now.uptime_us,
            ..Session::closed()
        };
        Some(SessionKey(index as u8))
    }

    /// Nobody has the document any more: wakes those who wait for it.
    pub(crate) fn notify_awaiting_document(&mut self) {
        let waiting = self.iter_mut().filter(|session| matches!(session.cursor, Cursor::AwaitingDocument));
        waiting.for_each(Session::notify);
    }

    pub(crate) fn close(&mut self, key: SessionKey) {
        *self.get_mut(key) = Session::closed();
    }

    pub(crate) fn get(&self, key: SessionKey) -> &Session {
        &self.slots[key.index()]
    }

    pub(crate) fn get_mut(&mut self, key: SessionKey) -> &mut Session {
        &mut self.slots[key.index()]
    }

    /// The sessions that are open.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().filter(|session| session.id > 0)
    }

    /// The sessions that are open.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().filter(|session| session.id > 0)
    }
}

/// RAM of a chip; a host's pointers are larger.
#[cfg(target_pointer_width = "32")]
const _: () = {
    use crate::limits::{CONNECTION_SIZE_MAX, FUTURE_SIZE_MAX};
    assert!(size_of::<Session>() + FUTURE_SIZE_MAX <= CONNECTION_SIZE_MAX, "a connection is too large");
};
