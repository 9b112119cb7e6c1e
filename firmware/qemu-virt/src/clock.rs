//! embassy's clock and alarms on the machine's timer (RISC-V privileged specification, section 3.2.1).

use core::cell::RefCell;
use core::task::Waker;

use critical_section::{CriticalSection, Mutex};
use embassy_time_queue_utils::Queue;
use riscv::interrupt::machine::Interrupt;

use crate::mmio::{MTIME, MTIMECMP, read, write};

struct Clock {
    alarms: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock { alarms: Mutex::new(RefCell::new(Queue::new())) });

impl Clock {
    /// Wakes what is due and sets the timer for what comes next.
    fn set_timer(&self, cs: CriticalSection<'_>) {
        let next = self.alarms.borrow_ref_mut(cs).next_expiration(embassy_time_driver::now());
        // No value between the two writes may be in the past.
        write(MTIMECMP + 4, u32::MAX);
        write(MTIMECMP, next as u32);
        write(MTIMECMP + 4, (next >> 32) as u32);
    }
}

impl embassy_time_driver::Driver for Clock {
    fn now(&self) -> u64 {
        loop {
            let high = read(MTIME + 4);
            let low = read(MTIME);
            if high == read(MTIME + 4) {
                return u64::from(high) << 32 | u64::from(low);
            }
        }
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let changed = self.alarms.borrow_ref_mut(cs).schedule_wake(at, waker);
            if changed {
                self.set_timer(cs);
            }
        });
    }
}

/// Ticks since start, 10 MHz.
pub(crate) fn ticks() -> u64 {
    embassy_time_driver::now()
}

/// Puts the timer to rest until the first alarm.
pub(crate) fn start() {
    critical_section::with(|cs| CLOCK.set_timer(cs));
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn timer() {
    critical_section::with(|cs| CLOCK.set_timer(cs));
}
