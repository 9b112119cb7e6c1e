//! The records of a device: their names, their data, and how they are written and recognised.

use core::fmt::Write;
use core::net::Ipv4Addr;

use heapless::String;

use crate::dns::{A, IN, NSEC, Name, PTR, Record as Parsed, SRV, TXT, Writer};
use crate::limits::{MDNS_LABELS_MAX, MDNS_LEGACY_TTL_S, MDNS_TEXT_LEN_MAX, MDNS_TTL_S, NAME_LEN_MAX};
use crate::mdns::SERVICE;

/// The cache-flush bit of a class (RFC 6762 section 10.2).
pub(super) const CACHE_FLUSH: u16 = 0x8000;

/// The names that a device has records of, and those that they end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Owner {
    /// `local`.
    Local,
    /// `_sockeye._tcp.local`.
    Service,
    /// `NAME._sockeye._tcp.local`.
    Instance,
    /// `NAME.local`.
    Host,
    /// `_services._dns-sd._udp.local` (RFC 6763 section 9).
    Services,
    /// `D.C.B.A.in-addr.arpa`, for the address A.B.C.D.
    Reverse,
}

/// How many names there are.
const OWNERS: usize = 6;

/// The records. Those with a name that is the device's alone are unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Record {
    /// The device has a service `_sockeye._tcp`.
    InstancePointer,
    /// Its host and port.
    Location,
    /// More about it.
    Text,
    /// The host's address.
    Address,
    /// The address's host.
    HostPointer,
    /// The host has an IPv4 address, and nothing else.
    HostTypes,
    /// The service has a host and a text, and nothing else.
    InstanceTypes,
    /// There are services `_sockeye._tcp`.
    ServicePointer,
}

impl Record {
    pub(super) const ALL: [Self; 8] = [
        Self::InstancePointer,
        Self::Location,
        Self::Text,
        Self::Address,
        Self::HostPointer,
        Self::HostTypes,
        Self::InstanceTypes,
        Self::ServicePointer,
    ];

    pub(super) fn owner(self) -> Owner {
        match self {
            Self::ServicePointer => Owner::Services,
            Self::InstancePointer => Owner::Service,
            Self::Location | Self::Text | Self::InstanceTypes => Owner::Instance,
            Self::Address | Self::HostTypes => Owner::Host,
            Self::HostPointer => Owner::Reverse,
        }
    }

    pub(super) fn kind(self) -> u16 {
        match self {
            Self::ServicePointer | Self::InstancePointer | Self::HostPointer => PTR,
            Self::Location => SRV,
            Self::Text => TXT,
            Self::Address => A,
            Self::HostTypes | Self::InstanceTypes => NSEC,
        }
    }

    /// Whether no other device has a record of this name and type.
    pub(super) fn is_unique(self) -> bool {
        !matches!(self, Self::ServicePointer | Self::InstancePointer)
    }

    /// The additional records of this record (RFC 6763 section 12, RFC 6762 section 6.1).
    pub(super) fn additional(self) -> Set {
        match self {
            Self::InstancePointer => {
                Set::of(&[Self::Location, Self::Text, Self::Address, Self::HostTypes, Self::InstanceTypes])
            }
            Self::Location => Set::of(&[Self::Address, Self::HostTypes]),
            Self::Address => Set::of(&[Self::HostTypes]),
            _ => Set::NONE,
        }
    }
}

/// Some of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Set(u8);

impl Set {
    pub(super) const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0xff);

    pub(super) fn of(records: &[Record]) -> Self {
        Self(records.iter().fold(0, |bits, record| bits | 1 << *record as u8))
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn has(self, record: Record) -> bool {
        self.0 & 1 << record as u8 != 0
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn records(self) -> impl Iterator<Item = Record> {
        Record::ALL.into_iter().filter(move |record| self.has(*record))
    }

    /// The additional records of these records that are not among them.
    pub(super) fn additional(self) -> Self {
        self.records().fold(Self::NONE, |set, record| set.with(record.additional())).without(self)
    }
}

/// How records are to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For all that hear it.
    Multicast,
    /// For a legacy resolver: no cache-flush bit in the class, and a short time to live (RFC 6762 section 6.7).
    Legacy,
    /// In a probe: no bit in the class (RFC 6762 section 10.2).
    Probe,
    /// The records end (RFC 6762 section 10.1).
    Goodbye,
}

/// The data of a device's records.
pub(super) struct Data<'a> {
    /// The label that the device has.
    pub(super) name: String<NAME_LEN_MAX>,
    pub(super) address: Ipv4Addr,
    pub(super) port: u16,
    pub(super) txt: &'a [(&'a str, &'a str)],
    /// The address's numbers from the last to the first.
    numbers: [String<3>; 4],
}

impl<'a> Data<'a> {
    pub(super) fn new(address: Ipv4Addr, port: u16, txt: &'a [(&'a str, &'a str)]) -> Self {
        let mut octets = address.octets();
        octets.reverse();
        let numbers = octets.map(|octet| {
            let mut number = String::new();
            // The string has room for the longest octet.
            let _ = write!(number, "{octet}");
            number
        });
        Self { name: String::new(), address, port, txt, numbers }
    }

    /// The labels before the rest of a name, and what the rest is; None if there is none.
    fn parts(&self, owner: Owner) -> ([&[u8]; MDNS_LABELS_MAX], Option<Owner>) {
        let mut labels: [&[u8]; MDNS_LABELS_MAX] = [&[]; MDNS_LABELS_MAX];
        let rest = match owner {
            Owner::Local => {
                labels[0] = b"local";
                None
            }
            Owner::Service => {
                labels[..2].copy_from_slice(&[SERVICE.as_bytes(), b"_tcp"]);
                Some(Owner::Local)
            }
            Owner::Instance => {
                labels[0] = self.name.as_bytes();
                Some(Owner::Service)
            }
            Owner::Host => {
                labels[0] = self.name.as_bytes();
                Some(Owner::Local)
            }
            Owner::Services => {
                labels[..3].copy_from_slice(&[b"_services", b"_dns-sd", b"_udp"]);
                Some(Owner::Local)
            }
            Owner::Reverse => {
                for (label, number) in labels.iter_mut().zip(&self.numbers) {
                    *label = number.as_bytes();
                }
                labels[4..].copy_from_slice(&[b"in-addr", b"arpa"]);
                None
            }
        };
        (labels, rest)
    }

    /// Whether a name in a message is this one. Case is no difference (RFC 6762 section 16).
    pub(super) fn is(&self, owner: Owner, name: Name<'_>) -> bool {
        let mut heard = name.labels().flatten();
        let mut next = Some(owner);
        while let Some(owner) = next {
            let (labels, rest) = self.parts(owner);
            for label in labels.into_iter().filter(|label| !label.is_empty()) {
                if !heard.next().is_some_and(|heard| heard.eq_ignore_ascii_case(label)) {
                    return false;
                }
            }
            next = rest;
        }
        heard.next().is_none()
    }

    /// The records that answer a question for this name and type. For a unique name without records of the type, that
    /// is NSEC (RFC 6762 section 6.1).
    pub(super) fn answers(&self, name: Name<'_>, kind: u16) -> Set {
        let named = |record: &Record| self.is(record.owner(), name);
        let all = Record::ALL.into_iter().filter(named).fold(Set::NONE, |set, record| set.with(Set::of(&[record])));
        let asked = all.records().filter(|record| record.kind() == kind || kind == crate::dns::ANY);
        let asked = asked.fold(Set::NONE, |set, record| set.with(Set::of(&[record])));
        let types = Set::of(&[Record::HostTypes, Record::InstanceTypes]);
        if asked.is_empty() { Set(all.0 & types.0) } else { asked }
    }

    /// The record that somebody else's is one of, by name and type; None if it is none.
    pub(super) fn record_of(&self, parsed: &Parsed<'_>) -> Option<Record> {
        let is_it = |record: &Record| record.kind() == parsed.kind && self.is(record.owner(), parsed.name);
        let class = parsed.class & !CACHE_FLUSH;
        Record::ALL.into_iter().find(is_it).filter(|_| class == IN)
    }

    /// Whether another host's record is the same as the device's.
    pub(super) fn is_same(&self, record: Record, parsed: &Parsed<'_>) -> bool {
        match record {
            Record::ServicePointer => parsed.target(0).is_some_and(|name| self.is(Owner::Service, name)),
            Record::InstancePointer => parsed.target(0).is_some_and(|name| self.is(Owner::Instance, name)),
            Record::HostPointer => parsed.target(0).is_some_and(|name| self.is(Owner::Host, name)),
            Record::Location => {
                let [port, low] = self.port.to_be_bytes();
                parsed.data.starts_with(&[0, 0, 0, 0, port, low])
                    && parsed.target(6).is_some_and(|name| self.is(Owner::Host, name))
            }
            Record::Address => parsed.data == self.address.octets(),
            Record::Text => {
                let mut text = [0; MDNS_TEXT_LEN_MAX];
                let mut writer = Writer::new(&mut text);
                self.write_text(&mut writer).is_some() && parsed.data == writer.written()
            }
            // The content of an NSEC record follows from the other records.
            Record::HostTypes | Record::InstanceTypes => true,
        }
    }

    fn write_text(&self, writer: &mut Writer<'_>) -> Option<()> {
        for (key, value) in self.txt {
            let len = u8::try_from(key.len() + 1 + value.len()).ok()?;
            writer.put(&[len])?;
            writer.put(key.as_bytes())?;
            writer.put(b"=")?;
            writer.put(value.as_bytes())?;
        }
        // RFC 6763 section 6.1: a text has one string at least.
        if self.txt.is_empty() { writer.put(&[0]) } else { Some(()) }
    }
}

/// Writes names, each of which is written once and then pointed to.
pub(super) struct Names<'a, 'b> {
    data: &'a Data<'a>,
    pub(super) writer: Writer<'b>,
    /// Where each name is; 0 if it is not yet.
    places: [u16; OWNERS],
}

impl<'a, 'b> Names<'a, 'b> {
    pub(super) fn new(data: &'a Data<'a>, writer: Writer<'b>) -> Self {
        Self { data, writer, places: [0; OWNERS] }
    }

    pub(super) fn name(&mut self, owner: Owner) -> Option<()> {
        let mut next = Some(owner);
        while let Some(owner) = next {
            let place = self.places.get_mut(owner as usize)?;
            if *place != 0 {
                return self.writer.word(0xc000 | *place);
            }
            *place = u16::try_from(self.writer.len).ok()?;
            let (labels, rest) = self.data.parts(owner);
            for label in labels.into_iter().filter(|label| !label.is_empty()) {
                self.writer.put(&[u8::try_from(label.len()).ok()?])?;
                self.writer.put(label)?;
            }
            next = rest;
        }
        self.writer.put(&[0])
    }

    pub(super) fn record(&mut self, record: Record, form: Form) -> Option<()> {
        self.name(record.owner())?;
        self.writer.word(record.kind())?;
        let flush = if record.is_unique() && matches!(form, Form::Multicast | Form::Goodbye) { CACHE_FLUSH } else { 0 };
        self.writer.word(IN | flush)?;
        let ttl_s = match form {
            Form::Multicast | Form::Probe => MDNS_TTL_S,
            Form::Legacy => MDNS_LEGACY_TTL_S,
            Form::Goodbye => 0,
        };
        self.writer.put(&ttl_s.to_be_bytes())?;
        let start = self.writer.len;
        self.writer.word(0)?;
        match record {
            Record::ServicePointer => self.name(Owner::Service)?,
            Record::InstancePointer => self.name(Owner::Instance)?,
            Record::HostPointer => self.name(Owner::Host)?,
            Record::Location => {
                // Priority and weight.
                self.writer.put(&[0; 4])?;
                self.writer.word(self.data.port)?;
                self.name(Owner::Host)?;
            }
            Record::Text => self.data.write_text(&mut self.writer)?,
            Record::Address => self.writer.put(&self.data.address.octets())?,
            // RFC 4034 section 4.1: the next name, which is the same here; then a window, its length, and a bit for each
            // type in it.
            Record::HostTypes => {
                self.name(Owner::Host)?;
                self.writer.put(&[0, 1, 0x80 >> A])?;
            }
            Record::InstanceTypes => {
                self.name(Owner::Instance)?;
                self.writer.put(&[0, 5, 0, 0, 0x80 >> (TXT % 8), 0, 0x80 >> (SRV % 8)])?;
            }
        }
        let len = u16::try_from(self.writer.len - start - 2).ok()?;
        self.writer.set_word(start, len);
        Some(())
    }
}
