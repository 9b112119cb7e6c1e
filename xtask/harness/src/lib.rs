//! Builds, starts and watches the programs under test: what `cargo xtask` and the measuring program share.
//!
//! # Layout
//! - `workspace.rs`: the repository and its target folder, and cargo's metadata.
//! - `process.rs`: running other programs, bounded in time.
//! - `daemon.rs`: a server under test, whose console goes to a file.
//! - `namespace.rs`: a network namespace with a tap device.
//! - `toolchain.rs`, `firmware.rs`: the compilers for chips, and a firmware workspace that they build.
//! - `emulator.rs`: the bare-metal images in QEMU.
//! - `chip.rs`, `flash_image.rs`: the ESP32 programs, and images of them.
//! - `redis_server.rs`: the Redis that the device is compared with.
//! - `usage.rs`: arguments that can't be used, and exit statuses.

pub mod chip;
pub mod daemon;
pub mod emulator;
pub mod firmware;
pub mod flash_image;
pub mod namespace;
pub mod process;
pub mod redis_server;
pub mod toolchain;
pub mod usage;
pub mod workspace;
