//! The transfers of a run.

use std::net::Ipv4Addr;

use crate::content::Content;

/// One end of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Device,
    Linux,
}

impl End {
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Linux => "Linux",
        }
    }
}

/// The losses, in 1,000 frames of each direction.
pub const LOSSES: [u16; 4] = [0, 10, 50, 150];
/// MTU of the device and of Linux.
const MTUS: [(usize, usize); 7] =
    [(1500, 1500), (576, 1500), (1500, 576), (1280, 1280), (576, 576), (1006, 1492), (1400, 1500)];
/// Bytes that the device buffers, each way: as the boards do, and some segments.
pub const BUFFERS: [usize; 2] = [1_024, 4_096];
/// Ways that the loss, who sends, and who opens can be combined.
pub const COMBINATIONS: usize = 16;

/// Bytes of each transfer of a short run, by the loss: retransmission takes time, however fast the machine is.
const SHORT_LENS: [u64; LOSSES.len()] = [500_000, 300_000, 120_000, 30_000];
/// Connections of a transfer that may be given up, by the loss, for each 10 MB that were begun. A side that was not
/// heard for 25 s gives up, and then five transmissions in a row may be lost.
const GIVEN_UP_MAX: [u32; LOSSES.len()] = [0, 0, 2, 60];
const GIVEN_UP_LEN: u64 = 10_000_000;

/// A transfer.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its number, from 0.
    pub number: usize,
    /// An index of [`LOSSES`].
    pub loss: usize,
    pub sender: End,
    pub opener: End,
    pub device_mtu: usize,
    pub linux_mtu: usize,
    pub buffer_len: usize,
    pub content: Content,
}

impl Plan {
    /// The transfer of this number, in a run from `seed` on. `len` is its bytes; None for those of a short run.
    pub fn new(number: usize, seed: u64, len: Option<u64>) -> Self {
        let ends = |bit: usize| if (number / LOSSES.len()) & bit == 0 { End::Linux } else { End::Device };
        let round = number / COMBINATIONS;
        let (device_mtu, linux_mtu) = MTUS[(number / LOSSES.len() + round) % MTUS.len()];
        let loss = number % LOSSES.len();
        Self {
            number,
            loss,
            sender: ends(1),
            opener: ends(2),
            device_mtu,
            linux_mtu,
            buffer_len: BUFFERS[(number / LOSSES.len() / 2 + loss + round) % BUFFERS.len()],
            content: Content { seed: seed + number as u64, len: len.unwrap_or(SHORT_LENS[loss]) },
        }
    }

    /// Frames of 1,000 that are lost in each direction.
    pub fn lost(&self) -> u16 {
        LOSSES[self.loss]
    }

    /// How many connections may be given up.
    pub fn given_up_max(&self) -> u32 {
        GIVEN_UP_MAX[self.loss] * self.content.len.div_ceil(GIVEN_UP_LEN) as u32
    }

    /// The name of its tap device. Each stack has one of its own.
    pub fn tap(&self, stack: usize) -> String {
        tap(self.index(stack))
    }

    /// Linux's address, and the device's.
    pub fn addresses(&self, stack: usize) -> (Ipv4Addr, Ipv4Addr) {
        addresses(self.index(stack))
    }

    fn index(&self, stack: usize) -> usize {
        self.number * STACKS_MAX + stack
    }

    pub fn describe(&self) -> String {
        let receiver = if self.sender == End::Device { End::Linux } else { End::Device };
        format!(
            "{:>2} % lost, {:>6} to {:<6}, {:>6} opens, MTU {:>4} and {:>4}, buffers of {}",
            self.lost() / 10,
            self.sender.name(),
            receiver.name(),
            self.opener.name(),
            self.device_mtu,
            self.linux_mtu,
            self.buffer_len,
        )
    }
}

/// Length of a network's prefix.
pub const PREFIX_LEN: u8 = 24;
/// Stacks that a transfer can be made with.
pub const STACKS_MAX: usize = 2;

fn tap(index: usize) -> String {
    format!("wire{index}")
}

fn addresses(index: usize) -> (Ipv4Addr, Ipv4Addr) {
    let [.., high, low] = (index as u32).to_be_bytes();
    (Ipv4Addr::new(10, high + 1, low, 2), Ipv4Addr::new(10, high + 1, low, 15))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_short_run_has_every_combination_and_both_buffers_of_each_loss_and_direction() {
        let plans: Vec<_> = (0..COMBINATIONS).map(|number| Plan::new(number, 0, None)).collect();
        let kinds: BTreeSet<_> = plans.iter().map(|plan| (plan.loss, plan.sender as u8, plan.opener as u8)).collect();
        assert_eq!(kinds.len(), COMBINATIONS);
        let buffers: BTreeSet<_> = plans.iter().map(|plan| (plan.loss, plan.sender as u8, plan.buffer_len)).collect();
        assert_eq!(buffers.len(), COMBINATIONS);
    }

    #[test]
    fn a_long_run_has_every_mtu_for_each_loss() {
        let plans: Vec<_> = (0..100).map(|number| Plan::new(number, 0, Some(10))).collect();
        let kinds: BTreeSet<_> = plans.iter().map(|plan| (plan.loss, plan.device_mtu, plan.linux_mtu)).collect();
        assert_eq!(kinds.len(), LOSSES.len() * MTUS.len());
        assert!(plans.iter().all(|plan| plan.content.len == 10));
    }

    #[test]
    fn no_two_transfers_share_a_network() {
        let networks: BTreeSet<_> = (0..1_000).map(addresses).collect();
        assert_eq!(networks.len(), 1_000);
        assert_eq!(addresses(256 + 7).0, Ipv4Addr::new(10, 2, 7, 2));
    }
}
