//! The loops that sample what is wired, on parts of a bench.

use std::cell::{Cell, RefCell};

use embassy_futures::block_on;
use embassy_futures::select::{Either3, select3};
use embassy_futures::yield_now;
use embassy_time::{Duration, Instant};
use sockeye_parts::{Bench, Condition, Dht, Sht};
use sockeye_simulation::clock;
use sockeye_wiring::driver::Fault;
use sockeye_wiring::hardware::{Drive, LineError, PinError, PinMode, Pulse, Range};
use sockeye_wiring::run::{Desk, run};
use sockeye_wiring::scan::{Found, ScanRequest};
use sockeye_wiring::{Hardware, Sampler, Wiring};

#[derive(Default)]
struct Device {
    wired: RefCell<(Wiring, Sampler)>,
    is_changed: Cell<bool>,
    samples: RefCell<Vec<(u8, usize, i32)>>,
    lost: RefCell<Vec<u8>>,
    scan: Cell<Option<ScanRequest>>,
    found: RefCell<Option<Result<Found, Fault>>>,
}

impl Device {
    fn wire(&self, name: &str, spec: &str) {
        let (wiring, sampler) = &mut *self.wired.borrow_mut();
        let before = wiring.clone();
        wiring.set(name, spec).unwrap();
        sampler.rewire(&before, wiring, self.now_ms());
        self.is_changed.set(true);
    }

    /// Waits until something is so.
    async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        while !is_so(self) {
            yield_now().await;
        }
    }
}

impl Desk for Device {
    fn now_ms(&self) -> u64 {
        Instant::now().as_millis()
    }

    fn with<R>(&self, work: impl FnOnce(&Wiring, &mut Sampler) -> R) -> R {
        let (wiring, sampler) = &mut *self.wired.borrow_mut();
        work(wiring, sampler)
    }

    fn sample(&self, thing: u8, reading: usize, value: i32) {
        self.samples.borrow_mut().push((thing, reading, value));
    }

    fn lose(&self, thing: u8) {
        self.lost.borrow_mut().push(thing);
    }

    async fn changed(&self) {
        self.until(|device| device.is_changed.replace(false)).await;
    }

    fn scan(&self) -> Option<ScanRequest> {
        self.scan.take()
    }

    fn scanned(&self, result: Result<Found, Fault>) {
        self.found.replace(Some(result));
    }
}

/// How many turns of the executor an exchange on a line takes.
const TURNS: usize = 10;

/// A bench on whose lines an exchange takes time.
struct Lines {
    bench: Bench,
    /// Exchanges that have begun.
    exchanges: Cell<usize>,
}

impl Lines {
    fn new() -> Self {
        Self { bench: Bench::new(|| 0), exchanges: Cell::new(0) }
    }
}

impl Hardware for Lines {
    type I2c<'h> = <Bench as Hardware>::I2c<'h>;

    fn i2c(&self, sda: u8, scl: u8) -> Self::I2c<'_> {
        self.bench.i2c(sda, scl)
    }

    async fn exchange(&self, pin: u8, send: &[Pulse], heard: &mut [Pulse], idle_us: u16) -> Result<usize, LineError> {
        self.exchanges.set(self.exchanges.get() + 1);
        for _ in 0..TURNS {
            yield_now().await;
        }
        self.bench.exchange(pin, send, heard, idle_us).await
    }

    async fn pixels(&self, pin: u8, bytes: [u8; 3], len: u16) -> Result<(), PinError> {
        self.bench.pixels(pin, bytes, len).await
    }

    fn millivolts(&self, pin: u8, range: Range) -> Option<u16> {
        self.bench.millivolts(pin, range)
    }

    fn set_up(&self, pin: u8, mode: PinMode) -> Result<(), PinError> {
        self.bench.set_up(pin, mode)
    }

    fn release(&self, pin: u8) {
        self.bench.release(pin);
    }

    fn level(&self, pin: u8) -> bool {
        self.bench.level(pin)
    }

    fn count(&self, pin: u8) -> u32 {
        self.bench.count(pin)
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), PinError> {
        self.bench.drive(pin, drive)
    }
}

/// Runs the loops until the client is done. Each turn of the executor takes a millisecond.
fn with_loops(bench: &impl Hardware, device: &Device, client: impl Future<Output = ()>) {
    clock::reset();
    let passing = async {
        loop {
            clock::advance(Duration::from_millis(1));
            yield_now().await;
        }
    };
    match block_on(select3(run(bench, device), client, passing)) {
        Either3::First(never) | Either3::Third(never) => never,
        Either3::Second(()) => {}
    }
}

#[test]
fn a_bus_that_hangs_ends_and_others_are_sampled() {
    let (bench, device) = (Bench::new(|| 0), Device::default());
    bench.i2c_part((6, 7), Sht::sht4x(0x44)).set(Condition::Hangs);
    bench.set_millivolts(1, Some(42));
    with_loops(&bench, &device, async {
        device.wire("a", "sht4x sda=6 scl=7");
        device.wire("b", "adc pin=1 period=100ms");
        device.until(|device| device.lost.borrow().len() == 2 && device.samples.borrow().len() >= 2).await;
    });
    assert_eq!(device.wired.borrow().1.status(0).fault, Some(Fault::Hangs));
    assert!(device.samples.borrow().iter().all(|sample| *sample == (1, 0, 42)));
}

#[test]
fn outputs_that_change_all_the_time_keep_no_sensor_from_being_read() {
    // Each exchange on a line takes some turns of the executor, and an output is set in each of them.
    let (lines, device) = (Lines::new(), Device::default());
    lines.bench.pulse_part(4, Dht::dht22());
    with_loops(&lines, &device, async {
        device.wire("attic", "dht22 pin=4");
        for _ in 0..100 * TURNS {
            device.is_changed.set(true);
            yield_now().await;
        }
    });
    assert_eq!(*device.samples.borrow(), [(0, 0, 200), (0, 1, 500)]);
}

#[test]
fn a_step_of_a_thing_that_is_wired_otherwise_counts_for_nothing() {
    let (bench, device) = (Bench::new(|| 0), Device::default());
    bench.i2c_part((6, 7), Sht::sht4x(0x44)).set(Condition::Hangs);
    with_loops(&bench, &device, async {
        device.wire("a", "sht4x sda=6 scl=7");
        // The step is under way once its bus is in use.
        yield_now().await;
        device.wire("a", "input pin=6");
        bench.set_level(6, Some(true));
        device.until(|device| device.samples.borrow().contains(&(0, 0, 1))).await;
    });
    assert_eq!(*device.lost.borrow(), [0; 0]);
    assert_eq!(device.wired.borrow().1.status(0).failed, 0);
}

#[test]
fn a_step_goes_on_while_other_things_are_wired() {
    let (lines, device) = (Lines::new(), Device::default());
    lines.bench.pulse_part(4, Dht::dht22());
    with_loops(&lines, &device, async {
        device.wire("pump", "output pin=5");
        device.wire("attic", "dht22 pin=4");
        device.until(|_| lines.exchanges.get() == 1).await;
        // The DHT22 has another number from now on.
        device.wire("pump", "");
        device.until(|device| device.samples.borrow().len() == 2).await;
    });
    assert_eq!(*device.samples.borrow(), [(0, 0, 200), (0, 1, 500)]);
    assert_eq!(lines.exchanges.get(), 1, "a DHT22 may be read once in 2 s");
}

#[test]
fn a_scan_is_done_between_samples() {
    let (bench, device) = (Bench::new(|| 0), Device::default());
    bench.i2c_part((6, 7), Sht::sht4x(0x44));
    with_loops(&bench, &device, async {
        device.scan.set(Some(ScanRequest::I2c { sda: 6, scl: 7 }));
        device.is_changed.set(true);
        device.until(|device| device.found.borrow().is_some()).await;
    });
    assert_eq!(device.found.take(), Some(Ok(Found::I2c(1 << 0x44))));
}
