//! Errors as users write them, and how they become one another.

use steadfast::prelude::*;

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum PayError {
    #[error("busy")]
    #[retry]
    Busy,
    #[error("no such card: {0}")]
    #[no_retry]
    NoCard(String),
    #[error("{cents} cents are too much")]
    TooMuch { cents: u64 },
    #[error(transparent)]
    Bank(#[from] BankError),
}

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
#[error("the bank says {0}")]
#[no_retry]
pub struct BankError(String);

#[derive(DurableError, Debug, thiserror::Error, Serialize, Deserialize)]
pub enum OrderError {
    #[error("not paid")]
    NotPaid(#[from] CallError<PayError>),
    #[error("out of stock")]
    OutOfStock,
}

#[activity]
async fn ask_the_bank(card: String) -> Result<u64, BankError> {
    Err(BankError(card))
}

#[activity]
async fn pay(card: String) -> Result<u64, PayError> {
    Ok(ask_the_bank::run(card).await?)
}

#[activity]
async fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Err("anything")?
}

#[activity]
async fn text() -> Result<(), String> {
    Err("anything".to_owned())
}

/// The failure of a call as the cause of an error, whatever it is.
#[orchestrator]
async fn order(ctx: OrchestrationContext, card: String) -> Result<u64, OrderError> {
    let cents = ctx.call(pay(card)).await?;
    if cents == 0 { Err(OrderError::OutOfStock) } else { Ok(cents) }
}

/// Another type than the activity's: what is no value of its own ends it.
#[orchestrator]
async fn bank(ctx: OrchestrationContext, card: String) -> Result<u64, PayError> {
    ctx.call(boxed()).await?;
    Ok(ctx.call(ask_the_bank(card)).await?)
}

#[orchestrator]
async fn into_text(ctx: OrchestrationContext, card: String) -> Result<u64, String> {
    ctx.call(text()).await?;
    Ok(ctx.call(bank(card)).await?)
}

#[orchestrator]
async fn into_anything(ctx: OrchestrationContext, card: String) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(ctx.call(bank(card)).await?)
}

fn main() {
    let failure = PayError::TooMuch { cents: 5 }.to_failure();
    let cause = CallError::Failed { name: "pay".to_owned(), failure: Box::new(failure) };
    let recorded = OrderError::from(cause).to_failure();
    let Some(OrderError::NotPaid(cause)) = OrderError::from_failure(&recorded) else {
        panic!("{recorded:?}");
    };
    assert_eq!(cause.to_string(), "`pay` failed: 5 cents are too much");
    let _ = (pay(String::new()), order(String::new()), into_text(String::new()), into_anything(String::new()));
}
