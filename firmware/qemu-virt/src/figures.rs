//! A program's figures so far, printed on the console when `?` is typed there. The network is not involved, so the
//! programs are measured as they are. Other bytes are the program's.

use crate::console::{self, print};
use crate::{clock, executor, stack};

/// The byte that asks.
const ASK: u8 = b'?';

/// The console's interrupt: answers each byte that asks, and keeps others for the program. Nothing of this is counted but the way
/// into the interrupt and out of it.
#[cold]
#[inline(never)]
pub(crate) fn interrupt() {
    executor::uncounted(|| {
        while let Some(byte) = console::read() {
            if byte != ASK {
                console::keep(byte);
            } else {
                let (instructions, stack, ticks) = (executor::instructions(), stack::used_len(), clock::ticks());
                print(format_args!("figures: instructions {instructions} stack {stack} ticks {ticks}"));
            }
        }
    });
}
