//! Expressions for the lengths of JSON texts. The runtime's functions evaluate them at compile time.

use proc_macro2::TokenStream;
use quote::quote;

use crate::paths::Private;

/// The parts of a JSON text, and how they make the whole.
pub(super) struct Json {
    pub(super) parts: Vec<Part>,
    combined: Combined,
    pub(super) is_object: bool,
}

/// How parts make a whole.
#[derive(Clone, Copy)]
enum Combined {
    /// It is one of them, as a variant is.
    OneOf,
    /// It is an array or an object of all.
    All,
}

/// A field, or a variant.
pub(super) struct Part {
    /// For messages.
    name: String,
    pub(super) units: TokenStream,
}

impl Json {
    pub(super) fn one_of(parts: Vec<Part>) -> Self {
        Self {
            parts,
            combined: Combined::OneOf,
            is_object: false,
        }
    }

    pub(super) fn array(parts: Vec<Part>) -> Self {
        Self {
            parts,
            combined: Combined::All,
            is_object: false,
        }
    }

    pub(super) fn object(parts: Vec<Part>) -> Self {
        Self {
            parts,
            combined: Combined::All,
            is_object: true,
        }
    }

    pub(super) fn fixed(units: usize) -> Self {
        Self::one_of(vec![Part::new("", quote!(#units))])
    }

    pub(super) fn null() -> Self {
        Self::fixed("null".len())
    }

    /// What has no greatest length.
    pub(super) fn unknown() -> Self {
        Self::one_of(vec![Part::new("", quote!(::core::primitive::usize::MAX))])
    }

    /// The names and units of its parts.
    pub(super) fn parts(&self) -> Vec<TokenStream> {
        self.parts
            .iter()
            .map(|Part { name, units }| quote!((#name, #units)))
            .collect()
    }

    /// The units of the whole, given an expression for the parts.
    pub(super) fn combine(&self, private: &Private, parts: &TokenStream) -> TokenStream {
        match self.combined {
            Combined::OneOf => quote!(#private::greatest(#parts)),
            Combined::All => quote!(#private::list(#parts)),
        }
    }

    pub(super) fn units(&self, private: &Private) -> TokenStream {
        if let (Combined::OneOf, [one]) = (self.combined, &*self.parts) {
            return one.units.clone();
        }
        let parts = self.parts();
        self.combine(private, &quote!(&[#(#parts),*]))
    }
}

impl Part {
    pub(super) fn new(name: &str, units: TokenStream) -> Self {
        Self {
            name: name.to_owned(),
            units,
        }
    }

    /// `"key":value`.
    pub(super) fn entry(name: &str, key: usize, value: &TokenStream, private: &Private) -> Self {
        let around = key + "\"\":".len();
        Self::new(name, quote!(#private::plus(#around, #value)))
    }

    /// `"key":"name"`, of which the name of a variant or struct is known.
    pub(super) fn tag(key: usize, name: usize) -> Self {
        let units = key + "\"\":\"\"".len() + name;
        Self::new("tag", quote!(#units))
    }
}
