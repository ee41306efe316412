//! How long the JSON of a type can be, by what serde writes for its fields and variants.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DataEnum, DeriveInput, Field, Fields, Ident, Path, Type, Variant};

use super::json::{Json, Part};
use super::names::Case;
use super::serde_attrs::{SerdeAttrs, instead, text};
use super::unbounded;
use crate::errors::Errors;
use crate::model::last_segment;
use crate::paths::Private;

/// What is known of a type.
pub(super) struct Bound {
    pub(super) json: Json,
    /// Where it says of all of it that it is unbounded.
    pub(super) of_type: Option<Span>,
    /// Where it says so of a field.
    pub(super) of_fields: Vec<Word>,
    /// Whether serde's own derive reports a mistake, and makes no `Serialize`.
    pub(super) is_refused: bool,
}

/// A field that is said to be unbounded.
pub(super) struct Word {
    pub(super) at: Span,
    pub(super) field: String,
    /// How long it can be after all.
    pub(super) units: TokenStream,
}

/// How serde tells variants apart.
#[derive(Clone, Copy)]
enum Tagging {
    External,
    Internal { tag: usize },
    Adjacent { tag: usize, content: usize },
    Untagged,
}

impl Tagging {
    const fn of(attrs: &SerdeAttrs) -> Self {
        match (attrs.untagged, attrs.tag, attrs.content) {
            (true, ..) => Self::Untagged,
            (false, Some(tag), Some(content)) => Self::Adjacent { tag, content },
            (false, Some(tag), None) => Self::Internal { tag },
            (false, None, _) => Self::External,
        }
    }
}

impl Bound {
    pub(super) fn of(input: &DeriveInput, private: &Private, errors: &Errors) -> Self {
        let attrs = SerdeAttrs::parse(&input.attrs);
        let mut computation = Computation {
            ident: &input.ident,
            private,
            errors,
            of_type: unbounded::word(&input.attrs, errors),
            of_fields: Vec::new(),
            is_refused: attrs.is_refused,
        };
        let json = match &input.data {
            Data::Union(data) => {
                errors.at(
                    data.union_token,
                    "a custom status is a struct or an enum: JSON has no unions",
                );
                Json::null()
            }
            _ if computation.is_unknown(&attrs, computation.of_type, "the type") => Json::unknown(),
            Data::Struct(data) => computation.structure(input, &data.fields, &attrs),
            Data::Enum(data) => computation.variants(data, &attrs),
        };
        Self {
            json,
            of_type: computation.of_type,
            of_fields: computation.of_fields,
            is_refused: computation.is_refused,
        }
    }
}

struct Computation<'a> {
    /// The type.
    ident: &'a Ident,
    private: &'a Private,
    errors: &'a Errors,
    of_type: Option<Span>,
    of_fields: Vec<Word>,
    is_refused: bool,
}

impl Computation<'_> {
    fn structure(&mut self, input: &DeriveInput, fields: &Fields, attrs: &SerdeAttrs) -> Json {
        if attrs.transparent {
            return self.transparent(fields);
        }
        // Of a newtype serde writes the field even with `skip`.
        if let Some(field) = newtype(fields) {
            let attrs = self.serde_attrs(&field.attrs);
            return Json::one_of(vec![self.value(field, "0", &attrs)]);
        }
        let name = input.ident.unraw().to_string();
        let name = attrs.rename.unwrap_or_else(|| Case::variant(None, &name));
        let tag = attrs.tag.map(|tag| Part::tag(tag, name));
        self.fields(fields, attrs.rename_all, tag)
    }

    /// A struct that is written as its only field that is.
    fn transparent(&mut self, fields: &Fields) -> Json {
        let mut parts = Vec::new();
        for (index, field) in fields.iter().enumerate() {
            let attrs = self.serde_attrs(&field.attrs);
            let is_phantom =
                last_segment(&field.ty).is_some_and(|last| last.ident == "PhantomData");
            if is_phantom || attrs.skip.is_some() {
                self.is_not_written(field);
            } else {
                parts.push(self.value(field, &name_of(index, field), &attrs));
            }
        }
        Json::one_of(parts)
    }

    fn variants(&mut self, data: &DataEnum, of_enum: &SerdeAttrs) -> Json {
        let of_all = Tagging::of(of_enum);
        let mut all = Json::one_of(Vec::new());
        all.is_object = of_enum.tag.is_some();
        for variant in &data.variants {
            let has_word = unbounded::is_on_a_variant(&variant.attrs, self.errors);
            let attrs = self.serde_attrs(&variant.attrs);
            if let Some(skip) = &attrs.skip {
                self.is_not_skipped(skip);
                continue;
            }
            let tagging = if attrs.untagged {
                all.is_object = false;
                Tagging::Untagged
            } else {
                of_all
            };
            let json = if self.is_unknown(&attrs, self.of_type, "the type") || has_word {
                Json::unknown()
            } else {
                self.variant(variant, &attrs, of_enum, tagging)
            };
            let name = variant.ident.unraw().to_string();
            all.parts.push(Part::new(&name, json.units(self.private)));
        }
        all
    }

    fn is_not_skipped(&self, skip: &Path) {
        if self.of_type.is_none() {
            let why = "serde cannot write a variant that is skipped, so that setting the status could fail";
            self.errors.at(skip, instead(why, &text(skip), "the type"));
        }
    }

    fn variant(
        &mut self,
        variant: &Variant,
        attrs: &SerdeAttrs,
        of_enum: &SerdeAttrs,
        tagging: Tagging,
    ) -> Json {
        let private = self.private;
        let name = variant.ident.unraw().to_string();
        let name = attrs
            .rename
            .unwrap_or_else(|| Case::variant(of_enum.rename_all, &name));
        let tag = match tagging {
            Tagging::Internal { tag } => Some(Part::tag(tag, name)),
            _ => None,
        };
        let rename_all = attrs.rename_all.or(of_enum.rename_all_fields);
        let content = self.content(&variant.fields, rename_all, tag);
        match (tagging, content) {
            (Tagging::External, None) => Json::fixed(name + "\"\"".len()),
            (Tagging::External, Some(content)) => Json::object(vec![Part::entry(
                "content",
                name,
                &content.units(private),
                private,
            )]),
            (Tagging::Adjacent { tag, content: key }, content) => {
                let content = content
                    .map(|content| Part::entry("content", key, &content.units(private), private));
                Json::object([Part::tag(tag, name)].into_iter().chain(content).collect())
            }
            (Tagging::Internal { .. } | Tagging::Untagged, content) => {
                content.unwrap_or_else(Json::null)
            }
        }
    }

    /// What is in a variant, with its tag among it. Nothing may be.
    fn content(
        &mut self,
        fields: &Fields,
        rename_all: Option<Case>,
        tag: Option<Part>,
    ) -> Option<Json> {
        let Some(field) = newtype(fields) else {
            return match (fields, tag) {
                (Fields::Unit, tag) => tag.map(|tag| Json::object(vec![tag])),
                (fields, tag) => Some(self.fields(fields, rename_all, tag)),
            };
        };
        let attrs = self.serde_attrs(&field.attrs);
        if attrs.skip.is_some() {
            self.is_not_written(field);
            return tag.map(|tag| Json::object(vec![tag]));
        }
        Some(match tag {
            Some(tag) => Json::object(vec![tag, self.entries(field, "0", &attrs)]),
            None => Json::one_of(vec![self.value(field, "0", &attrs)]),
        })
    }

    fn fields(&mut self, fields: &Fields, rename_all: Option<Case>, tag: Option<Part>) -> Json {
        let is_named = matches!(fields, Fields::Named(_));
        let mut parts: Vec<_> = tag.into_iter().collect();
        for (index, field) in fields.iter().enumerate() {
            let attrs = self.serde_attrs(&field.attrs);
            let name = name_of(index, field);
            if attrs.skip.is_some() {
                self.is_not_written(field);
            } else if attrs.flatten {
                parts.push(self.entries(field, &name, &attrs));
            } else {
                let value = self.value(field, &name, &attrs);
                let key = attrs
                    .rename
                    .unwrap_or_else(|| Case::field(rename_all, &name));
                parts.push(if is_named {
                    Part::entry(&name, key, &value.units, self.private)
                } else {
                    value
                });
            }
        }
        match fields {
            Fields::Named(_) => Json::object(parts),
            Fields::Unnamed(_) => Json::array(parts),
            Fields::Unit => Json::null(),
        }
    }

    /// The value of a field.
    fn value(&mut self, field: &Field, name: &str, attrs: &SerdeAttrs) -> Part {
        self.part(field, name, attrs, "BoundedJson", "MAX_UNITS")
    }

    /// The entries of a field whose value is an object, without its braces.
    fn entries(&mut self, field: &Field, name: &str, attrs: &SerdeAttrs) -> Part {
        self.part(field, name, attrs, "BoundedObject", "MAX_INNER_UNITS")
    }

    fn part(
        &mut self,
        field: &Field,
        name: &str,
        attrs: &SerdeAttrs,
        required: &str,
        constant: &str,
    ) -> Part {
        let (ty, span) = (named(&field.ty, self.ident), span_of(&field.ty));
        let private = self.private.at(span);
        let (required, constant) = (Ident::new(required, span), Ident::new(constant, span));
        let word = self.word(field);
        let units = if self.is_unknown(attrs, word.or(self.of_type), "this field") {
            Json::unknown().units(self.private)
        } else if word.or(self.of_type).is_some() {
            quote_spanned!(span=> #private::Known::<#ty>::#constant)
        } else {
            quote_spanned!(span=> <#ty as #private::#required>::#constant)
        };
        if let Some(at) = word {
            self.of_fields.push(Word {
                at,
                field: name.to_owned(),
                units: units.clone(),
            });
        }
        Part::new(name, units)
    }

    fn serde_attrs(&mut self, attrs: &[Attribute]) -> SerdeAttrs {
        let attrs = SerdeAttrs::parse(attrs);
        self.is_refused |= attrs.is_refused;
        attrs
    }

    /// The word on a field, which the type must not have already.
    fn word(&self, field: &Field) -> Option<Span> {
        let word = unbounded::word(&field.attrs, self.errors)?;
        if self.of_type.is_some() {
            self.errors.at_span(
                word,
                "the whole type is `unbounded` already: keep the word here or on the type",
            );
        }
        Some(word)
    }

    fn is_not_written(&self, field: &Field) {
        if let Some(word) = unbounded::word(&field.attrs, self.errors) {
            self.errors.at_span(
                word,
                "this field is not written, and needs no bound: remove `#[custom_status(unbounded)]`",
            );
        }
    }

    /// Whether serde's attributes leave the length unknown, which must then be said.
    fn is_unknown(&self, attrs: &SerdeAttrs, word: Option<Span>, the_word_goes_on: &str) -> bool {
        if word.is_none() {
            attrs.report_unknown(the_word_goes_on, self.errors);
        }
        !attrs.unknown.is_empty()
    }
}

/// The only field of `Name(field)`.
fn newtype(fields: &Fields) -> Option<&Field> {
    match fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first(),
        _ => None,
    }
}

fn name_of(index: usize, field: &Field) -> String {
    field
        .ident
        .as_ref()
        .map_or_else(|| index.to_string(), |ident| ident.unraw().to_string())
}

/// The tokens of a type with `Self` by its name, for a place outside of an `impl`.
fn named(ty: impl ToTokens, ident: &Ident) -> TokenStream {
    let name = |token| match token {
        TokenTree::Ident(word) if word == "Self" => {
            let mut ident = ident.clone();
            ident.set_span(word.span());
            TokenTree::Ident(ident)
        }
        TokenTree::Group(group) => {
            let mut named = Group::new(group.delimiter(), named(group.stream(), ident));
            named.set_span(group.span());
            TokenTree::Group(named)
        }
        token => token,
    };
    ty.into_token_stream().into_iter().map(name).collect()
}

fn span_of(ty: &Type) -> Span {
    ty.span().resolved_at(Span::call_site())
}
