//! Crash at every commit.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use steadfast::prelude::*;
use steadfast::testing::crash_everywhere;

use crate::support::{
    Approved, BankError, DAY, HOUR, MINUTE, buy, charge, failing, failure_of, hello_sequence,
    say_hello, told,
};

#[test]
fn a_sequence_ends_the_same_however_it_is_disturbed() {
    let tried = crash_everywhere(|hub| {
        let hello = hub.start(hello_sequence(vec!["Tokyo".into(), "Oslo".into()]));
        let greetings = hello.output().unwrap();
        (greetings, hello.custom_statuses())
    });
    // The start, an episode that begins, and one for each result.
    assert!(tried.commits >= 4, "{tried:?}");
    assert_eq!(tried.crashes, tried.commits * 4);
}

#[test]
fn retries_and_their_answers_are_the_same() {
    crash_everywhere(|hub| {
        hub.mock(charge)
            .returns(Err(BankError::Busy))
            .times(2)
            .returns(Ok(7));
        let paid = hub.start(buy("visa".into())).output().unwrap();
        (paid, hub.calls(charge).len())
    });
}

#[test]
fn a_failure_is_an_end_too() {
    crash_everywhere(|hub| {
        hub.mock(charge)
            .returns(Err(BankError::Refused("stolen".into())));
        let error = hub.start(buy("visa".into())).output().unwrap_err();
        error.to_string()
    });
}

#[orchestrator]
async fn order(ctx: OrchestrationContext<u32>, card: String) -> Result<String, BankError> {
    ctx.set_custom_status(1);
    let approved = ctx
        .timeout(DAY, ctx.wait_for_external_event::<Approved>())
        .await;
    ctx.set_custom_status(2);
    let id = ctx.new_guid();
    let Ok(Ok(Approved(true))) = approved else {
        return Ok("not approved".into());
    };
    let (paid, greeted) = {
        let child = ctx.call(buy(card));
        let hello = ctx.call(say_hello("you".into()));
        let paid = child.await?;
        (paid, hello.await)
    };
    ctx.create_timer(MINUTE).await;
    Ok(format!("{id}: {paid}, {}", greeted.unwrap_or_default()))
}

#[test]
fn events_timers_and_children_bear_it_too() {
    crash_everywhere(|hub| {
        let order = hub.start(order("visa".into()));
        order.after(HOUR).suspend("lunch");
        order.after(2 * HOUR).resume("coffee");
        order.after(3 * HOUR).raise_event(&Approved(true));
        let text = order.output().unwrap();
        assert!(text.ends_with(": 3980, Hello you!"), "{text}");
        (text, order.custom_statuses())
    });
}

#[test]
fn events_that_are_raised_at_once_are_raised_once() {
    #[orchestrator]
    async fn count(ctx: OrchestrationContext) -> u32 {
        let mut count = 0;
        while ctx
            .timeout(HOUR, ctx.wait_for_external_event_named::<u32>("tick"))
            .await
            .is_ok()
        {
            count += 1;
        }
        count
    }

    crash_everywhere(|hub| {
        let count = hub.start(count());
        count.raise_event_named("tick", &1);
        count.raise_event_named("tick", &2);
        count.after(MINUTE).raise_event_named("tick", &3);
        assert_eq!(count.output().unwrap(), 3);
    });
}

/// An account that can tell a transfer that it has seen from a new one, or cannot.
#[derive(Default)]
struct Bank(Mutex<BTreeMap<String, u32>>);

#[activity]
async fn transfer(ctx: ActivityContext, bank: Dependency<Bank>, cents: u32) {
    bank.0.lock().unwrap().insert(ctx.idempotency_key(), cents);
}

#[orchestrator]
async fn pay_twice(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.call(transfer(1)).await?;
    Ok(ctx.call(transfer(2)).await?)
}

#[test]
fn effects_that_are_idempotent_are_the_same() {
    crash_everywhere(|hub| {
        let bank = Arc::new(Bank::default());
        hub.shared_dependency(Arc::clone(&bank));
        hub.effects(move || bank.0.lock().unwrap().values().copied().collect::<Vec<_>>());
        hub.start(pay_twice()).output().unwrap();
    });
}

#[test]
fn an_activity_that_is_not_idempotent_is_named() {
    let message = failure_of(|| {
        crash_everywhere(|hub| {
            let account = Rc::new(RefCell::new(0));
            let paid = Rc::clone(&account);
            hub.mock(transfer)
                .with(move |cents| *paid.borrow_mut() += cents);
            hub.effects(move || *account.borrow());
            hub.start(pay_twice().id("twice")).output().unwrap();
        });
    });
    assert!(message.starts_with("commit "), "{message}");
    assert!(
        message.contains("since the process dies before it\nthe activity `transfer` of instance `twice` (attempt 1) ran again, and changed the outside world again: it is not idempotent."),
        "{message}"
    );
    assert!(
        message.contains("before it ran again: 1\n  after it: 2\n"),
        "{message}"
    );
    assert!(
        message.contains("the outside world, undisturbed: 3\n  the outside world, now: 4\n"),
        "{message}"
    );
    assert!(message.contains("TaskCompleted"), "{message}");
}

#[test]
fn another_outcome_is_told_with_both() {
    // A mock that counts its runs makes the outcome depend on the crash.
    let message = failure_of(|| {
        crash_everywhere(|hub| {
            let mut runs = 0;
            hub.mock(say_hello).with(move |_| {
                runs += 1;
                runs.to_string()
            });
            hub.start(hello_sequence(vec!["Tokyo".into()]))
                .output()
                .unwrap()
        });
    });
    assert!(
        message.contains(
            "an instance ends otherwise than undisturbed.\n  undisturbed: `hello_sequence-1`"
        ),
        "{message}"
    );
    assert!(message.contains("output [\"1\"]"), "{message}");
    assert!(message.contains("output [\"2\"]"), "{message}");
}

#[test]
fn what_the_test_returns_is_compared() {
    let message = failure_of(|| {
        crash_everywhere(|hub| {
            hub.start(hello_sequence(vec!["Tokyo".into()]))
                .output()
                .unwrap();
            hub.attempts(say_hello).len()
        });
    });
    assert!(
        message.contains(
            "the test returns something else than undisturbed.\n  undisturbed: 1\n  now: 2"
        ),
        "{message}"
    );
}

#[test]
fn a_test_that_differs_by_itself_is_told() {
    let mut length = 3;
    let length = RefCell::new(&mut length);
    let message = failure_of(|| {
        crash_everywhere(|hub| {
            **length.borrow_mut() -= 1;
            let cities = vec!["Tokyo".to_owned(); **length.borrow()];
            drop(hub.start(hello_sequence(cities)).output());
        });
    });
    assert!(
        message.contains("undisturbed") || message.contains("is not the same each time"),
        "{message}"
    );
}

#[test]
fn a_test_without_a_commit_is_told() {
    let message = failure_of(|| {
        crash_everywhere(|_| ());
    });
    assert_eq!(
        message,
        "the test commits nothing: let it start an orchestration"
    );
}

#[test]
#[ignore = "fails on purpose, in a process of its own"]
fn fails_after_some_crash() {
    crash_everywhere(|hub| {
        hub.start(hello_sequence(vec!["Tokyo".into()]))
            .output()
            .unwrap();
        assert_eq!(hub.attempts(say_hello).len(), 1);
    });
}

#[test]
fn the_crash_that_fails_is_told_and_comes_again() {
    let test = "crashes::fails_after_some_crash";
    let failed = failing(test, &[]).unwrap();
    let crash = told(&failed, "STEADFAST_CRASH");
    assert!(crash.ends_with(":died-before"), "{failed}");
    let again = failing(test, &[("STEADFAST_CRASH", crash)]).unwrap();
    assert_eq!(told(&again, "STEADFAST_CRASH"), crash);
    assert_eq!(failing(test, &[("STEADFAST_CRASH", "0:lost")]), None);
    let wrong = failing(test, &[("STEADFAST_CRASH", "0:gone")]).unwrap();
    assert!(
        wrong.contains("the environment variable STEADFAST_CRASH is `0:gone`; it is"),
        "{wrong}"
    );
    let beyond = failing(test, &[("STEADFAST_CRASH", "99:lost")]).unwrap();
    assert!(
        beyond.contains("commit 99 is lost: this commit did not come"),
        "{beyond}"
    );
}

#[orchestrator]
async fn rounds(ctx: OrchestrationContext<u32>, left: u32) -> Result<u32, String> {
    ctx.set_custom_status(left);
    let cities = ["a", "b", "c"].map(|city| ctx.call(say_hello(format!("{city}{left}"))));
    let greetings = ctx.try_join_all(cities).await?;
    ctx.create_timer(DAY).await;
    if left == 0 {
        return Ok(u32::try_from(greetings.len()).unwrap_or(0));
    }
    ctx.continue_as_new(rounds(left - 1)).await
}

#[test]
fn fan_outs_and_new_executions_bear_it_also_without_memory() {
    for max_live_instances in [1_000, 0] {
        crash_everywhere(|hub| {
            hub.max_live_instances(max_live_instances);
            hub.mock(say_hello).with(|city| city).after(HOUR);
            let rounds = hub.start(rounds(2));
            let mut greeted = {
                let output = rounds.output().unwrap();
                assert_eq!(output, 3);
                hub.calls(say_hello)
            };
            greeted.sort();
            (greeted, rounds.custom_statuses())
        });
    }
}

#[orchestrator]
async fn family(ctx: OrchestrationContext) -> Result<String, String> {
    ctx.call(hello_sequence(vec!["slow".into()])).detach();
    let quick = ctx.call(hello_sequence(vec!["quick".into()])).await?;
    Ok(quick.concat())
}

#[test]
fn children_that_outlive_their_parent_are_waited_for() {
    crash_everywhere(|hub| {
        hub.mock(say_hello).with(|city| city).after(MINUTE);
        let quick = hub.start(family()).output().unwrap();
        hub.advance(HOUR);
        quick
    });
}
