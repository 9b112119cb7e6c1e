//! Memory and code size of the firmware, printed and held against the ceilings in `ceilings.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};

use crate::chips::{self, Chip};
use crate::image;
use crate::instructions;
use crate::qemu;
use crate::workspace::Workspace;

/// The file of ceilings, at the repository's root.
const CEILINGS: &str = "ceilings.toml";
/// The slots of the two builds whose difference is the price of one.
const SLOTS: [&str; 2] = ["8", "9"];

/// Bytes by what they are, by program: `qemu-virt.hello`, then `text`.
type Sizes = BTreeMap<String, BTreeMap<String, u64>>;

/// Measures every program of `ceilings.toml`'s kind, prints a table, and fails over a ceiling.
pub fn job(workspace: &Workspace) -> Result<()> {
    let sizes = measure(workspace)?;
    let mut ceilings = read_ceilings(&workspace.root.join(CEILINGS))?;
    ceilings.remove(instructions::CEILINGS);
    print!("{}", table(&sizes, &ceilings));
    let faults = compare(&sizes, &ceilings);
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{}", faults.join("\n"))
}

fn measure(workspace: &Workspace) -> Result<Sizes> {
    let mut sizes = Sizes::new();
    for bin in ["hello", "device"] {
        let [base, more] = SLOTS.map(|slots| {
            let elf = qemu::build(workspace, bin, Some(slots))?;
            elf_sizes(&fs::read(elf)?)
        });
        let (mut base, more) = (base?, more?);
        base.insert("slot_ram".to_owned(), more["static_ram"].saturating_sub(base["static_ram"]));
        sizes.insert(format!("qemu-virt-{bin}"), base);
    }
    for chip in Chip::BUILT {
        for bin in ["hello", "device"] {
            sizes.insert(format!("{}-{bin}", chip.name()), chip_sizes(workspace, chip, bin)?);
        }
    }
    Ok(sizes)
}

/// What a chip's image takes of its flash partition. Its memory is divided by esp-hal's linker script, see its map.
fn chip_sizes(workspace: &Workspace, chip: Chip, bin: &str) -> Result<BTreeMap<String, u64>> {
    let elf = chips::build(workspace, chip, bin, &[])?;
    let folder = workspace.target.join("images");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{}-{bin}.app", chip.name()));
    image::save(workspace, chip, &elf, &file, false)?;
    let mut sizes = elf_sizes(&fs::read(elf)?)?;
    sizes.insert("image".to_owned(), fs::metadata(file)?.len());
    Ok(sizes)
}

/// Bytes by section, the parts of a section (`.bss.x`) counted with it, and what of them is RAM from the start.
pub fn elf_sizes(elf: &[u8]) -> Result<BTreeMap<String, u64>> {
    let file = object::File::parse(elf).context("read the ELF file")?;
    let mut sizes: BTreeMap<String, u64> =
        ["text", "rodata", "data", "bss"].into_iter().map(|name| (name.to_owned(), 0)).collect();
    for section in file.sections() {
        let name = section.name()?.trim_start_matches('.');
        let name = name.split(['.', '_']).next().unwrap_or(name);
        if let Some(size) = sizes.get_mut(name) {
            *size += section.size();
        }
    }
    sizes.insert("static_ram".to_owned(), sizes["data"] + sizes["bss"]);
    Ok(sizes)
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
}
