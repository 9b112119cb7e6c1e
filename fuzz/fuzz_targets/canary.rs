//! A target that must fail, within seconds. The canary claims a falsehood: that no second argument ends in an
//! exclamation mark. To refute the claim, the fuzzer has to find a valid request, in the same way in which `request`
//! looks for real faults. If the canary does not fail, the silence of `request` means nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::{Input, decode};

fuzz_target!(|data: &[u8]| {
    let Some(Input { limits, pieces, wire }) = Input::new(data) else {
        return;
    };
    for request in decode(wire, &pieces, &limits).requests {
        let is_array = wire.starts_with(b"*2\r\n");
        let planted = is_array && request.get(1).is_some_and(|arg| arg.ends_with(b"!"));
        assert!(!planted, "the planted fault was found");
    }
});
