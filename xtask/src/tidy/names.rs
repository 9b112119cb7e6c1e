//! A name means one thing: that of a module, and that of a public type of the libraries.
//!
//! The libraries and the tools are one world each, in which no two modules have the same name. A board, a simulation or a
//! simulated part is a world of its own: its `clock` is that of the libraries, in another place.

use std::collections::BTreeMap;

use syn::{Item, Visibility};

use super::sources::Source;

/// The world of the libraries.
const LIBRARIES: &str = "crates";

/// Names that say the same everywhere.
const SAME_EVERYWHERE: [&str; 4] = ["lib", "limits", "main", "tests"];

/// Worlds of their own, by the start of their folders; all other tools are one.
const WORLDS: [&str; 13] = [
    "bench/board",
    "bench/host",
    "crates/conformance",
    "crates/parts",
    "crates/sim-radio",
    "crates/sockeye",
    "firmware/esp32",
    "firmware/qemu-virt",
    "simulation/bad-wire",
    "simulation/tcp",
    "simulation",
    "tests/clients/redis-rs",
    LIBRARIES,
];
/// Names that several modules of a world have, and why.
const EXCEPTIONS: [(&str, &str); 0] = [];

/// Names that public types of several libraries have, and why.
const TYPE_EXCEPTIONS: [(&str, &str); 0] = [];

/// One line for each name that several modules or public types have, and for each exception that nobody needs any more.
pub fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = against(sources, &EXCEPTIONS);
    faults.extend(types_against(sources, &TYPE_EXCEPTIONS));
    faults
}

/// One line for each name that public types in several files of the libraries have.
fn types_against(sources: &[Source], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut named: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| world(&source.path) == LIBRARIES) {
        for name in source.items.iter().filter_map(public_type) {
            named.entry(name).or_default().push(&source.path);
        }
    }
    named.retain(|_, paths| paths.len() > 1);
    let is_exception = |name: &str| exceptions.iter().any(|(known, _)| *known == name);
    let several = named.iter().filter(|(name, _)| !is_exception(name));
    let mut faults: Vec<_> =
        several.map(|(name, paths)| format!("several public types are called {name}: {}", paths.join(", "))).collect();
    let unneeded = exceptions.iter().filter(|(name, _)| !named.contains_key(*name));
    faults.extend(unneeded.map(|(name, _)| format!("xtask/src/tidy/names.rs: {name} needs no exception any more")));
    faults
}

/// The name of a public enum, struct, trait or alias.
fn public_type(item: &Item) -> Option<String> {
    let (visibility, name) = match item {
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    matches!(visibility, Visibility::Public(_)).then(|| name.to_string())
}

fn against(sources: &[Source], exceptions: &[(&str, &str)]) -> Vec<String> {
    let mut named: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for source in sources {
        // Programs have no module's name: two boards may have the same.
        if let Some(name) = source.module.last() {
            named.entry((world(&source.path), name)).or_default().push(&source.path);
        }
    }
    named.retain(|(_, name), paths| paths.len() > 1 && !SAME_EVERYWHERE.contains(name));
    let is_exception = |name: &str| exceptions.iter().any(|(known, _)| *known == name);
    let several = named.iter().filter(|((_, name), _)| !is_exception(name));
    let mut faults: Vec<_> =
        several.map(|((_, name), paths)| format!("several modules are called {name}: {}", paths.join(", "))).collect();
    let unneeded = exceptions.iter().filter(|(name, _)| !named.keys().any(|(_, known)| known == name));
    faults.extend(unneeded.map(|(name, _)| format!("xtask/src/tidy/names.rs: {name} needs no exception any more")));
    faults
}

/// The world that a file belongs to.
fn world(path: &str) -> &str {
    WORLDS
        .into_iter()
        .find(|world| path.strip_prefix(world).is_some_and(|rest| rest.starts_with('/')))
        .unwrap_or("tools")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;
    use crate::tidy::sources::sources;

    fn check(paths: &[&str], exceptions: &[(&str, &str)], expected: &[&str]) {
        let files: Vec<_> = paths.iter().map(|path| (*path, "")).collect();
        assert_eq!(against(&sources(&planted(&files)), exceptions), expected);
    }

    #[test]
    fn a_name_that_two_modules_have_is_found() {
        check(&["crates/a/src/one.rs", "crates/b/src/two.rs"], &[], &[]);
        let fault = "several modules are called one: crates/a/src/one.rs, crates/b/src/two/one.rs";
        check(&["crates/a/src/one.rs", "crates/b/src/two/one.rs"], &[], &[fault]);
        let folder = "several modules are called one: crates/a/src/one.rs, crates/b/src/one/mod.rs";
        check(&["crates/a/src/one.rs", "crates/b/src/one/mod.rs"], &[], &[folder]);
    }

    #[test]
    fn a_board_may_have_what_the_libraries_have() {
        check(&["crates/board/src/clock.rs", "firmware/qemu-virt/src/clock.rs", "simulation/src/clock.rs"], &[], &[]);
        let fault = "several modules are called clock: xtask/harness/src/clock.rs, xtask/src/clock.rs";
        check(&["xtask/src/clock.rs", "xtask/harness/src/clock.rs"], &[], &[fault]);
    }

    #[test]
    fn roots_programs_and_limits_may_share_theirs() {
        check(&["a/src/lib.rs", "b/src/lib.rs", "a/src/limits.rs", "b/src/limits.rs"], &[], &[]);
        check(&["a/src/bin/hello.rs", "b/src/bin/hello.rs", "a/src/main.rs", "b/src/main.rs"], &[], &[]);
    }

    fn check_types(files: &[(&str, &str)], exceptions: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(types_against(&sources(&planted(files)), exceptions), expected);
    }

    #[test]
    fn a_name_that_two_public_types_have_is_found() {
        let trait_ = ("crates/a/src/one.rs", "pub trait Link {}");
        let fault = "several public types are called Link: crates/a/src/one.rs, crates/b/src/two.rs";
        check_types(&[trait_, ("crates/b/src/two.rs", "pub struct Link;")], &[], &[fault]);
        check_types(&[trait_, ("crates/b/src/two.rs", "pub(crate) struct Link;")], &[], &[]);
        check_types(&[trait_, ("firmware/b/src/two.rs", "pub struct Link;")], &[], &[]);
        let unneeded = "xtask/src/tidy/names.rs: Link needs no exception any more";
        check_types(&[trait_], &[("Link", "why")], &[unneeded]);
    }

    #[test]
    fn an_exception_that_nobody_needs_is_found() {
        let exceptions = [("one", "why")];
        check(&["a/src/one.rs", "b/src/one.rs"], &exceptions, &[]);
        check(&["a/src/one.rs"], &exceptions, &["xtask/src/tidy/names.rs: one needs no exception any more"]);
    }
}
