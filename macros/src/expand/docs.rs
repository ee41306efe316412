//! What rustdoc shows of a definition: what its author wrote, and what its attribute and its signature say.
//!
//! The whole of it is on the builder, which is what callers look up; the type has one line that leads there. Links lead to the
//! definition itself only: a type of the author's may be private, or be written by a macro, and a link to it may be broken.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Meta};

use super::{Parameter, Returned, name_of, type_argument};
use crate::determinism::Allowance;
use crate::model::{self, Definition};
use crate::validate::text;

/// The documentation of the builder.
pub(super) fn of_builder(definition: &Definition) -> TokenStream {
    let docs: Vec<_> = docs(definition).collect();
    let mut lines = Vec::new();
    if docs.iter().any(|doc| is_text(doc)) {
        // The author's text may end in a section of its own.
        lines.extend(["", "# Definition", ""].map(str::to_owned));
    }
    let run = match link(definition) {
        Some(ident) => format!("[`{ident}::run`]"),
        None => "`run`".to_owned(),
    };
    lines.push(format!(
        "Builds a call of {}. {run} is the function as written.",
        named(definition)
    ));
    lines.push(String::new());
    lines.extend(facts(definition).map(|fact| format!("- {fact}")));
    let text: String = lines.iter().map(|line| format!(" {line}\n")).collect();
    let text = text.trim_end();
    quote!(#(#docs)* #[doc = #text])
}

/// The documentation of the type.
pub(super) fn of_type(definition: &Definition) -> TokenStream {
    let hidden = docs(definition).filter(|doc| !is_text(doc));
    let see = link(definition).map_or_else(String::new, |ident| {
        format!(": [`{ident}()`] builds a call of it")
    });
    let text = format!(" {} as a type{see}.", capitalized(&named(definition)));
    quote!(#(#hidden)* #[doc = #text])
}

/// What there is to know, a line each.
fn facts(definition: &Definition) -> impl Iterator<Item = String> {
    signature(definition)
        .into_iter()
        .chain(limits(definition))
        .chain(surroundings(definition))
        .chain(definition.allowed.iter().map(exception))
}

/// What it takes and gives.
fn signature(definition: &Definition) -> Vec<String> {
    let argument = |Parameter { ident, ty, docs }: &Parameter| {
        let name = name_of(ident).value();
        let docs = docs.join(" ");
        let colon = if docs.is_empty() { "" } else { ":" };
        format!("argument `{name}`, `{}`{colon}{docs}", text(ty))
    };
    let mut facts: Vec<_> = definition.parameters.iter().map(argument).collect();
    match &definition.returned {
        Returned::Unit => {}
        Returned::Output(ty) => facts.push(format!("returns `{}`", text(ty))),
        Returned::Result(ty) => match (type_argument(ty, 0), type_argument(ty, 1)) {
            (Some(output), Some(error)) => facts.push(format!(
                "returns `{}`, or the error `{}`",
                text(output),
                text(error)
            )),
            _ => facts.push(format!("returns `{}`", text(ty))),
        },
    }
    facts
}

/// How often and how long it is tried, unless the call says otherwise.
fn limits(definition: &Definition) -> Vec<String> {
    let retry = definition
        .retry
        .as_ref()
        .map(|retry| format!("is tried {retry}"));
    let one = definition.timeout.as_ref().map(|period| {
        let period = period.literal.value();
        format!("one attempt takes `{period}` at most")
    });
    let all = definition.total_timeout.as_ref().map(|period| {
        let period = period.literal.value();
        format!("all attempts together take `{period}` at most")
    });
    [retry, one, all].into_iter().flatten().collect()
}

/// What it has to do with besides its arguments.
fn surroundings(definition: &Definition) -> Vec<String> {
    let list = |types: &[syn::Type]| {
        let names: Vec<_> = types.iter().map(|ty| format!("`{}`", text(ty))).collect();
        names.join(", ")
    };
    let dependencies = (!definition.dependencies.is_empty())
        .then(|| format!("is given {} by the worker", list(&definition.dependencies)));
    let status = definition
        .context
        .as_ref()
        .and_then(model::status_type)
        .map(|status| format!("publishes `{}` as its custom status", text(status)));
    let events = definition.events.as_ref().map(|events| match &**events {
        [] => "waits for no external events".to_owned(),
        events => format!("waits for the external events {}", list(events)),
    });
    [dependencies, status, events]
        .into_iter()
        .flatten()
        .collect()
}

/// What its body may do although it is not deterministic, and why.
fn exception(allowed: &Allowance) -> String {
    let rules: Vec<_> = allowed
        .rules
        .iter()
        .map(|allowed| format!("`{}`", allowed.rule.name()))
        .collect();
    let (rules, reason) = (rules.join(", "), &allowed.reason);
    format!("is not deterministic on purpose ({rules}): {reason}")
}

/// What it is, with its registered name and its version.
fn named(definition: &Definition) -> String {
    let version = definition
        .version
        .as_ref()
        .map_or_else(String::new, |version| {
            format!(" (version `{}`)", version.value())
        });
    let (kind, name) = (definition.kind.word(), definition.name.value());
    format!("the {kind} `{name}`{version}")
}

fn capitalized(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    first.to_uppercase() + rest
}

/// The name by which links find the definition. rustdoc reads no raw names.
fn link(definition: &Definition) -> Option<String> {
    let ident = definition.item.sig.ident.to_string();
    (!ident.starts_with("r#")).then_some(ident)
}

fn docs(definition: &Definition) -> impl Iterator<Item = &Attribute> {
    let attrs = definition.item.attrs.iter();
    attrs.filter(|attr| attr.path().is_ident("doc"))
}

/// Whether it is text, and not `#[doc(hidden)]` or the like, which says something of both items.
fn is_text(doc: &Attribute) -> bool {
    matches!(doc.meta, Meta::NameValue(_))
}
