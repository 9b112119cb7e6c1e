//! Whose code an image consists of, by its line tables: each instruction counts for the crate in which its line stands.
//! Rust's own library counts for whoever it was inlined into, and for itself where it wasn't.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use addr2line::Loader;
use anyhow::{Context, Result, anyhow};
use object::{Object, ObjectSection, SectionKind};

/// What has no line: assembly, and libraries that come compiled.
const NO_LINE: &str = "without line information";
const RUST: &str = "Rust's core";

/// Bytes of code by part.
pub fn code(elf: &Path) -> Result<BTreeMap<String, u64>> {
    let failed = |error| anyhow!("read the line tables of {}: {error}", elf.display());
    let bytes = fs::read(elf)?;
    let file = object::File::parse(&*bytes).with_context(|| format!("read {}", elf.display()))?;
    let loader = Loader::new(elf).map_err(failed)?;
    let mut parts = BTreeMap::new();
    for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
        let (start, end) = (section.address(), section.address() + section.size());
        let mut known = 0;
        for (address, len, _) in loader.find_location_range(start, end).map_err(failed)? {
            *parts.entry(owner(&loader, address)?).or_default() += len;
            known += len;
        }
        *parts.entry(NO_LINE.to_owned()).or_default() += section.size().saturating_sub(known);
    }
    Ok(parts)
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

/// The part that a source file belongs to.
fn owner_of(file: &str) -> String {
    let folder_after = |mark: &str| file.split_once(mark)?.1.split('/').next();
    if let Some(name) =
        folder_after("/registry/src/").and_then(|_| file.split("/registry/src/").nth(1)?.split('/').nth(1))
    {
        return family(name.rsplit_once('-').map_or(name, |(name, _)| name)).to_owned();
    }
    match folder_after("crates/") {
        Some(name) => format!("sockeye-{name}"),
        None if file.contains("firmware/") => "the board".to_owned(),
        None => RUST.to_owned(),
    }
}

/// Crates of one project count together.
fn family(name: &str) -> &str {
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
            ("/a/registry/src/index-1/embassy-net-0.9.1/src/lib.rs", "embassy"),
            ("/a/sockeye/crates/tcp/src/runner.rs", "sockeye-tcp"),
            ("crates/server/src/slot.rs", "sockeye-server"),
            ("/a/sockeye/firmware/qemu-virt/src/virtio.rs", "the board"),
            ("/rustc/0123/library/core/src/fmt/mod.rs", RUST),
        ] {
            assert_eq!(owner_of(file), owner, "{file}");
        }
    }
}
