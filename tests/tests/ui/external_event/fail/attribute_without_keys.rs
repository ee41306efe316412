use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event = "Approved"]
struct Approved;

fn main() {}
