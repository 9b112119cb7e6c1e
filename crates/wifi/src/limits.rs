//! Every bound of the Wi-Fi, and how the bounds relate.

use sockeye_backoff::Pauses;

/// Networks that are stored.
pub const NETWORKS_MAX: usize = 3;
/// Length of a network's name, bytes (IEEE 802.11, 9.4.2.2).
pub const SSID_LEN_MAX: usize = 32;
/// Length of the host name that the device sends to a DHCP server (RFC 2132, 3.14), bytes.
pub const HOST_NAME_LEN_MAX: usize = 32;
/// Length of the shortest passphrase of a network (IEEE 802.11, J.4.1).
pub const PASSWORD_LEN_MIN: usize = 8;
/// Length of the longest password: a key of 64 hexadecimal digits. A passphrase is shorter.
pub const PASSWORD_LEN_MAX: usize = 64;
/// Networks of a scan that are kept, the strongest; what WIFI SCAN shows.
pub const HEARD_MAX: usize = 12;
/// Commands for the radio that wait until the radio's task takes them.
pub const COMMANDS_MAX: usize = 8;
/// How long joining may take, milliseconds. A radio scans all channels within 2 s.
pub const JOIN_TIMEOUT_MS: u64 = 20_000;
/// How long getting an address may take, milliseconds. A DHCP server that looks for a free address takes some seconds.
pub const ADDRESS_TIMEOUT_MS: u64 = 15_000;
/// How long leaving may take, milliseconds.
pub const LEAVE_TIMEOUT_MS: u64 = 5_000;
/// How long a scan may take, milliseconds.
pub const SCAN_TIMEOUT_MS: u64 = 10_000;
/// How long starting or stopping the access point may take, milliseconds.
pub const AP_TIMEOUT_MS: u64 = 5_000;
/// Pause after the access point could not be started, milliseconds.
pub const AP_RETRY_MS: u64 = 5_000;
/// How long the station is in no network until the access point starts, milliseconds.
pub const AP_AFTER_MS: u64 = 30_000;
/// How long the station is in its network until the access point stops, milliseconds.
pub const AP_HOLD_MS: u64 = 60_000;
/// The same while a client is in the access point, milliseconds. A forgotten telephone doesn't keep it on the air for
/// good.
pub const AP_LINGER_MS: u64 = 600_000;
/// The least pause between two tries to join while a client is in the access point, milliseconds. Each try disturbs that
/// client, and a forgotten client must not keep the device off its network for good.
pub const AP_CLIENT_PAUSE_MS: u64 = 300_000;
/// Rounds in which only the network for which the driver is configured is tried. Such rounds are made while a client is
/// in the access point, if joining another network would restart the access point. After them all networks are tried
/// once: a forgotten client must not keep the device off its other networks for good.
pub const SPARED_ROUNDS_MAX: u8 = 3;
/// Within how many seconds a trial has its outcome: leaving, a scan that runs, joining, and getting an address.
pub const OUTCOME_S: u64 = 60;
/// How long the station stays in a network that a client has the device leave, milliseconds: the reply goes first.
pub const LEAVE_DELAY_MS: u64 = 500;
/// Pauses after failures to join: 1 s, and each further one twice as long, up to 128 s, less a quarter at most.
pub const JOIN_PAUSES: Pauses = Pauses::new(1_000, 128_000, 4);
/// After so long in the network the next pause is short again, milliseconds. A network that lets the device in and
/// drops it at once doesn't count as joined.
pub const STEADY_MS: u64 = 30_000;
/// A router may believe for so long that a station is still there, and turn it away, milliseconds. Each try may start
/// that time anew, so there must be pauses that are longer.
pub const STALE_MS: u64 = 90_000;
/// Seconds in which WIFI CONFIRM must come after the device has its new address, unless WIFI TRY has a number.
pub const CONFIRM_S: u16 = 120;
/// The fewest seconds that WIFI TRY takes: a person has to change networks meanwhile.
pub const CONFIRM_S_MIN: u16 = 10;
/// The most seconds that WIFI TRY takes: so long can a wrong network keep the device.
pub const CONFIRM_S_MAX: u16 = 600;
/// How often the adapter asks the driver whether the station is in its network, milliseconds: events can be lost.
pub const CHECK_MS: u64 = 500;
/// How often the adapter asks the driver whether the station has left its network, milliseconds, while it is leaving.
pub const LEAVE_CHECK_MS: u64 = 100;
/// How long joining again may take after a change of the radio's mode, milliseconds; then the station has left.
pub const REJOIN_TIMEOUT_MS: u64 = 10_000;
/// Attempts to join that may fail in a row until the driver is configured anew. A driver may join no more until it is
/// stopped and started. With the pauses between them, these attempts take some minutes.
pub const JOINS_MAX: u8 = 8;
/// Events that a driver keeps for the adapter. A restart of the access point is 2 events and one for each client.
pub const DRIVER_EVENTS_MAX: usize = 12;
/// Frames that a driver keeps for each interface until the network stack takes them. Several clients send at once.
pub const RX_QUEUE_LEN: usize = 10;
/// Frames that a sender may send before the first is acknowledged (IEEE 802.11, 10.25): the driver's own number.
pub const BLOCK_ACK_WINDOW: u8 = 6;
/// Clients that the access point takes: esp-radio's limit.
pub const AP_CLIENTS_MAX: usize = 10;
/// Networks that the adapter takes from one scan.
pub const SCANNED_MAX: usize = 16;
/// Events of the radio that wait for the state machine.
pub const EVENTS_MAX: usize = 24;
/// Places in the queue of those events that are not for results of a scan and for counts of clients. The station, the
/// access point, a scan's end and the address have no more events until the state machine takes them.
pub const EVENTS_KEPT: usize = 8;
/// How long leaving may take in a network that was fixed when the program was built, milliseconds.
pub const STATIC_LEAVE_MS: u64 = 2_000;
/// RAM of the state machine, bytes, on a 32-bit chip.
pub const WIFI_SIZE_MAX: usize = 1024;

const _: () = assert!(JOIN_PAUSES.longest_with_jitter_ms() as u64 > STALE_MS);
const _: () = assert!(AP_CLIENT_PAUSE_MS >= JOIN_PAUSES.longest_ms as u64 && AP_HOLD_MS < AP_LINGER_MS);
const _: () = assert!(
    LEAVE_DELAY_MS + LEAVE_TIMEOUT_MS + SCAN_TIMEOUT_MS + JOIN_TIMEOUT_MS + ADDRESS_TIMEOUT_MS <= OUTCOME_S * 1_000
);
const _: () = assert!(CONFIRM_S_MIN <= CONFIRM_S && CONFIRM_S <= CONFIRM_S_MAX);
const _: () = assert!(AP_CLIENTS_MAX + 2 <= DRIVER_EVENTS_MAX, "a restart of the access point loses none");
const _: () = assert!((BLOCK_ACK_WINDOW as usize) < RX_QUEUE_LEN, "a window fits, and frames of others");
const _: () = assert!(LEAVE_CHECK_MS < LEAVE_TIMEOUT_MS && CHECK_MS < REJOIN_TIMEOUT_MS);
const _: () = assert!(SCANNED_MAX + EVENTS_KEPT <= EVENTS_MAX, "what else happens during a scan is not lost");
