//! The attributes and derives, with examples.

/// ```
/// use steadfast::{OrchestrationContext, orchestrator};
///
/// #[orchestrator(name = "E1_HelloSequence")]
/// async fn hello_sequence(_ctx: OrchestrationContext, cities: Vec<String>) -> Vec<String> {
///     cities
/// }
///
/// let call = hello_sequence(vec!["Tokyo".to_owned()]);
/// # drop(call);
/// ```
///
/// Two versions of one name, of which the newer is tried again as a child and takes two events:
///
/// ```
/// use steadfast::prelude::*;
///
/// #[derive(ExternalEvent, Serialize, Deserialize)]
/// struct Approved(bool);
///
/// #[derive(ExternalEvent, Serialize, Deserialize)]
/// struct Cancelled;
///
/// #[orchestrator(name = "order", version = "1.9")]
/// async fn old_order(_ctx: OrchestrationContext) {}
///
/// #[orchestrator(
///     version = "1.10",
///     retry(max_attempts = 2, first_interval = "1m"),
///     events(Approved, Cancelled)
/// )]
/// async fn order(ctx: OrchestrationContext) -> Result<bool, String> {
///     let Approved(approved) = ctx.wait_for_external_event().await?;
///     Ok(approved)
/// }
///
/// use steadfast::Definition;
///
/// assert_eq!(old_order::NAME, order::NAME);
/// assert_eq!((old_order::VERSION, order::VERSION), (Some("1.9"), Some("1.10")));
/// ```
pub use steadfast_macros::orchestrator;

/// ```
/// use steadfast::activity;
///
/// #[activity(name = "E1_SayHello")]
/// async fn say_hello(city: String) -> Result<String, std::fmt::Error> {
///     Ok(format!("Hello {city}!"))
/// }
///
/// let greeting = futures_executor::block_on(say_hello::run("Tokyo".to_owned()));
/// assert_eq!(greeting.unwrap(), "Hello Tokyo!");
/// ```
///
/// Retries, time limits and a dependency:
///
/// ```
/// use std::time::Duration;
///
/// use steadfast::prelude::*;
/// use steadfast::ActivityDefinition;
///
/// struct Bank;
///
/// #[activity(
///     name = "charge",
///     retry(
///         max_attempts = 5,
///         first_interval = "1s",
///         backoff_coefficient = 2.0,
///         max_interval = "1m",
///         total_time = "1h",
///         jitter = 0.5
///     ),
///     timeout = "30s",
///     total_timeout = "1h 30m"
/// )]
/// async fn charge(ctx: ActivityContext, bank: Dependency<Bank>, card: String, cents: u32) -> Result<(), String> {
///     # let (_, _) = (&*bank, ctx.idempotency_key());
///     // A bank that takes a key charges once, however often it is asked.
///     println!("{card} pays {cents}");
///     Ok(())
/// }
///
/// let call = charge("4711".to_owned(), 995);
/// # drop(call);
/// assert_eq!(charge::TIMEOUT, Some(Duration::from_secs(30)));
/// assert_eq!(charge::RETRY.map(|policy| policy.max_attempts), Some(5));
/// ```
pub use steadfast_macros::activity;

/// ```
/// use steadfast::prelude::*;
///
/// #[activity]
/// async fn pack(order: u64) -> String {
///     format!("parcel {order}")
/// }
///
/// #[orchestrator]
/// async fn ship(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
///     Ok(ctx.call(pack(order)).await?)
/// }
///
/// // Two tests: one of `docs/histories/ship.json`, and one that no other file is there.
/// steadfast::replay_tests!("docs/histories/*.json", definitions = [ship]);
/// # fn main() {}
/// ```
#[cfg(feature = "testing")]
pub use steadfast_macros::replay_tests;

/// ```
/// use serde::{Deserialize, Serialize};
/// use steadfast::DurableError;
///
/// #[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize, PartialEq)]
/// enum GreetError {
///     #[error("busy")]
///     Busy,
///     #[error("no such city: {0}")]
///     #[no_retry]
///     Unknown(String),
/// }
///
/// let failure = GreetError::Unknown("Atlantis".to_owned()).to_failure();
/// assert_eq!(failure.error_message, "no such city: Atlantis");
/// assert!(failure.is_non_retriable && !GreetError::Busy.to_failure().is_non_retriable);
/// assert_eq!(GreetError::from_failure(&failure), Some(GreetError::Unknown("Atlantis".to_owned())));
/// ```
///
/// With a conversion of one's own for what `?` meets:
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use steadfast::{CallError, DurableError};
///
/// #[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
/// #[durable_error(skip_from(CallError))]
/// #[error("the order failed: {0}")]
/// struct OrderError(String);
///
/// impl<E> From<CallError<E>> for OrderError {
///     fn from(error: CallError<E>) -> Self {
///         Self(error.to_string())
///     }
/// }
/// ```
pub use steadfast_macros::DurableError;

/// ```
/// use serde::{Deserialize, Serialize};
/// use steadfast::ExternalEvent;
///
/// #[derive(ExternalEvent, Serialize, Deserialize)]
/// #[event(name = "BookingConfirmed")]
/// struct Confirmation(bool);
///
/// assert_eq!(Confirmation::NAME, "BookingConfirmed");
/// ```
pub use steadfast_macros::ExternalEvent;

/// ```
/// use serde::Serialize;
/// use steadfast::{BoundedStr, CustomStatus, StatusType};
///
/// #[derive(CustomStatus, Serialize)]
/// enum Progress {
///     Waiting,
///     Greeted { city: BoundedStr<32>, done: u32 },
/// }
///
/// let longest = Progress::Greeted { city: BoundedStr::truncated("\0".repeat(32)), done: u32::MAX };
/// let json = serde_json::to_string(&longest).unwrap();
/// assert_eq!(json.encode_utf16().count(), Progress::MAX_UTF16_UNITS);
/// ```
///
/// With a field that has no bound:
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use steadfast::{CustomStatus, CustomStatusError, OrchestrationContext, orchestrator};
/// #[derive(CustomStatus, Serialize, Deserialize)]
/// struct Log {
///     done: u32,
///     #[custom_status(unbounded)]
///     lines: Vec<String>,
/// }
///
/// #[orchestrator]
/// async fn import(ctx: OrchestrationContext<Log>, lines: Vec<String>) -> Result<(), CustomStatusError> {
///     ctx.set_custom_status(Log { done: 0, lines }) // a `Result`: the lines may be too long
/// }
/// # fn main() {}
/// ```
pub use steadfast_macros::CustomStatus;
