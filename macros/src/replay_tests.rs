//! Input:
//! ```text
//! replay_tests!("tests/histories/*.json", definitions = [ship], in_full);
//! ```
//! Output:
//! ```text
//! #[test] fn history_ship() { private::replay_test("tests/histories/ship.json", include_str!("/../ship.json"), ..) }
//! #[test] fn histories_of_tests_histories_json_are_all_tested() { private::all_are_tested(env!("CARGO_MANIFEST_DIR"), ..) }
//! ```

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Token, bracketed};

use crate::errors::Errors;
use crate::paths::Private;

/// What the macro takes, for messages.
const FORM: &str = "`replay_tests!(\"tests/histories/*.json\")` takes a pattern, and after a comma `definitions = [..]`, `in_full` \
                    and `crate = path`";

#[derive(Default)]
struct Input {
    pattern: Option<LitStr>,
    definitions: Option<Vec<syn::Path>>,
    in_full: bool,
    krate: Option<syn::Path>,
}

/// A history that was found: its path from the package's folder, and from anywhere.
struct File {
    name: String,
    path: String,
}

pub(crate) fn expand(input: TokenStream, root: Option<PathBuf>) -> TokenStream {
    let errors = Errors::new();
    let parse = |stream: ParseStream<'_>| parse(stream, &errors);
    let input = errors.take(parse.parse2(input)).unwrap_or_default();
    let tests = match (&input.pattern, root) {
        (Some(pattern), Some(root)) => {
            let files = errors.take(find(pattern, &root)).unwrap_or_default();
            tests(&input, pattern, &files)
        }
        (Some(pattern), None) => {
            errors.at(pattern, "`CARGO_MANIFEST_DIR` is not set: histories are looked for from the folder of `Cargo.toml`");
            TokenStream::new()
        }
        (None, _) => TokenStream::new(),
    };
    match errors.finish() {
        Ok(()) => tests,
        Err(error) => error.into_compile_error(),
    }
}

fn parse(stream: ParseStream<'_>, errors: &Errors) -> syn::Result<Input> {
    if !stream.peek(LitStr) {
        let error = stream.error(format!("a pattern in quotes is expected: {FORM}"));
        return Err(error);
    }
    let mut input = Input {
        pattern: Some(stream.parse()?),
        ..Input::default()
    };
    let mut seen = HashSet::new();
    while !stream.is_empty() {
        stream.parse::<Token![,]>()?;
        if stream.is_empty() {
            break;
        }
        let key = stream.call(<Ident as syn::ext::IdentExt>::parse_any)?;
        if !seen.insert(key.to_string()) {
            errors.at(&key, format!("`{key}` is there twice"));
        }
        match key.to_string().as_str() {
            "definitions" => {
                stream.parse::<Token![=]>()?;
                let list;
                bracketed!(list in stream);
                let list = Punctuated::<syn::Path, Token![,]>::parse_terminated(&list)?;
                input.definitions = Some(list.into_iter().collect());
            }
            "in_full" => input.in_full = true,
            "crate" => {
                stream.parse::<Token![=]>()?;
                input.krate = Some(stream.call(syn::Path::parse_mod_style)?);
            }
            _ => {
                errors.at(&key, format!("unknown key `{key}`: {FORM}"));
                // What follows it belongs to it.
                while !stream.is_empty() && !stream.peek(Token![,]) {
                    stream.parse::<proc_macro2::TokenTree>()?;
                }
            }
        }
    }
    Ok(input)
}

/// The files that match, by name.
fn find(pattern: &LitStr, root: &Path) -> syn::Result<Vec<File>> {
    let wrong = |message: String| syn::Error::new(pattern.span(), message);
    let escaped = glob::Pattern::escape(&root.to_string_lossy());
    let found = glob::glob(&format!("{escaped}/{}", pattern.value()))
        .map_err(|error| wrong(format!("it is not a pattern for files: {}", error.msg)))?;
    let mut files = Vec::new();
    for path in found {
        let path =
            path.map_err(|error| wrong(format!("a folder cannot be read: {}", error.error())))?;
        if !path.is_file() {
            continue;
        }
        let name = path.strip_prefix(root).unwrap_or(&path).to_str();
        let (Some(name), Some(path)) = (name, path.to_str()) else {
            return Err(wrong(format!(
                "the name of `{}` is not UTF-8",
                path.display()
            )));
        };
        files.push(File {
            name: name.into(),
            path: path.into(),
        });
    }
    if files.is_empty() {
        let pattern = pattern.value();
        return Err(wrong(format!(
            "no file matches `{pattern}`, seen from the folder of `Cargo.toml`; record some with `steadfast::deploy::record`, or export one with `InstanceHandle::export`"
        )));
    }
    Ok(files)
}

fn tests(input: &Input, pattern: &LitStr, files: &[File]) -> TokenStream {
    let private = Private::new(input.krate.as_ref());
    let definitions = match &input.definitions {
        Some(definitions) => quote!(::core::option::Option::Some(::std::vec::Vec::from([
            #(<#definitions as #private::Registered>::REGISTRATION),*
        ]))),
        None => quote!(::core::option::Option::None),
    };
    let in_full = input.in_full;
    let mut taken = HashSet::new();
    let tests = files.iter().map(|File { name, path }| {
        let stem = Path::new(name)
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        let test = test_name(&format!("history_{stem}"), &mut taken, pattern.span());
        quote! {
            #[::core::prelude::v1::test]
            fn #test() {
                #private::replay_test(#name, ::core::include_str!(#path), #definitions, #in_full);
            }
        }
    });
    let tests: Vec<_> = tests.collect();
    let all = format!("histories_of_{}_are_all_tested", pattern.value());
    let all = test_name(&all, &mut taken, pattern.span());
    let names = files.iter().map(|file| &file.name);
    quote! {
        #(#tests)*
        #[::core::prelude::v1::test]
        fn #all() {
            #private::all_are_tested(::core::env!("CARGO_MANIFEST_DIR"), #pattern, &[#(#names),*]);
        }
    }
}

/// A name for a test that none has yet.
fn test_name(text: &str, taken: &mut HashSet<String>, span: Span) -> Ident {
    let mut name = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' | '0'..='9' => name.push(c),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_end_matches('_');
    let mut unique = name.to_owned();
    let mut number = 2;
    while !taken.insert(unique.clone()) {
        unique = format!("{name}_{number}");
        number += 1;
    }
    Ident::new(&unique, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_like_names_are_tests_of_different_names() {
        let mut taken = HashSet::new();
        let mut name = |text| test_name(text, &mut taken, Span::call_site()).to_string();
        assert_eq!(name("history_Ship@1.2-é"), "history_ship_1_2");
        assert_eq!(name("history_ship.1.2"), "history_ship_1_2_2");
        assert_eq!(name("history_SHIP 1_2"), "history_ship_1_2_3");
    }

    #[test]
    fn a_macro_call_expands_to_a_test_for_each_file_and_one_for_all() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let expanded = expand(
            quote!("Cargo.*", definitions = [ship, a::pack], in_full),
            Some(root),
        );
        let file: syn::File = syn::parse2(expanded).unwrap();
        let text = prettyplease::unparse(&file);
        let tests = text.matches("::core::prelude::v1::test").count();
        assert_eq!(tests, 2, "{text}");
        for part in [
            "fn history_cargo()",
            "\"Cargo.toml\"",
            "<a::pack as ::steadfast::__private::Registered>::REGISTRATION",
            "true",
            "fn histories_of_cargo_are_all_tested()",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn mistakes_are_reported_with_what_to_write() {
        let root = || Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        for (input, told) in [
            (quote!(), "a pattern in quotes is expected"),
            (quote!("nothing/*.json"), "no file matches `nothing/*.json`"),
            (quote!("a/***"), "it is not a pattern for files"),
            (quote!("Cargo.*", strict), "unknown key `strict`"),
            (
                quote!("Cargo.*", in_full, in_full),
                "`in_full` is there twice",
            ),
        ] {
            let text = expand(input, root()).to_string();
            assert!(text.contains(told), "{text}");
        }
    }
}
