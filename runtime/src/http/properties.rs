//! What holds of every address and header, however strange: parsing gives back what was written, and never panics.

use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use jiff::Timestamp;
use proptest::prelude::*;

use super::links::{encode, origin, prefix};
use super::query::Query;
use super::route::{Base, Route};
use crate::client::ContinuationToken;
use crate::model::status::RuntimeStatus;

/// A text that can be a segment of a path. What it must not be as an id is for the client to say.
fn segment() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[-+%./@ a-zA-Z0-9]{1,12}", "\\PC{1,12}"]
        .prop_filter("a segment has something in it", |text| !text.is_empty())
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![
        Just(Method::GET),
        Just(Method::POST),
        Just(Method::DELETE),
        Just(Method::PUT),
        Just(Method::HEAD)
    ]
}

/// A path near to those that there are.
fn path() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("instances".to_owned()),
        Just("orchestrators".to_owned()),
        Just("entities".to_owned()),
        Just("raiseEvent".to_owned()),
        Just("rewind".to_owned()),
        Just(String::new()),
        "(%[0-9a-fA-F]{2}|[a-z%+@]){0,6}",
        any::<String>(),
    ];
    prop::collection::vec(word, 0..6).prop_map(|words| format!("/{}", words.join("/")))
}

fn query(text: &str) -> Query {
    Query::of(&format!("/?{text}").parse::<Uri>().expect("an address"))
}

proptest! {
    #[test]
    fn what_is_encoded_into_a_path_is_read_back(id in segment(), event in segment()) {
        let on_instance = |rest: &str| format!("/instances/{}{rest}", encode(&id));
        let read = |method: Method, rest: &str| Route::parse(&method, &on_instance(rest));
        let id = id.clone();
        prop_assert_eq!(read(Method::GET, ""), Some(Route::Status { id: id.clone() }));
        prop_assert_eq!(read(Method::DELETE, "/"), Some(Route::Purge { id: id.clone() }));
        prop_assert_eq!(read(Method::POST, "/Rewind"), Some(Route::Rewind { id: id.clone() }));
        let raise = format!("/raiseEvent/{}", encode(&event));
        let raised = Route::RaiseEvent { id: id.clone(), event: event.clone() };
        prop_assert_eq!(read(Method::POST, &raise), Some(raised));
        let start = format!("/orchestrators/{}/{}", encode(&event), encode(&id));
        let started = Route::Start { orchestrator: event, id: Some(id) };
        prop_assert_eq!(Route::parse(&Method::POST, &start), Some(started));
    }

    #[test]
    fn every_path_is_a_route_or_none(method in method(), path in path()) {
        if let Some(Route::RaiseEvent { id, event }) = Route::parse(&method, &path) {
            let same = format!("/instances/{}/raiseEvent/{}", encode(&id), encode(&event));
            prop_assert_eq!(Route::parse(&method, &same), Some(Route::RaiseEvent { id, event }));
        }
        let _ = Base::split(&path);
    }

    #[test]
    fn a_text_in_a_query_is_read_back(text in any::<String>(), other in any::<String>()) {
        let query = query(&format!("a={}&reason={}", encode(&other), encode(&text)));
        prop_assert_eq!(query.text("REASON"), Some(text));
        prop_assert_eq!(query.text("A"), Some(other));
    }

    #[test]
    fn a_time_is_read_back_in_every_zone(
        microseconds in -62_135_596_800_000_000..253_402_200_000_000_000_i64,
        minutes in -14 * 60..14 * 60_i32,
    ) {
        let time = Timestamp::from_microsecond(microseconds).expect("a time");
        let offset = jiff::tz::Offset::from_seconds(minutes * 60).expect("an offset");
        let zoned = time.display_with_offset(offset).to_string();
        // The year may be before the first one there, which no client writes.
        prop_assume!(!zoned.starts_with('-'));
        for text in [time.to_string(), zoned.clone(), zoned.replace('T', " ")] {
            let by_blank = query(&format!("t={}", text.replace(' ', "+")));
            prop_assert_eq!(by_blank.timestamp("t"), Some(time), "{}", text);
            let encoded = query(&format!("t={}", encode(&text)));
            prop_assert_eq!(encoded.timestamp("t"), Some(time), "{}", text);
        }
    }

    #[test]
    fn no_value_is_too_strange(
        value in prop_oneof![any::<String>(), "[-+.0-9eE:TZ ]{0,30}", "[0-9]{1,5}-[0-9]{2}-[0-9]{2}([T ][0-9:.]{0,20})?"],
    ) {
        let query = query(&format!("x={}", encode(&value)));
        query.boolean("x");
        query.seconds("x");
        query.integer("x");
        query.timestamp("x");
        if let Some(statuses) = query.runtime_statuses("x") {
            prop_assert!(statuses.len() <= value.split(',').count());
        }
    }

    #[test]
    fn statuses_are_read_back_by_name_and_by_number(
        numbers in prop::collection::vec(0..RuntimeStatus::ALL.len(), 1..6),
        by_number in any::<bool>(),
    ) {
        let statuses: Vec<_> = numbers.iter().map(|&number| RuntimeStatus::ALL[number]).collect();
        let words: Vec<_> = numbers
            .iter()
            .map(|&number| match by_number {
                true => number.to_string(),
                false => RuntimeStatus::ALL[number].to_string(),
            })
            .collect();
        for list in [words.join(","), words.join("&s=")] {
            let query = query(&format!("s={list}"));
            prop_assert_eq!(query.runtime_statuses("s"), Some(statuses.clone()));
        }
    }

    #[test]
    fn a_text_that_is_a_continuation_token_is_written_as_it_was_read(
        text in prop_oneof![any::<String>(), "[0-9]{1,21}", "[-+0-9a-f ]{0,20}"],
    ) {
        if let Ok(token) = text.parse::<ContinuationToken>() {
            let written = token.to_string();
            prop_assert_eq!(written.as_str(), match text.trim_start_matches('0') {
                "" => "0",
                digits => digits,
            });
            prop_assert_eq!(written.parse(), Ok(token));
        }
    }

    #[test]
    fn links_begin_with_a_host_and_port_whatever_the_request_says_that_its_host_is(
        host in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..20),
            "[-a-z0-9._:@/?#\\[\\]\\\\,; \"'<>%&]{0,20}".prop_map(String::into_bytes),
            "(user@)?([a-z]{1,5}|\\[::1\\])(:[0-9]{0,6})?(/|\\?|#)?".prop_map(String::into_bytes),
        ],
        target in prop_oneof![Just("/".to_owned()), "http://([a-z]{1,4}@)?[a-z:@]{1,12}/"],
    ) {
        let mut headers = HeaderMap::new();
        if let Ok(host) = HeaderValue::from_bytes(&host) {
            headers.insert(HOST, host);
        }
        let target: Uri = target.parse().unwrap_or_default();
        let origin = origin(&headers, &target);
        let (scheme, rest) = origin.split_once("://").expect("an absolute address");
        prop_assert_eq!(scheme, "http");
        prop_assert!(!rest.contains(['@', '/', '?', '#', '\\', '"', '\'', '<', '>', '%', '&', ',', ' ']), "{}", origin);
        let parsed: Uri = origin.parse().expect("an address");
        prop_assert_eq!(parsed.authority().map(|authority| authority.as_str()), Some(rest));
        let sent = String::from_utf8_lossy(&host).into_owned();
        let of_target = target.authority().map(|authority| authority.as_str());
        prop_assert!(rest == sent.trim() || Some(rest) == of_target || rest == "localhost", "{}", origin);
    }

    #[test]
    fn what_the_routes_are_nested_below_is_found(segments in prop::collection::vec(segment(), 0..4), id in segment()) {
        let below: String = segments.iter().map(|segment| format!("/{}", encode(segment))).collect();
        let rest = format!("/durabletask/instances/{}", encode(&id));
        let original: Uri = format!("{below}{rest}?a=b").parse().expect("an address");
        let stripped: Uri = format!("{rest}?a=b").parse().expect("an address");
        prop_assert_eq!(prefix(&original, &stripped), below);
        prop_assert_eq!(prefix(&stripped, &stripped), "");
    }
}
