//! Names count as serde writes them, and every bound is reached by some value.

use serde::Serialize;
use steadfast::{BoundedStr, CustomStatus, StatusType};

#[derive(CustomStatus, Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    recommended_city: BoundedStr<2>,
    #[serde(rename = "a\"\n")]
    floor: u8,
    #[serde(skip)]
    #[allow(dead_code)]
    note: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<i8>,
}

#[derive(CustomStatus, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "PascalCase")]
enum Progress {
    InTokyo,
    Newtype(Unit),
    Tuple(bool, Option<bool>),
    WithFields { done_of: Pair, city: char },
    Empty {},
}

#[derive(CustomStatus, Serialize)]
struct Unit;

#[derive(CustomStatus, Serialize)]
struct Pair(u8, u8);

#[derive(CustomStatus, Serialize)]
struct Newtype(Box<Place>);

#[derive(CustomStatus, Serialize)]
enum OneVariant {
    First(),
}

#[track_caller]
fn is_reached<T: StatusType>(value: &T) {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(json.encode_utf16().count(), T::MAX_UTF16_UNITS, "{json}");
}

#[track_caller]
fn is_within<T: StatusType>(value: &T) {
    assert!(serde_json::to_string(value).unwrap().encode_utf16().count() <= T::MAX_UTF16_UNITS);
}

fn main() {
    let city = BoundedStr::truncated("\0\0");
    is_reached(&Newtype(Box::new(Place { recommended_city: city, floor: 255, note: String::new(), seat: Some(-128) })));
    is_reached(&Progress::WithFields { done_of: Pair(255, 255), city: '\0' });
    is_reached(&Unit);
    is_reached(&OneVariant::First());
    for shorter in [Progress::InTokyo, Progress::Newtype(Unit), Progress::Tuple(true, None), Progress::Empty {}] {
        is_within(&shorter);
    }
}
