//! RAM and flash of the images: by what they are, by slot, and by whose code they consist of.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::exchange::{self, Exchange, GET_INLINE, HELLO, SHORT};
use super::guest::Guest;
use super::parts;
use super::programs::{self, Contender, FEW};
use super::results::{Memory, Row};
use crate::firmware::Firmware;
use crate::size;
use crate::toolchain::TARGETS;
use crate::workspace::Workspace;

/// The images of Sockeye as they are shipped.
const SHIPPED: [&str; 2] = ["hello", "device"];
/// Parts smaller than this count together.
const PART_LEN_MIN: u64 = 256;

/// Builds what is measured: each program also for one client less, which tells the price of a slot.
pub fn build(workspace: &Workspace) -> Result<()> {
    for contender in Contender::ALL {
        contender.build(workspace, FEW)?;
        contender.build(workspace, FEW - 1)?;
    }
    for bin in SHIPPED {
        programs::build_shipped(workspace, bin, FEW - 1)?;
        programs::build_shipped(workspace, bin, FEW)?;
    }
    Ok(())
}

/// Measures it, in a namespace with a tap.
pub fn measure(workspace: &Workspace) -> Result<Memory> {
    let mut memory = Memory::default();
    for contender in Contender::ALL {
        let [less, elf] = [FEW - 1, FEW].map(|slots| contender.elf(workspace, slots));
        memory.programs.insert(contender.name(), program(workspace, &elf, &less, &SHORT, false)?);
    }
    for (bin, exchange) in [("hello", &HELLO), ("device", &GET_INLINE)] {
        let [less, elf] = [FEW - 1, FEW].map(|slots| programs::shipped(workspace, bin, slots));
        let name = format!("Sockeye {bin}");
        memory.programs.insert(name.clone(), program(workspace, &elf, &less, exchange, bin == "hello")?);
        memory.code.insert(format!("{name}, QEMU"), large_parts(parts::code(&elf)?));
    }
    for (chip, bin, elf) in chips(workspace)? {
        memory.code.insert(format!("Sockeye {bin}, {chip}"), large_parts(parts::code(&elf)?));
        memory.chips.insert(format!("Sockeye {bin}, {chip}"), size::elf_sizes(&fs::read(elf)?)?);
    }
    Ok(memory)
}

/// What a program takes, the most stack that it used under load with it.
fn program(workspace: &Workspace, elf: &Path, less: &Path, exchange: &Exchange, closes: bool) -> Result<Row> {
    let [sizes, less] = [elf, less].map(|elf| size::elf_sizes(&fs::read(elf)?));
    let (sizes, less) = (sizes?, less?);
    let stack = Guest::run(workspace, "bench", elf, |guest| {
        if closes {
            exchange::closed_by_server(guest, exchange)?;
        } else {
            exchange::kept_open(guest, exchange, FEW - 1)?;
            exchange::cycle(guest, exchange)?;
        }
        Ok(guest.figures()?.stack)
    })?;
    Ok(BTreeMap::from([
        ("flash".to_owned(), sizes["text"] + sizes["rodata"] + sizes["data"]),
        ("static RAM".to_owned(), sizes["static_ram"]),
        ("of it each slot".to_owned(), sizes["static_ram"].saturating_sub(less["static_ram"])),
        ("stack".to_owned(), stack),
    ]))
}

/// Parts by name, small ones together.
fn large_parts(parts: BTreeMap<String, u64>) -> Row {
    let (large, small): (Row, Row) = parts.into_iter().partition(|(_, len)| *len >= PART_LEN_MIN);
    let rest = ("others".to_owned(), small.values().sum());
    large.into_iter().chain([rest]).collect()
}

/// The chips' images that are built.
fn chips(workspace: &Workspace) -> Result<Vec<(&'static str, &'static str, PathBuf)>> {
    let esp32 = Firmware::open(workspace, "esp32")?;
    let images = ["ESP32-C3", "ESP32-C6"].into_iter().zip(TARGETS);
    let images = images.flat_map(|(chip, target)| SHIPPED.map(|bin| (chip, bin, esp32.elf(target, bin))));
    Ok(images.filter(|(.., elf)| elf.is_file()).collect())
}
