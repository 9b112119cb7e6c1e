//! What runs on chips only can't be tested here, so it stays thin: wiring, and calls of drivers.

use super::{Files, texts};

/// The chip-only code.
const FOLDER: &str = "firmware/esp32/src/";
/// Lines of it, without imports, blank ones, and those that are only a comment. It rises only for what a chip alone can do.
const LINES_MAX: usize = 691;

/// More lines than there may be, or a ceiling that has room.
pub fn faults(files: &Files) -> Vec<String> {
    let lines = texts(files, ".rs").filter(|(path, _)| path.starts_with(FOLDER)).map(|(_, text)| lines(text)).sum();
    against(lines, LINES_MAX)
}

fn against(lines: usize, max: usize) -> Vec<String> {
    if lines > max {
        let why = "what decides something belongs into a library crate, where it is tested";
        return vec![format!("{FOLDER}: {lines} lines of code, over {max}: {why}")];
    }
    // A few lines come and go.
    if lines + 20 < max {
        return vec![format!(
            "{FOLDER}: {lines} lines of code; the ceiling of {max} in xtask/src/tidy/thin.rs has room"
        )];
    }
    Vec::new()
}

fn lines(text: &str) -> usize {
    let mut in_import = false;
    let is_code = |line: &&str| {
        in_import |= ["use ", "pub use "].iter().any(|start| line.starts_with(start));
        let is_import = in_import;
        in_import &= !line.contains(';');
        !(is_import || line.is_empty() || line.starts_with("//"))
    };
    text.lines().map(str::trim).filter(is_code).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    #[test]
    fn only_code_counts() {
        let code = "//! What it is.\n\n/// What it does.\nfn f() { // why\n    // why\n    g()\n}\n";
        assert_eq!(lines(code), 3);
        let imports = "use a::b; // why\npub use a::{\n    b, c,\n    d,\n};\nuser();\n";
        assert_eq!(lines(imports), 1);
    }

    #[test]
    fn the_ceiling_is_neither_broken_nor_far() {
        assert!(against(100, 100).is_empty() && against(80, 100).is_empty());
        assert!(against(101, 100)[0].contains("101 lines of code, over 100"));
        assert!(against(79, 100)[0].contains("has room"));
    }

    #[test]
    fn only_that_folder_counts() {
        let long = "x\n".repeat(LINES_MAX + 1);
        assert_eq!(faults(&planted(&[("firmware/esp32/src/bin/hello.rs", &long)])).len(), 1);
        let elsewhere = faults(&planted(&[("crates/board/src/air.rs", &long)]));
        assert!(elsewhere.iter().all(|fault| fault.contains("has room")), "{elsewhere:?}");
    }
}
