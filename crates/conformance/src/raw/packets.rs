//! IP packets that no ordinary client sends. Any answer is permitted, but the server must go on.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use etherparse::checksum::Sum16BitWords;
use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv4Options};

use super::peer::{IPV4_AT, TCP_AT};
use super::{Peer, RawConnection, RawFlags};
use crate::case::{Case, CaseResult};
use crate::limits::{RECOVER_MAX, REPLY_MAX};
use crate::slots;
use crate::target::Target;
use crate::test_client::ask;

pub const CASES: &[Case] = &[
    Case::on_tap("ping", ping),
    Case::on_tap("icmp_errors_end_nothing", icmp_errors_end_nothing),
    Case::on_tap("nothing_is_reflected", nothing_is_reflected),
    Case::on_tap("many_neighbours", many_neighbours),
    Case::on_tap("ip_options", ip_options),
    Case::on_tap("ip_fragments", ip_fragments),
    Case::on_tap("tcp_options", tcp_options),
    Case::on_tap("malformed_packets", malformed_packets),
    Case::on_tap("mutated_packets", mutated_packets),
];

const HOST: u8 = 73;
const ISN: u32 = 1_000_000;

fn ping(target: &Target) -> CaseResult {
    const TRY_MAX: u16 = 3;
    let lens = [0, 1, 56, 1_000];
    let mut peer = Peer::new(target, HOST)?;
    for len in lens {
        let payload: Vec<u8> = (0..len).map(|index| index as u8).collect();
        let mut answered = false;
        for sequence in 0..TRY_MAX {
            // The first echo may be lost while the server asks for our MAC.
            answered = answered || peer.ping(sequence, &payload, Duration::from_secs(1))?;
        }
        ensure!(answered, "no echo of {len} bytes");
    }
    Ok(format!("{} sizes", lens.len()))
}

/// Errors that anybody can forge, about a connection that is open (RFC 5927).
fn icmp_errors_end_nothing(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    let mut connection = RawConnection::open(&mut peer, 43_900, ISN)?;
    let SocketAddr::V4(server) = target.address else { bail!("raw frames need an IPv4 address") };
    // A segment of the server, as an error quotes it: its header, ports and number.
    let quoted = Ipv4Header::new(20, 64, IpNumber::TCP, server.ip().octets(), peer.address.octets())?;
    let mut quote = quoted.to_bytes().to_vec();
    quote.extend(server.port().to_be_bytes());
    quote.extend(connection.port.to_be_bytes());
    quote.extend(connection.rcv_nxt.to_be_bytes());
    // Unreachable for each reason, a path MTU of 0 and of 68, source quench, redirect, time exceeded, parameter problem.
    let unreachable = (0..16).map(|code| (3, code, 0));
    let others = [(3, 4, 68), (4, 0, 0), (5, 1, 0), (11, 0, 0), (11, 1, 0), (12, 0, 0)];
    let mut count = 0;
    for (kind, code, rest) in unreachable.chain(others) {
        let mut message = vec![kind, code, 0, 0];
        message.extend(u32::to_be_bytes(rest));
        message.extend(&quote);
        let checksum = Sum16BitWords::new().add_slice(&message).ones_complement();
        message[2..4].copy_from_slice(&checksum.to_ne_bytes());
        let ip = Ipv4Header::new(
            message.len().try_into()?,
            64,
            IpNumber::ICMP,
            peer.address.octets(),
            server.ip().octets(),
        )?;
        peer.send_frame(&[&peer.ethernet_header()[..], &ip.to_bytes()[..], &message].concat())?;
        count += 1;
    }
    connection.be_served(&mut peer)?;
    Ok(format!("{count} errors"))
}

/// A RST is never answered, and what answers others is never longer than they are.
fn nothing_is_reflected(target: &Target) -> CaseResult {
    const SILENCE: Duration = Duration::from_millis(200);
    let mut peer = Peer::new(target, HOST)?;
    let with = |rst, syn, ack, fin| RawFlags { syn, ack, fin, rst };
    let mut answered = 0;
    for (port, number) in (43_910..).zip(0..16u8) {
        let [rst, syn, ack, fin] = [8, 4, 2, 1].map(|bit| number & bit != 0);
        let flags = with(rst, syn, ack, fin);
        let connection = unanswered(port);
        connection.send(&peer, flags, b"")?;
        let answers: Vec<_> = std::iter::from_fn(|| connection.next(&mut peer, SILENCE).transpose()).take(8).collect();
        // A SYN alone opens a connection, whose SYN,ACK comes again.
        if flags == RawFlags::SYN {
            connection.send_at(&peer, RawFlags::RST, ISN.wrapping_add(1), b"")?;
            continue;
        }
        ensure!(answers.len() <= usize::from(!rst), "{flags:?} got {answers:?}");
        for answer in answers {
            let answer = answer?;
            ensure!(answer.flags.rst && answer.payload.is_empty(), "{flags:?} got {answer:?}");
            answered += 1;
        }
    }
    Ok(format!("{answered} of 16 refused"))
}

/// More hosts than any table holds ask for the server, and one of them is served after that.
fn many_neighbours(target: &Target) -> CaseResult {
    const COUNT: u32 = 10_000;
    let mut peer = Peer::new(target, HOST)?;
    let SocketAddr::V4(server) = target.address else { bail!("raw frames need an IPv4 address") };
    let own = peer.address;
    for number in 0..COUNT {
        let [a, b, c, _] = server.ip().octets();
        peer.address = Ipv4Addr::new(a, b, c, 100 + (number % 150) as u8);
        peer.send_request(*server.ip(), [2, 0x77, 0, 0, (number >> 8) as u8, number as u8])?;
    }
    peer.address = own;
    RawConnection::open(&mut peer, 43_990, ISN)?.be_served(&mut peer)?;
    ask(target, b"and I?\n")?.expect_hello()?;
    Ok(format!("{COUNT} requests"))
}

/// The server serves at once, and with every slot once it has given up on the peer, which is silent now.
fn expect_alive(target: &Target) -> Result<()> {
    ask(target, b"still alive?\n")?.expect_hello()?;
    slots::all_usable(target, target.idle + RECOVER_MAX)?;
    Ok(())
}

fn ip_options(target: &Target) -> CaseResult {
    let options: &[&[u8]] = &[
        &[1, 1, 1, 1],
        &[0, 0, 0, 0],
        // Router alert (RFC 2113), record route (RFC 791), and lengths that reach beyond the header.
        &[148, 4, 0, 0],
        &[7, 39, 4, 0, 0, 0, 0, 0],
        &[7, 255, 4, 0],
        &[68, 0, 5, 0],
        &[1; 40],
    ];
    let peer = Peer::new(target, HOST)?;
    let mut sent = 0;
    for (port, options) in (43_000..).zip(options) {
        let connection = unanswered(port);
        for (flags, payload) in [(RawFlags::SYN, &b""[..]), (RawFlags::ACK, b"hello\n")] {
            let mut ip = ip_header(&peer, target)?;
            ip.options = Ipv4Options::try_from(*options)?;
            let segment = connection.segment_at(flags, ISN, payload);
            peer.send_frame(&peer.frame_with(ip, &segment)?)?;
            sent += 1;
        }
    }
    expect_alive(target).with_context(|| format!("after {sent} packets"))?;
    Ok(format!("{sent} packets"))
}

/// Fragments of a SYN and of a request: whole, overlapping, without their first or their last part, far beyond.
fn ip_fragments(target: &Target) -> CaseResult {
    // Each fragment: offset in bytes, length, whether more follow.
    let patterns: &[&[(u16, usize, bool)]] = &[
        &[(0, 8, true)],
        &[(8, 100, false)],
        &[(0, 8, true), (8, 100, false)],
        &[(8, 100, false), (0, 8, true)],
        &[(0, 24, true), (16, 100, false)],
        &[(0, 8, true), (0, 16, true), (8, 8, false)],
        &[(65_528, 100, false)],
        &[(0, 0, true)],
        &[(0, 100, true)],
    ];
    let mut peer = Peer::new(target, HOST)?;
    let established = RawConnection::open(&mut peer, 43_100, ISN)?;
    let request = b"fragments of a request that is long enough\n";
    let mut sent = 0;
    for (port, pattern) in (43_101..).zip(patterns) {
        for segment in [
            unanswered(port).segment_at(RawFlags::SYN, ISN, b""),
            established.segment_at(RawFlags::ACK, established.snd_nxt, request),
        ] {
            let whole = peer.frame_of(&segment)?;
            for (offset, len, more) in *pattern {
                let frame = fragment(&peer, target, &whole, (*offset, *len, *more), port)?;
                peer.send_frame(&frame)?;
                sent += 1;
            }
        }
    }
    expect_alive(target).with_context(|| format!("after {sent} fragments"))?;
    Ok(format!("{sent} fragments"))
}

fn fragment(
    peer: &Peer,
    target: &Target,
    whole: &[u8],
    (offset, len, more): (u16, usize, bool),
    id: u16,
) -> Result<Vec<u8>> {
    let payload = &whole[TCP_AT..];
    let begin = usize::from(offset).min(payload.len());
    let part = &payload[begin..(begin + len).min(payload.len())];
    let mut ip = ip_header(peer, target)?;
    ip.set_payload_len(part.len())?;
    ip.identification = id;
    ip.dont_fragment = false;
    ip.more_fragments = more;
    ip.fragment_offset = IpFragOffset::try_new(offset / 8)?;
    ip.header_checksum = ip.calc_header_checksum();
    let mut frame = whole[..IPV4_AT].to_vec();
    frame.extend_from_slice(&ip.to_bytes());
    frame.extend_from_slice(part);
    Ok(frame)
}

/// SYNs whose options are broken or silly, and then a whole exchange.
fn tcp_options(target: &Target) -> CaseResult {
    // Kinds: 2 MSS, 3 window scale, 4 SACK permitted, 8 timestamps; RFC 9293, section 3.2, and RFC 7323.
    let options: &[[u8; 4]] = &[
        [2, 4, 0x05, 0xb4],
        [2, 4, 0, 0],
        [2, 4, 0, 1],
        [2, 4, 0xff, 0xff],
        [2, 0, 0, 0],
        [2, 1, 0, 0],
        [2, 255, 0, 0],
        [3, 3, 255, 0],
        [4, 2, 4, 2],
        [8, 10, 0, 0],
        [254, 4, 0xf9, 0x89],
        [1, 1, 1, 2],
    ];
    let mut peer = Peer::new(target, HOST)?;
    let (mut served, mut unanswered_count) = (0, 0);
    for (port, options) in (43_200..).zip(options) {
        let mut connection = unanswered(port);
        let mut syn = peer.frame_of(&connection.segment_at(RawFlags::SYN, ISN, b""))?;
        syn.extend_from_slice(options);
        syn[TCP_AT + 12] = 6 << 4;
        let total_len = u16::try_from(syn.len() - IPV4_AT)?;
        set_total_len(&mut syn, total_len);
        seal(&mut syn);
        peer.send_frame(&syn)?;
        let Some(answer) = connection.next(&mut peer, Duration::from_millis(300))? else {
            unanswered_count += 1;
            continue;
        };
        ensure!(answer.flags == RawFlags::SYN_ACK, "options {options:?} got {answer:?}");
        connection.snd_nxt = ISN + 1;
        connection.rcv_nxt = answer.seq.wrapping_add(1);
        connection.acknowledge(&peer)?;
        connection.say(&peer, b"hello\n")?;
        connection.read_reply(&mut peer, REPLY_MAX)?.expect_hello().with_context(|| format!("options {options:?}"))?;
        connection.close(&mut peer)?;
        served += 1;
    }
    ensure!(served > 0, "not even a plain MSS option was served");
    expect_alive(target)?;
    Ok(format!("{served} served, {unanswered_count} not answered"))
}

/// One thing wrong in a frame.
type Damage = (&'static str, fn(&mut Vec<u8>));

const DAMAGES: &[Damage] = &[
    ("version 6", |frame| frame[IPV4_AT] = 0x65),
    ("IHL 0", |frame| frame[IPV4_AT] = 0x40),
    ("IHL 4", |frame| frame[IPV4_AT] = 0x44),
    ("IHL beyond the frame", |frame| frame[IPV4_AT] = 0x4f),
    ("total length 0", |frame| set_total_len(frame, 0)),
    ("total length 19", |frame| set_total_len(frame, 19)),
    ("total length 20", |frame| set_total_len(frame, 20)),
    ("total length 39", |frame| set_total_len(frame, 39)),
    ("total length beyond the frame", |frame| set_total_len(frame, 1_500)),
    ("total length 65535", |frame| set_total_len(frame, 65_535)),
    ("TTL 0", |frame| frame[IPV4_AT + 8] = 0),
    ("source is the server", |frame| frame.copy_within(IPV4_AT + 16..IPV4_AT + 20, IPV4_AT + 12)),
    ("source 0.0.0.0", |frame| set_source(frame, [0; 4])),
    ("source 255.255.255.255", |frame| set_source(frame, [255; 4])),
    ("source 127.0.0.1", |frame| set_source(frame, [127, 0, 0, 1])),
    ("source 224.0.0.1", |frame| set_source(frame, [224, 0, 0, 1])),
    ("source is the network's broadcast", |frame| frame[IPV4_AT + 15] = 255),
    ("source MAC broadcast", |frame| frame[6..12].fill(0xff)),
    ("destination MAC broadcast", |frame| frame[..6].fill(0xff)),
    ("source port 0", |frame| frame[TCP_AT..TCP_AT + 2].fill(0)),
    ("data offset 0", |frame| frame[TCP_AT + 12] = 0),
    ("data offset 4", |frame| frame[TCP_AT + 12] = 4 << 4),
    ("data offset beyond the frame", |frame| frame[TCP_AT + 12] = 15 << 4),
    ("no flags", |frame| frame[TCP_AT + 13] = 0),
    ("all flags", |frame| frame[TCP_AT + 13] = 0xff),
    ("SYN and FIN", |frame| frame[TCP_AT + 13] = 0x03),
    ("SYN and RST", |frame| frame[TCP_AT + 13] = 0x06),
    ("FIN alone", |frame| frame[TCP_AT + 13] = 0x01),
    ("urgent", |frame| {
        frame[TCP_AT + 13] |= 0x20;
        frame[TCP_AT + 18..TCP_AT + 20].fill(0xff);
    }),
];

/// Every damage to a SYN, to a segment out of nowhere and to a request; and all of them cut at every length.
fn malformed_packets(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    let connection = RawConnection::open(&mut peer, 43_300, ISN)?;
    let frames = sample_frames(&peer, &connection)?;
    let mut sent = 0;
    for frame in &frames {
        for (what, damage) in DAMAGES {
            let mut damaged = frame.clone();
            damage(&mut damaged);
            seal(&mut damaged);
            peer.send_frame(&damaged).context(*what)?;
            sent += 1;
        }
        // Linux sends no frame that is shorter than an Ethernet header.
        for len in IPV4_AT..frame.len() {
            peer.send_frame(&frame[..len])?;
            sent += 1;
        }
    }
    expect_alive(target).with_context(|| format!("after {sent} packets"))?;
    Ok(format!("{sent} packets"))
}

/// Some bytes of good frames turned into others; half of them with checksums that fit again.
fn mutated_packets(target: &Target) -> CaseResult {
    const COUNT: u64 = 1_000;
    let mut peer = Peer::new(target, HOST)?;
    let connection = RawConnection::open(&mut peer, 43_400, ISN)?;
    let frames = sample_frames(&peer, &connection)?;
    for seed in 0..COUNT {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut frame = frames[random.usize(..frames.len())].clone();
        for _ in 0..random.usize(1..=4) {
            let at = random.usize(IPV4_AT..frame.len());
            frame[at] = random.u8(..);
        }
        if random.bool() {
            seal(&mut frame);
        }
        peer.send_frame(&frame).with_context(|| format!("seed {seed}"))?;
    }
    expect_alive(target).with_context(|| format!("after {COUNT} packets"))?;
    Ok(format!("{COUNT} packets"))
}

/// A SYN, a segment of no connection, a request on an open connection, and a FIN.
fn sample_frames(peer: &Peer, connection: &RawConnection) -> Result<[Vec<u8>; 4]> {
    let stranger = unanswered(43_999);
    let seq = connection.snd_nxt;
    Ok([
        peer.frame_of(&stranger.segment_at(RawFlags::SYN, ISN, b""))?,
        peer.frame_of(&stranger.segment_at(RawFlags::ACK, ISN, b"out of nowhere\n"))?,
        peer.frame_of(&connection.segment_at(RawFlags::ACK, seq, b"GET / HTTP"))?,
        peer.frame_of(&connection.segment_at(RawFlags::FIN_ACK, seq, b""))?,
    ])
}

/// A connection that the server knows nothing of.
fn unanswered(port: u16) -> RawConnection {
    RawConnection { port, snd_nxt: ISN, rcv_nxt: 0, window: 1_024, challenge_count: 0 }
}

fn ip_header(peer: &Peer, target: &Target) -> Result<Ipv4Header> {
    let std::net::IpAddr::V4(server) = target.address.ip() else {
        anyhow::bail!("raw frames need an IPv4 address");
    };
    let source = peer.address.octets();
    Ok(Ipv4Header::new(0, 64, IpNumber::TCP, source, server.octets())?)
}

fn set_total_len(frame: &mut [u8], len: u16) {
    frame[IPV4_AT + 2..IPV4_AT + 4].copy_from_slice(&len.to_be_bytes());
}

fn set_source(frame: &mut [u8], source: [u8; 4]) {
    frame[IPV4_AT + 12..IPV4_AT + 16].copy_from_slice(&source);
}

/// Makes both checksums fit whatever the frame says now, so that a stack looks further than at them.
fn seal(frame: &mut [u8]) {
    frame[IPV4_AT + 10..IPV4_AT + 12].fill(0);
    frame[TCP_AT + 16..TCP_AT + 18].fill(0);
    let tcp = &frame[TCP_AT..];
    let pseudo_header_tail = [0, 6, (tcp.len() >> 8) as u8, tcp.len() as u8];
    let tcp_checksum = Sum16BitWords::new()
        .add_slice(&frame[IPV4_AT + 12..TCP_AT])
        .add_slice(&pseudo_header_tail)
        .add_slice(tcp)
        .ones_complement();
    let ip_checksum = Sum16BitWords::new().add_slice(&frame[IPV4_AT..TCP_AT]).ones_complement();
    // The sums were taken over the bytes as they lie in memory, and go back in the same order.
    frame[TCP_AT + 16..TCP_AT + 18].copy_from_slice(&tcp_checksum.to_ne_bytes());
    frame[IPV4_AT + 10..IPV4_AT + 12].copy_from_slice(&ip_checksum.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::seal;

    #[test]
    fn seal_finds_the_checksums_of_a_good_frame() {
        for payload in [&b""[..], b"odd", b"even"] {
            let mut good = Vec::new();
            PacketBuilder::ethernet2([2; 6], [4; 6])
                .ipv4([10, 0, 2, 73], [10, 0, 2, 15], 64)
                .tcp(43_000, 3_000, 1, 1_024)
                .write(&mut good, payload)
                .unwrap();
            let mut sealed = good.clone();
            sealed[super::TCP_AT + 16] ^= 0xff;
            sealed[super::IPV4_AT + 10] ^= 0xff;
            seal(&mut sealed);
            assert_eq!(sealed, good);
        }
    }
}
