//! Lets an orchestrator describe the JSON of its types, with the feature `schemas` and not without.
//!
//! Input:
//! ```text
//! #[orchestrator(events(Paid))]
//! async fn book(ctx: OrchestrationContext<Progress>, trip: Trip, seats: Option<u8>) -> Result<Ticket, BookError> { body }
//! ```
//! Output:
//! ```text
//! fn __wire_types() -> private::WireTypes {
//!     private::WireTypes::new(
//!         &[
//!             ("trip", private::JsonOf::<Trip>::new().describe(), private::ArgumentType::<Trip>::new().may_be_missing()),
//!             ("seats", private::JsonOf::<Option<u8>>::new().describe(), ..),
//!         ],
//!         private::JsonOf::<<book as private::Definition>::Output>::new().describe(),
//!         private::JsonOf::<<book as private::Definition>::Status>::new().describe(),
//!         &[private::JsonOf::<Paid>::new().describe()],
//!     )
//! }
//! ```
//!
//! Whether a type has a schema is found by method lookup, as the codec of an error is: that works since every type here is concrete, and
//! a type without one is no mistake.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{here, name_of, span_of};
use crate::model::{Definition, Parameter};

/// The function that describes the types.
pub(super) fn function(definition: &Definition) -> Option<TokenStream> {
    if !definition.describes_types {
        return None;
    }
    let (private, ident) = (&definition.private, &definition.item.sig.ident);
    let parameters = definition
        .parameters
        .iter()
        .map(|Parameter { ident, ty, .. }| {
            let (name, described, span) =
                (name_of(ident), described(definition, ty), here(span_of(ty)));
            let private = definition.private.at(span);
            quote_spanned!(span=> (#name, #described, #private::ArgumentType::<#ty>::new().may_be_missing()))
        });
    let [output, status] = ["Output", "Status"].map(|part| {
        let part = quote::format_ident!("{part}");
        quote!(#private::JsonOf::<<#ident as #private::Definition>::#part>::new().describe())
    });
    let events = definition.events.iter().flatten();
    let events = events.map(|event| described(definition, event));
    Some(quote! {
        fn __wire_types() -> #private::WireTypes {
            #[allow(unused_imports)]
            use #private::{NoArgument as _, NoSchema as _};
            #private::WireTypes::new(&[#(#parameters),*], #output, #status, &[#(#events),*])
        }
    })
}

fn described(definition: &Definition, ty: &syn::Type) -> TokenStream {
    let span = here(span_of(ty));
    let private = definition.private.at(span);
    quote_spanned!(span=> #private::JsonOf::<#ty>::new().describe())
}

/// What is registered of it.
pub(super) fn field(definition: &Definition) -> Option<TokenStream> {
    definition
        .describes_types
        .then(|| quote!(wire_types: __wire_types))
}
