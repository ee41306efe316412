//! The path to steadfast can be given.

use serde::{Deserialize, Serialize};

mod a {
    pub(crate) mod renamed {
        pub(crate) use steadfast::*;
    }
}

use a::renamed::OrchestrationContext;

#[a::renamed::activity(crate = a::renamed, name = "E1_SayHello")]
async fn say_hello(city: String, greeting: Option<String>) -> Result<String, GreetError> {
    Ok(greeting.unwrap_or(city))
}

#[a::renamed::orchestrator(crate = crate::a::renamed)]
async fn hello_sequence(_ctx: OrchestrationContext<Progress>) {}

#[derive(a::renamed::DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("busy")]
#[steadfast(crate = a::renamed)]
struct GreetError;

#[derive(a::renamed::CustomStatus, Serialize)]
#[steadfast(crate = a::renamed)]
struct Progress(bool);

#[derive(a::renamed::ExternalEvent, Serialize, Deserialize)]
#[steadfast(crate = a::renamed)]
struct BookingConfirmed(bool);

fn main() {
    let _ = (say_hello("Tokyo".to_owned(), None), hello_sequence());
    let _ = (GreetError, Progress(true), BookingConfirmed(true));
}
