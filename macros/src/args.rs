//! The arguments of an attribute, such as `name = "E1_SayHello", crate = renamed`.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Ident, LitStr, Path, Token};

use crate::errors::Errors;

/// The key for the registered name.
const NAME: &str = "name";
/// The key for the path to a renamed dependency.
const CRATE: &str = "crate";

/// What an attribute says. Each value is the user's own tokens, so that later mistakes point at them.
#[derive(Default)]
pub(crate) struct Args {
    /// `name = ".."`.
    pub(crate) name: Option<LitStr>,
    /// `crate = path`.
    pub(crate) root: Option<Path>,
}

/// Which keys an attribute has, and what it is called in messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepts {
    /// The attribute as the user writes it, such as `` `#[activity]` ``.
    pub(crate) attribute: &'static str,
    pub(crate) name: bool,
    pub(crate) root: bool,
}

impl Accepts {
    fn accepts(self, key: &str) -> bool {
        (key == NAME && self.name) || (key == CRATE && self.root)
    }

    fn list(self) -> String {
        let keys = [
            (self.name, "`name = \"..\"`"),
            (self.root, "`crate = path`"),
        ];
        keys.iter()
            .filter(|(accepted, _)| *accepted)
            .map(|(_, key)| *key)
            .collect::<Vec<_>>()
            .join(" and ")
    }
}

impl Args {
    /// Reads the arguments, reports every mistake in them, and keeps what is right.
    pub(crate) fn parse(tokens: TokenStream, accepts: Accepts, errors: &Errors) -> Self {
        let mut args = Self::default();
        let parsed =
            (|input: ParseStream<'_>| args.parse_all(input, accepts, errors)).parse2(tokens);
        errors.take(parsed);
        args
    }

    fn parse_all(
        &mut self,
        input: ParseStream<'_>,
        accepts: Accepts,
        errors: &Errors,
    ) -> syn::Result<()> {
        let mut seen: Vec<String> = Vec::new();
        while !input.is_empty() {
            let Ok(key) = input.call(Ident::parse_any) else {
                errors.push(input.error(format!(
                    "expected a key: {} accepts {}",
                    accepts.attribute,
                    accepts.list()
                )));
                skip_to_comma(input)?;
                continue;
            };
            let text = key.to_string();
            if !accepts.accepts(&text) {
                errors.at(
                    &key,
                    format!(
                        "unknown key `{text}`: {} accepts {}",
                        accepts.attribute,
                        accepts.list()
                    ),
                );
                skip_to_comma(input)?;
                continue;
            }
            if seen.contains(&text) {
                errors.at(
                    &key,
                    format!(
                        "`{text}` is given twice; {} accepts {}, each once",
                        accepts.attribute,
                        accepts.list()
                    ),
                );
            }
            let value = if text == NAME {
                self.parse_name(input)
            } else {
                self.parse_root(input)
            };
            if errors.take(value).is_none() {
                skip_to_comma(input)?;
            } else if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
            seen.push(text);
        }
        Ok(())
    }

    fn parse_name(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        equals(input, "write `name = \"..\"`")?;
        let name: LitStr = input
            .parse()
            .map_err(|error| syn::Error::new(error.span(), "write the name as a string"))?;
        if name.value().trim().is_empty() {
            return Err(syn::Error::new(
                name.span(),
                "the name is empty; leave `name` out to use the name of the item",
            ));
        }
        self.name = Some(name);
        Ok(())
    }

    fn parse_root(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        equals(input, "write `crate = path`")?;
        let root = input.call(Path::parse_mod_style);
        self.root = Some(root.map_err(|error| {
            syn::Error::new(
                error.span(),
                "write a path without quotes, as in `crate = renamed`",
            )
        })?);
        Ok(())
    }
}

fn equals(input: ParseStream<'_>, instead: &str) -> syn::Result<()> {
    match input.parse::<Token![=]>() {
        Ok(_) => Ok(()),
        Err(error) => Err(syn::Error::new(error.span(), instead)),
    }
}

/// Goes on behind the next comma, so that the next key is looked at too.
fn skip_to_comma(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && input.parse::<Option<Token![,]>>()?.is_none() {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn parse(tokens: TokenStream) -> (Args, Vec<String>) {
        let errors = Errors::new();
        let args = Args::parse(
            tokens,
            Accepts {
                attribute: "`#[activity]`",
                name: true,
                root: true,
            },
            &errors,
        );
        let messages = errors
            .finish()
            .err()
            .into_iter()
            .flatten()
            .map(|error| error.to_string())
            .collect();
        (args, messages)
    }

    #[test]
    fn both_keys_are_read() {
        let (args, messages) = parse(quote!(name = "E1_SayHello", crate = a::b,));
        assert_eq!(messages, [""; 0]);
        assert_eq!(args.name.unwrap().value(), "E1_SayHello");
        assert_eq!(args.root.unwrap().segments.len(), 2);
        assert!(parse(quote!()).1.is_empty());
    }

    #[test]
    fn every_mistake_is_reported() {
        let (args, messages) = parse(quote!(
            retry(3),
            nam = "x",
            name = "",
            5,
            name = "y",
            name = "z"
        ));
        assert_eq!(
            messages,
            [
                "unknown key `retry`: `#[activity]` accepts `name = \"..\"` and `crate = path`",
                "unknown key `nam`: `#[activity]` accepts `name = \"..\"` and `crate = path`",
                "the name is empty; leave `name` out to use the name of the item",
                "expected a key: `#[activity]` accepts `name = \"..\"` and `crate = path`",
                "`name` is given twice; `#[activity]` accepts `name = \"..\"` and `crate = path`, each once",
                "`name` is given twice; `#[activity]` accepts `name = \"..\"` and `crate = path`, each once",
            ]
        );
        assert_eq!(args.name.unwrap().value(), "z");
    }

    #[test]
    fn a_value_of_the_wrong_kind_says_what_to_write() {
        assert_eq!(parse(quote!(name)).1, ["write `name = \"..\"`"]);
        assert_eq!(parse(quote!(name = x)).1, ["write the name as a string"]);
        assert_eq!(
            parse(quote!(crate = "renamed")).1,
            ["write a path without quotes, as in `crate = renamed`"]
        );
        assert_eq!(parse(quote!(crate(renamed))).1, ["write `crate = path`"]);
    }
}
