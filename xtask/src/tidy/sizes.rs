//! Files that grew too long: ask them what they hide.

use super::Files;

/// Lines of a source file.
const LINES_MAX: usize = 600;
/// Bytes of any file.
const BYTES_MAX: usize = 256 * 1024;

/// Source files that may be longer, and how long they may be; that number may only fall.
const LONGER: [(&str, usize); 0] = [];

/// Files over their limit, and exceptions that nobody needs any more.
pub fn faults(files: &Files) -> Vec<String> {
    against(files, &LONGER)
}

fn against(files: &Files, longer: &[(&str, usize)]) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, bytes) in files {
        if bytes.len() > BYTES_MAX {
            faults.push(format!("{path}: {} bytes, over {BYTES_MAX}", bytes.len()));
        }
        let max = longer.iter().find(|(name, _)| name == path).map_or(LINES_MAX, |(_, max)| *max);
        let lines = lines(path, bytes);
        if lines > max {
            faults.push(format!("{path}: {lines} lines, over {max}"));
        }
    }
    for (path, max) in longer {
        let lines = files.get(*path).map_or(0, |bytes| lines(path, bytes));
        if lines <= LINES_MAX {
            faults.push(format!("{path}: needs no exception of {max} lines any more"));
        }
    }
    faults
}

fn lines(path: &str, bytes: &[u8]) -> usize {
    let is_source = path.ends_with(".rs") || path.ends_with(".js");
    if is_source { bytes.iter().filter(|byte| **byte == b'\n').count() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn check(path: &str, lines: usize, longer: &[(&str, usize)], expected: &[&str]) {
        assert_eq!(against(&planted(&[(path, &"x\n".repeat(lines))]), longer), expected);
    }

    #[test]
    fn long_sources_and_large_files_are_found() {
        check("a.rs", 600, &[], &[]);
        check("a.rs", 601, &[], &["a.rs: 601 lines, over 600"]);
        check("a.js", 601, &[], &["a.js: 601 lines, over 600"]);
        check("Cargo.lock", 131_072, &[], &[]);
        check("Cargo.lock", 131_073, &[], &["Cargo.lock: 262146 bytes, over 262144"]);
    }

    #[test]
    fn an_exception_only_shrinks() {
        check("a.rs", 700, &[("a.rs", 700)], &[]);
        check("a.rs", 701, &[("a.rs", 700)], &["a.rs: 701 lines, over 700"]);
        check("a.rs", 600, &[("a.rs", 700)], &["a.rs: needs no exception of 700 lines any more"]);
    }
}
