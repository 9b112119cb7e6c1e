//! The sizes of the images, kept in a file, and the document that is made of them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::stale_document;
use crate::tables::{grouped, transposed};
use harness::workspace::Workspace;

/// The file, from the repository's root.
const FILE: &str = "bench/footprint.toml";
const DOCUMENT: &str = "docs/footprint.md";
/// How far what is built may be from what is kept, in percent: compilers of one year differ by less than 1.
const TOLERANCE_PERCENT: u64 = 2;
/// A station of ESP-IDF, the image that was named as comparable, bytes; and the programs that are held against it.
const STATION_LEN: u64 = 672 * 1024;
const COMPARED: [&str; 2] = ["esp32c3-device", "esp32c3-hello"];

/// Bytes by what they are, by program: `qemu-virt-hello`, then `text`.
pub type Sizes = BTreeMap<String, BTreeMap<String, u64>>;

/// The measured sizes.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Footprint {
    /// The compiler's version.
    pub compiler: String,
    /// By kind of memory.
    pub sizes: Sizes,
    /// Code by whose it is.
    pub code: Sizes,
    /// Static memory by the variable, the large ones.
    pub statics: Sizes,
}

impl Footprint {
    /// The sizes that are kept in the tree.
    pub fn read(workspace: &Workspace) -> Result<Self> {
        let text = fs::read_to_string(workspace.root.join(FILE)).with_context(|| format!("read {FILE}"))?;
        toml::from_str(&text).with_context(|| format!("read {FILE}"))
    }

    /// Keeps it, and writes the document.
    pub fn write(&self, workspace: &Workspace) -> Result<()> {
        let head = "# What `cargo xtask size --write` measured last; docs/footprint.md is made of it.\n";
        fs::write(workspace.root.join(FILE), format!("{head}\n{}", toml::to_string(self)?))?;
        fs::write(workspace.root.join(DOCUMENT), document(self))?;
        Ok(())
    }

    /// One line for each size that is no longer what is kept.
    pub fn stale(&self, sizes: &Sizes) -> Vec<String> {
        let mut faults = Vec::new();
        for (program, sizes) in sizes {
            for (what, &size) in sizes {
                let kept = self.sizes.get(program).and_then(|kept| kept.get(what)).copied().unwrap_or_default();
                if kept.abs_diff(size) * 100 > size * TOLERANCE_PERCENT {
                    faults.push(format!(
                        "{program}: {what} is {size}, and {DOCUMENT} says {kept}: run `cargo xtask size --write`"
                    ));
                }
            }
        }
        faults
    }
}

/// The fault of the document in the tree, which has to be the one that the file makes; None if there is no fault.
pub fn document_fault(workspace: &Workspace) -> Option<String> {
    let footprint = match Footprint::read(workspace) {
        Ok(footprint) => footprint,
        Err(error) => return Some(format!("{error:#}")),
    };
    stale_document(workspace, DOCUMENT, &document(&footprint), FILE, "`cargo xtask size --write`")
}

fn document(footprint: &Footprint) -> String {
    let mut text = format!("{HEAD}Built with {}.\n\n", footprint.compiler);
    text += &transposed("bytes", &footprint.sizes);
    text += SIZES;
    text += &transposed("code", &footprint.code);
    text += &comparison(footprint);
    text += HEAP;
    text += STATICS;
    for (program, statics) in &footprint.statics {
        let mut statics: Vec<_> = statics.iter().collect();
        statics.sort_by_key(|(name, len)| (std::cmp::Reverse(**len), *name));
        // Writing into a string doesn't fail.
        let _ = writeln!(text, "\n| {program} | bytes |\n|---|---:|");
        for (name, len) in statics {
            let _ = writeln!(text, "| `{name}` | {} |", grouped(*len));
        }
    }
    text
}

/// The images beside the one that was named as comparable.
fn comparison(footprint: &Footprint) -> String {
    let mut text = String::from(COMPARISON);
    for program in COMPARED {
        let image = footprint.sizes.get(program).and_then(|sizes| sizes.get("image")).copied().unwrap_or_default();
        // Writing into a string doesn't fail.
        let _ = writeln!(text, "| `{program}` | {} | {} % |", grouped(image), (image * 100).div_ceil(STATION_LEN));
    }
    text + REASONS + ADDED
}

const HEAD: &str = "# Footprint

The flash and RAM of each program, and the origin of its code. `cargo xtask size --write` makes this page from the
release builds. `cargo xtask size`, a part of `cargo xtask test`, fails over a ceiling of `ceilings.toml`, or if a
figure here is off by more than 2 %. ";

const SIZES: &str = "
- `image`: the application in flash: `text`, `iram`, `rodata` and `data`, with the headers of an image. Bootloader and
  partition table are not in it.
- `iram`: code that runs in RAM, most of it the radio's.
- `static_ram`: `data` and `bss`. On chips 68 KB of the heap are in `bss`.
- `heap`: the whole heap. 64 KB of it are memory that the bootloader leaves. The radio's drivers allocate from it. After
  start no code of ours allocates.
- `stack_left`: the chip's RAM that the linker leaves to the one stack of interrupts and tasks. Radio and scheduler take
  their tasks' stacks from the heap. `ceilings.toml` has the least that it may be. [performance.md](performance.md) has
  the most stack that was in use in QEMU.
- `slot_ram`: the RAM of one more client served at once: the difference to a build with one more slot, measured in QEMU.
  On chips a slot has the same task and the same buffers.

## Whose code it is

Code in flash and RAM, by the source of its lines. The radio is Espressif's binary libraries, and esp-radio and esp-phy,
which drive them. The network stack is smoltcp and embassy-net, and the libraries for DHCP, DNS, mDNS and SNTP. The runtime
is the rest: Rust's core, embassy's executor, esp-hal, collections, storage in flash, CBOR.

";

const COMPARISON: &str = "
## Beside ESP-IDF

The image of `device` on an ESP32-C3 was to be smaller than a station of ESP-IDF: 672 KB, 688,128 bytes.

| image, ESP32-C3 | bytes | of the station |
|---|---:|---:|
";

const REASONS: &str = "
`device` is larger, and does more. The station joins one network and has sockets. `device` has an access point beside
the joined network, and both share 8 slots. Beside that, `device` has:

- a DHCP server and client, captive DNS, mDNS and SNTP
- settings that survive power cuts, and Wi-Fi that comes back from wrong ones
- the Redis protocol, its commands and their help
- history, subscriptions and push to other devices
- a page for browsers, sensors, outputs, a button and a watchdog

`hello` is nearer to the station. `hello` has an access point or a joined network, DHCP, captive DNS, a passphrase in
flash, and a TCP server with 8 slots. More than 350 KB of either image are the radio's: its code in the table above, and
its constants. The radio's libraries are the same in ESP-IDF, and no setting makes them smaller.

These make the images small. The bytes are those that each took off `device` when it was introduced, in November 2026
with rustc 1.96:

| | bytes |
|---|---:|
| no frame pointers | 40,000 |
| opt-level `z` for `s`, but where each segment and interrupt passes | 51,000 |
| words at any address, ESP32-C3 only | 16,000 |
| linker relaxation, which rustc leaves off | 16,000 |
| paths in panics from the package on | 9,000 |
| no copies of one `async fn` in two crates, no sort of core's | 10,000 |

`z` has a price. With these settings a `GET` in QEMU takes two fifths more instructions than with those of
[performance.md](performance.md). Two fifths are some 15 us of an ESP32-C3's time; a round trip over Wi-Fi takes 2 ms.
With `s` for the programs, which hold all generic code, a `GET` would take a quarter more, for 23,000 bytes.

The following was measured and not taken:

- folding of identical functions by the linker: 1,000 bytes
- the outliner where `s` is: 4,000 bytes, on the path of each segment
- opt-level 2 for esp-radio: nothing
- a larger or smaller inline threshold: 1,000 bytes

Only features are left to remove, and each image without one would be tested less.
";

const ADDED: &str = "
## What parts cost

Additions to `device` on an ESP32-C3, by the bytes that the image and the static RAM grew, in November 2026:

| | image | static RAM |
|---|---:|---:|
| a day of history with TS commands | 16,500 | 6,100: 2,048 for each of 3 readings |
| the pages with charts | 12,000, and 11,000 more that pad its segments | 0 |
| updates over the connection | 38,000, of which the signatures are 15,000 | 3,000 |
| the log over the network | 7,400 | 200, and 7,680 of RTC memory |
| rules | 19,000 | 2,000: 256 of states, and 480 of texts in three copies of the settings |
| faults mended after a review: otadata, push, Wi-Fi, mDNS, sensors | 11,000 | 0 |

In QEMU, at opt-level 2, updates take 54,000 bytes of code and constants, and 3,900 bytes of RAM.

The ESP32-C6 and the ESP32-S3 have RAM for 12 readings. On the ESP32-C3 the stack sets the number of readings. The log's
ring is in RTC memory, which the stack can't use.

The most stack in use is 22,740 bytes, by calculation. In the emulator 50,756 bytes were in use, by an image that used
35,508 in QEMU. Today's image uses 7,492 in QEMU, because settings are no longer on the stack. With a reserve of 24 KB
that is 47,316 bytes. The floor of `stack_left` in `ceilings.toml` is higher, until today's image is measured in the
emulator.
";

const HEAP: &str = "
## Heap

The radio's part of the heap was measured in November 2026, in an emulator of the ESP32-C3 with open networks, not on a
chip. The heap was 102,400 bytes then. Free were, in bytes:

| mode | no client | the least under 8 clients |
|---|---:|---:|
| access point | 51,124 | 42,604 |
| station | 55,332 | - |
| both | 50,840 | 35,504 |

With a receive queue of 5 frames in the driver, 7 clients at once lost frames and stalled. With the 10 frames of today
they ran through. Of the stack at most 50,756 bytes of 122,072 were in use, so that 32 KB of it became heap. The heap is
135,168 bytes now, of which 66.7 KB were free under the same load. At least 40 KB must be free under 8 clients in all
modes: `HEAP_FREE_MIN` in `crates/board/src/limits.rs`, computed from the most that the driver may take.

By its sources, the driver takes 10 static receive buffers of about 1.6 KB at start. Each of its tasks has a stack of at
least 6 KB. Its libraries allocate too. 32 receive and 32 transmit buffers more come and go, as large as their frames. A
frame that finds no memory is lost, and sent again. On a chip:

```
redis-cli -h 192.168.1.1 -p 3000 INFO memory                  # used_memory, heap_free
redis-benchmark -h 192.168.1.1 -p 3000 -c 7 -t ping &         # seven clients, and the next line's
redis-cli -h 192.168.1.1 -p 3000 SUBSCRIBE heap.free          # what it falls to
redis-cli -h 192.168.1.1 -p 3000 XRANGE history:heap.free - +
```
";

const STATICS: &str = "
## Static memory

The largest variables. `POOL` is the memory of a task, for all slots of the server together. `MEMORY` is the listener's
connections.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(text: &str) -> Sizes {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_figure_that_is_no_longer_true_is_told() {
        let kept = Footprint { sizes: sizes("[a]\ntext = 1000"), ..Footprint::default() };
        for (text, faults) in [("1000", 0), ("1019", 0), ("981", 0), ("1030", 1), ("970", 1)] {
            assert_eq!(kept.stale(&sizes(&format!("[a]\ntext = {text}"))).len(), faults, "{text}");
        }
        assert_eq!(kept.stale(&sizes("[b]\ntext = 1")).len(), 1);
    }
}
