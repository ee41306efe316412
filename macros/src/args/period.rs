//! Durations as text: `"30s"`, `"1h 30m"`, `"250ms"`.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote};
use syn::LitStr;
use syn::parse::ParseStream;

use super::string;

/// The units from the longest to the shortest, in microseconds.
const UNITS: &[(&str, u64)] = &[
    ("d", 24 * 60 * 60 * 1_000_000),
    ("h", 60 * 60 * 1_000_000),
    ("m", 60 * 1_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// A duration and where it is written.
pub(crate) struct Period {
    pub(crate) duration: Duration,
    pub(crate) literal: LitStr,
}

impl Period {
    /// `= "30s"`.
    pub(super) fn parse(input: ParseStream<'_>, form: &str) -> syn::Result<Self> {
        let instead = format!("write the duration as a string, as in `{form}`");
        let literal = string(input, form, &instead)?;
        match duration(&literal.value()) {
            Ok(duration) => Ok(Self { duration, literal }),
            Err(message) => Err(syn::Error::new(literal.span(), message)),
        }
    }

    /// The same where none at all would make no sense.
    pub(super) fn parse_positive(input: ParseStream<'_>, form: &str) -> syn::Result<Self> {
        let period = Self::parse(input, form)?;
        if period.duration.is_zero() {
            let message = "a duration of zero has passed before anything can happen; leave the key out for no limit";
            return Err(syn::Error::new(period.literal.span(), message));
        }
        Ok(period)
    }
}

impl ToTokens for Period {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let seconds = Literal::u64_unsuffixed(self.duration.as_secs());
        let nanoseconds = Literal::u32_unsuffixed(self.duration.subsec_nanos());
        tokens.extend(quote!(::core::time::Duration::new(#seconds, #nanoseconds)));
    }
}

/// Numbers with units, from the longest unit to the shortest, each at most once.
fn duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(format!("the duration is empty; {}", how_to_write()));
    }
    let (mut units, mut micros) = (UNITS, 0_u64);
    while !rest.is_empty() {
        let (number, after) = split_where(rest, |c| !c.is_ascii_digit());
        let (unit, after) = split_where(after.trim_start(), |c| {
            c.is_ascii_digit() || c.is_whitespace()
        });
        if number.is_empty() {
            return Err(format!(
                "`{text}` is not a duration: a whole number is missing at `{rest}`; {}",
                how_to_write()
            ));
        }
        let Some(index) = units.iter().position(|(name, _)| *name == unit) else {
            return Err(wrong_unit(text, number, unit));
        };
        let too_long = || format!("`{text}` is too long a duration");
        let number: u64 = number.parse().map_err(|_| too_long())?;
        micros = number
            .checked_mul(units[index].1)
            .and_then(|part| micros.checked_add(part))
            .ok_or_else(too_long)?;
        (units, rest) = (&units[index + 1..], after.trim_start());
    }
    Ok(Duration::from_micros(micros))
}

fn wrong_unit(text: &str, number: &str, unit: &str) -> String {
    if UNITS.iter().any(|(name, _)| *name == unit) {
        return format!(
            "`{text}` is not a duration: `{number}{unit}` is out of order, since each unit is there once, the longest first"
        );
    }
    let what = match unit {
        "" => format!("`{number}` has no unit"),
        _ if unit.starts_with('.') => "a number is whole, as in `1s 500ms`".to_owned(),
        _ => format!("`{unit}` is no unit"),
    };
    format!("`{text}` is not a duration: {what}; {}", how_to_write())
}

fn how_to_write() -> String {
    let units: Vec<_> = UNITS.iter().map(|(name, _)| format!("`{name}`")).collect();
    format!(
        "write numbers with units, such as \"1h 30m\"; the units are {}",
        units.join(", ")
    )
}

fn split_where(text: &str, is_after: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(is_after).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_units_add_up() {
        for (text, micros) in [
            ("30s", 30_000_000),
            (" 1h 30m ", 5_400_000_000),
            ("1h30m", 5_400_000_000),
            ("250ms", 250_000),
            ("1 d", 86_400_000_000),
            ("1s 500ms 7us", 1_500_007),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let units = "write numbers with units, such as \"1h 30m\"; the units are `d`, `h`, `m`, `s`, `ms`, `us`";
        for (text, why) in [
            ("", format!("the duration is empty; {units}")),
            (
                "30",
                format!("`30` is not a duration: `30` has no unit; {units}"),
            ),
            (
                "1 week",
                format!("`1 week` is not a duration: `week` is no unit; {units}"),
            ),
            (
                "1.5s",
                format!(
                    "`1.5s` is not a duration: a number is whole, as in `1s 500ms`; {units}"
                ),
            ),
            (
                "1h -5m",
                format!(
                    "`1h -5m` is not a duration: a whole number is missing at `-5m`; {units}"
                ),
            ),
            (
                "1s 1h",
                "`1s 1h` is not a duration: `1h` is out of order, since each unit is there once, the longest first"
                    .to_owned(),
            ),
            (
                "99999999999999999999d",
                "`99999999999999999999d` is too long a duration".to_owned(),
            ),
            (
                "999999999d",
                "`999999999d` is too long a duration".to_owned(),
            ),
        ] {
            assert_eq!(duration(text), Err(why));
        }
    }
}
