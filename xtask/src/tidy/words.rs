//! Words that no file may contain: left-overs from work, and names that are true on one machine only. The words are put
//! together here, so that this file doesn't contain them either.

use super::{Files, texts};

/// Marks of unfinished work, and of debugging.
const LEFT_OVERS: [&str; 5] = [
    concat!("FIX", "ME"),
    concat!("TO", "DO"),
    concat!("todo", "!("),
    concat!("dbg", "!("),
    concat!("unimplemented", "!("),
];

/// Package registries: a file that names one breaks behind a mirror.
const REGISTRIES: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("registry.", "npmjs", ".org"),
    concat!("pypi", ".org"),
    concat!("files.", "python", "hosted.org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
];

/// Folders of one machine or one person.
const FOLDERS: [&str; 6] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot"),
    concat!("/wo", "rk"),
    concat!("/t", "mp"),
    concat!("/op", "t/"),
    concat!("/Us", "ers/"),
];

/// Lines that contain any of them. A Cargo.lock names the registry by its nature.
pub fn faults(files: &Files) -> Vec<String> {
    let mut faults = Vec::new();
    for (path, text) in texts(files, "").filter(|(path, _)| !path.ends_with("Cargo.lock")) {
        for (number, line) in text.lines().enumerate() {
            let words = LEFT_OVERS.iter().chain(&REGISTRIES).filter(|word| line.contains(**word));
            let folders = FOLDERS.iter().filter(|folder| names_folder(line, folder));
            faults.extend(words.chain(folders).map(|word| format!("{path}:{}: contains {word}", number + 1)));
        }
    }
    faults
}

/// Whether a path on this line starts with the folder; in the middle of a path or an address the name is harmless.
fn names_folder(line: &str, folder: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "._-~*}>".contains(c);
    line.match_indices(folder).any(|(at, _)| {
        let after = line[at + folder.len()..].chars().next();
        !line[..at].ends_with(part) && (folder.ends_with('/') || after.is_none_or(|c| !part(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;

    fn check(line: &str, is_fault: bool) {
        let found = faults(&planted(&[("a/file.rs", &format!("fine\n{line}\n"))]));
        assert_eq!(found.len(), usize::from(is_fault), "{line}: {found:?}");
        assert!(found.iter().all(|fault| fault.starts_with("a/file.rs:2: ")));
    }

    #[test]
    fn left_overs_registries_and_folders_are_found() {
        for word in LEFT_OVERS.iter().chain(&REGISTRIES) {
            check(&format!("// see {word} here"), true);
        }
        for folder in FOLDERS {
            check(&format!("cd {folder}"), true);
            check(&format!("let a = \"{}/b\";", folder.trim_end_matches('/')), true);
        }
    }

    #[test]
    fn the_same_letters_elsewhere_are_harmless() {
        for folder in FOLDERS {
            check(&format!("see https://a.example{folder}/b and a{folder}"), false);
        }
        check(concat!("GET /wo", "rker and /t", "mpl"), false);
        assert!(faults(&planted(&[("a/Cargo.lock", REGISTRIES[0])])).is_empty());
    }
}
