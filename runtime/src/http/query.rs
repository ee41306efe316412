//! The query of a request. A value that cannot be read never fails a request: it counts as absent.

use std::fmt;

use axum::extract::Query as Pairs;
use axum::http::Uri;

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

    /// A decimal number of seconds, possibly with a fraction.
    pub(super) fn seconds(&self, name: &str) -> Option<f64> {
        let seconds: f64 = self.text(name)?.trim().parse().ok()?;
        seconds.is_finite().then_some(seconds)
    }
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
            ("1.5", Some(1.5)),
            ("10", Some(10.0)),
            ("x", None),
            ("inf", None),
        ] {
            assert_eq!(query(&format!("s={text}")).seconds("s"), value, "{text:?}");
        }
    }
}
