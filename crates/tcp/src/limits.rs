//! Every bound of the listener, and how the bounds relate. Those of a connection are in
//! [`sockeye_tcp_engine::limits`].

pub use sockeye_tcp_engine::limits::{KEEP_ALIVE_MS, SILENCE_MS};

/// Most connections of a listener: the sets of connections are words of 64 bits.
pub const CONNECTIONS_MAX: usize = 64;
/// Most network interfaces of a listener: access point and station.
pub const INTERFACES_MAX: usize = 2;
/// Most ports of a listener: the server's, and the one where browsers look.
pub const PORTS_MAX: usize = 2;

/// SYNs that wait for a slot that is just closing.
pub const SYN_BACKLOG: usize = 8;
/// Bytes of a SYN that can wait: Ethernet (14), IPv4 without options (20), TCP with all options (60).
pub const SYN_LEN_MAX: usize = 14 + 20 + 60;
/// How long a SYN waits, milliseconds. Its sender sends it again after one second.
pub const SYN_WAIT_MS: u64 = 2_000;
/// A half-open connection older than this makes way for a new SYN when there is no other room, milliseconds.
pub const HALF_OPEN_KEEP_MS: u64 = 250;
/// A handshake that has taken longer is evidence of a flood, milliseconds. Most hosts answer a SYN,ACK sooner.
pub const HALF_OPEN_SLOW_MS: u64 = 100;
/// A SYN without a place to wait, beside a slow handshake, counts for so long, milliseconds: two a second are no flood.
pub const FLOOD_SYN_MS: u64 = 500;
/// SYNs that count for more than this together are a flood, milliseconds.
pub const FLOOD_MS: u64 = 1_000;
/// The most for which they count, milliseconds: a flood is over after so long without a SYN, less [`FLOOD_MS`].
pub const FLOOD_MS_MAX: u64 = 3_000;
/// SYN cookies are taken until so long after the last one was sent, milliseconds.
pub const COOKIES_MS: u64 = 2_000;
/// A connection that gives way to a newcomer has this long for its last bytes to be acknowledged, milliseconds.
pub const GIVE_WAY_KEEP_MS: u64 = 100;

/// A RST for which the driver has no room, as where the link is down, is given up after so long, milliseconds. The peer's
/// next segment gets another one.
pub const RESET_KEEP_MS: u64 = 1_000;

/// Resolution of retransmission, delayed ACK and all other timers, milliseconds: they fire up to this much late.
pub const TICK_MS: u64 = 50;

/// Frames taken from the driver in one go, before other tasks have their turn.
pub const RX_BURST: usize = 16;
/// Segments that one connection sends in one go.
pub const TX_BURST: usize = 8;
/// Text of this length is copied and summed in one pass, bytes. Shorter text takes no more instructions in two.
pub const LONG_TEXT_LEN: usize = 128;
/// Bytes of an Ethernet frame without its check sequence.
pub const FRAME_LEN_MAX: usize = 1514;

/// Bytes of an ARP packet for IPv4 over Ethernet, with its Ethernet header (RFC 826).
pub const ARP_LEN: usize = 14 + 28;
/// Neighbours of an interface that are known at once: hosts on the link with which embassy-net exchanges datagrams. The
/// one that was silent for longest makes way for another.
pub const NEIGHBOURS_MAX: usize = 14;
/// A neighbour that was silent for longer gets an ARP request before the next frame, which leaves all the same,
/// milliseconds. RFC 1122 section 2.3.2.1: on the order of a minute.
pub const REACHABLE_MS: u32 = 60_000;
/// The least time between two ARP requests for one neighbour, milliseconds (RFC 1122 section 2.3.2.1).
pub const ARP_REQUEST_MS: u32 = 1_000;
/// A neighbour that has answered none of so many requests has no MAC address any more.
pub const ARP_REQUESTS_MAX: u8 = 3;
/// The least time between two announcements that defend the device's address, milliseconds (RFC 5227 section 1.1,
/// DEFEND_INTERVAL).
pub const ARP_DEFEND_MS: u32 = 10_000;
/// Frames that wait until their receivers are known.
pub const PENDING_FRAMES_MAX: usize = 2;
/// Bytes of a frame that can wait: a SYN, a question to a name server or for the time. A longer one is lost, as on any
/// network, and is sent again by its sender.
pub const PENDING_LEN_MAX: usize = 104;
/// How long such a frame waits, milliseconds. Its sender sends it again after a second.
pub const PENDING_MS: u32 = 1_000;
/// How many neighbours smoltcp keeps, its `IFACE_NEIGHBOR_CACHE_COUNT`: it has forgotten a stand-in after as many others.
pub const STAND_INS_MAX: u8 = 8;
/// The stand-in of a neighbour is given to smoltcp again after this time, milliseconds. smoltcp keeps a neighbour for
/// 60 s.
pub const STAND_IN_MS: u32 = 50_000;
/// Stand-ins that wait until embassy-net takes them.
pub const STAND_INS_QUEUED_MAX: usize = 4;

/// The least time between two DISCOVERs of embassy-net's DHCP client, milliseconds. smoltcp sends the next one ten seconds
/// after one that has not left.
pub const DHCP_DISCOVER_MS: u64 = 1_000;

/// How often embassy-net is woken in the time in which a query of membership is to be answered. smoltcp answers a query
/// for one group after a quarter of that time. A query for all groups, of which a device has one, is answered after
/// half of it.
pub const IGMP_WAKES: u8 = 4;
/// The longest such time, milliseconds. IGMPv3 permits up to 53 minutes; routers use 10 seconds.
pub const IGMP_RESPONSE_MS_MAX: u64 = 3_600_000;

const _: () = assert!(HALF_OPEN_SLOW_MS < HALF_OPEN_KEEP_MS);
const _: () = assert!(TICK_MS < HALF_OPEN_KEEP_MS && TICK_MS <= GIVE_WAY_KEEP_MS);
const _: () = assert!(TICK_MS + sockeye_tcp_engine::limits::ACK_DELAY_MS < 500, "RFC 9293 section 3.8.6.3");
const _: () = assert!(SYN_WAIT_MS > 1_000, "a waiting SYN must outlive its retransmission interval");
