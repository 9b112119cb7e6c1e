use embassy_time::Duration;

use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const LOCAL: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
/// Bytes of a short datagram with all its headers.
const SHORT: usize = 60;

fn at(ms: u64) -> Instant {
    Instant::from_millis(5_000) + Duration::from_millis(ms)
}

fn table() -> Neighbours {
    let mut table = Neighbours::new();
    table.set_mac(MAC);
    table.set_local(Some(Ipv4Cidr::new(LOCAL, 24)));
    table
}

fn arp(operation: Operation, sender: Ipv4Addr, sender_mac: [u8; 6], target: Ipv4Addr) -> [u8; ARP_LEN] {
    Arp { operation, sender_mac, sender, target_mac: [0; 6], target }.frame(BROADCAST)
}

/// An IPv4 frame that came in.
fn datagram(sender: Ipv4Addr, sender_mac: [u8; 6]) -> [u8; SHORT] {
    let mut frame = [0; SHORT];
    frame[..6].copy_from_slice(&MAC);
    frame[6..12].copy_from_slice(&sender_mac);
    frame[12..14].copy_from_slice(&IPV4);
    frame[26..30].copy_from_slice(&sender.octets());
    frame[30..34].copy_from_slice(&LOCAL.octets());
    frame
}

/// A frame of embassy-net's, to a stand-in.
fn outgoing(receiver: Ipv4Addr, len: usize) -> Vec<u8, 256> {
    let mut frame = Vec::new();
    frame.resize(len, 0).unwrap();
    frame[..6].copy_from_slice(&stand_in(receiver));
    frame[12..14].copy_from_slice(&IPV4);
    frame
}

/// Where a frame goes: a MAC address if it leaves.
fn route(table: &mut Neighbours, receiver: Ipv4Addr, ms: u64) -> Option<[u8; 6]> {
    let mut frame = outgoing(receiver, SHORT);
    (table.route(&mut frame, at(ms)) == Verdict::Send).then(|| *frame.first_chunk().unwrap())
}

/// Whom the table asks for, and whom it sends frames to, when there is room for so many.
fn flushed(table: &mut Neighbours, ms: u64, mut room: usize) -> (Vec<Ipv4Addr, 32>, Vec<[u8; 6], 32>) {
    let (mut asked, mut sent) = (Vec::new(), Vec::new());
    table.flush(at(ms), &mut |frame| {
        let has_room = room > 0;
        if has_room {
            room -= 1;
            match Arp::parse(frame) {
                Some(arp) => asked.push(arp.target).unwrap(),
                None => sent.push(*frame.first_chunk().unwrap()).unwrap(),
            }
        }
        has_room
    });
    (asked, sent)
}

fn asked(table: &mut Neighbours, ms: u64) -> Vec<Ipv4Addr, 32> {
    flushed(table, ms, usize::MAX).0
}

#[test]
fn arp_packets_are_read_as_they_are_written() {
    let packet =
        Arp { operation: Operation::Reply, sender_mac: PEER_MAC, sender: PEER, target_mac: MAC, target: LOCAL };
    let frame = packet.frame(MAC);
    assert_eq!(Arp::parse(&frame), Some(packet));
    assert_eq!(Arp::parse(&frame[..ARP_LEN - 1]), None);
    for (index, value) in [(13, 0), (15, 2), (19, 6), (21, 3)] {
        let mut other = frame;
        other[index] = value;
        assert_eq!(Arp::parse(&other), None, "byte {index}");
    }
}

#[test]
fn a_question_for_the_device_is_answered_and_teaches_the_askers_address() {
    let mut table = table();
    let request = arp(Operation::Request, PEER, PEER_MAC, LOCAL);
    let Incoming::Reply(reply) = table.receive(&request, at(0)) else { panic!("no answer") };
    let reply = Arp::parse(&reply).unwrap();
    assert_eq!((reply.operation, reply.sender, reply.sender_mac), (Operation::Reply, LOCAL, MAC));
    assert_eq!((reply.target, reply.target_mac), (PEER, PEER_MAC));
    assert_eq!(route(&mut table, PEER, 1), Some(PEER_MAC));
    assert_eq!(table.receive(&arp(Operation::Request, PEER, PEER_MAC, PEER), at(2)), Incoming::Done);
}

/// ARP poisoning: an answer counts for a neighbour that is known or was asked for, and makes nobody known.
#[test]
fn an_answer_to_no_question_makes_nobody_known() {
    let mut table = table();
    let reply = arp(Operation::Reply, PEER, PEER_MAC, LOCAL);
    assert_eq!(table.receive(&reply, at(0)), Incoming::Done);
    assert!(table.entries.is_empty());
    assert_eq!(route(&mut table, PEER, 1), None);
    assert_eq!(asked(&mut table, 1), [PEER]);
    table.receive(&reply, at(2));
    assert_eq!(route(&mut table, PEER, 3), Some(PEER_MAC));
}

/// INFRA:HALT: the table has its bound whoever asks, and the last one that asked is answered.
#[test]
fn ten_thousand_neighbours_fill_no_table() {
    let mut table = table();
    table.set_local(Some(Ipv4Cidr::new(LOCAL, 16)));
    for number in 0..10_000_u32 {
        let [.., c, d] = (number + 256).to_be_bytes();
        let (peer, mac) = (Ipv4Addr::new(10, 0, c, d), [2, 7, 0, 0, c, d]);
        assert!(matches!(table.receive(&arp(Operation::Request, peer, mac, LOCAL), at(0)), Incoming::Reply(_)));
        assert!(table.entries.len() <= NEIGHBOURS_MAX);
        assert_eq!(route(&mut table, peer, 0), Some(mac));
    }
}

/// Milliseconds are counted in 32 bits, which are 49 days.
#[test]
fn the_table_outlives_the_end_of_its_clock() {
    let mut table = table();
    let end = u64::from(u32::MAX) - 5_000;
    table.receive(&datagram(PEER, PEER_MAC), at(end - 100));
    for ms in [end - 50, end, end + 50, end + 200] {
        assert_eq!(route(&mut table, PEER, ms), Some(PEER_MAC), "{ms}");
        assert!(asked(&mut table, ms).is_empty(), "it was heard lately");
    }
    assert_eq!(route(&mut table, PEER, end + u64::from(REACHABLE_MS)), Some(PEER_MAC));
    assert_eq!(asked(&mut table, end + u64::from(REACHABLE_MS)), [PEER]);
}

/// RFC 5227 section 2.1.1: a host that is about to use an address asks for it without one of its own.
#[test]
fn a_probe_for_the_devices_address_is_answered_and_teaches_nothing() {
    let mut table = table();
    let probe = arp(Operation::Request, Ipv4Addr::UNSPECIFIED, PEER_MAC, LOCAL);
    assert!(matches!(table.receive(&probe, at(0)), Incoming::Reply(_)));
    assert!(table.entries.is_empty());
}

#[test]
fn an_answer_goes_to_the_mac_address_that_the_question_came_from() {
    let mut table = table();
    assert_eq!(table.receive(&datagram(PEER, PEER_MAC), at(0)), Incoming::Pass(Some(PEER)));
    assert_eq!(route(&mut table, PEER, 1), Some(PEER_MAC));
    assert!(asked(&mut table, 2).is_empty(), "nobody is asked for");
}

#[test]
fn nothing_is_learnt_from_what_is_no_neighbour() {
    let mut table = table();
    for sender in [[10, 0, 1, 9], [10, 0, 0, 255], [10, 0, 0, 1], [0, 0, 0, 0], [224, 0, 0, 251]].map(Ipv4Addr::from) {
        assert_eq!(table.receive(&datagram(sender, PEER_MAC), at(0)), Incoming::Pass(None), "{sender}");
    }
    for mac in [BROADCAST, [0; 6], [1, 0, 0, 0, 0, 1]] {
        assert_eq!(table.receive(&datagram(PEER, mac), at(0)), Incoming::Pass(None), "{mac:?}");
    }
    assert!(table.entries.is_empty());
}

/// Issue 13, number 2: a request for one that has gone took those for all others.
#[test]
fn each_neighbour_has_its_own_limit_of_requests() {
    let mut table = table();
    let gone: [Ipv4Addr; 10] = core::array::from_fn(|index| Ipv4Addr::new(10, 0, 0, 100 + index as u8));
    for address in gone {
        assert_eq!(route(&mut table, address, 0), None);
    }
    assert_eq!(asked(&mut table, 0), gone);
    assert_eq!(route(&mut table, PEER, 1), None);
    assert_eq!(asked(&mut table, 1), [PEER], "it is asked for at once");
    for address in gone {
        assert_eq!(route(&mut table, address, 999), None);
    }
    assert!(asked(&mut table, 999).is_empty(), "no neighbour more than once a second");
    assert_eq!(route(&mut table, gone[3], 1_000), None);
    assert_eq!(asked(&mut table, 1_000), [gone[3]]);
}

#[test]
fn a_frame_waits_for_its_receiver_and_holds_up_nobody() {
    let mut table = table();
    assert_eq!(route(&mut table, PEER, 0), None);
    assert_eq!(asked(&mut table, 0), [PEER]);
    let other = Ipv4Addr::new(10, 0, 0, 7);
    table.receive(&datagram(other, [2, 0, 0, 0, 0, 7]), at(1));
    assert_eq!(route(&mut table, other, 2), Some([2, 0, 0, 0, 0, 7]), "others pass it");
    table.receive(&arp(Operation::Reply, PEER, PEER_MAC, LOCAL), at(3));
    assert_eq!(flushed(&mut table, 3, 0).1, [[0; 6]; 0], "the driver has no room");
    assert_eq!(flushed(&mut table, 4, 1).1, [PEER_MAC]);
    assert_eq!(flushed(&mut table, 5, 1).1, [[0; 6]; 0], "once");
}

#[test]
fn a_frame_that_has_waited_too_long_or_is_too_long_is_lost() {
    let mut table = table();
    assert_eq!(route(&mut table, PEER, 0), None);
    table.receive(&arp(Operation::Reply, PEER, PEER_MAC, LOCAL), at(u64::from(PENDING_MS)));
    assert_eq!(flushed(&mut table, PENDING_MS.into(), 1).1, [[0; 6]; 0]);

    let mut table = super::tests::table();
    assert_eq!(table.route(&mut outgoing(PEER, PENDING_LEN_MAX + 1), at(0)), Verdict::Taken);
    table.receive(&arp(Operation::Reply, PEER, PEER_MAC, LOCAL), at(1));
    assert_eq!(flushed(&mut table, 1, 1).1, [[0; 6]; 0]);
}

#[test]
fn a_frame_makes_way_for_a_later_one_to_the_same_receiver_first() {
    let mut table = table();
    let other = Ipv4Addr::new(10, 0, 0, 7);
    for receiver in [other, PEER, PEER, PEER] {
        assert_eq!(route(&mut table, receiver, 0), None);
    }
    table.receive(&arp(Operation::Reply, other, [2, 0, 0, 0, 0, 7], LOCAL), at(1));
    table.receive(&arp(Operation::Reply, PEER, PEER_MAC, LOCAL), at(1));
    let mut sent = flushed(&mut table, 1, 9).1;
    sent.sort_unstable();
    assert_eq!(sent, [[2, 0, 0, 0, 0, 7], PEER_MAC]);
}

#[test]
fn a_silent_neighbour_is_asked_for_while_frames_still_go_to_it_and_is_forgotten_if_it_does_not_answer() {
    let mut table = table();
    table.receive(&datagram(PEER, PEER_MAC), at(0));
    let silent = u64::from(REACHABLE_MS);
    assert_eq!(route(&mut table, PEER, silent - 1), Some(PEER_MAC));
    assert!(asked(&mut table, silent - 1).is_empty());
    for request in 0..u64::from(ARP_REQUESTS_MAX) {
        let now = silent + request * u64::from(ARP_REQUEST_MS);
        assert_eq!(route(&mut table, PEER, now), Some(PEER_MAC));
        assert_eq!(asked(&mut table, now), [PEER]);
    }
    let now = silent + u64::from(ARP_REQUESTS_MAX) * u64::from(ARP_REQUEST_MS);
    assert_eq!(route(&mut table, PEER, now), None);
    assert_eq!(asked(&mut table, now), [PEER], "it may come back with another card");
    table.receive(&arp(Operation::Reply, PEER, [2, 0, 0, 0, 0, 99], LOCAL), at(now + 1));
    assert_eq!(flushed(&mut table, now + 1, 1).1, [[2, 0, 0, 0, 0, 99]]);
}

#[test]
fn a_neighbour_that_was_silent_for_longest_makes_way() {
    let mut table = table();
    let host = |index: usize| Ipv4Addr::new(10, 0, 0, 10 + index as u8);
    for index in 0..NEIGHBOURS_MAX {
        table.receive(&datagram(host(index), PEER_MAC), at(index as u64));
    }
    table.receive(&datagram(host(0), PEER_MAC), at(100));
    table.receive(&datagram(PEER, PEER_MAC), at(101));
    assert!(table.find(host(1)).is_none() && table.find(host(0)).is_some() && table.find(PEER).is_some());
}

#[test]
fn embassy_net_is_told_a_stand_in_before_it_has_forgotten_it() {
    let mut table = table();
    let mut tell = |address: Ipv4Addr, ms: u64| {
        let told = table.receive(&datagram(address, PEER_MAC), at(ms)) == Incoming::Pass(Some(address));
        if told {
            table.mark_told(address, at(ms));
        }
        told
    };
    assert!(tell(PEER, 0));
    assert!(!tell(PEER, 1));
    assert!(tell(PEER, u64::from(STAND_IN_MS)), "smoltcp forgets a neighbour after a minute");
    let now = u64::from(STAND_IN_MS) + 1;
    for index in 1..STAND_INS_MAX {
        assert!(tell(Ipv4Addr::new(10, 0, 0, 10 + index), now));
    }
    assert!(!tell(PEER, now), "there is room for it");
    assert!(tell(Ipv4Addr::new(10, 0, 0, 50), now));
    assert!(tell(PEER, now), "smoltcp has dropped the one that it was told first");
}

#[test]
fn another_address_is_another_network() {
    let mut table = table();
    table.receive(&datagram(PEER, PEER_MAC), at(0));
    route(&mut table, Ipv4Addr::new(10, 0, 0, 7), 0);
    table.set_local(Some(Ipv4Cidr::new(Ipv4Addr::new(10, 0, 0, 2), 24)));
    assert!(asked(&mut table, 1).is_empty());
    assert_eq!(route(&mut table, PEER, 1), None);
    table.set_local(None);
    assert_eq!(table.receive(&arp(Operation::Request, PEER, PEER_MAC, LOCAL), at(2)), Incoming::Done);
}

#[test]
fn a_frame_to_all_or_to_a_group_leaves_as_it_is() {
    let mut table = table();
    for mac in [BROADCAST, [1, 0, 0x5e, 0, 0, 251], PEER_MAC] {
        let mut frame = outgoing(PEER, SHORT);
        frame[..6].copy_from_slice(&mac);
        assert_eq!(table.route(&mut frame, at(0)), Verdict::Send);
        assert_eq!(frame[..6], mac);
    }
    assert_eq!(table.route(&mut [0; 3], at(0)), Verdict::Send);
}

#[test]
fn a_probe_is_answered_by_who_has_the_address_and_else_by_nobody() {
    let mut table = table();
    table.receive(&datagram(PEER, PEER_MAC), at(0));
    table.probe(PEER, at(1));
    assert_eq!(asked(&mut table, 1), [PEER]);
    assert_eq!(table.answered(PEER), None, "what was known before is no answer");
    table.probe(PEER, at(2));
    assert!(asked(&mut table, 2).is_empty(), "it has been asked for just now");
    table.receive(&arp(Operation::Reply, PEER, PEER_MAC, LOCAL), at(3));
    assert_eq!(table.answered(PEER), Some(PEER_MAC));
    assert_eq!(table.answered(Ipv4Addr::new(10, 0, 0, 7)), None);
}

/// RFC 5227 section 2.4.
#[test]
fn a_host_that_claims_the_devices_address_is_contested_once_in_ten_seconds() {
    let mut table = table();
    let announcement = arp(Operation::Request, LOCAL, PEER_MAC, LOCAL);
    let answer = arp(Operation::Reply, LOCAL, PEER_MAC, PEER);
    let defence = Incoming::Reply(arp(Operation::Request, LOCAL, MAC, LOCAL));
    assert_eq!(table.receive(&announcement, at(0)), defence);
    // Two hosts that both defend an address must not go on for ever.
    for ms in [1, 9_999] {
        assert_ne!(table.receive(&announcement, at(ms)), defence, "after {ms} ms");
        assert_eq!(table.receive(&answer, at(ms)), Incoming::Done, "after {ms} ms");
    }
    assert_eq!(table.receive(&answer, at(10_000)), defence);
    assert_eq!(asked(&mut table, 10_000).len(), 0);
    // Another address is another matter.
    table.set_local(Some(Ipv4Cidr::new(PEER, 24)));
    table.set_local(Some(Ipv4Cidr::new(LOCAL, 24)));
    assert_eq!(table.receive(&answer, at(10_001)), defence);
}

#[test]
fn what_claims_nothing_is_not_contested() {
    let mut table = table();
    // The device's own announcement, which an access point has sent back.
    assert!(!matches!(table.receive(&arp(Operation::Reply, LOCAL, MAC, PEER), at(0)), Incoming::Reply(_)));
    // A probe has no sender, and gets its answer alone.
    let probe = arp(Operation::Request, Ipv4Addr::UNSPECIFIED, PEER_MAC, LOCAL);
    let Incoming::Reply(reply) = table.receive(&probe, at(0)) else { panic!("a probe is answered") };
    assert_eq!((reply[..6].first_chunk(), Arp::parse(&reply).unwrap().operation), (Some(&PEER_MAC), Operation::Reply));
    // A device without an address has none to defend.
    table.set_local(None);
    assert_eq!(table.receive(&arp(Operation::Request, LOCAL, PEER_MAC, LOCAL), at(0)), Incoming::Done);
}
