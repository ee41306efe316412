//! The record of what ran.

use steadfast::prelude::*;
use steadfast::testing::TestHub;

use crate::support::{BankError, MINUTE, buy, charge, failure_of, say_hello};

#[test]
fn attempts_tell_when_they_ran_and_what_they_gave() {
    let hub = TestHub::new();
    hub.mock(charge)
        .returns(Err(BankError::Busy))
        .with(|card, _| Ok(card.len() as u64));
    hub.start(buy("visa".into()).id("order")).output().unwrap();
    let [first, second] = &hub.attempts(charge)[..] else {
        panic!("there are two attempts");
    };
    assert_eq!(first.instance_id.as_str(), "order");
    assert_eq!(first.arguments, ("visa".to_owned(), 995));
    assert_eq!((first.number, second.number), (1, 2));
    let failure = first.ended.as_ref().unwrap().as_ref().unwrap_err();
    assert_eq!(failure.error_message, "busy");
    assert_eq!(second.ended, Some(Ok("4".into())));
    let between = second.started_at.duration_since(first.started_at);
    assert_eq!(between.unsigned_abs(), MINUTE);
}

#[orchestrator]
async fn fan_out(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let calls = ["a", "b", "c"].map(|city| ctx.call(say_hello(city.into())));
    Ok(ctx.try_join_all(calls).await?)
}

#[test]
fn calls_are_told_in_the_order_in_which_they_began() {
    let hub = TestHub::new();
    hub.start(fan_out()).output().unwrap();
    let mut calls = hub.calls(say_hello);
    calls.sort();
    assert_eq!(calls, ["a", "b", "c"]);
    assert!(hub.calls(charge).is_empty());
}

#[test]
fn a_call_that_cannot_be_read_is_told() {
    #[orchestrator]
    async fn mistaken(ctx: OrchestrationContext) -> Result<String, String> {
        Ok(ctx.call_activity::<String>("say_hello", 7).await?)
    }

    let hub = TestHub::new();
    hub.start(mistaken()).output().unwrap_err();
    let message = failure_of(|| drop(hub.calls(say_hello)));
    assert!(
        message.starts_with(
            "activity `say_hello` of instance `mistaken-1` (attempt 1) was called with another input: parameter `city`"
        ),
        "{message}"
    );
    assert_eq!(
        hub.attempts_by_name("say_hello")[0].arguments.as_deref(),
        Some("7")
    );
}
