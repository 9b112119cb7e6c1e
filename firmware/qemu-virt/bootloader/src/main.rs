//! The bootloader of the board qemu-virt. The bootloader chooses a slot by the rules of the stock bootloader of ESP32
//! chips, which are [`sockeye_firmware_update::bootloader`]. The slot's image is copied to RAM, and started there.
#![no_std]
#![no_main]

mod uart;

use core::arch::asm;
use core::ops::Range;
use core::slice;

use embassy_futures::block_on;
use embedded_storage_async::nor_flash::ReadNorFlash;
use sockeye_firmware_update::bootloader::{boot, image_len, load};
use sockeye_firmware_update::update_error::VIRT_CHIP_ID;
use sockeye_firmware_update::{Slot, UpdateError};
use sockeye_qemu_virt_flash::Flash;
use sockeye_qemu_virt_flash::partitions::{LAYOUT, booted_word};

use crate::uart::{end, print};

/// The memory of images: `memory.x` of the programs says so. Below the bootloader's own.
const IMAGE_RAM: Range<u32> = 0x8000_0000..0x8010_0000;
/// The segment of the application descriptor, which is read where it is, in flash.
const NOT_LOADED: u32 = 0;

#[riscv_rt::entry]
fn main() -> ! {
    match block_on(start()) {
        Ok(()) => print(format_args!("bootloader: no slot has an image that can be started")),
        Err(error) => print(format_args!("bootloader: {error}")),
    }
    end()
}

/// Starts an image, or returns because there is none. A slot whose image does not fit in RAM is as one without an image.
async fn start() -> Result<(), UpdateError> {
    let Some(first) = boot(&mut Flash, &LAYOUT, VIRT_CHIP_ID).await? else { return Ok(()) };
    for slot in [first, first.other()] {
        let range = &LAYOUT.slots[slot.index()];
        // The first one was checked.
        if slot != first && image_len(&mut Flash, range, VIRT_CHIP_ID).await?.is_none() {
            continue;
        }
        let mut is_placed = true;
        let entry = load(&mut Flash, range, |address, from| is_placed &= place(address, from)).await?;
        if let Some(entry) = entry.filter(|entry| is_placed && IMAGE_RAM.contains(entry)) {
            enter(entry, slot);
        }
    }
    Ok(())
}

/// Copies a segment to RAM. False if it would not lie in the memory of images.
fn place(address: u32, from: Range<u32>) -> bool {
    if address == NOT_LOADED {
        return true;
    }
    let len = from.len();
    let is_inside =
        address >= IMAGE_RAM.start && IMAGE_RAM.end.checked_sub(address).is_some_and(|room| room as usize >= len);
    if !is_inside {
        return false;
    }
    // SAFETY: the range was checked to be in RAM that is no program's yet, and nothing else refers to.
    let to = unsafe { slice::from_raw_parts_mut(address as *mut u8, len) };
    block_on(Flash.read(from.start, to)).is_ok()
}

/// Starts what is in RAM, and tells it which slot it was.
fn enter(entry: u32, slot: Slot) -> ! {
    print(format_args!("bootloader: starting {}", slot.name()));
    // SAFETY: a whole image with the right digest was copied there, and its entry lies in it. Such an image expects
    // nothing of the machine but this word in `a2`, and never returns.
    unsafe {
        asm!("fence.i", "jr {entry}", entry = in(reg) entry, in("a2") booted_word(slot), options(noreturn));
    }
}
