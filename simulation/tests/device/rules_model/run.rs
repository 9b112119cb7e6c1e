//! One run: a device through some boots, and what happens to it.

use std::collections::BTreeMap;

use fastrand::Rng;
use sockeye_device::limits::{RULES_LOOK_MS, RULES_MAX, RULES_TEXT_LEN_MAX};
use sockeye_device::{App, AppResources, FlashStore, Value};
use sockeye_parts::{Condition as PartCondition, Ds18b20, Plug};

use super::model::{Comparison, Model, Rule, Values};
use crate::board::{Board, OUTPUTS, READINGS as OWN};
use crate::power::Flash;
use crate::script::Device;

/// Events of a run.
const EVENTS: usize = 160;
/// How long a reading of another device has a value, seconds.
const SILENCE_S: u64 = 4;
/// The pin of the thermometer, and that of the pump.
const CELLAR_PIN: u8 = 4;
/// Readings: three of the board, one that is wired, three of other devices, of which two have room.
const READINGS: [&str; 7] = ["lm35", "uptime", "wifi.rssi", "cellar", "kitchen.lm35", "barn.lm35", "attic.x"];
/// Outputs, with the value after a boot and the greatest; the least is 0.
const LEVELS: [(&str, f64, f64); 3] = [("led", 0.0, 1.0), ("fan", 25.5, 100.0), ("pump", 0.0, 100.0)];
/// Names that rules have.
const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
const CELLAR: [&str; 2] = ["ds18b20 pin=4 period=1s", "ds18b20 pin=4 period=2s"];
const PUMP: [&str; 2] = ["pwm pin=5", "pwm pin=5 frequency=200"];

/// Events of a run, and how often each has happened.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    accepted: usize,
    conflicts: usize,
    no_room: usize,
    fired: usize,
    lost: usize,
    by_hand: usize,
    failed: usize,
    rewired: usize,
    boots: usize,
    cuts_before: usize,
    cuts_after: usize,
}

impl Counts {
    pub fn each(&self) -> [(&'static str, usize); 11] {
        [
            ("accepted", self.accepted),
            ("conflicts", self.conflicts),
            ("no room", self.no_room),
            ("fired", self.fired),
            ("lost", self.lost),
            ("by hand", self.by_hand),
            ("failed", self.failed),
            ("rewired", self.rewired),
            ("boots", self.boots),
            ("power cuts before", self.cuts_before),
            ("power cuts after", self.cuts_after),
        ]
    }

    pub fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.conflicts += other.conflicts;
        self.no_room += other.no_room;
        self.fired += other.fired;
        self.lost += other.lost;
        self.by_hand += other.by_hand;
        self.failed += other.failed;
        self.rewired += other.rewired;
        self.boots += other.boots;
        self.cuts_before += other.cuts_before;
        self.cuts_after += other.cuts_after;
    }
}

type Rules = Vec<(String, Rule)>;

/// The world of a run: all that outlives a boot.
struct Run {
    random: Rng,
    board: Board,
    flash: Flash,
    cellar: Plug<Ds18b20>,
    model: Model,
    /// The rules that are stored.
    rules: Rules,
    /// The specs of `cellar` and `pump` that are stored.
    wired: [usize; 2],
    counts: Counts,
}

pub fn run(seed: u64) -> Counts {
    let board = Board::wired();
    let cellar = board.bench.one_wire_part(CELLAR_PIN, Ds18b20::new(Ds18b20::rom(1)));
    let model = Model::new(SILENCE_S * 1_000);
    let (random, flash) = (Rng::with_seed(seed), Flash::new());
    let mut run =
        Run { random, board, flash, cellar, model, rules: Rules::new(), wired: [0; 2], counts: Counts::default() };
    run.set_up();
    let mut events = EVENTS;
    while events > 0 {
        events = run.boot(events);
    }
    for (output, value) in run.board.applied.borrow().iter() {
        let info = &OUTPUTS[*output];
        assert!((info.minimum..=info.maximum).contains(value), "{} = {value:?}", info.name);
    }
    run.counts
}

impl Run {
    /// Wires the device, before anything happens to it.
    fn set_up(&mut self) {
        let (store, stored) = crate::power::boot(&self.flash);
        let (mut histories, mut resources) = (self.board.histories(), AppResources::new());
        let app = App::new(&self.board, &mut resources, &mut histories, stored).unwrap();
        let mut device = Device::with_store(&self.board, &app, &store);
        let [cellar, pump] = [CELLAR[0], PUMP[0]];
        let request = format!(
            "CONFIG SET remote.expire {SILENCE_S} wiring.tank \"\" wiring.cellar \"{cellar}\" wiring.pump \"{pump}\""
        );
        assert_eq!(ask(&mut device, &request), "+OK\r\n");
    }

    /// One boot, for as many of these events as it lasts. Gives how many are left.
    fn boot(&mut self, events: usize) -> usize {
        self.counts.boots += 1;
        self.board.uptime_us.set(0);
        self.board.bench.power_off();
        self.board.is_broken.set(false);
        let (store, stored) = crate::power::boot(&self.flash);
        let (mut histories, mut resources) = (self.board.histories(), AppResources::new());
        let board = std::mem::take(&mut self.board);
        let app = App::new(&board, &mut resources, &mut histories, stored).unwrap();
        let left = {
            let mut device = Device::with_store(&board, &app, &store);
            self.model.boot(&self.rules, &LEVELS.map(|(name, first, _)| (name, first)));
            device.event("bench");
            device.event("rules");
            let mut boot = Boot { run: self, board: &board, app: &app, device };
            boot.look();
            (0..events).rev().find(|_| !boot.happen()).unwrap_or(0)
        };
        self.board = board;
        left
    }
}

/// A boot of the device.
struct Boot<'r, 'a> {
    run: &'r mut Run,
    board: &'a Board,
    app: &'a App<'a>,
    device: Device<'a, FlashStore<Flash>>,
}

fn ask(device: &mut Device<'_, FlashStore<Flash>>, request: &str) -> String {
    device.send("ap", format!("{request}\r\n").as_bytes());
    String::from_utf8(device.bytes("ap")).unwrap()
}

/// The bulk strings of a reply; null is None.
fn bulks(reply: &str) -> Vec<Option<String>> {
    let mut lines = reply.split("\r\n");
    let mut bulks = Vec::new();
    while let Some(line) = lines.next() {
        match line.as_bytes() {
            b"$-1" => bulks.push(None),
            [b'$', ..] => bulks.push(lines.next().map(str::to_owned)),
            [b':', ..] => bulks.push(Some(line[1..].to_owned())),
            _ => {}
        }
    }
    bulks
}

impl Boot<'_, '_> {
    fn ask(&mut self, request: &str) -> String {
        ask(&mut self.device, request)
    }

    fn now_ms(&self) -> u64 {
        self.board.uptime_us.get() / 1_000
    }

    /// The values that clients read.
    fn values(&mut self) -> Values {
        let values = bulks(&self.ask(&format!("MGET {}", READINGS.join(" "))));
        let pairs = READINGS.iter().zip(values).filter_map(|(name, value)| Some((*name, value?)));
        pairs.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
    }

    /// The device has looked at its rules: it has done what the model says.
    fn look(&mut self) {
        let (values, now_ms) = (self.values(), self.now_ms());
        let is_broken = self.board.is_broken.get();
        for (name, output) in &mut self.run.model.outputs {
            output.is_broken = is_broken && name != "pump";
        }
        self.run.model.look(now_ms, &values);
        self.compare();
    }

    fn compare(&mut self) {
        let names = LEVELS.map(|(name, ..)| name);
        let found = bulks(&self.ask(&format!("MGET {}", names.join(" "))));
        for (name, value) in names.iter().zip(found) {
            let value: f64 = value.unwrap().parse().unwrap();
            let expected = self.run.model.outputs[*name].value;
            assert_eq!(value, expected, "{name} at {} ms, {}", self.now_ms(), self.run.model);
        }
        let fields = bulks(&self.ask("RULE STATUS"));
        let text = |name: &str| {
            let places = fields.iter().enumerate().filter(|(_, field)| field.as_deref() == Some(name));
            places.filter_map(|(place, _)| fields.get(place + 1)?.clone()).collect::<Vec<_>>()
        };
        let rules = &self.run.model.rules;
        let expected: Vec<_> = rules.iter().map(|active| active.condition.to_string()).collect();
        assert_eq!(text("condition"), expected, "at {} ms, {}", self.now_ms(), self.run.model);
        let expected: Vec<_> = rules.iter().map(|active| active.fired.to_string()).collect();
        assert_eq!(text("fired"), expected, "at {} ms, {}", self.now_ms(), self.run.model);
    }

    /// Something happens; false if the device has no power afterwards.
    fn happen(&mut self) -> bool {
        let before: u32 = self.run.model.rules.iter().map(|active| active.fired).sum();
        let is_on = self.event();
        if is_on {
            let after: u32 = self.run.model.rules.iter().map(|active| active.fired).sum();
            self.run.counts.fired += after.saturating_sub(before) as usize;
            let is_lost = |condition| condition == super::model::Condition::Lost;
            self.run.counts.lost += self.run.model.rules.iter().filter(|active| is_lost(active.condition)).count();
        }
        is_on
    }

    fn event(&mut self) -> bool {
        let random = &mut self.run.random;
        match random.u8(..64) {
            0..24 => {
                for _ in 0..random.u8(1..8) {
                    self.device.wait(RULES_LOOK_MS);
                    self.look();
                }
            }
            24..34 => {
                let index = random.usize(..OWN.len());
                let unit = 10_i32.pow(OWN[index].decimals.into());
                self.app.sample(index, Value(random.i32(0..=10 * unit)));
                self.look();
            }
            34..36 => {
                self.app.clear_reading(random.usize(..OWN.len()));
                self.look();
            }
            36..39 => {
                let sixteenths = random.i16(0..160);
                self.run.cellar.with(|part| part.set_sixteenths(sixteenths));
            }
            39 => {
                let conditions = [PartCondition::Works, PartCondition::Unplugged, PartCondition::Corrupts];
                self.run.cellar.set(conditions[random.usize(..conditions.len())]);
            }
            40..46 => {
                // Samples that come at once are looked at together.
                self.device.wait(RULES_LOOK_MS);
                self.look();
                let random = &mut self.run.random;
                let (name, value) = (READINGS[random.usize(4..READINGS.len())], random.u16(0..=1_000));
                let decimals = random.usize(0..=2);
                let value = format!("{:.decimals$}", f64::from(value) / 100.0);
                let is_silent = self.ask(&format!("EXISTS meta:{name} {name}")) == ":1\r\n";
                // There may be no room for a third one.
                let reply = self.ask(&format!("XADD history:{name} * value {value}"));
                if reply.starts_with('$') {
                    if is_silent {
                        // The first sample after a silence waits for those behind it.
                        self.device.wait(RULES_LOOK_MS);
                    }
                    self.look();
                } else {
                    assert!(reply.contains("too many remote readings"), "{reply}");
                }
            }
            46..50 => self.set_by_hand(),
            50..58 => return self.change_rules(),
            58 => self.rewire(),
            59..61 => self.board.is_broken.set(!self.board.is_broken.get()),
            61..63 => {
                let unix_s = random.u32(..);
                self.device.event(&format!("clock {}", u64::from(unix_s) * 1_000));
            }
            _ => return false,
        }
        true
    }

    fn set_by_hand(&mut self) {
        let random = &mut self.run.random;
        let (name, _, greatest) = LEVELS[random.usize(..LEVELS.len())];
        let value = f64::from(random.u8(0..=greatest as u8));
        let reply = self.ask(&format!("SET {name} {value}"));
        if self.board.is_broken.get() && name != "pump" {
            assert!(reply.contains("failed"), "{reply}");
            self.run.counts.failed += 1;
        } else {
            assert_eq!(reply, "+OK\r\n");
            self.run.model.set(name, value);
            self.run.counts.by_hand += 1;
        }
        self.compare();
    }

    /// Sets and removes some rules at once, and perhaps the power is cut meanwhile.
    fn change_rules(&mut self) -> bool {
        let random = &mut self.run.random;
        let mut rules: BTreeMap<&str, Option<Rule>> = BTreeMap::new();
        for _ in 0..random.u8(1..=2) {
            let rule = if random.u8(..5) == 0 { None } else { Some(rule(random)) };
            rules.insert(NAMES[random.usize(..NAMES.len())], rule);
        }
        let mut after = self.run.rules.clone();
        let mut request = "CONFIG SET".to_owned();
        for (name, rule) in &rules {
            let text = rule.as_ref().map_or_else(String::new, ToString::to_string);
            request += &format!(" rule.{name} \"{text}\"");
            let place = after.iter().position(|(known, _)| known == name);
            match (rule, place) {
                (Some(rule), Some(place)) => after[place].1 = rule.clone(),
                (Some(rule), None) => after.push(((*name).to_owned(), rule.clone())),
                (None, Some(place)) => drop(after.remove(place)),
                (None, None) => {}
            }
        }
        let cut = (random.u8(..4) == 0).then(|| random.usize(..2_000));
        self.run.flash.cut_after(cut);
        let reply = self.ask(&request);
        let is_cut = self.run.flash.is_cut();
        let conflict = after.iter().enumerate().any(|(index, (_, rule))| {
            let is_same =
                |(_, other): &(String, Rule)| (&other.output, other.priority) == (&rule.output, rule.priority);
            after[..index].iter().any(is_same)
        });
        let len: usize = after.iter().map(|(name, rule)| name.len() + rule.to_string().len() + 2).sum();
        // A refusal is no change, and neither are settings that are in force already.
        let mut is_changed = false;
        if reply == "+OK\r\n" {
            assert!(!conflict && len <= RULES_TEXT_LEN_MAX && after.len() <= RULES_MAX, "{request}");
            self.run.counts.accepted += 1;
            is_changed = self.run.rules != after;
            self.run.rules = after;
        } else if is_cut && !reply.contains(" - rule.") {
            // Either the old rules or the new.
            let (_, stored) = crate::power::boot(self.run.flash.with_power());
            let is_new = stored.settings.rules.iter().eq(texts(&after).iter().map(|(name, text)| (&**name, &**text)));
            let is_old =
                stored.settings.rules.iter().eq(texts(&self.run.rules).iter().map(|(name, text)| (&**name, &**text)));
            assert!(is_new || is_old, "{request}: {:?}", stored.settings.rules);
            if is_new {
                self.run.rules = after;
                self.run.counts.cuts_after += 1;
            } else {
                self.run.counts.cuts_before += 1;
            }
            return false;
        } else if conflict {
            assert!(reply.contains(" - rule."), "{reply}");
            self.run.counts.conflicts += 1;
        } else {
            let (is_long, is_many) = (len > RULES_TEXT_LEN_MAX, after.len() > RULES_MAX);
            assert!(
                is_long && reply.contains("more than 480 bytes") || is_many && reply.contains("8 rules"),
                "{request}: {reply}"
            );
            self.run.counts.no_room += 1;
        }
        self.run.flash.cut_after(None);
        if is_cut {
            // The change came through before the power went.
            return false;
        }
        if is_changed {
            let now_ms = self.now_ms();
            self.run.model.change(&self.run.rules, &[], now_ms);
            self.look();
        }
        true
    }

    /// Gives the thermometer or the pump another wiring.
    fn rewire(&mut self) {
        let which = self.run.random.usize(..2);
        self.run.wired[which] = 1 - self.run.wired[which];
        let (name, spec) = [("cellar", CELLAR), ("pump", PUMP)][which];
        let spec = spec[self.run.wired[which]];
        assert_eq!(self.ask(&format!("CONFIG SET wiring.{name} \"{spec}\"")), "+OK\r\n");
        if name == "pump" {
            self.run.model.set(name, 0.0);
        }
        let now_ms = self.now_ms();
        self.run.model.change(&self.run.rules, &[name], now_ms);
        self.run.counts.rewired += 1;
        self.look();
    }
}

fn texts(rules: &Rules) -> Vec<(String, String)> {
    rules.iter().map(|(name, rule)| (name.clone(), rule.to_string())).collect()
}

fn comparison(random: &mut Rng) -> Comparison {
    let operator = ["<", "<=", ">", ">=", "=", "!="][random.usize(..6)];
    let half = |random: &mut Rng, max: u8| f64::from(random.u8(0..=max)) / 2.0;
    let (number, hysteresis) = (half(random, 20), half(random, 6));
    let hysteresis = if operator.contains(['<', '>']) && random.bool() { hysteresis } else { 0.0 };
    Comparison { reading: READINGS[random.usize(..READINGS.len())].to_owned(), operator, number, hysteresis }
}

fn rule(random: &mut Rng) -> Rule {
    let (output, _, greatest) = LEVELS[random.usize(..LEVELS.len())];
    let value = |random: &mut Rng| f64::from(random.u8(0..=greatest as u8));
    let first = comparison(random);
    let second = (random.u8(..3) == 0).then(|| (["and", "or"][random.usize(..2)], comparison(random)));
    Rule {
        first,
        second,
        for_ms: [0, 0, 300, 1_000, 3_000][random.usize(..5)],
        output: output.to_owned(),
        value: value(random),
        otherwise: random.bool().then(|| value(random)),
        lost: random.bool().then(|| value(random)),
        priority: random.u8(..6),
    }
}
