//! Every name is the device: what brings a phone to the page (DNS: RFC 1035).
//!
//! Written by hand: edge-captive 0.8 answers responses, and answers what it does not implement with a question.

use core::net::{Ipv4Addr, SocketAddr};

use edge_nal::UdpBind;
use embassy_time::Instant;

use crate::Buffers;
use crate::dns::{A, IN, Message, PORT, Writer};
use crate::limits::{DNS_HEADER_LEN, DNS_MESSAGE_LEN_MAX, DNS_TTL_S, QUEUED};
use crate::service::{Answer, Place, Service, serve as serve_messages};

/// The memory of the server's socket.
pub type CaptiveBuffers = Buffers<{ QUEUED * DNS_MESSAGE_LEN_MAX }, DNS_MESSAGE_LEN_MAX, QUEUED>;

/// Header bits: a response, an authoritative one; the opcode; recursion desired, and available.
const RESPONSE: u8 = 0x80;
const AUTHORITATIVE: u8 = 0x04;
const OPCODE: u8 = 0x78;
const RECURSION_DESIRED: u8 = 0x01;
const RECURSION_AVAILABLE: u8 = 0x80;
/// Response codes.
const NO_ERROR: u8 = 0;
const FORMAT_ERROR: u8 = 1;
const NOT_IMPLEMENTED: u8 = 4;
/// The name of the question, as a pointer to it.
const NAME_OF_QUESTION: u16 = 0xc000 | DNS_HEADER_LEN as u16;

/// Answers every question for an IPv4 address with `address`, and all others with nothing.
///
/// Takes one socket of `udp`, on port 53, and about 1 KB.
pub async fn serve<U: UdpBind>(udp: &U, address: Ipv4Addr) -> ! {
    let (mut tx, mut rx) = ([0; DNS_MESSAGE_LEN_MAX], [0; DNS_MESSAGE_LEN_MAX]);
    let place = Place { name: "DNS", port: PORT, group: None };
    serve_messages(udp, &place, &mut rx, &mut tx, &mut NameServer(address)).await
}

/// The server, which has one address to give.
struct NameServer(Ipv4Addr);

impl Service for NameServer {
    fn receive(&mut self, _now: Instant, peer: SocketAddr, message: &[u8], reply: &mut [u8]) -> Answer {
        answer(self.0, message, reply).map(|len| (len, peer))
    }
}

/// The length of the answer; None if there is none.
fn answer(address: Ipv4Addr, bytes: &[u8], reply: &mut [u8]) -> Option<usize> {
    let message = Message::new(bytes)?;
    if message.is_response() {
        return None;
    }
    let mut question = None;
    let code = match (message.opcode(), message.counts()[0]) {
        // RFC 9619: a query has one question.
        (0, 1) => {
            let mut reader = message.reader();
            question = reader.question().and_then(|asked| Some((asked, bytes.get(DNS_HEADER_LEN..reader.at)?)));
            if question.is_some() { NO_ERROR } else { FORMAT_ERROR }
        }
        (0, _) => FORMAT_ERROR,
        _ => NOT_IMPLEMENTED,
    };
    let is_address = question.is_some_and(|(question, _)| (question.kind, question.class) == (A, IN));
    let mut writer = Writer::new(reply);
    writer.put(bytes.get(..2)?)?;
    let desired = bytes[2] & RECURSION_DESIRED;
    let authoritative = if code == NO_ERROR { AUTHORITATIVE } else { 0 };
    writer.put(&[RESPONSE | bytes[2] & OPCODE | authoritative | desired, RECURSION_AVAILABLE | code])?;
    for count in [question.is_some(), is_address, false, false] {
        writer.word(count.into())?;
    }
    if let Some((_, bytes)) = question {
        writer.put(bytes)?;
    }
    if is_address {
        writer.word(NAME_OF_QUESTION)?;
        writer.word(A)?;
        writer.word(IN)?;
        writer.put(&DNS_TTL_S.to_be_bytes())?;
        writer.word(4)?;
        writer.put(&address.octets())?;
    }
    Some(writer.len)
}
