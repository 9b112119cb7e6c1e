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

- The executor, its wakers and the interrupts take what the table of them has, the card's driver 170, the server's slots
  150. The rest is TCP: finding the connection, checksums both ways, numbers, timers, the rings, the header. No check,
  bound or checksum was given up for a figure.
- Where the machine does other work, frames come in one by one, and a connection that ends takes up to 10 % more. Runs
  beside other work found 8,081 to 8,120 for `closed by server`.
- 1,000 bytes in come as two segments, because Linux sends at most half of the largest window that it has seen, which is
  1,024 bytes. lwIP offers 5,760 and gets one. The checksums and the copy into the connection's ring take 1,650 together:
  each word is loaded once for both. The copy to the handler takes 770. The handler reads 128 bytes at a time, and its
  eight reads take 1,100 beside the copy. lwIP's callback sees the frame itself.
- Of a `GET` the decoder takes 150 and the loop between socket and command 270. The command's lookup, its checks and its
  accounting take 320, two readings of the clock among them. The key, its value and the reply take 270.
- The hello image's code is 46 KB of Sockeye and 17 KB of Rust's core, the executor and libraries
  ([footprint.md](footprint.md)). embassy-net and smoltcp are 9.5 KB, for ICMP alone, and Sockeye's code between them and
  TCP is 3 KB. Without UDP smoltcp is no smaller. ICMP of our own would take 1 KB in their place, on boards with a fixed
  address only: DHCP needs embassy-net. Printing lines takes 6 KB, panics included. The path of a segment is built for
  speed, and the rest for size. With all at `s` the image is 2 KB smaller, and a request takes a tenth more instructions.
  With all of that the image would still have some 67 KB. SYN cookies, the displacement of idle clients and the answer to
  browsers are in it, and lwIP's program has none of them.
";
