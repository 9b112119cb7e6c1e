//! The machine that measured, and the versions of what it built with.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::lwip;
use harness::process::read;

/// The facts about the machine that a reader needs to measure the same. Unknown facts are left out.
pub fn describe() -> BTreeMap<String, String> {
    let first_line = |mut command: Command| Some(read(&mut command).ok()?.lines().next()?.trim().to_owned());
    let version = |program: &str| {
        let mut command = Command::new(program);
        command.arg("--version");
        first_line(command)
    };
    let facts = [
        ("processor", processor()),
        ("kernel", fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned())),
        ("system", system()),
        ("QEMU", version("qemu-system-riscv32")),
        ("Rust", version("rustc")),
        ("C", version(lwip::COMPILER)),
        ("lwIP", Some(format!("{}, Debian's source of it", lwip::VERSION))),
    ];
    facts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let names = || text.lines().filter(|line| line.starts_with("model name"));
    let (_, name) = names().next()?.split_once(':')?;
    Some(format!("{}, {} cores", name.trim(), names().count()))
}

fn system() -> Option<String> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}
