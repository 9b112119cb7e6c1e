//! `StaticNetwork`, with which `hello` runs on chips, on the simulated radio with its faults. The station joins the network
//! that the program was built for whenever that is there. The access point stays on the air.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use embassy_net::{Config, StackResources};
use embassy_time::{Duration, Instant};
use sockeye_boot::{Boot, BuildSettings};
use sockeye_sim_radio::{Faults, SimRadio};
use sockeye_simulation::air::{Air, DeviceCards, RouterConfig};
use sockeye_simulation::device_radio::{self, Mutated, Stacks, Wlan};
use sockeye_simulation::ether::Ether;
use sockeye_simulation::executor::{Executor, Group};
use sockeye_simulation::mutation::Mutation;
use sockeye_simulation::trace::Trace;
use sockeye_simulation::{clock, leak, router};
use sockeye_tcp::{DriverPort, Frames, IsnKey, Options, Resources, SocketBuffers, Tcp};
use sockeye_wifi::Secret;
use sockeye_wifi::adapter::{AdapterContext, StaticNetwork};
use sockeye_wifi::limits::{JOIN_PAUSES, JOIN_TIMEOUT_MS, JOINS_MAX, STALE_MS, STATIC_LEAVE_MS};

const ALL: Group = Group(0);
const MAC: [u8; 6] = [2, 0x51, 0xa0, 0, 0, 1];
const SSID: &str = "home";
const PASSWORD: &str = "correct horse";
/// Runs of each kind.
const SEEDS: Range<u64> = 0..1_000;
/// How long the faults last at most, seconds, and how often the router's network comes or goes meanwhile.
const FAULTY_S: u64 = 600;
const CHANGES_MAX: usize = 8;
/// Of a thousand calls of the driver, how many fail at most.
const CALL_FAILS_MAX: u16 = 500;
/// How long joining may take once nothing goes wrong any more, milliseconds. An attempt that has begun ends, and the
/// longest pause after it, from which jitter only takes. The router may believe that the station is there already, and
/// another attempt follows.
const SETTLE_MS: u64 = 2 * (JOIN_TIMEOUT_MS + STATIC_LEAVE_MS + JOIN_PAUSES.longest_ms as u64) + STALE_MS;
/// How long what has gone wrong may still have effects, milliseconds: beacons are missed, and events are late.
const AFTERMATH_MS: u64 = 10_000;
/// How long it must then stay, seconds.
const STAY_S: u64 = 120;
/// How long an address may take, milliseconds.
const ADDRESS_MS_MAX: u64 = device_radio::ADDRESS_MS_MAX;

/// A chip without its program: a radio, and a network stack on each side.
struct Chip {
    executor: Executor,
    air: Air,
    radio: Rc<SimRadio<Air>>,
    stacks: &'static Stacks,
    trace: Trace,
    random: fastrand::Rng,
}

impl Chip {
    fn new(seed: u64, mutation: Mutation) -> Self {
        clock::reset();
        let mut random = fastrand::Rng::with_seed(seed);
        let (executor, ether, trace) = (Executor::default(), Ether::new(random.fork()), Trace::default());
        executor.spawn(ALL, ether.clone().run());
        let air = Air::new(ether.clone(), trace.clone());
        let password = Some(PASSWORD.to_owned());
        let is_jealous = random.bool();
        let config = RouterConfig { ssid: SSID.to_owned(), password, rssi_dbm: -60, is_jealous, has_dhcp: true };
        air.add_router(config, router::start(&executor, ALL, &ether, (0, true), random.u64(..)));

        let options = Options { handshake: Duration::from_secs(5), isn_key: IsnKey::new([3; 16]) };
        let tcp = Tcp::new(leak(SocketBuffers::<1, 64, 64>::new()), leak(Resources::<1>::new()), options);
        let mut wlan = |last| {
            let (card, driver) = ether.card([2, 0x51, 0xa0, 0, 0, last]);
            let (interface, mut runner, device) =
                tcp.attach(leak(Frames::<1, 1>::new()), leak(DriverPort::new(driver)));
            let resources = leak(StackResources::<3>::new());
            let (stack, mut net) = embassy_net::new(device, Config::default(), resources, random.u64(..));
            executor.spawn(ALL, async move { runner.run().await });
            executor.spawn(ALL, async move { net.run().await });
            Wlan { card, stack, interface }
        };
        let (ap, station) = (wlan(1), wlan(2));
        let radio = device_radio::radio(&air, &mut random, true);
        let faults = Faults { call_fails: random.u16(..CALL_FAILS_MAX), ..device_radio::faults(&mut random) };
        radio.set_faults(faults);
        air.device_here(radio.clone(), DeviceCards { ap: ap.card, station: station.card });
        let running = radio.clone();
        executor.spawn(ALL, async move { running.run().await });
        executor.spawn(ALL, air.clone().miss_clients());
        let stacks = leak(Stacks { ap, station, mutation });
        Self { executor, air, radio, stacks, trace, random }
    }

    /// Starts the program's network.
    fn start<const IS_AP: bool>(&mut self, built: BuildSettings, mutation: Mutation) {
        let (stacks, driver) = (self.stacks, Mutated::new(self.radio.driver(), mutation, Rc::default()));
        let mut random = self.random.fork();
        self.executor.spawn(ALL, async move {
            let context = AdapterContext {
                network: stacks,
                console: Boot::new(|_| (), "hello", "the simulation"),
                up: &|_| (),
                passphrase: Secret::new(b"a factory's own").expect("WPA2 takes it"),
                rssi_dbm: &Cell::new(None),
            };
            let next = move || random.u32(..);
            if IS_AP {
                StaticNetwork::<true>::run(driver, context, built, MAC, next).await
            } else {
                StaticNetwork::<false>::run(driver, context, built, MAC, next).await
            }
        });
    }

    fn run(&self, ms: u64) {
        self.executor.run_until(Instant::now() + Duration::from_millis(ms));
    }

    /// Waits until `is_so`, for `ms` at most.
    fn wait(&self, ms: u64, what: &str, is_so: impl Fn() -> bool) -> Result<(), String> {
        let begun = Instant::now();
        while !is_so() {
            if begun.elapsed().as_millis() > ms {
                return Err(format!("not {what} after {ms} ms\n{}", self.trace));
            }
            self.run(100);
        }
        Ok(())
    }

    fn is_in_network(&self) -> bool {
        self.radio.is_connected() && self.stacks.station.stack.config_v4().is_some()
    }
}

/// A station whose router comes and goes while its radio has faults: once both are calm it is in its network, and stays.
fn station(seed: u64, mutation: Mutation) -> Result<(), String> {
    let mut chip = Chip::new(seed, mutation);
    let mut is_up = chip.random.bool();
    chip.air.set_up(0, is_up);
    chip.start::<false>(BuildSettings::Station { ssid: SSID, password: Some(PASSWORD) }, mutation);
    for _ in 0..chip.random.usize(..=CHANGES_MAX) {
        let pause_ms = chip.random.u64(..FAULTY_S * 1_000 / CHANGES_MAX as u64);
        chip.run(pause_ms);
        is_up = !is_up;
        chip.air.set_up(0, is_up);
    }
    if !is_up {
        chip.air.set_up(0, true);
    }
    chip.radio.set_faults(Faults::NONE);
    chip.run(AFTERMATH_MS);
    chip.wait(SETTLE_MS, "joined", || chip.radio.is_connected())?;
    chip.wait(ADDRESS_MS_MAX, "given an address", || chip.is_in_network())?;
    for _ in 0..STAY_S {
        chip.run(1_000);
        if !chip.is_in_network() {
            return Err(format!("it did not stay in its network\n{}", chip.trace));
        }
    }
    Ok(())
}

/// An access point whose driver's calls fail at first: once they don't, it is on the air, with its address, and stays.
fn access_point(seed: u64) -> Result<(), String> {
    let mut chip = Chip::new(seed, Mutation::None);
    chip.start::<true>(BuildSettings::AccessPoint { open: seed.is_multiple_of(2) }, Mutation::None);
    let faulty_ms = chip.random.u64(..FAULTY_S * 1_000);
    chip.run(faulty_ms);
    chip.radio.set_faults(Faults::NONE);
    chip.wait(JOIN_PAUSES.longest_ms.into(), "on the air", || chip.radio.ap().is_some())?;
    let ap = chip.radio.ap().ok_or("it is off the air")?;
    assert_eq!(ap.passphrase.as_str().is_empty(), seed.is_multiple_of(2), "open as it was built, or not");
    for number in 0..STAY_S {
        chip.run(1_000);
        let client = [2, 0, 0, 0, 1, number as u8];
        let has_address = chip.stacks.ap.stack.config_v4().is_some();
        if !has_address || !chip.radio.associate(client) {
            return Err(format!("it did not stay on the air with its address\n{}", chip.trace));
        }
        chip.radio.disassociate(client);
    }
    Ok(())
}

#[test]
fn a_station_is_in_its_network_once_that_is_there() {
    for seed in SEEDS {
        station(seed, Mutation::None).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

#[test]
fn an_access_point_is_on_the_air_once_the_driver_lets_it() {
    for seed in SEEDS {
        access_point(seed).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
}

/// A driver that has stopped for good reports a failure for each attempt, until it is configured anew.
#[test]
fn a_station_whose_driver_has_stopped_is_in_its_network_again() {
    let mut chip = Chip::new(1, Mutation::None);
    chip.air.set_up(0, true);
    chip.radio.set_faults(Faults { station_stops: 1_000, ..Faults::NONE });
    chip.start::<false>(BuildSettings::Station { ssid: SSID, password: Some(PASSWORD) }, Mutation::None);
    chip.run(60_000);
    chip.radio.set_faults(Faults::NONE);
    let joins_ms = u64::from(JOINS_MAX) * (JOIN_TIMEOUT_MS + u64::from(JOIN_PAUSES.longest_ms));
    chip.wait(joins_ms, "joined", || chip.is_in_network()).unwrap_or_else(|why| panic!("{why}"));
}

#[test]
fn what_is_switched_off_is_missed() {
    // A subscription for each wait loses this program nothing for longer than until the driver is asked.
    for mutation in [Mutation::NoPoll, Mutation::NoWake] {
        assert!(SEEDS.into_iter().any(|seed| station(seed, mutation).is_err()), "{mutation:?} is not noticed");
    }
}
