//! The code that all boards share, real and simulated: readings, the conversion of ADC codes, the boot.
//!
//! Firmware for a chip only wires; what it decides is decided here, where tests on a host reach it.
//!
//! # Layout
//! - [`readings`]: names, units and ranges of readings and outputs.
//! - [`converter`]: what a converter's code means that nobody has measured.
//! - [`reset`], [`panic_message`]: why a chip has booted; [`boot_count`]: how many boots have failed in a row.
//! - [`build_config`]: what an image was built with.
//! - [`board_platform`]: the board as the application sees it, and its samples; [`clock`]: the time of day.
//! - [`boot`]: what a device boots with.
//! - [`library_log`]: what libraries log, without what is expected; [`kept_lines`]: what of all of it is kept.
//! - [`button`]: back to the factory's settings.
#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

pub mod board_platform;
pub mod boot;
pub mod boot_count;
pub mod build_config;
pub mod button;
pub mod clock;
pub mod converter;
pub mod kept_lines;
pub mod library_log;
pub mod limits;
pub mod panic_message;
pub mod readings;
pub mod reset;
