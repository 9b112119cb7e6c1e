//! The mDNS responder: answers, announcements and the defence of names, and their times (RFC 6762).

use core::fmt::Write;
use core::net::{IpAddr, SocketAddr};

use embassy_time::{Duration, Instant};
use heapless::String;

use super::records::{Data, Form, Names, Owner, Record, Set};
use super::{Announcement, GROUP, PORT};
use crate::dns::{ANY, IN, Message, Record as Parsed, Writer};
use crate::limits::{
    DNS_HEADER_LEN, MDNS_ANNOUNCE_MS, MDNS_ANNOUNCEMENTS, MDNS_AWAIT_MS, MDNS_AWAIT_SPREAD_MS, MDNS_CONFLICTS_MAX,
    MDNS_DELAY_MS, MDNS_DELAY_SPREAD_MS, MDNS_LOOK_MS, MDNS_PROBE_MS, MDNS_PROBES, MDNS_REPEAT_MS,
    MDNS_REPEAT_PROBED_MS, MDNS_SLOW_PROBE_MS, MDNS_TTL_S, NAME_LEN_MAX,
};
use crate::service::{Answer, Service};

/// Header bits of a response: it is one, and authoritative.
const RESPONSE: u16 = 0x8400;
/// The bit of a question's class that asks for an answer to the asker alone (RFC 6762 section 5.4).
const UNICAST: u16 = 0x8000;

/// How far the name is the device's (RFC 6762 section 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// So many probes have left. Nothing is answered yet.
    Probing(u8),
    /// So many announcements have left.
    Announcing(u8),
    /// The name is the device's, and all announcements have left.
    Running,
    /// The device has another name, or none: the records of the old one are to end.
    Leaving,
    /// The device has no name, because it leaves the network. Nothing is sent.
    Left,
}

/// An answer that is to be sent to all.
#[derive(Debug, Clone, Copy)]
struct Pending {
    records: Set,
    /// [`Instant::MAX`] if there is none.
    due: Instant,
    /// The only querier, if its known answers are yet to come (RFC 6762 section 7.2).
    asker: Option<SocketAddr>,
}

impl Pending {
    const NONE: Self = Self { records: Set::NONE, due: Instant::MAX, asker: None };
}

/// The responder.
pub(super) struct Responder<'a, R> {
    announcement: &'a Announcement<'a>,
    data: Data<'a>,
    /// The name that was set, without the suffix that was added to it; the last one if there is none any more.
    wanted: String<NAME_LEN_MAX>,
    /// A name is set.
    has_name: bool,
    /// Others have had the name so often; it is then added to the name.
    conflicts: u8,
    state: State,
    /// When the state goes on.
    due: Instant,
    /// When the name is looked at again.
    look: Instant,
    pending: Pending,
    /// When each record was last sent to all.
    sent: [Option<Instant>; Record::ALL.len()],
    random: R,
}

impl<'a, R: FnMut(&mut [u8])> Responder<'a, R> {
    pub(super) fn new(announcement: &'a Announcement<'a>, random: R, now: Instant) -> Self {
        let mut responder = Self {
            announcement,
            data: Data::new(announcement.address.0, announcement.port, announcement.txt),
            wanted: String::new(),
            has_name: false,
            conflicts: 0,
            state: State::Probing(0),
            due: now,
            look: now + Duration::from_millis(MDNS_LOOK_MS),
            pending: Pending::NONE,
            sent: [None; Record::ALL.len()],
            random,
        };
        responder.look_at_name();
        responder.begin(now);
        responder
    }

    /// True if another name was set, or there is none any more, or one again.
    fn look_at_name(&mut self) -> bool {
        let had_name = core::mem::replace(&mut self.has_name, false);
        let mut is_other = false;
        (self.announcement.name)(&mut |name| {
            // The string has room for a label.
            let wanted: String<NAME_LEN_MAX> = label(&name[..name.floor_char_boundary(NAME_LEN_MAX)]).collect();
            is_other = wanted != self.wanted;
            (self.wanted, self.has_name) = (wanted, true);
        });
        is_other || self.has_name != had_name
    }

    /// A time from `ms` to `ms + spread_ms`, at random.
    fn after(&mut self, now: Instant, ms: u64, spread_ms: u64) -> Instant {
        let mut byte = [0];
        (self.random)(&mut byte);
        now + Duration::from_millis(ms + spread_ms * u64::from(byte[0]) / 255)
    }

    /// Begins to find out whether the name is free, if there is one. The first probe leaves at a random time (RFC 6762 section 8.1).
    fn begin(&mut self, now: Instant) {
        self.pending = Pending::NONE;
        if !self.has_name {
            (self.state, self.due) = (State::Left, Instant::MAX);
            return;
        }
        self.data.name.clear();
        let mut number = String::<4>::new();
        if self.conflicts > 0 {
            // The string has room for the longest suffix.
            let _ = write!(number, "-{}", u16::from(self.conflicts) + 1);
        }
        let len = self.wanted.floor_char_boundary(NAME_LEN_MAX - number.len());
        // The string has room for both.
        let _ = self
            .data
            .name
            .push_str(self.wanted.get(..len).unwrap_or_default())
            .and_then(|()| self.data.name.push_str(&number));
        self.state = State::Probing(0);
        self.sent = [None; Record::ALL.len()];
        self.due = self.after(now, 0, MDNS_PROBE_MS);
        if self.conflicts >= MDNS_CONFLICTS_MAX {
            // RFC 6762 section 8.1: no faster than this after so many conflicts.
            self.due = now + Duration::from_millis(MDNS_SLOW_PROBE_MS);
        }
    }

    /// Somebody else has the name. While it is being probed another is tried, and later it is probed again (RFC 6762
    /// sections 8.1 and 9).
    fn conflict(&mut self, now: Instant) {
        if matches!(self.state, State::Probing(_)) {
            self.conflicts = self.conflicts.saturating_add(1);
        }
        self.begin(now);
    }

    /// Takes a response of somebody else's.
    fn hear_response(&mut self, now: Instant, message: Message<'_>) {
        if self.state == State::Left {
            return;
        }
        let mut reader = message.reader();
        let [questions, answers, authorities, additional] = message.counts();
        for _ in 0..questions {
            if reader.question().is_none() {
                return;
            }
        }
        for _ in 0..u32::from(answers) + u32::from(authorities) + u32::from(additional) {
            let Some(parsed) = reader.record() else { return };
            let Some(record) = self.data.record_of(&parsed) else { continue };
            if !self.data.is_same(record, &parsed) {
                // A record that ends contradicts nothing.
                if record.is_unique() && parsed.ttl_s > 0 {
                    return self.conflict(now);
                }
            } else if parsed.ttl_s < MDNS_TTL_S / 2 {
                // Other hosts would forget the record too early (RFC 6762 section 6.6).
                if self.state == State::Running {
                    self.schedule(Set::of(&[record]), now, None);
                }
            } else if !record.is_unique() {
                // RFC 6762 section 7.4.
                self.withdraw(Set::of(&[record]));
            }
        }
    }

    /// Takes back answers that another host has given, or that the querier has already.
    fn withdraw(&mut self, records: Set) {
        self.pending.records = self.pending.records.without(records);
        if self.pending.records.is_empty() {
            self.pending = Pending::NONE;
        }
    }

    /// Schedules records to be sent to all, no sooner than `due`.
    fn schedule(&mut self, records: Set, due: Instant, asker: Option<SocketAddr>) {
        if records.is_empty() {
            return;
        }
        let is_first = self.pending.due == Instant::MAX;
        self.pending.asker = if is_first { asker } else { None };
        self.pending.records = self.pending.records.with(records);
        self.pending.due = if is_first { due } else { self.pending.due.min(due) };
    }

    /// When these may be sent to all again, which they must not within a second (RFC 6762 section 6).
    fn allowed(&self, records: Set, repeat_ms: u64) -> Instant {
        let times = records.records().filter_map(|record| self.sent[record as usize]);
        times.max().map_or(Instant::MIN, |last| last + Duration::from_millis(repeat_ms))
    }

    /// Whether all were sent to all within a quarter of the time for which they are remembered.
    fn is_fresh(&self, records: Set, now: Instant) -> bool {
        records.records().all(|record| {
            let quarter = Duration::from_secs(u64::from(MDNS_TTL_S) / 4);
            self.sent[record as usize].is_some_and(|last| now < last + quarter)
        })
    }

    fn hear_query(&mut self, now: Instant, peer: SocketAddr, bytes: &[u8], reply: &mut [u8]) -> Answer {
        let message = Message::new(bytes)?;
        let [questions, answers, authorities, _] = message.counts();
        let mut reader = message.reader();
        let (mut to_all, mut to_one) = (Set::NONE, Set::NONE);
        for _ in 0..questions {
            let question = reader.question()?;
            let class = question.class & !UNICAST;
            if class != IN && class != ANY {
                continue;
            }
            let records = self.data.answers(question.name, question.kind);
            if question.class & UNICAST != 0 { to_one = to_one.with(records) } else { to_all = to_all.with(records) }
        }
        let question = bytes.get(DNS_HEADER_LEN..reader.at)?;
        let mut known = Set::NONE;
        for _ in 0..answers {
            let parsed = reader.record()?;
            let Some(record) = self.data.record_of(&parsed) else { continue };
            if self.data.is_same(record, &parsed) && parsed.ttl_s >= MDNS_TTL_S / 2 {
                known = known.with(Set::of(&[record]));
            }
        }
        // An answer to one leaves for the device's own network only, and no other is probed against (RFC 6762 section 11).
        let is_near = self.is_near(peer.ip());
        match self.state {
            State::Probing(_) => {
                for _ in 0..if is_near { authorities } else { 0 } {
                    if self.loses_to(&reader.record()?) {
                        // The other goes first; if it stays, the next probe meets it (RFC 6762 section 8.2).
                        self.state = State::Probing(0);
                        self.due = now + Duration::from_millis(MDNS_ANNOUNCE_MS);
                        break;
                    }
                }
                return None;
            }
            State::Leaving | State::Left => return None,
            State::Announcing(_) | State::Running => {}
        }
        if peer.port() != PORT {
            let records = to_all.with(to_one);
            if records.is_empty() || !is_near {
                return None;
            }
            let head = Head { id: message.id(), question, questions };
            return Some((self.respond(reply, &head, records, Form::Legacy)?, peer));
        }
        if questions == 0 {
            // The rest of what it knows, of which the question said that it was cut (RFC 6762 section 7.2).
            if self.pending.asker.is_some_and(|asker| asker == peer) {
                self.withdraw(known);
            }
            return None;
        }
        (to_all, to_one) = (to_all.without(known), to_one.without(known));
        if !is_near || !self.is_fresh(to_one, now) {
            (to_all, to_one) = (to_all.with(to_one), Set::NONE);
        }
        if !to_all.is_empty() {
            // A probe is answered sooner (RFC 6762 section 6).
            let repeat_ms = if authorities > 0 { MDNS_REPEAT_PROBED_MS } else { MDNS_REPEAT_MS };
            let is_cut = message.is_truncated();
            let due = if is_cut {
                self.after(now, MDNS_AWAIT_MS, MDNS_AWAIT_SPREAD_MS)
            } else if to_all.records().all(Record::is_unique) {
                now
            } else {
                // Others may answer as well (RFC 6762 section 6).
                self.after(now, MDNS_DELAY_MS, MDNS_DELAY_SPREAD_MS)
            };
            let due = due.max(self.allowed(to_all, repeat_ms));
            self.schedule(to_all, due, is_cut.then_some(peer));
        }
        if to_one.is_empty() {
            return self.send_pending(now, reply);
        }
        Some((self.respond(reply, &Head::NONE, to_one, Form::Multicast)?, peer))
    }

    /// Whether an address is of the device's network.
    fn is_near(&self, peer: IpAddr) -> bool {
        let (address, prefix_len) = self.announcement.address;
        let IpAddr::V4(peer) = peer else { return false };
        let different = u64::from(address.to_bits() ^ peer.to_bits());
        different >> 32_u8.saturating_sub(prefix_len) == 0
    }

    /// Whether a record that another proposes for the same name comes after the device's own: the later one wins (RFC 6762
    /// section 8.2). Records that differ in their host's address or their port are compared by that.
    fn loses_to(&self, parsed: &Parsed<'_>) -> bool {
        match self.data.record_of(parsed) {
            Some(Record::Address) => parsed.data > &self.data.address.octets()[..],
            Some(Record::Location) => {
                let [port, low] = self.data.port.to_be_bytes();
                parsed.data.get(..6).is_some_and(|place| place > &[0, 0, 0, 0, port, low][..])
            }
            _ => false,
        }
    }

    /// Sends what is due to all.
    fn send_pending(&mut self, now: Instant, reply: &mut [u8]) -> Answer {
        if self.pending.due > now {
            return None;
        }
        let records = core::mem::replace(&mut self.pending, Pending::NONE).records;
        self.send_to_all(now, reply, records, Form::Multicast)
    }

    fn send_to_all(&mut self, now: Instant, reply: &mut [u8], records: Set, form: Form) -> Answer {
        let len = self.respond(reply, &Head::NONE, records, form)?;
        let all = records.with(records.additional());
        for record in all.records() {
            self.sent[record as usize] = Some(now);
        }
        // A querier that waits for one of these records has received it now.
        self.withdraw(all);
        Some((len, GROUP))
    }

    /// Writes a response with these records, and those that go with them.
    fn respond(&self, reply: &mut [u8], head: &Head<'_>, records: Set, form: Form) -> Option<usize> {
        let additional = records.additional();
        let mut writer = Writer::new(reply);
        let (answers, others) = (records.records().count(), additional.records().count());
        for word in [head.id, RESPONSE, head.questions, answers as u16, 0, others as u16] {
            writer.word(word)?;
        }
        writer.put(head.question)?;
        let mut names = Names::new(&self.data, writer);
        for record in records.records().chain(additional.records()) {
            names.record(record, form)?;
        }
        Some(names.writer.len)
    }

    /// Probes for the device's names, with the records that it would have (RFC 6762 section 8.1).
    fn probe(&self, reply: &mut [u8]) -> Option<usize> {
        let proposed = [Record::Address, Record::Location, Record::Text];
        let names = [Owner::Host, Owner::Instance];
        let mut writer = Writer::new(reply);
        for word in [0, 0, names.len() as u16, 0, proposed.len() as u16, 0] {
            writer.word(word)?;
        }
        let mut writer = Names::new(&self.data, writer);
        for name in names {
            writer.name(name)?;
            writer.writer.word(ANY)?;
            writer.writer.word(IN | UNICAST)?;
        }
        for record in proposed {
            writer.record(record, Form::Probe)?;
        }
        Some(writer.writer.len)
    }

    /// The next step of the state.
    fn go_on(&mut self, now: Instant, reply: &mut [u8]) -> Answer {
        match self.state {
            State::Probing(sent) if sent < MDNS_PROBES => {
                self.state = State::Probing(sent + 1);
                self.due = now + Duration::from_millis(MDNS_PROBE_MS);
                Some((self.probe(reply)?, GROUP))
            }
            State::Probing(_) => {
                self.state = State::Announcing(0);
                self.go_on(now, reply)
            }
            State::Announcing(sent) => {
                let is_last = sent + 1 >= MDNS_ANNOUNCEMENTS;
                self.state = if is_last { State::Running } else { State::Announcing(sent + 1) };
                self.due = if is_last { Instant::MAX } else { now + Duration::from_millis(MDNS_ANNOUNCE_MS) };
                self.send_to_all(now, reply, Set::ALL, Form::Multicast)
            }
            State::Running | State::Left => {
                self.due = Instant::MAX;
                None
            }
            State::Leaving => {
                let answer = self.send_to_all(now, reply, Set::ALL, Form::Goodbye);
                self.conflicts = 0;
                self.begin(now);
                answer
            }
        }
    }
}

/// The characters of a name as one label, which people can type. A dot would part labels.
fn label(name: &str) -> impl Iterator<Item = char> {
    name.chars().map(|c| if c == '.' { '-' } else { c })
}

/// The parts of a question that its response repeats.
struct Head<'a> {
    id: u16,
    question: &'a [u8],
    questions: u16,
}

impl Head<'_> {
    /// Nothing: a response of mDNS repeats no ID (RFC 6762 section 18.1).
    const NONE: Self = Self { id: 0, question: &[], questions: 0 };
}

impl<R: FnMut(&mut [u8])> Service for Responder<'_, R> {
    fn receive(&mut self, now: Instant, peer: SocketAddr, bytes: &[u8], reply: &mut [u8]) -> Answer {
        let message = Message::new(bytes)?;
        // A responder hears itself on some stacks; a code other than 0 is nothing of mDNS (RFC 6762 sections 18.3, 18.11).
        if message.opcode() != 0 || message.code() != 0 || peer.ip() == IpAddr::V4(self.announcement.address.0) {
            return None;
        }
        if !message.is_response() {
            return self.hear_query(now, peer, bytes, reply);
        }
        // RFC 6762 section 6: from this port only; section 11: from the link only, since no other host has a part in its
        // names. The address says which it is, because the receiver of a datagram is not known here.
        if peer.port() == PORT && self.is_near(peer.ip()) {
            self.hear_response(now, message);
        }
        None
    }

    fn due(&self) -> Instant {
        self.pending.due.min(self.due).min(self.look)
    }

    fn poll(&mut self, now: Instant, reply: &mut [u8]) -> Answer {
        if self.look <= now {
            self.look = now + Duration::from_millis(MDNS_LOOK_MS);
            if self.look_at_name() {
                match self.state {
                    State::Probing(_) | State::Left => {
                        self.conflicts = 0;
                        self.begin(now);
                    }
                    _ => (self.state, self.due) = (State::Leaving, now),
                }
            }
        }
        if self.due <= now {
            return self.go_on(now, reply);
        }
        self.send_pending(now, reply)
    }
}

#[cfg(test)]
mod tests;
