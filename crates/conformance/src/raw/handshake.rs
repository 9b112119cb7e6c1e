//! SYNs as they come from hosts that vanish, reboot, repeat themselves and reuse ports.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::{Peer, RawConnection, RawFlags, RawSegmentOut};
use crate::case::{Case, CaseResult, within};
use crate::limits::{AT_ONCE_MAX, CONNECT_MAX, RECOVER_MAX, REPLY_MAX};
use crate::slots;
use crate::target::Target;
use crate::test_client::ask;

pub const CASES: &[Case] = &[
    Case::on_tap("half_open", half_open),
    Case::on_tap("syn_flood", syn_flood),
    Case::on_tap("initial_number_is_of_clock_and_ports", initial_number_is_of_clock_and_ports),
    Case::on_tap("syn_of_no_host_is_dropped", syn_of_no_host_is_dropped),
    Case::on_tap("repeated_syn", repeated_syn),
    Case::on_tap("request_in_last_ack", request_in_last_ack),
    Case::on_tap("syn_in_time_wait", syn_in_time_wait),
    Case::on_tap("syn_on_established", syn_on_established),
    Case::on_tap("rebooted_client", rebooted_client),
    Case::on_tap("closed_port", closed_port),
];

const HOST: u8 = 71;
/// A host that sends SYNs and then never says anything, not even ARP.
const SILENT_HOST: u8 = 77;
const ISN: u32 = 0xffff_fff0;
/// No answer within this time is no answer.
const SILENCE: Duration = Duration::from_millis(200);

fn half_open(target: &Target) -> CaseResult {
    const OTHERS_REQUEST_COUNT: usize = 20;
    const FIRST_PORT: u16 = 40_000;
    let mut peer = Peer::new(target, SILENT_HOST)?;
    let syn_count = u16::try_from(target.slots * 2)?;
    for port in FIRST_PORT..FIRST_PORT + syn_count {
        peer.send(&RawSegmentOut { port, flags: RawFlags::SYN, seq: ISN, ack: 0, window: 1_024, payload: b"" })?;
    }
    let (mut seen, begin) = (0, Instant::now());
    while seen == 0 && begin.elapsed() < REPLY_MAX {
        seen = peer.count_signs(Duration::from_millis(100))?;
    }
    ensure!(seen > 0, "the server took no notice of {syn_count} SYNs");
    let mut longest = Duration::ZERO;
    for number in 1..=OTHERS_REQUEST_COUNT {
        let begin = Instant::now();
        ask(target, b"and me?\n")
            .and_then(|reply| reply.expect_hello())
            .with_context(|| format!("request {number} beside {syn_count} half-open"))?;
        longest = longest.max(begin.elapsed());
        within(AT_ONCE_MAX, longest, &format!("request {number} beside {syn_count} half-open"))?;
    }
    slots::all_usable(target, AT_ONCE_MAX).context("beside half-open connections")?;
    Ok(format!("{syn_count} hang, the server sent them {seen}; others served within {longest:.1?}"))
}

/// SYNs from hosts that don't exist, one every millisecond, with clients between them.
fn syn_flood(target: &Target) -> CaseResult {
    const SYN_COUNT: u32 = 10_000;
    const SYNS_PER_REQUEST: u32 = 500;
    let mut peer = Peer::new(target, SILENT_HOST)?;
    let mut longest = Duration::ZERO;
    for number in 0..SYN_COUNT {
        let [_, _, c, d] = number.to_be_bytes();
        peer.address = Ipv4Addr::new(198, 18, c, d);
        let port = 1_024 + (number % 60_000) as u16;
        peer.send(&RawSegmentOut { port, flags: RawFlags::SYN, seq: number, ack: 0, window: 1_024, payload: b"" })?;
        if number % SYNS_PER_REQUEST == 0 {
            let begin = Instant::now();
            ask(target, b"and me?\n")?.expect_hello().with_context(|| format!("after {number} SYNs"))?;
            longest = longest.max(begin.elapsed());
        }
    }
    slots::all_usable(target, RECOVER_MAX).context("after the flood")?;
    Ok(format!("{SYN_COUNT} SYNs, others served within {longest:.1?}"))
}

/// RFC 6528: for the same addresses and ports the initial number grows with the clock, one every four microseconds; for
/// others it is anywhere.
fn initial_number_is_of_clock_and_ports(target: &Target) -> CaseResult {
    const COUNT: u16 = 8;
    const PER_SECOND: f64 = 250_000.0;
    let mut peer = Peer::new(target, HOST)?;
    let mut initial = |port: u16| -> Result<(Instant, u32)> {
        let connection = RawConnection::answered(&mut peer, port, ISN)?;
        connection.send(&peer, RawFlags::RST, b"")?;
        Ok((Instant::now(), connection.rcv_nxt.wrapping_sub(1)))
    };
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for number in 0..COUNT {
        first.push(initial(41_000)?);
        others.push(initial(41_001 + number)?.1);
    }
    for pair in first.windows(2) {
        let (step, passed) = (pair[1].1.wrapping_sub(pair[0].1), pair[1].0 - pair[0].0);
        // The emulated clock need not be the host's to the last bit.
        let step_max = passed.as_secs_f64() * PER_SECOND * 2.0 + PER_SECOND;
        ensure!(step > 0 && f64::from(step) < step_max, "a step of {step} in {passed:.1?}");
    }
    let is_near = |pair: &[u32]| pair[1].wrapping_sub(pair[0]).cast_signed().unsigned_abs() < 1 << 24;
    let near = others.windows(2).filter(|pair| is_near(pair)).count();
    // Of two random numbers, one in 128 is so near.
    ensure!(near < 4, "{near} of {} ports have numbers near those of the next", others.len());
    Ok(format!("{COUNT} of one port, {COUNT} of others"))
}

/// Nothing is sent to an address that is that of no other host, the device's own included (CVE-1997-0016).
fn syn_of_no_host_is_dropped(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    let SocketAddr::V4(server) = target.address else { bail!("raw frames need an IPv4 address") };
    let [a, b, c, _] = server.ip().octets();
    let addresses = [
        *server.ip(),
        Ipv4Addr::new(a, b, c, 255),
        Ipv4Addr::BROADCAST,
        Ipv4Addr::new(224, 0, 0, 1),
        Ipv4Addr::LOCALHOST,
        Ipv4Addr::UNSPECIFIED,
    ];
    let own = peer.address;
    for address in addresses {
        peer.address = address;
        for (port, flags) in [(41_050, RawFlags::SYN), (41_051, RawFlags::ACK), (server.port(), RawFlags::SYN)] {
            peer.send(&RawSegmentOut { port, flags, seq: ISN, ack: 0, window: 1_024, payload: b"" })?;
            let answer = peer.receive(port, SILENCE)?;
            ensure!(answer.is_none(), "{address}:{port} {flags:?} got {answer:?}");
        }
    }
    peer.address = own;
    RawConnection::open(&mut peer, 41_052, ISN)?.be_served(&mut peer)?;
    Ok(format!("{} addresses", addresses.len()))
}

/// The answer to the first SYN got lost, so the client sends it again.
fn repeated_syn(target: &Target) -> CaseResult {
    const COUNT: u16 = 5;
    let mut peer = Peer::new(target, HOST)?;
    for port in 41_000..41_000 + COUNT {
        let mut connection = RawConnection::answered(&mut peer, port, ISN)?;
        connection.send_at(&peer, RawFlags::SYN, ISN, b"")?;
        let again = connection.next(&mut peer, REPLY_MAX)?.context("no answer to the second SYN")?;
        ensure!(
            again.flags == RawFlags::SYN_ACK && again.seq.wrapping_add(1) == connection.rcv_nxt,
            "the second SYN got {again:?}"
        );
        connection.acknowledge(&peer)?;
        connection.be_served(&mut peer)?;
    }
    Ok(format!("{COUNT} connections"))
}

/// The last ACK of the handshake got lost, so that the request is the first to acknowledge the SYN.
fn request_in_last_ack(target: &Target) -> CaseResult {
    const COUNT: u16 = 5;
    let mut peer = Peer::new(target, HOST)?;
    for port in 41_100..41_100 + COUNT {
        let mut connection = RawConnection::answered(&mut peer, port, ISN)?;
        connection.be_served(&mut peer)?;
    }
    Ok(format!("{COUNT} connections"))
}

/// The server closed first and may remember the connection; the client's next one has the same port.
fn syn_in_time_wait(target: &Target) -> CaseResult {
    const PORT: u16 = 41_200;
    let mut peer = Peer::new(target, HOST)?;
    let mut connection = RawConnection::open(&mut peer, PORT, ISN)?;
    connection.be_served(&mut peer)?;
    let mut details = Vec::new();
    for (what, step) in NEW_ISNS {
        let isn = connection.snd_nxt.wrapping_add_signed(*step);
        let begin = Instant::now();
        connection = RawConnection::open(&mut peer, PORT, isn)
            .with_context(|| format!("new sequence number {what} the old one"))?;
        connection.be_served(&mut peer)?;
        details.push(format!("{what} {:.0?}", begin.elapsed()));
    }
    Ok(details.join(", "))
}

/// Where a new connection's sequence numbers may begin, seen from the old one's.
const NEW_ISNS: &[(&str, i32)] =
    &[("at", 0), ("just after", 1_000), ("long after", 1_000_000_000), ("before", -1_000_000)];

/// RFC 5961, section 4: only an ACK answers it, or anybody who guesses a port could end connections.
fn syn_on_established(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    for (index, (what, step)) in NEW_ISNS.iter().enumerate() {
        let port = 41_300 + u16::try_from(index)?;
        let mut connection = RawConnection::open(&mut peer, port, ISN)?;
        challenge(&mut peer, &connection, *step).with_context(|| format!("a SYN {what}"))?;
        connection.be_served(&mut peer).with_context(|| format!("after a SYN {what}"))?;
    }
    Ok(format!("{} SYNs", NEW_ISNS.len()))
}

fn challenge(peer: &mut Peer, connection: &RawConnection, step: i32) -> Result<()> {
    // Challenge ACKs may be limited to one each second, so a further SYN is fair.
    for _ in 0..10 {
        let seq = connection.snd_nxt.wrapping_add_signed(step);
        connection.send_at(peer, RawFlags::SYN, seq, b"")?;
        let Some(answer) = connection.next(peer, Duration::from_millis(1_200))? else {
            continue;
        };
        ensure!(
            answer.flags == RawFlags::ACK && answer.ack == connection.snd_nxt && answer.seq == connection.rcv_nxt,
            "wanted an ACK of {} with sequence number {}, got {answer:?}",
            connection.snd_nxt,
            connection.rcv_nxt
        );
        return Ok(());
    }
    bail!("no challenge ACK")
}

/// All slots' clients lose power, boot, and use the same ports again.
fn rebooted_client(target: &Target) -> CaseResult {
    const FIRST_PORT: u16 = 41_400;
    let mut peer = Peer::new(target, HOST)?;
    let mut old_ones = Vec::new();
    for port in FIRST_PORT..FIRST_PORT + u16::try_from(target.slots)? {
        old_ones.push(RawConnection::open(&mut peer, port, ISN)?);
    }
    let mut longest = Duration::ZERO;
    for (old, (what, step)) in old_ones.iter().zip(NEW_ISNS.iter().cycle()) {
        let isn = old.snd_nxt.wrapping_add_signed(*step);
        let begin = Instant::now();
        let mut again = RawConnection::open(&mut peer, old.port, isn)
            .with_context(|| format!("new sequence number {what} the old one"))?;
        ensure!(again.challenge_count > 0, "the old connection was dropped without a challenge");
        again.be_served(&mut peer)?;
        longest = longest.max(begin.elapsed());
    }
    slots::all_usable(target, RECOVER_MAX)?;
    Ok(format!("{} clients served within {longest:.1?}", target.slots))
}

fn closed_port(target: &Target) -> CaseResult {
    let closed = SocketAddr::new(target.address.ip(), target.address.port() + 1);
    let begin = Instant::now();
    match TcpStream::connect_timeout(&closed, CONNECT_MAX) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(format!("refused after {:.1?}", begin.elapsed()))
        }
        Err(error) => bail!("wanted a refusal, got: {error}"),
        Ok(_) => bail!("port {} is open", closed.port()),
    }
}
