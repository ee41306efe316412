//! The derives, one file each, and what they share.

pub(crate) mod custom_status;
pub(crate) mod durable_error;
pub(crate) mod external_event;

use proc_macro2::TokenStream;
use syn::{Attribute, DeriveInput, Meta};

use crate::args::{self, Accepts, Args};
use crate::errors::Errors;
use crate::paths::Private;

static STEADFAST: Accepts<Args> = Accepts {
    attribute: "`#[steadfast(..)]`",
    keys: &[args::CRATE],
    elsewhere: &[],
};

/// The path that `#[steadfast(crate = path)]` gives.
fn private(input: &DeriveInput, errors: &Errors) -> Private {
    Private::new(
        options(&input.attrs, "steadfast", &STEADFAST, errors)
            .root
            .as_ref(),
    )
}

/// The arguments of a helper attribute, which is there once at most.
fn options(attrs: &[Attribute], name: &str, accepts: &Accepts<Args>, errors: &Errors) -> Args {
    let mut found = attrs.iter().filter(|attr| attr.path().is_ident(name));
    let args = found.next().map_or_else(Args::default, |attr| {
        Args::parse(arguments(attr, accepts, errors), accepts, errors)
    });
    for again in found {
        errors.at(
            again,
            format!(
                "{} is given twice: put all keys into one",
                accepts.attribute
            ),
        );
    }
    args
}

fn arguments(attr: &Attribute, accepts: &Accepts<Args>, errors: &Errors) -> TokenStream {
    match &attr.meta {
        Meta::List(list) => list.tokens.clone(),
        other => {
            errors.at(
                other,
                format!("write {} with its keys in parentheses", accepts.attribute),
            );
            TokenStream::new()
        }
    }
}

/// These traits have one implementation per type, which is read by name. One for all would ask more of the parameters than they
/// promise, so none is made.
fn has_no_generics(what: &str, input: &DeriveInput, errors: &Errors) -> bool {
    let has_none = input.generics.params.is_empty();
    if !has_none {
        errors.at(
            &input.generics.params,
            format!("{what} has no generic parameters: write a concrete type"),
        );
    }
    has_none
}
