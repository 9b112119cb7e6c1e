//! A target that must fail: each run keeps 100 bytes. If it does not fail, a target that keeps memory is not noticed.

#![no_main]

use std::hint::black_box;

use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::heap::freed;

fuzz_target!(|data: &[u8]| freed(|| {
    let mut kept = data.to_vec();
    kept.reserve_exact(100);
    std::mem::forget(black_box(kept));
}));
