use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
#[event(name = " ")]
struct Approved;

fn main() {}
