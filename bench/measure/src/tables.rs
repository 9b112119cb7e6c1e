//! Tables of figures, as the documents have them.

use std::collections::BTreeMap;
use std::fmt::Write;

/// A table with a column for each row, and the rows of all of them, Sockeye's first.
pub fn transposed(head: &str, columns: &BTreeMap<String, BTreeMap<String, u64>>) -> String {
    let mut names: Vec<_> = columns.values().flat_map(|column| column.keys()).collect();
    names.sort_unstable_by_key(|name| (!name.starts_with("sockeye"), *name));
    names.dedup();
    let heads = columns.keys().map(String::as_str).collect::<Vec<_>>().join(" | ");
    let mut text = format!("| {head} | {heads} |\n|---|{}\n", "---:|".repeat(columns.len()));
    for name in names {
        let cells = columns.values().map(|column| column.get(name).map_or("-".to_owned(), |value| grouped(*value)));
        let _ = writeln!(text, "| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

/// A number with a comma after each thousand.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
