//! The settings, which survive a reboot.
//!
//! Settings are stored as one CBOR map (RFC 8949), so that every change is one record. A field's number is its key in
//! that map, and keeps its meaning for ever. The record of an older firmware has fewer keys, and that of a newer one
//! has more, which are skipped. So both can be read. A new field gets the next number, and a default.
//!
//! postcard has no keys, so a new field would make all old records unreadable. minicbor writes and reads maps without a
//! heap.

use heapless::{String, Vec};
use minicbor::{Decode, Encode};
use sockeye_wifi::limits::NETWORKS_MAX;
use sockeye_wifi::{ApSettings, Network, RadioConfig, WifiSettings};
use sockeye_wiring::{NamedTexts, Wiring};

use crate::limits::{
    CHANNEL_LEN_MAX, DEVICE_NAME_LEN_MAX, PUSH_PERIOD_MS_MAX, PUSH_TO_LEN_MAX, PUSH_TOKEN_LEN_MAX, REMOTE_EXPIRE_S,
    RULES_TEXT_LEN_MAX, TIME_SERVER_LEN_MAX,
};
use crate::names::is_name_byte;
use token::TokenHash;

pub(crate) mod cbor;
pub(crate) mod flash_store;
pub(crate) mod store_task;
pub(crate) mod token;

/// The level of messages on the device's console; the names are Redis's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
#[expect(missing_docs, reason = "they are Redis's names")]
pub enum LogLevel {
    #[n(0)]
    Debug,
    #[n(1)]
    Verbose,
    #[default]
    #[n(2)]
    Notice,
    #[n(3)]
    Warning,
}

impl LogLevel {
    /// All levels, by their numbers.
    pub(crate) const ALL: [Self; 4] = [Self::Debug, Self::Verbose, Self::Notice, Self::Warning];

    /// The level's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Verbose => "verbose",
            Self::Notice => "notice",
            Self::Warning => "warning",
        }
    }
}

/// The parameters that a client can configure and a reboot must not lose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Settings {
    /// The device's name; empty for the one that its platform gives it.
    #[cbor(n(0), with = "cbor::text", default)]
    pub name: String<DEVICE_NAME_LEN_MAX, u8>,
    /// The token that clients must send; None if there is none.
    #[n(1)]
    pub token: Option<TokenHash>,
    /// The level of messages on the console.
    #[cbor(n(2), default)]
    pub log_level: LogLevel,
    /// The networks that the device joins; each was joined, and confirmed by a client, before it was stored.
    #[cbor(n(3), with = "cbor::list", default)]
    pub networks: Vec<Network, NETWORKS_MAX, u8>,
    /// The device's own network.
    #[cbor(n(4), default)]
    pub ap: ApSettings,
    /// The radio's settings that are the same for all actions.
    #[cbor(n(5), default)]
    pub radio: RadioConfig,
    /// Where samples go.
    #[cbor(n(6), default)]
    pub push: PushSettings,
    /// How long after its last sample the reading of another device has no value any more.
    #[cbor(n(7), default)]
    pub remote_expire: Seconds,
    /// The time server: `HOST` or `HOST:PORT`; empty for none.
    #[cbor(n(8), with = "cbor::text", default)]
    pub time_server: String<TIME_SERVER_LEN_MAX, u8>,
    /// The wiring; None for the factory's.
    #[cbor(n(9), with = "cbor::wiring_map", default)]
    pub wiring: Option<Wiring>,
    /// The rules.
    #[cbor(n(10), with = "cbor::named_texts", default)]
    pub rules: NamedTexts<RULES_TEXT_LEN_MAX>,
    /// A client has stored a change since the device was new, or since its factory reset. False where nobody has: then the
    /// settings of the firmware's build are in force. Without this mark a change back to the defaults would end at the
    /// next boot.
    #[cbor(n(11), default)]
    pub is_configured: bool,
    /// Changes that were spent when the settings were stored: so that a restart gives none back (see
    /// [`CHANGES_MAX`](crate::limits::CHANGES_MAX)). The number is no setting of a client's.
    #[cbor(n(12), default)]
    pub changes_spent: u8,
}

impl Settings {
    /// No settings, and not the defaults: all of it is zero, so that memory for settings takes no flash.
    pub(crate) const ZERO: Self = Self {
        name: String::new(),
        token: None,
        log_level: LogLevel::Debug,
        networks: Vec::new(),
        ap: ApSettings::ZERO,
        radio: RadioConfig::ZERO,
        push: PushSettings { to: String::new(), token: String::new(), names: String::new(), period_ms: 0 },
        remote_expire: Seconds(0),
        time_server: String::new(),
        wiring: None,
        rules: NamedTexts::new(),
        is_configured: false,
        changes_spent: 0,
    };

    /// Takes the values of other settings, field by field. `clone_from` would keep a whole copy on the stack of its caller.
    #[inline(never)]
    pub(crate) fn assign(&mut self, other: &Self) {
        let Self { name, token, log_level, networks, ap, radio, push, remote_expire, time_server, .. } = other;
        let Self { wiring, rules, is_configured, changes_spent, .. } = other;
        self.name.clone_from(name);
        self.token.clone_from(token);
        self.log_level = *log_level;
        self.networks.clone_from(networks);
        self.ap.clone_from(ap);
        self.radio.clone_from(radio);
        self.push.clone_from(push);
        self.remote_expire = *remote_expire;
        self.time_server.clone_from(time_server);
        self.wiring.clone_from(wiring);
        self.rules.clone_from(rules);
        self.is_configured = *is_configured;
        self.changes_spent = *changes_spent;
    }

    /// The settings that Wi-Fi depends on. `name` is the device's name: the settings' own, or the platform's while the
    /// settings' is empty.
    pub(crate) fn wifi<'a>(&'a self, name: &'a str) -> WifiSettings<'a> {
        WifiSettings { name, networks: &self.networks, ap: &self.ap, radio: self.radio }
    }
}

/// Where samples go, and which.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PushSettings {
    /// The peer, `HOST:PORT`; empty for none.
    #[cbor(n(0), with = "cbor::text", default)]
    pub to: String<PUSH_TO_LEN_MAX, u8>,
    /// The peer's token or password; empty if it has none.
    #[cbor(n(1), with = "cbor::text", default)]
    pub token: String<PUSH_TOKEN_LEN_MAX, u8>,
    /// Which readings: a pattern as in KEYS.
    #[cbor(n(2), with = "cbor::text", default)]
    pub names: String<CHANNEL_LEN_MAX, u8>,
    /// The least time between two samples of a reading, milliseconds; 0 for all samples.
    #[cbor(n(3), default)]
    pub period_ms: u32,
}

impl Default for PushSettings {
    fn default() -> Self {
        let names = String::try_from("*").unwrap_or_default();
        Self { to: String::new(), token: String::new(), names, period_ms: 0 }
    }
}

impl PushSettings {
    /// Sets the peer.
    ///
    /// # Errors
    /// The words for a text that can't be one.
    pub fn set_to(&mut self, to: &[u8]) -> Result<(), &'static str> {
        let to = push_text(to).filter(|to| to.is_empty() || is_host_and_port(to));
        self.to = to.ok_or("a peer is HOST:PORT of at most 64 bytes, or nothing")?;
        Ok(())
    }

    /// Sets the peer's token.
    ///
    /// # Errors
    /// The words for a text that is too long.
    pub fn set_token(&mut self, token: &[u8]) -> Result<(), &'static str> {
        self.token = push_text(token).ok_or("a token has at most 64 bytes")?;
        Ok(())
    }

    /// Sets the pattern of the readings that are pushed.
    ///
    /// # Errors
    /// The words for a text that is too long.
    pub fn set_names(&mut self, names: &[u8]) -> Result<(), &'static str> {
        self.names = push_text(names).ok_or("a pattern has at most 40 bytes")?;
        Ok(())
    }

    /// Sets the least time between two samples of a reading, milliseconds.
    ///
    /// # Errors
    /// The words for a time that is too long.
    pub fn set_period_ms(&mut self, period_ms: u32) -> Result<(), &'static str> {
        if period_ms > PUSH_PERIOD_MS_MAX {
            return Err(PUSH_PERIOD_REFUSED);
        }
        self.period_ms = period_ms;
        Ok(())
    }
}

pub(crate) const PUSH_PERIOD_REFUSED: &str = "a period is at most a day, in milliseconds";

fn push_text<const LEN: usize>(value: &[u8]) -> Option<String<LEN, u8>> {
    core::str::from_utf8(value).ok()?.try_into().ok()
}

/// Names and addresses have neither blanks nor further colons.
fn is_host_and_port(to: &str) -> bool {
    to.split_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && host.bytes().all(is_name_byte) && port.parse::<u16>().is_ok_and(|port| port > 0)
    })
}

/// A time after which a reading of another device has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Seconds(#[n(0)] pub u32);

impl Default for Seconds {
    fn default() -> Self {
        Self(REMOTE_EXPIRE_S)
    }
}

/// Settings could not be stored. The ones before are still in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// The device has nothing that outlives a reboot.
    Volatile,
    /// There is no room.
    Full,
    /// The stored settings can't be read, and aren't written over.
    Damaged,
    /// Writing failed.
    Failed,
}

/// The status of the store, as INFO shows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StoreStatus {
    /// The last stored settings were read.
    #[default]
    Sound,
    /// The settings were read from one of their two copies, and both are whole again.
    Repaired,
    /// The stored settings can't be read. The flash is left as it is until a factory reset, and the device has its
    /// defaults.
    Damaged,
    /// A newer firmware wrote settings that this one can't read. The flash is left as it is until a factory reset.
    Newer,
    /// The last change had no room.
    Full,
    /// The last change could not be written.
    Failed,
    /// The device has nothing that outlives a reboot.
    Volatile,
}

impl StoreStatus {
    /// As INFO shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sound => "ok",
            Self::Repaired => "repaired",
            Self::Damaged => "damaged",
            Self::Newer => "newer",
            Self::Full => "full",
            Self::Failed => "failed",
            Self::Volatile => "none",
        }
    }
}

impl From<StoreError> for StoreStatus {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Volatile => Self::Volatile,
            StoreError::Full => Self::Full,
            StoreError::Damaged => Self::Damaged,
            StoreError::Failed => Self::Failed,
        }
    }
}

/// The result of loading at boot: the settings, and the status of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// The settings that were stored last, or the defaults.
    pub settings: Settings,
    /// The status of the store.
    pub status: StoreStatus,
}

impl From<Settings> for Stored {
    fn from(settings: Settings) -> Self {
        Self { settings, status: StoreStatus::Sound }
    }
}

/// Keeps [`Settings`] over a reboot.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Store {
    /// Stores `settings` in the place of those before, and returns once a power cut can't undo it. A power cut in
    /// between leaves either.
    ///
    /// Calls never overlap.
    ///
    /// # Errors
    /// The settings before are still stored. Only after [`StoreError::Failed`] a reboot may find either.
    async fn save(&self, settings: &Settings) -> Result<(), StoreError>;

    /// Stores `defaults`, and then wipes what was stored before: whoever reads out the memory later finds no secret.
    /// Repairs a damaged store. A power cut in between leaves the old settings or the defaults, and the wiping goes on
    /// at the next boot.
    ///
    /// # Errors
    /// The old settings are still stored, or the defaults, and not all may be wiped.
    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError>;
}

/// A store that a device may lack; without it as [`NoStore`].
impl<S: Store> Store for Option<S> {
    async fn save(&self, settings: &Settings) -> Result<(), StoreError> {
        match self {
            Some(store) => store.save(settings).await,
            None => NoStore.save(settings).await,
        }
    }

    async fn reset(&self, defaults: &Settings) -> Result<(), StoreError> {
        match self {
            Some(store) => store.reset(defaults).await,
            None => NoStore.reset(defaults).await,
        }
    }
}

/// The store of a device without one: nothing can be configured that a reboot would lose.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoStore;

impl Store for NoStore {
    async fn save(&self, _settings: &Settings) -> Result<(), StoreError> {
        Err(StoreError::Volatile)
    }

    async fn reset(&self, _defaults: &Settings) -> Result<(), StoreError> {
        Err(StoreError::Volatile)
    }
}

/// RAM of a chip; a host's pointers are larger.
#[cfg(target_pointer_width = "32")]
const _: () = assert!(size_of::<Settings>() <= crate::limits::SETTINGS_SIZE_MAX);
