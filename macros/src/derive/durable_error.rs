//! Input:
//! ```text
//! #[derive(DurableError)]
//! enum GreetError { #[retry] Busy, #[no_retry] Unknown(String) }
//! ```
//! Output:
//! ```text
//! impl private::DurableError for GreetError {
//!     const ERROR_TYPE: &'static str = "GreetError";
//!     fn is_non_retriable(&self) -> bool { match self { Self::Busy { .. } => false, Self::Unknown { .. } => true } }
//! }
//! impl<E> From<private::CallError<E>> for GreetError { .. }   // these three not with `#[durable_error(skip_from(..))]`
//! impl From<private::CustomStatusError> for GreetError { .. }
//! impl From<private::EventError> for GreetError { .. }
//! impl From<private::TimedOut> for GreetError { .. }
//! ```

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Meta};

use super::{has_no_generics, options, private};
use crate::args::{self, Accepts, Args};
use crate::errors::Errors;
use crate::model::last_segment;
use crate::paths::Private;

const RETRY: &str = "retry";
const NO_RETRY: &str = "no_retry";

const CALL_ERROR: &str = "CallError";
/// The other errors that `?` converts; each has details to record.
const OTHER_ERRORS: [&str; 3] = ["CustomStatusError", "EventError", "TimedOut"];

static DURABLE_ERROR: Accepts<Args> = Accepts {
    attribute: "`#[durable_error(..)]`",
    keys: &[args::SKIP_FROM],
    elsewhere: &[],
};

/// The code for a derive.
pub(crate) fn expand(input: &DeriveInput, errors: &Errors) -> TokenStream {
    let private = private(input, errors);
    let is_concrete = has_no_generics("a durable error", input, errors);
    fields_have_no_retry(input, errors);
    let ident = &input.ident;
    let error_type = ident.unraw().to_string();
    let is_non_retriable = is_non_retriable(input, errors);
    let skipped = skipped(input, errors);
    if !is_concrete {
        return TokenStream::new();
    }
    let conversions = conversions(input, &skipped, &private);
    quote! {
        #[automatically_derived]
        impl #private::DurableError for #ident {
            const ERROR_TYPE: &'static ::core::primitive::str = #error_type;

            fn is_non_retriable(&self) -> ::core::primitive::bool {
                #is_non_retriable
            }
        }
        #conversions
    }
}

/// An expression of `self`.
fn is_non_retriable(input: &DeriveInput, errors: &Errors) -> TokenStream {
    let default = choice(&input.attrs, errors).unwrap_or(false);
    let Data::Enum(data) = &input.data else {
        return quote!(#default);
    };
    if data.variants.is_empty() {
        return quote!(match *self {});
    }
    let arms = data.variants.iter().map(|variant| {
        let (ident, cfgs) = (
            &variant.ident,
            variant
                .attrs
                .iter()
                .filter(|attr| attr.path().is_ident("cfg")),
        );
        let value = choice(&variant.attrs, errors).unwrap_or(default);
        quote!(#(#cfgs)* Self::#ident { .. } => #value,)
    });
    quote!(match self { #(#arms)* })
}

/// What `#[retry]` or `#[no_retry]` says: whether trying again is useless.
fn choice(attrs: &[Attribute], errors: &Errors) -> Option<bool> {
    let mut choice = None;
    for attr in attrs {
        let Some(value) = retry_attribute(attr) else {
            continue;
        };
        if !matches!(attr.meta, Meta::Path(_)) {
            errors.at(attr, "this attribute stands alone, as `#[retry]` or `#[no_retry]`: how often is said where the call is made");
        }
        match choice {
            Some(first) if first == value => {
                errors.at(attr, "this is said already: remove one of the two")
            }
            Some(_) => errors.at(
                attr,
                "`#[retry]` and `#[no_retry]` exclude each other: keep one of them",
            ),
            None => choice = Some(value),
        }
    }
    choice
}

fn retry_attribute(attr: &Attribute) -> Option<bool> {
    if attr.path().is_ident(NO_RETRY) {
        Some(true)
    } else {
        attr.path().is_ident(RETRY).then_some(false)
    }
}

/// Whether to retry is a matter of the whole value.
fn fields_have_no_retry(input: &DeriveInput, errors: &Errors) {
    for attr in fields(input)
        .flat_map(|field| &field.attrs)
        .filter(|attr| retry_attribute(attr).is_some())
    {
        errors.at(
            attr,
            "this attribute goes on a variant or on the type, not on a field",
        );
    }
}

fn fields(input: &DeriveInput) -> impl Iterator<Item = &Field> {
    let all: Vec<&Fields> = match &input.data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|variant| &variant.fields)
            .collect(),
        Data::Union(_) => Vec::new(),
    };
    all.into_iter().flatten()
}

/// Whether a field `#[from] Name` makes a conversion already, so that ours would conflict with it.
fn has_from(input: &DeriveInput, name: &str) -> bool {
    fields(input).any(|field| {
        field.attrs.iter().any(|attr| attr.path().is_ident("from"))
            && last_segment(&field.ty).is_some_and(|last| last.ident == name)
    })
}

/// The conversions that `skip_from(..)` leaves to the user.
fn skipped(input: &DeriveInput, errors: &Errors) -> Vec<String> {
    let mut skipped = Vec::new();
    for ident in options(&input.attrs, "durable_error", &DURABLE_ERROR, errors).skip_from {
        let name = ident.to_string();
        if name != CALL_ERROR && !OTHER_ERRORS.contains(&name.as_str()) {
            let known = OTHER_ERRORS.join("`, `");
            errors.at(
                &ident,
                format!("there is no conversion from `{name}` to leave out; there are those from `{CALL_ERROR}`, `{known}`"),
            );
        } else if skipped.contains(&name) {
            errors.at(&ident, format!("`{name}` is given twice"));
        }
        skipped.push(name);
    }
    skipped
}

/// What makes `?` work on whatever the context's methods return.
fn conversions(input: &DeriveInput, skipped: &[String], private: &Private) -> TokenStream {
    let ident = &input.ident;
    let is_ours =
        |name: &str| !skipped.iter().any(|skipped| skipped == name) && !has_from(input, name);
    let call = is_ours(CALL_ERROR).then(|| {
        quote! {
            #[automatically_derived]
            impl<__E> ::core::convert::From<#private::CallError<__E>> for #ident {
                fn from(error: #private::CallError<__E>) -> Self {
                    #private::propagate(error.into_failure())
                }
            }
        }
    });
    let others = OTHER_ERRORS
        .into_iter()
        .filter(|name| is_ours(name))
        .map(|name| {
            let error = syn::Ident::new(name, proc_macro2::Span::call_site());
            quote! {
                #[automatically_derived]
                impl ::core::convert::From<#private::#error> for #ident {
                    fn from(error: #private::#error) -> Self {
                        #private::propagate(#private::FailureDetails::from(&error))
                    }
                }
            }
        });
    quote!(#call #(#others)*)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(tokens: TokenStream) -> Result<String, Vec<String>> {
        let errors = Errors::new();
        let tokens = expand(&syn::parse2(tokens).unwrap(), &errors);
        let formatted = prettyplease::unparse(&syn::parse2(tokens).unwrap());
        errors
            .finish()
            .map(|()| formatted)
            .map_err(|error| error.into_iter().map(|error| error.to_string()).collect())
    }

    #[test]
    fn variants_choose_and_the_type_sets_the_default() {
        let code = expanded(quote!(
            #[no_retry]
            enum E {
                #[retry]
                A,
                B(u8),
                #[no_retry]
                C {
                    x: u8,
                },
            }
        ))
        .unwrap();
        for arm in [
            "Self::A { .. } => false",
            "Self::B { .. } => true",
            "Self::C { .. } => true",
        ] {
            assert!(code.contains(arm), "{code}");
        }
        assert!(
            expanded(quote!(
                #[no_retry]
                struct E;
            ))
            .unwrap()
            .contains("{\n        true\n    }")
        );
        assert!(
            expanded(quote!(
                enum Never {}
            ))
            .unwrap()
            .contains("match *self {}")
        );
    }

    #[test]
    fn a_conversion_of_the_users_replaces_ours() {
        let code = expanded(quote!(
            enum E {
                A(#[from] steadfast::CallError<u8>),
            }
        ))
        .unwrap();
        assert!(!code.contains("CallError"), "{code}");
        assert!(code.contains("EventError"), "{code}");
    }

    #[test]
    fn a_conversion_can_be_left_out() {
        let code = expanded(quote!(
            #[durable_error(skip_from(CallError, EventError))]
            struct E;
        ))
        .unwrap();
        assert!(
            !code.contains("CallError") && !code.contains("EventError"),
            "{code}"
        );
        assert!(code.contains("CustomStatusError"), "{code}");
        assert_eq!(
            expanded(quote!(
                #[durable_error(skip_from(Call, EventError, EventError), from = false)]
                struct E;
            ))
            .unwrap_err(),
            [
                "unknown key `from`: `#[durable_error(..)]` accepts `skip_from(..)`",
                "there is no conversion from `Call` to leave out; there are those from `CallError`, `CustomStatusError`, `EventError`, `TimedOut`",
                "`EventError` is given twice",
            ]
        );
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(
            expanded(quote!(
                enum E<T> {
                    #[retry]
                    #[no_retry]
                    A(#[retry] T),
                    #[retry(3)]
                    B,
                }
            ))
            .unwrap_err(),
            [
                "a durable error has no generic parameters: write a concrete type",
                "this attribute goes on a variant or on the type, not on a field",
                "`#[retry]` and `#[no_retry]` exclude each other: keep one of them",
                "this attribute stands alone, as `#[retry]` or `#[no_retry]`: how often is said where the call is made",
            ]
        );
    }
}
