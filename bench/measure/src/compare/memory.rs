//! RAM and flash of the images: by what they are, and by slot.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

use super::contenders::{self, Contender, FEW};
use super::results::{Memory, Row};
use crate::exchanges::{self, Exchange, GET_INLINE, HELLO, RESET, SHORT};
use crate::guest::Guest;
use crate::size;
use harness::workspace::Workspace;

/// The exchanges with a program whose stack is measured.
type Load = fn(&mut Guest<'_>) -> Result<()>;
/// The images of Sockeye as they are shipped.
const SHIPPED: [(&str, Load); 2] = [("hello", greet), ("device", get_and_reset)];

/// Builds what is measured: each program also for one client less, which tells the price of a slot.
pub fn build(workspace: &Workspace) -> Result<()> {
    for contender in Contender::ALL {
        contender.build(workspace, FEW)?;
        contender.build(workspace, FEW - 1)?;
    }
    for (bin, _) in SHIPPED {
        contenders::build_shipped(workspace, bin, FEW - 1)?;
        contenders::build_shipped(workspace, bin, FEW)?;
    }
    Ok(())
}

/// Measures it, in a namespace with a tap.
pub fn measure(workspace: &Workspace) -> Result<Memory> {
    let mut memory = Memory::default();
    for contender in Contender::ALL {
        let [less, elf] = [FEW - 1, FEW].map(|slots| contender.elf(workspace, slots));
        memory.programs.insert(contender.name(), program(workspace, &elf, &less, exchange)?);
    }
    for (bin, load) in SHIPPED {
        let [less, elf] = [FEW - 1, FEW].map(|slots| contenders::shipped(workspace, bin, slots));
        let name = format!("Sockeye {bin}");
        memory.programs.insert(name.clone(), program(workspace, &elf, &less, load)?);
    }
    Ok(memory)
}

/// The memory of a program, with the most stack that it used under load.
fn program(workspace: &Workspace, elf: &Path, less: &Path, load: Load) -> Result<Row> {
    let [sizes, less] = [elf, less].map(|elf| size::elf_sizes(&fs::read(elf)?));
    let (sizes, less) = (sizes?, less?);
    let stack = Guest::run(workspace, "bench", elf, |guest| {
        load(guest)?;
        Ok(guest.figures()?.stack)
    })?;
    Ok(BTreeMap::from([
        ("flash".to_owned(), sizes["text"] + sizes["rodata"] + sizes["data"]),
        ("static RAM".to_owned(), sizes["static_ram"]),
        ("of it each slot".to_owned(), sizes["static_ram"].saturating_sub(less["static_ram"])),
        ("stack".to_owned(), stack),
    ]))
}

fn exchange(guest: &mut Guest<'_>) -> Result<()> {
    keep_open_and_cycle(guest, &SHORT)
}

fn greet(guest: &mut Guest<'_>) -> Result<()> {
    exchanges::closed_by_server(guest, &HELLO).map(drop)
}

fn get_and_reset(guest: &mut Guest<'_>) -> Result<()> {
    keep_open_and_cycle(guest, &GET_INLINE)?;
    RESET.run(&mut Guest::connect()?)
}

fn keep_open_and_cycle(guest: &mut Guest<'_>, exchange: &Exchange) -> Result<()> {
    exchanges::kept_open(guest, exchange, FEW - 1)?;
    exchanges::cycle(guest, exchange)?;
    Ok(())
}
