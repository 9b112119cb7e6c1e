//! The server in C on lwIP: lwIP's source from Debian, built with ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use harness::process::{LONG, SHORT, read, run, run_quietly};
use harness::workspace::Workspace;

/// Debian's name of the source, and what its upstream part must be.
const SOURCE: &str = "lwip=2.1.3+dfsg1-2";
/// lwIP's version.
pub const VERSION: &str = "2.1.3";
const ARCHIVE: &str = "lwip_2.1.3+dfsg1.orig.tar.xz";
const ARCHIVE_SHA256: &str = "0a8276d09fc4e97bbba2f953d74af2388fc2195ea156be9d7589e297a68fde24";

/// Our part of it.
const FOLDER: &str = "bench/lwip";
const OURS: [&str; 5] = ["start.S", "server.c", "board.c", "card.c", "memory.c"];
/// The Rust programs' memcpy, which this one shares.
const MEMCPY: &str = "firmware/qemu-virt/src/memcpy.s";
/// The parts of lwIP that nothing here uses and that don't compile to nothing.
const UNUSED: [&str; 3] = ["dns.c", "raw.c", "udp.c"];

/// The compiler; Debian's picolibc is its C library.
pub const COMPILER: &str = "riscv64-unknown-elf-gcc";
const FLAGS: [&str; 11] = [
    "--specs=picolibc.specs",
    "-march=rv32imc",
    // The instructions that read counters were part of the base then, and Debian's libraries are named after it.
    "-misa-spec=2.2",
    "-mabi=ilp32",
    // As the Rust programs: the machine reads words at any address.
    "-mno-strict-align",
    "-g",
    "-ffunction-sections",
    "-fdata-sections",
    "-nostartfiles",
    "-Wl,--gc-sections",
    "-Wl,--no-warn-rwx-segments",
];

/// The same on this machine, with its own C library.
const HOST_COMPILER: &str = "cc";
const HOST_FLAGS: [&str; 2] = ["-O2", "-flto"];
const HOST_OURS: [&str; 2] = ["server.c", "host.c"];

/// How it is compiled: a name, and the compiler's flags.
pub const VARIANTS: [(&str, &[&str]); 3] =
    [("-Os", &["-Os"]), ("-Os LTO", &["-Os", "-flto"]), ("-O2 LTO", &["-O2", "-flto"])];

/// Builds the server for this many clients.
pub fn build(workspace: &Workspace, flags: &[&str], slots: usize, elf: &Path) -> Result<()> {
    let source = source(workspace)?.join("src");
    fs::create_dir_all(elf.parent().context("a file has a folder")?)?;
    let folder = workspace.root.join(FOLDER);
    let mut command = Command::new(COMPILER);
    command.args(FLAGS).args(flags).arg(format!("-DSLOTS={slots}"));
    command.arg("-I").arg(&folder).arg("-I").arg(source.join("include"));
    command.arg("-T").arg(folder.join("link.ld")).arg("-o").arg(elf);
    command.args(OURS.map(|name| folder.join(name))).arg(workspace.root.join(MEMCPY));
    command.args(sources(&source)?);
    run_quietly(&mut command, SHORT).with_context(|| format!("compile {FOLDER} with {}", flags.join(" ")))
}

/// Builds the server for this machine.
pub fn build_host(workspace: &Workspace, slots: usize, program: &Path) -> Result<()> {
    let source = source(workspace)?.join("src");
    let folder = workspace.root.join(FOLDER);
    fs::create_dir_all(program.parent().context("a file has a folder")?)?;
    let mut command = Command::new(HOST_COMPILER);
    command.args(HOST_FLAGS).arg(format!("-DSLOTS={slots}"));
    command.arg("-I").arg(&folder).arg("-I").arg(source.join("include")).arg("-o").arg(program);
    command.args(HOST_OURS.map(|name| folder.join(name))).args(sources(&source)?);
    run_quietly(&mut command, SHORT).with_context(|| format!("compile {FOLDER} for this machine"))
}

fn sources(lwip: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![lwip.join("netif/ethernet.c")];
    for folder in ["core", "core/ipv4"] {
        for entry in fs::read_dir(lwip.join(folder))? {
            let path = entry?.path();
            let is_unused = path.file_name().is_some_and(|name| UNUSED.iter().any(|unused| name == *unused));
            if path.extension().is_some_and(|extension| extension == "c") && !is_unused {
                found.push(path);
            }
        }
    }
    // The order decides where functions lie, and a folder has none.
    found.sort_unstable();
    Ok(found)
}

/// lwIP's source, as upstream has it: downloaded once, and its checksum held against ours.
fn source(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("bench/lwip");
    let source = folder.join(VERSION);
    if source.is_dir() {
        return Ok(source);
    }
    fs::create_dir_all(&folder)?;
    download(&folder)?;
    let printed = read(Command::new("sha256sum").arg(folder.join(ARCHIVE)))?;
    ensure!(printed.split_whitespace().next() == Some(ARCHIVE_SHA256), "{ARCHIVE} is not the one that is known");
    // Half an archive must not pass for a whole one.
    let unpacked = folder.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--file").arg(folder.join(ARCHIVE)).args(["--strip-components=1", "--directory"]);
    run(tar.arg(&unpacked), SHORT)?;
    fs::rename(unpacked, &source)?;
    Ok(source)
}

/// Asks this machine's own package sources, in lists of its own, with sources switched on.
fn download(folder: &Path) -> Result<()> {
    let lists = folder.join("lists");
    let sources = folder.join("sources");
    fs::create_dir_all(lists.join("partial"))?;
    fs::create_dir_all(&sources)?;
    if package_sources(&sources)? == 0 {
        bail!("apt knows no package sources: lwIP's can't be downloaded");
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.current_dir(folder).args(["--quiet", "-o", "Dir::Etc::sourcelist=/dev/null"]);
        apt.arg("-o").arg(format!("Dir::Etc::sourceparts={}", sources.display()));
        apt.arg("-o").arg(format!("Dir::State::lists={}", lists.display()));
        // apt downloads as this user.
        apt.args(["-o", "APT::Sandbox::User="]);
        apt
    };
    run(apt().arg("update"), LONG)?;
    run(apt().args(["source", "--download-only", SOURCE]), LONG)
}

/// Copies apt's lists of sources, with those of source code instead of those of packages; returns how many.
fn package_sources(to: &Path) -> Result<usize> {
    const LIST: &str = "/etc/apt/sources.list";
    const PARTS: &str = "/etc/apt/sources.list.d";
    let mut files = vec![PathBuf::from(LIST)];
    if let Ok(entries) = fs::read_dir(PARTS) {
        files.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
    }
    let mut count = 0;
    for file in files {
        let (Some(name), Ok(text)) = (file.file_name(), fs::read_to_string(&file)) else { continue };
        let extension = file.extension().unwrap_or_default();
        if extension == "list" || extension == "sources" {
            fs::write(to.join(name), for_source_code(&text))?;
            count += 1;
        }
    }
    Ok(count)
}

/// Both of apt's formats: lines that begin with `deb`, and stanzas with `Types`.
fn for_source_code(list: &str) -> String {
    let line = |line: &str| match line.split_once(' ') {
        Some(("deb", rest)) => format!("deb-src {rest}\n"),
        Some(("Types:", _)) => "Types: deb-src\n".to_owned(),
        _ => format!("{line}\n"),
    };
    list.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_packages_become_lists_of_source_code() {
        assert_eq!(for_source_code("# a\ndeb [x] uri suite main\n"), "# a\ndeb-src [x] uri suite main\n");
        assert_eq!(for_source_code("Types: deb\nURIs: uri\n"), "Types: deb-src\nURIs: uri\n");
    }
}
