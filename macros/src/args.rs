//! The arguments of an attribute, such as `name = "E1_SayHello", retry(max_attempts = 3, first_interval = "1s")`.

mod period;
mod retry;

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseBuffer;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Path, Token, Type, parenthesized};

use crate::errors::Errors;
use crate::validate::text;
pub(crate) use period::Period;
pub(crate) use retry::Retry;

/// One word that an attribute understands.
pub(crate) struct Key<T> {
    pub(crate) word: &'static str,
    /// How it is written, for messages that list the keys.
    form: &'static str,
    /// Reads what follows the word.
    parse: fn(&mut T, ParseStream<'_>, &Errors) -> syn::Result<()>,
}

/// What an attribute says. Each value is the user's own tokens, so that later mistakes point at them.
#[derive(Default)]
pub(crate) struct Args {
    /// `name = ".."`.
    pub(crate) name: Option<LitStr>,
    /// `version = ".."`.
    pub(crate) version: Option<LitStr>,
    /// `retry(..)`.
    pub(crate) retry: Option<Retry>,
    /// `timeout = ".."`.
    pub(crate) timeout: Option<Period>,
    /// `total_timeout = ".."`.
    pub(crate) total_timeout: Option<Period>,
    /// `events(..)`.
    pub(crate) events: Option<Vec<Type>>,
    /// `skip_from(..)`.
    pub(crate) skip_from: Vec<Ident>,
    /// `crate = path`.
    pub(crate) root: Option<Path>,
}

/// The name that a definition is registered under.
pub(crate) const NAME: Key<Args> = Key {
    word: "name",
    form: "name = \"..\"",
    parse: |args, input, _| {
        args.name = Some(name(input)?);
        Ok(())
    },
};

/// The version of an orchestrator.
pub(crate) const VERSION: Key<Args> = Key {
    word: "version",
    form: "version = \"1.2\"",
    parse: |args, input, _| {
        args.version = Some(version(input)?);
        Ok(())
    },
};

/// How a call is tried again.
pub(crate) const RETRY: Key<Args> = Key {
    word: "retry",
    form: "retry(..)",
    parse: |args, input, errors| {
        args.retry = Retry::parse(input, errors)?;
        Ok(())
    },
};

/// How long one attempt may take.
pub(crate) const TIMEOUT: Key<Args> = Key {
    word: "timeout",
    form: "timeout = \"30s\"",
    parse: |args, input, _| {
        args.timeout = Some(Period::parse_positive(input, TIMEOUT.form)?);
        Ok(())
    },
};

/// How long all attempts together may take.
pub(crate) const TOTAL_TIMEOUT: Key<Args> = Key {
    word: "total_timeout",
    form: "total_timeout = \"5m\"",
    parse: |args, input, _| {
        args.total_timeout = Some(Period::parse_positive(input, TOTAL_TIMEOUT.form)?);
        Ok(())
    },
};

/// The external events that an orchestrator waits for.
pub(crate) const EVENTS: Key<Args> = Key {
    word: "events",
    form: "events(..)",
    parse: |args, input, errors| {
        args.events = Some(events(input, errors)?);
        Ok(())
    },
};

/// The conversions that a derive leaves to the user.
pub(crate) const SKIP_FROM: Key<Args> = Key {
    word: "skip_from",
    form: "skip_from(..)",
    parse: |args, input, _| {
        let (_, inside) = in_parentheses(input, "write `skip_from(CallError)`")?;
        let names = Punctuated::<Ident, Token![,]>::parse_terminated(&inside)?;
        args.skip_from.extend(names);
        Ok(())
    },
};

/// Where steadfast is.
pub(crate) const CRATE: Key<Args> = Key {
    word: "crate",
    form: "crate = path",
    parse: |args, input, _| {
        args.root = Some(root(input)?);
        Ok(())
    },
};

/// Which keys an attribute has, and what it is called in messages.
pub(crate) struct Accepts<T: 'static> {
    /// The attribute as the user writes it, such as `` `#[activity]` ``.
    pub(crate) attribute: &'static str,
    pub(crate) keys: &'static [Key<T>],
    /// Words that belong elsewhere, and what to say about them.
    pub(crate) elsewhere: &'static [(&'static str, &'static str)],
}

impl<T> Accepts<T> {
    fn list(&self) -> String {
        let keys: Vec<_> = self
            .keys
            .iter()
            .map(|key| format!("`{}`", key.form))
            .collect();
        match keys.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, before)) => format!("{} and {last}", before.join(", ")),
            None => "no keys".to_owned(),
        }
    }

    fn unknown(&self, word: &str) -> String {
        let (attribute, list) = (self.attribute, self.list());
        match self.elsewhere.iter().find(|(other, _)| *other == word) {
            Some((_, message)) => (*message).to_owned(),
            None => format!("unknown key `{word}`: {attribute} accepts {list}"),
        }
    }

    /// Reads keys with their values to the end, reports every mistake in them, and keeps what is right.
    fn parse_all(&self, args: &mut T, input: ParseStream<'_>, errors: &Errors) -> syn::Result<()> {
        let mut seen: Vec<&str> = Vec::new();
        while !input.is_empty() {
            let Ok(word) = input.call(Ident::parse_any) else {
                let (attribute, list) = (self.attribute, self.list());
                errors.push(input.error(format!("expected a key: {attribute} accepts {list}")));
                skip_to_comma(input)?;
                continue;
            };
            let Some(key) = self.keys.iter().find(|key| word == key.word) else {
                errors.at(&word, self.unknown(&word.to_string()));
                skip_to_comma(input)?;
                continue;
            };
            if seen.contains(&key.word) {
                errors.at(
                    &word,
                    format!("`{}` is given twice: keep one of them", key.word),
                );
            }
            seen.push(key.word);
            if errors.take((key.parse)(args, input, errors)).is_none() {
                skip_to_comma(input)?;
            } else if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                errors.push(input.error("expected `,` in front of the next key"));
                skip_to_comma(input)?;
            }
        }
        Ok(())
    }
}

impl Args {
    /// Reads the arguments, reports every mistake in them, and keeps what is right.
    pub(crate) fn parse(tokens: TokenStream, accepts: &Accepts<Self>, errors: &Errors) -> Self {
        let mut args = Self::default();
        let parsed =
            (|input: ParseStream<'_>| accepts.parse_all(&mut args, input, errors)).parse2(tokens);
        errors.take(parsed);
        args.has_timeouts_in_order(errors);
        args
    }

    /// A limit that can never be reached is a mistake in one of the two.
    fn has_timeouts_in_order(&self, errors: &Errors) {
        if let (Some(one), Some(all)) = (&self.timeout, &self.total_timeout)
            && all.duration < one.duration
        {
            errors.at(
                &all.literal,
                format!(
                    "`total_timeout` is for all attempts together, and is shorter than the `timeout` of one, {}",
                    text(&one.literal)
                ),
            );
        }
    }
}

fn name(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let name = string(input, NAME.form, "write the name as a string")?;
    if name.value().trim().is_empty() {
        return Err(syn::Error::new(
            name.span(),
            "the name is empty; leave `name` out to use the name of the item",
        ));
    }
    Ok(name)
}

fn version(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let message = "write the version as a string of numbers with dots between them, as in `version = \"1.2\"`";
    let version = string(input, VERSION.form, message)?;
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u64>().is_ok()
    };
    if version.value().split('.').all(is_number) {
        Ok(version)
    } else {
        Err(syn::Error::new(version.span(), message))
    }
}

fn events(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Vec<Type>> {
    let (_, inside) = in_parentheses(
        input,
        "write the types of the events in parentheses, as in `events(Approved, Cancelled)`",
    )?;
    let types = Punctuated::<Type, Token![,]>::parse_terminated(&inside)?;
    let mut seen: Vec<String> = Vec::new();
    for ty in &types {
        let name = text(ty);
        if seen.contains(&name) {
            errors.at(ty, format!("the event `{name}` is declared twice"));
        }
        seen.push(name);
    }
    Ok(types.into_iter().collect())
}

fn root(input: ParseStream<'_>) -> syn::Result<Path> {
    equals(input, CRATE.form)?;
    input.call(Path::parse_mod_style).map_err(|error| {
        syn::Error::new(
            error.span(),
            "write a path without quotes, as in `crate = renamed`",
        )
    })
}

/// `= ".."`.
fn string(input: ParseStream<'_>, form: &str, instead: &str) -> syn::Result<LitStr> {
    equals(input, form)?;
    input
        .parse()
        .map_err(|error| syn::Error::new(error.span(), instead))
}

fn equals(input: ParseStream<'_>, form: &str) -> syn::Result<()> {
    match input.parse::<Token![=]>() {
        Ok(_) => Ok(()),
        Err(error) => Err(syn::Error::new(error.span(), format!("write `{form}`"))),
    }
}

/// `(..)`, and its place.
fn in_parentheses<'a>(
    input: ParseStream<'a>,
    instead: &str,
) -> syn::Result<(Span, ParseBuffer<'a>)> {
    let parse = || {
        let inside;
        let parentheses = parenthesized!(inside in input);
        Ok((parentheses.span.join(), inside))
    };
    parse().map_err(|error: syn::Error| syn::Error::new(error.span(), instead))
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
    use crate::model::Kind;

    fn parse_as(kind: Kind, tokens: TokenStream) -> (Args, Vec<String>) {
        let errors = Errors::new();
        let args = Args::parse(tokens, kind.accepts(), &errors);
        let messages = errors
            .finish()
            .err()
            .into_iter()
            .flatten()
            .map(|error| error.to_string())
            .collect();
        (args, messages)
    }

    fn parse(tokens: TokenStream) -> (Args, Vec<String>) {
        parse_as(Kind::Activity, tokens)
    }

    #[track_caller]
    fn refused(kind: Kind, tokens: TokenStream, expected: &[&str]) {
        assert_eq!(parse_as(kind, tokens).1, expected);
    }

    const ACCEPTED: &str = "`name = \"..\"`, `retry(..)`, `timeout = \"30s\"`, `total_timeout = \"5m\"` and `crate = path`";

    #[test]
    fn every_key_is_read() {
        let (args, messages) = parse(quote!(
            name = "E1_SayHello",
            crate = a::b,
            retry(max_attempts = 3, first_interval = "1s"),
            timeout = "30s",
            total_timeout = "1m 30s",
        ));
        assert_eq!(messages, [""; 0]);
        assert_eq!(args.name.unwrap().value(), "E1_SayHello");
        assert_eq!(args.root.unwrap().segments.len(), 2);
        assert_eq!(args.retry.unwrap().max_attempts, 3);
        assert_eq!(args.timeout.unwrap().duration.as_secs(), 30);
        assert_eq!(args.total_timeout.unwrap().duration.as_secs(), 90);
        let (args, messages) = parse_as(
            Kind::Orchestrator,
            quote!(version = "1.20", events(Approved, a::Cancelled<u8>)),
        );
        assert_eq!(messages, [""; 0]);
        assert_eq!(args.version.unwrap().value(), "1.20");
        assert_eq!(args.events.unwrap().len(), 2);
        assert!(parse(quote!()).1.is_empty());
    }

    #[test]
    fn every_mistake_is_reported() {
        let (args, messages) = parse(quote!(
            retries(3),
            nam = "x",
            name = "",
            5,
            name = "y",
            name = "z"
        ));
        let twice = "`name` is given twice: keep one of them".to_owned();
        assert_eq!(
            messages,
            [
                format!("unknown key `retries`: `#[activity]` accepts {ACCEPTED}"),
                format!("unknown key `nam`: `#[activity]` accepts {ACCEPTED}"),
                "the name is empty; leave `name` out to use the name of the item".to_owned(),
                format!("expected a key: `#[activity]` accepts {ACCEPTED}"),
                twice.clone(),
                twice,
            ]
        );
        assert_eq!(args.name.unwrap().value(), "z");
        let (args, messages) = parse(quote!(name = "x" timeout = "1s", total_timeout = "2s"));
        assert_eq!(messages, ["expected `,` in front of the next key"]);
        assert!(args.total_timeout.is_some());
    }

    #[test]
    fn a_value_of_the_wrong_kind_says_what_to_write() {
        let refused = |tokens, expected| refused(Kind::Activity, tokens, expected);
        refused(quote!(name), &["write `name = \"..\"`"]);
        refused(quote!(name = x), &["write the name as a string"]);
        refused(
            quote!(crate = "renamed"),
            &["write a path without quotes, as in `crate = renamed`"],
        );
        refused(quote!(crate(renamed)), &["write `crate = path`"]);
        refused(quote!(timeout("1s")), &["write `timeout = \"30s\"`"]);
        refused(
            quote!(timeout = 30),
            &["write the duration as a string, as in `timeout = \"30s\"`"],
        );
    }

    #[test]
    fn a_key_of_the_other_attribute_says_where_it_belongs() {
        let (_, messages) = parse(quote!(version = "1.2", events(Approved)));
        assert!(messages[0].starts_with("an activity has no version"));
        assert!(messages[1].starts_with("an activity waits for no events"));
        let (_, messages) = parse_as(
            Kind::Orchestrator,
            quote!(timeout = "1s", total_timeout = "1s"),
        );
        assert!(messages[0].starts_with("an orchestrator has no `timeout`"));
        assert!(messages[1].starts_with("an orchestrator has no `total_timeout`"));
    }

    #[test]
    fn a_version_is_dotted_numbers() {
        let message = "write the version as a string of numbers with dots between them, as in `version = \"1.2\"`";
        for version in [
            quote!(1.2),
            quote!(""),
            quote!("1."),
            quote!("v1"),
            quote!("1.2-beta"),
            quote!("99999999999999999999"),
        ] {
            refused(Kind::Orchestrator, quote!(version = #version), &[message]);
        }
    }

    #[test]
    fn events_are_types_each_once() {
        refused(
            Kind::Orchestrator,
            quote!(events(A, b::B, b::A, A)),
            &["the event `A` is declared twice"],
        );
        refused(
            Kind::Orchestrator,
            quote!(events = A),
            &["write the types of the events in parentheses, as in `events(Approved, Cancelled)`"],
        );
        let (args, messages) = parse_as(Kind::Orchestrator, quote!(events()));
        assert_eq!((args.events.unwrap().len(), messages.len()), (0, 0));
    }

    #[test]
    fn a_total_timeout_is_not_shorter_than_that_of_one_attempt() {
        refused(
            Kind::Activity,
            quote!(timeout = "1m", total_timeout = "30s"),
            &[
                "`total_timeout` is for all attempts together, and is shorter than the `timeout` of one, \"1m\"",
            ],
        );
        refused(
            Kind::Activity,
            quote!(timeout = "1m", total_timeout = "60s"),
            &[],
        );
    }
}
