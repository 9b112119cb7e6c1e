//! The neighbours of one network interface: which MAC address has which IPv4 address (RFC 826, RFC 1122 section 2.3.2,
//! RFC 5227 section 2.1.1).
//!
//! smoltcp keeps a datagram at the head of its socket's queue until ARP has an answer, and limits ARP requests for all
//! hosts together. One host that has gone therefore holds up a socket for good, and takes the ARP requests of all
//! others. So ARP is done here, below embassy-net:
//!
//! - embassy-net gets a *stand-in* MAC address for each neighbour at once. A stand-in holds the neighbour's IPv4
//!   address. No stand-in leaves the device: [`Neighbours::route`] replaces it.
//! - The table learns from each frame that comes in. An answer goes to the MAC address that the question came from.
//! - Each neighbour has its own limit of ARP requests, [`ARP_REQUEST_MS`].
//! - A frame for a neighbour that is not known yet waits here, where it holds up nobody (RFC 1122 section 2.3.2.2).
//! - A host that claims the device's address is contested by one announcement in [`ARP_DEFEND_MS`]. The device keeps its
//!   address all the same, as RFC 5227 section 2.4 c) has it for hosts that others rely on.
//! - The SYN of an outgoing connection is addressed to the stand-in of its next hop, and finds its way like any other.
//!
//! The table does no IO and has no clock.

use core::net::Ipv4Addr;

use embassy_net::Ipv4Cidr;
use embassy_time::Instant;
use heapless::Vec;

use crate::limits::{
    ARP_DEFEND_MS, ARP_LEN, ARP_REQUEST_MS, ARP_REQUESTS_MAX, NEIGHBOURS_MAX, PENDING_FRAMES_MAX, PENDING_LEN_MAX,
    PENDING_MS, REACHABLE_MS, STAND_IN_MS, STAND_INS_MAX,
};

/// The EtherTypes of IPv4 and ARP.
const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
/// Hardware type Ethernet, protocol type IPv4, lengths of their addresses.
const ARP_HEAD: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];
const BROADCAST: [u8; 6] = [0xff; 6];
/// The first bytes of a stand-in: locally administered, and unlike any range that is in use.
const STAND_IN: [u8; 2] = [0x02, 0xa9];

/// ARP's operation code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Request = 1,
    Reply = 2,
}

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arp {
    pub(crate) operation: Operation,
    pub(crate) sender_mac: [u8; 6],
    pub(crate) sender: Ipv4Addr,
    /// All zeros in a request.
    pub(crate) target_mac: [u8; 6],
    pub(crate) target: Ipv4Addr,
}

impl Arp {
    /// The packet in a frame; None if the frame is none of ARP for IPv4.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let packet: &[u8; ARP_LEN] = frame.first_chunk()?;
        let mac = |at: usize| core::array::from_fn(|index| packet[at + index]);
        let address = |at: usize| Ipv4Addr::new(packet[at], packet[at + 1], packet[at + 2], packet[at + 3]);
        if packet[12..14] != ARP || packet[14..20] != ARP_HEAD {
            return None;
        }
        let operation = match packet[20..22] {
            [0, 1] => Operation::Request,
            [0, 2] => Operation::Reply,
            _ => return None,
        };
        Some(Self { operation, sender_mac: mac(22), sender: address(28), target_mac: mac(32), target: address(38) })
    }

    /// The packet in a frame to `destination`.
    #[inline(never)]
    pub(crate) fn frame(&self, destination: [u8; 6]) -> [u8; ARP_LEN] {
        let mut frame = [0; ARP_LEN];
        frame[..6].copy_from_slice(&destination);
        frame[6..12].copy_from_slice(&self.sender_mac);
        frame[12..14].copy_from_slice(&ARP);
        frame[14..20].copy_from_slice(&ARP_HEAD);
        frame[21] = self.operation as u8;
        frame[22..28].copy_from_slice(&self.sender_mac);
        frame[28..32].copy_from_slice(&self.sender.octets());
        frame[32..38].copy_from_slice(&self.target_mac);
        frame[38..].copy_from_slice(&self.target.octets());
        frame
    }
}

/// The stand-in of a neighbour.
pub(crate) fn stand_in(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [STAND_IN[0], STAND_IN[1], a, b, c, d]
}

/// The neighbour that a stand-in is for; None for any other MAC address.
fn neighbour_of(mac: &[u8]) -> Option<Ipv4Addr> {
    match *mac {
        [a, b, c, d, e, f] if [a, b] == STAND_IN => Some(Ipv4Addr::new(c, d, e, f)),
        _ => None,
    }
}

/// Milliseconds since start, modulo 2^32: what has passed between two of them is their difference, also modulo.
type Ms = u32;

fn ms(now: Instant) -> Ms {
    now.as_millis() as Ms
}

/// The table's entry of one neighbour.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    address: Ipv4Addr,
    /// None until a frame has come from it, and again when it has answered none of [`ARP_REQUESTS_MAX`] requests.
    mac: Option<[u8; 6]>,
    /// When the last frame came from it; if none has, when the entry was made.
    heard: Ms,
    /// When it was last asked for; `requests` is 0 if it was not since it was heard.
    asked: Ms,
    requests: u8,
    /// A request is due, as soon as the driver has room.
    is_request_due: bool,
    /// When embassy-net was given its stand-in, and that stand-in's number; None if it was not.
    told: Option<(Ms, u8)>,
}

/// A frame that waits until its receiver is known.
#[derive(Clone, Copy)]
struct Pending {
    receiver: Ipv4Addr,
    since: Ms,
    /// 0 if there is none.
    len: usize,
    frame: [u8; PENDING_LEN_MAX],
}

/// The table's verdict on a frame from the driver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// A question for the device's address, or a claim to it: this is the answer.
    Reply([u8; ARP_LEN]),
    /// ARP of other kinds: the table has what there was in it.
    Done,
    /// To be handed over. Before it, embassy-net is to be given the stand-in of this neighbour, if there is one.
    Pass(Option<Ipv4Addr>),
}

/// The table's verdict on a frame to the driver.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The frame leaves; its receiver's MAC address is in it.
    Send,
    /// The frame waits in the table, or is lost: there is no way to its receiver yet.
    Taken,
}

/// The neighbours of an interface.
pub(crate) struct Neighbours {
    mac: [u8; 6],
    /// The device's address and network; None while it has none.
    local: Option<Ipv4Cidr>,
    /// When the address was last defended; None if it was not.
    defended: Option<Ms>,
    entries: Vec<Neighbour, NEIGHBOURS_MAX>,
    pending: [Pending; PENDING_FRAMES_MAX],
    /// How many stand-ins embassy-net was given, modulo 256.
    told: u8,
    /// Whether [`flush`](Self::flush) may have something to send.
    has_work: bool,
}

impl Neighbours {
    pub(crate) const fn new() -> Self {
        let none = Pending { receiver: Ipv4Addr::UNSPECIFIED, since: 0, len: 0, frame: [0; PENDING_LEN_MAX] };
        Self {
            mac: [0; 6],
            local: None,
            defended: None,
            entries: Vec::new(),
            pending: [none; PENDING_FRAMES_MAX],
            told: 0,
            has_work: false,
        }
    }

    /// The interface's MAC address.
    pub(crate) fn set_mac(&mut self, mac: [u8; 6]) {
        self.mac = mac;
    }

    /// The device has this address from now on. The entries belong to another network and are dropped, and embassy-net
    /// has forgotten its stand-ins.
    pub(crate) fn set_local(&mut self, local: Option<Ipv4Cidr>) {
        if self.local == local {
            return;
        }
        (self.local, self.defended) = (local, None);
        self.entries.clear();
        self.pending.iter_mut().for_each(|pending| pending.len = 0);
        self.has_work = false;
    }

    /// Learns from a frame that is not a connection's.
    pub(crate) fn receive(&mut self, frame: &[u8], now: Instant) -> Incoming {
        match frame.get(12..14) {
            Some(kind) if kind == ARP => self.receive_arp(frame, ms(now)),
            Some(kind) if kind == IPV4 => Incoming::Pass(self.receive_ipv4(frame, ms(now))),
            _ => Incoming::Pass(None),
        }
    }

    #[inline(never)]
    fn receive_arp(&mut self, frame: &[u8], now: Ms) -> Incoming {
        let (Some(arp), Some(local)) = (Arp::parse(frame), self.local) else { return Incoming::Done };
        if arp.sender == local.address() && self.may_defend(arp.sender_mac, now) {
            let (sender_mac, sender) = (self.mac, local.address());
            let announcement =
                Arp { operation: Operation::Request, sender_mac, sender, target_mac: [0; 6], target: sender };
            return Incoming::Reply(announcement.frame(BROADCAST));
        }
        let is_for_us = arp.target == local.address();
        // RFC 826: a host that is known is updated, and a host that asks for this one becomes known. An answer to no question
        // makes nobody known. A probe has no sender address (RFC 5227 section 1.1).
        let is_question = is_for_us && arp.operation == Operation::Request;
        if self.is_neighbour(arp.sender) && (is_question || self.find(arp.sender).is_some()) {
            self.learn(arp.sender, arp.sender_mac, now);
        }
        if !is_for_us || arp.operation != Operation::Request || !is_unicast(&arp.sender_mac) {
            return Incoming::Done;
        }
        let reply = Arp {
            operation: Operation::Reply,
            sender_mac: self.mac,
            sender: local.address(),
            target_mac: arp.sender_mac,
            target: arp.sender,
        };
        Incoming::Reply(reply.frame(arp.sender_mac))
    }

    /// Whether the device's address, which a host with this MAC address claims, may be defended now. A network that reflects
    /// the device's own announcements claims nothing.
    fn may_defend(&mut self, claimant: [u8; 6], now: Ms) -> bool {
        let is_due = self.defended.is_none_or(|last| now.wrapping_sub(last) >= ARP_DEFEND_MS);
        let may_defend = claimant != self.mac && is_due;
        if may_defend {
            self.defended = Some(now);
        }
        may_defend
    }

    /// The neighbour whose stand-in embassy-net may lack, if the frame is from one.
    fn receive_ipv4(&mut self, frame: &[u8], now: Ms) -> Option<Ipv4Addr> {
        let [a, b, c, d] = *frame.get(26..30)? else { return None };
        let mac = frame[6..12].first_chunk()?;
        let sender = Ipv4Addr::new(a, b, c, d);
        if !self.is_neighbour(sender) {
            return None;
        }
        let entry = self.learn(sender, *mac, now)?;
        let is_told = |(at, number): (Ms, u8), told: u8| {
            now.wrapping_sub(at) < STAND_IN_MS && told.wrapping_sub(number) < STAND_INS_MAX
        };
        let told = entry.told;
        (!told.is_some_and(|last| is_told(last, self.told))).then_some(sender)
    }

    /// embassy-net is given the stand-in of this neighbour now.
    pub(crate) fn mark_told(&mut self, address: Ipv4Addr, now: Instant) {
        self.told = self.told.wrapping_add(1);
        let told = Some((ms(now), self.told));
        if let Some(entry) = self.find(address) {
            entry.told = told;
        }
    }

    /// Whether a host with this address may be on the link.
    fn is_neighbour(&self, address: Ipv4Addr) -> bool {
        let is_host = |local: &Ipv4Cidr| {
            local.contains_addr(&address)
                && address != local.address()
                && Some(address) != local.broadcast()
                && !address.is_unspecified()
        };
        self.local.as_ref().is_some_and(is_host)
    }

    fn find(&mut self, address: Ipv4Addr) -> Option<&mut Neighbour> {
        self.entries.iter_mut().find(|entry| entry.address == address)
    }

    /// The entry of a neighbour, which may be a new one in the place of that which was silent for longest.
    #[inline(never)]
    fn entry(&mut self, address: Ipv4Addr, now: Ms) -> Option<&mut Neighbour> {
        let known = self.entries.iter().position(|entry| entry.address == address);
        let index = known.or_else(|| {
            let new =
                Neighbour { address, mac: None, heard: now, asked: 0, requests: 0, is_request_due: false, told: None };
            if self.entries.push(new).is_ok() {
                return Some(self.entries.len() - 1);
            }
            let silent = |(_, entry): &(usize, &Neighbour)| now.wrapping_sub(entry.heard);
            let (index, _) = self.entries.iter().enumerate().max_by_key(silent)?;
            *self.entries.get_mut(index)? = new;
            Some(index)
        })?;
        self.entries.get_mut(index)
    }

    /// The neighbour has this MAC address.
    #[inline(never)]
    fn learn(&mut self, address: Ipv4Addr, mac: [u8; 6], now: Ms) -> Option<&mut Neighbour> {
        if !is_unicast(&mac) {
            return None;
        }
        let is_awaited = self.pending.iter().any(|pending| pending.len > 0 && pending.receiver == address);
        self.has_work |= is_awaited;
        let entry = self.entry(address, now)?;
        (entry.mac, entry.heard, entry.requests, entry.is_request_due) = (Some(mac), now, 0, false);
        Some(entry)
    }

    /// Asks for a neighbour, whatever is known of it.
    pub(crate) fn probe(&mut self, address: Ipv4Addr, now: Instant) {
        let now = ms(now);
        let Some(entry) = self.entry(address, now) else { return };
        let may_ask = entry.requests == 0 || now.wrapping_sub(entry.asked) >= ARP_REQUEST_MS;
        if may_ask {
            (entry.requests, entry.asked, entry.is_request_due) = (1, now, true);
            self.has_work = true;
        }
    }

    /// The MAC address of a neighbour that has been heard since it was asked for.
    pub(crate) fn answered(&mut self, address: Ipv4Addr) -> Option<[u8; 6]> {
        self.find(address).filter(|entry| entry.requests == 0)?.mac
    }

    /// Finds the way of a frame to a stand-in.
    #[inline(never)]
    pub(crate) fn route(&mut self, frame: &mut [u8], now: Instant) -> Verdict {
        let Some(receiver) = frame.get(..6).and_then(neighbour_of) else { return Verdict::Send };
        let now = ms(now);
        let Some(entry) = self.entry(receiver, now) else { return Verdict::Taken };
        let silent_ms = now.wrapping_sub(entry.heard);
        let may_ask = entry.requests == 0 || now.wrapping_sub(entry.asked) >= ARP_REQUEST_MS;
        if may_ask && (entry.mac.is_none() || silent_ms >= REACHABLE_MS) {
            if entry.requests >= ARP_REQUESTS_MAX {
                entry.mac = None;
            }
            // The count stops at the bound; requests go on as long as there are frames for the neighbour.
            entry.requests = entry.requests.saturating_add(1);
            (entry.asked, entry.is_request_due) = (now, true);
            self.has_work = true;
        }
        let entry = self.find(receiver);
        if let Some(mac) = entry.and_then(|entry| entry.mac) {
            frame[..6].copy_from_slice(&mac);
            return Verdict::Send;
        }
        self.hold(receiver, frame, now);
        Verdict::Taken
    }

    /// Keeps a short frame in the place of another for the same receiver, of none, or of the oldest.
    #[inline(never)]
    fn hold(&mut self, receiver: Ipv4Addr, frame: &[u8], now: Ms) {
        if frame.len() > PENDING_LEN_MAX {
            return;
        }
        let rank = |pending: &&mut Pending| match pending.len {
            0 => (1, 0),
            _ if pending.receiver == receiver => (2, 0),
            _ => (0, now.wrapping_sub(pending.since)),
        };
        if let Some(pending) = self.pending.iter_mut().max_by_key(rank) {
            (pending.receiver, pending.since, pending.len) = (receiver, now, frame.len());
            pending.frame[..frame.len()].copy_from_slice(frame);
        }
    }

    /// Whether [`flush`](Self::flush) has something to send.
    pub(crate) fn has_work(&self) -> bool {
        self.has_work
    }

    /// Sends the ARP requests that are due, and frames whose receivers have become known. `send` is false when the
    /// driver has no room; what is left is sent at the next call.
    #[cold]
    #[inline(never)]
    pub(crate) fn flush(&mut self, now: Instant, send: &mut dyn FnMut(&[u8]) -> bool) {
        let (now, mac) = (ms(now), self.mac);
        let Some(local) = self.local else { return };
        for entry in self.entries.iter_mut().filter(|entry| entry.is_request_due) {
            let request = Arp {
                operation: Operation::Request,
                sender_mac: mac,
                sender: local.address(),
                target_mac: [0; 6],
                target: entry.address,
            };
            if !send(&request.frame(BROADCAST)) {
                return;
            }
            entry.is_request_due = false;
        }
        for pending in self.pending.iter_mut().filter(|pending| pending.len > 0) {
            if now.wrapping_sub(pending.since) >= PENDING_MS {
                pending.len = 0;
                continue;
            }
            let known = self.entries.iter().find(|entry| entry.address == pending.receiver);
            let Some(mac) = known.and_then(|entry| entry.mac) else { continue };
            pending.frame[..6].copy_from_slice(&mac);
            if !send(pending.frame.get(..pending.len).unwrap_or_default()) {
                return;
            }
            pending.len = 0;
        }
        self.has_work = false;
    }
}

/// Whether a frame can be sent to this MAC address alone.
fn is_unicast(mac: &[u8; 6]) -> bool {
    mac[0] & 1 == 0 && *mac != [0; 6]
}

#[cfg(test)]
mod tests;
