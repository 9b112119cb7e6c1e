use std::string::String;
use std::vec::Vec;

use domain::base::iana::{Class, Rcode};
use domain::base::{Message as Parsed, MessageBuilder, Name, Rtype, ToName, Ttl};
use domain::rdata::{A as Address, Cname};

use super::*;

const HOST: &str = "time.example.org";
const ID: u16 = 0x1234;
const FOUND: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);

fn name(text: &str) -> Name<Vec<u8>> {
    Name::from_chars(text.chars()).unwrap()
}

fn asked() -> Vec<u8> {
    let mut buffer = [0; DNS_QUESTION_LEN_MAX];
    let len = question(HOST, ID, &mut buffer).unwrap();
    buffer[..len].to_vec()
}

/// An answer to the question, with an alias or an address for each pair of names.
fn answer(question: &str, records: &[(&str, Result<&str, Ipv4Addr>)]) -> Vec<u8> {
    let mut message = MessageBuilder::new_vec().question();
    message.header_mut().set_id(ID);
    message.header_mut().set_qr(true);
    message.push((name(question), Rtype::A, Class::IN)).unwrap();
    let mut message = message.answer();
    for (owner, data) in records {
        let (owner, ttl) = (name(owner), Ttl::from_secs(60));
        match data {
            Ok(alias) => message.push((owner, Class::IN, ttl, Cname::new(name(alias)))).unwrap(),
            Err(address) => message.push((owner, Class::IN, ttl, Address::new(*address))).unwrap(),
        }
    }
    message.finish()
}

fn found() -> Vec<u8> {
    answer(HOST, &[(HOST, Err(FOUND))])
}

#[test]
fn a_question_is_one_for_an_ipv4_address() {
    let bytes = asked();
    let message = Parsed::from_octets(&bytes[..]).unwrap();
    assert_eq!((message.header().id(), message.header().rd(), message.header().qr()), (ID, true, false));
    let question = message.sole_question().unwrap();
    assert_eq!((question.qname().to_vec(), question.qtype(), question.qclass()), (name(HOST), Rtype::A, Class::IN));
}

#[test]
fn what_is_no_name_of_a_host_is_not_asked_for() {
    let mut buffer = [0; DNS_QUESTION_LEN_MAX];
    let mut ask = |host: &str| question(host, ID, &mut buffer);
    assert_eq!(ask("a.b."), ask("a.b"), "the root's dot");
    let label = "a".repeat(DNS_LABEL_LEN_MAX);
    assert!(ask(&label).is_some());
    let longest: String = ["a"; HOST_LEN_MAX / 2].join(".");
    assert!(longest.len() == HOST_LEN_MAX - 1 && ask(&longest).is_some());
    for wrong in ["", ".", "a..b", ".a", "a..", &std::format!("{label}a"), &std::format!("{longest}.ab")] {
        assert_eq!(ask(wrong), None, "{wrong:?}");
    }
}

#[test]
fn the_first_address_of_the_name_or_of_its_alias_counts() {
    let other = Ipv4Addr::new(192, 0, 2, 8);
    for (what, records, expected) in [
        ("one", &[(HOST, Err(FOUND))] as &[_], Ok(FOUND)),
        ("two", &[(HOST, Err(FOUND)), (HOST, Err(other))], Ok(FOUND)),
        ("in other letters", &[("TIME.example.ORG", Err(FOUND))], Ok(FOUND)),
        ("aliases", &[(HOST, Ok("a.org")), ("a.org", Ok("b.org")), ("b.org", Err(FOUND))], Ok(FOUND)),
        ("an alias of itself", &[(HOST, Ok(HOST)), (HOST, Err(FOUND))], Ok(FOUND)),
        ("another's", &[("a.org", Err(other))], Err(ResolveError::NotFound)),
        ("not the alias's", &[(HOST, Ok("a.org")), (HOST, Err(other))], Err(ResolveError::NotFound)),
        ("none", &[], Err(ResolveError::NotFound)),
    ] {
        assert_eq!(outcome(&asked(), &answer(HOST, records)), Some(expected), "{what}");
    }
}

#[test]
fn an_error_of_the_server_is_no_answer_of_the_name() {
    let with = |rcode: Rcode| {
        let mut bytes = found();
        bytes[3] |= rcode.to_int();
        outcome(&asked(), &bytes)
    };
    assert_eq!(with(Rcode::NXDOMAIN), Some(Err(ResolveError::NotFound)));
    let mut cut = answer(HOST, &[]);
    cut[2] |= 0x02;
    assert_eq!(outcome(&asked(), &cut), Some(Err(ResolveError::Server)), "truncated");
    for rcode in [Rcode::FORMERR, Rcode::SERVFAIL, Rcode::NOTIMP, Rcode::REFUSED] {
        assert_eq!(with(rcode), Some(Err(ResolveError::Server)), "{rcode}");
    }
}

/// RFC 5452 section 9.1.
#[test]
fn what_does_not_answer_the_question_is_no_answer() {
    type Edit = fn(&mut Vec<u8>);
    let edits: [(&str, Edit); 9] = [
        ("another ID", |bytes| bytes[0] ^= 0x80),
        ("another ID", |bytes| bytes[1] ^= 1),
        ("a question", |bytes| bytes[2] &= 0x7f),
        ("another opcode", |bytes| bytes[2] |= 0x08),
        ("no question in it", |bytes| bytes[5] = 0),
        ("another name", |bytes| bytes[13] ^= 1),
        ("another type", |bytes| bytes[31] = 28),
        ("another class", |bytes| bytes[33] = 3),
        ("half a question", |bytes| bytes.truncate(20)),
    ];
    for (what, edit) in edits {
        let mut bytes = found();
        edit(&mut bytes);
        assert_eq!(outcome(&asked(), &bytes), None, "{what}");
    }
    assert_eq!(outcome(&asked(), &found()), Some(Ok(FOUND)));
}

#[test]
fn an_answer_that_is_cut_off_at_any_byte_is_no_address() {
    let whole = answer(HOST, &[(HOST, Ok("a.org")), ("a.org", Err(FOUND))]);
    assert_eq!(outcome(&asked(), &whole), Some(Ok(FOUND)));
    for len in 0..whole.len() {
        let heard = outcome(&asked(), &whole[..len]);
        assert!(matches!(heard, None | Some(Err(ResolveError::Server))), "{len}: {heard:?}");
    }
}

#[test]
fn no_message_panics() {
    let mut random = fastrand::Rng::with_seed(1);
    let whole = answer(HOST, &[(HOST, Ok("a.org")), ("a.org", Err(FOUND))]);
    for _ in 0..100_000 {
        let mut bytes = whole.clone();
        for _ in 0..random.usize(1..=4) {
            let at = random.usize(2..bytes.len());
            bytes[at] = random.u8(..);
        }
        let _ = outcome(&asked(), &bytes);
    }
}
