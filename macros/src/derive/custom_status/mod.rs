//! Input:
//! ```text
//! #[derive(CustomStatus)]
//! enum Progress { Waiting, Greeted { city: BoundedStr<32>, done: u32 } }
//! ```
//! Output (`"Waiting"`, or `{"Greeted":{"city":..,"done":..}}`):
//! ```text
//! const _: () = {
//!     use private::Unknown as _;
//!     const __PARTS: &[(&str, usize)] = &[
//!         ("Waiting", 9),
//!         ("Greeted", private::list(&[("content", private::plus(10, private::list(&[
//!             ("city", private::plus(7, <BoundedStr<32> as private::BoundedJson>::MAX_UNITS)),
//!             ("done", private::plus(7, <u32 as private::BoundedJson>::MAX_UNITS)),
//!         ])))])),
//!     ];
//!     const __UNITS: usize = private::greatest(__PARTS);
//!     impl private::BoundedJson for Progress where for<'__a> Progress: private::Serialize { const MAX_UNITS: usize = __UNITS; }
//!     const _: () = private::assert_parts_fit("Progress", __UNITS, __PARTS);
//!     const _: () = private::assert_serialize("Progress", private::Known::<Progress>::IS_SERIALIZE);
//! };
//! ```
//! Objects implement `private::BoundedObject` too. With `#[custom_status(unbounded)]` on the field `city` that field counts
//! `private::Known::<..>::MAX_UNITS`, which requires nothing of its type, and instead of the impl and its assertion there is:
//! ```text
//!     impl private::StatusType for Progress where .. {
//!         const MAX_UTF16_UNITS: usize = usize::MAX;
//!         type Published = Result<(), private::CustomStatusError>;
//!     }
//!     const _: () = private::assert_unbounded_field("Progress", "city", private::Known::<BoundedStr<32>>::MAX_UNITS);
//! ```

mod bound;
mod json;
mod names;
mod serde_attrs;
mod unbounded;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{DeriveInput, Ident};

use self::bound::{Bound, Word};
use super::{has_no_generics, private};
use crate::errors::Errors;
use crate::paths::Private;

/// The code for a derive.
pub(crate) fn expand(input: &DeriveInput, errors: &Errors) -> TokenStream {
    let private = private(input, errors);
    has_no_generics("a custom status", input, errors);
    let mistakes = errors.count();
    let bound = Bound::of(input, &private, errors);
    // A constant cannot name the parameters of a generic type, which was refused above.
    if !input.generics.params.is_empty() {
        let bounded = bounded(input, &private, &quote!(0));
        return quote!(const _: () = { #bounded };);
    }
    let ident = &input.ident;
    let parts = bound.json.parts();
    let units = bound.json.combine(&private, &quote!(__PARTS));
    let assert = Assert {
        name: input.ident.unraw().to_string(),
        private: &private,
    };
    let is_bounded = bound.of_type.is_none() && bound.of_fields.is_empty();
    let (implementation, mut assertions) = if is_bounded {
        let fits = assert.at(ident.span(), "assert_parts_fit", &quote!(__UNITS, __PARTS));
        (implement(input, &private, bound.json.is_object), fits)
    } else {
        let of_type = bound
            .of_type
            .map(|at| assert.at(at, "assert_unbounded", &quote!(__UNITS)));
        let of_fields = bound.of_fields.iter().map(|Word { at, field, units }| {
            assert.at(*at, "assert_unbounded_field", &quote!(#field, #units))
        });
        (
            unbounded_status(input, &private),
            quote!(#of_type #(#of_fields)*),
        )
    };
    assertions.extend(assert.at(
        ident.span(),
        "assert_serialize",
        &quote!(#private::Known::<#ident>::IS_SERIALIZE),
    ));
    // What is wrong already needs no second message.
    if errors.count() > mistakes || bound.is_refused {
        assertions = TokenStream::new();
    }
    quote! {
        const _: () = {
            #[allow(unused_imports)]
            use #private::Unknown as _;

            const __PARTS: &[(&::core::primitive::str, ::core::primitive::usize)] = &[#(#parts),*];
            const __UNITS: ::core::primitive::usize = #units;
            #implementation
            #assertions
        };
    }
}

fn implement(input: &DeriveInput, private: &Private, is_object: bool) -> TokenStream {
    let bounded = bounded(input, private, &quote!(__UNITS));
    let (ident, clause) = (&input.ident, is_serialize(input, private));
    let object = is_object.then(|| {
        quote! {
            #[automatically_derived]
            impl #private::BoundedObject for #ident #clause {}
        }
    });
    quote!(#bounded #object)
}

fn bounded(input: &DeriveInput, private: &Private, units: &TokenStream) -> TokenStream {
    let (ident, clause) = (&input.ident, is_serialize(input, private));
    let (generics, types, _) = input.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics #private::BoundedJson for #ident #types #clause {
            const MAX_UNITS: ::core::primitive::usize = #units;
        }
    }
}

fn unbounded_status(input: &DeriveInput, private: &Private) -> TokenStream {
    let (ident, clause) = (&input.ident, is_serialize(input, private));
    quote! {
        #[automatically_derived]
        impl #private::StatusType for #ident #clause {
            const MAX_UTF16_UNITS: ::core::primitive::usize = ::core::primitive::usize::MAX;
            type Published = ::core::result::Result<(), #private::CustomStatusError>;
        }
    }
}

/// The supertrait as a condition, so that a type without it is reported once, by our own assertion. The lifetime is what lets rustc
/// accept a condition that does not hold.
fn is_serialize(input: &DeriveInput, private: &Private) -> TokenStream {
    let ident = &input.ident;
    let (_, types, _) = input.generics.split_for_impl();
    quote!(where for<'__a> #ident #types: #private::Serialize)
}

/// Checks of the runtime's about a type of this name.
struct Assert<'a> {
    name: String,
    private: &'a Private,
}

impl Assert<'_> {
    /// A check that is reported at this place.
    fn at(&self, place: Span, check: &str, arguments: &TokenStream) -> TokenStream {
        let span = place.resolved_at(Span::call_site());
        let (private, name) = (self.private.at(span), &self.name);
        let check = Ident::new(check, span);
        quote_spanned!(span=> const _: () = #private::#check(#name, #arguments);)
    }
}

#[cfg(test)]
mod tests;
