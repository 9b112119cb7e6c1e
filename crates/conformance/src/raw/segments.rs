//! Segments that are wrong, late, out of order, or never answered.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::peer::TCP_AT;
use super::{Peer, RawConnection, RawFlags};
use crate::answer::HELLO;
use crate::case::{Case, CaseResult};
use crate::limits::{REPLY_MAX, VANISHED_RECOVER_MAX};
use crate::slots;
use crate::target::Target;

pub const CASES: &[Case] = &[
    Case::on_tap("reset_outside_window_is_ignored", reset_outside_window_is_ignored),
    Case::on_tap("reset_in_window_is_challenged", reset_in_window_is_challenged),
    Case::on_tap("bad_checksum_is_dropped", bad_checksum_is_dropped),
    Case::on_tap("reordered_segments", reordered_segments),
    Case::on_tap("request_and_fin_together", request_and_fin_together),
    Case::on_tap("padded_frames", padded_frames),
    Case::on_tap("lost_reply_is_sent_again", lost_reply_is_sent_again),
    Case::on_tap("mac_change", mac_change),
    Case::on_tap("mac_moves_with_valid_numbers_only", mac_moves_with_valid_numbers_only),
    Case::on_tap("zero_window", zero_window),
];

const HOST: u8 = 72;
const ISN: u32 = 0x7fff_fff0;
/// No answer within this time is no answer.
const SILENCE: Duration = Duration::from_millis(500);

fn reset_outside_window_is_ignored(target: &Target) -> CaseResult {
    let steps: &[i32] = &[-1, -100_000, 100_000, 1_000_000_000];
    let mut peer = Peer::new(target, HOST)?;
    let mut connection = RawConnection::open(&mut peer, 42_000, ISN)?;
    for step in steps {
        let seq = connection.snd_nxt.wrapping_add_signed(*step);
        connection.send_at(&peer, RawFlags::RST, seq, b"")?;
    }
    connection.be_served(&mut peer)?;
    Ok(format!("{} resets", steps.len()))
}

/// RFC 5961, section 3.2: whoever guesses the window, but not the next number, ends nothing.
fn reset_in_window_is_challenged(target: &Target) -> CaseResult {
    const STEPS: [u32; 4] = [1, 2, 100, 500];
    let mut peer = Peer::new(target, HOST)?;
    for (port, step) in (42_050..).zip(STEPS) {
        let mut connection = RawConnection::open(&mut peer, port, ISN)?;
        connection.send_at(&peer, RawFlags::RST, connection.snd_nxt.wrapping_add(step), b"")?;
        let answer = connection.next(&mut peer, REPLY_MAX)?.with_context(|| format!("{step} ahead: no challenge"))?;
        ensure!(answer.flags == RawFlags::ACK && answer.ack == connection.snd_nxt, "{step} ahead: {answer:?}");
        connection.be_served(&mut peer).with_context(|| format!("after a reset {step} ahead"))?;
        let next = RawConnection::open(&mut peer, port + 10, ISN)?;
        next.send_at(&peer, RawFlags::RST, next.snd_nxt, b"")?;
        let answer = next.next(&mut peer, SILENCE)?;
        ensure!(answer.is_none(), "the reset with the next number was answered: {answer:?}");
    }
    Ok(format!("{} resets", STEPS.len()))
}

fn bad_checksum_is_dropped(target: &Target) -> CaseResult {
    const CHECKSUM_AT: usize = TCP_AT + 16;
    let mut peer = Peer::new(target, HOST)?;
    let mut connection = RawConnection::open(&mut peer, 42_100, ISN)?;
    let mut damaged = peer.frame_of(&connection.segment_at(RawFlags::ACK, connection.snd_nxt, b"damaged\n"))?;
    damaged[CHECKSUM_AT] ^= 0x10;
    peer.send_frame(&damaged)?;
    let answer = connection.next(&mut peer, SILENCE)?;
    ensure!(answer.is_none(), "the damaged request got {answer:?}");
    connection.be_served(&mut peer)?;

    let syn = RawConnection { port: 42_101, ..connection.clone() };
    let mut damaged = peer.frame_of(&syn.segment_at(RawFlags::SYN, ISN, b""))?;
    damaged[CHECKSUM_AT] ^= 0x10;
    peer.send_frame(&damaged)?;
    let answer = syn.next(&mut peer, SILENCE)?;
    ensure!(answer.is_none(), "the damaged SYN got {answer:?}");
    Ok("a request and a SYN".to_string())
}

/// A page proves that the first half was first again: from the second half alone there is none.
fn reordered_segments(target: &Target) -> CaseResult {
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: sockeye\r\n\r\n";
    let mut peer = Peer::new(target, HOST)?;
    for (port, split) in (42_200..).zip([1, 5, 14, 16, 20]) {
        let mut connection = RawConnection::open(&mut peer, port, ISN)?;
        let (first, second) = REQUEST.split_at(split);
        let second_seq = connection.snd_nxt.wrapping_add(u32::try_from(split)?);
        connection.send_at(&peer, RawFlags::ACK, second_seq, second)?;
        connection.send(&peer, RawFlags::ACK, first)?;
        // A stack that keeps no early segments gets the second half again, as a client would send it.
        connection.send_at(&peer, RawFlags::ACK, second_seq, second)?;
        connection.snd_nxt = connection.snd_nxt.wrapping_add(u32::try_from(REQUEST.len())?);
        let reply = connection.read_reply(&mut peer, REPLY_MAX)?;
        ensure!(reply.bytes.starts_with(b"HTTP/1.1 200"), "halves of {} bytes and the rest, swapped: {reply}", split);
        connection.close(&mut peer)?;
    }
    Ok("5 splits".to_string())
}

fn request_and_fin_together(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    let mut connection = RawConnection::open(&mut peer, 42_300, ISN)?;
    let request = b"all in one\n";
    connection.send(&peer, RawFlags::FIN_ACK, request)?;
    let len = u32::try_from(request.len() + 1)?;
    connection.snd_nxt = connection.snd_nxt.wrapping_add(len);
    connection.read_reply(&mut peer, REPLY_MAX)?.expect_hello()?;
    Ok("answered".to_string())
}

/// Wired hosts fill short frames up; what follows the packet's own length is no data.
fn padded_frames(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    peer.pads_frames = true;
    let mut connection = RawConnection::open(&mut peer, 42_400, ISN)?;
    let answer = connection.next(&mut peer, SILENCE)?;
    ensure!(answer.is_none(), "an ACK in a padded frame got {answer:?}, as if it had data");
    connection.be_served(&mut peer)?;
    Ok("the padding is no data".to_string())
}

/// The segments with the first copy of the reply got lost on the way.
fn lost_reply_is_sent_again(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    let mut connection = RawConnection::open(&mut peer, 42_500, ISN)?;
    connection.say(&peer, b"hello\n")?;
    let begin = Instant::now();
    loop {
        let segment = connection.next(&mut peer, REPLY_MAX)?.context("no reply at all")?;
        if segment.payload == HELLO {
            break;
        }
    }
    // The rest of the first copy comes within this time, and is lost as well.
    while connection.next(&mut peer, SILENCE / 5)?.is_some() {}
    connection.read_reply(&mut peer, REPLY_MAX)?.expect_hello().context("the second copy")?;
    let elapsed = begin.elapsed();
    connection.close(&mut peer)?;
    Ok(format!("again after {elapsed:.1?}"))
}

/// The peer's address moves to another network card; its next segment is the first sign of that.
fn mac_change(target: &Target) -> CaseResult {
    let mut peer = Peer::new(target, HOST)?;
    let mut connection = RawConnection::open(&mut peer, 42_600, ISN)?;
    peer.change_mac();
    let begin = Instant::now();
    connection.say(&peer, b"hello from the new card\n")?;
    connection.read_reply(&mut peer, REPLY_MAX)?.expect_hello().context("at the new MAC")?;
    let elapsed = begin.elapsed();
    connection.close(&mut peer)?;
    Ok(format!("reply at the new MAC after {elapsed:.1?}"))
}

/// A segment with the right ports and wrong numbers doesn't draw a connection's segments to another network card.
fn mac_moves_with_valid_numbers_only(target: &Target) -> CaseResult {
    const STEPS: [i32; 3] = [-100_000, 100_000, 1_000_000_000];
    let mut peer = Peer::new(target, HOST)?;
    let mut forger = Peer::new(target, HOST)?;
    forger.change_mac();
    for (port, step) in (42_650..).zip(STEPS) {
        let mut connection = RawConnection::open(&mut peer, port, ISN)?;
        connection.say(&peer, b"hel")?;
        for flags in [RawFlags::ACK, RawFlags::FIN_ACK, RawFlags::RST] {
            connection.send_at(&forger, flags, connection.snd_nxt.wrapping_add_signed(step), b"forged")?;
        }
        let deadline = Instant::now() + REPLY_MAX;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let answer = connection.next(&mut peer, left)?;
            let answer = answer.with_context(|| format!("{step} off: no ACK at the old network card"))?;
            if answer.flags == RawFlags::ACK && answer.ack == connection.snd_nxt {
                break;
            }
        }
        connection.say(&peer, b"lo\n")?;
        connection.read_reply(&mut peer, REPLY_MAX)?.expect_hello()?;
        connection.close(&mut peer)?;
    }
    let strayed = forger.receive_any(Instant::now() + SILENCE)?;
    ensure!(strayed.is_none(), "the forger got {strayed:?}");
    Ok(format!("{} forged numbers", STEPS.len()))
}

/// Clients whose window stays shut: alive, acknowledging every probe, and never reading.
fn zero_window(target: &Target) -> CaseResult {
    const FIRST_PORT: u16 = 42_700;
    let mut peer = Peer::new(target, HOST)?;
    let mut connections = Vec::new();
    for port in FIRST_PORT..FIRST_PORT + u16::try_from(target.slots)? {
        let mut connection = RawConnection::answered(&mut peer, port, ISN)?;
        connection.window = 0;
        connection.say(&peer, b"hello\n")?;
        connections.push(connection);
    }
    let stop = AtomicBool::new(false);
    let (free_after, answers) = thread::scope(|scope| {
        let answering = scope.spawn(|| keep_shut(&mut peer, &connections, &stop));
        let free_after = slots::all_usable(target, VANISHED_RECOVER_MAX);
        stop.store(true, Ordering::Relaxed);
        (free_after, answering.join().expect("the peer never panics"))
    });
    Ok(format!(
        "{} clients acknowledged {} segments, slots free after {:.1?}",
        connections.len(),
        answers?,
        free_after?
    ))
}

/// Acknowledges what comes, without ever opening the window; returns how often.
fn keep_shut(peer: &mut Peer, connections: &[RawConnection], stop: &AtomicBool) -> Result<usize> {
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        let deadline = Instant::now() + Duration::from_millis(100);
        let Some((port, segment)) = peer.receive_any(deadline)? else {
            continue;
        };
        if let Some(connection) = connections.iter().find(|it| it.port == port)
            && !segment.flags.rst
        {
            connection.acknowledge(peer)?;
            count += 1;
        }
    }
    Ok(count)
}
