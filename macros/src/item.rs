//! The annotated function. Its body stays as it was typed, also while it is unfinished: what looks into it has a copy.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt};
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Ident, Signature, Visibility};

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

impl Item {
    /// `self` or `Self`, when the function speaks of an `impl` block around it.
    pub(crate) fn word_of_an_impl(&self) -> Option<Ident> {
        if let Some(receiver) = self.sig.receiver() {
            return Some(Ident::new("self", receiver.self_token.span));
        }
        word_of_an_impl(self.sig.to_token_stream())
            .or_else(|| word_of_an_impl(self.body.to_token_stream()))
    }
}

/// The first `Self` that is not in an item with a `Self` of its own.
fn word_of_an_impl(tokens: TokenStream) -> Option<Ident> {
    let is_an_item = |word: &Ident| {
        ["enum", "impl", "struct", "trait", "union"]
            .iter()
            .any(|item| word == item)
    };
    let mut in_item = false;
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Group(group) => {
            let is_of_item = in_item;
            in_item &= group.delimiter() != Delimiter::Brace;
            (!is_of_item).then(|| word_of_an_impl(group.stream()))?
        }
        TokenTree::Ident(word) => {
            in_item |= is_an_item(&word);
            (!in_item && word == "Self").then_some(word)
        }
        TokenTree::Punct(punct) => {
            in_item &= punct.as_char() != ';';
            None
        }
        TokenTree::Literal(_) => None,
    })
}

impl ToTokens for Item {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attrs,
            vis,
            sig,
            body,
        } = self;
        tokens.append_all(attrs);
        vis.to_tokens(tokens);
        sig.to_tokens(tokens);
        body.to_tokens(tokens);
    }
}

impl Parse for Item {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body: TokenTree = input.parse()?;
        let Some(body) = block(&body) else {
            let message = "a durable function needs a body";
            return Err(syn::Error::new(body.span(), message));
        };
        Ok(Self {
            attrs,
            vis,
            sig,
            body,
        })
    }
}

/// The braces with what is in them, also where a macro put them in as `$body:block`.
fn block(tokens: &TokenTree) -> Option<TokenTree> {
    let TokenTree::Group(group) = tokens else {
        return None;
    };
    match group.delimiter() {
        Delimiter::Brace => Some(tokens.clone()),
        Delimiter::None => {
            let mut inside = group.stream().into_iter();
            let body = block(&inside.next()?);
            body.filter(|_| inside.next().is_none())
        }
        Delimiter::Parenthesis | Delimiter::Bracket => None,
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
    use proc_macro2::Group;
    use quote::quote;

    use super::*;

    #[test]
    fn an_unfinished_body_is_kept() {
        let item = Item::parse(quote!(pub async fn f(a: u8) -> u8 { let x = ; a. })).unwrap();
        assert_eq!(item.body.to_string(), "{ let x = ; a . }");
    }

    #[test]
    fn a_body_may_come_from_a_macro() {
        let body = Group::new(Delimiter::None, quote!({ a }));
        let item = Item::parse(quote!(async fn f() #body)).unwrap();
        assert_eq!(item.body.to_string(), "{ a }");
        let two = Group::new(Delimiter::None, quote!({ a } { b }));
        assert!(Item::parse(quote!(async fn f() #two)).is_err());
    }

    #[test]
    fn a_function_of_an_impl_block_is_known_by_its_words() {
        let word = |tokens: TokenStream| {
            let word = Item::parse(tokens).unwrap().word_of_an_impl();
            word.map(|word| word.to_string())
        };
        assert_eq!(
            word(quote!(
                fn f(&mut self) {}
            ))
            .as_deref(),
            Some("self")
        );
        for associated in [
            quote!(
                fn f(a: Vec<Self>) {}
            ),
            quote!(
                fn f() -> u8 {
                    struct A;
                    { Self::g(A) }
                }
            ),
        ] {
            assert_eq!(word(associated).as_deref(), Some("Self"));
        }
        for alone in [
            quote!(
                fn f(a: impl Fn(u8)) -> u8 {
                    g(a)
                }
            ),
            quote!(
                fn f() {
                    struct A(Option<Box<Self>>);
                    impl Default for A {
                        fn default() -> Self {
                            Self(None)
                        }
                    }
                }
            ),
        ] {
            assert_eq!(word(alone), None);
        }
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
