//! Imports that run in a circle: none among the files of `crates/device`, and none between the folders of any crate.
//!
//! An import is a path through modules: after `crate`, `super` or `self`, or from a child module of the file. A path
//! through a re-export leads to the file that declares the item.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Item, UseTree};

use super::sources::Source;

/// Crates in which not even two files may import each other.
const BY_FILE: [&str; 1] = ["crates/device"];
/// Re-exports that a path may lead through.
const REEXPORTS_MAX: usize = 8;

/// Which module imports which, by their paths.
type Imports = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// One line for each circle.
pub fn faults(sources: &[Source]) -> Vec<String> {
    let crates: BTreeSet<_> = sources.iter().map(|source| source.crate_folder.as_str()).collect();
    let mut faults = Vec::new();
    for folder in crates {
        let modules: Vec<_> = sources.iter().filter(|source| source.crate_folder == folder).collect();
        let imports = imports(&modules);
        if BY_FILE.contains(&folder) {
            let ways = circles(&imports).into_iter().filter_map(|circle| Some(way_around(&imports, circle.first()?)));
            faults.extend(ways.map(|way| format!("{folder}: files import one another in a circle: {way}")));
        }
        let folders = folders(&modules);
        for parent in folders.iter().map(|folder| &folder[..folder.len() - 1]).collect::<BTreeSet<_>>() {
            let between = between(&imports, parent);
            // A file may import what imports it, through one folder; two folders may not.
            for circle in circles(&between) {
                let mut members = circle.iter().filter(|room| folders.contains::<[String]>(room.as_slice()));
                if let (Some(start), Some(_)) = (members.next(), members.next()) {
                    let way = way_around(&between, start);
                    faults.push(format!("{folder}: folders import one another in a circle: {way}"));
                }
            }
        }
    }
    faults
}

/// The modules that have a folder.
fn folders(modules: &[&Source]) -> BTreeSet<Vec<String>> {
    let parents = modules.iter().filter(|source| source.module.len() > 1);
    parents.flat_map(|source| (1..source.module.len()).map(|len| source.module[..len].to_vec())).collect()
}

/// The imports between the rooms of a folder: its files, and its folders with all that is in them.
fn between(imports: &Imports, parent: &[String]) -> Imports {
    let room = |module: &[String]| {
        (module.len() > parent.len() && module.starts_with(parent)).then(|| module[..=parent.len()].to_vec())
    };
    let mut rooms = Imports::new();
    for (from, targets) in imports {
        let Some(from) = room(from) else { continue };
        let others = targets.iter().filter_map(|to| room(to)).filter(|to| *to != from);
        rooms.entry(from.clone()).or_default().extend(others);
    }
    rooms
}

fn imports(modules: &[&Source]) -> Imports {
    let mut known: BTreeMap<&[String], Vec<&Source>> = BTreeMap::new();
    for source in modules {
        known.entry(&source.module).or_default().push(source);
    }
    let names: BTreeMap<&[String], BTreeMap<String, Vec<String>>> = known
        .iter()
        .map(|(module, sources)| (*module, sources.iter().flat_map(|source| aliases(source)).collect()))
        .collect();
    let mut imports = Imports::new();
    for source in modules {
        let targets = imports.entry(source.module.clone()).or_default();
        for path in paths(source) {
            let Some(path) = absolute(&source.module, &path, &known) else { continue };
            let target = resolve(&path, &known, &names, REEXPORTS_MAX);
            if target != source.module && !target.is_empty() {
                targets.insert(target);
            }
        }
    }
    imports
}

/// The paths that a file's code follows, each as it is written.
fn paths(source: &Source) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for item in &source.items {
        if let Item::Use(item) = item {
            used(&item.tree, &mut Vec::new(), &mut |path, _| paths.push(path));
        } else {
            written(item.to_token_stream(), &mut paths);
        }
    }
    paths
}

/// The names that a file's `use` items give to paths.
fn aliases(source: &Source) -> Vec<(String, Vec<String>)> {
    let mut aliases = Vec::new();
    for item in &source.items {
        if let Item::Use(item) = item {
            used(&item.tree, &mut Vec::new(), &mut |path, name| aliases.push((name, path)));
        }
    }
    aliases
}

fn used(tree: &UseTree, prefix: &mut Vec<String>, found: &mut impl FnMut(Vec<String>, String)) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            used(&path.tree, prefix, found);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            found(prefix.clone(), prefix.last().cloned().unwrap_or_default());
        }
        UseTree::Name(name) => found([&prefix[..], &[name.ident.to_string()]].concat(), name.ident.to_string()),
        UseTree::Rename(rename) => {
            let last = rename.ident.to_string();
            let path = if last == "self" { prefix.clone() } else { [&prefix[..], &[last]].concat() };
            found(path, rename.rename.to_string());
        }
        UseTree::Glob(_) => found(prefix.clone(), "*".to_owned()),
        UseTree::Group(group) => group.items.iter().for_each(|tree| used(tree, prefix, found)),
    }
}

/// Paths in code, in macros' arguments too: identifiers with `::` between them.
fn written(tokens: TokenStream, paths: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    paths.extend(finished(&mut path));
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                paths.extend(finished(&mut path));
                colons = 0;
                if let TokenTree::Group(group) = other {
                    written(group.stream(), paths);
                }
            }
        }
    }
    paths.extend(finished(&mut path));
}

/// The path so far, if it is more than a name.
fn finished(path: &mut Vec<String>) -> Option<Vec<String>> {
    let path = std::mem::take(path);
    (path.len() > 1).then_some(path)
}

/// A path from the crate's root, or nothing where it leads out of the crate.
fn absolute(module: &[String], path: &[String], known: &BTreeMap<&[String], Vec<&Source>>) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    let above = |levels: usize| module.get(..module.len().checked_sub(levels)?);
    let (base, rest) = match first.as_str() {
        "crate" => (&[][..], rest),
        "self" => (module, rest),
        "super" => {
            let further = rest.iter().take_while(|name| *name == "super").count();
            (above(1 + further)?, &rest[further..])
        }
        _ => {
            let child = [module, std::slice::from_ref(first)].concat();
            return known.contains_key(&child[..]).then(|| [module, path].concat());
        }
    };
    Some([base, rest].concat())
}

/// The module that declares what a path names.
fn resolve(
    path: &[String],
    known: &BTreeMap<&[String], Vec<&Source>>,
    names: &BTreeMap<&[String], BTreeMap<String, Vec<String>>>,
    reexports: usize,
) -> Vec<String> {
    let mut module: Vec<String> = Vec::new();
    for (at, name) in path.iter().enumerate() {
        let child = [&module[..], std::slice::from_ref(name)].concat();
        if known.contains_key(&child[..]) {
            module = child;
            continue;
        }
        let alias = names.get(&module[..]).and_then(|names| names.get(name));
        if let Some(target) = alias.and_then(|target| absolute(&module, target, known)).filter(|_| reexports > 0) {
            return resolve(&[&target[..], &path[at + 1..]].concat(), known, names, reexports - 1);
        }
        break;
    }
    module
}

/// The groups of modules that reach one another.
fn circles(imports: &Imports) -> Vec<BTreeSet<&Vec<String>>> {
    let reached: BTreeMap<_, _> = imports.keys().map(|module| (module, search(imports, module))).collect();
    let reaches =
        |from: &Vec<String>, to: &Vec<String>| reached.get(from).is_some_and(|before| before.contains_key(to));
    let mut circles: Vec<BTreeSet<&Vec<String>>> = Vec::new();
    for start in imports.keys().filter(|start| reaches(start, start)) {
        if !circles.iter().any(|circle| circle.contains(start)) {
            circles.push(imports.keys().filter(|other| reaches(start, other) && reaches(other, start)).collect());
        }
    }
    circles
}

/// A shortest way from a module back to it, as text.
fn way_around(imports: &Imports, start: &Vec<String>) -> String {
    let before = search(imports, start);
    let mut way = vec![start.join("::")];
    let mut at = start;
    while let Some(&module) = before.get(at) {
        way.push(module.join("::"));
        at = module;
        if at == start {
            break;
        }
    }
    way.reverse();
    way.join(" -> ")
}

/// All that `start` reaches, each with the module before it on a shortest way.
fn search<'a>(imports: &'a Imports, start: &'a Vec<String>) -> BTreeMap<&'a Vec<String>, &'a Vec<String>> {
    let mut before = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(module) = open.pop_front() {
        for target in imports.get(module).into_iter().flatten() {
            if !before.contains_key(target) {
                before.insert(target, module);
                open.push_back(target);
            }
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;
    use crate::tidy::sources::sources;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        let found = faults(&sources(&planted(files)));
        assert_eq!(found, expected);
    }

    #[test]
    fn files_of_the_device_in_a_circle_are_found() {
        let lib = ("crates/device/src/lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;");
        let straight = ("crates/device/src/b.rs", "use crate::c::C;");
        let c = ("crates/device/src/c.rs", "pub struct C;");
        check(&[lib, ("crates/device/src/a.rs", "use super::b::B;"), straight, c], &[]);
        // Through a re-export of the root, and in the arguments of a macro.
        let back = ("crates/device/src/b.rs", "fn f() { assert!(crate::A::is_true()); }");
        check(
            &[lib, ("crates/device/src/a.rs", "use super::b::B;"), back, c],
            &["crates/device: files import one another in a circle: a -> b -> a"],
        );
        // Elsewhere two files may.
        let elsewhere = [("crates/tcp/src/a.rs", "use super::b::B;"), ("crates/tcp/src/b.rs", "use crate::a::A;")];
        check(&elsewhere, &[]);
    }

    #[test]
    fn a_child_that_imports_its_parent_is_in_a_circle_with_it() {
        let child = ("crates/device/src/a/b.rs", "use super::A;\nuse crate::a::A as Other;");
        check(&[("crates/device/src/a.rs", "mod b;\npub struct A;"), child], &[]);
        check(
            &[("crates/device/src/a.rs", "mod b;\npub struct A;\nfn f() { b::g() }"), child],
            &["crates/device: files import one another in a circle: a -> a::b -> a"],
        );
    }

    #[test]
    fn tests_may_import_what_they_like() {
        let a = ("crates/device/src/a.rs", "use crate::b::B;");
        let tests = "pub struct B;\n#[cfg(test)]\nmod tests { use crate::a::A; }";
        check(&[a, ("crates/device/src/b.rs", tests)], &[]);
        let file = ("crates/device/src/b/tests.rs", "use crate::a::A;\nuse super::*;");
        check(&[a, ("crates/device/src/b.rs", "pub struct B;\n#[cfg(test)]\nmod tests;"), file], &[]);
    }

    #[test]
    fn folders_in_a_circle_are_found() {
        let one = [
            ("crates/tcp/src/a.rs", "mod x;"),
            ("crates/tcp/src/a/x.rs", "use crate::b::y::Y;"),
            ("crates/tcp/src/b.rs", "mod y;"),
            ("crates/tcp/src/b/y.rs", "use crate::c::C;"),
        ];
        check(&[&one[..], &[("crates/tcp/src/c.rs", "")]].concat(), &[]);
        check(
            &[&one[..], &[("crates/tcp/src/c.rs", "use crate::a::x::X;")]].concat(),
            &["crates/tcp: folders import one another in a circle: a -> b -> c -> a"],
        );
    }
}
