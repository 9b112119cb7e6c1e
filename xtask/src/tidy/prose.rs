//! The rules of prose (CONTRIBUTING.md) that a program can hold.

use super::comments::Sentence;

/// The most words of a sentence.
const WORDS_MAX: usize = 25;
/// Starts of the paths whose prose is not mended yet.
const NOT_YET: [&str; 8] = [
    "crates/parts/",
    "crates/tcp-engine/",
    "crates/tcp/",
    "crates/wiring/",
    "docs/tcp.md",
    "docs/upstream.md",
    "docs/wiring.md",
    "firmware/",
];

/// Sentences that are too long, and paths that need no exception any more.
pub fn faults(sentences: &[Sentence]) -> Vec<String> {
    against(sentences, &NOT_YET)
}

fn against(sentences: &[Sentence], not_yet: &[&str]) -> Vec<String> {
    let long: Vec<_> = sentences.iter().filter(|sentence| sentence.words.len() > WORDS_MAX).collect();
    let is_excepted = |path: &str| not_yet.iter().any(|start| path.starts_with(start));
    let mut faults = Vec::new();
    for Sentence { path, line, words } in long.iter().filter(|sentence| !is_excepted(&sentence.path)) {
        let text = words.join(" ");
        faults.push(format!("{path}:{line}: a sentence of {} words, more than {WORDS_MAX}: {text}", words.len()));
    }
    let unneeded = not_yet.iter().filter(|start| !long.iter().any(|sentence| sentence.path.starts_with(*start)));
    faults.extend(unneeded.map(|start| format!("xtask/src/tidy/prose.rs: {start} needs no exception any more")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::comments::sentences;
    use crate::tidy::planted;

    fn check(path: &str, text: &str, not_yet: &[&str], expected: &[&str]) {
        assert_eq!(against(&sentences(&planted(&[(path, text)])), not_yet), expected);
    }

    #[test]
    fn sentences_that_are_too_long_are_found() {
        let words = ["word"; WORDS_MAX].join(" ");
        check("a.md", &format!("Short. {words}. {words}."), &[], &[]);
        let fault = format!("a.rs:2: a sentence of 26 words, more than 25: {words} word.");
        check("a.rs", &format!("/// Short.\n/// {words} word.\nfn a() {{}}\n"), &[], &[&fault]);
    }

    #[test]
    fn an_exception_that_is_not_needed_is_found() {
        let long = ["word"; WORDS_MAX + 1].join(" ");
        check("a/b.md", &long, &["a/"], &[]);
        check("a/b.md", "Short.", &["a/"], &["xtask/src/tidy/prose.rs: a/ needs no exception any more"]);
    }
}
