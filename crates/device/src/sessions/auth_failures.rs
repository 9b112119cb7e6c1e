//! Wrong tokens, and what guessing costs.
//!
//! A wrong token delays the address that it came from, and no other. So a client that guesses is slowed down, and the
//! owner at another address is not. A client with the owner's address (behind one NAT router) can delay the owner there
//! while it guesses. One such delay is at most the longest of [`AUTH_PAUSES`]. The device's access point gives each
//! client an address of its own. The same address in the network that the device has joined is another host's.
//!
//! While an address is delayed, no token from it is checked, right or wrong: an answer would let the client guess on.

use core::net::IpAddr;

use heapless::Vec;
use sockeye_backoff::Backoff;

use crate::limits::{AUTH_ADDRESSES_MAX, AUTH_FREE_FAILURES, AUTH_PAUSES};
use crate::sessions::session::ClientOrigin;

/// A host's address, and the network in which the address is the host's: two networks may use the same addresses.
pub(crate) type Host = (IpAddr, ClientOrigin);

/// The hosts that sent wrong tokens.
#[derive(Debug)]
pub(crate) struct Failures {
    hosts: Vec<Failed, AUTH_ADDRESSES_MAX>,
}

#[derive(Debug)]
struct Failed {
    host: Host,
    failures: u8,
    /// Of the failures beyond those that are free.
    backoff: Backoff,
    /// No token is looked at before, in milliseconds since boot.
    until_ms: u64,
}

impl Failures {
    /// Nobody has sent one.
    pub(crate) const fn new() -> Self {
        Self { hosts: Vec::new() }
    }

    /// How long the host has to wait until its next token is looked at, milliseconds; 0 if it may send one.
    pub(crate) fn wait_ms(&self, host: Host, now_ms: u64) -> u64 {
        let failed = self.hosts.iter().find(|failed| failed.host == host);
        failed.map_or(0, |failed| failed.until_ms.saturating_sub(now_ms))
    }

    /// A wrong token came.
    pub(crate) fn fail(&mut self, host: Host, now_ms: u64) {
        // A host without a wrong token for the longest pause after its last wait is forgotten.
        self.hosts.retain(|failed| now_ms < failed.until_ms.saturating_add(AUTH_PAUSES.longest_ms.into()));
        let known = self.hosts.iter_mut().find(|failed| failed.host == host);
        match known {
            Some(failed) => failed.again(now_ms),
            None => self.remember(Failed { host, failures: 1, backoff: Backoff::new(), until_ms: now_ms }),
        }
    }

    /// The right token came.
    pub(crate) fn forget(&mut self, host: Host) {
        self.hosts.retain(|failed| failed.host != host);
    }

    fn remember(&mut self, failed: Failed) {
        if self.hosts.is_full() {
            let first = self.hosts.iter().enumerate().min_by_key(|(_, failed)| failed.until_ms);
            if let Some((index, _)) = first {
                self.hosts.swap_remove(index);
            }
        }
        // There is room now.
        let _ = self.hosts.push(failed);
    }
}

impl Failed {
    fn again(&mut self, now_ms: u64) {
        self.failures = self.failures.saturating_add(1);
        let is_free = self.failures <= AUTH_FREE_FAILURES;
        let wait_ms = if is_free { 0 } else { self.backoff.next_ms(&AUTH_PAUSES, 0) };
        self.until_ms = now_ms.saturating_add(wait_ms.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(last: u8) -> Host {
        ([192, 168, 1, last].into(), ClientOrigin::Station)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut failures = Failures::new();
        let mut now_ms = 5;
        let mut waits = std::vec::Vec::new();
        for _ in 0..12 {
            failures.fail(host(1), now_ms);
            let wait_ms = failures.wait_ms(host(1), now_ms);
            waits.push(wait_ms / 1_000);
            now_ms += wait_ms;
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn only_the_address_that_fails_waits() {
        let mut failures = Failures::new();
        for _ in 0..10 {
            failures.fail(host(1), 0);
        }
        assert!(failures.wait_ms(host(1), 0) > 0);
        assert_eq!(failures.wait_ms(host(2), 0), 0);
        // The access point and the network of a router may have the same addresses.
        assert_eq!(failures.wait_ms((host(1).0, ClientOrigin::AccessPoint), 0), 0);
        failures.forget(host(1));
        assert_eq!(failures.wait_ms(host(1), 0), 0);
    }

    #[test]
    fn more_addresses_than_are_remembered_replace_those_that_wait_least() {
        let mut failures = Failures::new();
        for _ in 0..10 {
            failures.fail(host(0), 0);
        }
        for last in 1..=100 {
            failures.fail(host(last), 0);
        }
        assert!(failures.wait_ms(host(0), 0) > 0);
        assert!(failures.hosts.len() <= AUTH_ADDRESSES_MAX);
    }

    #[test]
    fn a_fault_is_forgotten_after_a_while() {
        let mut failures = Failures::new();
        for _ in 0..4 {
            failures.fail(host(1), 0);
        }
        failures.fail(host(1), 2 * u64::from(AUTH_PAUSES.longest_ms));
        assert_eq!(failures.wait_ms(host(1), 2 * u64::from(AUTH_PAUSES.longest_ms)), 0);
    }
}
