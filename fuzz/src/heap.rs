//! The memory of a target's runs: what a run has allocated is freed at its end.

use std::alloc::System;
use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use cap::Cap;

/// Counts the allocated bytes. libFuzzer's own are not among them.
#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// Runs after which all is allocated that is kept for the whole process, such as the clock of a thread.
const FIRST_RUNS: u32 = 100;
/// Bytes that all later runs together may keep.
const KEPT_LEN_MAX: usize = 64 * 1024;

/// Does one run of a target.
///
/// # Panics
/// The runs keep memory. The input of the last run need not be the cause.
pub fn freed(run: impl FnOnce()) {
    static RUNS: AtomicU32 = AtomicU32::new(0);
    static BASE: OnceLock<usize> = OnceLock::new();
    run();
    if RUNS.fetch_add(1, Ordering::Relaxed) < FIRST_RUNS {
        return;
    }
    let allocated = HEAP.allocated();
    let kept = allocated.saturating_sub(*BASE.get_or_init(|| allocated));
    assert!(kept <= KEPT_LEN_MAX, "the runs keep memory: {kept} bytes since the first {FIRST_RUNS}");
}

/// Owns values that are lent for the life of the program, as the tasks of a chip need them, and frees them all the same.
#[derive(Default)]
pub struct Lender(Vec<*mut dyn Any>);

impl Lender {
    /// Lends a value.
    ///
    /// # Safety
    /// Nothing uses the reference once the lender is dropped. That includes the destructors of those who have it.
    pub unsafe fn lend<T: 'static>(&mut self, value: T) -> &'static mut T {
        let value = Box::into_raw(Box::new(value));
        self.0.push(value);
        // SAFETY: the pointer is that of a box, and is used nowhere else before the lender is dropped.
        unsafe { &mut *value }
    }
}

impl Drop for Lender {
    /// Frees the last value first, since it may have a reference to one before it.
    fn drop(&mut self) {
        while let Some(value) = self.0.pop() {
            // SAFETY: `lend` has made the pointer of a box, and its caller answers for nobody using it any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}
