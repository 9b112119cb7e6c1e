//! The DHCP server: leases, and the answers to requests.
//!
//! A client is known by its MAC address. A new client gets an address that its MAC address leads to, so that it gets the
//! same one again after the device has restarted. Before an address is offered to a client that did not have it, the link is asked
//! whether somebody uses it.

use core::fmt::Write;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use embassy_time::{Duration, Instant};
use heapless::{String, Vec};

use super::message::{self, Client, Given, Network, Question, Reply, Request};
use super::{CLIENT_PORT, Pool, Probe};
use crate::limits::{LEASE_S, LEASES_MAX, OFFER_S, PROBE_MS, PROBES_MAX, URL_LEN_MAX};
use crate::service::{Answer, Service};

/// Where an answer goes that its client can't be sent alone.
const EVERYBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::BROADCAST), CLIENT_PORT);

/// The state of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The address is being probed; `conflicts` addresses were found in use before it.
    Probed { conflicts: u8 },
    /// The address is reserved until the client takes it.
    Offered,
    /// The address is lent, or was until the time in the lease.
    Bound,
    /// A client has found that somebody else uses it.
    Declined,
}

/// An address that is lent, was, or can't be.
#[derive(Debug, Clone, Copy)]
struct Lease {
    address: Ipv4Addr,
    client: Client,
    state: State,
    /// When the state ends. A lease that has ended is kept until there is no room for it.
    until: Instant,
}

/// The server.
pub(super) struct Server<'a, P> {
    device: Ipv4Addr,
    pool: Pool,
    url: String<URL_LEN_MAX>,
    leases: Vec<Lease, LEASES_MAX>,
    probe: &'a P,
}

impl<'a, P: Probe> Server<'a, P> {
    pub(super) fn new(device: Ipv4Addr, prefix_len: u8, port: u16, probe: &'a P) -> Self {
        let mut url = String::new();
        // The string has room for the longest URL.
        let _ = write!(url, "http://{device}:{port}/");
        Self { device, pool: Pool::new(device, prefix_len), url, leases: Vec::new(), probe }
    }

    fn discover(&mut self, now: Instant, request: &Request, reply: &mut [u8]) -> Answer {
        let client = request.client;
        let known =
            self.leases.iter().position(|lease| lease.client.mac == client.mac && lease.state != State::Declined);
        if let Some(index) = known {
            let lease = &mut self.leases[index];
            lease.client = client;
            match lease.state {
                State::Probed { .. } => return None,
                State::Offered => lease.until = now + Duration::from_secs(OFFER_S),
                _ if lease.until > now => {}
                _ => {
                    let address = lease.address;
                    self.probe(now, index, client, address, 0);
                    return None;
                }
            }
            let address = lease.address;
            return self.answer(reply, Reply::Offer, &client, address, Ipv4Addr::UNSPECIFIED);
        }
        let wanted = request.requested.filter(|address| self.is_free(*address, now));
        self.choose(now, client, wanted, 0);
        None
    }

    /// Chooses an address for this client, and begins to probe whether it is in use. The requested address comes first,
    /// then one that was never lent, then the one that has been unused for longest.
    fn choose(&mut self, now: Instant, client: Client, wanted: Option<Ipv4Addr>, conflicts: u8) {
        let unused = |address: &Ipv4Addr| self.leases.iter().all(|lease| lease.address != *address);
        let unused = || self.pool.starting_at(hash(client.mac)).find(unused);
        let Some(address) = wanted.or_else(unused) else {
            // The pool is smaller than the table.
            if let Some((index, address)) =
                self.oldest(now).and_then(|index| Some((index, self.leases.get(index)?.address)))
            {
                self.probe(now, index, client, address, conflicts);
            }
            return;
        };
        if let Some(index) = self.place(now, address) {
            self.probe(now, index, client, address, conflicts);
        }
    }

    fn probe(&mut self, now: Instant, index: usize, client: Client, address: Ipv4Addr, conflicts: u8) {
        self.probe.ask(address);
        let until = now + Duration::from_millis(PROBE_MS);
        self.set(index, Lease { address, client, state: State::Probed { conflicts }, until });
    }

    fn set(&mut self, index: usize, lease: Lease) {
        if let Some(place) = self.leases.get_mut(index) {
            *place = lease;
        }
    }

    /// The place for a lease of this address: its own, a new one, or that of the lease that makes way
    /// ([`oldest`](Self::oldest)).
    fn place(&mut self, now: Instant, address: Ipv4Addr) -> Option<usize> {
        if let Some(index) = self.leases.iter().position(|lease| lease.address == address) {
            return Some(index);
        }
        let client = Client { mac: [0; 6], xid: [0; 4], flags: [0; 2] };
        let lease = Lease { address, client, state: State::Bound, until: now };
        if self.leases.push(lease).is_ok() {
            return Some(self.leases.len() - 1);
        }
        self.oldest(now)
    }

    /// The lease that makes way: the one that ended first or ends first. A declined address does only if it must, and one
    /// that is being probed never.
    fn oldest(&self, now: Instant) -> Option<usize> {
        let rank = |lease: &Lease| (lease.state == State::Declined && lease.until > now, lease.until);
        let leases = self.leases.iter().enumerate();
        let movable = leases.filter(|(_, lease)| !matches!(lease.state, State::Probed { .. }));
        movable.min_by_key(|(_, lease)| rank(lease)).map(|(index, _)| index)
    }

    /// Whether the address is of the pool, and no lease of it is running.
    fn is_free(&self, address: Ipv4Addr, now: Instant) -> bool {
        self.pool.contains(address) && self.leases.iter().all(|lease| lease.address != address || lease.until <= now)
    }

    /// Whether a client that says that the address is its own gets it, although the table has no lease of it. An address
    /// that is only probed for another client was promised to nobody. An address from which the client sends is in use by
    /// it, whoever was offered the address.
    fn is_claimable(&self, address: Ipv4Addr, is_current: bool, now: Instant) -> bool {
        let is_kept = |lease: &Lease| match lease.state {
            State::Probed { .. } => false,
            State::Offered => !is_current && lease.until > now,
            State::Bound | State::Declined => lease.until > now,
        };
        self.pool.contains(address) && !self.leases.iter().any(|lease| lease.address == address && is_kept(lease))
    }

    fn request(&mut self, now: Instant, request: &Request, reply: &mut [u8]) -> Answer {
        let client = request.client;
        let has = |lease: &Lease| lease.client.mac == client.mac && lease.state != State::Declined;
        if request.server.is_some_and(|server| server != self.device) {
            // The client has taken another server's offer.
            self.leases.retain(|lease| !has(lease) || lease.state == State::Bound);
            return None;
        }
        let is_current = request.current != Ipv4Addr::UNSPECIFIED;
        let address = if is_current { request.current } else { request.requested? };
        let own = self.leases.iter().position(|lease| has(lease) && lease.address == address);
        // A client without a lease in the table had one before the device restarted, or lost its place in a full table.
        // If the address is free, the client gets it.
        let index = match own {
            Some(index) => Some(index),
            // If all others are being probed, one of their clients has to ask again.
            None if self.is_claimable(address, is_current, now) => self.place(now, address).or(Some(0)),
            None => None,
        };
        let Some(index) = index else {
            let given = Given { address: Ipv4Addr::UNSPECIFIED, current: Ipv4Addr::UNSPECIFIED, lease_s: None };
            return self.write(reply, Reply::Nak, &client, &given, Ipv4Addr::BROADCAST);
        };
        let until = now + Duration::from_secs(LEASE_S.into());
        self.set(index, Lease { address, client, state: State::Bound, until });
        self.forget_others(address, client.mac);
        self.answer(reply, Reply::Ack, &client, address, request.current)
    }

    /// A client has one address.
    fn forget_others(&mut self, address: Ipv4Addr, mac: [u8; 6]) {
        let is_other =
            |lease: &Lease| lease.client.mac == mac && lease.address != address && lease.state != State::Declined;
        self.leases.retain(|lease| !is_other(lease));
    }

    fn decline(&mut self, now: Instant, request: &Request) {
        let Some(address) = request.requested.filter(|address| self.pool.contains(*address)) else { return };
        let is_others = |lease: &Lease| lease.address == address && lease.client.mac != request.client.mac;
        if request.server.is_some_and(|server| server != self.device)
            || self.leases.iter().any(|lease| is_others(lease) && lease.until > now)
        {
            return;
        }
        if let Some(index) = self.place(now, address) {
            let until = now + Duration::from_secs(LEASE_S.into());
            self.set(index, Lease { address, client: request.client, state: State::Declined, until });
        }
    }

    /// The address is free for others, and the client gets it again if it asks before them.
    fn release(&mut self, now: Instant, request: &Request) {
        let is_it = |lease: &&mut Lease| {
            lease.state == State::Bound && (lease.address, lease.client.mac) == (request.current, request.client.mac)
        };
        if let Some(lease) = self.leases.iter_mut().find(is_it) {
            lease.until = now;
        }
    }

    fn answer(&self, reply: &mut [u8], kind: Reply, client: &Client, address: Ipv4Addr, current: Ipv4Addr) -> Answer {
        let given = Given { address, current, lease_s: Some(LEASE_S) };
        self.write(reply, kind, client, &given, current)
    }

    /// `to` is the client's address; a client that has none (0.0.0.0) gets a broadcast (RFC 2131 section 4.1).
    fn write(&self, reply: &mut [u8], kind: Reply, client: &Client, given: &Given, to: Ipv4Addr) -> Answer {
        let network = Network { device: self.device, mask: self.pool.mask(), url: &self.url };
        let len = message::write(reply, kind, client, given, &network)?;
        let to = if to.is_unspecified() { Ipv4Addr::BROADCAST } else { to };
        Some((len, SocketAddr::new(to.into(), CLIENT_PORT)))
    }
}

impl<P: Probe> Service for Server<'_, P> {
    fn receive(&mut self, now: Instant, peer: SocketAddr, message: &[u8], reply: &mut [u8]) -> Answer {
        let request = Request::parse(message)?;
        let answer = self.receive_request(now, &request, reply);
        // A client that has the address of `ciaddr` sends from it, and gets the answer there. Any other client gets a
        // broadcast.
        let is_from_it = peer.ip() == request.current;
        answer.map(|(len, to)| (len, if is_from_it { to } else { EVERYBODY }))
    }

    fn due(&self) -> Instant {
        let probed = self.leases.iter().filter(|lease| matches!(lease.state, State::Probed { .. }));
        probed.map(|lease| lease.until).min().unwrap_or(Instant::MAX)
    }

    fn poll(&mut self, now: Instant, reply: &mut [u8]) -> Answer {
        self.poll_probes(now, reply)
    }
}

impl<P: Probe> Server<'_, P> {
    fn receive_request(&mut self, now: Instant, request: &Request, reply: &mut [u8]) -> Answer {
        match request.question {
            Question::Discover => self.discover(now, request, reply),
            Question::Request => self.request(now, request, reply),
            Question::Inform => {
                let given = Given { address: Ipv4Addr::UNSPECIFIED, current: request.current, lease_s: None };
                self.write(reply, Reply::Ack, &request.client, &given, request.current)
            }
            Question::Decline => {
                self.decline(now, request);
                None
            }
            Question::Release => {
                self.release(now, request);
                None
            }
        }
    }

    /// Offers an address that nobody uses.
    fn poll_probes(&mut self, now: Instant, reply: &mut [u8]) -> Answer {
        let is_due = |lease: &&mut Lease| matches!(lease.state, State::Probed { .. }) && lease.until <= now;
        let lease = self.leases.iter_mut().find(is_due)?;
        let Lease { address, client, state, .. } = *lease;
        let user = self.probe.answered(address).filter(|mac| *mac != client.mac);
        let Some(mac) = user else {
            (lease.state, lease.until) = (State::Offered, now + Duration::from_secs(OFFER_S));
            return self.answer(reply, Reply::Offer, &client, address, Ipv4Addr::UNSPECIFIED);
        };
        // The host that uses the address had it before a restart, or set it by hand.
        let until = now + Duration::from_secs(LEASE_S.into());
        (lease.state, lease.until, lease.client.mac) = (State::Bound, until, mac);
        if let State::Probed { conflicts } = state
            && conflicts < PROBES_MAX
        {
            self.choose(now, client, None, conflicts + 1);
        }
        None
    }
}

/// A number that depends on a MAC address (FNV-1a).
fn hash(mac: [u8; 6]) -> u32 {
    mac.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests;
