//! Addresses as text.

use core::fmt::{self, Display, Formatter};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// An address as text, without padding; IPv6 as in RFC 5952.
///
/// The text is the one of the address's own `Display`, whose code pads too and makes an image 2.4 KB larger.
pub struct AddressText<A>(pub A);

impl Display for AddressText<Ipv4Addr> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0.octets();
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

impl Display for AddressText<Ipv6Addr> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(mapped) = self.0.to_ipv4_mapped() {
            return write!(f, "::ffff:{}", AddressText(mapped));
        }
        let groups = self.0.segments();
        let (start, end) = longest_zeros(&groups);
        for (index, group) in groups.iter().enumerate() {
            if index == start {
                f.write_str("::")?;
            }
            if (start..end).contains(&index) {
                continue;
            }
            if index > 0 && index != end {
                f.write_str(":")?;
            }
            write!(f, "{group:x}")?;
        }
        Ok(())
    }
}

/// The first of the longest runs of zeros (RFC 5952 section 4.2): the index where the run begins, and the index behind
/// its end. The number of groups, twice, stands for no run of two zeros or more.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let none = (groups.len(), groups.len());
    let (mut longest, mut longest_len, mut start) = (none, 1, 0);
    for (index, group) in groups.iter().enumerate() {
        if *group != 0 {
            start = index + 1;
        } else if index + 1 - start > longest_len {
            (longest, longest_len) = ((start, index + 1), index + 1 - start);
        }
    }
    longest
}

impl Display for AddressText<IpAddr> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => AddressText(address).fmt(f),
            IpAddr::V6(address) => AddressText(address).fmt(f),
        }
    }
}

impl Display for AddressText<SocketAddr> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Numbers of 16 bits would have formatting of their own in the image.
        let port = u32::from(self.0.port());
        match self.0 {
            SocketAddr::V4(address) => write!(f, "{}:{port}", AddressText(*address.ip())),
            SocketAddr::V6(address) => {
                write!(f, "[{}", AddressText(*address.ip()))?;
                if address.scope_id() != 0 {
                    write!(f, "%{}", address.scope_id())?;
                }
                write!(f, "]:{port}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::net::SocketAddrV6;
    use std::string::ToString;

    use super::*;

    fn check(address: IpAddr) {
        assert_eq!(AddressText(address).to_string(), address.to_string());
        for port in [0, 80, 65_535] {
            let socket = SocketAddr::new(address, port);
            assert_eq!(AddressText(socket).to_string(), socket.to_string());
        }
    }

    #[test]
    fn the_text_is_that_of_core() {
        for address in [[0, 0, 0, 0], [192, 168, 1, 1], [10, 0, 200, 255]] {
            check(Ipv4Addr::from(address).into());
            check(Ipv4Addr::from(address).to_ipv6_mapped().into());
            check(Ipv4Addr::from(address).to_ipv6_compatible().into());
        }
        // Zeros in each set of places.
        for zeros in 0..256_u32 {
            for group in [1, 0xa0, 0xffff_u16] {
                let groups: [u16; 8] = core::array::from_fn(|place| if zeros & (1 << place) == 0 { group } else { 0 });
                check(Ipv6Addr::from(groups).into());
            }
        }
        let scoped = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 3_000, 0, 7);
        assert_eq!(AddressText(SocketAddr::V6(scoped)).to_string(), scoped.to_string());
    }
}
