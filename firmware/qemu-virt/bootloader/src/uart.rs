//! Lines on the UART, and the end of the machine.

use core::fmt::{self, Arguments, Write};
use core::panic::PanicInfo;
use core::ptr::write_volatile;

/// 16550 UART: the byte that is to go out (QEMU, hw/riscv/virt.c).
const UART: usize = 0x1000_0000;
/// Test device: writing ends the machine.
const TEST: usize = 0x0010_0000;
/// The test device's value for "failed", with exit status 1.
const FAILED: u32 = 0x1_3333;

struct Uart;

impl Write for Uart {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for byte in s.bytes() {
            // SAFETY: a register of this machine that takes any byte at any time.
            unsafe { write_volatile(UART as *mut u8, byte) };
        }
        Ok(())
    }
}

/// Prints one line.
pub fn print(line: Arguments<'_>) {
    // The UART takes everything.
    let _ = writeln!(Uart, "{line}");
}

/// Ends the machine with a failure.
pub fn end() -> ! {
    loop {
        // SAFETY: a register of this machine, which ends the machine.
        unsafe { write_volatile(TEST as *mut u32, FAILED) };
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print(format_args!("bootloader: {info}"));
    end()
}
