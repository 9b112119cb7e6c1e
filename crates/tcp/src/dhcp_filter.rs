//! Changes messages of DHCP between embassy-net's client and the network.
//!
//! - Transaction IDs are replaced, both ways. RFC 2131 section 4.4.1 wants them at random. smoltcp draws them from a
//!   generator whose state follows from three of them, and a request of DHCP is heard by the whole network. A host that
//!   knows the next ID can answer before the server, without having heard the request.
//! - A router that is no host is taken out of answers, and an answer that is from no host is dropped. smoltcp would panic
//!   once it looks for the MAC address of such a host.
//! - Of several routers only the first is left. smoltcp ignores a list of them, and has no router then.
//! - Discovery begins once in [`DHCP_DISCOVER_MS`] at most while the link is up. smoltcp begins anew at once after a refusal, and after a lease
//!   of no time. With a server that answers all requests so, messages would go back and forth without a pause.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::ops::Range;

use embassy_time::{Duration, Instant};
use sockeye_tcp_engine::IsnKey;

use crate::checksum::{ETHERNET, fold, sum};
use crate::limits::DHCP_DISCOVER_MS;

/// The EtherType of IPv4, and IPv4's number for UDP.
const IPV4: [u8; 2] = [0x08, 0x00];
const UDP: u8 = 17;
/// The ports of DHCP (RFC 2131 section 4.1).
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Where a UDP datagram has its checksum, and a message of DHCP its transaction ID and its options.
const CHECKSUM_AT: usize = 6;
const ID: Range<usize> = 12..16;
const OPTIONS_AT: usize = 8 + 240;
/// Codes of options (RFC 2132), and one that is nobody's (RFC 2132 section 2: site-specific).
const PAD: u8 = 0;
const ROUTER: u8 = 3;
const MESSAGE_TYPE: u8 = 53;
const NOTHING: u8 = 254;
const END: u8 = 255;
/// The type of a message that looks for servers.
const DISCOVER: u8 = 1;

/// The DHCP client's side of one interface.
pub(crate) struct DhcpFilter {
    key: IsnKey,
    /// The ID that smoltcp has drawn last, and the one that the network knows for it; None before there is one.
    known: Option<([u8; 4], [u8; 4])>,
    /// No discovery begins before.
    discover_at: Instant,
}

impl DhcpFilter {
    /// `key` is secret.
    pub(crate) const fn new(key: IsnKey) -> Self {
        Self { key, known: None, discover_at: Instant::MIN }
    }

    /// The link is up or down now: a discovery may begin at once.
    pub(crate) fn begin_anew(&mut self) {
        self.discover_at = Instant::MIN;
    }

    /// Replaces the ID of a request in a frame from embassy-net. Any other frame stays as it is, and so does a frame that
    /// was here before. False if the frame must not leave: it begins a discovery too soon.
    #[inline(never)]
    pub(crate) fn outgoing(&mut self, frame: &mut [u8], now: Instant) -> bool {
        let Some(mut message) = Message::find(frame, CLIENT_PORT, SERVER_PORT) else { return true };
        let drawn = message.id();
        let sent = match self.known {
            Some((_, sent)) if sent == drawn => return true,
            // A request for an offered address has the ID of the offer.
            Some((known, sent)) if known == drawn => sent,
            Some((_, sent)) if message.is_discover() && now < self.discover_at => {
                // An answer to the discovery before is one to this.
                self.known = Some((drawn, sent));
                return false;
            }
            _ => self.draw(drawn, now),
        };
        if message.is_discover() {
            self.discover_at = now + Duration::from_millis(DHCP_DISCOVER_MS);
        }
        self.known = Some((drawn, sent));
        message.set(ID.start, &sent);
        true
    }

    /// Gives an answer in a frame from the network the ID that smoltcp expects. False if embassy-net must not see the
    /// frame: it has an answer with another ID than the last request's, or from no host.
    #[inline(never)]
    pub(crate) fn incoming(&self, frame: &mut [u8]) -> bool {
        let Some(mut message) = Message::find(frame, SERVER_PORT, CLIENT_PORT) else { return true };
        match self.known {
            Some((drawn, sent)) if message.id() == sent && message.is_from_host => {
                message.mend_routers();
                message.set(ID.start, &drawn);
                true
            }
            _ => false,
        }
    }

    /// Another ID: a keyed hash of the drawn one, as of an initial sequence number. No connection has these addresses and
    /// ports, so neither number reveals the other.
    fn draw(&self, drawn: [u8; 4], now: Instant) -> [u8; 4] {
        let local = SocketAddrV4::new(drawn.into(), CLIENT_PORT);
        let remote = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, SERVER_PORT);
        self.key.isn(local, remote, now).number().to_be_bytes()
    }
}

/// The UDP datagram of a message of DHCP.
struct Message<'a> {
    udp: &'a mut [u8],
    is_from_host: bool,
}

impl<'a> Message<'a> {
    /// None if the frame has no message between these ports, or not its ID.
    #[inline(never)]
    fn find(frame: &'a mut [u8], from: u16, to: u16) -> Option<Self> {
        let header = frame.get(..ETHERNET + 20)?;
        let (version, ihl) = (header[ETHERNET] >> 4, usize::from(header[ETHERNET] & 0xf) * 4);
        let is_udp = header[12..14] == IPV4 && version == 4 && header[ETHERNET + 9] == UDP;
        let is_from_host = is_host(core::array::from_fn(|index| header[ETHERNET + 12 + index]));
        let udp = frame.get_mut(ETHERNET + ihl..).filter(|udp| is_udp && udp.len() >= ID.end)?;
        let ports = [from.to_be_bytes(), to.to_be_bytes()];
        (udp[..2] == ports[0] && udp[2..4] == ports[1]).then_some(Self { udp, is_from_host })
    }

    /// Whether this is a request that looks for servers: the message type is smoltcp's first option.
    fn is_discover(&self) -> bool {
        self.udp.get(OPTIONS_AT..OPTIONS_AT + 3) == Some(&[MESSAGE_TYPE, 1, DISCOVER])
    }

    fn id(&self) -> [u8; 4] {
        self.udp.get(ID).and_then(|id| id.first_chunk()).copied().unwrap_or_default()
    }

    /// Leaves one router in each option, and makes options of no meaning of those that name no host.
    #[inline(never)]
    fn mend_routers(&mut self) {
        let mut at = OPTIONS_AT;
        loop {
            match self.udp.get(at..) {
                Some(&[PAD, ..]) => at += 1,
                Some(&[code, len, ref rest @ ..]) if code != END => {
                    let Some(data) = rest.get(..usize::from(len)) else { return };
                    if code == ROUTER {
                        let has_router = data.first_chunk().is_some_and(|router| is_host(*router));
                        match len {
                            4 if has_router => {}
                            // The others become the data of an option of no meaning.
                            6.. if has_router => {
                                self.set(at + 6, &[NOTHING, len - 6]);
                                self.set(at + 1, &[4]);
                            }
                            _ => self.set(at, &[NOTHING]),
                        }
                    }
                    at += 2 + usize::from(len);
                }
                _ => return,
            }
        }
    }

    /// Writes other bytes from `at` on, and the checksum that goes with them (RFC 1624 section 3). A checksum of 0 is none.
    #[inline(never)]
    fn set(&mut self, at: usize, bytes: &[u8]) {
        let old = self.sum(at, bytes.len());
        for (to, byte) in self.udp.iter_mut().skip(at).zip(bytes) {
            *to = *byte;
        }
        let new = self.sum(at, bytes.len());
        if let Some(checksum) = self.udp.get_mut(CHECKSUM_AT..).and_then(|rest| rest.first_chunk_mut())
            && *checksum != [0; 2]
        {
            let sum = u32::from(!u16::from_ne_bytes(*checksum)) + u32::from(!old) + u32::from(new);
            let mended = !fold(sum);
            *checksum = if mended == 0 { [0xff; 2] } else { mended.to_ne_bytes() };
        }
    }

    /// The sum of the whole words in which these bytes are.
    fn sum(&self, at: usize, len: usize) -> u16 {
        let end = (at + len).next_multiple_of(2).min(self.udp.len());
        self.udp.get(at & !1..end).map_or(0, |words| fold(sum(words)))
    }
}

/// Whether these are the bytes of an address that a host can have.
fn is_host(address: [u8; 4]) -> bool {
    let address = Ipv4Addr::from(address);
    !address.is_unspecified() && !address.is_broadcast() && !address.is_multicast() && !address.is_loopback()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec;
    use std::vec::Vec;

    const NOW: Instant = Instant::from_secs(5);
    const DRAWN: [u8; 4] = [1, 2, 3, 4];

    /// A frame with a message, and options of IPv4 of this length.
    fn frame(from: u16, to: u16, id: [u8; 4], options: usize) -> Vec<u8> {
        let ihl = 20 + options;
        let mut frame = vec![7; ETHERNET + ihl + 8 + 240];
        frame[12..14].copy_from_slice(&IPV4);
        frame[ETHERNET] = 0x40 | (ihl / 4) as u8;
        frame[ETHERNET + 9] = UDP;
        frame[ETHERNET + 12..ETHERNET + 16].copy_from_slice(&[10, 0, 0, 1]);
        let udp = &mut frame[ETHERNET + ihl..];
        udp[..2].copy_from_slice(&from.to_be_bytes());
        udp[2..4].copy_from_slice(&to.to_be_bytes());
        udp[ID].copy_from_slice(&id);
        udp[CHECKSUM_AT..CHECKSUM_AT + 2].fill(0);
        let checksum = match !fold(sum(udp)) {
            0 => u16::MAX,
            checksum => checksum,
        };
        udp[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_ne_bytes());
        frame
    }

    /// The ID in a frame whose checksum is right.
    fn id(frame: &[u8]) -> [u8; 4] {
        let udp = &frame[ETHERNET + usize::from(frame[ETHERNET] & 0xf) * 4..];
        assert_eq!(fold(sum(udp)), 0xffff, "the checksum");
        core::array::from_fn(|index| udp[ID.start + index])
    }

    fn ids() -> DhcpFilter {
        DhcpFilter::new(IsnKey::new(*b"0123456789abcdef"))
    }

    /// The ID with which a request leaves.
    fn sends(ids: &mut DhcpFilter, drawn: [u8; 4]) -> [u8; 4] {
        let mut request = frame(CLIENT_PORT, SERVER_PORT, drawn, 0);
        assert!(ids.outgoing(&mut request, NOW));
        id(&request)
    }

    #[test]
    fn an_answer_has_the_id_that_was_drawn_and_the_network_sees_another() {
        for options in [0, 40] {
            let (mut ids, mut request) = (ids(), frame(CLIENT_PORT, SERVER_PORT, DRAWN, options));
            ids.outgoing(&mut request, NOW);
            let sent = id(&request);
            assert_ne!(sent, DRAWN);
            let mut answer = frame(SERVER_PORT, CLIENT_PORT, sent, options);
            assert!(ids.incoming(&mut answer));
            assert_eq!(id(&answer), DRAWN);
        }
    }

    #[test]
    fn a_transaction_has_one_id_and_the_next_another() {
        let mut ids = ids();
        let first = sends(&mut ids, DRAWN);
        assert_eq!(sends(&mut ids, DRAWN), first, "the request for what was offered");
        let second = sends(&mut ids, [1, 2, 3, 5]);
        assert_ne!(second, first);
        assert!(!ids.incoming(&mut frame(SERVER_PORT, CLIENT_PORT, first, 0)), "an old answer");
        assert!(ids.incoming(&mut frame(SERVER_PORT, CLIENT_PORT, second, 0)));
        assert_ne!(sends(&mut DhcpFilter::new(IsnKey::new([0; 16])), DRAWN), first, "of another start");
    }

    #[test]
    fn an_answer_that_only_knows_what_was_drawn_is_dropped() {
        let mut ids = ids();
        assert!(!ids.incoming(&mut frame(SERVER_PORT, CLIENT_PORT, DRAWN, 0)), "before any request");
        sends(&mut ids, DRAWN);
        assert!(!ids.incoming(&mut frame(SERVER_PORT, CLIENT_PORT, DRAWN, 0)));
    }

    #[test]
    fn a_message_without_a_checksum_has_none_afterwards() {
        let mut ids = ids();
        let mut request = frame(CLIENT_PORT, SERVER_PORT, DRAWN, 0);
        request[ETHERNET + 20 + CHECKSUM_AT..][..2].fill(0);
        ids.outgoing(&mut request, NOW);
        assert_eq!(request[ETHERNET + 20 + CHECKSUM_AT..][..2], [0, 0]);
    }

    #[test]
    fn the_checksum_is_right_for_every_id_and_never_none() {
        let mut ids = ids();
        for number in 0..100_000_u32 {
            let mut request = frame(CLIENT_PORT, SERVER_PORT, number.to_be_bytes(), 0);
            ids.outgoing(&mut request, NOW);
            id(&request);
            assert_ne!(request[ETHERNET + 20 + CHECKSUM_AT..][..2], [0, 0]);
        }
    }

    #[test]
    fn every_other_frame_stays_as_it_is() {
        let mut ids = ids();
        sends(&mut ids, DRAWN);
        let request = frame(CLIENT_PORT, SERVER_PORT, DRAWN, 0);
        let edited = |edit: fn(&mut Vec<u8>)| {
            let mut frame = request.clone();
            edit(&mut frame);
            frame
        };
        let others = [
            frame(SERVER_PORT, CLIENT_PORT, DRAWN, 0),
            frame(CLIENT_PORT, 53, DRAWN, 0),
            frame(53, SERVER_PORT, DRAWN, 0),
            edited(|frame| frame[13] = 6),
            edited(|frame| frame[ETHERNET] = 0x65),
            edited(|frame| frame[ETHERNET + 9] = 6),
            edited(|frame| frame.truncate(ETHERNET + 20 + ID.end - 1)),
        ];
        for other in others {
            let mut frame = other.clone();
            ids.outgoing(&mut frame, NOW);
            assert_eq!(frame, other);
        }
        for len in 0..request.len() {
            let (mut frame, answer) = (request[..len].to_vec(), frame(SERVER_PORT, CLIENT_PORT, DRAWN, 0));
            ids.outgoing(&mut frame, NOW);
            ids.incoming(&mut answer[..len].to_vec());
        }
    }

    /// An answer to the last request, with these options.
    fn answer(id: [u8; 4], options: &[u8]) -> Vec<u8> {
        let mut frame = frame(SERVER_PORT, CLIENT_PORT, id, 0);
        frame.extend(options);
        let udp = &mut frame[ETHERNET + 20..];
        udp[CHECKSUM_AT..CHECKSUM_AT + 2].fill(0);
        let checksum = !fold(sum(udp));
        udp[CHECKSUM_AT..CHECKSUM_AT + 2].copy_from_slice(&checksum.to_ne_bytes());
        frame
    }

    /// smoltcp 0.13.1 panics once a packet is to leave by a router that is no host.
    #[test]
    fn one_router_is_left_and_none_that_is_no_host() {
        let mut ids = ids();
        let sent = sends(&mut ids, DRAWN);
        let passes = |options: &[u8]| {
            let mut frame = answer(sent, options);
            assert!(ids.incoming(&mut frame));
            id(&frame);
            frame[ETHERNET + 20 + OPTIONS_AT..].to_vec()
        };
        for router in [[0, 0, 0, 0], [255, 255, 255, 255], [224, 0, 0, 1], [239, 1, 2, 3], [127, 0, 0, 1]] {
            let option = [&[ROUTER, 4][..], &router].concat();
            let expected = [&[NOTHING, 4][..], &router].concat();
            let end = [END];
            for (before, after) in [(&[][..], &end[..]), (&[PAD], &[]), (&[1, 4, 255, 255, 255, 0], &end)] {
                let all = [before, &option, after].concat();
                assert_eq!(passes(&all), [before, &expected, after].concat(), "{all:?}");
            }
        }
        // A list of routers: the first, and an option of no meaning with the others.
        assert_eq!(
            passes(&[ROUTER, 8, 10, 0, 0, 1, 10, 0, 0, 2, END]),
            [ROUTER, 4, 10, 0, 0, 1, NOTHING, 2, 0, 2, END]
        );
        assert_eq!(passes(&[ROUTER, 8, 0, 0, 0, 0, 10, 0, 0, 2, END]), [NOTHING, 8, 0, 0, 0, 0, 10, 0, 0, 2, END]);
        let kept: [&[u8]; 5] = [
            &[ROUTER, 4, 10, 0, 0, 1, END],
            &[END, ROUTER, 4, 0, 0, 0, 0],
            &[1, 4, 255, 255, 255, 0, 51, 1],
            &[12, 6, ROUTER, 4, 0, 0, 0, 0, END],
            &[51],
        ];
        for options in kept {
            assert_eq!(passes(options), options);
        }
    }

    #[test]
    fn no_option_code_and_length_loops_or_panics() {
        let mut ids = ids();
        let sent = sends(&mut ids, DRAWN);
        for code in [PAD, ROUTER, NOTHING, END] {
            for len in 0..=255 {
                for room in [0, 1, 4, 254] {
                    let mut options = vec![PAD, code, len];
                    options.resize(3 + room, ROUTER);
                    assert!(ids.incoming(&mut answer(sent, &options)));
                }
            }
        }
    }

    /// The client renews its lease with whom the answer came from.
    #[test]
    fn an_answer_from_no_host_is_dropped() {
        let mut ids = ids();
        let sent = sends(&mut ids, DRAWN);
        for (source, passes) in
            [([0, 0, 0, 0], false), ([255; 4], false), ([224, 0, 0, 1], false), ([10, 0, 0, 1], true)]
        {
            let mut frame = answer(sent, &[END]);
            frame[ETHERNET + 12..ETHERNET + 16].copy_from_slice(&source);
            assert_eq!(ids.incoming(&mut frame), passes, "{source:?}");
        }
    }

    /// RFC 2131 section 4.4.1 wants ten seconds between two of them.
    #[test]
    fn discovery_begins_once_in_a_while() {
        let mut ids = ids();
        let discovers = |ids: &mut DhcpFilter, number: u8, ms: u64| {
            let mut frame = frame(CLIENT_PORT, SERVER_PORT, [0, 0, 0, number], 0);
            frame.extend([MESSAGE_TYPE, 1, DISCOVER, END]);
            ids.outgoing(&mut frame, NOW + Duration::from_millis(ms))
        };
        let begins = [(1, 0, true), (2, 1, false), (3, DHCP_DISCOVER_MS - 1, false), (4, DHCP_DISCOVER_MS, true)];
        for (number, ms, expected) in begins {
            assert_eq!(discovers(&mut ids, number, ms), expected, "{ms}");
        }
        let (_, sent) = ids.known.unwrap();
        assert!(!discovers(&mut ids, 7, DHCP_DISCOVER_MS + 1));
        let mut offer = frame(SERVER_PORT, CLIENT_PORT, sent, 0);
        assert!(ids.incoming(&mut offer));
        assert_eq!(id(&offer), [0, 0, 0, 7], "the offer for the discovery before");
        ids.begin_anew();
        assert!(discovers(&mut ids, 5, DHCP_DISCOVER_MS + 1), "the link was down");
        assert!(!discovers(&mut ids, 6, DHCP_DISCOVER_MS + 2));
        let mut request = frame(CLIENT_PORT, SERVER_PORT, DRAWN, 0);
        request.extend([MESSAGE_TYPE, 1, 3, END]);
        assert!(ids.outgoing(&mut request, NOW), "a renewal has an ID of its own");
    }

    #[test]
    fn a_frame_that_comes_again_keeps_its_id() {
        let mut ids = ids();
        let mut request = frame(CLIENT_PORT, SERVER_PORT, DRAWN, 0);
        ids.outgoing(&mut request, NOW);
        let (first, sent) = (request.clone(), id(&request));
        assert!(ids.outgoing(&mut request, NOW + Duration::from_secs(1)));
        assert_eq!(request, first, "the driver had no room");
        assert!(ids.incoming(&mut frame(SERVER_PORT, CLIENT_PORT, sent, 0)));
    }
}
