use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = "a")]
#[event(name = "b")]
struct Approved;

fn main() {}
