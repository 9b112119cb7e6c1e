//! Whose code an image consists of, by its line tables: each instruction counts for the crate in which its line stands.
//! Rust's own library counts for whoever it was inlined into, and for itself where it wasn't.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use addr2line::Loader;
use anyhow::{Context, Result, anyhow};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};

/// Code without a line and a Rust name: assembly, and on chips the radio's binary libraries.
const NO_LINE: &str = "without line information";
/// Rust's own library.
const RUST: &str = "Rust's core";
/// The part of the radio's libraries that came compiled, but with line tables.
const RADIO: &str = "the radio's C with lines";
/// The programs' own wiring.
const BOARD: &str = "the board";

/// Whose a part is, coarsely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Of this repository.
    Ours,
    /// Frames and datagrams: smoltcp, embassy-net, and the services' protocols.
    Network,
    /// The radio's binary libraries, and what drives them.
    Radio,
    /// All else: Rust's core, the executor, the chip's HAL, collections, storage.
    Runtime,
}

impl Group {
    /// In the order of a document.
    pub const ALL: [Self; 4] = [Self::Ours, Self::Network, Self::Radio, Self::Runtime];

    /// Its name in a document.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "our code",
            Self::Network => "network stack",
            Self::Radio => "radio",
            Self::Runtime => "runtime",
        }
    }

    /// The group of a part. Without a radio there are no binary libraries, and what has no line is assembly.
    pub fn of(part: &str, has_radio: bool) -> Self {
        match part {
            RADIO => Self::Radio,
            NO_LINE if has_radio => Self::Radio,
            "esp-radio" => Self::Radio,
            BOARD => Self::Ours,
            "smoltcp" | "embassy-net" | "edge" | "domain" | "octseq" | "sntpc" | "managed" => Self::Network,
            part if part.starts_with("sockeye-") => Self::Ours,
            _ => Self::Runtime,
        }
    }
}

/// Bytes of code by whose it is.
pub fn groups(elf: &Path, has_radio: bool) -> Result<BTreeMap<String, u64>> {
    Ok(sums(&code(elf)?, has_radio))
}

fn sums(parts: &BTreeMap<String, u64>, has_radio: bool) -> BTreeMap<String, u64> {
    let sum = |group| parts.iter().filter(|(part, _)| Group::of(part, has_radio) == group).map(|(_, len)| len).sum();
    Group::ALL.into_iter().map(|group| (group.name().to_owned(), sum(group))).collect()
}

/// Bytes of code by part.
fn code(elf: &Path) -> Result<BTreeMap<String, u64>> {
    let failed = |error| anyhow!("read the line tables of {}: {error}", elf.display());
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes).with_context(|| format!("read {}", elf.display()))?;
    let loader = Loader::new(elf).map_err(failed)?;
    let mut parts = BTreeMap::new();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        let (start, end) = (section.address(), section.address() + section.size());
        let mut known = Vec::new();
        for (address, len, _) in loader.find_location_range(start, end).map_err(failed)? {
            *parts.entry(owner(&loader, address)?).or_default() += len;
            known.push((address, len));
        }
        let lined: u64 = known.iter().map(|(_, len)| len).sum();
        let rust = unlined_rust(&file, (start, end), &known);
        *parts.entry(RUST.to_owned()).or_default() += rust;
        *parts.entry(NO_LINE.to_owned()).or_default() += section.size().saturating_sub(lined + rust);
    }
    Ok(parts)
}

/// Bytes of functions with a Rust name that no line table knows: those that came compiled are the library's.
fn unlined_rust(file: &object::File<'_>, (start, end): (u64, u64), known: &[(u64, u64)]) -> u64 {
    let named = file.symbols().filter(|symbol| (start..end).contains(&symbol.address()) && symbol.size() > 0);
    let named =
        named.filter(|symbol| symbol.name().is_ok_and(|name| name.starts_with("_R") || name.starts_with("_ZN")));
    // Identical functions are one, with several names.
    let functions: BTreeMap<u64, u64> = named.map(|symbol| (symbol.address(), symbol.size())).collect();
    let lined = |address: u64, size: u64| {
        let first = known.partition_point(|(at, len)| at + len <= address);
        let within = known.iter().skip(first).take_while(|(at, _)| *at < address + size);
        within.map(|(at, len)| (at + len).min(address + size) - (*at).max(address)).sum::<u64>()
    };
    functions.into_iter().map(|(address, size)| size.saturating_sub(lined(address, size))).sum()
}

/// The part that an address belongs to.
pub fn owner(loader: &Loader, address: u64) -> Result<String> {
    let failed = |error| anyhow!("read a line table: {error}");
    let mut frames = loader.find_frames(address).map_err(failed)?;
    let mut owner = None;
    while let Some(frame) = frames.next().map_err(|error| anyhow!("read a line table: {error}"))? {
        owner = frame.location.and_then(|location| location.file).map(owner_of);
        if owner.as_deref() != Some(RUST) {
            break;
        }
    }
    Ok(owner.unwrap_or_else(|| NO_LINE.to_owned()))
}

/// Packages of the executor and the interrupts: tasks, wakers, the queue of alarms, critical sections, and the entry of an
/// interrupt.
const SCHEDULING: [&str; 10] = [
    "embassy-executor",
    "embassy-executor-timer-queue",
    "embassy-sync",
    "embassy-time-driver",
    "embassy-time-queue-utils",
    "cordyceps",
    "critical-section",
    "portable-atomic",
    "riscv",
    "riscv-rt",
];
/// The board's files of the same.
const BOARD_SCHEDULING: [&str; 3] =
    ["qemu-virt/src/executor.rs", "qemu-virt/src/interrupts.rs", "qemu-virt/src/clock.rs"];
/// Symbols of the same in assembly.
const TRAPS: [&str; 2] = ["_start_trap", "_continue_interrupt_trap"];

/// Whether an instruction runs tasks or takes an interrupt, by its line, as in [`owner`].
pub fn is_scheduling(loader: &Loader, address: u64) -> Result<bool> {
    let failed = |error| anyhow!("read a line table: {error}");
    let mut frames = loader.find_frames(address).map_err(failed)?;
    let mut file = None;
    while let Some(frame) = frames.next().map_err(|error| anyhow!("read a line table: {error}"))? {
        file = frame.location.and_then(|location| location.file).map(str::to_owned);
        if file.as_deref().is_some_and(|file| owner_of(file) != RUST) {
            break;
        }
    }
    Ok(match file {
        Some(file) => is_scheduling_file(&file),
        None => loader.find_symbol(address).is_some_and(|symbol| TRAPS.contains(&symbol)),
    })
}

fn is_scheduling_file(file: &str) -> bool {
    file.rsplit('/').find_map(package).is_some_and(|name| SCHEDULING.contains(&name))
        || BOARD_SCHEDULING.iter().any(|end| file.ends_with(end))
}

/// The part that a source file belongs to.
fn owner_of(file: &str) -> String {
    // The last: what was inlined is named from the folder of the package that it was inlined into.
    if let Some(name) = file.rsplit('/').find_map(package) {
        return family(name).to_owned();
    }
    match file.split_once("crates/").and_then(|(_, rest)| rest.split('/').next()) {
        Some(name) => format!("sockeye-{name}"),
        None if file.contains("COMPONENT_") => RADIO.to_owned(),
        None if file.contains("/library/") || file.contains("/rustc/") => RUST.to_owned(),
        None => BOARD.to_owned(),
    }
}

/// The name of a package, where a folder is one as cargo unpacks them: `smoltcp-0.13.1`.
fn package(folder: &str) -> Option<&str> {
    let split = |(at, _)| (&folder[..at], &folder[at + 1..]);
    folder.match_indices('-').map(split).find(|(_, rest)| is_version(rest)).map(|(name, _)| name)
}

/// Whether it begins as versions do, with three numbers.
fn is_version(text: &str) -> bool {
    let mut parts = text.splitn(3, '.');
    let is_number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    let is_third = |part: Option<&str>| part.is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()));
    is_number(parts.next()) && is_number(parts.next()) && is_third(parts.next())
}

/// Crates of one project count together, but for those that are of another group than the rest.
fn family(name: &str) -> &str {
    match name {
        "esp-radio" | "esp-radio-rtos-driver" | "esp-phy" => return "esp-radio",
        name if name.starts_with("esp-wifi-sys") => return "esp-radio",
        name if name.starts_with("embassy-net") => return "embassy-net",
        _ => (),
    }
    ["embassy", "esp", "edge", "riscv"]
        .into_iter()
        .find(|family| name.starts_with(&format!("{family}-")))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_belong_to_their_crates() {
        for (file, owner) in [
            ("/a/registry/src/index-1/smoltcp-0.13.1/src/wire/tcp.rs", "smoltcp"),
            ("/a/registry/src/index-1/embassy-net-0.9.1/src/lib.rs", "embassy-net"),
            ("/a/registry/src/index-1/embassy-sync-0.8.0/src/lib.rs", "embassy"),
            ("esp-radio-1.0.0-beta.1/src/lib.rs", "esp-radio"),
            ("esp-radio-1.0.0-beta.1/esp-hal-1.2.2/src/lib.rs", "esp"),
            ("esp32c3-0.33.0/src/gpio.rs", "esp32c3"),
            ("/COMPONENT_WPA_SUPPLICANT_DIR/src/rsn_supp/wpa.c", RADIO),
            ("/a/sockeye/crates/tcp/src/runner.rs", "sockeye-tcp"),
            ("crates/server/src/slot.rs", "sockeye-server"),
            ("firmware/esp32/crates/server/src/slot.rs", "sockeye-server"),
            ("/a/sockeye/firmware/qemu-virt/src/virtio.rs", BOARD),
            ("/rustc/0123/library/core/src/fmt/mod.rs", RUST),
            ("/usr/lib/rustlib/src/rust/library/core/src/fmt/mod.rs", RUST),
        ] {
            assert_eq!(owner_of(file), owner, "{file}");
        }
    }

    #[test]
    fn what_runs_tasks_is_told_from_what_they_do() {
        for (file, expected) in [
            ("/a/registry/src/index-1/embassy-executor-0.10.0/src/raw/mod.rs", true),
            ("embassy-sync-0.8.0/src/waitqueue/waker_registration.rs", true),
            ("riscv-0.16.1/src/interrupt.rs", true),
            ("firmware/qemu-virt/src/executor.rs", true),
            ("firmware/qemu-virt/src/virtio.rs", false),
            ("embassy-time-0.5.1/src/instant.rs", false),
            ("crates/tcp/src/runner.rs", false),
            ("crates/server/src/slot.rs", false),
        ] {
            assert_eq!(is_scheduling_file(file), expected, "{file}");
        }
    }

    #[test]
    fn parts_belong_to_their_groups() {
        for (part, group) in [
            ("sockeye-tcp", Group::Ours),
            ("smoltcp", Group::Network),
            ("embassy-net", Group::Network),
            ("embassy", Group::Runtime),
            ("esp-radio", Group::Radio),
            (RADIO, Group::Radio),
            (NO_LINE, Group::Radio),
            ("heapless", Group::Runtime),
        ] {
            assert_eq!(Group::of(part, true), group, "{part}");
        }
        assert_eq!(Group::of(NO_LINE, false), Group::Runtime);
    }

    #[test]
    fn all_code_is_somebodys() {
        let parts = [("smoltcp", 1), ("sockeye-tcp", 20), ("esp-radio", 300), ("heapless", 4000), ("other", 50000)];
        let groups = sums(&parts.map(|(part, len)| (part.to_owned(), len)).into(), true);
        let sums: Vec<_> = Group::ALL.map(|group| groups[group.name()]).into();
        assert_eq!(sums, [20, 1, 300, 54000]);
    }

    #[test]
    fn all_of_this_programs_code_is_counted_once() {
        let elf = std::env::current_exe().unwrap();
        let bytes = fs::read(&elf).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let text = file.sections().filter(|section| section.kind() == SectionKind::Text);
        assert_eq!(code(&elf).unwrap().values().sum::<u64>(), text.map(|section| section.size()).sum::<u64>());
    }
}
