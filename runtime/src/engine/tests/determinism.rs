//! Time, guids and random numbers.

use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::model::instance::ExecutionId;

/// Draws everything that is random, twice, with a wait in between.
fn draws() -> Program {
    orchestrator(|ctx| async move {
        let mut drawn = Vec::new();
        for _ in 0..2 {
            let range = ctx.random_range(10..20);
            let fraction = ctx.random_f64();
            assert!((10..20).contains(&range) && (0.0..1.0).contains(&fraction));
            drawn.push(ctx.new_guid().to_string());
            drawn.push(format!("{} {range} {fraction}", ctx.random_u64()));
            ctx.wait_for_external_event_named::<i32>("go")
                .await
                .unwrap();
        }
        drawn
    })
}

fn drawn(execution: u128) -> Vec<String> {
    let mut setup = Setup::new(&draws());
    setup.info.execution_id = ExecutionId::from_u128(execution);
    let mut run = setup.run();
    run.episode(at(1), started().build());
    run.episode(at(2), history().raised("go", "1").build());
    let end = run.episode(at(3), history().raised("go", "1").build());
    serde_json::from_str(&end.ended.unwrap().result.unwrap()).unwrap()
}

#[test]
fn random_values_are_the_same_on_replay_and_differ_between_executions() {
    let (one, other) = (drawn(1), drawn(2));
    assert_eq!(one, drawn(1));
    let all: BTreeSet<_> = one.iter().chain(&other).collect();
    assert_eq!(all.len(), 8);
    for guid in one.iter().step_by(2) {
        assert_eq!(guid.parse::<Uuid>().unwrap().get_version_num(), 5);
    }
}

#[test]
fn the_range_may_be_all_numbers() {
    run(&orchestrator(|ctx| async move {
        ctx.random_range(0..u64::MAX) < u64::MAX && ctx.random_range(7..8) == 7
    }))
    .deliver(at(1), started(), completes(0, "true"));
}

/// Takes the time at the start and after each event.
fn watches_the_clock() -> Program {
    orchestrator(|ctx| async move {
        let mut times = vec![ctx.current_utc_datetime().as_microsecond()];
        for _ in 0..3 {
            ctx.wait_for_external_event_named::<i32>("go")
                .await
                .unwrap();
            times.push(ctx.current_utc_datetime().as_microsecond());
        }
        times
    })
}

#[test]
fn the_time_is_that_of_the_episode_and_never_goes_back() {
    let micros = |seconds| at(seconds).as_microsecond();
    let expected = [micros(1), micros(5), micros(5), micros(6)];
    let output = serde_json::to_string(&expected).unwrap();
    let go = || history().raised("go", "1");
    let run = run(&watches_the_clock())
        .deliver(at(1), started(), waits())
        .deliver(at(5), go(), waits())
        .deliver(at(3), go(), waits())
        .deliver(at(6), go(), completes(0, &output));
    let times: Vec<_> = run
        .history
        .iter()
        .filter(|event| event.kind == OrchestratorStarted {}.into())
        .map(|event| event.timestamp)
        .collect();
    assert_eq!(times, [at(1), at(5), at(5), at(6)]);
}

#[test]
fn the_time_has_no_more_than_history_keeps() {
    let nanos = SignedDuration::from_nanos(1_234);
    let program = orchestrator(|ctx| async move {
        let began = ctx.current_utc_datetime();
        ctx.wait_for_external_event_named::<i32>("go")
            .await
            .unwrap();
        assert_eq!(began, at(1) + SignedDuration::from_micros(1));
        assert_eq!(ctx.current_utc_datetime(), began);
    });
    run(&program)
        .deliver(at(1) + nanos, started(), waits())
        .deliver(
            at(1) + nanos,
            history().raised("go", "1"),
            completes(0, "null"),
        );
}
