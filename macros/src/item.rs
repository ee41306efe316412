//! The annotated function. Its body stays as it was typed, also while it is unfinished: what looks into it has a copy.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Signature, Visibility};

/// A function with an opaque body.
pub(crate) struct Item {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// With its braces.
    pub(crate) body: TokenTree,
}

/// Why an item is not an [`Item`].
#[derive(Debug)]
pub(crate) enum NotAnItem {
    /// It is something else: its first token that says so.
    NotAFunction(TokenStream),
    /// It is a function that does not parse.
    Broken(syn::Error),
}

impl Item {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self, NotAnItem> {
        match syn::parse2::<Self>(tokens.clone()) {
            Ok(item) => Ok(item),
            Err(error) => match syn::parse2::<Other>(tokens) {
                Ok(Other { keyword }) => Err(NotAnItem::NotAFunction(keyword)),
                Err(_) => Err(NotAnItem::Broken(error)),
            },
        }
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body = match input.parse()? {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                TokenTree::Group(body)
            }
            other => {
                return Err(syn::Error::new(
                    other.span(),
                    "a durable function needs a body",
                ));
            }
        };
        Ok(Self {
            attrs,
            vis,
            sig,
            body,
        })
    }
}

/// An item that is no function.
struct Other {
    keyword: TokenStream,
}

impl Parse for Other {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Visibility>()?;
        let tokens: TokenStream = input.parse()?;
        // Everything in front of `fn` in a function: `const async unsafe extern "C" fn`.
        let before_fn = |token: &TokenTree| match token {
            TokenTree::Ident(word) => ["const", "async", "unsafe", "safe", "extern"]
                .iter()
                .any(|modifier| word == modifier),
            TokenTree::Literal(_) => true,
            TokenTree::Group(_) | TokenTree::Punct(_) => false,
        };
        let mut rest = tokens.clone().into_iter().skip_while(before_fn);
        match rest.next() {
            Some(TokenTree::Ident(word)) if word == "fn" => Err(input.error("a function")),
            _ => Ok(Self {
                keyword: tokens
                    .into_iter()
                    .next()
                    .map(ToTokens::into_token_stream)
                    .unwrap_or_default(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    #[test]
    fn an_unfinished_body_is_kept() {
        let item = Item::parse(quote!(pub async fn f(a: u8) -> u8 { let x = ; a. })).unwrap();
        assert_eq!(item.body.to_string(), "{ let x = ; a . }");
    }

    #[test]
    fn other_items_are_told_from_broken_functions() {
        let keyword = |tokens: TokenStream| match Item::parse(tokens) {
            Err(NotAnItem::NotAFunction(keyword)) => keyword.to_string(),
            _ => panic!("not told apart"),
        };
        assert_eq!(
            keyword(quote!(
                pub struct Hello;
            )),
            "struct"
        );
        assert_eq!(
            keyword(quote!(
                const HELLO: u8 = 1;
            )),
            "const"
        );
        for broken in [
            quote!(async fn f(a: );),
            quote!(
                async fn f();
            ),
            quote!(unsafe extern "C" fn f(a) {}),
        ] {
            assert!(matches!(Item::parse(broken), Err(NotAnItem::Broken(_))));
        }
    }
}
