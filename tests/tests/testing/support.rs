//! What these tests share.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use steadfast::prelude::*;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, PartialEq, DurableError, thiserror::Error, Serialize, Deserialize)]
pub(crate) enum BankError {
    #[error("busy")]
    Busy,
    #[no_retry]
    #[error("refused: {0}")]
    Refused(String),
}

/// For real, it always succeeds.
#[activity(retry(max_attempts = 5, first_interval = "1m"))]
pub(crate) async fn charge(card: String, cents: u32) -> Result<u64, BankError> {
    Ok(card.len() as u64 * u64::from(cents))
}

#[activity]
pub(crate) async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

#[orchestrator]
pub(crate) async fn hello_sequence(
    ctx: OrchestrationContext<BoundedStr<16>>,
    cities: Vec<String>,
) -> Result<Vec<String>, String> {
    let mut greetings = Vec::new();
    for city in cities {
        greetings.push(ctx.call(say_hello(city.clone())).await?);
        ctx.set_custom_status(BoundedStr::truncated(&city));
    }
    Ok(greetings)
}

#[orchestrator]
pub(crate) async fn buy(ctx: OrchestrationContext, card: String) -> Result<u64, BankError> {
    Ok(ctx.call(charge(card, 995)).await?)
}

#[derive(Debug, PartialEq, ExternalEvent, Serialize, Deserialize)]
pub(crate) struct Approved(pub(crate) bool);

/// What a panic says.
pub(crate) fn failure_of(test: impl FnOnce()) -> String {
    failure_and_place_of(test).0
}

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What a panic says, and the file that it names.
pub(crate) fn failure_and_place_of(test: impl FnOnce()) -> (String, String) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let hook = take_hook();
        set_hook(Box::new(move |panic| {
            let place = panic.location().map_or("", |location| location.file());
            PLACE.set(place.to_owned());
            hook(panic);
        }));
    });
    let panic = catch_unwind(AssertUnwindSafe(test)).unwrap_err();
    let message = match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    };
    (message, PLACE.take())
}

/// Runs a test of this program that fails on purpose in a process of its own, and gives what it prints. Nothing when it does not fail.
pub(crate) fn failing(test: &str, environment: &[(&str, &str)]) -> Option<String> {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", test, "--ignored"]);
    for name in ["STEADFAST_SEED", "STEADFAST_CRASH"] {
        program.env_remove(name);
    }
    // A backtrace names the files of the library, which a message must not.
    program.env("RUST_BACKTRACE", "0");
    let output = program.envs(environment.iter().copied()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("running 1 test"), "{text}");
    (!output.status.success()).then_some(text)
}

/// The value of an environment variable that a failing test says to set.
pub(crate) fn told<'a>(text: &'a str, variable: &str) -> &'a str {
    let (_, value) = text.split_once(&format!("{variable}=")).unwrap();
    value.split_whitespace().next().unwrap()
}
