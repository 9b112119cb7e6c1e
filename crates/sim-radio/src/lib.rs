//! A simulated radio: a Wi-Fi driver for the adapter of [`sockeye_wifi`], with the faults of real ones.
//!
//! Programs differ in what is around the radio, which they implement as [`Surroundings`]: `sim --air` has networks on
//! loopback addresses, the simulation has frames. The radio takes its time from embassy-time alone, so that it runs in
//! real time as well as in simulated time.
//!
//! The radio behaves like esp-radio 1.0 in these points:
//!
//! - An event goes to those that are subscribed at that moment.
//! - A full queue loses the newest event.
//! - A change of the mode drops the station.
//! - Configuring restarts the access point.
//!
//! # Layout
//! - `simulated_driver`: [`SimRadio`], and [`SimDriver`], the adapter's driver.
//! - `event_channel`: [`Subscription`], from which events are read.
//! - `faults`: [`Faults`] and [`Timings`].

mod event_channel;
mod faults;
mod simulated_driver;
#[cfg(test)]
mod tests;

pub use event_channel::Subscription;
pub use faults::{Faults, Timings};
pub use simulated_driver::{Refused, SimDriver, SimRadio, Surroundings};
