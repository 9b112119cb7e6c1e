//! A world: a device, the networks around it, and those who come and go, for as long as a plan says.

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use embassy_time::{Duration, Instant, Timer};
use sockeye_parts::SimulatedBoard;

use crate::actor::{crowd, ending, owner, pinger, watch};
use crate::air::Air;
use crate::check::Verdict;
use crate::device::{Device, Parts};
use crate::ether::{Ether, Place};
use crate::executor::{Executor, Group};
use crate::flash::Flash;
use crate::mutation::Mutation;
use crate::owned::Owned;
use crate::phone::Phone;
use crate::plan::{Plan, ROUTERS, Step};
use crate::queue::Queue;
use crate::trace::Trace;
use crate::{clock, router};

/// Sectors of flash for settings.
pub const FLASH_SECTORS: usize = 4;
/// All that is not the device.
pub const AROUND: Group = Group(0);
/// How long frames and connections take to settle after something has changed, seconds.
const SETTLING_S: u64 = 20;
/// How long a chip takes to restart, milliseconds.
const RESTART_MS: u64 = 300;
/// From the end of the plan until every operation is over, seconds. The longest is a trial that the owner had just
/// begun, with its time to be confirmed and the way back.
const OVER_S: u64 = 420;
/// From then to the end of the run, seconds. The device is checked in this time.
const ENDING_S: u64 = 200;

/// A run's world.
pub struct World {
    /// The device's parts, and its surroundings.
    pub parts: Parts,
    /// The events.
    pub trace: Trace,
    /// The verdict of the checks.
    pub verdict: Verdict,
    /// The device's flash.
    pub flash: Flash,
    /// The parts on the device's pins.
    pub pins: SimulatedBoard,
    /// The device, while it has power.
    pub device: RefCell<Option<Device>>,
    /// The settings by the owner's knowledge.
    pub owned: Owned,
    /// When something last changed that the device may need time to get over.
    pub disturbed: Cell<Instant>,
    /// When the plan is over.
    pub calm: Instant,
    /// When all that was begun is over too: a trial, a restart, the longest time-out.
    pub over: Instant,
    /// The longest that nobody could reach the device, seconds.
    pub longest_out_s: Cell<u64>,
    random: RefCell<fastrand::Rng>,
    boots: Cell<u32>,
    off_ms: Cell<u64>,
    phones: Cell<u8>,
}

/// How a run went.
pub struct Outcome {
    /// The first fault; None if there is none.
    pub failure: Option<String>,
    /// The events.
    pub trace: Trace,
    /// How long it was, simulated seconds.
    pub seconds: u64,
    /// The longest that nobody could reach the device, seconds.
    pub longest_out_s: u64,
    /// How often the device was switched on.
    pub boots: u32,
}

/// Runs a plan. The same arguments give the same outcome.
pub fn run(plan: &Plan, seed: u64, mutation: Mutation) -> Outcome {
    clock::reset();
    let trace = Trace::default();
    let end = Instant::from_millis(plan.calm_ms) + Duration::from_secs(OVER_S + ENDING_S);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let world = World::new(plan, seed, mutation, trace.clone());
        world.begin(plan);
        while Instant::now() < end && world.verdict.get().is_none() {
            world.parts.executor.run_until(Instant::now() + Duration::from_secs(1));
        }
        let failure = world.verdict.get();
        world.cut_power();
        world.parts.executor.kill(AROUND);
        (failure, world.longest_out_s.get(), world.boots.get())
    }));
    let (failure, longest_out_s, boots) = ended.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        (Some(text.unwrap_or("a panic".to_owned())), 0, 0)
    });
    Outcome { failure, trace, seconds: Instant::now().as_secs(), longest_out_s, boots }
}

impl World {
    fn new(plan: &Plan, seed: u64, mutation: Mutation, trace: Trace) -> Rc<Self> {
        let mut random = fastrand::Rng::with_seed(seed);
        let calm = Instant::from_millis(plan.calm_ms);
        let executor = Executor::default();
        let ether = Ether::new(random.fork());
        let air = Air::new(ether.clone(), trace.clone());
        executor.spawn(AROUND, ether.clone().run());
        for (number, config) in plan.routers.iter().enumerate() {
            let card = router::start(&executor, AROUND, &ether, (number, config.has_dhcp), random.u64(..));
            air.add_router(config.clone(), card);
            if number < plan.up {
                air.set_up(number, true);
            }
        }
        Rc::new(Self {
            flash: Flash::new(FLASH_SECTORS, random.fork()),
            parts: Parts { executor, ether, air, mutation, has_radio_faults: plan.has_radio_faults },
            verdict: Verdict::new(trace.clone()),
            pins: SimulatedBoard::new(|| Instant::now().as_micros()),
            trace,
            device: RefCell::default(),
            owned: Owned::default(),
            disturbed: Cell::new(Instant::MIN),
            calm,
            over: calm + Duration::from_secs(OVER_S),
            longest_out_s: Cell::new(0),
            random: RefCell::new(random),
            boots: Cell::new(0),
            off_ms: Cell::new(0),
            phones: Cell::new(20),
        })
    }

    /// Spawns everyone, and switches the device on.
    fn begin(self: &Rc<Self>, plan: &Plan) {
        self.boot();
        let wishes = Rc::<Queue<Step>>::default();
        self.spawn(self.clone().lose_power());
        self.spawn(self.clone().go_on());
        self.spawn(self.clone().happen(plan.steps.clone(), wishes.clone()));
        self.spawn(owner::own(self.clone(), wishes));
        self.spawn(watch::watch(self.clone()));
        self.spawn(pinger::ping(self.clone()));
        self.spawn(ending::look(self.clone()));
    }

    /// Adds a task that isn't the device's.
    pub fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.parts.executor.spawn(AROUND, task);
    }

    /// A new phone.
    pub fn phone(&self) -> Phone {
        let number = self.phones.get();
        self.phones.set(number + 1);
        let (Parts { executor, ether, air, .. }, seed) = (&self.parts, self.random.borrow_mut().u64(..));
        Phone::start(executor, AROUND, air, ether, number, seed)
    }

    /// Randomness of its own for someone.
    pub fn fork_random(&self) -> fastrand::Rng {
        self.random.borrow_mut().fork()
    }

    /// Something changes that the device may need time to get over.
    pub fn disturb(&self) {
        self.disturbed.set(Instant::now());
    }

    /// Where the device can be reached, by what its radio is doing.
    pub fn places(&self) -> Vec<Place> {
        let ap = self.parts.air.has_ap().then_some(Place::AccessPoint);
        ap.into_iter().chain(self.parts.air.device_router().map(Place::Router)).collect()
    }

    /// The device's address there, if it is there.
    pub fn address(&self, place: Place) -> Option<Ipv4Addr> {
        let device = self.device.borrow();
        let [ap, station] = device.as_ref()?.addresses();
        match place {
            Place::AccessPoint => ap.filter(|_| self.parts.air.has_ap()),
            Place::Router(number) => station.filter(|_| self.parts.air.device_router() == Some(number)),
        }
    }

    /// Whether nothing has happened to the device and the networks for some time before `start`, and since.
    pub fn is_calm_since(&self, start: Instant) -> bool {
        let settled = self.disturbed.get().max(self.parts.air.changed()) + Duration::from_secs(SETTLING_S);
        self.parts.ether.conditions().is_fair() && start >= settled
    }

    /// Whether frames to and from this router's network have fared well since `start`, and the router gives out addresses.
    pub fn is_calm_at(&self, router: usize, start: Instant) -> bool {
        let has_dhcp = self.parts.air.router(router).has_dhcp && self.parts.air.is_router_up(router);
        has_dhcp && self.parts.ether.conditions().is_fair() && self.parts.ether.changed() <= start
    }

    /// Adds a task of the device's, which ends with its power.
    pub fn spawn_device(&self, task: impl Future<Output = ()> + 'static) {
        self.parts.executor.spawn(Group(1_000 + self.boots.get()), task);
    }

    fn boot(self: &Rc<Self>) {
        self.boots.set(self.boots.get() + 1);
        self.trace.note("power", format_args!("on, boot {}", self.boots.get()));
        self.disturb();
        let device = Device::boot(self, self.boots.get(), self.fork_random());
        *self.device.borrow_mut() = Some(device);
    }

    fn cut_power(&self) {
        self.disturb();
        if let Some(device) = self.device.take() {
            self.trace.note("power", "cut");
            device.end();
        }
    }

    /// Cuts the power, and switches the device on again after a time.
    async fn restart(self: &Rc<Self>, off_ms: u64) {
        if self.device.borrow().is_none() {
            return;
        }
        self.cut_power();
        Timer::after(Duration::from_millis(off_ms)).await;
        self.flash.power_on();
        self.boot();
    }

    /// The device restarts itself, when what runs now has ended.
    pub fn restart_soon(self: &Rc<Self>) {
        self.trace.note("device", "restarts");
        let world = self.clone();
        self.spawn(async move { world.restart(RESTART_MS).await });
    }

    /// Lets the parts on the device's pins go on.
    async fn go_on(self: Rc<Self>) {
        let mut noise = self.fork_random();
        loop {
            self.pins.second(Instant::now().as_secs(), || 2.0 * noise.f64() - 1.0);
            Timer::after(Duration::from_secs(1)).await;
        }
    }

    /// Waits for the power to go in the middle of writing.
    async fn lose_power(self: Rc<Self>) {
        loop {
            self.flash.power_lost().await;
            self.trace.note("power", "lost while flash was being changed");
            self.restart(self.off_ms.get()).await;
            // The power may have been off already.
            Timer::after(Duration::from_millis(100)).await;
        }
    }

    /// Lets everything happen, each at its time.
    async fn happen(self: Rc<Self>, steps: Vec<(u64, Step)>, wishes: Rc<Queue<Step>>) {
        for (ms, step) in steps {
            Timer::at(Instant::from_millis(ms)).await;
            self.trace.note("plan", format_args!("{step:?}"));
            match step {
                Step::Conditions(conditions) => {
                    self.disturb();
                    self.parts.ether.set_conditions(conditions);
                }
                Step::Router { number, is_up } => {
                    self.disturb();
                    self.parts.air.set_up(number % ROUTERS, is_up);
                }
                Step::PowerCut { off_ms } => {
                    let world = self.clone();
                    self.spawn(async move { world.restart(off_ms).await });
                }
                Step::PowerCutInFlash { after, off_ms } => {
                    self.off_ms.set(off_ms);
                    self.flash.cut_power_after(after);
                }
                Step::AgeWritten { bit } => self.flash.flip(bit % (8 * self.flash.written().max(1))),
                Step::AgeUnwritten { seed, bits } => {
                    let mut random = fastrand::Rng::with_seed(seed);
                    let fallen = (0..bits).filter(|_| self.flash.flip_unwritten(random.usize(..))).count();
                    self.trace.note("flash", format_args!("{fallen} bits fell over where nothing was written"));
                }
                Step::Part { name, condition } => self.pins.set(name, condition),
                Step::Crowd { place, clients, habit } => crowd::come(&self, place, clients, habit),
                wish => wishes.push(wish),
            }
        }
        Timer::at(self.calm).await;
        self.trace.note("plan", "calm");
        self.disturb();
        self.parts.ether.set_conditions(crate::ether::LinkConditions::FAIR);
        self.flash.keep_power();
        self.pins.unplug(|_| false);
    }
}
