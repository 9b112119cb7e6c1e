//! The people and programs that deal with the device.
//!
//! # Layout
//! - [`owner`]: wants things of it, and knows what it was told.
//! - [`crowd`]: strangers, of whom most don't behave.
//! - [`pinger`]: a good client that must not notice any of them.
//! - [`watch`]: looks all the time whether the device can be reached.
//! - [`ending`]: looks in the end whether it is as good as new.

pub mod crowd;
pub mod ending;
pub mod owner;
pub mod pinger;
pub mod watch;
