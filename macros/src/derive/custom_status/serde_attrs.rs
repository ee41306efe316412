//! serde's attributes as far as they decide how long a JSON text is. What serde itself refuses is left to it: the same attributes are
//! read by its own derive, which says what is wrong with them.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, LitStr, Path, Token};

use super::names::{Case, json_units};
use crate::errors::Errors;

/// What the attributes of a type, variant or field say.
#[derive(Default)]
pub(super) struct SerdeAttrs {
    /// The length of the name in JSON.
    pub(super) rename: Option<usize>,
    pub(super) rename_all: Option<Case>,
    pub(super) rename_all_fields: Option<Case>,
    /// The key that makes it left out when it is written.
    pub(super) skip: Option<Path>,
    /// Whether the name of a variant, or of all variants, is not written.
    pub(super) untagged: bool,
    /// The lengths of the keys of an object that has the name of the variant, and its content.
    pub(super) tag: Option<usize>,
    pub(super) content: Option<usize>,
    /// Whether the entries of a field are entries of the object around it.
    pub(super) flatten: bool,
    pub(super) transparent: bool,
    /// Keys with which the length is not known.
    pub(super) unknown: Vec<Path>,
    /// Whether serde's own derive reports a mistake in them, and makes no `Serialize`.
    pub(super) is_refused: bool,
}

/// Keys that concern reading, or nothing that is written.
const OF_NO_LENGTH: &[&str] = &[
    // What is sometimes left out is counted.
    "skip_serializing_if",
    "skip_deserializing",
    "default",
    "alias",
    "borrow",
    "crate",
    "deny_unknown_fields",
    "deserialize_with",
    "expecting",
    "from",
    "other",
    "try_from",
];

impl SerdeAttrs {
    pub(super) fn parse(attrs: &[Attribute]) -> Self {
        let mut found = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let parsed = attr.parse_nested_meta(|meta| found.key(&meta));
            found.is_refused |= parsed.is_err();
        }
        found.is_refused |= found.content.is_some() && found.tag.is_none();
        found.is_refused |= found.untagged && found.tag.is_some();
        found
    }

    fn key(&mut self, meta: &ParseNestedMeta<'_>) -> syn::Result<()> {
        let length = |name: Option<LitStr>| name.map(|name| json_units(&name.value()));
        match text(&meta.path).as_str() {
            // What is only for reading may stand in a second key, and leaves the first one as it is.
            "rename" => self.rename = length(serialized(meta)?).or(self.rename),
            "rename_all" => {
                self.rename_all = self.case(serialized(meta)?.as_ref()).or(self.rename_all);
            }
            "rename_all_fields" => {
                let case = self.case(serialized(meta)?.as_ref());
                self.rename_all_fields = case.or(self.rename_all_fields);
            }
            "tag" => self.tag = length(serialized(meta)?),
            "content" => self.content = length(serialized(meta)?),
            "skip" | "skip_serializing" => self.skip = Some(meta.path.clone()),
            "untagged" => self.untagged = true,
            "flatten" => self.flatten = true,
            "transparent" => self.transparent = true,
            key => {
                if !OF_NO_LENGTH.contains(&key) {
                    self.unknown.push(meta.path.clone());
                }
                ignore_value(meta)?;
            }
        }
        Ok(())
    }

    fn case(&mut self, name: Option<&LitStr>) -> Option<Case> {
        let case = Case::parse(name?);
        self.is_refused |= case.is_none();
        case
    }

    /// Reports the keys with which the length is not known.
    pub(super) fn report_unknown(&self, the_word_goes_on: &str, errors: &Errors) {
        for key in &self.unknown {
            let why = match text(key).as_str() {
                "with" | "serialize_with" => {
                    "the length of what a function writes is not known".to_owned()
                }
                "into" => "the length of the type that is written instead is not known".to_owned(),
                key => format!("the length of the JSON is not known with serde's `{key}`"),
            };
            errors.at(key, instead(&why, &text(key), the_word_goes_on));
        }
    }
}

/// What to say of a key that the derive cannot deal with.
pub(super) fn instead(why: &str, key: &str, the_word_goes_on: &str) -> String {
    format!(
        "{why}: remove `{key}`, or write `#[custom_status(unbounded)]` on {the_word_goes_on}, so that setting the status returns a \
         `Result`"
    )
}

pub(super) fn text(key: &Path) -> String {
    key.get_ident().map(ToString::to_string).unwrap_or_default()
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

    #[test]
    fn what_decides_the_length_is_read() {
        let found = SerdeAttrs::parse(&[
            parse_quote!(#[serde(default = "path", rename(deserialize = "d", serialize = "né"), rename_all = "camelCase")]),
            parse_quote!(#[serde(skip_serializing_if = "Option::is_none", alias = "x", tag = "a\n", content = "c")]),
        ]);
        assert_eq!(
            (found.rename, found.rename_all, found.tag, found.content),
            (Some(2), Some(Case::Capitals), Some(3), Some(1))
        );
        assert!(found.skip.is_none() && found.unknown.is_empty());
        let found =
            SerdeAttrs::parse(&[parse_quote!(#[serde(untagged, flatten, skip, transparent)])]);
        assert!(found.untagged && found.flatten && found.skip.is_some() && found.transparent);
    }

    #[test]
    fn keys_of_unknown_length_are_reported_with_the_reason() {
        let errors = Errors::new();
        SerdeAttrs::parse(&[parse_quote!(#[serde(bound(serialize = "T: A"), with = "hex")])])
            .report_unknown("this field", &errors);
        let messages: Vec<_> = errors
            .finish()
            .unwrap_err()
            .into_iter()
            .map(|e| e.to_string())
            .collect();
        let instead = "or write `#[custom_status(unbounded)]` on this field, so that setting the status returns a `Result`";
        assert_eq!(
            messages,
            [
                format!(
                    "the length of the JSON is not known with serde's `bound`: remove `bound`, {instead}"
                ),
                format!(
                    "the length of what a function writes is not known: remove `with`, {instead}"
                ),
            ]
        );
    }

    #[test]
    fn what_serde_refuses_is_left_to_it() {
        let found =
            SerdeAttrs::parse(&[parse_quote!(#[serde(rename_all = "camel", tag(x), untagged)])]);
        assert_eq!((found.rename_all, found.tag), (None, None));
        assert!(found.is_refused);
        assert!(SerdeAttrs::parse(&[parse_quote!(#[serde(content = "c")])]).is_refused);
        assert!(!SerdeAttrs::parse(&[parse_quote!(#[serde(content = "c", tag = "t")])]).is_refused);
    }
}
