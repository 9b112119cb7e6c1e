//! Initial sequence numbers (RFC 6528) and ephemeral ports (RFC 6056), which nobody outside can compute.

use core::net::SocketAddrV4;

use embassy_time::{Instant, TICK_HZ};
use siphasher::sip::SipHasher13;

use crate::segment::Seq;

/// Ports that outgoing connections use (RFC 6335 section 6).
const PORT_FIRST: u16 = 49_152;
/// How many they are: all up to 65,535.
const PORTS: u16 = u16::MAX - PORT_FIRST + 1;
/// The purpose of a hash, so that a port reveals nothing of a sequence number.
const FOR_ISN: u8 = 0;
const FOR_PORT: u8 = 1;

/// RFC 9293 section 3.4.1 has M count about every four microseconds.
const M_HZ: u64 = 250_000;

/// M, modulo 2^32: ticks shifted so that M counts at `M_HZ` or up to twice as fast. With ticks of 10 MHz it counts every
/// 3.2 microseconds. Only the hash would be dearer than a division of 64 bits.
const fn m(ticks: u64) -> u32 {
    let shifted = match TICK_HZ >= M_HZ {
        true => ticks >> (TICK_HZ / M_HZ).ilog2(),
        false => ticks << M_HZ.div_ceil(TICK_HZ).next_power_of_two().ilog2(),
    };
    shifted as u32
}

/// The low bits of M that are zero in a cookie: they count for one to two seconds.
const COOKIE_BITS: u32 = 19;

/// The secret of a device: new at each start, from its random number generator.
#[derive(Clone)]
pub struct IsnKey([u8; 16]);

impl IsnKey {
    /// 16 random bytes. A key that is known makes every sequence number known.
    pub const fn new(key: [u8; 16]) -> Self {
        Self(key)
    }

    /// ISN = M + F(local, remote, key) (RFC 6528 section 3, RFC 9293 section 3.4.1). M counts about every four
    /// microseconds, so that a new connection of the same addresses and ports begins behind the old one.
    pub fn isn(&self, local: SocketAddrV4, remote: SocketAddrV4, now: Instant) -> Seq {
        Seq::new(m(now.as_ticks())) + self.hash(FOR_ISN, local, remote) as u32
    }

    /// An ISN that [`is_cookie`](Self::is_cookie) knows again (RFC 4987 section 3.6): that of one to two seconds later at
    /// most.
    pub fn cookie(&self, local: SocketAddrV4, remote: SocketAddrV4, now: Instant) -> Seq {
        let next = ((m(now.as_ticks()) >> COOKIE_BITS) + 1) << COOKIE_BITS;
        Seq::new(next) + self.hash(FOR_ISN, local, remote) as u32
    }

    /// Whether `isn` was a [`cookie`](Self::cookie) within the last second. A number of four seconds ago is no cookie any
    /// more. Of 2^31 numbers one is a cookie.
    pub fn is_cookie(&self, isn: Seq, local: SocketAddrV4, remote: SocketAddrV4, now: Instant) -> bool {
        let age = self.cookie(local, remote, now) - isn;
        age == 0 || age == 1 << COOKIE_BITS
    }

    /// A port for an outgoing connection: the first at `attempt` 0, and another with each further attempt (RFC 6056
    /// section 3.3.3, algorithm 3). The port of `local` counts for nothing.
    pub fn port(&self, local: SocketAddrV4, remote: SocketAddrV4, attempt: u16) -> u16 {
        let local = SocketAddrV4::new(*local.ip(), 0);
        let offset = self.hash(FOR_PORT, local, remote) as u16;
        PORT_FIRST + offset.wrapping_add(attempt) % PORTS
    }

    #[inline(never)]
    fn hash(&self, purpose: u8, local: SocketAddrV4, remote: SocketAddrV4) -> u64 {
        let mut bytes = [purpose; 13];
        bytes[1..5].copy_from_slice(&local.ip().octets());
        bytes[5..7].copy_from_slice(&local.port().to_be_bytes());
        bytes[7..11].copy_from_slice(&remote.ip().octets());
        bytes[11..].copy_from_slice(&remote.port().to_be_bytes());
        SipHasher13::new_with_key(&self.0).hash(&bytes)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use core::net::Ipv4Addr;
    use embassy_time::Duration;
    use std::collections::BTreeSet;

    const KEY: IsnKey = IsnKey::new(*b"0123456789abcdef");
    const NOW: Instant = Instant::from_millis(5_000);

    fn local() -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 1), 3_000)
    }

    fn remote(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 2), port)
    }

    #[test]
    fn the_same_four_tuple_grows_with_the_clock() {
        let first = KEY.isn(local(), remote(40_000), NOW);
        for micros in [0, 4, 40, 1_000_000, 3_600_000_000] {
            let later = KEY.isn(local(), remote(40_000), NOW + Duration::from_micros(micros));
            assert_eq!(later - first, (micros / 4) as u32);
        }
    }

    /// By the reference of RFC 6528 section 3: the clock plus the hash.
    #[test]
    fn an_initial_number_is_the_clock_plus_the_hash() {
        let bytes = [0, 192, 168, 1, 1, 11, 184, 192, 168, 1, 2, 0, 1];
        let hash = SipHasher13::new_with_key(b"0123456789abcdef").hash(&bytes) as u32;
        assert_eq!(KEY.isn(local(), remote(1), NOW), Seq::new(1_250_000) + hash);
    }

    /// A cookie is never behind the ISN of that time, and is known for more than one second and less than five. No number
    /// beside it is known.
    #[test]
    fn a_cookie_is_known_again_for_some_seconds() {
        let remote = remote(40_000);
        // M begins anew after 17,179.9 seconds.
        for ms in (0..10_000).step_by(97).chain((17_170_000..17_190_000).step_by(97)) {
            let sent = Instant::from_millis(ms);
            let cookie = KEY.cookie(local(), remote, sent);
            let ahead = cookie - KEY.isn(local(), remote, sent);
            assert!((1..=1 << COOKIE_BITS).contains(&ahead), "{ahead}");
            let is_known = |isn, after_ms| KEY.is_cookie(isn, local(), remote, sent + Duration::from_millis(after_ms));
            assert!(is_known(cookie, 0) && is_known(cookie, 1_048) && !is_known(cookie, 4_195), "{ms}");
            for beside in 1..1_000 {
                assert!(!is_known(cookie + beside, 0) && !is_known(cookie - beside, 0), "{beside}");
            }
            assert!(!KEY.is_cookie(cookie, local(), self::remote(40_001), sent));
        }
    }

    /// Of 100,000 numbers each bit is as often set as not, and as often another than before as the same. Hardly a difference
    /// between two numbers in a row comes twice.
    #[test]
    fn isn_is_not_predicted() {
        let peers = (0..100_000_u32).map(|number| {
            let [_, host, high, low] = number.to_be_bytes();
            SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 2 + host), u16::from_be_bytes([high, low]))
        });
        let numbers: std::vec::Vec<u32> = peers.map(|peer| KEY.isn(local(), peer, NOW).number()).collect();
        for bit in 0..32 {
            let is_set = |number: &u32| number & 1 << bit != 0;
            let set = numbers.iter().filter(|number| is_set(number)).count();
            // Six standard deviations of 100,000 fair coins.
            assert!(set.abs_diff(50_000) < 950, "bit {bit} is set {set} times");
            let turns = numbers.windows(2).filter(|pair| is_set(&pair[0]) != is_set(&pair[1])).count();
            assert!(turns.abs_diff(50_000) < 950, "bit {bit} turns {turns} times");
        }
        let steps: BTreeSet<_> = numbers.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        assert!(steps.len() > 99_980, "{} different steps", steps.len());
    }

    #[test]
    fn every_part_of_the_four_tuple_and_the_key_count() {
        let base = KEY.isn(local(), remote(1), NOW);
        let other_key = IsnKey::new(*b"0123456789abcdeg");
        let other_local = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 9), 3_000);
        let other_port = SocketAddrV4::new(*local().ip(), 80);
        let other_remote = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 3), 1);
        for (what, isn) in [
            ("key", other_key.isn(local(), remote(1), NOW)),
            ("local address", KEY.isn(other_local, remote(1), NOW)),
            ("local port", KEY.isn(other_port, remote(1), NOW)),
            ("remote address", KEY.isn(local(), other_remote, NOW)),
            ("remote port", KEY.isn(local(), remote(2), NOW)),
        ] {
            assert_ne!(isn, base, "{what}");
        }
    }

    #[test]
    fn a_port_is_ephemeral_depends_on_the_peer_and_differs_with_each_attempt() {
        let ports: BTreeSet<_> = (0..PORTS).map(|attempt| KEY.port(local(), remote(6_379), attempt)).collect();
        assert_eq!((ports.len(), ports.first(), ports.last()), (PORTS.into(), Some(&PORT_FIRST), Some(&u16::MAX)));
        let others: BTreeSet<_> = (1..100).map(|port| KEY.port(local(), remote(port), 0)).collect();
        assert!(others.len() > 90);
        let other_local_port = SocketAddrV4::new(*local().ip(), 1);
        assert_eq!(KEY.port(local(), remote(1), 0), KEY.port(other_local_port, remote(1), 0));
    }
}
