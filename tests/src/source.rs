//! The repository's Rust files as text and as syntax, for the rules in `tests/it/tidy`. It knows how
//! to measure, not what is allowed.

use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::repository;

/// One `.rs` file of the repository.
#[derive(Clone)]
pub struct Source {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
    syntax: syn::File,
}

/// One function and how long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLength {
    /// The function's name.
    pub name: String,
    /// Lines from its signature to its closing brace.
    pub lines: usize,
}

/// Every `.rs` file outside build output, installed packages and hidden folders, by path.
pub fn sources() -> Vec<Source> {
    let mut paths = files(repository(), "rs");
    paths.sort();
    paths.iter().map(|path| Source::read(path)).collect()
}

/// The paths of all files with an extension outside build output, installed packages and hidden folders.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "node_modules"].contains(&&*name)
        {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

impl Source {
    /// Reads the file at `path`, which must be Rust.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a source file is text");
        let shown = path.strip_prefix(repository()).unwrap_or(path).to_string_lossy();
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{shown}: {error}"));
        Self { path: shown.replace('\\', "/"), text, syntax }
    }

    /// Whether the file starts by saying what it is.
    pub fn has_module_doc(&self) -> bool {
        self.text.starts_with("//! ")
    }

    /// Lines, without those of inline test modules.
    pub fn lines(&self) -> usize {
        let tests = self.syntax.items.iter().filter(|item| is_test_module(item));
        self.text.lines().count() - tests.map(|item| lines_of(&item.span())).sum::<usize>()
    }

    /// Every function outside inline test modules with its length, in order.
    pub fn functions(&self) -> Vec<FunctionLength> {
        let mut functions = Functions(vec![]);
        functions.visit_file(&self.syntax);
        functions.0
    }

    /// The keys that a struct of this file reads from configuration: its fields without those that
    /// serde skips. Empty when there is no such struct.
    pub fn configuration_keys(&self, name: &str) -> Vec<String> {
        let found = self.syntax.items.iter().find_map(|item| match item {
            syn::Item::Struct(found) if found.ident == name => Some(found),
            _ => None,
        });
        let fields = found.into_iter().flat_map(|found| &found.fields);
        fields
            .filter(|field| !field.attrs.iter().any(is_serde_skip))
            .filter_map(|field| field.ident.as_ref().map(ToString::to_string))
            .collect()
    }
}

struct Functions(Vec<FunctionLength>);

impl Functions {
    fn add(&mut self, name: &syn::Ident, signature: &syn::Signature, block: &syn::Block) {
        let start = signature.span().start().line;
        let lines = block.span().end().line - start + 1;
        self.0.push(FunctionLength { name: name.to_string(), lines });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_module(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.sig.ident, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.add(&function.sig.ident, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }
}

/// A module under `#[cfg(test)]`.
fn is_test_module(item: &syn::Item) -> bool {
    let syn::Item::Mod(module) = item else { return false };
    module.attrs.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

fn is_serde_skip(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("serde")
        && attribute.parse_args::<syn::Path>().is_ok_and(|argument| argument.is_ident("skip"))
}

fn lines_of(span: &proc_macro2::Span) -> usize {
    span.end().line - span.start().line + 1
}
