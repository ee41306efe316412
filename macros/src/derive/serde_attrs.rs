//! serde's attributes as far as they decide how long a JSON text is. Every other one is refused at its place: it could make
//! the text longer than what is computed.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Token};

use crate::errors::Errors;

/// What the attributes of a type, variant or field say.
#[derive(Debug, Default)]
pub(super) struct SerdeAttrs {
    /// The name in JSON.
    pub(super) rename: Option<String>,
    pub(super) rename_all: Option<Case>,
    pub(super) rename_all_fields: Option<Case>,
    /// Whether it is never written.
    pub(super) skipped: bool,
    /// Whether the name of a variant, or of all variants, is not written.
    pub(super) untagged: bool,
}

/// A rule of `rename_all`, as far as it changes the length of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    /// Words are told apart by capitals: `PascalCase`, `camelCase`.
    Capitals,
    /// Words are told apart by a character between them: `snake_case`, `kebab-case`, `SCREAMING_SNAKE_CASE`.
    Separators,
    /// Only letters change: `lowercase`, `UPPERCASE`.
    Letters,
}

impl Case {
    fn parse(name: &LitStr) -> syn::Result<Self> {
        match name.value().as_str() {
            "PascalCase" | "camelCase" => Ok(Self::Capitals),
            "snake_case" | "SCREAMING_SNAKE_CASE" | "kebab-case" | "SCREAMING-KEBAB-CASE" => {
                Ok(Self::Separators)
            }
            "lowercase" | "UPPERCASE" => Ok(Self::Letters),
            _ => Err(syn::Error::new(name.span(), "serde has no such case")),
        }
    }

    /// The length of a field's name, which is in `snake_case`, under a rule.
    pub(super) fn field(rule: Option<Self>, name: &str) -> usize {
        let removed = if rule == Some(Self::Capitals) {
            name.matches('_').count()
        } else {
            0
        };
        name.encode_utf16().count() - removed
    }

    /// The length of a variant's name, which is in `PascalCase`, under a rule.
    pub(super) fn variant(rule: Option<Self>, name: &str) -> usize {
        let added = if rule == Some(Self::Separators) {
            name.chars().skip(1).filter(|c| c.is_uppercase()).count()
        } else {
            0
        };
        name.encode_utf16().count() + added
    }
}

impl SerdeAttrs {
    pub(super) fn parse(attrs: &[Attribute], errors: &Errors) -> Self {
        let mut found = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            errors.take(attr.parse_nested_meta(|meta| {
                found.key(&meta, errors)?;
                Ok(())
            }));
        }
        found
    }

    fn key(&mut self, meta: &ParseNestedMeta<'_>, errors: &Errors) -> syn::Result<()> {
        let key = meta
            .path
            .get_ident()
            .map(ToString::to_string)
            .unwrap_or_default();
        match key.as_str() {
            "rename" => self.rename = serialized(meta)?.map(|name| name.value()),
            "rename_all" => {
                self.rename_all = serialized(meta)?.as_ref().map(Case::parse).transpose()?
            }
            "rename_all_fields" => {
                self.rename_all_fields = serialized(meta)?.as_ref().map(Case::parse).transpose()?
            }
            "skip" | "skip_serializing" => self.skipped = true,
            "untagged" => self.untagged = true,
            // What is sometimes left out is counted, and what concerns reading is not written.
            "skip_serializing_if"
            | "skip_deserializing"
            | "default"
            | "alias"
            | "deny_unknown_fields"
            | "expecting"
            | "deserialize_with"
            | "crate"
            | "other" => ignore_value(meta)?,
            _ => {
                errors.at(
                    &meta.path,
                    format!(
                        "the length of the JSON cannot be bounded with serde's `{key}`: remove it, or take \
                         `OrchestrationContext` without a type parameter, which checks the size at each call"
                    ),
                );
                ignore_value(meta)?;
            }
        }
        Ok(())
    }
}

/// The value of `key = ".."`, or that of `key(serialize = "..", deserialize = "..")`.
fn serialized(meta: &ParseNestedMeta<'_>) -> syn::Result<Option<LitStr>> {
    if meta.input.peek(Token![=]) {
        return meta.value()?.parse().map(Some);
    }
    let mut name = None;
    meta.parse_nested_meta(|inner| {
        let value: LitStr = inner.value()?.parse()?;
        if inner.path.is_ident("serialize") {
            name = Some(value);
        }
        Ok(())
    })?;
    Ok(name)
}

fn ignore_value(meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<TokenStream>()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn parse(attrs: &[Attribute]) -> (SerdeAttrs, Vec<String>) {
        let errors = Errors::new();
        let found = SerdeAttrs::parse(attrs, &errors);
        (
            found,
            errors
                .finish()
                .err()
                .into_iter()
                .flatten()
                .map(|error| error.to_string())
                .collect(),
        )
    }

    #[test]
    fn what_is_understood_is_read() {
        let (found, messages) = parse(&[
            parse_quote!(#[serde(default = "path", rename(deserialize = "d", serialize = "s"), rename_all = "camelCase")]),
            parse_quote!(#[serde(skip_serializing_if = "Option::is_none", alias = "x", bound(serialize = "T: A"))]),
        ]);
        assert_eq!(
            (found.rename.as_deref(), found.rename_all, found.skipped),
            (Some("s"), Some(Case::Capitals), false)
        );
        assert_eq!(messages.len(), 1);
        assert!(messages[0].contains("serde's `bound`"), "{messages:?}");
        assert!(parse(&[parse_quote!(#[serde(skip)])]).0.skipped);
        assert_eq!(
            parse(&[parse_quote!(#[serde(rename_all = "camel")])]).1,
            ["serde has no such case"]
        );
    }

    #[test]
    fn names_have_the_length_that_serde_gives_them() {
        assert_eq!(Case::field(None, "city_name"), "city_name".len());
        assert_eq!(
            Case::field(Some(Case::Capitals), "city_name"),
            "cityName".len()
        );
        assert_eq!(
            Case::field(Some(Case::Separators), "city_name"),
            "city-name".len()
        );
        assert_eq!(
            Case::variant(Some(Case::Separators), "InTokyo"),
            "in_tokyo".len()
        );
        assert_eq!(
            Case::variant(Some(Case::Letters), "InTokyo"),
            "intokyo".len()
        );
        assert_eq!(Case::variant(None, "한국"), 2);
    }
}
