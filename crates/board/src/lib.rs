//! What boards have in common, real and simulated: what they measure, and what they make of it.
//!
//! Firmware for a chip only wires; what it decides is decided here, where tests on a host reach it.
//!
//! # Layout
//! - [`readings`]: names, units and ranges of readings and outputs.
//! - [`lm35`]: from a converter's codes to a temperature.
//! - [`reset`], [`last_words`]: why a chip has booted.
//! - [`join`]: why a station is not in its network.
//! - [`clock`]: the time of day.
//! - [`button`]: back to the factory's settings.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

pub mod button;
pub mod clock;
pub mod join;
pub mod last_words;
pub mod limits;
pub mod lm35;
pub mod readings;
pub mod reset;
