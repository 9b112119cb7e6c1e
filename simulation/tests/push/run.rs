//! One run: a sender, its peer, and what happens to them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use embassy_time::{Duration, Instant};
use sockeye_device::{Now, Outbox, PushSettings, ReadingInfo, Value, ValueKind};
use sockeye_endpoint::{PushBuffers, push};
use sockeye_simulation::clock;

use crate::net::{Net, Pipe, Way};
use crate::peer::{Keeps, Peer};

/// How long things happen, and how long it may take afterwards until all has arrived, milliseconds.
const FAULTS_MS: u64 = 180_000;
const CALM_MS: u64 = 240_000;
const STEP_MS: u64 = 100;
const PERIOD_MS: u32 = 1_000;
/// The time at which a run begins, milliseconds since 1970.
const START_UNIX_MS: u64 = 1_700_000_000_000;

/// Whether the sender knows the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    Never,
    Always,
    /// Some seconds after each boot.
    Later,
}

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub clock: Clock,
    pub keeps: Keeps,
    pub has_faults: bool,
}

/// The events of a run.
#[derive(Debug, Default)]
pub struct Ran {
    pub generated: usize,
    pub stored: usize,
    pub connections: u32,
    pub repeated: u32,
    pub dropped: u32,
    pub boots: u32,
    pub restarts: u32,
}

const fn reading(name: &'static str) -> ReadingInfo<'static> {
    let (minimum, maximum) = (Value(0), Value(i32::MAX));
    ReadingInfo { name, unit: "", kind: ValueKind::Gauge, decimals: 1, minimum, maximum, period_ms: PERIOD_MS }
}

static READINGS: [ReadingInfo<'static>; 2] = [reading("lm35"), reading("rssi")];

/// The sender's and the peer's world.
struct World {
    net: Net,
    peer: Peer,
    plan: Plan,
    /// The connection that the peer serves, and what it has read of it.
    served: RefCell<Option<Served>>,
    /// When the peer is back.
    back_ms: Cell<u64>,
    /// The value of the next sample: each is another one.
    next: Cell<i32>,
}

type Served = (Rc<RefCell<Pipe>>, Vec<u8>);

fn now_ms() -> u64 {
    Instant::now().as_millis()
}

pub fn run(plan: Plan, seed: u64) -> Ran {
    clock::reset();
    let net = Net {
        way: Cell::new(Way::Open),
        pipe: RefCell::default(),
        random: RefCell::new(fastrand::Rng::with_seed(seed)),
        has_faults: Cell::new(plan.has_faults),
    };
    let world = World {
        net,
        peer: Peer::new(plan.keeps),
        plan,
        served: RefCell::default(),
        back_ms: Cell::new(0),
        next: Cell::new(1),
    };
    let mut ran = Ran::default();
    loop {
        ran.boots += 1;
        let life = world.life();
        ran.generated += life.generated.len();
        ran.connections += life.connections;
        ran.repeated += life.repeated;
        ran.dropped += life.dropped;
        world.check(&life);
        if life.is_last {
            break;
        }
    }
    ran.stored = world.peer.stored.borrow().len();
    ran.restarts = world.peer.restarts.get();
    ran
}

/// One life of the sender, from boot to reboot.
struct Life {
    generated: Vec<i32>,
    connections: u32,
    repeated: u32,
    dropped: u32,
    /// Samples that were in the outbox at its end.
    left: usize,
    is_last: bool,
}

impl World {
    fn life(&self) -> Life {
        let boot_ms = now_ms();
        let outbox = Outbox::new(&READINGS);
        let to = if self.net.random.borrow_mut().bool() { "barn:3000" } else { "10.0.0.1:3000" };
        let to = to.try_into().expect("it fits");
        outbox.configure(&PushSettings { to, ..PushSettings::default() }, "kitchen");
        let mut buffers = PushBuffers::sized();
        let mut random = fastrand::Rng::with_seed(self.net.random.borrow_mut().u64(..));
        let mut pushing = pin!(push(&outbox, &(), &self.net, &self.net, &mut buffers, || random.u32(..)));
        let mut generated = Vec::new();
        let mut due_ms = boot_ms + 500;
        let is_last = loop {
            clock::advance(Duration::from_millis(STEP_MS));
            let now = now_ms();
            if now >= due_ms && now < FAULTS_MS {
                due_ms += u64::from(PERIOD_MS);
                for index in 0..READINGS.len() {
                    generated.push(self.next.replace(self.next.get() + 1));
                    outbox.put(index, Value(generated[generated.len() - 1]), self.time(boot_ms));
                }
            }
            if self.has_faults(now) && self.fault(now) {
                break false;
            }
            for _ in 0..3 {
                assert!(pushing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
                self.serve();
            }
            if now > FAULTS_MS && outbox.is_empty() {
                break true;
            }
            assert!(now < FAULTS_MS + CALM_MS, "{} samples don't arrive: {}", outbox.len(), outbox.error());
        };
        let counts = outbox.counts();
        assert_eq!(counts.refused, 0);
        Life {
            generated,
            connections: counts.connections,
            repeated: counts.repeated,
            dropped: counts.dropped,
            left: outbox.len(),
            is_last,
        }
    }

    fn time(&self, boot_ms: u64) -> Now {
        let uptime_ms = now_ms() - boot_ms;
        let is_known = match self.plan.clock {
            Clock::Never => false,
            Clock::Always => true,
            Clock::Later => uptime_ms > 7_000,
        };
        Now { uptime_us: uptime_ms * 1_000, unix_us: is_known.then(|| (START_UNIX_MS + now_ms()) * 1_000) }
    }

    fn has_faults(&self, now: u64) -> bool {
        if now >= FAULTS_MS {
            self.net.has_faults.set(false);
            self.net.way.set(Way::Open);
            self.back_ms.set(0);
            if let Some(pipe) = &*self.net.pipe.borrow() {
                let pipe = &mut *pipe.borrow_mut();
                pipe.is_cut |= pipe.is_silent;
                pipe.is_silent = false;
            }
        }
        self.net.has_faults.get()
    }

    /// Something may happen. True if the sender reboots.
    fn fault(&self, now: u64) -> bool {
        if now < self.back_ms.get() {
            return false;
        }
        self.net.way.set(Way::Open);
        let random = &mut *self.net.random.borrow_mut();
        match random.u16(..1_000) {
            0..3 => {
                // The peer is away, for a moment most often, and now and then for longer than the outbox lasts.
                let longest = if random.u8(..5) == 0 { 90_000 } else { 6_000 };
                self.back_ms.set(now + random.u64(..longest));
                self.net.way.set(if random.bool() { Way::Refused } else { Way::Lost });
                self.peer.restart();
                self.end(random.bool());
                false
            }
            3..6 => {
                self.end(random.bool());
                false
            }
            6 => {
                self.end(random.bool());
                true
            }
            _ => false,
        }
    }

    /// The connection is over; the sender may not notice.
    fn end(&self, is_silent: bool) {
        if let Some(pipe) = &*self.net.pipe.borrow() {
            pipe.borrow_mut().end();
            pipe.borrow_mut().is_silent |= is_silent;
        }
    }

    fn serve(&self) {
        let newest = self.net.pipe.borrow().clone();
        let served = &mut *self.served.borrow_mut();
        if let Some(newest) = newest
            && served.as_ref().is_none_or(|(pipe, _)| !Rc::ptr_eq(pipe, &newest))
        {
            *served = Some((newest, Vec::new()));
        }
        if let Some((pipe, rx)) = served {
            self.peer.serve(pipe, rx);
        }
    }

    /// No sample is there twice, none out of order, and none is missing that didn't have to make room.
    fn check(&self, life: &Life) {
        let stored = self.peer.stored.borrow();
        for info in &READINGS {
            let key = format!("history:kitchen.{}", info.name).into_bytes();
            for restart in 0..=self.peer.restarts.get() {
                let is_of = |(life, stream, _): &&(u32, Vec<u8>, i32)| {
                    *stream == key && (self.plan.keeps != Keeps::Nothing || *life == restart)
                };
                let values: Vec<_> = stored.iter().filter(is_of).map(|(.., value)| *value).collect();
                assert!(values.windows(2).all(|pair| pair[0] < pair[1]), "{values:?}");
            }
        }
        let has: BTreeSet<_> = stored.iter().map(|(.., value)| *value).collect();
        let missing: Vec<_> = life.generated.iter().filter(|value| !has.contains(value)).collect();
        let may_miss = life.dropped as usize + life.left;
        assert!(missing.len() <= may_miss, "{} of {may_miss}: {missing:?}", missing.len());
    }
}
