//! The figures that were aimed at, and why some are missed.

use super::results::{Results, Row};

/// A figure that was aimed at.
pub struct Target {
    pub what: &'static str,
    pub at_most: u64,
    /// The measured figure; None if it was not measured.
    pub measured: fn(&Results) -> Option<u64>,
}

fn exchange(results: &Results, server: &str, name: &str) -> Option<u64> {
    results.instructions.as_ref()?.exchanges.get(server)?.get(name).copied()
}

fn device(results: &Results, name: &str) -> Option<u64> {
    results.instructions.as_ref()?.device.get(name).copied()
}

fn program(results: &Results, name: &str) -> Option<Row> {
    results.memory.as_ref()?.programs.get(name).cloned()
}

/// In the order of the page.
pub const TARGETS: [Target; 7] = [
    Target {
        what: "request on a connection that is kept open",
        at_most: 3_500,
        measured: |results| exchange(results, "Sockeye", "kept open"),
    },
    Target {
        what: "the same, 7 open, in turn",
        at_most: 3_550,
        measured: |results| exchange(results, "Sockeye", "7 in turn"),
    },
    Target {
        what: "the same, 31 open of 32 slots",
        at_most: 3_700,
        measured: |results| results.instructions.as_ref()?.open.get("Sockeye")?.get("31").copied(),
    },
    Target {
        what: "connect, request, close",
        at_most: 14_500,
        measured: |results| exchange(results, "Sockeye", "connect, request, close"),
    },
    Target { what: "`GET`, inline", at_most: 4_800, measured: |results| device(results, "GET, inline") },
    Target {
        what: "static RAM of one more slot of the device, bytes",
        at_most: 3_072,
        measured: |results| program(results, "Sockeye device")?.get("of it each slot").copied(),
    },
    Target {
        what: "flash of the hello image without radio, bytes",
        at_most: 47_104,
        measured: |results| program(results, "Sockeye hello")?.get("flash").copied(),
    },
];

pub const HEAD: &str = "
## What was aimed at

| RV32IMC, 8 slots | at most | measured | over |
|---|---:|---:|---:|
";

pub const REASONS: &str = "
Why:

- Half of a request is smoltcp and the copies that smoltcp makes. smoltcp's public API can't hand a segment to the
  segment's socket, and has no short path for the expected segment. [upstream.md](upstream.md) has the cost of both and
  a proposal. Executor, driver and interrupts, which lwIP's figure does not include, are a seventh.
- A connection that opens and closes is five such segments, the server's accept, its timeouts, and the drain that lets no
  reply be cut off.
- `GET` is a request and a command. About a third of `GET` is the device.
- The hello image is built for speed. At `s` it is a tenth smaller, and a request takes a tenth more instructions. A third
  of its code is smoltcp, whose transmit path is there twice: for the listener and for embassy-net. A sixth is Rust's own
  code, most of it for lines on the console and for panics.
";
