//! Generated code keeps a strict crate clean.

#![forbid(unsafe_code)]
#![deny(warnings, missing_debug_implementations, missing_docs, rust_2018_idioms, unreachable_pub, unused_qualifications)]

use serde::{Deserialize, Serialize};
use steadfast::{
    ActivityContext, BoundedStr, CustomStatus, Dependency, DurableError, ExternalEvent, OrchestrationContext, activity,
    orchestrator,
};

/// Greets a city.
#[activity(name = "E1_SayHello")]
pub async fn say_hello(ctx: ActivityContext, city: String) -> Result<String, GreetError> {
    drop(ctx);
    if city.is_empty() { Err(GreetError::Busy) } else { Ok(city) }
}

#[activity]
async fn never_called(_: ActivityContext, city: String) -> Result<String, String> {
    Ok(city)
}

#[activity]
#[deprecated = "call `say_hello`"]
async fn old() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Ok(())
}

#[activity]
#[cfg(any())]
async fn left_out(what: Missing) {}

#[orchestrator]
async fn hello_sequence(_: OrchestrationContext<Progress>, cities: Vec<String>) -> std::io::Result<Vec<String>> {
    Ok(cities)
}

/// Waits for an event that only this file knows.
#[orchestrator(version = "2", retry(max_attempts = 2, first_interval = "1s"), events(BookingConfirmed, Hidden))]
pub async fn book(_: OrchestrationContext) {}

#[derive(ExternalEvent, Debug, Serialize, Deserialize)]
struct Hidden;

/// Uses what the worker gives it.
#[activity(retry(max_attempts = 3, first_interval = "1s", jitter = 0.5), timeout = "30s", total_timeout = "5m")]
pub async fn count(counter: Dependency<std::sync::Mutex<u32>>, by: u32) {
    if let Ok(mut counter) = counter.lock() {
        *counter += by;
    }
}

/// A greeting failed.
#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum GreetError {
    /// Later, perhaps.
    #[error("busy")]
    Busy,
}

/// How far it is.
#[derive(CustomStatus, Clone, Debug, Serialize, Deserialize)]
pub enum Progress {
    /// Nothing yet.
    Waiting,
    /// A city was greeted.
    Greeted {
        /// Which.
        city: BoundedStr<32>,
    },
}

/// Someone confirmed.
#[derive(ExternalEvent, Clone, Debug, Serialize, Deserialize)]
pub struct BookingConfirmed(bool);

mod inner {
    use steadfast::activity;

    /// Says goodbye.
    #[activity]
    pub(crate) async fn say_goodbye(city: String) -> String {
        city
    }
}

fn main() {
    drop(inner::say_goodbye(String::new()));
}
