//! `?` on the error of a call, and conversions of the user's own beside it.

use serde::{Deserialize, Serialize};
use steadfast::{CallError, DurableError};

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize, PartialEq)]
#[no_retry]
enum GreetError {
    #[error("busy")]
    #[retry]
    Busy,
    #[error("no such city: {0}")]
    Unknown(String),
    #[error("{0}")]
    Payment(PaymentError),
}

#[derive(DurableError, Clone, Debug, thiserror::Error, Serialize, Deserialize, PartialEq)]
#[error("payment refused")]
struct PaymentError {
    code: u32,
}

impl From<PaymentError> for GreetError {
    fn from(error: PaymentError) -> Self {
        Self::Payment(error)
    }
}

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
enum Mapped {
    #[error("payment failed: {0}")]
    Payment(String),
}

fn call<E>(error: &impl DurableError) -> Result<(), CallError<E>> {
    Err(CallError::Failed { name: "greet".to_owned(), failure: Box::new(error.to_failure()) })
}

fn greet() -> Result<(), GreetError> {
    call::<GreetError>(&GreetError::Unknown("Atlantis".to_owned()))?;
    Ok(())
}

fn uncaught() -> Result<(), GreetError> {
    call::<PaymentError>(&PaymentError { code: 5 })?;
    Ok(())
}

fn mapped() -> Result<(), Mapped> {
    call::<PaymentError>(&PaymentError { code: 5 }).map_err(|error| Mapped::Payment(error.to_string()))
}

fn main() {
    assert!(!GreetError::Busy.to_failure().is_non_retriable);
    assert!(GreetError::Payment(PaymentError { code: 5 }).to_failure().is_non_retriable);
    assert_eq!(greet(), Err(GreetError::Unknown("Atlantis".to_owned())));
    assert!(std::panic::catch_unwind(uncaught).is_err());
    assert_eq!(mapped().unwrap_err().to_string(), "payment failed: `greet` failed: payment refused");
}
