//! An event has the name of its type or a name of its own.

use serde::{Deserialize, Serialize};
use steadfast::ExternalEvent;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct BookingConfirmed(bool);

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = "Approval")]
enum Approved {
    Yes,
    No { why: String },
}

fn main() {
    assert_eq!((BookingConfirmed::NAME, Approved::NAME), ("BookingConfirmed", "Approval"));
    let _ = (BookingConfirmed(true), Approved::Yes, Approved::No { why: String::new() });
}
