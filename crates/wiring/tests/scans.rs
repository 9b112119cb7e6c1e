//! The parts that answer on a bus.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sockeye_parts::{Bench, Bh1750, Bosch, Condition, Ds18b20, Sht};
use sockeye_wiring::driver::Fault;
use sockeye_wiring::scan;

/// The result of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn a_scan_of_an_i2c_bus_finds_all_that_answer() {
    let bench = Bench::new(|| 0);
    let bosch = bench.i2c_part((6, 7), Bosch::bme280(0x76));
    bench.i2c_part((6, 7), Bh1750::new(0x23));
    bench.i2c_part((4, 5), Bosch::bme280(0x77));
    assert_eq!(now(scan::i2c(&bench, 6, 7)), Ok(1 << 0x76 | 1 << 0x23));
    assert_eq!(now(scan::i2c(&bench, 1, 2)), Ok(0));
    bosch.set(Condition::Unplugged);
    assert_eq!(now(scan::i2c(&bench, 6, 7)), Ok(1 << 0x23));
    bosch.set(Condition::Short);
    assert_eq!(now(scan::i2c(&bench, 6, 7)), Err(Fault::Short));
}

#[test]
fn a_sensor_that_stays_silent_until_it_has_measured_answers_a_scan() {
    let bench = Bench::new(|| 0);
    bench.i2c_part((6, 7), Sht::sht4x(0x44));
    assert_eq!(now(scan::i2c(&bench, 6, 7)), Ok(1 << 0x44));
}

#[test]
fn an_address_has_the_drivers_that_may_be_there() {
    let names = |address| scan::drivers(address).map(|driver| driver.name).collect::<Vec<_>>();
    assert_eq!(names(0x76), ["bme280", "bmp280"]);
    assert_eq!(names(0x44), ["sht4x", "sht3x", "ina219"]);
    assert_eq!(names(0x10), [""; 0]);
}

#[test]
fn a_scan_of_a_one_wire_bus_finds_all_rom_codes() {
    for serials in [&[1][..], &[1, 2], &[0xffff_ffff, 0, 7, 0x8000_0000, 0x1234_5678, 0x1234_5679]] {
        let bench = Bench::new(|| 0);
        let mut roms: Vec<_> = serials.iter().map(|serial| Ds18b20::rom(*serial)).collect();
        for rom in &roms {
            bench.one_wire_part(4, Ds18b20::new(*rom));
        }
        let mut found = now(scan::one_wire(&bench, 4)).unwrap().to_vec();
        roms.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, roms);
    }
    let bench = Bench::new(|| 0);
    assert_eq!(now(scan::one_wire(&bench, 4)), Err(Fault::NoAnswer));
    bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(1))).set(Condition::Short);
    assert_eq!(now(scan::one_wire(&bench, 4)), Err(Fault::Short));
}

#[test]
fn a_scan_ends_at_as_many_as_it_has_room_for() {
    let bench = Bench::new(|| 0);
    for serial in 0..40 {
        bench.one_wire_part(4, Ds18b20::new(Ds18b20::rom(serial)));
    }
    assert_eq!(now(scan::one_wire(&bench, 4)).unwrap().len(), sockeye_wiring::limits::ROMS_MAX);
}
