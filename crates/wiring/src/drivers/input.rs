//! A level that comes in: a door, a button. The level is published at each change, and once each period.

use crate::driver::{Driver, Fault, Figure, INVERT, Id, Job, Next, PULL, Reading, Use, choice, debounce, every, pin};
use crate::hardware::{Hardware, PinMode, Pull};
use crate::spec::SpecArgs;

pub(super) const DRIVER: Driver = Driver {
    name: "input",
    id: Id::Input,
    help: "level of a pin, published at each change",
    words: &[
        pin("pin", Use::Input, "pin"),
        choice("pull", PULL, 0, "the chip's weak resistor"),
        INVERT,
        debounce(20, "how long the level must be still"),
    ],
    readings: &[Reading { suffix: "", unit: "", decimals: 0, minimum: 0, maximum: 1, figure: Figure::Switch }],
    output: None,
    period: every(10_000, 100),
};

pub(super) fn pull(args: &SpecArgs) -> Pull {
    match args.get("pull") {
        1 => Pull::Up,
        2 => Pull::Down,
        _ => Pull::None,
    }
}

pub(super) fn mode(args: &SpecArgs) -> PinMode {
    PinMode::Input(pull(args))
}

/// The value at this instant, bouncing or not.
fn value(hardware: &impl Hardware, args: &SpecArgs) -> bool {
    hardware.level(args.pin("pin")) != args.is("invert")
}

/// The level after the debouncing of the loop that watches inputs, which is kept in the input's memory.
pub(super) fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    let debounce = Debounce::from_memory(job.memory);
    let value = debounce.settled.unwrap_or_else(|| value(hardware, &job.args));
    job.set(0, value.into());
    Ok(Next::DONE)
}

/// A level that counts once it is still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Debounce {
    /// The settled level; None before the first.
    settled: Option<bool>,
    /// The last seen level.
    seen: bool,
    /// Since when, milliseconds since boot; it wraps.
    since_ms: u32,
}

impl Debounce {
    const KNOWN: u32 = 1;
    const SETTLED: u32 = 2;
    const SEEN: u32 = 4;

    pub(crate) fn from_memory([flags, since_ms]: [u32; 2]) -> Self {
        let settled = (flags & Self::KNOWN != 0).then_some(flags & Self::SETTLED != 0);
        Self { settled, seen: flags & Self::SEEN != 0, since_ms }
    }

    pub(crate) fn to_memory(self) -> [u32; 2] {
        let known = self.settled.map_or(0, |settled| Self::KNOWN | if settled { Self::SETTLED } else { 0 });
        [known | if self.seen { Self::SEEN } else { 0 }, self.since_ms]
    }

    /// Looks at the level. Some value if it has just changed.
    pub(crate) fn look(&mut self, hardware: &impl Hardware, args: &SpecArgs, now_ms: u64) -> Option<i32> {
        let (value, now_ms) = (value(hardware, args), now_ms as u32);
        if self.settled.is_none() {
            *self = Self { settled: Some(value), seen: value, since_ms: now_ms };
            return Some(value.into());
        }
        if value != self.seen {
            (self.seen, self.since_ms) = (value, now_ms);
        }
        let is_still = i64::from(now_ms.wrapping_sub(self.since_ms)) >= args.get("debounce");
        if self.settled != Some(value) && is_still {
            self.settled = Some(value);
            return Some(value.into());
        }
        None
    }
}
