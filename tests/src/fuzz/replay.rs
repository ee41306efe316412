//! Executions, live and replayed: whatever is delivered, each episode replays; whatever a history says, a replay ends, with a reason
//! when it cannot be.

use std::rc::Rc;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use steadfast::engine::{
    Against, Ended, EpisodeReplays, Execution, ExecutionInfo, Fault, OpenTask, Settings, Start,
    SuspiciousAwaits,
};
use steadfast::model::history::{HistoryEvent, TimerFired};
use steadfast::{
    CustomStatus, ExecutionId, FailureDetails, InstanceId, OrchestrationContext, RuntimeStatus,
    Timestamp,
};

use super::events::{any, at, happening, several, started};
use super::programs::run_steps;

pub(super) fn run(data: &[u8]) {
    // Input that is too short is no input.
    let _ = try_run(&mut Unstructured::new(data));
}

fn try_run(u: &mut Unstructured<'_>) -> Result<()> {
    let length = u.int_in_range(0..=6)?;
    let program: Vec<u8> = u.bytes(length)?.into();
    let mut live = execution(&program, true);
    let mut history = Vec::new();
    let mut batch = vec![started(&program, ExecutionId::from_u128(1))];
    for second in 1..=u.int_in_range(1..=8)? {
        match live.deliver(at(second), &mut batch) {
            Ok(episode) => history.extend(episode.events),
            Err(fault) => {
                told(&fault);
                break;
            }
        }
        let mut replayed = execution(&program, false);
        if let Err(fault) = replayed.replay(history.clone()) {
            panic!("what was recorded does not replay: {fault}\n{program:?}\n{history:#?}");
        }
        assert_eq!(Seen::of(&mut replayed), Seen::of(&mut live), "{history:#?}");
        if live.ended().is_some() {
            break;
        }
        batch = several(u, 3, happening)?;
        if u.ratio(1, 4)? {
            batch.extend(due(&live));
        }
    }
    if live
        .ended()
        .is_some_and(|ended| ended.status == RuntimeStatus::Failed)
    {
        rewind(&program, history.clone(), true);
    }
    damage(u, &mut history)?;
    let mut replayed = execution(&program, false);
    match replayed.replay(history.clone()) {
        Ok(()) => {
            let mut again = execution(&program, false);
            again.replay(history.clone()).unwrap();
            assert_eq!(
                Seen::of(&mut replayed),
                Seen::of(&mut again),
                "{history:#?}"
            );
        }
        Err(fault) => told(&fault),
    }
    rewind(&program, history, false);
    Ok(())
}

/// What is due fires in its turn.
fn due(live: &Execution) -> Option<HistoryEvent> {
    let (fire_at, timer_id) = *live.due_timers(Timestamp::MAX).first()?;
    let fired = TimerFired { timer_id, fire_at };
    Some(HistoryEvent::new(fire_at.min(at(1000)), fired))
}

/// What is recorded of a rewind replays.
fn rewind(program: &[u8], mut history: Vec<HistoryEvent>, recorded: bool) {
    let mut rewound = execution(program, recorded);
    match rewound.rewind(history.clone(), at(100), None) {
        Ok(episode) if recorded => {
            history.extend(episode.events);
            let mut replayed = execution(program, false);
            if let Err(fault) = replayed.replay(history.clone()) {
                panic!("a rewind does not replay: {fault}\n{program:?}\n{history:#?}");
            }
            assert_eq!(replayed.ended(), rewound.ended(), "{history:#?}");
        }
        Ok(_) => {}
        Err(fault) if recorded => panic!("a failed run is not rewound: {fault}\n{history:#?}"),
        Err(fault) => told(&fault),
    }
}

fn damage(u: &mut Unstructured<'_>, history: &mut Vec<HistoryEvent>) -> Result<()> {
    for _ in 0..u.int_in_range(0..=3)? {
        let place = u.int_in_range(0..=history.len())?;
        let other = u.int_in_range(0..=history.len())?;
        let is_there = place < history.len();
        match u.int_in_range(0..=4)? {
            0 if is_there => drop(history.remove(place)),
            1 if is_there && other < history.len() => history.swap(place, other),
            2 if is_there => history.insert(other, history[place].clone()),
            3 if is_there => history[place] = any(u)?,
            _ => history.insert(place, any(u)?),
        }
    }
    Ok(())
}

/// A fault has a reason, and is never that the same code does other things when it runs again.
fn told(fault: &Fault) {
    assert!(!fault.to_string().is_empty());
    if let Fault::NonDeterminism(error) = fault {
        assert_eq!(error.against, Against::History, "{fault}");
    }
    assert!(
        !matches!(fault, Fault::PollBound | Fault::ForeignAwait(_)),
        "{fault}"
    );
}

/// What is the same of an execution and its replay.
#[derive(Debug, PartialEq)]
struct Seen {
    ended: Option<Ended>,
    next_timer: Option<Timestamp>,
    status: Option<CustomStatus>,
    length: usize,
    waiting_on: String,
}

impl Seen {
    fn of(execution: &mut Execution) -> Self {
        let _: Vec<OpenTask> = execution.take_open_tasks();
        Self {
            ended: execution.ended().cloned(),
            next_timer: execution.next_timer(),
            status: execution.custom_status(),
            length: execution.history_length(),
            waiting_on: format!("{:?}", execution.waiting_on()),
        }
    }
}

fn execution(program: &[u8], replays: bool) -> Execution {
    let info = ExecutionInfo {
        name: "Steps".into(),
        instance_id: InstanceId::parse("a").unwrap(),
        execution_id: ExecutionId::from_u128(1),
        parent: None,
        version: None,
        trace: None,
    };
    let program: Rc<[u8]> = program.into();
    let start: Start = Rc::new(move |execution, _| {
        let program = Rc::clone(&program);
        Ok(Box::pin(async move {
            let ctx = OrchestrationContext::from_execution(execution);
            let said = run_steps(&ctx, &program).await;
            said.map(|said| serde_json::to_string(&said).unwrap())
                .map_err(|error| FailureDetails::new("E", error))
        }))
    });
    let settings = Settings {
        suspicious_awaits: SuspiciousAwaits::SetAside,
        replays: if replays {
            EpisodeReplays::Always
        } else {
            EpisodeReplays::Never
        },
        ..Settings::default()
    };
    Execution::new(info, None, start, settings, Arc::new(|| ()))
}
