//! Things that the documents name must exist: paths, in links and in backticks, and jobs of `cargo xtask`.

use super::{Files, has, join, parent, texts};

/// The start of a job's mention, before the job's name.
const JOB: &str = "cargo xtask ";

/// Links and paths that lead nowhere.
pub fn paths(files: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    for (document, text) in texts(files, ".md") {
        let folder = parent(document);
        let exists = |folder: &str, path: &str| join(folder, path).is_some_and(|path| has(files, &path));
        for link in links(text).filter(|link| !exists(folder, link)) {
            faults.push(format!("{document}: the link {link} leads nowhere"));
        }
        let named = code_spans(text).filter(|span| is_path(files, span));
        for path in named.filter(|path| !exists("", path) && !exists(folder, path)) {
            faults.push(format!("{document}: there is no {path}"));
        }
    }
    faults
}

/// Jobs that `cargo xtask` doesn't have, in documents and in the sources' comments and messages.
pub fn jobs(files: &Files, known: &[String]) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in [".md", ".rs", ".js", ".ci/run"].into_iter().flat_map(|ending| texts(files, ending)) {
        for mention in text.split(JOB).skip(1) {
            let end = mention.find(|c: char| !c.is_ascii_lowercase() && c != '-').unwrap_or(mention.len());
            let job = &mention[..end];
            // Upper case stands for any job, and a quote or a backtick ends a mention of none.
            if !job.is_empty() && !known.iter().any(|name| name == job) {
                faults.push(format!("{path}: there is no job {JOB}{job}"));
            }
        }
    }
    faults
}

/// The links into this tree, without their anchors.
pub fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    inside.map(|target| target.split('#').next().unwrap_or_default()).filter(|target| !target.is_empty())
}

/// The text in backticks, outside of fenced blocks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("\n```").enumerate().filter(|(index, _)| index % 2 == 0).map(|(_, block)| block);
    blocks.flat_map(|block| block.lines()).flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// Whether it looks like a path of this tree: below one of the root's folders, or a document.
fn is_path(files: &Files, span: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if !span.chars().all(plain) {
        return false;
    }
    let below_root = span.split_once('/').is_some_and(|(top, _)| !top.is_empty() && has(files, top));
    below_root || span.ends_with(".md")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn check(document: &str, expected: &[&str]) {
        let files = [("docs/wifi.md", document), ("README.md", ""), ("crates/tcp/src/lib.rs", "")];
        let expected: Vec<_> = expected.iter().map(|fault| format!("docs/wifi.md: {fault}")).collect();
        assert_eq!(paths(&planted(&files)), expected);
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        check("[a](../README.md) [b](wifi.md#top) [c](#top) [d](https://a.example/b.md)", &[]);
        check("[a](README.md)", &["the link README.md leads nowhere"]);
        check("[a](../../README.md)", &["the link ../../README.md leads nowhere"]);
    }

    #[test]
    fn paths_in_backticks_that_lead_nowhere_are_found() {
        check("`crates/tcp/`, `crates/tcp/src/lib.rs`, `wifi.md`, `README.md`", &[]);
        check("`crates/udp` and `PLAN.md`", &["there is no crates/udp", "there is no PLAN.md"]);
        check("`firmware/*`, `read/write`, `+OK`, `target/images/a.bin`", &[]);
        check("text\n```\n`crates/udp`\n```\n`crates/ftp`", &["there is no crates/ftp"]);
    }

    #[test]
    fn jobs_that_do_not_exist_are_found() {
        let text = format!("`{JOB}test`, `{JOB}JOB`, `cargo xtask`, `{JOB}tset`, run `{JOB}image esp32c3`");
        let faults = jobs(&planted(&[("README.md", &text)]), &["test".to_owned(), "image".to_owned()]);
        assert_eq!(faults, [format!("README.md: there is no job {JOB}tset")]);
    }
}
