//! Whole orchestrators: none of `correct.rs` is refused, and each of `wrong.rs` breaks the rules that are named in front of it.

use syn::{Attribute, Expr, ItemFn, Lit, Meta};

use super::*;

pub(super) const CORRECT: &str = include_str!("../../../tests/bodies/correct.rs");
pub(super) const WRONG: &str = include_str!("../../../tests/bodies/wrong.rs");

pub(super) fn functions(file: &str) -> Vec<ItemFn> {
    let functions = syn::parse_file(file).unwrap().items.into_iter();
    functions
        .map(|item| match item {
            syn::Item::Fn(function) => function,
            _ => panic!("there are only functions"),
        })
        .collect()
}

/// The names of the rules that a function breaks, in alphabetical order.
fn broken(function: &ItemFn) -> Vec<String> {
    let errors = Errors::new();
    let mut item = Item::parse(function.to_token_stream()).unwrap();
    check(&mut item, &errors);
    let found = errors.finish().err().into_iter().flatten();
    let mut rules: Vec<_> = found
        .map(|error| {
            let message = error.to_string();
            let (_, rule) = message.rsplit_once("allow(").unwrap_or(("", &message));
            rule.split(',').next().unwrap_or(rule).to_owned()
        })
        .collect();
    rules.sort();
    rules
}

/// The words of a doc comment.
fn words(attrs: &[Attribute]) -> Vec<String> {
    let Meta::NameValue(doc) = &attrs[0].meta else {
        panic!("a doc comment is expected");
    };
    let Expr::Lit(text) = &doc.value else {
        panic!("a doc comment is a text");
    };
    let Lit::Str(text) = &text.lit else {
        panic!("a doc comment is a text");
    };
    let mut words: Vec<_> = text
        .value()
        .split_whitespace()
        .filter(|word| *word != "nothing")
        .map(str::to_owned)
        .collect();
    words.sort();
    words
}

#[test]
fn correct_bodies_are_not_refused() {
    let mut refused = Vec::new();
    for function in functions(CORRECT) {
        let rules = broken(&function);
        if !rules.is_empty() {
            refused.push(format!("{}: {rules:?}", function.sig.ident));
        }
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn wrong_bodies_break_the_rules_that_are_named() {
    let mut different = Vec::new();
    for function in functions(WRONG) {
        let (rules, expected) = (broken(&function), words(&function.attrs));
        if rules != expected {
            different.push(format!(
                "{}: {rules:?} instead of {expected:?}",
                function.sig.ident
            ));
        }
    }
    assert!(different.is_empty(), "{different:#?}");
}
