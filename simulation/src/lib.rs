//! The production server, listener and device in simulated time.
//!
//! # Layout
//! - [`clock`]: embassy-time's driver.

pub mod clock;
