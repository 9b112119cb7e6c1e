//! The servers on ESP32 chips: wiring, and calls of drivers. All decisions are in the library crates, most of those for
//! chips in `sockeye-board`.
//!
//! # Layout
//! - [`interfaces`]: the listener and embassy-net on the radio; [`esp_radio_driver`]: the radio's driver.
//! - [`services`]: DHCP, captive DNS, mDNS, SNTP, push.
//! - [`settings`]: what the build was told; [`store`]: the flash, with settings, passphrase and slots.
//! - [`console`]: lines on the UART.
//! - [`boards`]: which pin is what; [`platform`]: the chip as the device application sees it.
//! - [`wiring`]: pins and buses as the drivers of sensors and outputs see them.
//! - [`guard`]: the watchdog, RESTART, and the button for the factory's settings; [`panic`]: what becomes of a panic.
//! - [`entropy`]: random numbers.
#![no_std]

pub mod boards;
pub mod console;
pub mod entropy;
pub mod esp_radio_driver;
pub mod guard;
pub mod interfaces;
pub mod panic;
pub mod platform;
pub mod services;
pub mod settings;
pub mod store;
pub mod wiring;

use esp_hal::Config;
use esp_hal::clock::CpuClock;
use esp_hal::peripherals::{FROM_CPU_INTR0, Peripherals, TIMG0};
use esp_hal::ram;
use esp_hal::timer::timg::TimerGroup;
use sockeye_board::limits::{HEAP_RECLAIMED, HEAP_STATIC};

/// Clients served at once.
pub const SLOTS: usize = 8;

/// The chip's name.
pub const CHIP: &str = esp_hal::chip!();

/// The chip's peripherals, at its highest clock. To be called once.
pub fn peripherals() -> Peripherals {
    esp_hal::init(Config::default().with_cpu_clock(CpuClock::max()))
}

/// Starts the radio's heap, and what its threads and embassy's executor run on. To be called once.
pub fn start(timer: TIMG0<'static>, interrupt: FROM_CPU_INTR0<'static>) {
    // Memory that the bootloader leaves, and as much more as an access point needs under load.
    esp_alloc::heap_allocator!(#[ram(reclaimed)] size: HEAP_RECLAIMED);
    esp_alloc::heap_allocator!(size: HEAP_STATIC);
    esp_rtos::start(TimerGroup::new(timer).timer0, interrupt);
}
