//! The bytes of a transfer, and what its two ends know of them.

use std::sync::Mutex;

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

/// Bytes that any part can be made of, from a seed.
#[derive(Debug, Clone, Copy)]
pub struct Content {
    pub seed: u64,
    pub len: u64,
}

impl Content {
    /// Fills `bytes` with the content from `offset` on.
    pub fn fill(&self, offset: u64, bytes: &mut [u8]) {
        for (at, byte) in (offset..).zip(bytes) {
            *byte = (self.word(at / 8) >> (at % 8 * 8)) as u8;
        }
    }

    /// The finalizer of SplitMix64.
    fn word(&self, index: u64) -> u64 {
        let mut word = (self.seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}

/// Bytes in order, over several connections if one was given up: how many, and their digest.
#[derive(Default)]
struct Stream {
    len: u64,
    digest: Sha256,
    /// Connections so far.
    connections: u32,
}

/// The sending end. A connection may begin with bytes that an earlier one has sent.
#[derive(Default)]
pub struct Sender(Mutex<Stream>);

impl Sender {
    /// The bytes from `offset` on are about to be written to a connection: some may arrive although the write fails.
    pub fn send(&self, offset: u64, bytes: &[u8]) {
        let mut stream = self.0.lock().expect("nobody panics");
        let known = (stream.len.saturating_sub(offset) as usize).min(bytes.len());
        stream.digest.update(&bytes[known..]);
        stream.len += (bytes.len() - known) as u64;
    }

    pub fn digest(&self) -> (u64, [u8; 32]) {
        let stream = self.0.lock().expect("nobody panics");
        (stream.len, stream.digest.clone().finalize().into())
    }
}

/// The receiving end.
#[derive(Default)]
pub struct Receiver(Mutex<Stream>);

impl Receiver {
    /// A connection begins, in which the sender is to go on behind what has arrived. Its number, and that offset.
    pub fn begin(&self) -> (u32, u64) {
        let mut stream = self.0.lock().expect("nobody panics");
        stream.connections += 1;
        (stream.connections, stream.len)
    }

    /// Takes bytes of a connection. An older connection than the latest is no longer heard.
    pub fn take(&self, connection: u32, content: &Content, bytes: &[u8]) -> Result<()> {
        let mut stream = self.0.lock().expect("nobody panics");
        ensure!(stream.connections == connection, "a newer connection has begun");
        let mut expected = vec![0; bytes.len()];
        content.fill(stream.len, &mut expected);
        if let Some(at) = bytes.iter().zip(&expected).position(|(byte, expected)| byte != expected) {
            return Err(Corrupt(stream.len + at as u64).into());
        }
        stream.digest.update(bytes);
        stream.len += bytes.len() as u64;
        if stream.len > content.len { Err(Corrupt(content.len).into()) } else { Ok(()) }
    }

    /// How many bytes have arrived, and their digest.
    pub fn digest(&self) -> (u64, [u8; 32]) {
        let stream = self.0.lock().expect("nobody panics");
        (stream.len, stream.digest.clone().finalize().into())
    }
}

/// A byte that arrived is not the one that was sent.
#[derive(Debug)]
pub struct Corrupt(pub u64);

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "byte {} is not the one that was sent", self.0)
    }
}

impl std::error::Error for Corrupt {}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: Content = Content { seed: 7, len: 1_000 };

    fn part(offset: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        CONTENT.fill(offset, &mut bytes);
        bytes
    }

    #[test]
    fn the_content_is_the_same_in_any_parts() {
        let whole = part(0, 1_000);
        for (offset, len) in [(0, 1), (1, 9), (7, 8), (13, 900), (999, 1)] {
            assert_eq!(part(offset, len), whole[offset as usize..][..len]);
        }
        assert_ne!(whole[..8], whole[8..16]);
    }

    /// The second connection sends again what the first has sent and the receiver has not got.
    #[test]
    fn two_connections_make_one_stream() {
        let (sender, receiver) = (Sender::default(), Receiver::default());
        let (first, _) = receiver.begin();
        sender.send(0, &part(0, 600));
        receiver.take(first, &CONTENT, &part(0, 400)).unwrap();
        let (second, offset) = receiver.begin();
        assert_eq!(offset, 400);
        sender.send(400, &part(400, 600));
        assert!(receiver.take(first, &CONTENT, &part(400, 100)).is_err(), "the first is over");
        receiver.take(second, &CONTENT, &part(400, 600)).unwrap();
        assert_eq!(sender.digest(), receiver.digest());
        assert_eq!(sender.digest().0, 1_000);
    }

    #[test]
    fn a_wrong_byte_and_one_too_many_are_noticed() {
        let receiver = Receiver::default();
        let (connection, _) = receiver.begin();
        let mut wrong = part(0, 100);
        wrong[42] ^= 1;
        let error = receiver.take(connection, &CONTENT, &wrong).unwrap_err();
        assert_eq!(error.downcast_ref::<Corrupt>().unwrap().0, 42);
        assert!(receiver.take(connection, &CONTENT, &part(0, 1_001)).is_err());
    }
}
