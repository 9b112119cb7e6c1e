//! Who may know whom: the import table of ARCHITECTURE.md.

use cargo_metadata::{DependencyKind, Package};

/// What a crate may import. A name that ends in `*` stands for all that start so.
enum Imports {
    /// These and no others.
    Only(&'static [&'static str]),
    /// Anything but these: std programs, whose libraries are their own affair.
    NotThese(&'static [&'static str]),
}

use Imports::{NotThese, Only};

/// The boards' crates hold wiring: hardware layers, network, and the crates that they wire together.
const BOARD: Imports = Only(&[
    "sockeye-client",
    "sockeye-device",
    "sockeye-hello",
    "sockeye-resp",
    "sockeye-server",
    "sockeye-tcp",
    "critical-section",
    "edge-*",
    "embassy-*",
    "embedded-io-async",
    "esp-*",
    "heapless",
    "log",
    "portable-atomic",
    "riscv",
    "riscv-rt",
    "static_cell",
]);

const TABLE: [(&str, Imports); 12] = [
    ("sockeye-resp", Only(&[])),
    (
        "sockeye-tcp",
        Only(&["smoltcp", "embassy-net-driver", "embassy-time", "embassy-sync", "embedded-io-async", "edge-nal"]),
    ),
    (
        "sockeye-server",
        Only(&["edge-nal", "embedded-io-async", "embassy-futures", "embassy-time", "embassy-sync", "heapless"]),
    ),
    ("sockeye-hello", Only(&["sockeye-server", "embedded-io-async", "embassy-time"])),
    (
        "sockeye-device",
        Only(&[
            "sockeye-resp",
            "heapless",
            "embassy-sync",
            "embassy-futures",
            "embassy-time",
            "sequential-storage",
            "embedded-storage-async",
        ]),
    ),
    ("sockeye-client", Only(&["sockeye-resp", "embedded-io-async"])),
    ("sockeye", NotThese(&["sockeye-conformance", "sockeye-esp32", "sockeye-qemu-virt", "xtask"])),
    ("sockeye-fuzz", NotThese(&["sockeye", "sockeye-conformance", "xtask"])),
    // It tests from outside, so it knows none of what it tests.
    ("sockeye-conformance", NotThese(&["sockeye*", "xtask"])),
    ("xtask", NotThese(&["sockeye*"])),
    ("sockeye-esp32", BOARD),
    ("sockeye-qemu-virt", BOARD),
];

/// A crate, and what it imports directly.
pub struct Edges {
    name: String,
    imports: Vec<String>,
}

/// What cargo knows; dependencies of tests and build scripts reach no device.
pub fn edges(packages: &[Package]) -> Vec<Edges> {
    let imports = |package: &Package| {
        let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    packages.iter().map(|package| Edges { name: package.name.to_string(), imports: imports(package) }).collect()
}

/// Imports that the table forbids, and crates that it doesn't know.
pub fn faults(crates: &[Edges]) -> Vec<String> {
    let mut faults = Vec::new();
    for Edges { name, imports } in crates {
        let Some((_, rule)) = TABLE.iter().find(|(known, _)| known == name) else {
            faults.push(format!("crate {name} isn't in the import table (xtask/src/tidy/imports.rs, ARCHITECTURE.md)"));
            continue;
        };
        let forbidden = imports.iter().filter(|import| !rule.allows(import));
        faults.extend(forbidden.map(|import| format!("crate {name} may not import {import}")));
    }
    faults
}

impl Imports {
    fn allows(&self, import: &str) -> bool {
        let listed = |list: &[&str]| {
            list.iter().any(|name| match name.strip_suffix('*') {
                Some(start) => import.starts_with(start),
                None => import == *name,
            })
        };
        match self {
            Only(list) => listed(list),
            NotThese(list) => !listed(list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, imports: &[&str], expected: &[&str]) {
        let imports = imports.iter().map(|import| (*import).to_owned()).collect();
        assert_eq!(faults(&[Edges { name: name.to_owned(), imports }]), expected);
    }

    #[test]
    fn forbidden_imports_are_found() {
        check("sockeye-resp", &[], &[]);
        check("sockeye-resp", &["heapless"], &["crate sockeye-resp may not import heapless"]);
        check("sockeye-server", &["edge-nal", "sockeye-tcp"], &["crate sockeye-server may not import sockeye-tcp"]);
        check("sockeye-esp32", &["esp-hal", "edge-dhcp", "sockeye"], &["crate sockeye-esp32 may not import sockeye"]);
        check("sockeye-conformance", &["anyhow"], &[]);
        let suite = ["crate sockeye-conformance may not import sockeye-hello"];
        check("sockeye-conformance", &["sockeye-hello"], &suite);
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_a_fault() {
        assert!(faults(&[Edges { name: "sockeye-utils".to_owned(), imports: Vec::new() }])[0].contains("isn't in"));
    }
}
