//! How much of the stack was ever used: it is painted before anything runs, and what is no longer of that colour was
//! written to.

use core::ptr::{read_volatile, write_volatile};

unsafe extern "C" {
    /// The lowest address of the stack; the linker script of riscv-rt says so.
    static mut __estack: u32;
    /// One past its highest.
    static mut _stack_start: u32;
}

const COLOUR: u32 = 0x5AFE_57AC;
/// Words below the frame of [`paint`] that it leaves alone: its own calls may use them.
const MARGIN_WORDS: usize = 64;

/// Paints what is free of the stack. Called once, before tasks run.
pub(crate) fn paint() {
    let here = 0_u32;
    let end = (&raw const here).wrapping_sub(MARGIN_WORDS).cast_mut();
    let mut word = &raw mut __estack;
    while word < end {
        // SAFETY: between the stack's end and this function's frame nothing lives yet, and interrupts are off.
        unsafe { write_volatile(word, COLOUR) };
        word = word.wrapping_add(1);
    }
}

/// The most bytes of the stack that were in use at once since [`paint`], interrupts included.
pub(crate) fn used_len() -> usize {
    let (mut word, top) = (&raw const __estack, &raw const _stack_start);
    // SAFETY: the stack is RAM that can be read at any time.
    while word < top && unsafe { read_volatile(word) } == COLOUR {
        word = word.wrapping_add(1);
    }
    top as usize - word as usize
}
