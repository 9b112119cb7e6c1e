//! The credentials of a network: name, password, addresses.

use core::fmt;
use core::net::Ipv4Addr;

use heapless::String;
use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};

use crate::cbor_text;
use crate::limits::{PASSWORD_LEN_MAX, PASSWORD_LEN_MIN, SSID_LEN_MAX};

/// A network's name (IEEE 802.11, 9.4.2.2): UTF-8 without control characters, which is what people can type.
pub type Ssid = String<SSID_LEN_MAX, u8>;

/// A password or passphrase. `Debug` doesn't show it, so that none gets into a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String<PASSWORD_LEN_MAX, u8>);

/// The errors of a network's name, password or addresses. `Display` describes the permitted values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidNetwork {
    /// No name, more than [`SSID_LEN_MAX`] bytes, control characters, or not UTF-8.
    Ssid,
    /// Neither 8 to 63 printable ASCII characters nor 64 hexadecimal digits (IEEE 802.11, J.4.1).
    Password,
    /// No address that a host can have in a network of this size.
    Ip,
    /// A gateway outside of the network, or the address itself.
    Gateway,
}

impl fmt::Display for InvalidNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssid => "a network's name has 1 to 32 bytes of UTF-8, and no control characters",
            Self::Password => {
                "a password has 8 to 63 printable ASCII characters, or 64 hexadecimal digits; an open network's is empty"
            }
            Self::Ip => "an address is 'dhcp', or one of a host with its prefix length, such as 192.168.1.7/24",
            Self::Gateway => "a gateway is another host's address in the same network, or empty",
        })
    }
}

impl core::error::Error for InvalidNetwork {}

impl Secret {
    /// The secret of an open network.
    pub const EMPTY: Self = Self(String::new());

    /// A secret that a network takes; the empty one is for an open network.
    ///
    /// # Errors
    /// [`InvalidNetwork::Password`].
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidNetwork> {
        let is_passphrase = (PASSWORD_LEN_MIN..PASSWORD_LEN_MAX).contains(&bytes.len())
            && bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
        let is_key = bytes.len() == PASSWORD_LEN_MAX && bytes.iter().all(u8::is_ascii_hexdigit);
        if !(bytes.is_empty() || is_passphrase || is_key) {
            return Err(InvalidNetwork::Password);
        }
        let text = core::str::from_utf8(bytes).ok().and_then(|text| String::try_from(text).ok());
        text.map(Self).ok_or(InvalidNetwork::Password)
    }

    /// For the radio, and nobody else.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is none: the network is open.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "(secret)" })
    }
}

impl<C> Encode<C> for Secret {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        e.str(&self.0)?;
        Ok(())
    }
}

impl<'b, C> Decode<'b, C> for Secret {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        Self::new(d.str()?.as_bytes()).map_err(|_| DecodeError::message("no secret of a network"))
    }
}

/// How the device gets its address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub enum Ip {
    /// The network's router gives it (RFC 2131).
    #[default]
    #[n(0)]
    Dhcp,
    /// The address was configured.
    #[n(1)]
    Static(#[n(0)] StaticIp),
}

/// An address that was configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StaticIp {
    /// The device's address.
    #[n(0)]
    pub address: Ipv4Addr,
    /// Length of the network's prefix, 1 to 30.
    #[n(1)]
    pub prefix_len: u8,
    /// The router to other networks, if there is one.
    #[n(2)]
    pub gateway: Option<Ipv4Addr>,
}

impl StaticIp {
    /// An address such as `192.168.1.7/24`, without a gateway.
    ///
    /// # Errors
    /// [`InvalidNetwork::Ip`].
    pub fn parse(text: &[u8]) -> Result<Self, InvalidNetwork> {
        let parse = || {
            let (address, prefix_len) = core::str::from_utf8(text).ok()?.split_once('/')?;
            let ip = Self { address: address.parse().ok()?, prefix_len: prefix_len.parse().ok()?, gateway: None };
            ip.is_host(ip.address).then_some(ip)
        };
        parse().ok_or(InvalidNetwork::Ip)
    }

    /// The same with this gateway; the empty text is for none.
    ///
    /// # Errors
    /// [`InvalidNetwork::Gateway`].
    pub fn with_gateway(self, text: &[u8]) -> Result<Self, InvalidNetwork> {
        if text.is_empty() {
            return Ok(Self { gateway: None, ..self });
        }
        let gateway = core::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let gateway = gateway.filter(|gateway| self.is_host(*gateway) && *gateway != self.address);
        gateway.map(|gateway| Self { gateway: Some(gateway), ..self }).ok_or(InvalidNetwork::Gateway)
    }

    /// Whether a host of this network can have the address. The network's own address, its broadcast address and
    /// special addresses (RFC 1122 section 3.2.1.3) are none.
    fn is_host(self, address: Ipv4Addr) -> bool {
        let is_plain = !(address.is_loopback() || address.is_multicast() || address.octets()[0] == 0);
        let Some(mask) = (1..=30).contains(&self.prefix_len).then(|| u32::MAX << (32 - self.prefix_len)) else {
            return false;
        };
        let host = address.to_bits() & !mask;
        is_plain && host != 0 && host != !mask && address.to_bits() & mask == self.address.to_bits() & mask
    }
}

/// A network that the device can join.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Network {
    /// Its name.
    #[cbor(n(0), with = "cbor_text")]
    pub ssid: Ssid,
    /// Its password; empty if it is open.
    #[cbor(n(1), default)]
    pub password: Secret,
    /// How the device gets its address there.
    #[cbor(n(2), default)]
    pub ip: Ip,
}

impl Network {
    /// Memory for a network, all zero. [`Ip::Dhcp`] is not zero.
    pub const ZERO: Self = Self {
        ssid: Ssid::new(),
        password: Secret::EMPTY,
        ip: Ip::Static(StaticIp { address: Ipv4Addr::UNSPECIFIED, prefix_len: 0, gateway: None }),
    };

    /// The network of this name, open and with DHCP.
    ///
    /// # Errors
    /// [`InvalidNetwork::Ssid`].
    pub fn new(ssid: &[u8]) -> Result<Self, InvalidNetwork> {
        let text = core::str::from_utf8(ssid).ok().filter(|text| !text.is_empty() && !text.contains(char::is_control));
        let ssid = text.and_then(|text| String::try_from(text).ok()).ok_or(InvalidNetwork::Ssid)?;
        Ok(Self { ssid, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn names_are_what_people_can_type() {
        for name in ["a", "Zuhause 2.4 GHz", "Café", "12345678901234567890123456789012"] {
            assert_eq!(Network::new(name.as_bytes()).unwrap().ssid, name);
        }
        for name in [&b""[..], b"123456789012345678901234567890123", b"a\nb", b"\0", b"\xff"] {
            assert_eq!(Network::new(name), Err(InvalidNetwork::Ssid), "{name:?}");
        }
    }

    #[test]
    fn passwords_are_those_of_wpa2() {
        let key = "0123456789abcdefABCDEF0123456789abcdefABCDEF01234567890123456789";
        for password in ["", "12345678", "correct horse", &key[..63], key] {
            assert_eq!(Secret::new(password.as_bytes()).unwrap().as_str(), password);
        }
        let long = "x".repeat(64);
        for password in ["1234567", "with\ttab", "pässword", &long, &format!("{key}0")] {
            assert_eq!(Secret::new(password.as_bytes()), Err(InvalidNetwork::Password), "{password}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        let network = Network { password: Secret::new(b"correct horse").unwrap(), ..Network::new(b"home").unwrap() };
        let shown = format!("{network:?}");
        assert!(shown.contains("home") && shown.contains("(secret)") && !shown.contains("horse"), "{shown}");
    }

    #[test]
    fn addresses_are_those_of_hosts() {
        let ip = StaticIp::parse(b"192.168.1.7/24").unwrap();
        assert_eq!(ip, StaticIp { address: [192, 168, 1, 7].into(), prefix_len: 24, gateway: None });
        for text in [
            "",
            "dhcp",
            "10.0.0.1",
            "10.0.0.1/",
            "10.0.0.1/0",
            "10.0.0.1/31",
            "10.0.0.1/33",
            "10.0.0.0/24",
            "10.0.0.255/24",
            "0.0.0.1/8",
            "127.0.0.1/8",
            "224.0.0.5/24",
            "10.0.0.1/24 ",
            "10.0.0.256/24",
            "::1/24",
        ] {
            assert_eq!(StaticIp::parse(text.as_bytes()), Err(InvalidNetwork::Ip), "{text}");
        }
    }

    #[test]
    fn a_gateway_is_another_host_of_the_network() {
        let ip = StaticIp::parse(b"10.1.0.7/16").unwrap();
        assert_eq!(ip.with_gateway(b"10.1.255.1").unwrap().gateway, Some([10, 1, 255, 1].into()));
        assert_eq!(ip.with_gateway(b"").unwrap().gateway, None);
        for text in ["10.2.0.1", "10.1.0.7", "10.1.0.0", "10.1.255.255", "router", "127.0.0.1"] {
            assert_eq!(ip.with_gateway(text.as_bytes()), Err(InvalidNetwork::Gateway), "{text}");
        }
    }
}
