//! Code that is not deterministic, found in the first episode that shows it.

use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::engine::{Against, NonDeterminismError};
use crate::model::failure;

/// Counts the runs of an orchestrator, which no orchestrator should know.
fn counted<F>(function: impl Fn(OrchestrationContext, usize) -> F + Clone + 'static) -> Program
where
    F: Future<Output: Serialize> + 'static,
{
    let count = Rc::new(Cell::new(0));
    orchestrator(move |ctx| {
        let (function, count) = (function.clone(), Rc::clone(&count));
        // Past the first episode, so that there is something to replay.
        async move {
            ctx.wait_for_external_event_named::<i32>("begin")
                .await
                .unwrap();
            let run = count.replace(count.get() + 1);
            function(ctx, run).await
        }
    })
}

/// What is found when the first event comes, without a replay by the test itself.
fn found(program: &Program) -> NonDeterminismError {
    let mut run = run(program);
    run.replays = false;
    run.episode(at(1), started().build());
    match run.faults(at(2), history().raised("begin", "1")) {
        Fault::NonDeterminism(error) => error,
        other => panic!("another fault: {other}"),
    }
}

/// Checks what a report says, and that both its places, when it has any, are in this line.
#[track_caller]
fn assert_differs(program: &Program, line: Option<u32>, (expected, replayed): (&str, &str)) {
    let error = found(program);
    assert_eq!((&*error.expected, &*error.found), (expected, replayed));
    let Against::LiveRun { location } = error.against else {
        panic!("it is not said that the run was live: {error}");
    };
    for place in [location, error.location] {
        assert_eq!(place.map(|place| place.line()), line);
        assert!(place.is_none_or(|place| place.file() == file!()));
    }
}

#[test]
fn an_input_that_differs() {
    let line = line!() + 2;
    let program = counted(|ctx, run| async move {
        ctx.call_activity::<i32>("a", run).await.unwrap();
    });
    let words = (
        "a call of activity `a` with input 0",
        "a call of activity `a` with input 1",
    );
    assert_differs(&program, Some(line), words);
    let error = found(&counted(|ctx, run| async move {
        ctx.call_activity::<i32>("a", run).await.unwrap();
    }));
    let place = error.location.unwrap();
    assert_eq!(
        error.to_string(),
        format!(
            "the code is not deterministic, which shows at event 0: \
             expected (live) a call of activity `a` with input 0 at {place}, \
             found (on replay) a call of activity `a` with input 1 at {place}"
        )
    );
}

#[test]
fn another_action_in_another_line() {
    let line = line!() + 3;
    let error = found(&counted(|ctx, run| async move {
        if run == 0 {
            ctx.create_timer(Duration::from_secs(1)).await;
        } else {
            ctx.call_activity::<i32>("a", 1).await.unwrap();
        }
    }));
    assert_eq!(error.expected, "a timer for 2023-11-14T22:13:23Z");
    assert_eq!(error.found, "a call of activity `a` with input 1");
    assert_eq!(error.location.unwrap().line(), line + 2);
    let Against::LiveRun { location } = error.against else {
        panic!("{error}");
    };
    assert_eq!(location.unwrap().line(), line);
}

#[test]
fn an_action_more_or_less() {
    let error = found(&counted(|ctx, run| async move {
        join_all((0..=run).map(|_| ctx.call_activity::<i32>("a", ())))
            .await
            .len()
    }));
    assert_eq!(error.event_id, 1);
    assert_eq!(error.found, "a call of activity `a` with input null");
    let error = found(&counted(|ctx, run| async move {
        join_all((run..2).map(|_| ctx.call_activity::<i32>("a", ())))
            .await
            .len()
    }));
    assert_eq!(error.event_id, 1);
    assert_eq!(error.found, "no such action (the code asked for 1 so far)");
    assert!(matches!(
        error.against,
        Against::LiveRun { location: Some(_) }
    ));
}

#[test]
fn every_kind_of_action_is_compared_in_full() {
    let second = Duration::from_secs(1);
    let differing: Vec<(Program, &str)> = vec![
        (
            counted(move |ctx, run| async move { ctx.create_timer(at(10 + run as i64)).await }),
            "a timer for ",
        ),
        (
            counted(
                |ctx, run| async move { ctx.call_sub_orchestrator::<i32>("C", run).await.unwrap() },
            ),
            "a call of sub-orchestration `C` as instance `",
        ),
        (
            counted(|ctx, run| async move { ctx.send_event_named("x", "hello", &run).unwrap() }),
            "the event `hello` to instance `x` with ",
        ),
        (
            counted(|_, run| async move { run }),
            "the end of the orchestration (Completed) with ",
        ),
        (
            counted(|ctx, run| async move { ctx.continue_as_new_with::<()>(run).await }),
            "the end of the orchestration (ContinuedAsNew) with ",
        ),
        (
            counted(move |ctx, run| async move {
                let options = TaskOptions {
                    timeout: Some(second * (1 + run as u32)),
                    ..TaskOptions::default()
                };
                let call = ctx.execution().schedule_task("a", json("1"), options);
                told(call.await)
            }),
            "a call of activity `a` with input 1 and tags ",
        ),
    ];
    for (program, words) in differing {
        let error = found(&program);
        assert!(error.expected.starts_with(words), "{error}");
        assert!(error.found.starts_with(words), "{error}");
        assert_ne!(error.expected, error.found);
    }
}

#[test]
fn a_custom_status_that_differs() {
    let line = line!() + 2;
    let program = counted(|ctx, run| async move {
        ctx.set_custom_status(run).unwrap();
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    });
    assert_differs(
        &program,
        Some(line),
        ("the custom status 0", "the custom status 1"),
    );
}

#[test]
fn a_wait_that_differs() {
    let line = line!() + 2;
    let program = counted(|ctx, run| async move {
        let wait = ctx.wait_for_external_event_named::<i32>(&format!("go{run}"));
        wait.await.unwrap()
    });
    let words = ("a wait for the event `go0`", "a wait for the event `go1`");
    assert_differs(&program, Some(line), words);
}

#[test]
fn what_is_withdrawn_differs() {
    let program = counted(|ctx, run| async move {
        let call = ctx.call_activity::<i32>("a", ());
        if run == 0 {
            drop(call);
        } else {
            call.detach();
        }
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap()
    });
    assert_differs(
        &program,
        None,
        ("the withdrawn calls [0]", "no withdrawn call"),
    );
}

#[test]
fn events_that_are_carried_over_differ() {
    let program = counted(|ctx, run| async move {
        let first = ["go", "other"][run];
        ctx.wait_for_external_event_named::<i32>(first)
            .await
            .unwrap();
        ctx.continue_as_new_with::<()>(()).await
    });
    let mut run = run(&program);
    run.replays = false;
    run.episode(at(1), started().build());
    let early = history().raised("go", "1").raised("other", "1");
    run.episode(at(2), early.build());
    let fault = run
        .faults(at(3), history().raised("begin", "1"))
        .to_string();
    assert!(
        fault.contains("carrying the events [\"other\"], found"),
        "{fault}"
    );
    assert!(fault.ends_with("carrying the events [\"go\"]"), "{fault}");
}

#[test]
fn a_fault_of_the_replay_alone() {
    let program = counted(|_, run| async move {
        if run > 0 {
            std::future::pending::<()>().await;
        }
    });
    let error = found(&program);
    assert_eq!(error.expected, "an episode without a fault");
    assert!(error.found.contains("nothing can wake it") || error.found.contains("is open"));
    let panics = counted(|_, run| async move { assert!(run == 0, "only on replay") });
    let error = found(&panics);
    assert_eq!(
        error.found,
        "the end of the orchestration (Failed) with `only on replay`"
    );
}

#[test]
fn the_order_of_a_hash_map() {
    let program = orchestrator(|ctx| async move {
        let map: HashMap<_, _> = (0..64).map(|i| (i, ())).collect();
        join_all(
            map.into_keys()
                .map(|key| ctx.call_activity::<i32>("a", key)),
        )
        .await
        .len()
    });
    let mut run = run(&program);
    run.replays = false;
    let fault = run.faults(at(1), started());
    assert!(matches!(fault, Fault::NonDeterminism(_)), "{fault}");
}

/// The names of events that are there, in an order that tokio draws.
async fn drawn(ctx: &OrchestrationContext) -> Vec<&'static str> {
    let mut order = Vec::new();
    for _ in 0..64 {
        let [a, b] = ["a", "b"].map(|name| ctx.wait_for_external_event_named::<i32>(name));
        tokio::select! {
            _ = a => order.push("a"),
            _ = b => order.push("b"),
        }
    }
    order
}

#[test]
fn a_random_select_in_a_helper() {
    let program = orchestrator(|ctx| async move {
        ctx.wait_for_external_event_named::<i32>("begin")
            .await
            .unwrap();
        drawn(&ctx).await
    });
    let mut run = run(&program);
    run.replays = false;
    run.episode(at(1), started().build());
    let early = (0..64).fold(history(), |early, _| {
        early.raised("a", "1").raised("b", "1")
    });
    run.episode(at(2), early.build());
    let fault = run.faults(at(3), history().raised("begin", "1"));
    assert!(matches!(fault, Fault::NonDeterminism(_)), "{fault}");
}

#[test]
fn without_it_nothing_of_that_is_seen() {
    let program = counted(|_, run| async move { run });
    run(&program)
        .without_replays()
        .deliver(at(1), started(), waits())
        .deliver(at(2), history().raised("begin", "1"), completes(0, "0"));
}

#[test]
fn what_earlier_code_asked_for_is_compared_as_in_any_replay() {
    let program = orchestrator(|ctx| async move {
        let due = ctx.create_timer(Duration::from_secs(5));
        ctx.call_activity::<i32>("a", "new input").await.unwrap();
        due.await;
    });
    let past = history()
        .episode(at(1))
        .started("E", None)
        .timer_created(0, at(9))
        .scheduled(1, "a", "\"old input\"");
    let mut execution = Setup::new(&program).replay(&past.build()).unwrap();
    let mut new = history().completed(1, "1").build();
    assert_eq!(execution.deliver(at(2), &mut new).unwrap().actions, []);
    let mut new = history().timer_fired(0, at(9)).build();
    assert!(execution.deliver(at(9), &mut new).unwrap().ended.is_some());
}

#[test]
fn side_effects_run_once() {
    let runs = Rc::new(Cell::new(0));
    let seen = Rc::clone(&runs);
    let program = orchestrator(move |ctx| {
        let seen = Rc::clone(&seen);
        async move {
            let value = ctx.side_effect(|| seen.replace(seen.get() + 1));
            ctx.wait_for_external_event_named::<i32>("go")
                .await
                .unwrap();
            value + ctx.side_effect(|| seen.replace(seen.get() + 1))
        }
    });
    let mut run = run(&program);
    run.replays = false;
    run.episode(at(1), started().build());
    run.episode(at(2), history().raised("go", "1").build());
    assert_eq!(run.live.ended().unwrap().result.as_deref(), Some("1"));
    assert_eq!(runs.get(), 2);
}

#[test]
fn a_rewound_execution_is_replayed_too() {
    let program = counted(|ctx, run| async move {
        let failed = ctx.call_activity::<i32>("a", ()).await.is_err();
        assert!(!failed, "{}", failure::kind::PANIC);
        run
    });
    // The run of the live execution is that of the replays before.
    let mut run = run(&program);
    run.replays = false;
    run.episode(at(1), started().build());
    run.episode(at(2), history().raised("begin", "1").build());
    run.episode(at(3), history().failed(0, &lost()).build());
    assert_eq!(run.live.ended().unwrap().status, RuntimeStatus::Failed);
    run.rewind(at(4));
    let fault = run.faults(at(5), history().completed(0, "1"));
    let Fault::NonDeterminism(error) = fault else {
        panic!("{fault}");
    };
    assert!(matches!(error.against, Against::LiveRun { .. }));
    assert_ne!(error.expected, error.found);
}

/// A map that writes its keys in another order each time.
fn unordered() -> HashMap<String, usize> {
    (0..8).map(|n| (n.to_string(), n)).collect()
}

#[test]
fn the_order_of_the_keys_of_a_map_makes_no_difference() {
    let program = counted(|ctx, _| async move {
        ctx.set_custom_status(unordered()).unwrap();
        ctx.call_activity::<i32>("a", unordered()).await.unwrap();
        unordered()
    });
    let mut run = run(&program);
    run.replays = false;
    run.episode(at(1), started().build());
    run.episode(at(2), history().raised("begin", "1").build());
    run.episode(at(3), history().completed(0, "1").build());
    assert_eq!(run.live.ended().unwrap().status, RuntimeStatus::Completed);
}

#[test]
fn the_order_in_which_calls_are_dropped_makes_no_difference() {
    let program = counted(|ctx, _| async move {
        let calls: Vec<_> = (0..8)
            .map(|n| (n, ctx.call_activity::<i32>("a", n)))
            .collect();
        drop(calls.into_iter().collect::<HashMap<_, _>>());
        ctx.wait_for_external_event_named::<i32>("end")
            .await
            .unwrap();
    });
    let mut run = run(&program);
    run.replays = false;
    run.episode(at(1), started().build());
    run.episode(at(2), history().raised("begin", "1").build());
}
