//! Which addresses are lent.

use core::net::Ipv4Addr;

use crate::limits::POOL_LEN_MAX;

/// The addresses that are lent in a network: the last [`POOL_LEN_MAX`] of its hosts, without the device's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    first: u32,
    /// 0 if the network has no room for a client.
    len: u32,
    /// The device's own address, which is among them or is not.
    own: u32,
    mask: u32,
}

impl Pool {
    /// The pool of the network of `prefix_len` bits in which the device is `address`. A network of 31 bits or more has
    /// none.
    pub const fn new(address: Ipv4Addr, prefix_len: u8) -> Self {
        let own = address.to_bits();
        let mask = if prefix_len == 0 { 0 } else { u32::MAX << (32 - if prefix_len > 32 { 32 } else { prefix_len }) };
        // Between the network's own address and that of all of its hosts.
        let hosts = (!mask).saturating_sub(1);
        let len = if hosts > POOL_LEN_MAX { POOL_LEN_MAX } else { hosts };
        Self { first: (own | !mask) - len, len, own, mask }
    }

    /// The network's mask.
    pub const fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.mask)
    }

    /// Whether the address is lent.
    pub const fn contains(&self, address: Ipv4Addr) -> bool {
        let address = address.to_bits();
        address >= self.first && address - self.first < self.len && address != self.own
    }

    /// All addresses, beginning with that which `start` leads to.
    pub fn starting_at(self, start: u32) -> impl Iterator<Item = Ipv4Addr> {
        let all =
            (0..self.len).map(move |index| Ipv4Addr::from_bits(self.first + (start % self.len + index) % self.len));
        all.filter(move |address| self.contains(*address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(address: [u8; 4], prefix_len: u8) -> std::vec::Vec<Ipv4Addr> {
        Pool::new(address.into(), prefix_len).starting_at(0).collect()
    }

    /// Issue 13, number 6.
    #[test]
    fn the_pool_is_within_the_network_and_without_the_device_for_every_prefix() {
        for prefix_len in 0..=32 {
            let mask = Pool::new(Ipv4Addr::UNSPECIFIED, prefix_len).mask().to_bits();
            for own in [[192, 168, 1, 60], [10, 0, 0, 1], [10, 255, 255, 254], [172, 16, 5, 129], [192, 168, 1, 254]] {
                let own = Ipv4Addr::from(own);
                let pool = Pool::new(own, prefix_len);
                let lent: std::vec::Vec<_> = pool.starting_at(7).collect();
                for address in &lent {
                    let bits = address.to_bits();
                    assert_eq!(bits & mask, own.to_bits() & mask, "{address} is not in {own}/{prefix_len}");
                    assert!(bits & !mask != 0 && bits & !mask != !mask, "{address} is no host of {own}/{prefix_len}");
                    assert!(*address != own && pool.contains(*address));
                }
                assert!(lent.len() <= POOL_LEN_MAX as usize);
                assert_eq!(lent.is_empty(), prefix_len > 30, "{own}/{prefix_len}");
                let mut sorted = lent.clone();
                sorted.sort();
                sorted.dedup();
                assert_eq!(sorted.len(), lent.len(), "each once");
            }
        }
    }

    #[test]
    fn small_networks_lend_all_that_they_have() {
        assert_eq!(all([10, 0, 0, 1], 30), [Ipv4Addr::new(10, 0, 0, 2)]);
        assert_eq!(all([10, 0, 0, 2], 30), [Ipv4Addr::new(10, 0, 0, 1)]);
        assert_eq!(all([192, 168, 1, 1], 24).len(), POOL_LEN_MAX as usize);
        assert_eq!(all([192, 168, 1, 1], 24).last(), Some(&Ipv4Addr::new(192, 168, 1, 254)));
        assert_eq!(all([192, 168, 1, 100], 24).len(), POOL_LEN_MAX as usize - 1);
    }
}
