//! The frames of a machine's network card, in the order in which they passed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// TCP's data in a frame.
pub struct Payload {
    /// When the frame passed, microseconds of the machine's own time.
    pub at_us: u64,
    /// Whether the machine has sent it.
    pub is_sent: bool,
    /// The port of the peer.
    pub port: u16,
    pub bytes: Vec<u8>,
}

/// The length of the header of a file as libpcap has it, and of that of a record.
const FILE_HEADER_LEN: usize = 24;
const RECORD_HEADER_LEN: usize = 16;
const MAGIC: [u8; 4] = 0xa1b2_c3d4_u32.to_le_bytes();
const ETHERNET_LEN: usize = 14;
const IPV4: [u8; 2] = [8, 0];
const TCP: u8 = 6;

/// The data that the machine has sent from this port, and received at it, without what was sent again. A record that
/// QEMU has not written whole is none.
pub fn payloads(file: &Path, port: u16) -> Result<Vec<Payload>> {
    let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    ensure!(bytes.starts_with(&MAGIC), "{} is no file of frames", file.display());
    let mut rest = bytes.get(FILE_HEADER_LEN..).unwrap_or_default();
    let (mut payloads, mut next) = (Vec::new(), BTreeMap::new());
    while let Some((header, behind)) = rest.split_at_checked(RECORD_HEADER_LEN) {
        let len = word(&header[8..]) as usize;
        let Some((frame, behind)) = behind.split_at_checked(len) else { break };
        rest = behind;
        let [seconds, micros] = [0, 4].map(|at| word(&header[at..]));
        let at_us = u64::from(seconds) * 1_000_000 + u64::from(micros);
        let Some((payload, seq)) = payload(at_us, frame, port) else { continue };
        let end = seq.wrapping_add(payload.bytes.len() as u32);
        // Data that were sent again end where data have ended before.
        if next.insert((payload.is_sent, payload.port), end) != Some(end) {
            payloads.push(payload);
        }
    }
    Ok(payloads)
}

/// The little-endian word that bytes begin with.
fn word(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// The data of one frame, and their sequence number; None if it has none, or is of another port.
fn payload(at_us: u64, frame: &[u8], port: u16) -> Option<(Payload, u32)> {
    let (ethernet, packet) = frame.split_at_checked(ETHERNET_LEN)?;
    if ethernet[12..] != IPV4 || *packet.get(9)? != TCP {
        return None;
    }
    let len = usize::from(u16::from_be_bytes(packet.get(2..4)?.try_into().ok()?));
    let segment = packet.get(usize::from(packet[0] & 15) * 4..len)?;
    let [source, destination] =
        [0, 2].map(|at| segment.get(at..at + 2).map(|port| u16::from_be_bytes([port[0], port[1]])));
    let (source, destination) = (source?, destination?);
    let seq = u32::from_be_bytes(segment.get(4..8)?.try_into().ok()?);
    let bytes = segment.get(usize::from(segment.get(12)? >> 4) * 4..)?.to_vec();
    let is_sent = source == port;
    if bytes.is_empty() || !(is_sent || destination == port) {
        return None;
    }
    Some((Payload { at_us, is_sent, port: if is_sent { destination } else { source }, bytes }, seq))
}
