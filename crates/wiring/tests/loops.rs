//! The loops that run on a device, in the time of the machine that runs the test.

use std::cell::{Cell, RefCell};

use embassy_futures::block_on;
use embassy_futures::select::{Either, select};
use embassy_futures::yield_now;
use embassy_time::Instant;
use sockeye_parts::{Bench, Condition, Sht};
use sockeye_wiring::driver::Fault;
use sockeye_wiring::run::{Desk, run};
use sockeye_wiring::scan::{Found, ScanRequest};
use sockeye_wiring::{Sampler, Wiring};

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

/// Runs the loops until the client is done.
fn with_loops(bench: &Bench, device: &Device, client: impl Future<Output = ()>) {
    match block_on(select(run(bench, device), client)) {
        Either::First(never) => never,
        Either::Second(()) => {}
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
fn a_change_of_the_wiring_ends_a_step_that_hangs() {
    let (bench, device) = (Bench::new(|| 0), Device::default());
    bench.i2c_part((6, 7), Sht::sht4x(0x44)).set(Condition::Hangs);
    bench.set_level(10, Some(true));
    with_loops(&bench, &device, async {
        device.wire("a", "sht4x sda=6 scl=7");
        // The step is under way once its bus is in use.
        yield_now().await;
        device.wire("a", "input pin=6");
        bench.set_level(6, Some(true));
        device.until(|device| device.samples.borrow().contains(&(0, 0, 1))).await;
    });
    assert_eq!(*device.lost.borrow(), [0; 0]);
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
