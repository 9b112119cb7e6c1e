//! Sensors and outputs that are chosen on the running device.
//!
//! A thing that is wired has a name and a spec, such as `cellar` and `ds18b20 pin=4`. The spec names a driver and the
//! pins that it is wired to. This crate parses specs, checks a whole wiring against the chip's pins, and samples what
//! is wired.
//!
//! # Layout
//! - [`driver`]: what a driver consists of; [`drivers`]: the table of all drivers, a file for each.
//! - [`spec`]: a parsed spec; [`number`]: numbers and durations in it; [`error`]: what can be wrong with it.
//! - [`chip`]: the pins of each chip; [`plan`]: whether a whole wiring is possible on it.
//! - [`wiring`]: all specs as text; [`named_texts`]: several named texts in a bounded one.
//! - [`edge_counter`]: which edges at a pin are pulses; for the interrupts of chips.
//! - [`hardware`]: the trait between drivers and pins, which chips and models implement.
//! - [`sampler`]: when what is sampled, and what becomes of it; [`run`]: the loops that do it.
//! - [`scan`]: which addresses and ROM codes answer on a bus.
//!
//! Values are whole numbers in units of a reading's last decimal; no value is ever a float.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]
#![allow(async_fn_in_trait, reason = "single-threaded executors: no future needs to be Send")]

mod bus;
pub mod chip;
mod crc;
pub mod driver;
pub mod drivers;
pub mod edge_counter;
pub mod error;
pub mod hardware;
pub mod limits;
pub mod named_texts;
pub mod number;
mod one_wire;
pub mod plan;
pub mod run;
pub mod sampler;
pub mod scan;
pub mod spec;
pub mod wiring;

pub use chip::BoardPins;
pub use driver::{Driver, Fault};
pub use error::{Error, Rejected};
pub use hardware::Hardware;
pub use named_texts::NamedTexts;
pub use sampler::Sampler;
pub use spec::Spec;
pub use wiring::Wiring;
