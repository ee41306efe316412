//! Histories that no execution can have. None of them panics.

use super::*;
use crate::model::history::{MAX_ACTION, TaskScheduled, TimerCreated};

fn calls_once() -> Program {
    orchestrator(|ctx| async move { ctx.call_activity::<i32>("a", ()).await.unwrap() })
}

fn past() -> History {
    history()
        .episode(at(1))
        .started("E", None)
        .scheduled(0, "a", "null")
}

#[track_caller]
fn assert_malformed(result: Result<Execution, Fault>, words: &str) {
    let fault = result.unwrap_err();
    assert!(
        matches!(&fault, Fault::MalformedHistory(why) if why.contains(words)),
        "{fault}"
    );
}

#[test]
fn two_confirmations_of_one_action() {
    let past = past().scheduled(0, "a", "null");
    assert_malformed(replay(&calls_once(), past), "two events confirm action 0");
}

/// Behind a rewind it was looked for without an end.
#[test]
fn an_action_that_none_can_follow() {
    let past = past().scheduled(MAX_ACTION + 1, "a", "null");
    assert_malformed(replay(&calls_once(), past), "no execution asks for so much");
}

#[test]
fn two_starts() {
    assert_malformed(
        replay(&calls_once(), past().started("E", None)),
        "the execution starts twice",
    );
    let fault = run(&calls_once())
        .deliver(at(1), started(), waits().asks(0, call("a", "null")))
        .faults(at(2), started());
    assert_eq!(
        fault,
        Fault::MalformedHistory("the execution starts twice".into())
    );
}

#[test]
fn confirmations_without_an_id() {
    let task = TaskScheduled {
        name: "a".into(),
        input: None,
        tags: Tags::new(),
    };
    for past in [
        past().happened(task),
        past().happened(TimerCreated { fire_at: at(5) }),
        past().ended(-1, "1"),
    ] {
        assert_malformed(replay(&calls_once(), past), "is not an event to deliver");
    }
    let fault = run(&calls_once()).faults(at(1), history().episode(at(1)));
    assert_eq!(
        fault,
        Fault::MalformedHistory("OrchestratorStarted is not an event to deliver".into())
    );
}

#[test]
fn results_of_what_was_never_asked_for() {
    for id in [1, 7, i32::MAX, -1, -7, i32::MIN] {
        for past in [
            past().episode(at(2)).completed(id, "1"),
            past().episode(at(2)).timer_fired(id, at(2)),
            past()
                .episode(at(2))
                .failed(id, &FailureDetails::new("Lost", "lost")),
        ] {
            let fault = replay(&calls_once(), past).unwrap_err();
            let Fault::NonDeterminism(error) = fault else {
                panic!("another fault: {fault}");
            };
            assert_eq!(error.event_id, id);
            assert_eq!(error.found, "no such action (the code asked for 1 so far)");
        }
    }
}

#[test]
fn a_result_before_the_call() {
    let past = history()
        .episode(at(1))
        .completed(0, "1")
        .started("E", None)
        .scheduled(0, "a", "null");
    assert!(matches!(
        replay(&calls_once(), past),
        Err(Fault::NonDeterminism(_))
    ));
}

#[test]
fn confirmations_of_a_kind_that_confirms_nothing() {
    for id in [-7, 1, MAX_ACTION] {
        let fired = history().timer_fired(0, at(1)).build().remove(0).kind;
        let fault = replay(&calls_once(), past().confirmed(id, fired)).unwrap_err();
        assert!(matches!(fault, Fault::NonDeterminism(error) if error.event_id == id));
    }
}

#[test]
fn nothing_at_all() {
    let mut execution = replay(&calls_once(), history()).unwrap();
    assert_eq!(execution.take_open_tasks(), []);
    let mut new = started().build();
    let episode = execution.deliver(at(1), &mut new).unwrap();
    assert_eq!(episode.actions.len(), 1);
    run(&calls_once())
        .deliver(at(1), history(), waits())
        .deliver(at(2), started(), waits().asks(0, call("a", "null")));
}

#[test]
fn more_after_the_end() {
    let ended = past().episode(at(2)).completed(0, "1").ended(1, "1");
    let late = ended
        .clone()
        .episode(at(3))
        .completed(7, "1")
        .started("E", None);
    assert!(replay(&calls_once(), late).unwrap().ended().is_some());
    let fault = replay(&calls_once(), ended.scheduled(2, "b", "null")).unwrap_err();
    assert!(matches!(fault, Fault::NonDeterminism(error) if error.event_id == 2));
}
