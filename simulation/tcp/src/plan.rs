//! The plan of a run, made from its seed.

use fastrand::Rng;

use crate::wire::Side;
use crate::{Micros, SECOND};

/// A link: it treats both directions alike.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Percent of the packets that are lost, doubled, and damaged in one bit.
    pub loss: u8,
    pub double: u8,
    pub damage: u8,
    /// Every packet takes `delay` and up to `jitter` more, so that jitter reorders.
    pub delay: Micros,
    pub jitter: Micros,
}

/// From this loss on any connection may be given up: retransmissions back off beyond the 25 s that a host waits.
pub const HEAVY_LOSS: u8 = 15;

/// The steps of one application.
#[derive(Debug, Clone)]
pub struct Application {
    pub rx_len: usize,
    pub tx_len: usize,
    /// The bytes that the application writes before it closes.
    pub data: Vec<u8>,
    /// Percent of its reads after which it doesn't read for up to three seconds.
    pub pauses: u8,
}

/// How the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Each side closes when all is written.
    Close,
    /// This side aborts at that time after the start.
    Abort(Side, Micros),
    /// This side loses power at that time after the start.
    Vanish(Side, Micros),
}

/// All that a run is made from.
#[derive(Debug, Clone)]
pub struct Plan {
    pub link: Link,
    pub mtu: usize,
    /// Both sides send a SYN (RFC 9293 section 3.5, figure 7).
    pub simultaneous: bool,
    pub applications: [Application; 2],
    pub ending: Ending,
    /// Seeds of the hosts.
    pub seeds: [u64; 2],
}

fn any<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[rng.usize(..choices.len())]
}

impl Plan {
    /// The same seed makes the same plan.
    pub fn new(rng: &mut Rng) -> Self {
        let link = Link {
            loss: any(rng, &[0, 1, 5, HEAVY_LOSS]),
            double: any(rng, &[0, 2, 10]),
            damage: any(rng, &[0, 0, 1]),
            delay: any(rng, &[100, 5_000, 60_000]),
            jitter: any(rng, &[0, 1_000, 30_000, 300_000]),
        };
        let applications = [&[0, 1, 100, 3_000, 20_000][..], &[0, 1, 500, 5_000]].map(|lens| Application {
            rx_len: any(rng, &[64, 256, 1_024, 1_460, 2_048]),
            tx_len: any(rng, &[64, 256, 1_024, 1_460, 2_048, 4_096]),
            data: (0..any(rng, lens)).map(|_| rng.u8(..)).collect(),
            pauses: any(rng, &[0, 3, 3, 20]),
        });
        let side = any(rng, &Side::BOTH);
        let at = rng.u64(..3 * SECOND);
        let ending = match rng.u8(..20) {
            0 => Ending::Abort(side, at),
            1 => Ending::Vanish(side, at),
            _ => Ending::Close,
        };
        Self {
            link,
            mtu: any(rng, &[576, 1_500]),
            simultaneous: rng.u8(..10) == 0,
            applications,
            ending,
            seeds: [rng.u64(..), rng.u64(..)],
        }
    }
}
