//! Bounds of the services.

/// Services that follow the device's address on one side.
pub const FOLLOWERS_MAX: usize = 2;

/// Datagrams that a service's socket holds, each way; of long answers one.
pub const QUEUED: usize = 2;
/// The hop limit of datagrams (RFC 1122 section 3.2.1.7), and of those of mDNS (RFC 6762 section 11).
pub const HOP_LIMIT: u8 = 64;
/// See [`HOP_LIMIT`].
pub const MDNS_HOP_LIMIT: u8 = 255;
/// How long a socket may take to be bound, and to join a group, milliseconds.
pub const BIND_MS: u64 = 1_000;
/// How long a socket that leaves a group waits before it joins the group again, milliseconds: the stack has its turn.
pub const MULTICAST_LEAVE_MS: u64 = 50;
/// How long a socket may take until it has room for an answer, milliseconds. A socket that takes longer is bound anew.
pub const SEND_MS: u64 = 1_000;
/// A socket on which nothing came for so long is bound anew, milliseconds: it may have stopped.
pub const SILENCE_MS: u64 = 60_000;
/// A socket that failed as often without a message between is bound anew. After as many messages in a row that are too
/// long, a service pauses.
pub const ERRORS_MAX: u8 = 8;

/// Bytes of a DHCP message: no client sends more without a larger limit of the server (RFC 2131 section 2).
pub const DHCP_MESSAGE_LEN_MAX: usize = 576;
/// Bytes of an answer at least, as of a message of BOOTP (RFC 951 section 3); the longest is not longer than this either.
pub const DHCP_REPLY_LEN_MIN: usize = 300;
/// Bytes of the longest answer: its fixed part, type, server, time, mask, router, name server, page, end.
pub const DHCP_REPLY_LEN_MAX: usize = 240 + 3 + 6 + 6 + 6 + 6 + 6 + 2 + URL_LEN_MAX + 1;
/// Addresses that are remembered: lent, offered, declined, or lent before. The radio takes fewer clients, but one that
/// has left keeps its address.
pub const LEASES_MAX: usize = 32;
/// Addresses that can be lent in a network. The lower addresses of a larger network are left to hosts whose address is
/// set by hand.
pub const POOL_LEN_MAX: u32 = 200;
/// How long an address is lent, and how long one that was declined is not, seconds.
pub const LEASE_S: u32 = 3_600;
/// How long an address is kept for a client that was offered it, seconds.
pub const OFFER_S: u64 = 30;
/// How long it is waited for an answer from who has an address already, before it is offered, milliseconds.
pub const PROBE_MS: u64 = 500;
/// Addresses in use that are found in a row before a client's question is dropped. The client asks again.
pub const PROBES_MAX: u8 = 3;
/// Bytes of the page's URL in an answer.
pub const URL_LEN_MAX: usize = "http://255.255.255.255:65535/".len();

/// Bytes of a DNS message over UDP (RFC 1035 section 2.3.4).
pub const DNS_MESSAGE_LEN_MAX: usize = 512;
/// Bytes of a DNS message's header (RFC 1035 section 4.1.1).
pub const DNS_HEADER_LEN: usize = 12;
/// Names that a pointer leads from one to the next, at most: a name has no more labels (RFC 1035 section 2.3.4).
pub const DNS_JUMPS_MAX: usize = 127;
/// Bytes of a name's labels with the length of each, without the zero at the end (RFC 6762 appendix C). RFC 1035 section
/// 2.3.4 permits one byte less.
pub const DNS_NAME_LEN_MAX: usize = 255;
/// Bytes of a label (RFC 1035 section 2.3.4).
pub const DNS_LABEL_LEN_MAX: usize = 63;
/// Bytes of a host name that is looked up: no setting has a longer one.
pub const HOST_LEN_MAX: usize = 64;
/// Bytes of a resolver's question: header, name, type and class.
pub const DNS_QUESTION_LEN_MAX: usize = DNS_HEADER_LEN + HOST_LEN_MAX + 2 + 4;
/// How often a resolver asks. The name servers take turns.
pub const DNS_TRIES: usize = 3;
/// How long a name server may take to answer, milliseconds.
pub const DNS_TRY_MS: u64 = 1_500;
/// A resolver asks again, with another ID and port, after so many messages that do not answer its question (RFC 5452
/// section 9.3).
pub const DNS_FOREIGN_ANSWERS_MAX: u8 = 8;
/// The first UDP port that a client may have: the first behind those of the services. RFC 5452 section 9.2 asks for as
/// many ports as there can be.
pub const CLIENT_PORT_FIRST: u16 = 5_354;
/// How many ports a client tries to bind. A host may have given a port to another program.
pub const CLIENT_PORT_TRIES: u8 = 4;
/// How long a client may remember an answer, seconds: not beyond its stay in the device's own network.
pub const DNS_TTL_S: u32 = 60;

/// Bytes of an mDNS message that is read; longer ones, which list many known answers, are passed over.
pub const MDNS_QUESTION_LEN_MAX: usize = 1_024;
/// Bytes of an mDNS answer: all records of a device with the longest name and texts of 255 bytes.
pub const MDNS_ANSWER_LEN_MAX: usize = 1_024;
/// Labels of a name of the device's: four numbers, and the two labels of the domain of reverse names.
pub const MDNS_LABELS_MAX: usize = 6;
/// Bytes of all texts of a service (RFC 6763 section 6.2); a device has 255 at most.
pub const MDNS_TEXT_LEN_MAX: usize = 256;
/// Time to live of records, seconds. RFC 6762 section 10 recommends this for records that depend on the host, and 75
/// minutes for the rest. A device that loses its power sends no goodbye, and should not be listed for an hour, so all
/// records have the shorter time.
pub const MDNS_TTL_S: u32 = 120;
/// Time to live of records in an answer to a legacy (one-shot) resolver, seconds (RFC 6762 section 6.7).
pub const MDNS_LEGACY_TTL_S: u32 = 10;
/// Probes before a name is taken, and the time after each, milliseconds (RFC 6762 section 8.1).
pub const MDNS_PROBES: u8 = 3;
/// See [`MDNS_PROBES`].
pub const MDNS_PROBE_MS: u64 = 250;
/// After so many conflicts in a row the next name is probed this much later, milliseconds (RFC 6762 section 8.1).
pub const MDNS_CONFLICTS_MAX: u8 = 15;
/// See [`MDNS_CONFLICTS_MAX`].
pub const MDNS_SLOW_PROBE_MS: u64 = 5_000;
/// Announcements of a new name, and the time between them, milliseconds (RFC 6762 section 8.3).
pub const MDNS_ANNOUNCEMENTS: u8 = 2;
/// See [`MDNS_ANNOUNCEMENTS`].
pub const MDNS_ANNOUNCE_MS: u64 = 1_000;
/// An answer that others may give too is sent this much later, milliseconds (RFC 6762 section 6) ...
pub const MDNS_DELAY_MS: u64 = 20;
/// ... and up to so much more, at random.
pub const MDNS_DELAY_SPREAD_MS: u64 = 100;
/// An answer to a question that was cut waits for the rest of it, milliseconds (RFC 6762 section 7.2) ...
pub const MDNS_AWAIT_MS: u64 = 400;
/// ... and up to so much more, at random.
pub const MDNS_AWAIT_SPREAD_MS: u64 = 100;
/// The least time between two of a record that are sent to all, milliseconds (RFC 6762 section 6).
pub const MDNS_REPEAT_MS: u64 = 1_000;
/// The same where somebody probes for the name.
pub const MDNS_REPEAT_PROBED_MS: u64 = 250;
/// How often it is looked whether the device has another name, or none any more, milliseconds. A device that leaves a network
/// is there for 500 ms more, so that the last message leaves in time.
pub const MDNS_LOOK_MS: u64 = 250;
/// Bytes of a name: one label (RFC 1035 section 2.3.4).
pub const NAME_LEN_MAX: usize = 63;

/// Bytes of a question for the time, and of its answer (RFC 4330 section 4).
pub const NTP_MESSAGE_LEN: usize = 48;
/// Length of the time server's host and port.
pub const SERVER_LEN_MAX: usize = 64;
/// How long a time server may take to answer, and its name to be looked up, milliseconds.
pub const SNTP_ANSWER_MS: u64 = 5_000;
/// How long all of it may take, milliseconds: the name, the socket and the answer.
pub const SNTP_ASK_MS: u64 = 2 * SNTP_ANSWER_MS + BIND_MS;
/// How often it is looked whether there is a time server, milliseconds.
pub const SNTP_LOOK_MS: u64 = 10_000;
/// How often the time is asked for, milliseconds: within an hour a quartz is off by 200 ms at most.
pub const SNTP_PERIOD_MS: u64 = 3_600_000;
/// Pause after a first failure, milliseconds (RFC 4330 section 10: no less than 15 seconds); each further one doubles it.
pub const SNTP_PAUSE_MIN_MS: u64 = 15_000;
/// The longest such pause, milliseconds.
pub const SNTP_PAUSE_MAX_MS: u64 = 1_024_000;

/// Pause after a message that could not be read or answered, milliseconds.
pub const RETRY_MS: u64 = 100;

const _: () = assert!(MULTICAST_LEAVE_MS < BIND_MS);
const _: () = assert!(DNS_TRIES as u64 * DNS_TRY_MS < SNTP_ANSWER_MS);
const _: () = assert!(SNTP_PAUSE_MIN_MS >= SNTP_LOOK_MS && SNTP_PAUSE_MIN_MS <= SNTP_PAUSE_MAX_MS);
const _: () = assert!(DHCP_REPLY_LEN_MAX >= DHCP_REPLY_LEN_MIN);
