//! Setting a type that says `unbounded` returns a `Result`; setting any other returns nothing.

#![deny(warnings, single_use_lifetimes, unused_lifetimes, unused_qualifications)]

use std::collections::HashMap;

use steadfast::prelude::*;
use steadfast::{CustomStatusError, TooMany};

#[derive(CustomStatus, Serialize, Deserialize)]
struct Log {
    done: u32,
    #[custom_status(unbounded)]
    lines: Vec<String>,
    #[custom_status(unbounded)]
    #[serde(flatten)]
    counts: HashMap<String, u32>,
    #[custom_status(unbounded)]
    #[serde(serialize_with = "hex")]
    hash: u64,
}

fn hex<S: serde::Serializer>(hash: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{hash:x}"))
}

#[derive(CustomStatus, Serialize, Deserialize)]
enum Step {
    Waiting,
    Nested(#[custom_status(unbounded)] Log),
    Tree(#[custom_status(unbounded)] Vec<Self>),
}

/// Each of its fields is bounded, and all of them together may be too large.
#[derive(CustomStatus, Serialize, Deserialize)]
#[custom_status(unbounded)]
struct Together {
    first: BoundedStr<1000>,
    second: BoundedStr<1000>,
}

/// No value of it can be too large.
#[derive(CustomStatus, Serialize, Deserialize, Default)]
struct Last {
    cities: BoundedVec<BoundedStr<20>, 3>,
}

#[orchestrator]
async fn logs(ctx: OrchestrationContext<Log>) -> Result<(), String> {
    let log = Log { done: 1, lines: vec!["a".to_owned()], counts: HashMap::new(), hash: 7 };
    ctx.set_custom_status(log).map_err(|error| error.to_string())
}

#[orchestrator]
async fn steps(ctx: OrchestrationContext<Step>) {
    for step in [Step::Waiting, Step::Tree(Vec::new())] {
        let set: Result<(), CustomStatusError> = ctx.set_custom_status(step);
        set.unwrap_or_else(|_| ctx.clear_custom_status());
    }
}

#[orchestrator]
async fn together(ctx: OrchestrationContext<Together>) {
    let both = Together { first: BoundedStr::truncated("a"), second: BoundedStr::default() };
    ctx.set_custom_status(both).unwrap_or_default();
}

#[orchestrator]
async fn lasts(ctx: OrchestrationContext<Last>) -> Result<(), String> {
    let mut last = Last::default();
    last.cities.try_push(BoundedStr::truncated("Tokyo")).map_err(|error: TooMany| error.to_string())?;
    let () = ctx.set_custom_status(last);
    Ok(())
}

async fn start(client: Client) {
    let log = || Log { done: 0, lines: Vec::new(), counts: HashMap::new(), hash: 0 };
    let _ = client.start(logs().initial_status(log())).await;
    let _ = client.start(steps().initial_status(Step::Nested(log()))).await;
    let _ = client.start(lasts().id("a").initial_status(Last::default())).await;
}

fn main() {
    let _ = (start, together());
}
