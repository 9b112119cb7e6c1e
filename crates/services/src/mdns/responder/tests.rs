use core::cell::RefCell;
use std::string::{String as Text, ToString};
use std::vec::Vec;
use std::{format, vec};

use domain::base::iana::Class;
use domain::base::{Message as Parsed, MessageBuilder, Name, Rtype, Ttl};
use domain::rdata::{A, Aaaa, AllRecordData, Ptr, Srv};

use super::*;

const DEVICE: [u8; 4] = [192, 168, 1, 7];
const ASKER: SocketAddr = SocketAddr::new(IpAddr::V4(core::net::Ipv4Addr::new(192, 168, 1, 9)), PORT);
const HOST: &str = "kitchen.local";
const INSTANCE: &str = "kitchen._sockeye._tcp.local";
const SERVICE: &str = "_sockeye._tcp.local";
const DAY_S: u32 = 86_400;

/// A record that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Heard {
    name: Text,
    kind: Rtype,
    flush: bool,
    ttl_s: u32,
    data: Text,
    is_answer: bool,
}

/// A message that was sent.
#[derive(Debug, Clone)]
struct Sent {
    ms: u64,
    to: SocketAddr,
    id: u16,
    is_response: bool,
    questions: usize,
    records: Vec<Heard>,
}

impl Sent {
    fn has(&self, name: &str, kind: Rtype) -> Option<&Heard> {
        self.records.iter().find(|record| record.name == name && record.kind == kind)
    }

    fn answers(&self) -> Vec<(&str, Rtype)> {
        let answers = self.records.iter().filter(|record| record.is_answer);
        answers.map(|record| (record.name.as_str(), record.kind)).collect()
    }
}

/// A responder, its clock and its name.
struct Net<'a> {
    responder: Responder<'a, fn(&mut [u8])>,
    now: Instant,
    start: Instant,
}

fn read(bytes: &[u8], to: SocketAddr, ms: u64) -> Sent {
    let message = Parsed::from_octets(bytes).unwrap();
    let sections = [message.answer(), message.authority(), message.additional()].map(Result::unwrap);
    let mut records = Vec::new();
    for (index, section) in sections.into_iter().enumerate() {
        for record in section.map(Result::unwrap) {
            let class = record.class().to_int();
            let kind = record.rtype();
            let data = record.to_any_record::<AllRecordData<_, _>>().unwrap().data().to_string();
            let (name, ttl_s) = (record.owner().to_string(), record.ttl().as_secs());
            assert_eq!(class & 0x7fff, 1);
            records.push(Heard { name, kind, flush: class & 0x8000 != 0, ttl_s, data, is_answer: index == 0 });
        }
    }
    let (id, is_response) = (message.header().id(), message.header().qr());
    Sent { ms, to, id, is_response, questions: message.question().count(), records }
}

impl<'a> Net<'a> {
    fn new(announcement: &'a Announcement<'a>) -> Self {
        let start = Instant::from_secs(100);
        let random: fn(&mut [u8]) = |bytes| bytes.fill(0x80);
        Self { responder: Responder::new(announcement, random, start), now: start, start }
    }

    /// A responder that has its name.
    fn running(announcement: &'a Announcement<'a>) -> Self {
        let mut net = Self::new(announcement);
        net.pass(10_000);
        assert_eq!(net.responder.state, State::Running);
        net
    }

    fn ms(&self) -> u64 {
        (self.now - self.start).as_millis()
    }

    /// The messages that are sent within `ms` milliseconds.
    fn pass(&mut self, ms: u64) -> Vec<Sent> {
        let end = self.now + Duration::from_millis(ms);
        let mut sent = Vec::new();
        let mut reply = [0; crate::limits::MDNS_ANSWER_LEN_MAX];
        while self.responder.due() <= end {
            self.now = self.now.max(self.responder.due());
            if let Some((len, to)) = self.responder.poll(self.now, &mut reply) {
                sent.push(read(&reply[..len], to, self.ms()));
            }
        }
        self.now = end;
        sent
    }

    /// The message that is sent at once when `message` comes.
    fn hear(&mut self, from: SocketAddr, message: &[u8]) -> Option<Sent> {
        let mut reply = [0; crate::limits::MDNS_ANSWER_LEN_MAX];
        let (len, to) = self.responder.receive(self.now, from, message, &mut reply)?;
        Some(read(&reply[..len], to, self.ms()))
    }

    /// The messages that are sent when `message` comes, at once or within a second and a half.
    fn ask(&mut self, from: SocketAddr, message: &[u8]) -> Vec<Sent> {
        let mut sent: Vec<_> = self.hear(from, message).into_iter().collect();
        sent.extend(self.pass(1_500));
        sent
    }
}

fn name(text: &str) -> Name<Vec<u8>> {
    Name::from_chars(text.chars()).unwrap()
}

/// Questions, each with its class's bit for an answer to the asker alone.
fn query(questions: &[(&str, Rtype, bool)]) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec().question();
    message.header_mut().set_id(4242);
    for (text, kind, is_unicast) in questions {
        let class = if *is_unicast { Class::from_int(0x8001) } else { Class::IN };
        message.push((name(text), *kind, class)).unwrap();
    }
    message.finish()
}

/// A browse whose asker knows the instance already.
fn browse_knowing(ttl_s: u32) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec().question();
    message.push((name(SERVICE), Rtype::PTR, Class::IN)).unwrap();
    let mut message = message.answer();
    message.push((name(SERVICE), Class::IN, Ttl::from_secs(ttl_s), Ptr::new(name(INSTANCE)))).unwrap();
    message.finish()
}

fn response(owner: &str, address: [u8; 4], ttl_s: u32) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec();
    message.header_mut().set_qr(true);
    let mut message = message.answer();
    let data = A::from_octets(address[0], address[1], address[2], address[3]);
    message.push((name(owner), Class::from_int(0x8001), Ttl::from_secs(ttl_s), data)).unwrap();
    message.finish()
}

fn kitchen(take: &mut dyn FnMut(&str)) {
    take("kitchen");
}

fn announcement<'a>() -> Announcement<'a> {
    Announcement { name: &kitchen, address: (DEVICE.into(), 24), port: 3000, txt: &[("path", "/")] }
}

/// Issue 13, number 9: RFC 6762 sections 8.1 and 8.3.
#[test]
fn a_name_is_probed_three_times_and_announced_twice() {
    let announcement = announcement();
    let sent = Net::new(&announcement).pass(10_000);
    let (probes, announcements) = sent.split_at(3);
    assert_eq!(announcements.len(), 2);
    let steps: Vec<_> = sent.windows(2).map(|pair| pair[1].ms - pair[0].ms).collect();
    assert_eq!(steps, [250, 250, 250, 1_000]);
    assert!(sent[0].ms <= 250 && sent.iter().all(|message| message.to == GROUP && message.id == 0));
    for probe in probes {
        assert_eq!((probe.is_response, probe.questions), (false, 2));
        let address = probe.has(HOST, Rtype::A).unwrap();
        assert!(!address.flush && !address.is_answer);
        assert!(probe.has(INSTANCE, Rtype::SRV).is_some() && probe.has(INSTANCE, Rtype::TXT).is_some());
    }
    for announcement in announcements {
        assert!(announcement.is_response && announcement.questions == 0);
        for (owner, kind, data, ttl_s, flush) in [
            ("_services._dns-sd._udp.local", Rtype::PTR, SERVICE, 120, false),
            (SERVICE, Rtype::PTR, INSTANCE, 120, false),
            (INSTANCE, Rtype::SRV, "0 0 3000 kitchen.local", 120, true),
            (INSTANCE, Rtype::TXT, "\"path=/\"", 120, true),
            (HOST, Rtype::A, "192.168.1.7", 120, true),
            ("7.1.168.192.in-addr.arpa", Rtype::PTR, HOST, 120, true),
        ] {
            let record = announcement.has(owner, kind).expect(owner);
            assert_eq!((record.data.trim_end_matches('.'), record.ttl_s), (data, ttl_s));
            assert_eq!((record.flush, record.is_answer), (flush, true), "{owner}");
        }
    }
}

/// Issue 13, number 7: RFC 6762 section 6.1.
#[test]
fn a_question_for_what_there_is_not_is_answered_with_what_there_is() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    for (asked, kind, types) in
        [(HOST, Rtype::AAAA, "A"), ("KITCHEN.Local", Rtype::AAAA, "A"), (INSTANCE, Rtype::A, "TXT SRV")]
    {
        let sent = net.ask(ASKER, &query(&[(asked, kind, false)]));
        let [answer] = &sent[..] else { panic!("{asked} {kind}: {sent:?}") };
        let [(owner, Rtype::NSEC)] = answer.answers()[..] else { panic!("{answer:?}") };
        let record = answer.has(owner, Rtype::NSEC).unwrap();
        assert!(owner.eq_ignore_ascii_case(asked) && record.flush);
        assert_eq!(record.data, format!("{owner}. {types}").replace("..", "."), "{asked} {kind}");
    }
    let answer = net.ask(ASKER, &query(&[(HOST, Rtype::A, false)])).pop().unwrap();
    assert!(answer.has(HOST, Rtype::NSEC).is_some_and(|record| !record.is_answer), "section 6.2");
    assert!(net.ask(ASKER, &query(&[(SERVICE, Rtype::AAAA, false)])).is_empty(), "others may have it");
}

#[test]
fn a_browse_is_answered_with_all_that_is_asked_next_a_moment_later() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    assert!(net.hear(ASKER, &query(&[(SERVICE, Rtype::PTR, false)])).is_none());
    let asked = net.ms();
    let sent = net.pass(1_500);
    let [answer] = &sent[..] else { panic!("{sent:?}") };
    assert!((20..=120).contains(&(answer.ms - asked)));
    assert_eq!((answer.to, answer.questions, answer.answers()), (GROUP, 0, vec![(SERVICE, Rtype::PTR)]));
    for (owner, kind) in [(INSTANCE, Rtype::SRV), (INSTANCE, Rtype::TXT), (HOST, Rtype::A), (HOST, Rtype::NSEC)] {
        assert!(answer.has(owner, kind).is_some(), "{owner} {kind}");
    }
    // An answer with unique records needs no delay.
    assert_eq!(net.hear(ASKER, &query(&[(HOST, Rtype::A, false)])).map(|sent| sent.to), Some(GROUP));
}

#[test]
fn a_record_is_sent_to_all_no_sooner_than_a_second_after_the_last_time() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    let ask = query(&[(HOST, Rtype::A, false)]);
    assert!(net.hear(ASKER, &ask).is_some());
    net.pass(400);
    assert!(net.hear(ASKER, &ask).is_none());
    assert!(net.pass(590).is_empty());
    assert_eq!(net.pass(20).len(), 1, "whoever asked is not forgotten");
}

#[test]
fn who_asks_while_the_device_announces_itself_hears_the_announcement_only() {
    let announcement = announcement();
    let mut net = Net::new(&announcement);
    let first = net.pass(900).pop().unwrap();
    assert!(first.is_response);
    assert!(net.hear(ASKER, &query(&[(SERVICE, Rtype::PTR, false)])).is_none());
    assert_eq!(net.pass(3_000).len(), 1);
}

/// Issue 13, number 9: RFC 6762 section 7.1.
#[test]
fn what_is_known_is_not_sent_again_unless_it_will_soon_be_forgotten() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    assert!(net.ask(ASKER, &browse_knowing(120)).is_empty());
    assert!(net.ask(ASKER, &browse_knowing(60)).is_empty());
    assert_eq!(net.ask(ASKER, &browse_knowing(59)).len(), 1);
}

/// RFC 6762 section 7.2.
#[test]
fn an_asker_that_has_more_to_say_is_waited_for() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    let mut cut = query(&[(SERVICE, Rtype::PTR, false)]);
    cut[2] |= 2;
    let mut rest = browse_knowing(DAY_S);
    // Without its question, which the first message had.
    let end = 12 + 1 + 8 + 1 + 4 + 1 + 5 + 1 + 4;
    rest.drain(12..end);
    rest[5] = 0;
    assert!(net.hear(ASKER, &cut).is_none());
    assert!(net.hear(([192, 168, 1, 99], PORT).into(), &rest).is_none());
    assert_eq!(net.pass(1_500).len(), 1, "another asker's knowledge is no reason");
    assert!(net.hear(ASKER, &cut).is_none());
    assert!(net.pass(300).is_empty());
    assert!(net.hear(ASKER, &rest).is_none());
    assert!(net.pass(1_500).is_empty(), "it knows the answer");
}

/// Issue 13, number 9: RFC 6762 section 6.7.
#[test]
fn one_that_knows_nothing_of_mdns_gets_what_a_name_server_would_send() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    let plain = SocketAddr::new(ASKER.ip(), 40_001);
    let answer = net.hear(plain, &query(&[(HOST, Rtype::A, false)])).expect("at once");
    assert_eq!((answer.to, answer.id, answer.questions), (plain, 4242, 1));
    assert!(answer.records.iter().all(|record| record.ttl_s <= 10 && !record.flush), "{answer:?}");
    assert_eq!(answer.answers(), [(HOST, Rtype::A)]);
    let far = ([10, 0, 0, 9], 40_001).into();
    assert!(net.ask(far, &query(&[(HOST, Rtype::A, false)])).is_empty(), "section 11: not beyond the link");
    assert!(net.ask(plain, &query(&[("printer.local", Rtype::A, false)])).is_empty());
}

/// RFC 6762 section 5.4.
#[test]
fn who_asks_for_an_answer_alone_gets_one_if_all_have_heard_it_lately() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    let ask = query(&[(HOST, Rtype::A, true)]);
    let answer = net.hear(ASKER, &ask).unwrap();
    assert_eq!((answer.to, answer.id), (ASKER, 0));
    assert!(answer.has(HOST, Rtype::A).unwrap().flush);
    net.pass(31_000);
    assert_eq!(net.hear(ASKER, &ask).unwrap().to, GROUP);
    net.pass(31_000);
    let far = ([10, 0, 0, 9], PORT).into();
    assert_eq!(net.hear(far, &ask).unwrap().to, GROUP);
}

#[test]
fn a_name_that_another_has_gets_a_number() {
    let announcement = announcement();
    let mut net = Net::new(&announcement);
    net.pass(300);
    assert!(net.hear(ASKER, &response(HOST, [192, 168, 1, 9], 120)).is_none());
    net.pass(300);
    assert!(net.hear(ASKER, &response("kitchen-2.local", [192, 168, 1, 9], 120)).is_none());
    let sent = net.pass(5_000);
    let last = sent.last().unwrap();
    assert_eq!(last.has("kitchen-3.local", Rtype::A).unwrap().data, "192.168.1.7");
    assert!(last.has("kitchen-3._sockeye._tcp.local", Rtype::SRV).is_some());
}

#[test]
fn the_devices_own_record_from_another_is_no_conflict() {
    let announcement = announcement();
    let mut net = Net::new(&announcement);
    net.pass(300);
    net.hear(ASKER, &response(HOST, DEVICE, 120));
    net.hear(ASKER, &response(HOST, [192, 168, 1, 9], 0));
    net.hear(SocketAddr::new(ASKER.ip(), 40_000), &response(HOST, [192, 168, 1, 9], 120));
    net.hear((DEVICE, PORT).into(), &response(HOST, [192, 168, 1, 9], 120));
    assert!(net.pass(5_000).last().unwrap().has(HOST, Rtype::A).is_some());
}

/// RFC 6762 section 9.
#[test]
fn a_name_that_another_takes_later_is_probed_again_and_kept_if_nobody_defends_it() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    net.hear(ASKER, &response(HOST, [192, 168, 1, 9], 120));
    let sent = net.pass(5_000);
    assert_eq!(sent.iter().filter(|message| !message.is_response).count(), 3);
    assert!(sent.last().unwrap().has(HOST, Rtype::A).is_some());
}

/// Another host's probe for the device's name.
fn probe(address: [u8; 4]) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec().question();
    message.push((name(HOST), Rtype::ANY, Class::from_int(0x8001))).unwrap();
    let mut message = message.authority();
    let data = A::from_octets(address[0], address[1], address[2], address[3]);
    message.push((name(HOST), Class::IN, Ttl::from_secs(120), data)).unwrap();
    message.finish()
}

/// RFC 6762 section 11: whoever is beyond a router sends to the device alone, and says that it is another with its name.
/// The device took another name, and could be kept from having any.
#[test]
fn nothing_from_another_network_changes_a_name_or_gets_an_answer_alone() {
    let announcement = announcement();
    let far = SocketAddr::from(([10, 0, 0, 9], PORT));
    let mut net = Net::new(&announcement);
    let usual: Vec<_> = Net::new(&announcement).pass(5_000).iter().map(|sent| sent.ms).collect();
    net.pass(300);
    assert!(net.hear(far, &probe([192, 168, 1, 9])).is_none());
    assert!(net.hear(far, &response(HOST, [192, 168, 1, 9], 120)).is_none());
    let times: Vec<_> = net.pass(4_700).iter().map(|sent| sent.ms).collect();
    assert_eq!(times, usual[usual.len() - times.len()..]);
    let mut net = Net::running(&announcement);
    net.hear(far, &response(HOST, [192, 168, 1, 9], 120));
    net.hear(far, &response(HOST, DEVICE, 1));
    assert!(net.pass(5_000).is_empty() && net.responder.state == State::Running);
    for is_unicast in [false, true] {
        for from in [far, SocketAddr::new(far.ip(), 40_001)] {
            let sent = net.ask(from, &query(&[(HOST, Rtype::A, is_unicast)]));
            assert!(sent.iter().all(|sent| sent.to == GROUP), "{from}");
        }
    }
}

/// RFC 6762 section 6: a thousand questions in a second have two answers to all, whoever asks.
#[test]
fn many_questions_have_few_answers() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    let start = net.ms();
    let mut sent = Vec::new();
    for number in 0..1_000u32 {
        let [.., c, d] = number.to_be_bytes();
        let from = SocketAddr::from(([192, 168, c, d], PORT));
        sent.extend(net.hear(from, &query(&[(HOST, Rtype::A, false), (SERVICE, Rtype::PTR, false)])));
        sent.extend(net.pass(1));
    }
    assert_eq!(net.ms() - start, 1_000);
    assert!(sent.len() <= 2 && sent.iter().all(|sent| sent.to == GROUP), "{sent:?}");
}

/// RFC 6762 section 8.2.
#[test]
fn of_two_that_probe_at_once_the_later_address_goes_first() {
    let announcement = announcement();
    for (address, waits) in [([192, 168, 1, 9], true), ([192, 168, 1, 3], false), (DEVICE, false)] {
        let mut net = Net::new(&announcement);
        net.pass(300);
        assert!(net.hear(ASKER, &probe(address)).is_none());
        let next = net.pass(5_000)[0].ms;
        assert_eq!(next >= 1_300, waits, "{address:?}: after {next} ms");
    }
    // Later the name is defended at once.
    let mut net = Net::running(&announcement);
    assert!(net.hear(ASKER, &probe([192, 168, 1, 9])).is_some());
}

/// RFC 6762 sections 8.4 and 10.1.
#[test]
fn another_name_ends_the_records_of_the_old_one() {
    let told = RefCell::new("kitchen");
    let tell = |take: &mut dyn FnMut(&str)| take(&told.borrow());
    let announcement = Announcement { name: &tell, ..announcement() };
    let mut net = Net::running(&announcement);
    *told.borrow_mut() = "cellar";
    let sent = net.pass(10_000);
    assert!(sent[0].is_response && sent[0].records.iter().all(|record| record.ttl_s == 0));
    assert!(sent[0].has(HOST, Rtype::A).is_some() && sent[0].has(SERVICE, Rtype::PTR).is_some());
    assert_eq!(sent.last().unwrap().has("cellar.local", Rtype::A).unwrap().ttl_s, 120);
    assert!(net.ask(ASKER, &query(&[(HOST, Rtype::A, false)])).is_empty());
}

/// RFC 6762 section 10.1.
#[test]
fn a_device_that_leaves_the_network_says_goodbye_in_time_and_is_silent() {
    let told = RefCell::new(Some("kitchen"));
    let tell = |take: &mut dyn FnMut(&str)| told.borrow().iter().for_each(|name: &&str| take(name));
    let announcement = Announcement { name: &tell, ..announcement() };
    let mut net = Net::running(&announcement);
    *told.borrow_mut() = None;
    // The station leaves 500 ms later.
    let sent = net.pass(400);
    assert!(sent.len() == 1 && sent[0].is_response && sent[0].records.iter().all(|record| record.ttl_s == 0));
    assert!(sent[0].has(HOST, Rtype::A).is_some() && sent[0].has(SERVICE, Rtype::PTR).is_some());
    // Neither a query, nor another host with the name, nor a probe has an answer.
    assert!(net.ask(ASKER, &query(&[(HOST, Rtype::A, false)])).is_empty());
    assert!(net.ask(ASKER, &response(HOST, [192, 168, 1, 9], 120)).is_empty());
    assert!(net.ask(ASKER, &probe([192, 168, 1, 9])).is_empty());
    assert!(net.pass(60_000).is_empty());
    // Back in the network the device probes for its name again.
    *told.borrow_mut() = Some("kitchen");
    let sent = net.pass(10_000);
    assert!(!sent[0].is_response, "{:?}", sent[0]);
    assert_eq!(sent.last().unwrap().has(HOST, Rtype::A).unwrap().ttl_s, 120);
}

#[test]
fn a_device_without_a_name_yet_announces_none() {
    let told = RefCell::new(None);
    let tell = |take: &mut dyn FnMut(&str)| told.borrow().iter().for_each(|name: &&str| take(name));
    let announcement = Announcement { name: &tell, ..announcement() };
    let mut net = Net::new(&announcement);
    assert!(net.pass(10_000).is_empty());
    *told.borrow_mut() = Some("kitchen");
    assert!(net.pass(10_000).last().is_some_and(|sent| sent.has(HOST, Rtype::A).is_some()));
    // A device that leaves before its name is announced has nothing to take back.
    let mut net = Net::new(&announcement);
    net.pass(200);
    *told.borrow_mut() = None;
    assert!(net.pass(10_000).iter().all(|sent| !sent.is_response));
}

/// RFC 6762 section 6.6.
#[test]
fn a_record_that_another_lets_end_too_early_is_sent_again() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    net.hear(ASKER, &response(HOST, DEVICE, 30));
    assert!(net.pass(1_000)[0].has(HOST, Rtype::A).is_some());
    net.hear(ASKER, &response(HOST, DEVICE, 60));
    assert!(net.pass(1_000).is_empty());
}

/// A name that was set may have dots, and a host's name is one label before `.local`.
#[test]
fn a_name_with_dots_is_one_label() {
    let told = RefCell::new("kitchen.lamp");
    let tell = |take: &mut dyn FnMut(&str)| take(&told.borrow());
    let announcement = Announcement { name: &tell, ..announcement() };
    let mut net = Net::new(&announcement);
    let sent = net.pass(10_000);
    assert!(sent.last().unwrap().has("kitchen-lamp.local", Rtype::A).is_some(), "{:?}", sent.last());
    assert_eq!(net.pass(10_000).len(), 0, "it is not taken for another name");
}

#[test]
fn the_longest_name_and_text_fit() {
    let long = |take: &mut dyn FnMut(&str)| take(&"n".repeat(70));
    let value = "v".repeat(200);
    let txt = [("key", value.as_str())];
    let announcement = Announcement { name: &long, txt: &txt, ..announcement() };
    let mut net = Net::new(&announcement);
    assert_eq!(net.pass(10_000).len(), 5);
    net.conflict_twice();
    let sent = net.pass(10_000);
    let host = format!("{}-2.local", "n".repeat(61));
    assert!(sent.last().unwrap().has(&host, Rtype::A).is_some());
}

impl Net<'_> {
    /// Another has the name, and keeps it.
    fn conflict_twice(&mut self) {
        self.responder.conflict(self.now);
        self.responder.conflict(self.now);
    }
}

#[test]
fn no_message_panics_and_another_opcode_gets_no_answer() {
    let announcement = announcement();
    let mut net = Net::running(&announcement);
    let mut seed = 1u32;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed
    };
    let mut service = MessageBuilder::new_vec().answer();
    service.header_mut().set_qr(true);
    service.push((name(INSTANCE), Class::IN, Ttl::from_secs(120), Srv::new(0, 0, 9, name(HOST)))).unwrap();
    service.push((name(HOST), Class::IN, Ttl::from_secs(120), Aaaa::from(core::net::Ipv6Addr::LOCALHOST))).unwrap();
    let good = [query(&[(SERVICE, Rtype::PTR, false), (HOST, Rtype::ANY, true)]), browse_knowing(10), service.finish()];
    for round in 0..30_000 {
        let mut bytes = good[round % good.len()].clone();
        for _ in 0..random() % 4 + 1 {
            let at = random() as usize % bytes.len();
            bytes[at] = random() as u8;
        }
        bytes.truncate(random() as usize % 200);
        net.hear(ASKER, &bytes);
    }
    net.pass(60_000);
    let mut bytes = query(&[(HOST, Rtype::A, false)]);
    bytes[2] = 0x10;
    assert!(net.ask(ASKER, &bytes).is_empty());
}
