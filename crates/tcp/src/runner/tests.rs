//! Tests of what a runner does with connections and without time.

use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use embassy_net::Ipv4Cidr;
use embassy_net_driver::HardwareAddress;
use sockeye_tcp_engine::{IsnKey, Segment, Tcb};

use super::*;
use crate::checksum::{self, ETHERNET};
use crate::driver_port::DriverPort;
use crate::frame::{Peer, halves};
use crate::listener::{Frames, Options, Resources, SocketBuffers, Tcp};

const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]];
const CIDR: Ipv4Cidr = Ipv4Cidr::new(Ipv4Addr::new(192, 168, 1, 1), 24);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 2), 40_000);
const PORT: u16 = 3_000;
const NOW: Instant = Instant::from_secs(1_000);

fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}

/// Room for a RST. No RST is expected.
struct NoReset;

impl TxToken for NoReset {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _: usize, _: F) -> R {
        panic!("a RST")
    }
}

/// Sends a segment to nobody.
fn send(tcp: &mut Tcb<&'static mut [u8]>) {
    let segment = tcp.next_segment(NOW).unwrap();
    tcp.on_sent(&segment, NOW);
}

/// Completes a handshake, and gives the peer's next segment, an ACK.
fn establish(tcp: &mut Tcb<&'static mut [u8]>) -> Segment<'static> {
    let [isn, irs] = [100, 7].map(Seq::new);
    let syn = Segment { seq: irs, ack: isn, window: 64, flags: Flags::SYN, options: &[], payload: &[] };
    tcp.accept(&syn, isn, 1_500, NOW);
    send(tcp);
    let ack = Segment { seq: irs + 1, ack: isn + 1, flags: Flags::ACK, ..syn };
    assert_eq!(tcp.on_segment(&ack, NOW), Reaction::Accepted);
    ack
}

/// Brings a connection to TIME-WAIT.
fn close_both_ways(tcp: &mut Tcb<&'static mut [u8]>) {
    let ack = establish(tcp);
    tcp.close();
    send(tcp);
    let fin = Segment { ack: ack.ack + 1, flags: Flags::FIN | Flags::ACK, ..ack };
    assert_eq!(tcp.on_segment(&fin, NOW), Reaction::Accepted);
    assert_eq!(tcp.state(), State::TimeWait);
}

fn options() -> Options {
    Options { handshake: Duration::from_secs(3), isn_key: IsnKey::new([7; 16]) }
}

/// The frame of a client's SYN.
fn syn() -> Vec<u8> {
    let mut client = Tcb::new([0; 64], [0; 64]);
    client.connect(Seq::new(5_000), 1_500, NOW);
    let syn = client.next_segment(NOW).unwrap();
    let server = Peer::new(SocketAddrV4::new(CIDR.address(), PORT), CLIENT.port()).unwrap();
    let route = Route::new(MACS[0].into(), MACS[1].into(), halves(CLIENT.ip().octets()), server);
    let mut frame = vec![0; Route::frame_len(&syn)];
    route.write(&syn, &mut frame, |_| 0);
    frame
}

/// A connection in TIME-WAIT that its socket had not let go yet gave way to a SYN, and kept its timer. The runner then
/// woke itself with each tick of the clock until the socket was dropped.
#[test]
fn a_connection_that_gave_way_to_a_syn_wakes_nobody() {
    let (_, device) = channel::new(leak(channel::State::<1514, 1, 1>::new()), HardwareAddress::Ethernet(MACS[0]));
    let tcp = Tcp::new(leak(SocketBuffers::<1, 64, 64>::new()), leak(Resources::<1>::new()), options());
    let (_, mut runner, _) = tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(device)));
    let mut table = tcp.shared.borrow_mut();
    assert!(table.listen(PORT));
    let connection = at_mut(&mut table.connections, 0);
    connection.begin(Peer::new(CLIENT, PORT).unwrap(), Route::default(), 0, AcceptState::Owned, NOW);
    close_both_ways(&mut connection.tcp);
    connection.due = a_tick_after(NOW);

    let (frame, local) = (syn(), Local::new(MACS[0].into(), CIDR));
    let packet = local.classify(&frame).unwrap();
    SegmentInput { table: &mut table, local: &local, mtu: 1_500, index: 0, now: NOW }.packet(&packet, &frame, NoReset);
    assert!(table.has_syns(), "the SYN waits until the socket is dropped");
    let later = NOW + Duration::from_millis(100);
    runner.look(&mut table, later);
    assert!(at(&table.interfaces, 0).next > later, "the next look is in the past");
}

/// Long text is copied to its connection before its checksum is known. Nothing of a damaged frame may be seen.
#[test]
fn one_wrong_bit_in_long_text_changes_nothing() {
    const TEXT: [u8; 200] = [b'x'; 200];
    let buffers = leak(SocketBuffers::<1, 256, 64>::new());
    let tcp = Tcp::new(buffers, leak(Resources::<1>::new()), options());
    let mut table = tcp.shared.borrow_mut();
    let peer = Peer::new(CLIENT, PORT).unwrap();
    let connection = at_mut(&mut table.connections, 0);
    connection.begin(peer, Route::default(), 0, AcceptState::Owned, NOW);
    let ack = establish(&mut connection.tcp);
    let mut client = Tcb::new([0; 256], [0; 256]);
    client.connect(Seq::new(7), 1_500, NOW);
    let _ = client.next_segment(NOW).map(|syn| client.on_sent(&syn, NOW));
    let syn_ack = Segment { seq: ack.ack - 1, ack: ack.seq, window: 256, flags: Flags::SYN | Flags::ACK, ..ack };
    assert_eq!(client.on_segment(&syn_ack, NOW), Reaction::Accepted);
    client.write(&TEXT);
    let segment = client.next_segment(NOW).unwrap();
    assert_eq!(segment.len, TEXT.len());
    let server = Peer::new(SocketAddrV4::new(CIDR.address(), PORT), CLIENT.port()).unwrap();
    let route = Route::new(MACS[0].into(), MACS[1].into(), halves(CLIENT.ip().octets()), server);
    let mut frame = vec![0; Route::frame_len(&segment)];
    route.write(&segment, &mut frame, |payload| {
        payload.copy_from_slice(&TEXT);
        checksum::sum(payload)
    });
    let local = Local::new(MACS[0].into(), CIDR);
    assert!(local.classify(&frame).unwrap().is_long());
    let take = |table: &mut Table, frame: &[u8]| {
        if let Some(packet) = local.classify(frame) {
            SegmentInput { table, local: &local, mtu: 1_500, index: 0, now: NOW }.packet(&packet, frame, NoReset);
        }
        at(&table.connections, 0).tcp.received()
    };
    for bit in ETHERNET * 8..frame.len() * 8 {
        frame[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(take(&mut table, &frame), 0, "bit {bit}");
        frame[bit / 8] ^= 1 << (bit % 8);
    }
    assert_eq!(take(&mut table, &frame), TEXT.len());
    let mut read = [0; 256];
    assert_eq!(table.read(0, &mut read), Some(TEXT.len()));
    assert_eq!(read[..TEXT.len()], TEXT);
}

/// The first connections with something to send took all room that a slow driver had. The last ones sent nothing, and
/// neither did embassy-net.
#[test]
fn connections_and_embassy_net_take_turns_where_the_driver_has_little_room() {
    const CONNECTIONS: usize = 3;
    const NET: u16 = 77;
    let (mut near, device) =
        channel::new(leak(channel::State::<1514, 1, 1>::new()), HardwareAddress::Ethernet(MACS[0]));
    let buffers = leak(SocketBuffers::<CONNECTIONS, 64, 64>::new());
    let tcp = Tcp::new(buffers, leak(Resources::<CONNECTIONS>::new()), options());
    let (_, mut runner, mut net) = tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(device)));
    let (mut table, mut port) = (tcp.shared.borrow_mut(), runner.port.borrow_mut());
    for index in 0..CONNECTIONS {
        let peer = Peer::new(CLIENT, PORT + index as u16).unwrap();
        let route = Route::new(MACS[1].into(), MACS[0].into(), halves(CIDR.address().octets()), peer);
        let connection = at_mut(&mut table.connections, index);
        connection.begin(peer, route, 0, AcceptState::Owned, NOW);
        establish(&mut connection.tcp);
    }
    let mut cx = Context::from_waker(core::task::Waker::noop());
    let senders: Vec<_> = (0..16)
        .map(|_| {
            // All always have something to send.
            for index in 0..CONNECTIONS {
                at_mut(&mut table.connections, index).tcp.write(b"x");
                table.set_mark(index);
            }
            if let Some(token) = net.transmit(&mut cx) {
                token.consume(60, |frame| frame.fill(NET as u8));
            }
            runner.egress(&mut table, &mut port, &mut cx, NOW);
            runner.forward(&mut port, &mut cx, NOW);
            let frame = near.try_tx_buf().unwrap();
            let sender = match frame[34] == NET as u8 {
                true => NET,
                false => u16::from_be_bytes([frame[34], frame[35]]) - PORT,
            };
            near.tx_done();
            sender
        })
        .collect();
    for sender in [0, 1, 2, NET] {
        assert!(senders.iter().filter(|turn| **turn == sender).count() >= 2, "{sender}: {senders:?}");
    }
}
