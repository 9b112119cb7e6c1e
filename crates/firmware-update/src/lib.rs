//! Firmware updates over a connection: signed, resumable, tried before they are kept.
//!
//! A device has two slots for images, and boots one of them. A new image goes into the other. The new image is read
//! back from flash and verified, then booted on trial. The trial's first statement marks its own otadata entry, so that
//! the bootloader passes it over. So any reset before the confirmation boots the old image.
//!
//! [`Updater`] is all of it over NOR flash, without other IO. The receiver of an image calls [`Updater::begin`],
//! [`Updater::write`], [`Updater::try_image`] and [`Updater::confirm`], and restarts the device after the third. The
//! steps and their order, with what a power cut leaves after each, are in `docs/update.md`.
//!
//! # Layout
//!
//! | module | what it does |
//! |---|---|
//! | [`limits`] | every bound, and how they relate |
//! | [`updater`] | the steps of an update |
//! | [`image`] | the header of an image in Espressif's format |
//! | `image_reader` | reading an image from flash |
//! | [`otadata`] | the two entries by which the bootloader chooses |
//! | [`bootloader`] | a model of the stock bootloader's choice |
//! | `record` | what is kept in flash about an image that is being received |
//! | `rom_crc` | CRC-32 as in the chips' ROM |
//! | [`update_error`] | why a step was refused, and why an update failed |
//! | [`wear`] | how often a client may have sectors erased |

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code)]

pub mod bootloader;
pub mod image;
mod image_reader;
pub mod limits;
pub mod otadata;
mod record;
mod rom_crc;
pub mod update_error;
pub mod updater;
pub mod wear;

pub use image::Target;
pub use otadata::Slot;
pub use record::Record;
pub use rom_crc::crc32;
pub use update_error::{UpdateError, UpdateFailure};
pub use updater::{Layout, UpdateState, UpdateStatus, Updater};
