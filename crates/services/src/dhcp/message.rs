//! DHCP's messages (RFC 2131 section 2, RFC 2132).

use core::net::Ipv4Addr;

use crate::limits::DHCP_REPLY_LEN_MIN;

const BOOT_REQUEST: u8 = 1;
const BOOT_REPLY: u8 = 2;
/// Hardware type Ethernet, and the length of its addresses.
const ETHERNET: [u8; 2] = [1, 6];
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Where the options begin, after the cookie.
const OPTIONS_AT: usize = 240;

const PAD: u8 = 0;
const SUBNET_MASK: u8 = 1;
const ROUTER: u8 = 3;
const NAME_SERVER: u8 = 6;
const REQUESTED_ADDRESS: u8 = 50;
const LEASE_TIME: u8 = 51;
const MESSAGE_TYPE: u8 = 53;
const SERVER_IDENTIFIER: u8 = 54;
const CAPTIVE_PORTAL: u8 = 114;
const END: u8 = 255;

/// The type of a client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    Discover,
    Request,
    Decline,
    Release,
    Inform,
}

/// The type of the server's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Reply {
    Offer = 2,
    Ack = 5,
    Nak = 6,
}

/// The client, and the fields of its message that an answer must repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Client {
    /// `chaddr`.
    pub(super) mac: [u8; 6],
    pub(super) xid: [u8; 4],
    pub(super) flags: [u8; 2],
}

/// A client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) question: Question,
    pub(super) client: Client,
    /// `ciaddr`: the client's address if it has one and answers ARP for it, else 0.0.0.0.
    pub(super) current: Ipv4Addr,
    /// The options "requested IP address" and "server identifier"; None if the message has none.
    pub(super) requested: Option<Ipv4Addr>,
    pub(super) server: Option<Ipv4Addr>,
}

impl Request {
    /// Reads a message. None if the message is not that of a client on Ethernet, or came through a relay: all clients
    /// are on the device's own link.
    pub(super) fn parse(message: &[u8]) -> Option<Self> {
        let (head, options) = message.split_at_checked(OPTIONS_AT)?;
        let is_request = head[0] == BOOT_REQUEST && head[1..3] == ETHERNET && head[236..] == COOKIE;
        if !is_request || address(&head[24..28])? != Ipv4Addr::UNSPECIFIED {
            return None;
        }
        let question = match *option(options, MESSAGE_TYPE)? {
            [1] => Question::Discover,
            [3] => Question::Request,
            [4] => Question::Decline,
            [7] => Question::Release,
            [8] => Question::Inform,
            _ => return None,
        };
        Some(Self {
            question,
            client: Client {
                mac: *head[28..].first_chunk()?,
                xid: *head[4..].first_chunk()?,
                flags: *head[10..].first_chunk()?,
            },
            current: address(&head[12..16])?,
            requested: option(options, REQUESTED_ADDRESS).and_then(address),
            server: option(options, SERVER_IDENTIFIER).and_then(address),
        })
    }
}

fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

/// The value of the first option with this code. The bytes after an option that is cut off are no option.
fn option(mut options: &[u8], code: u8) -> Option<&[u8]> {
    loop {
        match *options {
            [] | [END, ..] => return None,
            [PAD, ref rest @ ..] => options = rest,
            [found, len, ref rest @ ..] => {
                let (value, rest) = rest.split_at_checked(len.into())?;
                if found == code {
                    return Some(value);
                }
                options = rest;
            }
            [_] => return None,
        }
    }
}

/// The network in answers to clients.
pub(super) struct Network<'a> {
    /// The device: server, router and name server.
    pub(super) device: Ipv4Addr,
    pub(super) mask: Ipv4Addr,
    pub(super) url: &'a str,
}

/// The address and the lease in an answer.
pub(super) struct Given {
    /// `yiaddr`; 0.0.0.0 if it gives no address.
    pub(super) address: Ipv4Addr,
    /// `ciaddr`, as the client said it.
    pub(super) current: Ipv4Addr,
    /// How long the address is lent, seconds; None if it is not.
    pub(super) lease_s: Option<u32>,
}

/// Writes an answer and returns its length. A NAK has none of the network's options (RFC 2131 table 3).
///
/// `buffer` has room for the longest, [`DHCP_REPLY_LEN_MAX`](crate::limits::DHCP_REPLY_LEN_MAX).
pub(super) fn write(
    buffer: &mut [u8],
    reply: Reply,
    client: &Client,
    given: &Given,
    network: &Network<'_>,
) -> Option<usize> {
    buffer.fill(0);
    let (head, mut options) = buffer.split_at_mut_checked(OPTIONS_AT)?;
    head[0] = BOOT_REPLY;
    head[1..3].copy_from_slice(&ETHERNET);
    head[4..8].copy_from_slice(&client.xid);
    head[10..12].copy_from_slice(&client.flags);
    head[12..16].copy_from_slice(&given.current.octets());
    head[16..20].copy_from_slice(&given.address.octets());
    head[28..34].copy_from_slice(&client.mac);
    head[236..].copy_from_slice(&COOKIE);
    let room = options.len();
    let mut put = |code: u8, value: &[u8]| -> Option<()> {
        let (place, rest) = core::mem::take(&mut options).split_at_mut_checked(2 + value.len())?;
        (place[0], place[1]) = (code, u8::try_from(value.len()).ok()?);
        place[2..].copy_from_slice(value);
        options = rest;
        Some(())
    };
    put(MESSAGE_TYPE, &[reply as u8])?;
    put(SERVER_IDENTIFIER, &network.device.octets())?;
    if let Some(lease_s) = given.lease_s {
        put(LEASE_TIME, &lease_s.to_be_bytes())?;
    }
    if reply != Reply::Nak {
        put(SUBNET_MASK, &network.mask.octets())?;
        put(ROUTER, &network.device.octets())?;
        put(NAME_SERVER, &network.device.octets())?;
        put(CAPTIVE_PORTAL, network.url.as_bytes())?;
    }
    *options.first_mut()? = END;
    let len = OPTIONS_AT + room - options.len() + 1;
    // Relays and old clients drop what is shorter than a message of BOOTP (RFC 951 section 3).
    Some(len.max(DHCP_REPLY_LEN_MIN))
}
