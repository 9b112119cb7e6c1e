//! The device as the boards have it, with readings that never change.

use std::time::{SystemTime, UNIX_EPOCH};

use embassy_time::Instant;
use peers::PORT;
use sockeye_board::readings::{LM35, UPTIME, count};
use sockeye_device::{
    App, AppResources, ClientOrigin, DeviceIdentity, Health, History, NoStore, Now, OutputError, OutputInfo, Platform,
    ReadingInfo, Settings, Value, ValueKind,
};
use sockeye_endpoint::{Endpoint, server_health};
use sockeye_server::Server;
use static_cell::{ConstStaticCell, StaticCell};

use crate::SLOTS;

static READINGS: [ReadingInfo<'static>; 2] = [LM35, UPTIME];
/// The light of a device as it comes from the factory, off at boot.
const OUTPUTS: [OutputInfo<'static>; 1] = [OutputInfo {
    name: "led",
    unit: "",
    kind: ValueKind::Switch,
    decimals: 0,
    minimum: Value(0),
    maximum: Value(1),
    initial: Value(0),
}];

struct Board(&'static Server<SLOTS>);

/// The device's handler, with a first sample of each reading.
pub fn handler(server: &'static Server<SLOTS>) -> &'static Endpoint<'static, NoStore> {
    static BOARD: StaticCell<Board> = StaticCell::new();
    static HISTORIES: ConstStaticCell<[History; READINGS.len()]> =
        ConstStaticCell::new([const { History::new() }; READINGS.len()]);
    static RESOURCES: ConstStaticCell<AppResources> = ConstStaticCell::new(AppResources::new());
    static APP: StaticCell<App<'static>> = StaticCell::new();
    static ENDPOINT: StaticCell<Endpoint<'static, NoStore>> = StaticCell::new();

    let app = App::new(BOARD.init(Board(server)), RESOURCES.take(), HISTORIES.take(), Settings::default());
    let app: &'static App<'static> = APP.init(app.expect("the board describes a device"));
    for (index, value) in [Value(235), count(0)].into_iter().enumerate() {
        app.sample(index, value);
    }
    // The only client is this machine.
    ENDPOINT.init(Endpoint::new(app, &NoStore, &|_| ClientOrigin::Loopback))
}

impl Platform for Board {
    fn now(&self) -> Now {
        let unix_us = SystemTime::now().duration_since(UNIX_EPOCH).ok();
        Now { uptime_us: Instant::now().as_micros(), unix_us: unix_us.map(|since| since.as_micros() as u64) }
    }

    /// Nothing that is measured asks for any.
    fn random(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }

    fn identity(&self) -> DeviceIdentity<'_> {
        DeviceIdentity { name: "bench", board: "Linux", version: env!("CARGO_PKG_VERSION"), run_id: "0", port: PORT }
    }

    fn readings(&self) -> &[ReadingInfo<'_>] {
        &READINGS
    }

    fn outputs(&self) -> &[OutputInfo<'_>] {
        &OUTPUTS
    }

    fn apply(&self, _: usize, _: Value) -> Result<(), OutputError> {
        Ok(())
    }

    fn health(&self) -> Health {
        Health {
            used_memory: 0,
            total_memory: 0,
            heap_free: None,
            reset_reason: "power_on",
            wifi_rssi_dbm: None,
            server: server_health(self.0),
        }
    }
}
