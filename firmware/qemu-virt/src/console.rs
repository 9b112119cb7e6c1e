//! The console: lines on the UART.

use core::cell::Cell;
use core::fmt::{self, Arguments, Write};
use core::panic::PanicInfo;

use critical_section::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use sockeye_boot::Line;

use crate::{interrupts, mmio, restart};

/// The test device's value for "failed", with exit status 1.
const FAILED: u32 = 0x1_3333;

struct Uart;

impl Write for Uart {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        s.bytes().for_each(|byte| mmio::write_byte(mmio::UART, byte));
        Ok(())
    }
}

/// The next byte that was typed.
pub(crate) fn read() -> Option<u8> {
    let is_ready = mmio::read_byte(mmio::UART_LINE_STATUS) & 1 == 1;
    is_ready.then(|| mmio::read_byte(mmio::UART))
}

/// Makes each typed byte an interrupt.
pub(crate) fn listen() {
    mmio::write_byte(mmio::UART_INTERRUPT_ENABLE, 1);
    interrupts::enable(interrupts::UART);
}

/// The typed bytes that are not taken yet; more are dropped.
static TYPED: Channel<CriticalSectionRawMutex, u8, TYPED_LEN_MAX> = Channel::new();
const TYPED_LEN_MAX: usize = 64;

/// Keeps a byte that was typed.
pub(crate) fn keep(byte: u8) {
    let _ = TYPED.try_send(byte);
}

/// The next byte that was typed, but for those that ask for figures.
pub async fn typed() -> u8 {
    TYPED.receive().await
}

/// Prints one line.
pub fn print(line: Arguments<'_>) {
    // The UART takes everything.
    let _ = writeln!(Uart, "{line}");
}

/// Prints a line of the boot.
pub fn print_line(line: Line<'_>) {
    print(format_args!("{line}"));
}

/// The program's part of a panic.
pub type KeepPanic = fn(&PanicInfo<'_>);

static ON_PANIC: Mutex<Cell<Option<KeepPanic>>> = Mutex::new(Cell::new(None));

/// Has this called with a panic, before the machine ends.
pub fn on_panic(keep: KeepPanic) {
    critical_section::with(|cs| ON_PANIC.borrow(cs).set(Some(keep)));
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    print(format_args!("{info}"));
    // A panic in the program's part finds none, and ends the machine.
    if let Some(keep) = critical_section::with(|cs| ON_PANIC.borrow(cs).take()) {
        keep(info);
    }
    if restart::is_on_panic() {
        restart::restart();
    }
    mmio::write(mmio::TEST, FAILED);
    loop {
        riscv::asm::wfi();
    }
}
