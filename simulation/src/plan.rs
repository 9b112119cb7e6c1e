//! What happens in a run beside the device: decided from the seed before it begins, so that a run that fails can be told
//! in a few lines, and made shorter.

use std::fmt;

use crate::air::{Place, Weather};
use crate::radio::RouterConfig;

/// How long things happen, seconds.
const ACTIVE_S: std::ops::Range<u64> = 240..720;
/// Things that happen.
const STEPS: std::ops::Range<usize> = 6..30;
/// Routers there are.
pub const ROUTERS: usize = 3;

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The air changes.
    Weather(Weather),
    /// A router loses its power, or gets it back and has booted.
    Router { number: usize, is_up: bool },
    /// The device's power is cut now, for so long.
    PowerCut { off_ms: u64 },
    /// The device's power is cut in the middle of writing or erasing, when so many more bytes of flash have changed.
    PowerCutInFlash { after: u32, off_ms: u64 },
    /// A bit of flash falls over: one that was written, or one that never was.
    Age { is_written: bool, bit: usize },
    /// The owner gives the device another name.
    Rename(String),
    /// The owner sets a token, so that the device can be configured over any network.
    Protect,
    /// The owner tries a network, with its password or another, and confirms it or not.
    TryNetwork { router: usize, is_right: bool, confirms: bool, seconds: u32 },
    /// The owner has the device forget a network.
    Forget { router: usize },
    /// Strangers come to a network that the device is in.
    Crowd { place: Place, clients: u8, habit: Habit },
}

/// What a stranger does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Connects, and says nothing.
    Stalls,
    /// Sends half a request.
    Dawdles,
    /// Sends requests and takes no replies.
    Floods,
    /// Is out of reach in the middle of a conversation.
    Vanishes,
    /// Is out of reach in the middle of the handshake.
    HalfOpens,
    /// Comes, asks, and goes.
    Asks,
    /// Talks to the device as a browser would.
    Browses,
}

const HABITS: [Habit; 7] =
    [Habit::Stalls, Habit::Dawdles, Habit::Floods, Habit::Vanishes, Habit::HalfOpens, Habit::Asks, Habit::Browses];

/// A whole run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The networks around the device. Those of the first `up` are on the air at the start.
    pub routers: Vec<RouterConfig>,
    /// How many of them are on the air at the start.
    pub up: usize,
    /// What happens, and when, milliseconds.
    pub steps: Vec<(u64, Step)>,
    /// When no more happens, milliseconds.
    pub calm_ms: u64,
}

impl Plan {
    /// The plan of a seed.
    pub fn new(seed: u64) -> Self {
        let random = &mut fastrand::Rng::with_seed(seed);
        let routers = (0..ROUTERS).map(|number| router(random, number)).collect();
        let calm_ms = random.u64(ACTIVE_S) * 1_000;
        let mut steps: Vec<_> =
            (0..random.usize(STEPS)).map(|index| (random.u64(1_000..calm_ms), step(random, index))).collect();
        steps.sort_by_key(|(ms, _)| *ms);
        Self { routers, up: random.usize(1..=ROUTERS), steps, calm_ms }
    }

    /// The same without step `index`.
    pub fn without(&self, index: usize) -> Self {
        let mut plan = self.clone();
        plan.steps.remove(index);
        plan
    }
}

fn router(random: &mut fastrand::Rng, number: usize) -> RouterConfig {
    // Two may have the same name, as those of one house do.
    let ssid = ["home", "barn", "home"][number].to_owned();
    let password = Some(format!("{ssid}'s password")).filter(|_| ssid != "barn" || random.bool());
    RouterConfig { ssid, password, rssi_dbm: random.i8(-90..-30), is_jealous: random.bool() }
}

fn step(random: &mut fastrand::Rng, index: usize) -> Step {
    let off_ms = random.u64(100..20_000);
    let number = random.usize(..ROUTERS);
    match random.u8(..20) {
        0..=1 => Step::Weather(Weather::FAIR),
        2..=3 => Step::Weather(Weather {
            loss: random.u16(..100),
            twice: random.u16(..50),
            latency_us_max: random.u32(1_000..60_000),
        }),
        4..=6 => Step::Router { number, is_up: random.bool() },
        7 => Step::PowerCut { off_ms },
        8 => Step::PowerCutInFlash { after: random.u32(..3_000), off_ms },
        9..=10 => Step::Rename(format!("device-{index}")),
        11..=15 => Step::TryNetwork {
            router: number,
            is_right: random.u8(..4) > 0,
            confirms: random.u8(..4) > 0,
            seconds: random.u32(10..120),
        },
        16 => [Step::Forget { router: number }, Step::Protect][random.usize(..2)].clone(),
        _ => Step::Crowd {
            place: if random.bool() { Place::Own } else { Place::Router(number) },
            clients: random.u8(1..=14),
            habit: HABITS[random.usize(..HABITS.len())],
        },
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, router) in self.routers.iter().enumerate() {
            let RouterConfig { ssid, password, rssi_dbm, is_jealous } = router;
            let state = if number < self.up { "up" } else { "down" };
            writeln!(f, "router {number}: {ssid:?}, {password:?}, {rssi_dbm} dBm, jealous: {is_jealous}, {state}")?;
        }
        for (ms, step) in &self.steps {
            writeln!(f, "{:>5}.{:03} {step:?}", ms / 1_000, ms % 1_000)?;
        }
        writeln!(f, "{:>5}.{:03} calm", self.calm_ms / 1_000, self.calm_ms % 1_000)
    }
}
