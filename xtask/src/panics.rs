//! Shows that no input of a client reaches a panic in our own steps. The check reads the device's release image for
//! bare metal, and finds whose code each call of a panic was made from.
//!
//! The image has line tables, which tell for each call the chain of functions that were inlined into one another there.
//! A call counts as ours if the innermost of them outside of Rust's own library is in one of [`CHECKED`].
//!
//! The compiler puts in two kinds of calls that it can't show to be out of reach. Such calls are counted and let pass:
//! - a `RefCell` that is borrowed twice: no borrow of ours outlives a call
//! - a future that is polled after its end: no executor does that
//!
//! The check doesn't see a panic inside a library's function that wasn't inlined, for instance in `core::fmt`. Nor does
//! it see calls for which the compiler kept no line, which are counted.

use std::collections::BTreeMap;
use std::fs;

use addr2line::{Loader, demangle_auto};
use anyhow::{Context, Result, anyhow, bail};
use object::{Object, ObjectSection, ObjectSymbol, SectionKind};
use raki::{BaseIOpcode, COpcode, Decode, Isa, OpcodeKind};

use harness::emulator;
use harness::workspace::Workspace;

const BIN: &str = "device";
/// Folders whose code must not call a panic.
const CHECKED: [&str; 14] = [
    "crates/resp/src/",
    "crates/device/src/",
    "crates/server/src/",
    "crates/endpoint/src/",
    "crates/tcp/src/",
    "crates/tcp-engine/src/",
    "crates/wiring/src/",
    "crates/firmware-update/src/",
    "crates/wifi/src/",
    "crates/services/src/",
    "crates/client/src/",
    "crates/backoff/src/",
    "crates/boot/src/",
    "crates/board/src/",
];
/// Panics that no input has a part in: file, start of the function's name, and why.
const EXCEPTIONS: [(&str, &str, &str); 6] = [
    ("crates/board/src/boot.rs", "settings<", "the RefCell of embassy-sync's mutex; no borrow outlives a call"),
    (
        "crates/server/src/server.rs",
        "{async_block#0}<8, sockeye_tcp::tcp_socket::TcpSocket",
        "the same RefCell: the compiler merges the places that drop a guard of the mutex into one",
    ),
    (
        "crates/tcp/src/connection_table.rs",
        "sockeye_tcp::connection_table::no_such_item",
        "an index of the table's own, of which no list shrinks",
    ),
    (
        "crates/tcp/src/listener.rs",
        "attach<",
        "an interface too many, when a program starts; its documentation says so",
    ),
    (
        "crates/tcp/src/small_ref_cell.rs",
        "sockeye_tcp::small_ref_cell::is_borrowed",
        "a RefCell; no borrow outlives a call",
    ),
    ("crates/server/src/server.rs", "slot<", "a slot that the program doesn't have; its documentation says so"),
];
/// The functions of Rust's library that panic.
const PANICS: [&str; 9] = [
    "core::panicking::",
    "core::slice::index::slice_index_fail",
    "core::slice::copy_from_slice_impl::len_mismatch_fail",
    "core::str::slice_error_fail",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::cell::panic_already_borrowed",
    "core::cell::panic_already_mutably_borrowed",
];
const LET_PASS: [&str; 3] = ["panic_already_borrowed", "panic_already_mutably_borrowed", "async_fn_resumed"];

/// A call of a panic.
struct Call {
    address: u64,
    panic: String,
}

/// Whose a call is.
enum Owner {
    Ours { place: String, function: String, inlined: String },
    Other,
    Unknown,
}

pub fn job(workspace: &Workspace) -> Result<()> {
    let elf = emulator::build(workspace, BIN, None)?;
    let calls = calls(&fs::read(&elf)?)?;
    let loader = Loader::new(&elf).map_err(|error| anyhow!("{error}")).context("read the line tables")?;
    let (mut let_pass, mut other, mut unknown) = (0, 0, 0);
    let mut faults = BTreeMap::new();
    let mut used = [false; EXCEPTIONS.len()];
    for call in &calls {
        match owner(&loader, call.address)? {
            Owner::Other => other += 1,
            Owner::Unknown => unknown += 1,
            Owner::Ours { inlined, .. } if is_let_pass(&call.panic) || is_let_pass(&inlined) => let_pass += 1,
            Owner::Ours { place, function, inlined } => match exception(&place, &function) {
                Some(number) => {
                    used[number] = true;
                    let_pass += 1;
                }
                None => {
                    faults.insert(place, format!("{} {inlined}in {function}", call.panic));
                }
            },
        }
    }
    println!("panics: {} calls in the image", calls.len());
    println!("panics: {other} in other crates, {unknown} without a line, {let_pass} in ours that are let pass");
    if calls.len() < CALLS_MIN || let_pass == 0 {
        bail!("that are too few to be all: the check no longer sees what it should");
    }
    for ((file, name, _), _) in EXCEPTIONS.iter().zip(used).filter(|(_, used)| !used) {
        faults.insert((*file).to_owned(), format!("no call in {name} needs its exception any more"));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let faults: Vec<_> = faults.iter().map(|(place, fault)| format!("{place}: {fault}")).collect();
    bail!("our own steps can panic, or an exception is left over:\n{}", faults.join("\n"))
}

/// AUIPC's immediate counts in units of so many bits.
const UPPER_SHIFT: u32 = 12;
fn is_let_pass(panic: &str) -> bool {
    LET_PASS.iter().any(|name| panic.contains(name))
}

/// The number of the exception for a function of a place.
fn exception(place: &str, function: &str) -> Option<usize> {
    EXCEPTIONS.iter().position(|(file, name, _)| place.starts_with(file) && function.starts_with(name))
}

/// Fewer calls than any image with smoltcp in it has.
const CALLS_MIN: usize = 50;

/// All calls of a panic in an image.
fn calls(elf: &[u8]) -> Result<Vec<Call>> {
    let file = object::File::parse(elf).context("read the ELF file")?;
    let names: BTreeMap<u64, String> = file
        .symbols()
        .filter_map(|symbol| {
            let name = format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?));
            PANICS.iter().any(|panic| name.starts_with(panic)).then_some((symbol.address(), name))
        })
        .collect();
    let mut calls = Vec::new();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        for (address, target) in jumps(section.data()?, section.address()) {
            if let Some(panic) = names.get(&target) {
                calls.push(Call { address, panic: panic.clone() });
            }
        }
    }
    Ok(calls)
}

/// Every jump to a fixed address: where it is, and where it goes.
fn jumps(code: &[u8], start: u64) -> Vec<(u64, u64)> {
    let mut jumps = Vec::new();
    // The register that the instruction before loaded with an address, and that address.
    let mut loaded: Option<(usize, u64)> = None;
    let mut at = 0;
    while let Some(half) = code.get(at..at + 2) {
        let address = start + at as u64;
        let half = u16::from_le_bytes([half[0], half[1]]);
        let is_long = half & 3 == 3;
        let instruction = match code.get(at..at + 4) {
            Some(&[a, b, c, d]) if is_long => u32::from_le_bytes([a, b, c, d]).decode(Isa::Rv32).ok(),
            _ => half.decode(Isa::Rv32).ok(),
        };
        let before = loaded.take();
        if let Some(instruction) = instruction {
            let offset = i64::from(instruction.imm.unwrap_or(0));
            let target = |base: u64| base.wrapping_add_signed(offset) & u64::from(u32::MAX);
            match instruction.opc {
                OpcodeKind::BaseI(BaseIOpcode::JAL) | OpcodeKind::C(COpcode::JAL | COpcode::J) => {
                    jumps.push((address, target(address)));
                }
                OpcodeKind::BaseI(BaseIOpcode::AUIPC) => {
                    let base = address.wrapping_add_signed(offset << UPPER_SHIFT);
                    loaded = instruction.rd.map(|register| (register, base));
                }
                OpcodeKind::BaseI(BaseIOpcode::JALR) => {
                    if let Some((register, base)) = before
                        && instruction.rs1 == Some(register)
                    {
                        jumps.push((address, target(base)));
                    }
                }
                _ => {}
            }
        }
        at += if is_long { 4 } else { 2 };
    }
    jumps
}

/// Whose code it is at an address.
fn owner(loader: &Loader, address: u64) -> Result<Owner> {
    let mut frames = match loader.find_frames(address) {
        Ok(frames) => frames,
        Err(error) => bail!("no line table for {address:#x}: {error}"),
    };
    // Names of the functions of Rust's own library that were inlined there. A panic's name can be among them.
    let mut inlined = String::new();
    while let Some(frame) = frames.next().map_err(|error| anyhow!("{error}"))? {
        let location = frame.location.as_ref();
        let Some(file) = location.and_then(|location| location.file) else { continue };
        if is_rusts_own(file) {
            if let Some(name) = frame.function.and_then(|name| name.demangle().ok().map(|name| name.into_owned())) {
                inlined += &name;
                inlined.push(' ');
            }
            continue;
        }
        let Some(line) = location.and_then(|location| location.line).filter(|line| *line > 0) else {
            return Ok(Owner::Unknown);
        };
        let Some(ours) = CHECKED.iter().find_map(|folder| file.find(folder).map(|at| &file[at..])) else {
            return Ok(Owner::Other);
        };
        // Line tables name the functions that were inlined. The one that they were inlined into has a symbol.
        let function = match frame.function {
            Some(name) => name.demangle()?.into_owned(),
            None => loader
                .find_symbol(address)
                .map(|name| demangle_auto(name.into(), None))
                .unwrap_or_default()
                .into_owned(),
        };
        return Ok(Owner::Ours { place: format!("{ours}:{line}"), function, inlined });
    }
    Ok(Owner::Unknown)
}

fn is_rusts_own(file: &str) -> bool {
    ["/library/core/", "/library/alloc/"].iter().any(|folder| file.contains(folder))
}
