//! The query of a request. A value that cannot be read never fails a request: it counts as absent.

use std::fmt;
use std::time::Duration;

use axum::extract::Query as Pairs;
use axum::http::Uri;
use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;

use crate::model::status::RuntimeStatus;

/// The parameters of a request, whose names are matched without regard to case.
pub(super) struct Query(Vec<(String, String)>);

/// Names only: a value may be a key.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        Self(Pairs::try_from_uri(uri).map_or_else(|_| Vec::new(), |Pairs(pairs)| pairs))
    }

    /// The value of a parameter; all of them joined by commas when it is repeated.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let values = self.0.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let values: Vec<_> = values.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    /// As [`text`](Self::text), where a blank value counts as absent.
    pub(super) fn name(&self, name: &str) -> Option<String> {
        self.text(name).filter(|value| !value.trim().is_empty())
    }

    /// `true` or `false`, in any letter case, among blanks.
    pub(super) fn boolean(&self, name: &str) -> Option<bool> {
        self.text(name)?.trim().to_ascii_lowercase().parse().ok()
    }

    /// A decimal number.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    /// A decimal number of seconds, possibly with a fraction. A time that is too long to be told counts as the longest.
    pub(super) fn seconds(&self, name: &str) -> Option<Duration> {
        let seconds: f64 = self.text(name)?.trim().parse().ok()?;
        let seconds = Some(seconds).filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// A time: see [`timestamp`].
    pub(super) fn timestamp(&self, name: &str) -> Option<Timestamp> {
        timestamp(&self.text(name)?)
    }

    /// A list of runtime statuses, by their names or numbers. Other words are left out; `None` when there are none at all.
    pub(super) fn runtime_statuses(&self, name: &str) -> Option<Vec<RuntimeStatus>> {
        let list = self.name(name)?;
        let statuses = list
            .split(',')
            .filter_map(|word| runtime_status(word.trim()));
        Some(statuses.collect())
    }
}

fn runtime_status(word: &str) -> Option<RuntimeStatus> {
    let number = |number: usize| RuntimeStatus::ALL.get(number).copied();
    word.parse().ok().or_else(|| number(word.parse().ok()?))
}

/// An ISO 8601 time. Without a zone it is in UTC; a blank before an offset is the `+` that it was before the query was decoded; a
/// year may lack its leading zeros. What is beyond the times that there are counts as the first or the last of them.
fn timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    let zeros = ["", "0", "00", "000"].get(4_usize.checked_sub(year)?)?;
    let text = match text.rsplit_once(' ') {
        Some((time, offset)) if time.contains(':') => format!("{zeros}{time}+{offset}"),
        _ => format!("{zeros}{text}"),
    };
    let pieces = Pieces::parse(&text).ok()?;
    let time = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
    Some(offset.to_timestamp(time).unwrap_or(match time.year() {
        ..0 => Timestamp::MIN,
        _ => Timestamp::MAX,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/?{text}").parse().unwrap())
    }

    #[test]
    fn names_ignore_case_and_plus_is_a_blank() {
        let query = query("Reason=a+b%20%ED%95%9C&empty=&twice=1&TWICE=2");
        assert_eq!(query.text("reason").as_deref(), Some("a b 한"));
        assert_eq!(query.text("EMPTY").as_deref(), Some(""));
        assert_eq!(query.name("empty"), None);
        assert_eq!(query.text("twice").as_deref(), Some("1,2"));
        assert_eq!(query.text("absent"), None);
    }

    #[test]
    fn values_that_cannot_be_read_count_as_absent() {
        for (text, value) in [
            ("True", Some(true)),
            ("%20FALSE%20", Some(false)),
            ("yes", None),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(query(&format!("b={text}")).boolean("b"), value, "{text:?}");
        }
        for (text, value) in [
            ("1.5", Some(Duration::from_millis(1_500))),
            ("10", Some(Duration::from_secs(10))),
            ("1e300", Some(Duration::MAX)),
            ("-1", None),
            ("x", None),
            ("inf", None),
            ("NaN", None),
        ] {
            assert_eq!(query(&format!("s={text}")).seconds("s"), value, "{text:?}");
        }
        for (text, value) in [
            ("7", Some(7)),
            ("-7", Some(-7)),
            ("7.0", None),
            ("99999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(query(&format!("n={text}")).integer("n"), value, "{text:?}");
        }
    }

    #[test]
    fn statuses_are_a_list_of_names_and_numbers_of_which_unknown_ones_are_left_out() {
        use RuntimeStatus::{Completed, Failed, Pending, Running};
        for (text, statuses) in [
            ("", None),
            ("s=", None),
            ("s=Running", Some(vec![Running])),
            ("s=Running,Pending", Some(vec![Running, Pending])),
            (
                "s=Running%2C%20Failed&S=1",
                Some(vec![Running, Failed, Completed]),
            ),
            ("s=running", Some(vec![])),
            ("s=8,-1,Nothing", Some(vec![])),
        ] {
            assert_eq!(query(text).runtime_statuses("s"), statuses, "{text:?}");
        }
    }

    #[test]
    fn times_are_read_in_every_shape_that_clients_send() {
        for (text, time) in [
            ("2018-03-01T05:18:49Z", "2018-03-01T05:18:49Z"),
            ("2018-03-01T05:18:49.123Z", "2018-03-01T05:18:49.123Z"),
            ("2018-03-01T05:18:49.123456Z", "2018-03-01T05:18:49.123456Z"),
            (
                "2018-03-01T05:18:49.1234567Z",
                "2018-03-01T05:18:49.1234567Z",
            ),
            ("2018-03-01T05:18:49%2B02:00", "2018-03-01T03:18:49Z"),
            ("2018-03-01T05:18:49+02:00", "2018-03-01T03:18:49Z"),
            ("2018-03-01T05:18:49-02:00", "2018-03-01T07:18:49Z"),
            ("2018-03-01T05:18:49.5", "2018-03-01T05:18:49.5Z"),
            ("2018-03-01+05:18:49", "2018-03-01T05:18:49Z"),
            ("2018-03-01", "2018-03-01T00:00:00Z"),
            ("1-01-01T00:00:00.000000Z", "0001-01-01T00:00:00Z"),
            ("970-01-01T00:00:00Z", "0970-01-01T00:00:00Z"),
            (
                "9999-12-31T23:59:59.9999999Z",
                "9999-12-30T22:00:00.999999999Z",
            ),
        ] {
            let time = Some(time.parse().unwrap());
            assert_eq!(query(&format!("t={text}")).timestamp("t"), time, "{text}");
        }
        for text in [
            "",
            "now",
            "2018",
            "12018-03-01",
            "2018-13-01T00:00:00Z",
            "1",
            ":",
        ] {
            assert_eq!(query(&format!("t={text}")).timestamp("t"), None, "{text}");
        }
    }
}
