//! Code that runs on chips only can't be tested here, so it stays thin: wiring, and calls of drivers.

use super::{Files, texts};

/// The file of ceilings, and its table of those of this check.
const CEILINGS: &str = "ceilings.toml";
const TABLE: &str = "[chip_code]";
/// The code between the drivers in `sockeye-wiring` and the chip's pins, which has a ceiling of its own.
const WIRING: &str = "firmware/esp32/src/wiring";
/// The chip-only code, but for that.
const FOLDER: &str = "firmware/esp32/src/";

/// More lines than there may be, or a ceiling that has room.
pub fn faults(files: &Files) -> Vec<String> {
    let (mut wiring, mut rest) = (0, 0);
    for (path, text) in texts(files, ".rs").filter(|(path, _)| path.starts_with(FOLDER)) {
        *(if path.starts_with(WIRING) { &mut wiring } else { &mut rest }) += lines(text);
    }
    let ceilings = files.get(CEILINGS).and_then(|bytes| str::from_utf8(bytes).ok()).unwrap_or_default();
    let faults = [("wiring", WIRING, wiring), ("rest", FOLDER, rest)];
    faults.into_iter().flat_map(|(name, what, lines)| against(what, lines, ceiling(ceilings, name))).collect()
}

/// A ceiling of the table; 0 if it isn't there.
fn ceiling(text: &str, name: &str) -> usize {
    let table = text.split_once(TABLE).map_or("", |(_, table)| table);
    let mut rows =
        table.lines().skip(1).take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once('='));
    rows.find(|(key, _)| key.trim() == name).and_then(|(_, number)| number.trim().parse().ok()).unwrap_or(0)
}

fn against(what: &str, lines: usize, max: usize) -> Vec<String> {
    if lines > max {
        let why = "what decides something belongs into a library crate, where it is tested";
        return vec![format!("{what}: {lines} lines of code, over {max}: {why}")];
    }
    // A few lines come and go.
    if lines + 20 < max {
        return vec![format!("{what}: {lines} lines of code; the ceiling of {max} in {CEILINGS} has room")];
    }
    Vec::new()
}

/// Lines of code, without imports, blank ones, and those that are only a comment.
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
        assert!(against("x", 100, 100).is_empty() && against("x", 80, 100).is_empty());
        assert!(against("x", 101, 100)[0].contains("101 lines of code, over 100"));
        assert!(against("x", 79, 100)[0].contains("has room"));
    }

    #[test]
    fn each_folder_has_its_ceiling() {
        let ceilings = "[other]\nrest = 9\n[chip_code]\n# Why.\nrest = 2\nwiring = 3\n[more]\nwiring = 9\n";
        let check = |wiring: usize, rest: usize| {
            let (wiring, rest) = ("x\n".repeat(wiring), "x\n".repeat(rest));
            let files = [
                (CEILINGS, ceilings),
                ("firmware/esp32/src/wiring.rs", "x\n"),
                ("firmware/esp32/src/wiring/i2c.rs", &wiring),
                ("firmware/esp32/src/bin/hello.rs", &rest),
                ("crates/board/src/air.rs", "x\nx\nx\nx\n"),
            ];
            faults(&planted(&files)).len()
        };
        assert_eq!([check(2, 2), check(3, 2), check(2, 3), check(3, 3)], [0, 1, 1, 2]);
    }
}
