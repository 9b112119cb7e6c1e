//! The demands of RFC 9293 that docs/tcp.md lists: all of them, each with a test or with a reason. Every test that the
//! document names exists.

use super::{Files, texts};

const DOCUMENT: &str = "docs/tcp.md";
/// Appendix B has MUST-1 to this one.
const DEMANDS: usize = 69;

/// Demands that are missing or out of order, and rows that show nothing.
pub fn faults(files: &Files) -> Vec<String> {
    let Some(text) = files.get(DOCUMENT).and_then(|bytes| str::from_utf8(bytes).ok()) else {
        return vec![format!("{DOCUMENT} is missing")];
    };
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| MUST-")).map(cells).collect();
    let mut faults: Vec<_> = (1..=DEMANDS)
        .map(|number| format!("MUST-{number}"))
        .enumerate()
        .filter(|(index, name)| rows.get(*index).and_then(|row| row.first()) != Some(&name.as_str()))
        .map(|(_, name)| format!("{DOCUMENT}: {name} is missing or not at its place"))
        .collect();
    if rows.len() > DEMANDS {
        faults.push(format!("{DOCUMENT}: {} demands, of {DEMANDS}", rows.len()));
    }
    faults.extend(rows.iter().filter_map(|row| fault(row)));
    let missing = text.lines().flat_map(tests).filter(|test| !has_test(files, test));
    faults.extend(missing.map(|test| format!("{DOCUMENT}: {test} is no test")));
    faults
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The names of tests in a line: words in backticks with two underscores or more.
fn tests(line: &str) -> impl Iterator<Item = &str> {
    let is_name = |word: &&str| word.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(move |word| is_name(word) && word.matches('_').count() >= 2)
}

fn fault(row: &[&str]) -> Option<String> {
    let &[name, _, state, shown] = row else {
        return Some(format!("{DOCUMENT}: a row has {} cells", row.len()));
    };
    let is_right = match state {
        "met" => tests(shown).next().is_some(),
        "caller" | "absent" => !shown.is_empty(),
        _ => false,
    };
    (!is_right).then(|| format!("{DOCUMENT}: {name} is {state:?} and shows nothing"))
}

/// Whether there is a test of this name, or a case of the conformance suite.
fn has_test(files: &Files, name: &str) -> bool {
    let (heading, case) = (format!("#[test]\nfn {name}()"), format!("Case::on_tap(\"{name}\", {name})"));
    texts(files, ".rs").any(|(_, text)| text.contains(&case) || text.replace("\n    ", "\n").contains(&heading))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    /// All demands, with this row for the seventh.
    fn check(seventh: &str, expected: Option<&str>) {
        let row = |number: usize| match number {
            7 => seventh.to_owned(),
            _ => format!("| MUST-{number} | x | met | `it_works_well` |"),
        };
        let document = (1..=DEMANDS).map(row).collect::<Vec<_>>().join("\n");
        let source = "mod tests {\n    #[test]\n    fn it_works_well() {}\n}\nfn it_only_helps() {}";
        let faults = faults(&planted(&[(DOCUMENT, &document), ("a/src/lib.rs", source)]));
        match expected {
            None => assert!(faults.is_empty(), "{faults:?}"),
            Some(part) => assert!(faults.iter().any(|fault| fault.contains(part)), "{faults:?}"),
        }
    }

    #[test]
    fn a_demand_without_a_test_or_a_reason_is_found() {
        check("| MUST-7 | x | met | `it_works_well` |", None);
        check("| MUST-7 | x | caller | `it_works_well` |", None);
        check("| MUST-7 | x | absent | nobody asks |", None);
        check("| MUST-7 | x | met | it works |", Some("shows nothing"));
        check("| MUST-7 | x | absent | |", Some("shows nothing"));
        check("| MUST-7 | x | maybe | `it_works_well` |", Some("shows nothing"));
        check("| MUST-7 | x | met | `it_only_helps` |", Some("no test"));
        check("| MUST-7 | x | absent | as `nothing_at_all` has it |", Some("no test"));
        check("| MUST-8 | x | met | `it_works_well` |", Some("MUST-7 is missing"));
        check("| MUST-7 | x | met |", Some("cells"));
    }
}
