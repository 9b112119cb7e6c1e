//! The machine under the device: its clock, its randomness, one sensor, one output, and pins with parts.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use embassy_time::Instant;
use sockeye_device::{
    DeviceIdentity, Health, Now, OutputError, OutputInfo, Platform, ReadingInfo, Value, ValueKind, WiringSetup,
};
use sockeye_endpoint::server_health;
use sockeye_parts::{Bench, SimulatedBoard};
use sockeye_server::Server;
use sockeye_wiring::Hardware;
use sockeye_wiring::hardware::Drive;

use crate::device::SLOTS;
use crate::phone::PORT;

/// Its readings.
pub const READINGS: [ReadingInfo<'static>; 1] = [ReadingInfo {
    name: "lm35",
    unit: "°C",
    kind: ValueKind::Gauge,
    decimals: 1,
    minimum: Value(-550),
    maximum: Value(1500),
    period_ms: 1_000,
}];

const OUTPUTS: [OutputInfo<'static>; 1] = [OutputInfo {
    name: "led",
    unit: "",
    kind: ValueKind::Switch,
    decimals: 0,
    minimum: Value(0),
    maximum: Value(1),
    initial: Value(0),
}];

/// The pins that can be wired, and the wiring from the factory.
pub const PINS: WiringSetup = WiringSetup { board: &SimulatedBoard::PINS, factory: &[("tank", "adc pin=1")] };

/// The board, since it was switched on.
pub struct Board {
    start: Instant,
    random: RefCell<fastrand::Rng>,
    led: Cell<Value>,
    server: &'static Server<SLOTS>,
    run_id: String,
    bench: Rc<Bench>,
}

impl Board {
    /// Switched on now.
    pub fn new(mut random: fastrand::Rng, server: &'static Server<SLOTS>, bench: Rc<Bench>) -> Self {
        let run_id = (0..40).map(|_| random.digit(16)).collect();
        Self { start: Instant::now(), random: RefCell::new(random), led: Cell::default(), server, run_id, bench }
    }
}

impl Platform for Board {
    fn now(&self) -> Now {
        Now { uptime_us: self.start.elapsed().as_micros(), unix_us: None }
    }

    fn random(&self, bytes: &mut [u8]) {
        self.random.borrow_mut().fill(bytes);
    }

    fn identity(&self) -> DeviceIdentity<'_> {
        DeviceIdentity {
            name: "sockeye-51A0",
            board: "the simulation",
            version: "0.1.0",
            run_id: &self.run_id,
            port: PORT,
        }
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        &READINGS
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        &OUTPUTS
    }

    fn apply(&self, _index: usize, value: Value) -> Result<(), OutputError> {
        self.led.set(value);
        Ok(())
    }

    fn pins(&self) -> Option<WiringSetup> {
        Some(PINS)
    }

    fn drive(&self, pin: u8, drive: Drive) -> Result<(), OutputError> {
        self.bench.drive(pin, drive).map_err(|_| OutputError)
    }

    fn health(&self) -> Health {
        Health { reset_reason: "power_on", server: server_health(self.server), ..Health::default() }
    }
}

#[cfg(test)]
mod tests {
    use sockeye_endpoint::limits::{SESSION_IDLE_TIMEOUT_MS, TIMEOUTS};

    use super::*;

    #[test]
    fn the_idle_timeout_that_is_reported_is_the_one_in_force() {
        let board = Board::new(
            fastrand::Rng::with_seed(0),
            Box::leak(Box::new(Server::new(TIMEOUTS))),
            Rc::new(Bench::new(|| 0)),
        );
        assert_eq!(u64::from(board.health().server.idle_timeout_s) * 1_000, SESSION_IDLE_TIMEOUT_MS);
    }
}
