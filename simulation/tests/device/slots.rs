//! A device with two slots for images in simulated flash, and what clients send to update it.

use std::cell::Cell;
use std::future::pending;
use std::ops::Range;

use embassy_futures::join::join3;
use embassy_futures::select::{Either, select};
use embassy_futures::{block_on, yield_now};
use embassy_time::Duration;
use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
use sockeye_device::{App, AppResources, Firmware, FlashStore, Outbox, Settings};
use sockeye_firmware_image::{OwnerKey, Recipe, SignedImage};
use sockeye_firmware_update::{Layout, Slot, Target, UpdateStatus, Updater, bootloader};
use sockeye_simulation::clock;
use sockeye_simulation::flash::{Flash, SECTOR_LEN, WORD_LEN};

use crate::board::{Board, READINGS};
use crate::script::Device;

const SECTOR: u32 = SECTOR_LEN as u32;
const SLOTS: [Range<u32>; 2] = [2 * SECTOR..6 * SECTOR, 6 * SECTOR..10 * SECTOR];
const SECTORS: usize = 10;
/// An ESP32-C3.
pub const CHIP_ID: u16 = 5;
const PROJECT: &str = "sockeye-device";
/// Bytes of the one segment of an image: with them it takes two sectors.
const SEGMENT_LEN: usize = 6_000;

/// The owner's key, the same in each test.
fn owner() -> OwnerKey {
    OwnerKey::from_pem(include_str!("../../../crates/firmware-image/fixtures/openssl-key.pem")).unwrap()
}

fn layout() -> Layout {
    Layout { otadata: 0, slots: SLOTS }
}

/// An image for this chip, signed by the owner.
pub fn image(chip_id: u16, version: &str) -> SignedImage {
    let segments = [(0, vec![0x5a; SEGMENT_LEN])];
    let recipe = Recipe { chip_id, project: PROJECT, version, entry: 0, segments: &segments };
    SignedImage::sign(recipe.build().unwrap(), &owner()).unwrap()
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `FIRMWARE BEGIN` of an image.
pub fn begin(image: &SignedImage) -> String {
    let (size, sha256) = (image.bytes.len(), hexadecimal(&image.sha256));
    format!("FIRMWARE BEGIN {size} {sha256} {}", hexadecimal(&image.signature))
}

/// `FIRMWARE WRITE` of these bytes.
pub fn write(offset: usize, data: &[u8]) -> Vec<u8> {
    let offset = offset.to_string();
    let head = format!("*4\r\n$8\r\nFIRMWARE\r\n$5\r\nWRITE\r\n${}\r\n{offset}\r\n${}\r\n", offset.len(), data.len());
    [head.as_bytes(), data, b"\r\n"].concat()
}

/// Flash with erased slots.
pub fn flash(seed: u64) -> Flash {
    Flash::new(SECTORS, fastrand::Rng::with_seed(seed))
}

/// Runs an operation on flash to its end, while time passes.
fn complete<T>(operation: impl Future<Output = T>) -> T {
    let passing = async {
        loop {
            clock::advance(Duration::from_millis(1));
            yield_now().await;
        }
    };
    match block_on(select(operation, passing)) {
        Either::First(output) => output,
        Either::Second(never) => never,
    }
}

/// Puts an image into a slot, as a cable does.
pub fn place(flash: &Flash, slot: Slot, image: &[u8]) {
    let mut padded = image.to_vec();
    padded.resize(image.len().next_multiple_of(WORD_LEN), 0xff);
    complete(flash.clone().write(SLOTS[slot.index()].start, &padded)).unwrap();
}

/// The image in a slot, if the bootloader can load it.
pub fn loadable(flash: &Flash, slot: Slot) -> Option<Vec<u8>> {
    let range = &SLOTS[slot.index()];
    let len = complete(bootloader::image_len(&mut flash.clone(), range, CHIP_ID)).unwrap()?;
    let mut bytes = vec![0; len as usize];
    complete(flash.clone().read(range.start, &mut bytes)).unwrap();
    Some(bytes)
}

/// The slot that the bootloader boots.
pub fn bootload(flash: &Flash) -> Option<Slot> {
    complete(bootloader::boot(&mut flash.clone(), &layout(), CHIP_ID)).unwrap()
}

/// Runs a device that has booted this slot. `test` gets the device, the update as it is after the first statement, and
/// whether the device is to restart.
pub fn run(flash: &Flash, booted: Slot, test: impl FnOnce(&mut Device<'_>, UpdateStatus, &Cell<bool>)) {
    run_beside(flash, booted, &Outbox::new(&READINGS), pending(), test);
}

/// The same, with what sends the samples of the outbox.
pub fn run_beside(
    flash: &Flash,
    booted: Slot,
    outbox: &Outbox<'_>,
    sender: impl Future<Output = ()>,
    test: impl FnOnce(&mut Device<'_>, UpdateStatus, &Cell<bool>),
) {
    let board = Board::default();
    let mut histories = board.histories();
    let settings: Settings = board.stored.borrow().clone();
    let mut resources = AppResources::new();
    let target = Target { chip_id: CHIP_ID, project: PROJECT, key: Some(owner().public()) };
    let mut updater = Updater::new(flash.clone(), layout(), target, booted).unwrap();
    let status = complete(updater.boot()).unwrap();
    let firmware = Firmware::new(status, "esp32c3");
    let app = App::new(&board, &mut resources, &mut histories, settings).unwrap();
    let app = app.with_firmware(Some(&firmware)).with_outbox(outbox);
    let is_restarting = Cell::new(false);
    let mut device = Device::new(&board, &app);
    device.start_update(async {
        let restart = async {
            app.restart_requested().await;
            is_restarting.set(true);
        };
        join3(app.update(&mut updater, None::<&FlashStore<Flash>>), restart, sender).await;
    });
    test(&mut device, status, &is_restarting);
}

/// The same, where nothing but the device is looked at.
pub fn boot(flash: &Flash, booted: Slot, test: impl FnOnce(&mut Device<'_>)) {
    run(flash, booted, |device, _, _| test(device));
}
