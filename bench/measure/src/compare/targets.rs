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
pub const TARGETS: [Target; 11] = [
    Target {
        what: "request on a connection that is kept open",
        at_most: 2_300,
        measured: |results| exchange(results, "Sockeye", "kept open"),
    },
    Target {
        what: "the same, 7 open, in turn",
        at_most: 2_330,
        measured: |results| exchange(results, "Sockeye", "7 in turn"),
    },
    Target {
        what: "the same, 31 open of 32 slots",
        at_most: 2_450,
        measured: |results| results.instructions.as_ref()?.open.get("Sockeye")?.get("31").copied(),
    },
    Target {
        what: "connect, request, close",
        at_most: 9_900,
        measured: |results| exchange(results, "Sockeye", "connect, request, close"),
    },
    Target {
        what: "closed by server",
        at_most: 7_900,
        measured: |results| exchange(results, "Sockeye", "closed by server"),
    },
    Target {
        what: "1,000 bytes in",
        at_most: 5_900,
        measured: |results| exchange(results, "Sockeye", "1,000 bytes in"),
    },
    Target {
        what: "1,000 bytes out",
        at_most: 4_700,
        measured: |results| exchange(results, "Sockeye", "1,000 bytes out"),
    },
    Target { what: "`GET`, inline", at_most: 3_160, measured: |results| device(results, "GET, inline") },
    Target {
        what: "connect, `GET`, close",
        at_most: 12_500,
        measured: |results| device(results, "connect, GET, close"),
    },
    Target {
        what: "static RAM of one more slot of the device, bytes",
        at_most: 2_700,
        measured: |results| program(results, "Sockeye device")?.get("of it each slot").copied(),
    },
    Target {
        what: "flash of the hello image without radio, bytes",
        at_most: 60_000,
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

- Nearly 400 instructions of a request are the executor, its wakers, the interrupt and the clock. lwIP's figure includes
  none of them. The card's driver takes 200, the server's slots 150.
- The rest of a request is TCP: finding the connection, checksums both ways, numbers, timers, the rings, the header. No
  check, bound or checksum was given up for a figure.
- A connection that opens and closes is five such segments, the server's accept, its timeouts, and the drain that lets no
  reply be cut off. The initial sequence number is a keyed hash, and takes a division of 64 bits for its clock.
- 1,000 bytes in are copied twice: into the connection's ring, and to the handler, which reads. lwIP's callback sees the
  frame itself.
- Two fifths of `GET` are the device and its codec.
- The hello image is built for speed. At `s` it is a tenth smaller, and a request takes a tenth more instructions. Tasks'
  futures, TCP and Rust's own code for lines on the console are most of it. embassy-net is there for ICMP alone.
";
