//! `retry(max_attempts = 3, first_interval = "1s", ..)`.

use std::fmt;

use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;
use syn::parse::ParseStream;
use syn::{Lit, Token};

use super::{Accepts, Key, Period, equals, in_parentheses};
use crate::errors::Errors;
use crate::paths::Private;
use crate::validate::text;

/// A retry policy.
pub(crate) struct Retry {
    pub(crate) max_attempts: u32,
    first_interval: Period,
    backoff_coefficient: Option<f64>,
    max_interval: Option<Period>,
    total_time: Option<Period>,
    jitter: Option<f64>,
}

/// In words, behind "is tried".
impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first_interval.literal.value();
        write!(
            f,
            "up to {} times, `{first}` after the first failure",
            self.max_attempts
        )?;
        if let Some(coefficient) = self.backoff_coefficient {
            write!(
                f,
                ", each interval {coefficient} times as long as the one before"
            )?;
        }
        if let Some(longest) = &self.max_interval {
            write!(f, ", `{}` at the longest", longest.literal.value())?;
        }
        if let Some(total) = &self.total_time {
            write!(
                f,
                ", not later than `{}` after the first attempt",
                total.literal.value()
            )?;
        }
        if let Some(jitter) = self.jitter {
            write!(f, ", each interval shortened by up to {jitter} of itself")?;
        }
        Ok(())
    }
}

/// What is between the parentheses.
#[derive(Default)]
struct Keys {
    max_attempts: Option<u32>,
    first_interval: Option<Period>,
    backoff_coefficient: Option<f64>,
    max_interval: Option<Period>,
    total_time: Option<Period>,
    jitter: Option<f64>,
}

/// How a policy is written when it says the least.
const EXAMPLE: &str = "retry(max_attempts = 3, first_interval = \"1s\")";

const MAX_ATTEMPTS: Key<Keys> = Key {
    word: "max_attempts",
    form: "max_attempts = 3",
    parse: |keys, input, _| {
        keys.max_attempts = Some(max_attempts(input)?);
        Ok(())
    },
};

const FIRST_INTERVAL: Key<Keys> = Key {
    word: "first_interval",
    form: "first_interval = \"1s\"",
    parse: |keys, input, _| {
        keys.first_interval = Some(Period::parse(input, FIRST_INTERVAL.form)?);
        Ok(())
    },
};

const BACKOFF_COEFFICIENT: Key<Keys> = Key {
    word: "backoff_coefficient",
    form: "backoff_coefficient = 2.0",
    parse: |keys, input, _| {
        let message = "the coefficient is 1 or more: each interval is that many times as long as the one before";
        keys.backoff_coefficient = Some(number(input, BACKOFF_COEFFICIENT.form, message, |n| {
            n >= 1.0
        })?);
        Ok(())
    },
};

const MAX_INTERVAL: Key<Keys> = Key {
    word: "max_interval",
    form: "max_interval = \"1m\"",
    parse: |keys, input, _| {
        keys.max_interval = Some(Period::parse_positive(input, MAX_INTERVAL.form)?);
        Ok(())
    },
};

const TOTAL_TIME: Key<Keys> = Key {
    word: "total_time",
    form: "total_time = \"1h\"",
    parse: |keys, input, _| {
        keys.total_time = Some(Period::parse_positive(input, TOTAL_TIME.form)?);
        Ok(())
    },
};

const JITTER: Key<Keys> = Key {
    word: "jitter",
    form: "jitter = 0.5",
    parse: |keys, input, _| {
        let message =
            "the jitter is between 0 and 1: an interval is shortened by up to this part of itself";
        keys.jitter = Some(number(input, JITTER.form, message, |n| {
            (0.0..=1.0).contains(&n)
        })?);
        Ok(())
    },
};

static ACCEPTS: Accepts<Keys> = Accepts {
    attribute: "`retry(..)`",
    keys: &[
        MAX_ATTEMPTS,
        FIRST_INTERVAL,
        BACKOFF_COEFFICIENT,
        MAX_INTERVAL,
        TOTAL_TIME,
        JITTER,
    ],
    elsewhere: &[],
};

impl Retry {
    /// Reads what follows the word `retry`. `None` when a mistake has been reported.
    pub(super) fn parse(input: ParseStream<'_>, errors: &Errors) -> syn::Result<Option<Self>> {
        let (span, inside) = in_parentheses(input, &format!("write `{EXAMPLE}`"))?;
        let before = errors.count();
        let mut keys = Keys::default();
        ACCEPTS.parse_all(&mut keys, &inside, errors)?;
        if errors.count() > before {
            return Ok(None);
        }
        let policy = keys.policy(span, errors);
        if let Some(policy) = &policy {
            policy.has_intervals_in_order(errors);
        }
        Ok(policy)
    }

    /// A greatest interval below the first would be the only one.
    fn has_intervals_in_order(&self, errors: &Errors) {
        if let Some(max) = &self.max_interval
            && max.duration < self.first_interval.duration
        {
            errors.at(
                &max.literal,
                format!(
                    "`max_interval` is shorter than `first_interval`, {}: no interval could be that long",
                    text(&self.first_interval.literal)
                ),
            );
        }
    }

    /// The policy as an expression.
    pub(crate) fn expression(&self, private: &Private) -> TokenStream {
        let max_attempts = Literal::u32_unsuffixed(self.max_attempts);
        let first_interval = &self.first_interval;
        let number = |n: f64| Literal::f64_unsuffixed(n);
        let backoff = self
            .backoff_coefficient
            .map(number)
            .map(|n| quote!(.backoff_coefficient(#n)));
        let max_interval = self
            .max_interval
            .as_ref()
            .map(|max| quote!(.max_interval(#max)));
        let total_time = self
            .total_time
            .as_ref()
            .map(|total| quote!(.total_time(#total)));
        let jitter = self.jitter.map(number).map(|n| quote!(.jitter(#n)));
        quote! {
            #private::RetryPolicy::new(#max_attempts, #first_interval) #backoff #max_interval #total_time #jitter
        }
    }
}

impl Keys {
    fn policy(self, span: Span, errors: &Errors) -> Option<Retry> {
        let missing = |word: &str, what: &str| {
            errors.at_span(
                span,
                format!("`retry` needs `{word}`, {what}: write `{EXAMPLE}`"),
            );
        };
        if self.max_attempts.is_none() {
            missing(
                MAX_ATTEMPTS.word,
                "how many attempts there are with the first",
            );
        }
        if self.first_interval.is_none() {
            missing(
                FIRST_INTERVAL.word,
                "how long it waits after the first attempt",
            );
        }
        Some(Retry {
            max_attempts: self.max_attempts?,
            first_interval: self.first_interval?,
            backoff_coefficient: self.backoff_coefficient,
            max_interval: self.max_interval,
            total_time: self.total_time,
            jitter: self.jitter,
        })
    }
}

fn max_attempts(input: ParseStream<'_>) -> syn::Result<u32> {
    equals(input, MAX_ATTEMPTS.form)?;
    let instead = "write the number of attempts as a whole number, 1 or more";
    let number = Number::parse(input, instead)?;
    match &number.literal {
        Lit::Int(literal) if literal.suffix().is_empty() && number.minus.is_none() => {
            match literal.base10_parse() {
                Ok(0) => Err(number.error("there is at least 1 attempt: the first call is one")),
                Ok(attempts) => Ok(attempts),
                Err(_) => Err(number.error("these are too many attempts")),
            }
        }
        _ => Err(number.error(instead)),
    }
}

/// `= 2.0`, in a range that the message tells.
fn number(
    input: ParseStream<'_>,
    form: &str,
    message: &str,
    is_in_range: impl Fn(f64) -> bool,
) -> syn::Result<f64> {
    equals(input, form)?;
    let instead = format!("write a number, as in `{form}`");
    let number = Number::parse(input, &instead)?;
    let value: Option<f64> = match &number.literal {
        Lit::Float(literal) if literal.suffix().is_empty() => literal.base10_parse().ok(),
        Lit::Int(literal) if literal.suffix().is_empty() => literal.base10_parse().ok(),
        _ => None,
    };
    match value {
        Some(n) if number.minus.is_none() && n.is_finite() && is_in_range(n) => Ok(n),
        Some(_) => Err(number.error(message)),
        None => Err(number.error(&instead)),
    }
}

/// A literal, and the minus in front of it.
struct Number {
    minus: Option<Token![-]>,
    literal: Lit,
}

impl Number {
    fn parse(input: ParseStream<'_>, instead: &str) -> syn::Result<Self> {
        let minus = input.parse()?;
        match input.parse() {
            Ok(literal) => Ok(Self { minus, literal }),
            Err(error) => Err(syn::Error::new(error.span(), instead)),
        }
    }

    fn error(&self, message: &str) -> syn::Error {
        let Self { minus, literal } = self;
        syn::Error::new_spanned(quote!(#minus #literal), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse::Parser;

    fn parse(tokens: TokenStream) -> Result<Option<Retry>, Vec<String>> {
        let errors = Errors::new();
        let parsed = (|input: ParseStream<'_>| Retry::parse(input, &errors)).parse2(tokens);
        let retry = errors.take(parsed).flatten();
        errors
            .finish()
            .map(|()| retry)
            .map_err(|error| error.into_iter().map(|error| error.to_string()).collect())
    }

    #[track_caller]
    fn refused(tokens: TokenStream, expected: &[&str]) {
        assert_eq!(parse(tokens).err().unwrap_or_default(), expected);
    }

    #[test]
    fn a_policy_becomes_an_expression() {
        let retry = parse(quote!((
            max_attempts = 3,
            first_interval = "1s",
            backoff_coefficient = 2,
            max_interval = "1m",
            total_time = "1h",
            jitter = 0.5
        )));
        let expression = retry.unwrap().unwrap().expression(&Private::new(None));
        assert_eq!(
            expression.to_string(),
            quote! {
                ::steadfast::__private::RetryPolicy::new(3, ::core::time::Duration::new(1, 0))
                    .backoff_coefficient(2.0)
                    .max_interval(::core::time::Duration::new(60, 0))
                    .total_time(::core::time::Duration::new(3600, 0))
                    .jitter(0.5)
            }
            .to_string()
        );
    }

    #[test]
    fn the_two_that_decide_are_needed() {
        refused(
            quote!(),
            &["write `retry(max_attempts = 3, first_interval = \"1s\")`"],
        );
        refused(
            quote!(()),
            &[
                "`retry` needs `max_attempts`, how many attempts there are with the first: write `retry(max_attempts = 3, first_interval = \"1s\")`",
                "`retry` needs `first_interval`, how long it waits after the first attempt: write `retry(max_attempts = 3, first_interval = \"1s\")`",
            ],
        );
    }

    #[test]
    fn every_mistake_is_reported() {
        refused(
            quote!((
                max_attempts = 0,
                first_interval = "soon",
                backoff_coefficient = 0.5,
                max_interval = "0s",
                total_time = 5,
                jitter = -0.1,
                jitters = 1,
            )),
            &[
                "there is at least 1 attempt: the first call is one",
                "`soon` is not a duration: a whole number is missing at `soon`; write numbers with units, such as \"1h 30m\"; the units are `d`, `h`, `m`, `s`, `ms`, `us`",
                "the coefficient is 1 or more: each interval is that many times as long as the one before",
                "a duration of zero has passed before anything can happen; leave the key out for no limit",
                "write the duration as a string, as in `total_time = \"1h\"`",
                "the jitter is between 0 and 1: an interval is shortened by up to this part of itself",
                "unknown key `jitters`: `retry(..)` accepts `max_attempts = 3`, `first_interval = \"1s\"`, `backoff_coefficient = 2.0`, `max_interval = \"1m\"`, `total_time = \"1h\"` and `jitter = 0.5`",
            ],
        );
    }

    #[test]
    fn numbers_are_numbers() {
        let attempts = "write the number of attempts as a whole number, 1 or more";
        for value in [quote!(-3), quote!("3"), quote!(3.5), quote!(3s)] {
            refused(
                quote!((max_attempts = #value, first_interval = "1s")),
                &[attempts],
            );
        }
        refused(
            quote!((max_attempts = 99999999999, first_interval = "1s")),
            &["these are too many attempts"],
        );
        refused(
            quote!((max_attempts = three, first_interval = "1s", jitter = "half")),
            &[
                "write the number of attempts as a whole number, 1 or more",
                "write a number, as in `jitter = 0.5`",
            ],
        );
    }

    #[test]
    fn a_greatest_interval_is_no_shorter_than_the_first() {
        refused(
            quote!((max_attempts = 3, first_interval = "1m", max_interval = "1s")),
            &[
                "`max_interval` is shorter than `first_interval`, \"1m\": no interval could be that long",
            ],
        );
    }
}
