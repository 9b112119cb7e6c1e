//! Files that nothing leads to.

use std::collections::BTreeSet;

use super::{Files, join, parent, texts};

/// Rust files that no crate compiles: none of its `mod` lines, from its root on, leads there.
pub fn rust<'a>(files: &Files, roots: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<(String, bool)> = roots.map(|root| (root.to_owned(), true)).collect();
    while let Some((path, is_root)) = open.pop() {
        let Some(text) = files.get(&path).and_then(|bytes| str::from_utf8(bytes).ok()) else {
            continue;
        };
        if reached.insert(path.clone()) {
            open.extend(modules(&path, is_root, text).into_iter().map(|module| (module, false)));
        }
    }
    let dead = texts(files, ".rs").map(|(path, _)| path).filter(|path| !reached.contains(*path));
    dead.map(|path| format!("{path}: no `mod` leads to it")).collect()
}

/// Where the modules that a file declares may be.
fn modules(path: &str, is_root: bool, text: &str) -> Vec<String> {
    let stem = path.trim_end_matches(".rs");
    let owns_folder = is_root || stem.ends_with("/mod");
    let folder = if owns_folder { parent(path) } else { stem };
    let mut found = Vec::new();
    let mut attribute = None;
    for line in text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            attribute = Some(path);
        } else if let Some(name) = declared(line) {
            match attribute.take() {
                Some(at) => found.extend(join(parent(path), at)),
                None => found.extend([format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]),
            }
        }
    }
    found
}

/// The name in `mod name;`, whatever its visibility; rustfmt puts it on a line of its own.
fn declared(line: &str) -> Option<&str> {
    let rest = line.strip_suffix(';')?;
    let (before, name) = rest.rsplit_once("mod ")?;
    let is_plain = before.is_empty() || before.starts_with("pub") && before.ends_with(' ');
    (is_plain && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

/// Documents in `docs/` that neither README.md nor another document links.
pub fn documents(files: &Files) -> Vec<String> {
    let mut linked = BTreeSet::new();
    for (path, text) in texts(files, ".md") {
        let targets = super::mentions::links(text).filter_map(|link| join(parent(path), link));
        linked.extend(targets.filter(|target| target != path));
    }
    let dead = files.keys().filter(|path| path.starts_with("docs/") && !linked.contains(*path));
    dead.map(|path| format!("{path}: no other document links it")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn check(files: &[(&str, &str)], roots: &[&str], expected: &[&str]) {
        let dead = rust(&planted(files), roots.iter().copied());
        let expected: Vec<_> = expected.iter().map(|path| format!("{path}: no `mod` leads to it")).collect();
        assert_eq!(dead, expected);
    }

    #[test]
    fn a_file_that_no_module_leads_to_is_dead() {
        let lib = ("a/src/lib.rs", "mod one;\npub(crate) mod two;\n// mod old;\n");
        let live = [("a/src/one.rs", "mod deep;"), ("a/src/one/deep.rs", ""), ("a/src/two/mod.rs", "mod leaf;")];
        let rest = [("a/src/two/leaf.rs", ""), ("a/src/old.rs", ""), ("a/src/one/two.rs", "")];
        let files: Vec<_> = [lib].into_iter().chain(live).chain(rest).collect();
        check(&files, &["a/src/lib.rs"], &["a/src/old.rs", "a/src/one/two.rs"]);
    }

    #[test]
    fn a_path_attribute_leads_to_its_file() {
        let files = [("a/tests/all.rs", "#[path = \"../shared/net.rs\"]\nmod net;"), ("a/shared/net.rs", "")];
        check(&files, &["a/tests/all.rs"], &[]);
        check(&files, &[], &["a/shared/net.rs", "a/tests/all.rs"]);
    }

    #[test]
    fn a_document_that_only_links_itself_is_dead() {
        let check = |readme: &str, expected: &[&str]| {
            let files =
                [("README.md", readme), ("docs/wifi.md", "[here](wifi.md)"), ("docs/a.md", "[w](../README.md)")];
            let expected: Vec<_> = expected.iter().map(|path| format!("{path}: no other document links it")).collect();
            assert_eq!(documents(&planted(&files)), expected);
        };
        check("[w](docs/wifi.md#joining) [a](docs/a.md)", &[]);
        check("[a](./docs/a.md)", &["docs/wifi.md"]);
    }
}
