//! How often each event happened in many runs, so that a plan without effect is noticed.

use std::fmt;

/// The events that should happen in some run of many: name, source and text of the note.
const KINDS: [(&str, &str, &str); 54] = [
    ("fair conditions", "plan", "Conditions(LinkConditions { loss: 0, twice: 0"),
    ("conditions", "plan", "Conditions("),
    ("router comes", "plan", "is_up: true"),
    ("router goes", "plan", "is_up: false"),
    ("power cut", "plan", "PowerCut {"),
    ("power cut in flash", "power", "lost while flash was being changed"),
    ("bit errors in unwritten flash", "flash", "bits fell over"),
    ("rename", "plan", "Rename("),
    ("token", "plan", "Protect"),
    ("forget", "plan", "Forget {"),
    ("factory reset", "plan", "FactoryReset"),
    ("wired", "plan", "Wire {"),
    ("wiring refused", "owner", "CONFIG SET failed - wiring."),
    ("part fails", "plan", "Part {"),
    ("restart", "device", "restarts"),
    ("wired things have values", "ending", "wired things have values"),
    ("stalls", "crowd", "one that Stalls"),
    ("dawdles", "crowd", "one that Dawdles"),
    ("floods", "crowd", "one that Floods"),
    ("vanishes", "plan", "habit: Vanishes"),
    ("half opens", "plan", "habit: HalfOpens"),
    ("asks", "crowd", "one that Asks"),
    ("browses", "crowd", "one that Browses"),
    ("wrong password", "owner", "the password is wrong"),
    ("network away", "owner", "no such network was heard"),
    ("turned away", "radio", "reports JoinFailed(Refused)"),
    ("no DHCP", "owner", "the network gave no address"),
    ("static address", "plan", "address: Own"),
    ("useless address", "plan", "address: Useless"),
    ("tried", "owner", "confirm_within_s"),
    ("confirmed", "owner", "WIFI CONFIRM: OK"),
    ("confirmed over the access point", "owner", "has confirmed over the access point"),
    ("static address confirmed", "device", "ip: Static("),
    ("untried address not confirmed", "owner", "nobody knows yet that this address works"),
    ("not confirmed in time", "owner", "no network is being tried"),
    ("aborted", "owner", "WIFI ABORT: OK"),
    ("renamed", "owner", "CONFIG SET: OK"),
    ("forgotten", "owner", "WIFI FORGET: OK"),
    ("reset", "owner", "CONFIG FACTORYRESET: OK"),
    ("refused without the token", "owner", "DENIED"),
    ("answer lost", "owner", ": nothing,"),
    ("store repaired", "device", "status: Repaired"),
    ("three networks stored", "device", "has 3 networks"),
    ("room for no more", "owner", "as many networks as there is room for"),
    ("scanned", "owner", "WIFI SCAN: ["),
    ("joined", "radio", "reports Joined"),
    ("event lost", "radio", "loses "),
    ("event late", "radio", " late"),
    ("event twice", "radio", " twice"),
    ("call fails", "radio", "fails to "),
    ("dropped between calls", "radio", "drops out after"),
    ("scan without end", "radio", "scans without end"),
    ("access point fails", "radio", "ApFailed"),
    ("scan fails", "radio", "ScanFailed"),
];

/// How often each happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally([u64; KINDS.len()]);

impl Default for Tally {
    fn default() -> Self {
        Self([0; KINDS.len()])
    }
}

impl Tally {
    /// Counts a note.
    pub fn note(&mut self, who: &str, what: &str) {
        for (count, (_, by, says)) in self.0.iter_mut().zip(KINDS) {
            *count += u64::from(by == who && what.contains(says));
        }
    }

    /// Adds that of others.
    pub fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, other)| *count += other);
    }

    /// The events that never happened.
    pub fn missing(&self) -> Vec<&'static str> {
        self.named().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect()
    }

    /// Each with its name.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().map(|(name, ..)| *name).zip(self.0)
    }

    /// Numbers alone, as [`fmt::Display`] writes them.
    pub fn parse(text: &str) -> Option<Self> {
        let counts: Option<Vec<u64>> = text.split(' ').map(|count| count.parse().ok()).collect();
        counts?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&counts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_counted() {
        let mut tally = Tally::default();
        assert_eq!(tally.missing().len(), KINDS.len());
        tally.note("owner", "WIFI CONFIRM: OK");
        tally.note("stranger", "WIFI CONFIRM: OK");
        tally.add(&tally.clone());
        assert_eq!(tally.missing().len(), KINDS.len() - 1);
        assert!(tally.named().any(|kind| kind == ("confirmed", 2)));
        assert_eq!(Tally::parse(&tally.to_string()), Some(tally));
        assert_eq!(Tally::parse("1 2"), None);
    }
}
