use steadfast::prelude::*;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Approved<T>(T);

fn main() {}
