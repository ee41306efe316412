//! The word `#[custom_status(unbounded)]`, on a field or on the whole type.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Meta};

use crate::errors::Errors;

const FORM: &str = "#[custom_status(unbounded)]";

/// Where the word is, when it is there. One that is written wrongly was meant to be it: reporting what it is about as well would be
/// one message too many.
pub(super) fn word(attrs: &[Attribute], errors: &Errors) -> Option<Span> {
    let mut words = Vec::new();
    for attr in attributes(attrs) {
        let before = words.len();
        let parsed = match attr.meta {
            Meta::List(_) => attr.parse_nested_meta(|meta| {
                words.push(meta.path.span());
                if !meta.path.is_ident("unbounded") {
                    let message = "unknown word: `#[custom_status(..)]` accepts `unbounded`";
                    return Err(syn::Error::new_spanned(&meta.path, message));
                }
                if words.len() > 1 {
                    errors.at(&meta.path, "`unbounded` is given twice: keep one of them");
                }
                Ok(())
            }),
            _ => Ok(()),
        };
        if errors.take(parsed).is_some() && words.len() == before {
            errors.at(attr, format!("write `{FORM}`"));
            words.push(attr.span());
        }
    }
    words.first().copied()
}

/// Refuses the word where it says nothing. Gives whether it is there.
pub(super) fn is_on_a_variant(attrs: &[Attribute], errors: &Errors) -> bool {
    for attr in attributes(attrs) {
        errors.at(
            attr,
            format!("`{FORM}` goes on a field or on the type, not on a variant"),
        );
    }
    attributes(attrs).next().is_some()
}

fn attributes(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("custom_status"))
}
