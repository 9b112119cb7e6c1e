//! Which crate may import which.

use cargo_metadata::{DependencyKind, Package};

use super::Files;

/// The crates that a crate may import. A name that ends in `*` stands for all that start so.
enum Imports {
    /// These and no others.
    Only(&'static [&'static str]),
    /// Anything but these: std programs, whose libraries are their own affair.
    NotThese(&'static [&'static str]),
}

use Imports::{NotThese, Only};

/// The boards' crates hold wiring: hardware layers, network, and the crates that they wire together.
const BOARD: Imports = Only(&[
    "sockeye-bench-exchange",
    "sockeye-board",
    "sockeye-boot",
    "sockeye-client",
    "sockeye-device",
    "sockeye-endpoint",
    "sockeye-firmware-update",
    "sockeye-hello",
    "sockeye-qemu-virt",
    "sockeye-qemu-virt-flash",
    "sockeye-resp",
    "sockeye-server",
    "sockeye-services",
    "sockeye-tcp",
    "sockeye-parts",
    "sockeye-wifi",
    "sockeye-wiring",
    "critical-section",
    "edge-*",
    "embassy-*",
    "embedded-alloc",
    "embedded-hal",
    "embedded-hal-async",
    "embedded-storage-async",
    "embedded-io-async",
    "esp-*",
    "heapless",
    "log",
    "portable-atomic",
    "riscv",
    "riscv-rt",
    "sequential-storage",
    "static_cell",
]);

/// The crates that run on devices and hosts.
const OURS: &[&str] = &[
    "sockeye",
    "sockeye-board",
    "sockeye-client",
    "sockeye-conformance",
    "sockeye-device",
    "sockeye-endpoint",
    "sockeye-firmware-update",
    "sockeye-hello",
    "sockeye-resp",
    "sockeye-server",
    "sockeye-services",
    "sockeye-tcp",
];

const TABLE: &[(&str, Imports)] = &[
    ("sockeye-resp", Only(&[])),
    ("sockeye-firmware-image", Only(&["anyhow", "ed25519-compact", "getrandom", "sha2"])),
    ("sockeye-firmware-update", Only(&["ed25519-compact", "embassy-futures", "embedded-storage-async", "sha2"])),
    (
        "sockeye-tcp",
        Only(&[
            "bytemuck",
            "edge-nal",
            "embassy-net",
            "embassy-net-driver",
            "embassy-net-driver-channel",
            "embassy-sync",
            "embassy-time",
            "embedded-io-async",
            "heapless",
            "sockeye-server",
            "sockeye-tcp-engine",
        ]),
    ),
    (
        "sockeye-server",
        Only(&["edge-nal", "embassy-futures", "embassy-sync", "embassy-time", "embedded-io-async", "pin-project-lite"]),
    ),
    ("sockeye-backoff", Only(&[])),
    ("sockeye-boot", Only(&["embassy-time"])),
    ("sockeye-hello", Only(&["embedded-io-async", "sockeye-boot", "sockeye-resp", "sockeye-server"])),
    (
        "sockeye-device",
        Only(&[
            "embassy-futures",
            "embassy-sync",
            "embassy-time",
            "embedded-storage-async",
            "heapless",
            "minicbor",
            "portable-atomic",
            "sequential-storage",
            "sha2",
            "sockeye-backoff",
            "sockeye-firmware-update",
            "sockeye-resp",
            "sockeye-wifi",
            "sockeye-wiring",
            "subtle",
        ]),
    ),
    ("sockeye-sim-radio", Only(&["embassy-time", "fastrand", "sockeye-wifi"])),
    (
        "sockeye-wiring",
        Only(&[
            "embassy-futures",
            "embassy-time",
            "embedded-hal",
            "embedded-hal-async",
            "heapless",
            "libm",
            "sockeye-backoff",
        ]),
    ),
    ("sockeye-parts", Only(&["embedded-hal", "embedded-hal-async", "libm", "sockeye-wiring"])),
    (
        "sockeye-wifi",
        Only(&[
            "embassy-futures",
            "embassy-sync",
            "embassy-time",
            "heapless",
            "log",
            "minicbor",
            "sockeye-backoff",
            "sockeye-boot",
        ]),
    ),
    (
        "sockeye-endpoint",
        Only(&[
            "edge-nal",
            "embassy-futures",
            "embassy-time",
            "embedded-io-async",
            "heapless",
            "sockeye-backoff",
            "sockeye-client",
            "sockeye-device",
            "sockeye-server",
        ]),
    ),
    (
        "sockeye-services",
        Only(&[
            "edge-nal",
            "embassy-futures",
            "embassy-net",
            "embassy-sync",
            "embassy-time",
            "embedded-io-async",
            "heapless",
            "log",
            "sntpc",
        ]),
    ),
    (
        "sockeye-board",
        Only(&[
            "embassy-futures",
            "embassy-sync",
            "embassy-time",
            "embedded-storage-async",
            "heapless",
            "log",
            "portable-atomic",
            "sockeye-boot",
            "sockeye-device",
            "sockeye-wifi",
            "sockeye-wiring",
        ]),
    ),
    ("sockeye-client", Only(&["edge-nal", "embassy-time", "embedded-io-async", "sockeye-resp"])),
    ("sockeye", NotThese(&["sockeye-conformance", "sockeye-esp32", "sockeye-qemu-virt*", "xtask"])),
    // The conformance suite tests from outside, so it imports nothing that it tests.
    ("sockeye-conformance", NotThese(&["sockeye*", "xtask"])),
    ("sockeye-fuzz", NotThese(&["sockeye", "sockeye-conformance", "xtask"])),
    ("sockeye-tcp-engine", Only(&["embassy-time", "siphasher"])),
    ("sockeye-tcp-simulation", Only(&["clap", "embassy-time", "fastrand", "smoltcp", "sockeye-tcp-engine"])),
    (
        "sockeye-bad-wire",
        Only(&[
            "anyhow",
            "clap",
            "edge-nal",
            "embassy-*",
            "embedded-io-async",
            "fastrand",
            "rustix",
            "sha2",
            "socket2",
            "sockeye-tcp",
        ]),
    ),
    ("sockeye-simulation", NotThese(&["sockeye", "sockeye-conformance", "xtask"])),
    // A client as its users write it.
    ("sockeye-redis-rs-client", NotThese(&["sockeye*", "xtask"])),
    // The tools build and start the programs that they test and measure, and link none of them.
    ("xtask", NotThese(OURS)),
    ("sockeye-harness", NotThese(OURS)),
    ("sockeye-measure", NotThese(OURS)),
    (
        "sockeye-bench-host",
        Only(&[
            "async-executor",
            "critical-section",
            "edge-nal",
            "embassy-*",
            "rustix",
            "sockeye-bench-exchange",
            "sockeye-bench-peers",
            "sockeye-board",
            "sockeye-device",
            "sockeye-endpoint",
            "sockeye-server",
            "sockeye-tcp",
            "static_cell",
        ]),
    ),
    // The servers that Sockeye is compared with run on the same board, and have nothing else of Sockeye's.
    ("sockeye-bench-exchange", Only(&["embedded-io-async"])),
    (
        "sockeye-bench-peers",
        Only(&["embassy-net", "embassy-time", "embedded-io-async", "picoserve", "sockeye-bench-exchange"]),
    ),
    (
        "sockeye-bench-board",
        NotThese(&[
            "sockeye",
            "sockeye-device",
            "sockeye-endpoint",
            "sockeye-hello",
            "sockeye-resp",
            "sockeye-server",
            "sockeye-tcp",
            "xtask",
        ]),
    ),
    ("sockeye-esp32", BOARD),
    ("sockeye-qemu-virt", BOARD),
    (
        "sockeye-qemu-virt-bootloader",
        Only(&[
            "embassy-futures",
            "embedded-storage-async",
            "riscv-rt",
            "sockeye-firmware-update",
            "sockeye-qemu-virt-flash",
        ]),
    ),
    ("sockeye-qemu-virt-device", BOARD),
    ("sockeye-qemu-virt-flash", Only(&["embassy-futures", "embedded-storage-async", "sockeye-firmware-update"])),
    ("sockeye-qemu-virt-hello", BOARD),
];

/// The document that names the imports of ours, for people.
const DOCUMENT: &str = "ARCHITECTURE.md";

/// A crate, and what it imports directly.
pub struct Edges {
    name: String,
    imports: Vec<String>,
}

/// The dependencies by cargo's metadata; those of tests and build scripts reach no device.
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
            faults.push(format!(
                "crate {name} isn't in the table of imports (xtask/src/tidy/imports.rs, ARCHITECTURE.md)"
            ));
            continue;
        };
        let forbidden = imports.iter().filter(|import| !rule.allows(import));
        faults.extend(forbidden.map(|import| format!("crate {name} may not import {import}")));
    }
    faults
}

/// Library crates whose row in ARCHITECTURE.md names other crates of ours than this table.
pub fn documented(files: &Files) -> Vec<String> {
    let text = files.get(DOCUMENT).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
    let mut faults = Vec::new();
    for (name, allowed) in TABLE.iter().filter_map(|(name, rule)| match rule {
        Only(allowed) if !allowed.contains(&"esp-*") => Some((name, allowed)),
        _ => None,
    }) {
        let short = name.trim_start_matches("sockeye-");
        let folder = format!("crates/{short}");
        if !files.contains_key(&format!("{folder}/Cargo.toml")) {
            continue;
        }
        let mut allowed: Vec<_> = allowed.iter().filter_map(|import| import.strip_prefix("sockeye-")).collect();
        allowed.sort_unstable();
        match row(text, &folder) {
            Some(row) if row == allowed => {}
            Some(row) => faults.push(format!("{DOCUMENT}: {short} may import {row:?} of ours, or {allowed:?}?")),
            None => faults.push(format!("{DOCUMENT}: the table of parts has no {folder}")),
        }
    }
    faults
}

/// Which crates of ours the document's row lets a crate import.
fn row<'a>(text: &'a str, folder: &str) -> Option<Vec<&'a str>> {
    let (_, table) = text.split_once("| imports of ours |")?;
    let cells = |line: &'a str| line.split('|').map(str::trim).collect::<Vec<_>>();
    let mut rows = table.lines().skip(1).take_while(|line| line.starts_with('|')).map(cells);
    let row = rows.find(|row| row[1].trim_matches('`') == folder)?;
    let mut imports: Vec<_> = row.get(3)?.split(", ").filter(|import| *import != "none").collect();
    imports.sort_unstable();
    Some(imports)
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
    use crate::tidy::planted;

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
    fn the_documents_table_is_this_one() {
        let check = |row: &str, expected: Option<&str>| {
            let document = format!("| folder | what it is | imports of ours |\n|---|---|---|\n{row}\n\n| `hello` | |");
            let files = planted(&[(DOCUMENT, &document), ("crates/hello/Cargo.toml", "")]);
            let faults = documented(&files);
            match expected {
                None => assert!(faults.is_empty(), "{faults:?}"),
                Some(part) => assert!(faults.len() == 1 && faults[0].contains(part), "{faults:?}"),
            }
        };
        check("| `crates/hello` | A handler. | boot, resp, server |", None);
        check("| `crates/hello` | A handler. | server |", Some("hello may import"));
        check("| `crates/resp` | A protocol. | none |", Some("has no crates/hello"));
    }

    #[test]
    fn a_crate_that_the_table_does_not_know_is_a_fault() {
        assert!(faults(&[Edges { name: "sockeye-utils".to_owned(), imports: Vec::new() }])[0].contains("isn't in"));
    }
}
