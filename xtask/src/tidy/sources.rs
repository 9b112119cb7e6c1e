//! The Rust sources by crate and module, without their tests: what the rules about modules and declarations read.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item};

use super::{Files, texts};

/// One file of a crate's sources.
pub struct Source {
    /// Its path from the tree's root.
    pub path: String,
    /// The folder of its crate, without `/src`.
    pub crate_folder: String,
    /// Its module's path within the crate; the root's is empty.
    pub module: Vec<String>,
    /// Its items without those that are built for tests only.
    pub items: Vec<Item>,
    /// The code in its documentation.
    pub examples: String,
}

/// Files that can't be parsed: what they use is unknown, so that nothing may be said of what is used.
pub fn unparsed(files: &Files) -> Vec<String> {
    let sources = texts(files, ".rs").filter(|(path, _)| path.contains("/src/"));
    let failed = sources.filter_map(|(path, text)| Some((path, syn::parse_file(text).err()?)));
    failed.map(|(path, error)| format!("{path}:{}: {error}", error.span().start().line)).collect()
}

/// Every file under a `src` folder that compiles into more than tests.
pub fn sources(files: &Files) -> Vec<Source> {
    let mut sources = Vec::new();
    for (path, text) in texts(files, ".rs") {
        let Some((crate_folder, inner)) = path.split_once("/src/") else { continue };
        let stem = inner.trim_end_matches(".rs");
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        // A program of its own under `bin` is a root.
        let is_root = ["lib", "main"].contains(&stem) || stem.starts_with("bin/");
        let module = if is_root { Vec::new() } else { stem.split('/').map(str::to_owned).collect() };
        let Ok(file) = syn::parse_file(text) else { continue };
        if is_test(&file.attrs) {
            continue;
        }
        let items = file.items.into_iter().filter(|item| !is_test(attributes(item))).collect();
        sources.push(Source {
            path: path.to_owned(),
            crate_folder: crate_folder.to_owned(),
            module,
            items,
            examples: examples(text),
        });
    }
    let test_modules = test_modules(files);
    sources.retain(|source| !test_modules.iter().any(|test| is_within(&source.path, test)));
    sources
}

/// The lines of code blocks in documentation.
fn examples(text: &str) -> String {
    let docs = text.lines().filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("///").or_else(|| line.strip_prefix("//!"))
    });
    let mut is_code = false;
    let code = docs.filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        is_code && !is_fence
    });
    code.collect::<Vec<_>>().join("\n")
}

/// Whether a file is the module of this path, without `.rs`, or lies in its folder.
fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// Paths, without `.rs`, of the modules that are declared for tests only: `#[cfg(test)] mod tests;`.
fn test_modules(files: &Files) -> Vec<String> {
    let mut modules = Vec::new();
    for (path, text) in texts(files, ".rs").filter(|(path, _)| path.contains("/src/")) {
        let Ok(file) = syn::parse_file(text) else { continue };
        let stem = path.trim_end_matches(".rs");
        let owns_folder = ["/lib", "/main", "/mod"].iter().any(|name| stem.ends_with(name));
        let folder = if owns_folder { super::parent(path) } else { stem };
        for item in &file.items {
            if let Item::Mod(module) = item
                && module.content.is_none()
                && is_test(&module.attrs)
            {
                modules.push(format!("{folder}/{}", module.ident));
            }
        }
    }
    modules
}

/// Whether one of the attributes is `cfg(test)`, or marks a test.
pub fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg
            && idents(attribute.meta.to_token_stream()).any(|ident| ident == "test")
            && !idents(attribute.meta.to_token_stream()).any(|ident| ident == "not")
            || attribute.path().is_ident("test")
    })
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// All identifiers of a stream, those in groups and in macros' arguments included.
pub fn idents(tokens: TokenStream) -> impl Iterator<Item = String> {
    let mut open = vec![tokens.into_iter()];
    std::iter::from_fn(move || {
        loop {
            match open.last_mut()?.next() {
                None => {
                    open.pop();
                }
                Some(TokenTree::Group(group)) => open.push(group.stream().into_iter()),
                Some(TokenTree::Ident(ident)) => return Some(ident.to_string()),
                Some(_) => {}
            }
        }
    })
}
