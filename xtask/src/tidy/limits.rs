//! Every limit of a no_std crate is named in one place: its `limits.rs`.

use super::{Files, texts};

/// The crates that run on devices.
const CRATES: [&str; 12] = [
    "board",
    "client",
    "device",
    "endpoint",
    "firmware-update",
    "resp",
    "server",
    "services",
    "tcp",
    "tcp-engine",
    "wifi",
    "wiring",
];
/// A driver of a sensor has the figures of its data sheet beside what uses them.
const DATA_SHEETS: &str = "crates/wiring/src/drivers/";
/// How the names of limits end.
const ENDINGS: [&str; 3] = ["_MAX", "_LEN", "_MS"];

/// Limits that are declared elsewhere.
pub fn faults(files: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    for name in CRATES {
        let folder = format!("crates/{name}/src/");
        let home = format!("{folder}limits.rs");
        let sources = texts(files, ".rs")
            .filter(|(path, _)| path.starts_with(&folder) && **path != home && !path.starts_with(DATA_SHEETS))
            .filter(|(path, _)| !path.ends_with("/tests.rs") && !path.contains("/tests/"));
        for (path, text) in sources {
            faults.extend(limits(text).map(|limit| format!("{path}: {limit} belongs into {home}")));
        }
    }
    faults
}

/// The limits that a file declares before its tests.
fn limits(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter_map(|line| {
        let line = line.trim_start();
        let declared =
            line.strip_prefix("const ").or_else(|| line.strip_prefix("pub")?.split_once("const ")?.1.into())?;
        let (name, _) = declared.split_once(':')?;
        ENDINGS.iter().any(|ending| name.ends_with(ending)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn check(path: &str, text: &str, expected: &[&str]) {
        let home = format!("{}/limits.rs", super::super::parent(path));
        let expected: Vec<_> = expected.iter().map(|limit| format!("{path}: {limit} belongs into {home}")).collect();
        assert_eq!(faults(&planted(&[(path, text)])), expected);
    }

    #[test]
    fn limits_outside_their_file_are_found() {
        let text = "const A_MAX: usize = 1;\npub const B_LEN: u8 = 2;\n    pub(crate) const C_MS: u64 = 3;\n";
        check("crates/tcp/src/table.rs", text, &["A_MAX", "B_LEN", "C_MS"]);
        check("crates/tcp/src/limits.rs", text, &[]);
        check("crates/sockeye/src/main.rs", text, &[]);
    }

    #[test]
    fn other_constants_and_tests_are_not_limits() {
        check(
            "crates/tcp/src/table.rs",
            "const MAX: u8 = 1;\nfn f<const N_MAX: usize>() {}\nstatic A_MAX: u8 = 1;",
            &[],
        );
        check("crates/tcp/src/table/tests.rs", "const A_MAX: u8 = 1;", &[]);
        check("crates/wifi/src/tests/random.rs", "const A_MAX: u8 = 1;", &[]);
        check("crates/tcp/src/table.rs", "#[cfg(test)]\nmod tests {\n    const A_MAX: u8 = 1;\n}", &[]);
    }
}
