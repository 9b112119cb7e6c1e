//! Whole updates over flash whose power can be cut, under a model of the bootloader.

mod faults;
mod flash;
mod life;
mod steps;
mod table;
mod wear;

use std::vec::Vec;

use embassy_futures::block_on;
use sha2::{Digest, Sha256};

use super::*;
use crate::bootloader;
use crate::limits::{DIGEST_LEN, ENTRY_LEN, STEP_MS, STEPS_MAX};
use flash::{BLOCK, Flash, complete};

/// An ESP32-C3.
const CHIP_ID: u16 = 5;
const PROJECT: &str = "sockeye-device";
/// Erase blocks of a slot, with the record's.
const SLOT_BLOCKS: u32 = 5;
const OTADATA: u32 = 0;
const SLOTS: [Range<u32>; 2] = [2 * BLOCK..(2 + SLOT_BLOCKS) * BLOCK, (2 + SLOT_BLOCKS) * BLOCK..LEN];
/// Milliseconds after the boot when all steps that were spent before have come back.
const LATER_MS: u64 = STEPS_MAX as u64 * STEP_MS;
const LEN: u32 = (2 + 2 * SLOT_BLOCKS) * BLOCK;

fn owner() -> ed25519_compact::KeyPair {
    ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([1; 32]))
}

fn target() -> Target {
    Target { chip_id: CHIP_ID, project: PROJECT, key: Some(*owner().pk) }
}

/// An image whose data differ with its number.
fn image(number: u8, len: usize) -> Vec<u8> {
    image_for(CHIP_ID, PROJECT, number, len)
}

fn image_for(chip_id: u16, project: &str, number: u8, len: usize) -> Vec<u8> {
    let mut image = std::vec![0xe9, 2, 0, 0, 0x10, 0, 0, 0x42, 0xee, 0, 0, 0];
    image.extend(chip_id.to_le_bytes());
    image.extend([0; 9]);
    image.push(1);
    let first = 256_u32;
    image.extend([0, 0, 0, 0x3c]);
    image.extend(first.to_le_bytes());
    image.extend(0xabcd_5432_u32.to_le_bytes());
    image.resize(48, 0);
    image.extend(std::format!("0.{number}.0").bytes());
    image.resize(80, 0);
    image.extend(project.bytes());
    image.resize(112, 0);
    image.resize(32 + first as usize, number);
    let second = len - image.len() - 8 - 16 - DIGEST_LEN;
    image.extend([0, 0, 0, 0x42]);
    image.extend((second as u32).to_le_bytes());
    image.extend((0..second).map(|index| (index as u8).wrapping_mul(31) ^ number));
    image.resize(len - DIGEST_LEN, 0xef);
    image.extend(Sha256::digest(&image));
    assert_eq!(image.len(), len);
    image
}

fn digest(image: &[u8]) -> [u8; DIGEST_LEN] {
    Sha256::digest(image).into()
}

/// The image's record, signed by the owner.
fn signed(image: &[u8]) -> Record {
    let sha256 = digest(image);
    Record { size: image.len() as u32, sha256, signature: *owner().sk.sign(sha256, None) }
}

/// A device: its flash, and what runs on it.
struct Device {
    flash: Flash,
}

impl Device {
    /// With this image in `ota_0`, as it comes from a cable: otadata is erased.
    fn new(image: &[u8], seed: u64) -> Self {
        let flash = Flash::new(LEN, seed);
        flash.place(SLOTS[0].start, image);
        Self { flash }
    }

    fn updater(&self, booted: Slot) -> Updater<Flash> {
        let layout = Layout { otadata: OTADATA, slots: SLOTS };
        Updater::new(self.flash.clone(), layout, target(), booted).unwrap()
    }

    fn entries(&self) -> [Entry; 2] {
        [0, BLOCK].map(|at| Entry::parse(&self.flash.bytes(OTADATA + at, ENTRY_LEN).try_into().unwrap()))
    }

    /// The image in a slot, if a bootloader can load it: it checks the header, the segments and the appended digest.
    fn loadable(&self, slot: Slot) -> Option<Vec<u8>> {
        let range = &SLOTS[slot.index()];
        let len = block_on(bootloader::image_len(&mut self.flash.clone(), range, CHIP_ID)).unwrap()? as usize;
        Some(self.flash.bytes(range.start, len))
    }

    /// The slot that the bootloader boots, with the digest of its image.
    fn bootload(&self) -> Option<(Slot, [u8; DIGEST_LEN])> {
        // The power stays on for the bootloader.
        let left = self.flash.hold_power();
        let layout = Layout { otadata: OTADATA, slots: SLOTS };
        let booted = block_on(bootloader::boot(&mut self.flash.clone(), &layout, CHIP_ID)).unwrap()?;
        self.flash.release_power(left);
        Some((booted, digest(&self.loadable(booted).unwrap())))
    }

    /// Boots, and runs the firmware's first statement. None if the power was cut in it.
    fn boot(&self) -> Option<(Updater<Flash>, [u8; DIGEST_LEN])> {
        let (booted, digest) = self.bootload().expect("always bootable");
        let mut updater = self.updater(booted);
        complete(&self.flash, updater.boot())?.unwrap();
        Some((updater, digest))
    }
}

/// Sends an image from where it is. None if the power was cut.
fn send(flash: &Flash, updater: &mut Updater<Flash>, image: &[u8]) -> Option<()> {
    let mut next = complete(flash, updater.begin(signed(image), false, LATER_MS))?.unwrap();
    while (next as usize) < image.len() {
        let data = &image[next as usize..][..CHUNK_LEN_MAX.min(image.len() - next as usize)];
        next = complete(flash, updater.write(next, data))?.unwrap();
    }
    Some(())
}
