//! The only place that spells the path to the runtime's support for generated code.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

/// `::steadfast::__private`, or the same under the path given by `crate = ..`. Used as `#private::Name` in templates.
pub(crate) struct Private {
    root: Option<Path>,
}

impl Private {
    pub(crate) fn new(root: Option<&Path>) -> Self {
        Self {
            root: root.cloned(),
        }
    }

    /// The path for code at this place, so that an error in it is reported there and not at the attribute.
    pub(crate) fn at(&self, span: Span) -> TokenStream {
        match &self.root {
            Some(root) => quote_spanned!(span=> #root::__private),
            None => quote_spanned!(span=> ::steadfast::__private),
        }
    }
}

impl ToTokens for Private {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(self.at(Span::call_site()));
    }
}
