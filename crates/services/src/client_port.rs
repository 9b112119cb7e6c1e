//! The ports of those who ask: at random, so that nobody who can't hear the question can answer it (RFC 6056, RFC 5452).

use core::net::{Ipv4Addr, SocketAddr};

use edge_nal::UdpBind;

use crate::limits::{CLIENT_PORT_FIRST, CLIENT_PORT_TRIES};

/// Binds a socket to a port that `random` draws. `random` fills bytes, which nobody can guess.
///
/// # Errors
/// That of the last try, if [`CLIENT_PORT_TRIES`] ports can't be bound.
pub(crate) async fn bind<'a, U: UdpBind>(udp: &'a U, random: &impl Fn(&mut [u8])) -> Result<U::Socket<'a>, U::Error> {
    let mut tries = 1;
    loop {
        let local = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port(random));
        match udp.bind(local).await {
            Err(_) if tries < CLIENT_PORT_TRIES => tries += 1,
            bound => return bound,
        }
    }
}

fn port(random: &impl Fn(&mut [u8])) -> u16 {
    let mut bytes = [0; 4];
    random(&mut bytes);
    let ports = u64::from(u16::MAX - CLIENT_PORT_FIRST) + 1;
    CLIENT_PORT_FIRST + ((u64::from(u32::from_le_bytes(bytes)) * ports) >> 32) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ports_behind_those_of_the_services_are_drawn() {
        let drawn = |number: u32| port(&|bytes: &mut [u8]| bytes.copy_from_slice(&number.to_le_bytes()));
        assert_eq!((drawn(0), drawn(u32::MAX)), (CLIENT_PORT_FIRST, u16::MAX));
        assert_eq!(drawn(u32::MAX / 2), CLIENT_PORT_FIRST + (u16::MAX - CLIENT_PORT_FIRST) / 2);
    }
}
