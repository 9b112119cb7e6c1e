//! Memory and code size of the firmware, printed and held against the ceilings in `ceilings.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection, ObjectSymbol};

use crate::footprint::{Footprint, Sizes};
use crate::instructions;
use crate::parts;
use harness::chip::{self, Chip};
use harness::emulator;
use harness::firmware::UPDATE_KEY;
use harness::flash_image;
use harness::toolchain::Embedded;
use harness::workspace::Workspace;

/// The file of ceilings, at the repository's root.
const CEILINGS: &str = "ceilings.toml";
/// Its table of lines of code, which another job counts.
const CHIP_CODE: &str = "chip_code";
/// The figures of which `ceilings.toml` has the least, not the most.
const FLOORS: [&str; 1] = ["stack_left"];
/// The slots of the two builds whose difference is the price of one.
const SLOTS: [&str; 2] = ["8", "9"];
/// Variables that are smaller are not worth a line, bytes.
const STATIC_LEN_MIN: u64 = 2_000;
/// The name of a heap's memory in esp-alloc's macro.
const HEAP: &str = "::HEAP";

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Keeps what is measured, and writes docs/footprint.md
    #[arg(long)]
    write: bool,
    /// Only writes docs/footprint.md again, from what was measured last
    #[arg(long, conflicts_with = "write")]
    document: bool,
}

/// Measures every program, prints a table, and fails over a ceiling or where the document is no longer true.
pub fn job(workspace: &Workspace, args: &Args) -> Result<()> {
    if args.document {
        return Footprint::read(workspace)?.write(workspace);
    }
    let footprint = measure(workspace)?;
    let mut ceilings = read_ceilings(&workspace.root.join(CEILINGS))?;
    ceilings.remove(instructions::CEILINGS);
    ceilings.remove(CHIP_CODE);
    print!("{}", table(&footprint.sizes, &ceilings));
    let mut faults = compare(&footprint.sizes, &ceilings);
    if args.write {
        footprint.write(workspace)?;
    }
    faults.extend(Footprint::read(workspace)?.stale(&footprint.sizes));
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn measure(workspace: &Workspace) -> Result<Footprint> {
    let mut footprint = Footprint { compiler: Embedded::find(workspace)?.version()?, ..Footprint::default() };
    for bin in ["hello", "device"] {
        // The shipped one last, so that it is what stays built.
        let [more, base] = [SLOTS[1], SLOTS[0]].map(|slots| {
            let elf = emulator::build(workspace, bin, Some(slots))?;
            let sizes = elf_sizes(&fs::read(&elf)?)?;
            Ok::<_, anyhow::Error>((elf, sizes))
        });
        let ((_, more), (elf, mut sizes)) = (more?, base?);
        sizes.insert("slot_ram".to_owned(), more["static_ram"].saturating_sub(sizes["static_ram"]));
        add(&mut footprint, &format!("qemu-virt-{bin}"), &elf, sizes)?;
    }
    for chip in Chip::BUILT {
        for bin in ["hello", "device"] {
            let (elf, sizes) = chip_sizes(workspace, chip, bin)?;
            add(&mut footprint, &format!("{}-{bin}", chip.name()), &elf, sizes)?;
        }
    }
    Ok(footprint)
}

fn add(footprint: &mut Footprint, program: &str, elf: &Path, sizes: BTreeMap<String, u64>) -> Result<()> {
    footprint.sizes.insert(program.to_owned(), sizes);
    footprint.code.insert(program.to_owned(), parts::groups(elf, program.starts_with("esp32"))?);
    let mut statics = statics(&fs::read(elf)?)?;
    statics.retain(|_, len| *len >= STATIC_LEN_MIN);
    footprint.statics.insert(program.to_owned(), statics);
    Ok(())
}

/// The part of the flash partition that a chip's image takes, and the linker's division of its memory.
fn chip_sizes(workspace: &Workspace, chip: Chip, bin: &str) -> Result<(PathBuf, BTreeMap<String, u64>)> {
    // Without a key the code that verifies signatures is left out.
    let key = "01".repeat(32);
    let settings: &[_] = if bin == "device" { &[(UPDATE_KEY, key.as_str())] } else { &[] };
    let elf = chip::build(workspace, chip, bin, settings)?;
    let image = flash_image::application(workspace, chip, &elf)?;
    let bytes = fs::read(&elf)?;
    let mut sizes = elf_sizes(&bytes)?;
    let statics = statics(&bytes)?.into_iter().filter(|(name, len)| name.ends_with(HEAP) && *len >= STATIC_LEN_MIN);
    let heap = statics.map(|(_, len)| len).sum();
    let sections = sections(&bytes)?;
    let section = |name: &str| sections.get(name).copied().unwrap_or_default();
    sizes.insert("image".to_owned(), image.len() as u64);
    sizes.insert("iram".to_owned(), section("trap") + section("rwtext"));
    sizes.insert("heap".to_owned(), heap);
    sizes.insert("stack_left".to_owned(), section("stack"));
    Ok((elf, sizes))
}

/// Bytes by section, and what of them is RAM from the start.
pub fn elf_sizes(elf: &[u8]) -> Result<BTreeMap<String, u64>> {
    let sections = sections(elf)?;
    let size = |name: &str| (name.to_owned(), sections.get(name).copied().unwrap_or_default());
    let mut sizes: BTreeMap<String, u64> = ["text", "rodata", "data", "bss"].map(size).into();
    sizes.insert("static_ram".to_owned(), sizes["data"] + sizes["bss"]);
    Ok(sizes)
}

/// Bytes by section, the parts of a section (`.bss.x`) counted with it.
fn sections(elf: &[u8]) -> Result<BTreeMap<String, u64>> {
    let file = object::File::parse(elf).context("read the ELF file")?;
    let mut sizes = BTreeMap::new();
    for section in file.sections() {
        let name = section.name()?.trim_start_matches('.');
        let name = name.split(['.', '_']).next().unwrap_or(name);
        *sizes.entry(name.to_owned()).or_default() += section.size();
    }
    Ok(sizes)
}

/// Bytes of the variables, by path, those of a name together.
fn statics(elf: &[u8]) -> Result<BTreeMap<String, u64>> {
    let file = object::File::parse(elf).context("read the ELF file")?;
    let mut statics = BTreeMap::new();
    for symbol in file.symbols().filter(|symbol| symbol.kind() == object::SymbolKind::Data) {
        let name = symbol.section_index().and_then(|index| file.section_by_index(index).ok()?.name().ok());
        let is_constant = name.is_none_or(|name| name.starts_with(".rodata") || name.starts_with(".debug"));
        if !is_constant {
            *statics.entry(path(symbol.name()?)).or_default() += symbol.size();
        }
    }
    Ok(statics)
}

/// The path of a variable, without what macros put into it.
fn path(symbol: &str) -> String {
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    let parts = name.split("::").filter(|part| !part.starts_with("__") && !part.starts_with('{'));
    parts.collect::<Vec<_>>().join("::")
}

fn read_ceilings(file: &Path) -> Result<Sizes> {
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    toml::from_str(&text).with_context(|| format!("read {}", file.display()))
}

/// One line for each ceiling that is broken, missing, or holds nothing.
fn compare(sizes: &Sizes, ceilings: &Sizes) -> Vec<String> {
    let mut faults = Vec::new();
    for (program, sizes) in sizes {
        for (what, size) in sizes {
            match ceilings.get(program).and_then(|ceilings| ceilings.get(what)) {
                Some(floor) if FLOORS.contains(&what.as_str()) => {
                    if size < floor {
                        faults.push(format!("{program}: {what} is {size}, less than {floor}"));
                    }
                }
                Some(ceiling) if size <= ceiling => {}
                Some(ceiling) => faults.push(format!("{program}: {what} is {size}, over its ceiling {ceiling}")),
                None => faults.push(format!("{program}: {what} has no ceiling in {CEILINGS}")),
            }
        }
    }
    for (program, ceilings) in ceilings {
        for what in ceilings.keys() {
            if !sizes.get(program).is_some_and(|sizes| sizes.contains_key(what)) {
                faults.push(format!("{CEILINGS} has {what} of {program}, which nothing measures"));
            }
        }
    }
    faults
}

fn table(sizes: &Sizes, ceilings: &Sizes) -> String {
    let mut text = format!("{:<18} {:<12} {:>9} {:>9}\n", "bytes", "", "now", "ceiling");
    for (program, sizes) in sizes {
        for (what, size) in sizes {
            let ceiling = ceilings.get(program).and_then(|ceilings| ceilings.get(what));
            let ceiling = ceiling.map_or("none".to_owned(), u64::to_string);
            text += &format!("{program:<18} {what:<12} {size:>9} {ceiling:>9}\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sizes: &str, ceilings: &str, expected: &[&str]) {
        let [sizes, ceilings] = [sizes, ceilings].map(|text| toml::from_str::<Sizes>(text).unwrap());
        assert_eq!(compare(&sizes, &ceilings), expected);
    }

    #[test]
    fn a_size_over_its_ceiling_fails() {
        check("[a]\ntext = 10", "[a]\ntext = 10", &[]);
        check("[a]\ntext = 11", "[a]\ntext = 10", &["a: text is 11, over its ceiling 10"]);
        check("[a]\nstack_left = 10", "[a]\nstack_left = 10", &[]);
        check("[a]\nstack_left = 9", "[a]\nstack_left = 10", &["a: stack_left is 9, less than 10"]);
    }

    #[test]
    fn a_ceiling_that_is_missing_or_holds_nothing_fails() {
        check("[a]\ntext = 1", "[a]", &["a: text has no ceiling in ceilings.toml"]);
        check("[a]\ntext = 1", "[a]\ntext = 1\nbss = 2", &["ceilings.toml has bss of a, which nothing measures"]);
    }

    #[test]
    fn this_programs_own_sections_are_found() {
        let sizes = elf_sizes(&fs::read(std::env::current_exe().unwrap()).unwrap()).unwrap();
        assert!(sizes["text"] > 0 && sizes["rodata"] > 0, "{sizes:?}");
        assert_eq!(sizes["static_ram"], sizes["data"] + sizes["bss"]);
    }

    #[test]
    fn paths_of_variables_are_what_a_reader_knows() {
        for (symbol, expected) in [
            ("_ZN6device5serve4POOL17h0c8264b2dd8e0c2bE", "device::serve::POOL"),
            (
                "_ZN6device6__main21____embassy_main_task28_$u7b$$u7b$closure$u7d$$u7d$4HEAP17h1d13ee84106d7750E",
                "device::HEAP",
            ),
            ("g_cnxMgr", "g_cnxMgr"),
        ] {
            assert_eq!(path(symbol), expected);
        }
    }
}
