//! The production server, listener and device in simulated time.
//!
//! A [`plan`] is made from a seed, and [`world::run`] runs it: the same seed goes the same way, always.
//!
//! # Layout
//! - [`clock`], [`executor`], [`queue`], [`trace`], [`tally`]: time, tasks, and what happened, how often.
//! - [`ether`], [`air`], [`router`]: frames, Wi-Fi networks and who is in which, and the hosts of routers.
//! - [`flash`], [`store`], [`board`], [`device_radio`], [`device`]: the machine under the device, and the device itself as it boots.
//! - [`phone`], [`actor`]: clients' hosts, how they speak with the device, and what they want of it.
//! - [`plan`], [`world`], [`seeds`]: what happens in a run, to whom, and many runs.
//! - [`check`], [`owned`]: what must hold.
//! - [`mutation`]: what is switched off to see that it is missed.

pub mod actor;
pub mod air;
pub mod board;
pub mod check;
pub mod clock;
pub mod device;
pub mod device_radio;
pub mod ether;
pub mod executor;
pub mod flash;
pub mod mutation;
pub mod owned;
pub mod phone;
pub mod plan;
pub mod queue;
pub mod router;
pub mod seeds;
pub mod store;
pub mod tally;
pub mod trace;
pub mod world;

/// Network stacks and the listener live as long as the program of a chip does, which never ends.
pub fn leak<T>(value: T) -> &'static mut T {
    Box::leak(Box::new(value))
}
