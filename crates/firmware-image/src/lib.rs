//! Firmware images and the owner's key, on a host.
//!
//! - [`recipe`]: makes an image in Espressif's format, for machines that espflash makes none for: the simulator and the
//!   board qemu-virt.
//! - [`key`]: the owner's Ed25519 key, in a PEM file outside of the repository.
//! - [`signed`]: an image with its signature, in two files.

pub mod key;
pub mod recipe;
pub mod signed;

pub use key::OwnerKey;
pub use recipe::Recipe;
pub use signed::{SignedImage, write_unsigned};
