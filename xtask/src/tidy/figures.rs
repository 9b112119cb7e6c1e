//! Figures of cost stand in one document, which the bench makes: a figure elsewhere would soon be wrong.

use super::{Files, texts};

/// The document that the bench makes.
const HOME: &str = "docs/performance.md";
/// The units of figures of cost.
const UNITS: [&str; 4] = ["instructions", "requests/s", "requests per second", "% of Redis"];

/// Figures in other documents.
pub fn faults(files: &Files) -> Vec<String> {
    let documents = texts(files, ".md").filter(|(path, _)| *path != HOME);
    let quoting =
        documents.flat_map(|(path, text)| text.lines().enumerate().map(move |(at, line)| (path, at + 1, line)));
    let quoting = quoting.filter(|(.., line)| UNITS.iter().any(|unit| quotes(line, unit)));
    quoting.map(|(path, line, _)| format!("{path}:{line}: quotes a figure; {HOME} has them")).collect()
}

/// Whether a number stands before the unit.
fn quotes(line: &str, unit: &str) -> bool {
    let before = |at: usize| line[..at].trim_end().chars().next_back();
    line.match_indices(unit).any(|(at, _)| before(at).is_some_and(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    #[test]
    fn figures_outside_their_document_are_found() {
        let text = "fine\nA request takes 3,500 instructions.\n";
        assert_eq!(faults(&planted(&[("README.md", text)])).len(), 1);
        assert!(faults(&planted(&[(HOME, text)])).is_empty());
        for line in ["some instructions", "95 % of Redis", "`cargo xtask instructions`"] {
            assert_eq!(faults(&planted(&[("README.md", line)])).len(), usize::from(line.starts_with('9')), "{line}");
        }
    }
}
