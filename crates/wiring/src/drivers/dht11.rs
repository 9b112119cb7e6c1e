//! DHT11: temperature and humidity in pulses (Aosong's data sheet of the DHT11, version 1.3).

use crate::driver::{Driver, Fault, Id, Job, Next, Use, celsius, every, gauge, pin};
use crate::drivers::dht22::read;
use crate::hardware::Hardware;

pub(super) const DRIVER: Driver = Driver {
    name: "dht11",
    id: Id::Dht11,
    help: "temperature and humidity in pulses, coarser than a DHT22",
    words: &[pin("pin", Use::Pulses, "data pin, with 5 to 10 kOhm to the supply")],
    readings: &[gauge("temperature", celsius(1), (-200, 600)), gauge("humidity", ("%", 1), (0, 1_000))],
    output: None,
    period: every(10_000, 2_000),
};

/// The host pulls the line low for 18 ms at least.
const START_US: u16 = 19_000;

pub(super) async fn step<H: Hardware>(hardware: &H, job: &mut Job) -> Result<Next, Fault> {
    // Whole units and tenths; the highest bit of the temperature's tenths is its sign.
    let [humidity, humidity_tenths, celsius, tenths] = read(hardware, job.args.pin("pin"), START_US).await?;
    let magnitude = i32::from(celsius) * 10 + i32::from(tenths & 0x7f);
    job.set(0, if tenths & 0x80 == 0 { magnitude } else { -magnitude });
    job.set(1, i32::from(humidity) * 10 + i32::from(humidity_tenths));
    Ok(Next::DONE)
}
