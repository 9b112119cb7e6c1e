//! However a stream is cut, the decoder reads what the model reads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_fuzz::{Input, decode, model};
use sockeye_resp::{Http, METHOD_LEN_MAX, http_method};

fuzz_target!(|data: &[u8]| {
    let Some(Input { limits, pieces, wire }) = Input::new(data) else {
        return;
    };
    let outcome = decode(wire, &pieces, &limits);
    assert_eq!(outcome, model(wire, &limits));
    assert_eq!(outcome, decode(wire, &[1], &limits));

    let verdict = http_method(wire);
    assert!(verdict != Http::Maybe || wire.len() < METHOD_LEN_MAX);
    if verdict == Http::Other {
        assert!(outcome.requests.is_empty(), "a command ran from HTTP");
    }
});
