//! Input:
//! ```text
//! #[derive(CustomStatus)]
//! enum Progress { Waiting, Greeted { city: BoundedStr<32>, done: u32 } }
//! ```
//! Output (`"Waiting"`, or `{"Greeted":{"city":..,"done":..}}`):
//! ```text
//! const _: () = {
//!     const __UNITS: usize = private::greatest(&[
//!         9,
//!         private::plus(12, private::list(&[
//!             private::plus(7, <BoundedStr<32> as private::StatusType>::MAX_UTF16_UNITS),
//!             private::plus(7, <u32 as private::StatusType>::MAX_UTF16_UNITS),
//!         ])),
//!     ]);
//!     impl private::StatusType for Progress { const MAX_UTF16_UNITS: usize = __UNITS; }
//!     const _: () = private::assert_fits("Progress", __UNITS);
//! };
//! ```

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DataEnum, DeriveInput, Field, Fields, Ident, Variant};

use super::serde_attrs::{Case, SerdeAttrs};
use super::{has_no_generics, private};
use crate::errors::Errors;
use crate::paths::Private;

/// The code for a derive.
pub(crate) fn expand(input: &DeriveInput, errors: &Errors) -> TokenStream {
    let private = private(input, errors);
    has_no_generics("a custom status", input, errors);
    let attrs = SerdeAttrs::parse(&input.attrs, errors);
    let bound = Bound {
        private: &private,
        errors,
    };
    let units = match &input.data {
        Data::Struct(data) => bound.fields(&data.fields, attrs.rename_all),
        Data::Enum(data) => bound.variants(data, &attrs),
        Data::Union(data) => {
            errors.at(
                data.union_token,
                "a custom status is a struct or an enum: JSON has no unions",
            );
            quote!(0)
        }
    };
    // A generic type was refused above, and a constant cannot name its parameters.
    let units = if input.generics.params.is_empty() {
        units
    } else {
        quote!(0)
    };
    let ident = &input.ident;
    let name = ident.unraw().to_string();
    let (generics, types, clause) = input.generics.split_for_impl();
    let span = ident.span().resolved_at(proc_macro2::Span::call_site());
    let private_here = private.at(span);
    let assertion =
        quote_spanned!(span=> const _: () = #private_here::assert_fits(#name, __UNITS););
    quote! {
        const _: () = {
            const __UNITS: ::core::primitive::usize = #units;

            #[automatically_derived]
            impl #generics #private::StatusType for #ident #types #clause {
                const MAX_UTF16_UNITS: ::core::primitive::usize = __UNITS;
            }

            #assertion
        };
    }
}

/// Builds expressions for the greatest number of units. They saturate in the runtime.
struct Bound<'a> {
    private: &'a Private,
    errors: &'a Errors,
}

impl Bound<'_> {
    fn variants(&self, data: &DataEnum, attrs: &SerdeAttrs) -> TokenStream {
        let private = self.private;
        let variants = data
            .variants
            .iter()
            .filter_map(|variant| self.variant(variant, attrs));
        quote!(#private::greatest(&[#(#variants),*]))
    }

    fn variant(&self, variant: &Variant, of_enum: &SerdeAttrs) -> Option<TokenStream> {
        let private = self.private;
        let attrs = SerdeAttrs::parse(&variant.attrs, self.errors);
        let name = variant.ident.unraw().to_string();
        let name = attrs
            .rename
            .as_deref()
            .map_or_else(|| Case::variant(of_enum.rename_all, &name), json_units);
        let quoted = name + "\"\"".len();
        if attrs.skipped {
            return None;
        }
        if attrs.untagged || of_enum.untagged {
            let rename_all = attrs.rename_all.or(of_enum.rename_all_fields);
            return Some(self.fields(&variant.fields, rename_all));
        }
        Some(if matches!(variant.fields, Fields::Unit) {
            quote!(#quoted)
        } else {
            let content = self.fields(
                &variant.fields,
                attrs.rename_all.or(of_enum.rename_all_fields),
            );
            entry(private, quoted + ":".len(), &content, true)
        })
    }

    fn fields(&self, fields: &Fields, rename_all: Option<Case>) -> TokenStream {
        let private = self.private;
        match fields {
            Fields::Unit => quote!(<() as #private::StatusType>::MAX_UTF16_UNITS),
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
                // A newtype is its content; when that is skipped, serde writes an empty array.
                self.written(fields.unnamed.first())
                    .map_or_else(|| quote!("[]".len()), |(_, units)| units)
            }
            Fields::Unnamed(fields) => {
                let values = fields
                    .unnamed
                    .iter()
                    .filter_map(|field| self.written(Some(field)))
                    .map(|(_, units)| units);
                quote!(#private::list(&[#(#values),*]))
            }
            Fields::Named(fields) => {
                let entries = fields.named.iter().filter_map(|field| {
                    let (attrs, units) = self.written(Some(field))?;
                    let name = field
                        .ident
                        .as_ref()
                        .map(|ident: &Ident| ident.unraw().to_string())
                        .unwrap_or_default();
                    let name = attrs
                        .rename
                        .as_deref()
                        .map_or_else(|| Case::field(rename_all, &name), json_units);
                    Some(entry(private, name + "\"\":".len(), &units, false))
                });
                quote!(#private::list(&[#(#entries),*]))
            }
        }
    }

    /// The attributes and units of a field that is written at all.
    fn written(&self, field: Option<&Field>) -> Option<(SerdeAttrs, TokenStream)> {
        let field = field?;
        let attrs = SerdeAttrs::parse(&field.attrs, self.errors);
        let ty = &field.ty;
        let span = ty.span().resolved_at(proc_macro2::Span::call_site());
        let private = self.private.at(span);
        let units = quote_spanned!(span=> <#ty as #private::StatusType>::MAX_UTF16_UNITS);
        (!attrs.skipped).then_some((attrs, units))
    }
}

/// A key with its value; as an object of its own, or as part of one.
fn entry(private: &Private, key: usize, value: &TokenStream, is_object: bool) -> TokenStream {
    let braces = if is_object { "{}".len() } else { 0 };
    let around = key + braces;
    quote!(#private::plus(#around, #value))
}

/// The units of a text between its quotes in JSON.
fn json_units(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => "\\n".len(),
            '\0'..='\u{1f}' => "\\u0000".len(),
            c => c.len_utf16(),
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(tokens: TokenStream) -> Vec<String> {
        let errors = Errors::new();
        expand(&syn::parse2(tokens).unwrap(), &errors);
        errors
            .finish()
            .err()
            .into_iter()
            .flatten()
            .map(|error| error.to_string())
            .collect()
    }

    #[test]
    fn names_are_counted_as_json() {
        assert_eq!(json_units("a\"\\\n\u{1}한😀"), 1 + 2 + 2 + 2 + 6 + 1 + 2);
    }

    #[test]
    fn the_name_of_an_untagged_variant_is_not_counted() {
        let units = |input: TokenStream| {
            let errors = Errors::new();
            let tokens = expand(&syn::parse2(input).unwrap(), &errors).to_string();
            assert!(errors.finish().is_ok());
            tokens
        };
        let of_enum = units(quote!(
            #[serde(untagged)]
            enum Status {
                Greeted(u8),
            }
        ));
        let of_variant = units(quote!(
            enum Status {
                #[serde(untagged)]
                Greeted(u8),
            }
        ));
        assert_eq!(of_enum, of_variant);
        assert!(!of_enum.contains("plus"), "{of_enum}");
    }

    #[test]
    fn what_cannot_be_bounded_is_refused() {
        assert_eq!(
            messages(quote!(
                enum Status {
                    A,
                    #[serde(rename = "b")]
                    B(u8),
                    #[serde(skip)]
                    C(String),
                }
            )),
            [""; 0]
        );
        let refused = messages(quote! {
            #[serde(tag = "kind")]
            struct Status<T> { #[serde(flatten)] a: T, #[serde(serialize_with = "f", default)] b: u8 }
        });
        assert_eq!(
            refused[0],
            "a custom status has no generic parameters: write a concrete type"
        );
        for (message, key) in refused[1..]
            .iter()
            .zip(["tag", "flatten", "serialize_with"])
        {
            assert!(
                message.starts_with(&format!(
                    "the length of the JSON cannot be bounded with serde's `{key}`"
                )),
                "{message}"
            );
        }
        assert_eq!(refused.len(), 4);
    }
}
