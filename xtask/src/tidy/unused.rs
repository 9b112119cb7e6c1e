//! Public declarations that no code but tests uses. The compiler finds unused private ones; a public one it keeps for
//! others, and the others are all in this tree.
//!
//! A declaration counts as used if its name stands in code that is not a test, in any crate, or in the documentation's
//! examples. The name may be that of another thing, so a declaration that is found here is dead for sure.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{ImplItem, Item, TraitItem, Visibility};

use super::sources::{Source, attributes, is_test};

/// The crates whose declarations are looked at.
const LIBRARIES: &str = "crates/";
/// Crates that only test.
const TESTS: [&str; 7] =
    ["crates/conformance", "crates/parts", "crates/sim-radio", "fuzz", "simulation", "tests/", "bench/"];
/// Crates that no program uses yet: nothing of such a crate is looked at.
const NOT_YET_USED: [&str; 1] = ["crates/tcp-engine"];
/// Declarations that are kept although nothing here uses them, and their users.
const EXCEPTIONS: [(&str, &str); 4] = [
    ("crates/device: HISTORY_SIZE_MAX", "the table of sizes in the documentation of that file"),
    ("crates/resp: ReplyWriter::boolean", "servers that answer in RESP3"),
    ("crates/resp: ReplyWriter::double", "servers that answer in RESP3"),
    ("crates/resp: ReplyWriter::verbatim", "servers that answer in RESP3"),
];

/// One line for each declaration that nothing uses, and for each exception that nobody needs any more.
pub fn faults(sources: &[Source]) -> Vec<String> {
    against(sources, &EXCEPTIONS)
}

fn against(sources: &[Source], exceptions: &[(&str, &str)]) -> Vec<String> {
    let is_test = |source: &&Source| TESTS.iter().any(|folder| source.path.starts_with(folder));
    let mut mentions = BTreeSet::new();
    for source in sources.iter().filter(|source| !is_test(source)) {
        source.items.iter().for_each(|item| mentioned(item, &mut mentions));
        let words = source.examples.split(|c: char| !c.is_alphanumeric() && c != '_');
        mentions.extend(words.map(str::to_owned));
    }
    let mut faults = Vec::new();
    let mut needed = BTreeSet::new();
    for source in sources.iter().filter(|source| source.path.starts_with(LIBRARIES) && !is_test(source)) {
        if NOT_YET_USED.contains(&source.crate_folder.as_str()) {
            continue;
        }
        for (path, name) in source.items.iter().flat_map(declared) {
            if mentions.contains(&name) {
                continue;
            }
            let full = format!("{}: {path}", source.crate_folder);
            match exceptions.iter().find(|(known, _)| *known == full) {
                Some((known, _)) => {
                    needed.insert(*known);
                }
                None => faults.push(format!("{}: nothing but tests uses {path}", source.path)),
            }
        }
    }
    let unneeded = exceptions.iter().filter(|(known, _)| !needed.contains(known));
    faults.extend(unneeded.map(|(known, _)| format!("xtask/src/tidy/unused.rs: {known} needs no exception any more")));
    faults
}

/// The public declarations of an item: how a reader names each, and its name.
fn declared(item: &Item) -> Vec<(String, String)> {
    let plain = |visibility: &Visibility, ident: &syn::Ident| match visibility {
        Visibility::Public(_) => vec![(ident.to_string(), ident.to_string())],
        _ => Vec::new(),
    };
    match item {
        Item::Const(item) => plain(&item.vis, &item.ident),
        Item::Enum(item) => plain(&item.vis, &item.ident),
        Item::Fn(item) => plain(&item.vis, &item.sig.ident),
        Item::Static(item) => plain(&item.vis, &item.ident),
        Item::Struct(item) => plain(&item.vis, &item.ident),
        Item::Trait(item) => {
            let mut declared = plain(&item.vis, &item.ident);
            declared.extend(item.items.iter().filter_map(|inner| match inner {
                TraitItem::Fn(function) => {
                    Some((format!("{}::{}", item.ident, function.sig.ident), function.sig.ident.to_string()))
                }
                _ => None,
            }));
            declared
        }
        Item::Type(item) => plain(&item.vis, &item.ident),
        // A trait's own functions are called through it.
        Item::Impl(item) if item.trait_.is_none() => {
            let of = last_ident(item.self_ty.to_token_stream());
            let inner = item.items.iter().filter_map(|inner| match inner {
                ImplItem::Fn(function) if !is_test(&function.attrs) => Some((&function.vis, &function.sig.ident)),
                ImplItem::Const(constant) => Some((&constant.vis, &constant.ident)),
                _ => None,
            });
            let inner = inner.flat_map(|(visibility, ident)| plain(visibility, ident));
            inner.map(|(_, name)| (format!("{of}::{name}"), name)).collect()
        }
        _ => Vec::new(),
    }
}

/// A type's name, without what it is generic over.
fn last_ident(tokens: TokenStream) -> String {
    let mut last = String::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => last = ident.to_string(),
            TokenTree::Punct(punct) if punct.as_char() == '<' => break,
            _ => {}
        }
    }
    last
}

/// The names that an item's code mentions. A declaration does not mention itself, and neither do a re-export, nor the
/// implementation of a type or trait.
fn mentioned(item: &Item, mentions: &mut BTreeSet<String>) {
    if is_test(attributes(item)) {
        return;
    }
    match item {
        Item::Use(_) => {}
        Item::Impl(item) => {
            names(item.generics.to_token_stream(), mentions);
            names(item.generics.where_clause.to_token_stream(), mentions);
            for inner in &item.items {
                let attributes = match inner {
                    ImplItem::Fn(function) => &function.attrs[..],
                    _ => &[],
                };
                if !is_test(attributes) {
                    names(inner.to_token_stream(), mentions);
                }
            }
        }
        Item::Mod(module) => {
            module.content.iter().flat_map(|(_, items)| items).for_each(|item| mentioned(item, mentions));
        }
        item => names(item.to_token_stream(), mentions),
    }
}

/// All names in the tokens but those that they declare.
fn names(tokens: TokenStream, mentions: &mut BTreeSet<String>) {
    const DECLARE: [&str; 9] = ["fn", "struct", "enum", "const", "static", "trait", "type", "mod", "union"];
    let mut declares = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => names(group.stream(), mentions),
            TokenTree::Ident(ident) => {
                let ident = ident.to_string();
                let is_keyword = DECLARE.contains(&ident.as_str());
                if !declares {
                    mentions.insert(ident);
                }
                // `const fn` declares what follows `fn`.
                declares = is_keyword;
                continue;
            }
            _ => {}
        }
        declares = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::planted;
    use crate::tidy::sources::sources;

    fn check(files: &[(&str, &str)], expected: &[&str]) {
        assert_eq!(against(&sources(&planted(files)), &[]), expected);
    }

    const USER: (&str, &str) = ("firmware/x/src/main.rs", "fn main() { used(); a.call(); assert!(B::C == 1); }");

    #[test]
    fn a_public_declaration_that_nothing_uses_is_found() {
        let code = "pub fn used() {}\npub fn unused() { }\npub const LOST: u8 = 1;\nfn private() {}";
        let faults =
            ["crates/a/src/lib.rs: nothing but tests uses unused", "crates/a/src/lib.rs: nothing but tests uses LOST"];
        check(&[USER, ("crates/a/src/lib.rs", code)], &faults);
    }

    #[test]
    fn functions_of_types_and_traits_are_looked_at_too() {
        let code = "pub(crate) struct B;\nimpl B { pub const C: u8 = 1; pub fn call(&self) {} pub fn idle(&self) {} }\n\
                    trait T { fn never(&self); }\nimpl T for B { fn never(&self) {} }";
        let faults = [
            "crates/a/src/lib.rs: nothing but tests uses B::idle",
            "crates/a/src/lib.rs: nothing but tests uses T::never",
        ];
        check(&[USER, ("crates/a/src/lib.rs", code)], &faults);
    }

    #[test]
    fn tests_and_re_exports_are_no_use() {
        let fault = ["crates/a/src/b.rs: nothing but tests uses lone"];
        let code = ("crates/a/src/b.rs", "pub fn lone() {}\n#[cfg(test)]\nmod tests { fn t() { super::lone() } }");
        check(&[USER, code, ("crates/a/src/lib.rs", "pub use b::lone;")], &fault);
        check(&[USER, code, ("simulation/src/lib.rs", "fn f() { lone() }")], &fault);
        check(&[USER, code, ("crates/c/src/lib.rs", "fn f() { a::lone() }")], &[]);
        check(&[USER, code, ("crates/c/src/lib.rs", "//! ```\n//! a::lone();\n//! ```\n")], &[]);
        check(&[USER, code, ("crates/c/src/lib.rs", "//! Not `lone`.")], &fault);
        let only_for_tests = "#[cfg(test)]\npub fn helper() {}";
        check(&[USER, ("crates/a/src/lib.rs", only_for_tests)], &[]);
    }

    #[test]
    fn an_exception_that_nobody_needs_is_found() {
        let sources = sources(&planted(&[USER, ("crates/a/src/lib.rs", "pub fn lone() {}")]));
        assert!(against(&sources, &[("crates/a: lone", "why")]).is_empty());
        assert_eq!(against(&sources, &[("crates/a: lone", "why"), ("crates/a: used", "why")]).len(), 1);
    }
}
