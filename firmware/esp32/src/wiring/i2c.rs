//! I2C at any two pins. A driver is made for each transfer, so that one controller serves any number of buses.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_time::{Duration, with_timeout};
use embedded_hal::i2c::{ErrorType, Operation};
use esp_hal::i2c::master::{AnyI2c, BusTimeout, Config, Error, I2c, SoftwareTimeout};
use esp_hal::time::Rate;
use sockeye_wiring::hardware::PinError;
use sockeye_wiring::limits::I2C_TRANSFER_MS;

use super::free_output;

const KHZ: u32 = 100;
/// For how long a sensor may hold the clock low, in cycles of the bus. Without it the ESP32-C3, -C6 and -S3 wait for
/// ever.
const STRETCH_CYCLES: u32 = 1_000;

/// The bus at two pins.
pub struct Bus<'h> {
    pub(super) i2c: &'h Mutex<NoopRawMutex, AnyI2c<'static>>,
    pub(super) sda: u8,
    pub(super) scl: u8,
}

impl ErrorType for Bus<'_> {
    type Error = Error;
}

impl embedded_hal_async::i2c::I2c for Bus<'_> {
    async fn transaction(&mut self, address: u8, operations: &mut [Operation<'_>]) -> Result<(), Error> {
        let mut controller = self.i2c.lock().await;
        let pin = |pin| free_output(pin).map_err(|PinError| Error::ExecutionIncomplete);
        let (sda, scl) = (pin(self.sda)?, pin(self.scl)?);
        // An asynchronous transfer with a timeout in software is polled without a pause.
        let config = Config::default().with_frequency(Rate::from_khz(KHZ)).with_software_timeout(SoftwareTimeout::None);
        let config = config.with_timeout(BusTimeout::BusCycles(STRETCH_CYCLES));
        let bus = I2c::new(controller.reborrow(), config).map_err(|_| Error::ExecutionIncomplete)?;
        let mut bus = bus.with_sda(sda).with_scl(scl).into_async();
        // By its full name: the driver's own method of this name blocks.
        let transfer = embedded_hal_async::i2c::I2c::transaction(&mut bus, address, operations);
        with_timeout(Duration::from_millis(I2C_TRANSFER_MS), transfer).await.unwrap_or(Err(Error::Timeout))
    }
}
