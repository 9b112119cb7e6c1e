//! Lives of a device with slots. The device boots an image that the owner has signed, whatever clients send to update
//! it, and whenever the power goes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::heap::freed;
use sockeye_fuzz::update_life::live;

fuzz_target!(|data: &[u8]| freed(|| {
    live(data);
}));
