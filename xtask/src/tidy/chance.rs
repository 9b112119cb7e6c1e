//! Random numbers and the time of day in tests: a test that has them may pass by luck.

use super::{Files, texts};

/// The sources of numbers that nobody has chosen, and their substitutes.
const CHANCE: [(&str, &str); 6] = [
    ("fastrand::Rng::new()", "a seed"),
    ("getrandom::", "a seed"),
    ("RandomState", "a map in order"),
    ("SystemTime::now", "a time as an argument"),
    ("thread_rng", "a seed"),
    ("OsRng", "a seed"),
];
/// The functions of fastrand's own generator, which begins anew in each process: `fastrand::u8(..)`.
const OWN_GENERATOR: &str = "fastrand::";
/// Folders of which all code is a test's.
const SIMULATED: [&str; 3] = ["simulation/", "crates/sim-radio/", "crates/parts/"];
/// The line before the tests of a file.
const TESTS_BEGIN: &str = "#[cfg(test)]";
/// This rule, which names all of it.
const OWN_FILE: &str = "xtask/src/tidy/chance.rs";

/// One line for each place.
pub fn faults(files: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in texts(files, ".rs").filter(|(path, _)| *path != OWN_FILE) {
        let is_test = path.contains("/tests/")
            || path.ends_with("/tests.rs")
            || SIMULATED.iter().any(|folder| path.starts_with(folder));
        let begin = if is_test { Some(0) } else { text.lines().position(|line| line.trim() == TESTS_BEGIN) };
        let Some(begin) = begin else { continue };
        for (number, line) in text.lines().enumerate().skip(begin) {
            if let Some((what, instead)) = chance(line) {
                faults.push(format!("{path}:{}: {what} in a test, which may pass by luck: use {instead}", number + 1));
            }
        }
    }
    faults
}

/// The source of chance in a line, and its substitute; None if there is none.
fn chance(line: &str) -> Option<(&'static str, &'static str)> {
    let known = CHANCE.into_iter().find(|(what, _)| line.contains(what));
    let is_own = || {
        let mut calls = line.split(OWN_GENERATOR).skip(1);
        calls.any(|call| call.starts_with(|first: char| first.is_ascii_lowercase()))
    };
    known.or_else(|| is_own().then_some(("fastrand's own generator", "a seed")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    #[test]
    fn chance_is_found_in_tests_only() {
        let draw = "let port = fastrand::u16(..);\n";
        let beside = format!("{draw}#[cfg(test)]\nmod tests {{\n{draw}}}\n");
        let files = [
            ("crates/a/src/lib.rs", beside.as_str()),
            ("crates/a/src/b.rs", draw),
            ("crates/a/src/b/tests.rs", draw),
            ("crates/a/tests/c.rs", draw),
            ("crates/parts/src/d.rs", "let now = SystemTime::now();"),
            ("simulation/src/e.rs", "fastrand::Rng::with_seed(1)"),
        ];
        let faults = faults(&planted(&files));
        let places: Vec<_> = faults.iter().filter_map(|fault| fault.split(": ").next()).collect();
        assert_eq!(
            places,
            ["crates/a/src/b/tests.rs:1", "crates/a/src/lib.rs:4", "crates/a/tests/c.rs:1", "crates/parts/src/d.rs:1"]
        );
    }

    #[test]
    fn each_kind_is_found() {
        for (what, _) in CHANCE {
            assert!(chance(&format!("let it = {what};")).is_some(), "{what}");
        }
        assert!(chance("fastrand::shuffle(&mut it)").is_some());
        assert!(chance("random: fastrand::Rng,").is_none());
    }
}
