//! ARCHITECTURE.md says where things are: each row of "Where is" names a file and what to look for in it.

use super::{Files, texts};

/// The document and its section.
const DOCUMENT: &str = "ARCHITECTURE.md";
const SECTION: &str = "## Where is";
/// The fewest rows that answer anything.
const ROWS_MIN: usize = 15;
/// The section that says how the product is extended, and what it has a paragraph for.
const HOW_TO_ADD: &str = "## How to add";
const ADDED: [&str; 4] = ["a command", "a sensor", "a board", "a setting"];
/// The keywords that declare a name.
const KEYWORDS: [&str; 8] = ["fn", "struct", "enum", "trait", "const", "static", "type", "macro_rules!"];

/// Rows whose file or name is not there, and too few of them.
pub fn faults(files: &Files) -> Vec<String> {
    let document = texts(files, DOCUMENT).find(|(path, _)| *path == DOCUMENT).map_or("", |(_, text)| text);
    let mut faults = Vec::new();
    let rows = rows(section(document, SECTION));
    if rows.len() < ROWS_MIN {
        faults.push(format!("{DOCUMENT}: \"{SECTION}\" has {} rows, fewer than {ROWS_MIN}", rows.len()));
    }
    for (question, file, name) in rows {
        let text = texts(files, file).find(|(path, _)| *path == file).map(|(_, text)| text);
        let missing = match text {
            None => Some("that file is not there".to_owned()),
            Some(text) => {
                let unknown = name.split("::").find(|name| !declares(text, name));
                unknown.map(|name| format!("it declares no {name}"))
            }
        };
        faults.extend(missing.map(|missing| format!("{DOCUMENT}: {question} {file}: {missing}")));
    }
    let how = section(document, HOW_TO_ADD).to_lowercase();
    let missing = ADDED.iter().filter(|what| !how.contains(&format!("**{what}**")));
    faults.extend(missing.map(|what| format!("{DOCUMENT}: \"{HOW_TO_ADD}\" does not say how to add {what}")));
    faults
}

/// The text of a section, without its heading.
fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let after = document.split_once(&format!("\n{heading}")).map_or("", |(_, after)| after);
    let body = after.split_once('\n').map_or("", |(_, body)| body);
    body.split("\n## ").next().unwrap_or_default()
}

/// Question, file and name of each row. File and name stand in backticks.
fn rows(section: &str) -> Vec<(&str, &str, &str)> {
    let rows = section.lines().filter_map(cells).filter(|[_, file, _]| file.starts_with('`'));
    rows.map(|[question, file, name]| (question, file.trim_matches('`'), name.trim_matches('`'))).collect()
}

/// The first three cells of a table's row.
fn cells(line: &str) -> Option<[&str; 3]> {
    let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
    Some([cells.next()?, cells.next()?, cells.next()?])
}

/// Whether the file declares this name.
fn declares(text: &str, name: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    KEYWORDS.iter().any(|keyword| {
        let declaration = format!("{keyword} {name}");
        text.match_indices(&declaration).any(|(at, _)| is_end(&text[at + declaration.len()..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn check(row: &str, expected: &[&str]) {
        let rows = "| How long? | `a.rs` | `Server::run` |\n".repeat(ROWS_MIN - 1);
        let how: String = ADDED.iter().map(|what| format!("**{what}**: so.\n")).collect();
        let document = format!(
            "# Map\n\n{SECTION} ...\n\n| what | file | name |\n|---|---|---|\n{rows}{row}\n\n{HOW_TO_ADD}\n\n{how}"
        );
        let files = [
            (DOCUMENT, document.as_str()),
            ("a.rs", "pub struct Server;\nimpl Server {\n    pub async fn run(&self) {}\n}"),
        ];
        assert_eq!(faults(&planted(&files)), expected);
    }

    #[test]
    fn a_row_that_is_no_longer_true_is_found() {
        check("| Who? | `a.rs` | `run` |", &[]);
        check("| Who? | `b.rs` | `run` |", &["ARCHITECTURE.md: Who? b.rs: that file is not there"]);
        check("| Who? | `a.rs` | `runs` |", &["ARCHITECTURE.md: Who? a.rs: it declares no runs"]);
        check("| Who? | `a.rs` | `ru` |", &["ARCHITECTURE.md: Who? a.rs: it declares no ru"]);
        check("| Who? | `a.rs` | `Client::run` |", &["ARCHITECTURE.md: Who? a.rs: it declares no Client"]);
    }

    #[test]
    fn too_few_rows_and_missing_paragraphs_are_found() {
        check("", &["ARCHITECTURE.md: \"## Where is\" has 14 rows, fewer than 15"]);
        assert_eq!(faults(&planted(&[(DOCUMENT, "# Map")])).len(), 1 + ADDED.len());
    }
}
