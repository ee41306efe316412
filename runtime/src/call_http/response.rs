//! An answer, as history keeps it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::CallHttpError;
use crate::arguments::decode_value;
use crate::context::TimerDue;

/// How long a poll waits when the server does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// The answer to an HTTP request, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The status, such as 200.
    pub status: u16,
    /// The URI that answered: that of the request, or where redirects led.
    pub uri: String,
    /// The headers by their names in lower case. Values that are not UTF-8 are read as Latin-1, which is what HTTP was made with.
    #[serde(default)]
    pub headers: BTreeMap<String, Vec<String>>,
    /// The body.
    #[serde(default)]
    pub body: String,
}

impl HttpResponse {
    /// The first value of a header, by its name in upper or lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let values = self.headers.get(&name.to_ascii_lowercase())?;
        values.first().map(String::as_str)
    }

    /// Reads the body as JSON.
    ///
    /// # Errors
    ///
    /// [`CallHttpError::Json`] when it is not JSON, or not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallHttpError> {
        decode_value(&self.body).map_err(|error| CallHttpError::Json {
            status: self.status,
            reason: error.to_string(),
        })
    }

    /// Whether the status is one of 200 to 299.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// When to ask again, by the header `Retry-After`.
    pub(super) fn poll_due(&self) -> TimerDue {
        let Some(said) = self.header("retry-after").map(str::trim) else {
            return TimerDue::After(DEFAULT_WAIT);
        };
        if let Ok(seconds) = said.parse() {
            return TimerDue::After(Duration::from_secs(seconds));
        }
        let Ok(due) = httpdate::parse_http_date(said) else {
            return TimerDue::After(DEFAULT_WAIT);
        };
        // Where the server tells its own time too, the two clocks need not agree.
        let now = self
            .header("date")
            .and_then(|now| httpdate::parse_http_date(now).ok());
        now.map_or_else(
            || Timestamp::try_from(due).map_or(TimerDue::After(DEFAULT_WAIT), TimerDue::At),
            |now: SystemTime| TimerDue::After(due.duration_since(now).unwrap_or_default()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(headers: &[(&str, &str)]) -> HttpResponse {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]));
        HttpResponse {
            status: 202,
            uri: "http://example.com/".to_owned(),
            headers: headers.collect(),
            body: r#"{"id": 7}"#.to_owned(),
        }
    }

    #[test]
    fn the_server_says_when_to_ask_again() {
        let after = |seconds| TimerDue::After(Duration::from_secs(seconds));
        let due = |said| response(&[("retry-after", said)]).poll_due();
        assert_eq!(response(&[]).poll_due(), after(30));
        assert_eq!(
            (due("0"), due(" 5 "), due("soon")),
            (after(0), after(5), after(30))
        );
        let at = TimerDue::At("1994-11-06T08:49:37Z".parse().unwrap());
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(due(date), at, "{date}");
        }
        let by_its_clock = |date| {
            let due = ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
            response(&[due, ("date", date)]).poll_due()
        };
        assert_eq!(by_its_clock("Sun, 06 Nov 1994 08:49:30 GMT"), after(7));
        assert_eq!(by_its_clock("Sun, 06 Nov 1994 08:50:00 GMT"), after(0));
    }

    #[test]
    fn a_body_that_is_not_what_was_asked_for_says_where() {
        let response = response(&[("x-id", "7")]);
        assert_eq!(response.header("X-Id"), Some("7"));
        let read: BTreeMap<String, u32> = response.json().unwrap();
        assert_eq!(read["id"], 7);
        let error = response.json::<BTreeMap<String, bool>>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the body of the answer with status 202 cannot be read: at `id`: invalid type: integer `7`, expected a boolean"
        );
    }
}
