//! Input:
//! ```text
//! #[derive(ExternalEvent)]
//! #[event(name = "BookingConfirmed")]
//! struct Confirmation(bool);
//! ```
//! Output:
//! ```text
//! impl private::ExternalEvent for Confirmation { const NAME: &'static str = "BookingConfirmed"; }
//! ```

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{DeriveInput, LitStr};

use super::{has_no_generics, options, private};
use crate::args::{self, Accepts, Args};
use crate::errors::Errors;

static EVENT: Accepts<Args> = Accepts {
    attribute: "`#[event(..)]`",
    keys: &[args::NAME],
    elsewhere: &[],
};

/// The code for a derive.
pub(crate) fn expand(input: &DeriveInput, errors: &Errors) -> TokenStream {
    let private = private(input, errors);
    let name = options(&input.attrs, "event", &EVENT, errors).name;
    if !has_no_generics("an external event", input, errors) {
        return TokenStream::new();
    }
    let ident = &input.ident;
    let name = name.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
    quote! {
        #[automatically_derived]
        impl #private::ExternalEvent for #ident {
            const NAME: &'static ::core::primitive::str = #name;
        }
    }
}
