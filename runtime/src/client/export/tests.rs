use super::*;
use crate::model::history::NO_ACTION;

/// The example of the documentation, rewound after a failure.
const SHIP: &str = r#"{
  "format": "steadfast.history",
  "format_version": 1,
  "instance_id": "order-7",
  "name": "ship",
  "version": "1.2",
  "execution_id": "0190f5b0a1b27c3d8e4f5a6b7c8d9e0f",
  "runtime_status": "Running",
  "created_at": "2026-01-01T12:00:00.123456Z",
  "last_updated_at": "2026-01-01T12:00:02Z",
  "episodes": [
    {
      "runtime_status": "Pending",
      "sequence": 0,
      "events": [
        {
          "at": "2026-01-01T12:00:00.123456Z",
          "ExecutionStarted": {
            "execution_id": "0190f5b0a1b27c3d8e4f5a6b7c8d9e0f",
            "input": "[7,  \"é\"]",
            "name": "ship",
            "version": "1.2"
          }
        }
      ]
    },
    {
      "runtime_status": "Failed",
      "sequence": 2,
      "custom_status": "\"packing\"",
      "events": [
        {
          "at": "2026-01-01T12:00:01Z",
          "OrchestratorStarted": {}
        },
        {
          "at": "2026-01-01T12:00:01Z",
          "action": 0,
          "TaskScheduled": {
            "name": "pack"
          }
        },
        {
          "at": "2026-01-01T12:00:01Z",
          "action": 1,
          "ExecutionCompleted": {
            "failure": {
              "error_message": "no box",
              "error_type": "E"
            },
            "status": "Failed"
          }
        }
      ]
    },
    {
      "runtime_status": "Running",
      "sequence": 3,
      "events": [
        {
          "at": "2026-01-01T12:00:02Z",
          "ExecutionRewound": {}
        }
      ]
    }
  ]
}"#;

fn refused(json: &str) -> String {
    ExportedHistory::from_json(json).unwrap_err().to_string()
}

#[test]
fn a_file_is_written_as_it_was_read() {
    let history = ExportedHistory::from_json(SHIP).unwrap();
    assert_eq!(history.to_json(), SHIP);
    let events = &history.episodes[1].events;
    assert_eq!((events[0].event_id, events[1].event_id), (NO_ACTION, 0));
    let other = history.with_id("copy").unwrap();
    assert_eq!(other.instance_id.as_str(), "copy");
    assert!(other.with_id("a/b").is_err());
}

#[test]
fn what_is_no_history_is_refused_with_the_reason() {
    for (json, told) in [
        ("", "it is not an exported history"),
        ("[]", "it is not an exported history"),
        (
            r#"{"format":"steadfast.history","format_version":2}"#,
            "version 2; this program reads `steadfast.history` up to version 1",
        ),
        (
            r#"{"format":"steadfast.history","format_version":0}"#,
            "version 0;",
        ),
        (
            r#"{"format":"other","format_version":1}"#,
            "the format `other` version 1",
        ),
        (
            r#"{"format":"steadfast.history","format_version":1}"#,
            "missing field `instance_id`",
        ),
    ] {
        let error = refused(json);
        assert!(error.contains(told), "{json}: {error}");
    }
}

#[test]
fn a_history_that_cannot_be_is_refused_with_the_reason() {
    for (part, instead, told) in [
        ("order-7", "order/7", "'/'"),
        (
            "\"name\": \"ship\",\n  \"version\": \"1.2\"",
            "\"name\": \"ship\"",
            "another name, version or execution id",
        ),
        (
            "\"runtime_status\": \"Running\",\n  \"created_at\"",
            "\"runtime_status\": \"Failed\",\n  \"created_at\"",
            "it is Failed, and after its last episode it was Running",
        ),
        (
            "\"ExecutionStarted\"",
            "\"EntityLocked\"",
            "unknown variant `EntityLocked`",
        ),
        (
            "\"sequence\": 2",
            "\"sequence\": 4",
            "episode 2: its sequence of changes, 3, goes back",
        ),
        (
            "\"sequence\": 3",
            "\"sequence\": 18446744073709551615",
            "is too large",
        ),
        (
            "\"sequence\": 3,",
            "\"sequence\": 3, \"more\": 1,",
            "unknown field `more`",
        ),
        (
            "ExecutionRewound",
            "OrchestratorStarted",
            "it comes after the end",
        ),
        (
            "\"status\": \"Failed\"",
            "\"status\": \"Completed\"",
            "episode 1: its status Failed is not what its events lead to",
        ),
        ("\\\"packing\\\"", "packing", "the custom status is no JSON"),
        (
            "\"action\": 0,",
            "\"action\": 0, \"extra\": 0,",
            "its kind, and nothing else",
        ),
        (
            "\"at\": \"2026-01-01T12:00:02Z\",",
            "",
            "an event has no time `at`",
        ),
    ] {
        assert!(SHIP.contains(part), "{part}");
        let error = refused(&SHIP.replace(part, instead));
        assert!(error.contains(told), "{instead}: {error}");
    }
    let history = ExportedHistory::from_json(SHIP).unwrap();
    let mut empty = history.clone();
    empty.episodes.clear();
    let mut twice = history.clone();
    let started = twice.episodes[0].events[0].clone();
    twice.episodes[2].events.push(started);
    let mut early = history;
    let scheduled = early.episodes[1].events[1].clone();
    early.episodes[0].events.push(scheduled);
    for (history, told) in [
        (empty, "does not begin with `ExecutionStarted`"),
        (twice, "begins only once"),
        (early, "its first episode has a `TaskScheduled`"),
    ] {
        let error = refused(&history.to_json());
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_damaged_file_is_refused_or_read_and_never_a_panic() {
    for at in 0..SHIP.len() {
        for byte in [b'"', b'0', b'9', b'-', b'}', b',', b'n'] {
            let mut damaged = SHIP.as_bytes().to_vec();
            damaged[at] = byte;
            if let Ok(text) = String::from_utf8(damaged) {
                drop(ExportedHistory::from_json(&text));
            }
        }
        if let Some(cut) = SHIP.get(..at) {
            assert!(ExportedHistory::from_json(cut).is_err());
        }
    }
}
