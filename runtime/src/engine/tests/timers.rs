//! Durable timers.

use std::time::Duration;

use futures_util::future::{Either, join, select};
use jiff::SignedDuration;

use super::*;
use crate::context::TimerDue;
use crate::model::history::{decode_events, encode_events};

fn one_timer(due: impl Into<TimerDue>) -> Program {
    let due = due.into();
    orchestrator(move |ctx| async move { ctx.create_timer(due).await })
}

fn micros(count: i64) -> SignedDuration {
    SignedDuration::from_micros(count)
}

#[test]
fn a_timer_is_due_after_a_duration_or_at_a_time() {
    let nano = Duration::from_nanos(1);
    for (due, fire_at) in [
        (Duration::from_secs(60).into(), at(61)),
        (Duration::ZERO.into(), at(1)),
        (SignedDuration::from_secs(60).into(), at(61)),
        (SignedDuration::from_secs(-60).into(), at(1)),
        (at(60).into(), at(60)),
        (at(-60).into(), at(-60)),
        // Never early: what history cannot hold is rounded up.
        (nano.into(), at(1) + micros(1)),
        (TimerDue::At(at(60) + nano), at(60) + micros(1)),
        (TimerDue::At(at(60) + micros(5)), at(60) + micros(5)),
        (
            TimerDue::At(Timestamp::UNIX_EPOCH - nano),
            Timestamp::UNIX_EPOCH,
        ),
    ] {
        let due: TimerDue = due;
        let run = run(&one_timer(due)).deliver(at(1), started(), waits().asks(0, timer(fire_at)));
        assert_eq!(run.live.next_timer(), Some(fire_at), "{due:?}");
        assert_eq!(run.live.due_timers(fire_at - micros(1)), []);
        assert_eq!(run.live.due_timers(fire_at), [(fire_at, 0)]);
        let run = run
            .deliver(at(2), history().raised("other", "1"), waits())
            .deliver(
                at(99),
                history().timer_fired(0, fire_at),
                completes(1, "null"),
            );
        assert_eq!(run.live.next_timer(), None);
    }
}

#[test]
fn a_timer_beyond_the_calendar_is_due_at_its_end() {
    for due in [
        TimerDue::After(Duration::MAX),
        TimerDue::After(Duration::from_secs(u64::from(u32::MAX) * 100)),
        TimerDue::At(Timestamp::MAX),
    ] {
        let mut run = run(&one_timer(due));
        let episode = run.episode(at(1), started().build());
        let fire_at = run.live.next_timer().unwrap();
        assert_eq!(fire_at.as_second(), Timestamp::MAX.as_second());
        // History gives it back as it is.
        let stored = decode_events(&encode_events(&episode.events)).unwrap();
        assert_eq!(stored, episode.events);
    }
}

#[test]
fn timers_of_the_same_time_fire_in_the_order_in_which_they_were_created() {
    let run = run(&orchestrator(|ctx| async move {
        let [a, b] = [(); 2].map(|()| ctx.create_timer(at(5)));
        let earlier = ctx.create_timer(at(4));
        join(join(b, a), earlier).await;
    }))
    .deliver(
        at(1),
        started(),
        waits()
            .asks(0, timer(at(5)))
            .asks(1, timer(at(5)))
            .asks(2, timer(at(4))),
    );
    assert_eq!(run.live.next_timer(), Some(at(4)));
    assert_eq!(run.live.due_timers(at(4)), [(at(4), 2)]);
    assert_eq!(
        run.live.due_timers(at(5)),
        [(at(4), 2), (at(5), 0), (at(5), 1)]
    );
    run.deliver(at(5), history().timer_fired(0, at(5)), waits())
        .deliver(at(5), history().timer_fired(0, at(5)), waits())
        .deliver(
            at(5),
            history().timer_fired(1, at(5)).timer_fired(2, at(4)),
            completes(3, "null"),
        );
}

#[test]
fn a_timer_that_is_dropped_is_cancelled() {
    let program = orchestrator(|ctx| async move {
        let wait = ctx.wait_for_external_event_named::<i32>("go");
        let timer = ctx.create_timer(Duration::from_secs(9));
        let approved = matches!(select(wait, timer).await, Either::Left(_));
        ctx.call_activity::<i32>("end", approved).await.unwrap()
    });
    let begin = || run(&program).deliver(at(1), started(), waits().asks(0, timer(at(10))));
    let run = begin().deliver(
        at(2),
        history().raised("go", "1").timer_fired(0, at(10)),
        waits().asks(1, call("end", "true")),
    );
    assert_eq!(run.live.next_timer(), None);
    run.deliver(at(10), history().timer_fired(0, at(10)), waits())
        .deliver(at(11), history().completed(1, "1"), completes(2, "1"));
    begin().deliver(
        at(10),
        history().timer_fired(0, at(10)).raised("go", "1"),
        waits().asks(1, call("end", "false")),
    );
}

#[test]
fn a_replay_takes_the_due_time_from_history() {
    let past = history()
        .episode(at(1))
        .started("E", None)
        .timer_created(0, at(77));
    let execution = replay(&one_timer(Duration::from_secs(5)), past).unwrap();
    assert_eq!(execution.next_timer(), Some(at(77)));
}
