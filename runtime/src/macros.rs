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
pub use steadfast_macros::activity;

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
pub use steadfast_macros::CustomStatus;
