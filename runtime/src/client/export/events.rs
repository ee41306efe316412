//! Events as people read them: with their time, and under the name of their kind.

use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::history::{HistoryEvent, NO_ACTION};

pub(super) fn write<S: Serializer>(
    events: &[HistoryEvent],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    struct Readable<'a>(&'a HistoryEvent);

    impl Serialize for Readable<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let event = self.0;
            let mut map = serializer.serialize_map(None)?;
            map.serialize_entry("at", &event.timestamp)?;
            if event.event_id != NO_ACTION {
                map.serialize_entry("action", &event.event_id)?;
            }
            // A kind is stored as a map of its name to its fields.
            let kind = serde_json::to_value(&event.kind).map_err(serde::ser::Error::custom)?;
            for (name, fields) in kind.as_object().into_iter().flatten() {
                map.serialize_entry(name, fields)?;
            }
            map.end()
        }
    }

    serializer.collect_seq(events.iter().map(Readable))
}

pub(super) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<HistoryEvent>, D::Error> {
    let events = Vec::<Map<String, Value>>::deserialize(deserializer)?;
    let event = |mut event: Map<String, Value>| -> Result<HistoryEvent, serde_json::Error> {
        let Some(at) = event.remove("at") else {
            return Err(serde_json::Error::custom("an event has no time `at`"));
        };
        let action = event.remove("action");
        if event.len() != 1 {
            return Err(serde_json::Error::custom(
                "an event has `at`, perhaps `action`, and its kind, and nothing else",
            ));
        }
        Ok(HistoryEvent {
            event_id: action.map_or(Ok(NO_ACTION), serde_json::from_value)?,
            timestamp: serde_json::from_value(at)?,
            kind: serde_json::from_value(Value::Object(event))?,
        })
    };
    let events = events.into_iter().map(event);
    events.collect::<Result<_, _>>().map_err(D::Error::custom)
}
