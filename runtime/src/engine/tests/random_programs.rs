//! Random small orchestrators against random deliveries.
//!
//! The table's own checks hold at every point: a replay of the history so far is in the same state as the live execution, and
//! makes the same of what comes next.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, join_all, select};
use futures_util::stream::FuturesUnordered;
use proptest::prelude::*;

use super::*;
use crate::model::retry::RetryPolicy;

#[derive(Clone, Debug)]
enum Step {
    Call,
    CallDetached,
    /// Calls and keeps the future until the branch ends.
    CallUnawaited,
    CallDropped,
    TimerDropped,
    /// With up to three attempts.
    Retried,
    RetriedDetached,
    /// Of a call with several attempts and a wait.
    RetriedRace(u8),
    /// With several attempts and a total timeout.
    TotalTimeout,
    Child,
    ChildDetached,
    ChildDropped,
    /// Of a child with several attempts and a wait.
    ChildRace(u8),
    Send,
    SideValue,
    Patched(u8),
    ContinueAsNew,
    Timer,
    Wait(u8),
    WaitDropped(u8),
    /// Of a call and a wait.
    Race(u8),
    /// Of a call and a timer.
    Deadline,
    SetStatus(u8),
    ClearStatus,
    Random,
    Time,
    JoinAll(Vec<Vec<Self>>),
    /// The results in the order in which the branches end.
    Unordered(Vec<Vec<Self>>),
    /// The first branch that ends; the others are dropped.
    First(Vec<Vec<Self>>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        4 => Just(Step::Call),
        1 => Just(Step::CallDetached),
        1 => Just(Step::CallUnawaited),
        1 => Just(Step::CallDropped),
        1 => Just(Step::TimerDropped),
        3 => Just(Step::Retried),
        1 => Just(Step::RetriedDetached),
        2 => (0..2_u8).prop_map(Step::RetriedRace),
        2 => Just(Step::TotalTimeout),
        2 => Just(Step::Child),
        1 => Just(Step::ChildDetached),
        1 => Just(Step::ChildDropped),
        2 => (0..2_u8).prop_map(Step::ChildRace),
        1 => Just(Step::Send),
        1 => Just(Step::SideValue),
        1 => (0..2_u8).prop_map(Step::Patched),
        2 => Just(Step::Timer),
        2 => (0..2_u8).prop_map(Step::Wait),
        1 => (0..2_u8).prop_map(Step::WaitDropped),
        2 => (0..2_u8).prop_map(Step::Race),
        2 => Just(Step::Deadline),
        2 => (0..3_u8).prop_map(Step::SetStatus),
        1 => Just(Step::ClearStatus),
        1 => Just(Step::Random),
        1 => Just(Step::Time),
    ];
    let step = leaf.prop_recursive(2, 24, 3, |inner| {
        let branches = || prop::collection::vec(prop::collection::vec(inner.clone(), 0..4), 1..4);
        prop_oneof![
            branches().prop_map(Step::JoinAll),
            branches().prop_map(Step::Unordered),
            branches().prop_map(Step::First),
        ]
    });
    let ends = prop_oneof![4 => Just(None), 1 => Just(Some(Step::ContinueAsNew))];
    (prop::collection::vec(step, 0..6), ends).prop_map(|(mut steps, end)| {
        steps.extend(end);
        steps
    })
}

fn event(name: u8) -> String {
    format!("event{name}")
}

/// Runs the steps and tells what came of them.
fn interpret(handle: ExecutionHandle, steps: Vec<Step>) -> LocalBoxFuture<'static, String> {
    Box::pin(async move {
        let ctx: OrchestrationContext = OrchestrationContext::from_execution(handle.clone());
        let policy = RetryPolicy::new(3, Duration::from_secs(3)).jitter(0.5);
        let retried = |total_timeout: Option<u64>| {
            let options = TaskOptions {
                retry: Some(policy.clone()),
                total_timeout: total_timeout.map(Duration::from_secs),
                retry_if: Some(Rc::new(|failure| !failure.error_message.ends_with('7'))),
                ..TaskOptions::default()
            };
            handle.schedule_task("r", json("1"), options)
        };
        let child = |retry: Option<RetryPolicy>| {
            let options = ChildOptions {
                retry,
                ..ChildOptions::default()
            };
            handle.create_sub_orchestration("C", json("1"), options)
        };
        let mut log = String::new();
        let mut kept = Vec::new();
        let call = || ctx.call_activity::<i32>("a", ());
        let wait = |name| ctx.wait_for_external_event_named::<i32>(&event(name));
        let timer = || ctx.create_timer(Duration::from_secs(5));
        let branches = |branches: Vec<Vec<Step>>| {
            let handle = handle.clone();
            branches
                .into_iter()
                .map(move |steps| interpret(handle.clone(), steps))
        };
        for step in steps {
            let result = match step {
                Step::Call => format!("{:?}", call().await.ok()),
                Step::CallDetached => {
                    call().detach();
                    "detached".into()
                }
                Step::CallUnawaited => {
                    kept.push(call());
                    "kept".into()
                }
                Step::CallDropped => {
                    drop(call());
                    "dropped".into()
                }
                Step::TimerDropped => {
                    drop(timer());
                    "dropped".into()
                }
                Step::Retried => told(retried(None).await),
                Step::RetriedDetached => {
                    retried(Some(20)).detach();
                    "detached".into()
                }
                Step::RetriedRace(name) => match select(retried(None), wait(name)).await {
                    Either::Left((result, _)) => told(result),
                    Either::Right((event, _)) => format!("event {event:?}"),
                },
                Step::TotalTimeout => told(retried(Some(8)).await),
                Step::Child => told(child(None).await),
                Step::ChildDetached => {
                    child(None).detach();
                    "detached".into()
                }
                Step::ChildDropped => {
                    drop(child(None));
                    "dropped".into()
                }
                Step::ChildRace(name) => {
                    match select(child(Some(policy.clone())), wait(name)).await {
                        Either::Left((result, _)) => told(result),
                        Either::Right((event, _)) => format!("event {event:?}"),
                    }
                }
                Step::Send => {
                    let to = instance("other");
                    format!("{:?}", handle.send_event(&to, "hello", json("1")))
                }
                // A replay that produced it again would give another one.
                Step::SideValue => {
                    let value = handle.side_value(|| Ok(ctx.is_replaying().to_string()));
                    format!("{value:?}")
                }
                Step::Patched(patch) => handle.patched(&patch.to_string()).to_string(),
                Step::ContinueAsNew => {
                    handle.continue_as_new(json(&log), None);
                    std::future::pending().await
                }
                Step::Timer => {
                    timer().await;
                    "fired".into()
                }
                Step::Wait(name) => format!("{:?}", wait(name).await),
                Step::WaitDropped(name) => {
                    drop(wait(name));
                    "dropped".into()
                }
                Step::Race(name) => match select(call(), wait(name)).await {
                    Either::Left((result, _)) => format!("call {:?}", result.ok()),
                    Either::Right((event, _)) => format!("event {event:?}"),
                },
                Step::Deadline => match select(timer(), call()).await {
                    Either::Left(_) => "late".into(),
                    Either::Right((result, _)) => format!("in time {:?}", result.ok()),
                },
                Step::SetStatus(value) => {
                    ctx.set_custom_status(value).unwrap();
                    "set".into()
                }
                Step::ClearStatus => {
                    ctx.clear_custom_status();
                    "cleared".into()
                }
                Step::Random => format!("{} {}", ctx.random_u64(), ctx.new_guid()),
                Step::Time => ctx.current_utc_datetime().to_string(),
                Step::JoinAll(all) => format!("{:?}", join_all(branches(all)).await),
                Step::Unordered(all) => {
                    let all: FuturesUnordered<_> = branches(all).collect();
                    format!("{:?}", all.collect::<Vec<_>>().await)
                }
                Step::First(all) => {
                    let mut all: FuturesUnordered<_> = branches(all).collect();
                    format!("{:?}", all.next().await)
                }
            };
            log.push_str(&result);
            log.push(';');
        }
        log
    })
}

fn program(steps: &[Step]) -> Program {
    let steps = steps.to_vec();
    with_handle(move |ctx| interpret(ctx, steps.clone()))
}

/// What can happen next to an execution: the end of something open, late results, events.
fn next_event(run: &Run, choice: u32, late: &[i32]) -> History {
    let result = (choice / 64).to_string();
    let pick = |ids: &[i32]| ids[choice as usize / 8 % ids.len()];
    let open: Vec<_> = run.open.iter().copied().collect();
    let children: Vec<_> = run.open_children.iter().copied().collect();
    let failure = || FailureDetails::new("Lost", &*result);
    let timers = run.live.due_timers(Timestamp::MAX);
    match choice % 8 {
        0 | 1 if !children.is_empty() => history().child_completed(pick(&children), &result),
        4 if !children.is_empty() && choice % 16 < 8 => {
            history().child_failed(pick(&children), &failure())
        }
        0..3 if !open.is_empty() => history().completed(pick(&open), &result),
        3 | 4 if !open.is_empty() => history().failed(pick(&open), &failure()),
        5 if !late.is_empty() => history().completed(pick(late), &result),
        0..6 if !timers.is_empty() => {
            let (fire_at, id) = timers[0];
            history().timer_fired(id, fire_at)
        }
        other => history().raised(&event(u8::from(other % 2 == 0)), &result),
    }
}

/// All that was asked for, withdrawn and left in the end.
#[derive(Debug, PartialEq)]
struct Whole {
    actions: Vec<OrchestratorAction>,
    withdrawn: Vec<i32>,
    withdrawn_children: Vec<(i32, InstanceId)>,
    status: Option<CustomStatus>,
    ended: Option<Ended>,
    continued: Option<Continued>,
    open: BTreeSet<i32>,
    next_timer: Option<Timestamp>,
}

/// Delivers batches, each at the same time, until there are no more or the execution has ended.
fn whole(mut run: Run, batches: impl IntoIterator<Item = Vec<HistoryEvent>>) -> Whole {
    let (mut actions, mut withdrawn) = (Vec::new(), Vec::new());
    let (mut withdrawn_children, mut continued) = (Vec::new(), None);
    for batch in batches {
        if run.live.ended().is_some() {
            break;
        }
        let episode = run.episode(at(1), batch);
        actions.extend(episode.actions);
        withdrawn.extend(episode.withdrawn);
        withdrawn_children.extend(episode.withdrawn_children);
        continued = continued.or(episode.continued);
    }
    Whole {
        actions,
        withdrawn,
        withdrawn_children,
        continued,
        status: run.live.custom_status(),
        ended: run.live.ended().cloned(),
        next_timer: run.live.next_timer(),
        open: run.open,
    }
}

fn is_continued(ended: &Ended) -> bool {
    ended.status == RuntimeStatus::ContinuedAsNew
}

proptest! {
    #[test]
    fn a_replay_is_in_the_same_state_at_every_point(
        steps in steps(),
        choices in prop::collection::vec(any::<u32>(), 0..30),
        times in prop::collection::vec(-5..60_i64, 30),
    ) {
        let mut run = run(&program(&steps));
        run.episode(at(1), started().build());
        let mut late = Vec::new();
        let mut raised = 0;
        for (choice, time) in choices.into_iter().zip(times) {
            let mut batch = next_event(&run, choice, &late).build();
            if choice % 3 == 0 {
                batch.extend(next_event(&run, choice.rotate_left(16), &late).build());
            }
            let events = batch.iter();
            let given = events.filter(|event| matches!(event.kind, HistoryEventKind::EventRaised(_)));
            raised += given.count();
            let episode = run.episode(at(time), batch);
            late.extend(&episode.withdrawn);
            let carried = episode.continued.map_or(0, |continued| continued.carried.len());
            prop_assert!(run.live.buffered_events() + carried <= raised);
            if run.live.ended().is_some() {
                break;
            }
        }
    }

    #[test]
    fn a_rewound_history_is_read_the_same_at_every_point(
        steps in steps(),
        choices in prop::collection::vec(any::<u32>(), 0..40),
        rewinds in prop::collection::vec(1..15_usize, 0..4),
    ) {
        let mut run = run(&program(&steps));
        run.episode(at(1), started().build());
        let (mut late, mut rewinds, mut left) = (Vec::new(), rewinds.into_iter(), 0);
        let mut time = 1;
        for choice in choices {
            time += i64::from(choice % 7);
            left += 1;
            let ended = run.live.ended();
            // An execution may also be rewound that has not failed, as far as the engine is concerned.
            if ended.is_some() || rewinds.clone().next().is_some_and(|after| left > after) {
                if rewinds.next().is_none() || ended.is_some_and(is_continued) {
                    break;
                }
                left = 0;
                let open = run.open.clone();
                run.rewind(at(time));
                late.extend(open.difference(&run.open));
                if run.live.ended().is_some() {
                    break;
                }
            }
            let batch = next_event(&run, choice, &late).build();
            let episode = run.episode(at(time), batch);
            late.extend(&episode.withdrawn);
        }
    }

    #[test]
    fn batches_change_nothing(
        steps in steps(),
        choices in prop::collection::vec(any::<u32>(), 0..30),
        sizes in prop::collection::vec(1..5_usize, 30),
    ) {
        let program = program(&steps);
        let mut events = started().build();
        let mut one_by_one = run(&program).without_replays();
        one_by_one.episode(at(1), events.clone());
        for choice in choices {
            if one_by_one.live.ended().is_some() {
                break;
            }
            let new = next_event(&one_by_one, choice, &[]).build();
            events.extend(new.clone());
            one_by_one.episode(at(1), new);
        }
        let singles = events.iter().map(|event| vec![event.clone()]).collect::<Vec<_>>();
        let mut rest = events.into_iter();
        let batches = sizes
            .into_iter()
            .map(|size| rest.by_ref().take(size).collect::<Vec<_>>())
            .collect::<Vec<_>>();
        let batches = batches.into_iter().chain([rest.collect()]);
        prop_assert_eq!(
            whole(run(&program), batches),
            whole(run(&program).without_replays(), singles)
        );
    }
}
