//! The radio that a simulator or a chip implements: it carries out actions, and reports events.

use core::fmt;
use core::net::Ipv4Addr;

use heapless::String;
use minicbor::{Decode, Encode};

use crate::credentials::{Network, Secret, Ssid};
use crate::limits::HOST_NAME_LEN_MAX;

/// An event of the radio, or of the network behind it.
///
/// Each action that has an outcome gets exactly one, also when nothing had to be done:
///
/// | action | outcome |
/// |---|---|
/// | [`Action::StartAp`] | [`ApStarted`](Self::ApStarted) or [`ApFailed`](Self::ApFailed) |
/// | [`Action::StopAp`] | [`ApStopped`](Self::ApStopped) |
/// | [`Action::Join`] | [`Joined`](Self::Joined) or [`JoinFailed`](Self::JoinFailed); none if [`Action::Leave`] came before it |
/// | [`Action::Leave`] | [`Left`](Self::Left), also if the station was in no network |
/// | [`Action::Scan`] | any number of [`ScanResult`](Self::ScanResult), then [`ScanDone`](Self::ScanDone) or [`ScanFailed`](Self::ScanFailed) |
///
/// After `Left` nothing more comes of the network that was left. An outcome that is lost or late costs time and nothing
/// else: the state machine waits for none without a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The station is in the network, and has no address yet.
    Joined,
    /// The station could not join.
    JoinFailed(JoinError),
    /// The station is in no network any more: it has left, or dropped out.
    Left,
    /// The station has this address in the network that it has joined, by DHCP or as it was configured.
    Address(Ipv4Addr),
    /// The address is no longer the station's, such as after a lease that ran out.
    AddressLost,
    /// The access point is on the air.
    ApStarted,
    /// The access point is off the air.
    ApStopped,
    /// The access point could not be put on the air, or went off by itself.
    ApFailed,
    /// So many clients are in the access point now.
    ApClients(u8),
    /// A scan heard this network. A name may come more than once, with the signal of another access point each time.
    ScanResult(ScanResult),
    /// The scan is complete.
    ScanDone,
    /// The radio could not scan.
    ScanFailed,
}

/// Why the station could not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinError {
    /// No network of that name was heard, or none with a security that the device supports.
    NotFound,
    /// The network asks for another password, or for one where none was given.
    WrongPassword,
    /// The router turned the station away: it is full, or believes that the station is there already.
    Refused,
    /// The router stopped answering.
    TimedOut,
    /// Something else, such as a radio that fails.
    Other,
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "no such network was heard",
            Self::WrongPassword => "the password is wrong",
            Self::Refused => "the router turned the device away",
            Self::TimedOut => "the router did not answer in time",
            Self::Other => "the radio failed",
        })
    }
}

/// How a network is protected, as a person has to choose it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Security {
    /// Anyone near can join.
    Open,
    /// A password is needed: WPA2, WPA3 or both.
    #[default]
    Password,
    /// Something that the device doesn't speak: WEP, WPA, or an enterprise's own.
    Other,
}

impl Security {
    /// As WIFI SCAN shows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Password => "password",
            Self::Other => "unsupported",
        }
    }
}

/// A network that a scan heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanResult {
    /// Its name. Radios leave out hidden networks, and those whose name is not an [`Ssid`].
    pub ssid: Ssid,
    /// Its signal, dBm.
    pub rssi_dbm: i8,
    /// How it is protected.
    pub security: Security,
}

/// The radio's settings that are the same for all actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RadioConfig {
    /// ISO 3166-1 country, whose channels and transmit power are permitted; `01` is the world's common part.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub country: [u8; 2],
    /// The station sleeps between beacons: less power, and 100 ms to 1 s until it answers instead of 2 ms.
    #[cbor(n(1), default)]
    pub power_save: bool,
}

impl RadioConfig {
    /// No configuration, and not the default: all of it is zero, so that memory for one takes no flash.
    pub const ZERO: Self = Self { country: [0; 2], power_save: false };
}

impl Default for RadioConfig {
    fn default() -> Self {
        Self { country: *b"01", power_save: false }
    }
}

/// The security of the access point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApSecurity {
    /// WPA2, with the passphrase that the device came with, which the platform keeps and prints.
    FactoryPassphrase,
    /// WPA2, with this passphrase.
    Passphrase(Secret),
    /// Anyone near; only if the owner has asked for it.
    Open,
}

/// The access point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApConfig {
    /// Its name, which is the device's.
    pub ssid: Ssid,
    /// The access point's security.
    pub security: ApSecurity,
    /// The device's address there; its DHCP server gives out others of the network.
    pub address: Ipv4Addr,
    /// Length of the network's prefix.
    pub prefix_len: u8,
}

/// The device's host name for a DHCP server (RFC 2132 section 3.14).
pub type HostName = String<HOST_NAME_LEN_MAX, u8>;

/// The first characters of `name`, as many as there is room for: a platform may have given a longer name than the
/// settings take.
pub(crate) fn cut<const N: usize>(name: &str) -> String<N, u8> {
    let mut cut = String::new();
    for c in name.chars() {
        if cut.push(c).is_err() {
            break;
        }
    }
    cut
}

/// A network to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    /// The network.
    pub network: Network,
    /// The device's host name there (RFC 2132 section 3.14).
    pub host_name: HostName,
}

/// Something that the radio is to do. Its outcome comes as an [`Event`].
///
/// The state machine gives actions in an order that every radio can follow. A [`Join`](Self::Join) or a
/// [`Scan`](Self::Scan) never comes while one of the two has no outcome. A `Join` never comes while the station is in a
/// network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Comes first, and again after a change; has no outcome.
    Configure(RadioConfig),
    /// Starts the access point, beside the station if there is one; if it is on the air already, with
    /// this configuration from now on.
    StartAp(ApConfig),
    /// Takes it off the air.
    StopAp,
    /// Joins a network, and gets its address there.
    Join(Join),
    /// Leaves the network, or gives up joining it.
    Leave,
    /// Listens for networks on all channels.
    Scan,
}

/// A radio, and the network stack above it.
#[allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]
pub trait Radio {
    /// Whether [`Action::Join`] of another network than before restarts the access point, and so drops its clients.
    fn restarts_ap(&self) -> bool {
        false
    }

    /// Begins something, and returns when it is begun: the outcome comes as an [`Event`]. The future is never dropped
    /// before it is ready. While the future runs no event is taken, so it must not wait for an outcome.
    async fn act(&mut self, action: Action);

    /// Waits for the next event.
    ///
    /// Is dropped and called anew whenever something else happens first, a time-out or a command for instance. So an
    /// event that was not returned must not be lost: take it out of where it is kept last, with no `await` after that.
    async fn event(&mut self) -> Event;
}
