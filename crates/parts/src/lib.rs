//! Models of sensors and outputs, and of the pins and buses that they are wired to.
//!
//! [`Bench`] implements the trait between drivers and pins, so that the drivers which ship run over it. A model answers
//! an I2C transfer, a 1-Wire slot or a start pulse by its data sheet. No answer comes before the measurement would be
//! over. A wired part can be pulled out, plugged in again, slow, and faulty: see [`Condition`].
//!
//! [`SimulatedBoard`] is a bench with a sensor of each bus on it, for people and for whole devices. [`Rig`] is a device's
//! wiring over a bench, in a time of its own.
//!
//! Physical quantities are encoded here by the data sheets' formulas in floating point. Drivers decode them in integers,
//! so that a mistake in one is not repeated in the other.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;

mod ads1115;
mod aht20;
mod bench;
mod bh1750;
mod bosch;
mod crc;
mod dht;
mod ds18b20;
mod garbage;
mod ina219;
mod part;
mod pins;
mod rig;
mod sensirion;
mod simulated_board;

pub use ads1115::Ads1115;
pub use aht20::Aht20;
pub use bench::{Bench, BusError, Plug};
pub use bh1750::Bh1750;
pub use bosch::Bosch;
pub use dht::Dht;
pub use ds18b20::Ds18b20;
pub use garbage::Garbage;
pub use ina219::Ina219;
pub use part::{Condition, I2cPart, Moment, OneWirePart, Part, PulsePart};
pub use pins::PinState;
pub use rig::Rig;
pub use sensirion::{Scd4x, Sht};
pub use simulated_board::SimulatedBoard;
