//! Tables: what an orchestrator makes of a history and of new events.
//!
//! [`run`] keeps a live execution. Each row of its table delivers new events to it, and to a second one that is rebuilt from the
//! history so far: both must give the expected episode. Afterwards a third one, rebuilt from the new history, must be in the same
//! state as the live one. So every row is a test of the first run, of replay and of waiting; [`replay`] has histories that
//! the code did not make.

mod activities;
mod cancellation;
mod children;
mod combinators;
#[cfg(feature = "macros")]
mod composition;
mod context;
mod continue_as_new;
mod custom_status;
mod determinism;
mod external_events;
mod foreign_awaits;
mod history;
mod limits;
#[cfg(feature = "macros")]
mod lines;
mod malformed;
mod nondeterminism;
mod outcomes;
mod patches;
mod quiet_awaits;
mod races;
mod random_programs;
mod reentrancy;
mod repetition;
mod retries;
mod rewind;
mod scale;
mod sending;
mod side_values;
mod suspension;
mod timeouts;
mod timers;
mod tracing_once;
#[cfg(feature = "macros")]
mod typed;
mod waiting;

use std::collections::BTreeSet;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use serde::Serialize;

use self::history::{EXECUTION, History, at, history, started};
use super::panicked::note_places_of_panics;
use super::{
    ChildOptions, Continued, Ended, Episode, EpisodeReplays, Execution, ExecutionHandle,
    ExecutionInfo, Fault, Limits, Outcome, Panics, Settings, SuspiciousAwaits, TaskOptions,
};
use crate::context::OrchestrationContext;
use crate::model::action::{OrchestratorAction, OrchestratorActionKind};
use crate::model::custom_status::{CustomStatus, StatusChange};
use crate::model::failure::FailureDetails;
use crate::model::history::{
    ExecutionRewound, HistoryEvent, HistoryEventKind, OrchestratorStarted,
};
use crate::model::instance::InstanceId;
use crate::model::status::RuntimeStatus;
use crate::model::tags::Tags;
use crate::model::waiting::WaitingFor;

/// An orchestrator that can be started again and again.
type Program =
    Rc<dyn Fn(ExecutionHandle, Option<&str>) -> Result<LocalBoxFuture<'static, Outcome>, String>>;

/// An orchestrator that takes no input and returns any value.
fn orchestrator<F>(function: impl Fn(OrchestrationContext) -> F + 'static) -> Program
where
    F: Future<Output: Serialize> + 'static,
{
    outcome(move |ctx| {
        let output = function(ctx);
        async move { Ok(serde_json::to_string(&output.await).unwrap()) }
    })
}

/// An orchestrator that takes no input and may fail.
fn outcome<F>(function: impl Fn(OrchestrationContext) -> F + 'static) -> Program
where
    F: Future<Output = Outcome> + 'static,
{
    Rc::new(move |execution, _| {
        Ok(Box::pin(function(OrchestrationContext::from_execution(
            execution,
        ))))
    })
}

/// An orchestrator that uses the engine as the context does.
fn with_handle<F>(function: impl Fn(ExecutionHandle) -> F + 'static) -> Program
where
    F: Future<Output: Serialize> + 'static,
{
    Rc::new(move |execution, _| {
        let output = function(execution);
        Ok(Box::pin(async move {
            Ok(serde_json::to_string(&output.await).unwrap())
        }))
    })
}

/// What came of an operation, in words.
fn told(result: Result<Option<String>, FailureDetails>) -> String {
    match result {
        Ok(result) => result.unwrap_or_else(|| "nothing".into()),
        Err(failure) => format!("{}: {}", failure.error_type, failure.error_message),
    }
}

fn json(text: &str) -> Result<Option<String>, FailureDetails> {
    Ok(Some(text.into()))
}

fn lost() -> FailureDetails {
    FailureDetails::new("Lost", "lost")
}

fn instance(id: &str) -> InstanceId {
    InstanceId::parse(id).unwrap()
}

/// How executions are made.
#[derive(Clone)]
struct Setup {
    program: Program,
    info: ExecutionInfo,
    status: Option<CustomStatus>,
    settings: Settings,
    /// How often the orchestrator was woken from outside of an episode.
    foreign_wakes: Arc<AtomicUsize>,
}

impl Setup {
    fn new(program: &Program) -> Self {
        Self {
            program: Rc::clone(program),
            info: ExecutionInfo {
                name: "E".into(),
                instance_id: InstanceId::parse("demo").unwrap(),
                execution_id: EXECUTION,
                parent: None,
                version: None,
                trace: None,
            },
            status: None,
            settings: Settings {
                suspicious_awaits: SuspiciousAwaits::SetAside,
                replays: EpisodeReplays::Always,
                ..Settings::default()
            },
            foreign_wakes: Arc::default(),
        }
    }

    fn status(mut self, json: &str) -> Self {
        self.status = CustomStatus::from_stored(json.into());
        self
    }

    fn panics(mut self, panics: Panics) -> Self {
        self.settings.panics = panics;
        self
    }

    fn suspicious_awaits(mut self, then: SuspiciousAwaits) -> Self {
        self.settings.suspicious_awaits = then;
        self
    }

    fn max_payload_bytes(mut self, max_payload_bytes: usize) -> Self {
        self.settings.limits.max_payload_bytes = max_payload_bytes;
        self
    }

    fn execution(&self) -> Execution {
        note_places_of_panics();
        let (program, foreign_wakes) = (Rc::clone(&self.program), Arc::clone(&self.foreign_wakes));
        Execution::new(
            self.info.clone(),
            self.status.clone(),
            Rc::new(move |execution, input| program(execution, input)),
            self.settings,
            Arc::new(move || {
                foreign_wakes.fetch_add(1, SeqCst);
            }),
        )
    }

    fn replay(&self, history: &[HistoryEvent]) -> Result<Execution, Fault> {
        let mut execution = self.execution();
        execution.replay(history.to_vec())?;
        Ok(execution)
    }

    fn run(self) -> Run {
        Run {
            live: self.execution(),
            setup: self,
            history: Vec::new(),
            open: BTreeSet::new(),
            open_children: BTreeSet::new(),
            replays: true,
        }
    }
}

/// Checks what does not decode and why. It also says where the code asked for it.
#[track_caller]
fn assert_undecodable(fault: &Fault, undecodable: &str, why: &str) {
    let Fault::Undecodable { what, message } = fault else {
        panic!("another fault: {fault}");
    };
    let (what, place) = what.split_once(" at ").expect("a place");
    assert_eq!((what, &**message), (undecodable, why));
    assert!(place.starts_with("runtime/src/engine/tests/"), "{place}");
}

/// Begins the table of an orchestrator.
fn run(program: &Program) -> Run {
    Setup::new(program).run()
}

/// Replays a history that this orchestrator did not make.
fn replay(program: &Program, history: History) -> Result<Execution, Fault> {
    Setup::new(program).replay(&history.build())
}

/// A live execution and its history.
struct Run {
    setup: Setup,
    live: Execution,
    history: Vec<HistoryEvent>,
    /// The activities that were asked for and have neither ended nor been withdrawn.
    open: BTreeSet<i32>,
    /// The same of sub-orchestrations.
    open_children: BTreeSet<i32>,
    replays: bool,
}

impl Run {
    /// Replays only where it is asked for, since a replay for each of many rows takes long.
    fn without_replays(mut self) -> Self {
        self.replays = false;
        self.setup.settings.replays = EpisodeReplays::Never;
        self.live.repetition = None;
        self
    }

    /// One row of the table.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a row is written where it is checked"
    )]
    fn deliver(mut self, now: Timestamp, new: History, expected: Expected) -> Self {
        let new = new.all_at(now).build();
        let left = expected.left;
        let delivered = new.len() - left;
        let episode = self.episode(now, new);
        assert_eq!(episode.delivered, delivered, "events that were delivered");
        assert_eq!(
            Expected {
                left,
                ..Expected::of(episode)
            },
            expected
        );
        self
    }

    /// A row that rewinds the execution; a rewound history is read by every later row.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a row is written where it is checked"
    )]
    fn rewinds(mut self, now: Timestamp, expected: Expected) -> Self {
        let episode = self.rewind(now);
        assert_eq!(Expected::of(episode), expected);
        self
    }

    /// Rewinds, and goes on with the execution that comes of it.
    #[track_caller]
    fn rewind(&mut self, now: Timestamp) -> Episode {
        let mut rewound = self.setup.execution();
        let reason = Some("\"again\"".to_owned());
        let past = self.history.clone();
        let episode = rewound.rewind(past, now, reason.clone()).unwrap();
        let event = HistoryEvent::new(episode.events[0].timestamp, ExecutionRewound { reason });
        check_records(&episode, &[event]);
        self.history.extend(episode.events.iter().cloned());
        self.open = rewound
            .take_open_tasks()
            .into_iter()
            .map(|task| task.id)
            .collect();
        let waits_for = rewound.waiting_on().into_iter();
        self.open_children = waits_for
            .filter_map(|waits| match waits.kind {
                WaitingFor::Child { id, .. } => Some(id),
                _ => None,
            })
            .collect();
        for action in &episode.actions {
            if let OrchestratorActionKind::ScheduleTask { .. } = action.kind
                && !episode.withdrawn.contains(&action.id)
            {
                self.open.insert(action.id);
            }
        }
        self.live = rewound;
        self.check_replay();
        episode
    }

    /// Delivers to the live execution and a replayed one, and checks what is true of every episode.
    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "new events are written where they are delivered"
    )]
    fn episode(&mut self, now: Timestamp, new: Vec<HistoryEvent>) -> Episode {
        let episode = self.try_episode(now, &new).unwrap();
        self.history.extend(episode.events.iter().cloned());
        self.track_open(&episode);
        if self.replays {
            self.check_replay();
        }
        episode
    }

    /// The fault that the last row of the table ends with.
    #[track_caller]
    fn faults(mut self, now: Timestamp, new: History) -> Fault {
        self.try_episode(now, &new.build()).unwrap_err()
    }

    #[track_caller]
    fn try_episode(&mut self, now: Timestamp, new: &[HistoryEvent]) -> Result<Episode, Fault> {
        let mut replayed = self
            .replays
            .then(|| self.setup.replay(&self.history).unwrap());
        let mut left = new.to_vec();
        let result = self.live.deliver(now, &mut left);
        if let Some(replayed) = &mut replayed {
            let mut left_replayed = new.to_vec();
            assert_eq!(replayed.deliver(now, &mut left_replayed), result);
            assert_eq!(left_replayed, left);
        }
        match &result {
            Err(_) => assert_eq!(left, new, "a fault takes no events"),
            Ok(episode) => {
                assert_eq!(left, new[episode.delivered..]);
                check_records(episode, new);
            }
        }
        result
    }

    fn track_open(&mut self, episode: &Episode) {
        for action in &episode.actions {
            if let OrchestratorActionKind::ScheduleTask { .. } = action.kind {
                self.open.insert(action.id);
            }
            if let OrchestratorActionKind::CreateSubOrchestration { .. } = action.kind {
                self.open_children.insert(action.id);
            }
        }
        for id in &episode.withdrawn {
            assert!(self.open.remove(id), "activity {id} was not open");
        }
        for (id, _) in &episode.withdrawn_children {
            assert!(self.open_children.remove(id), "child {id} was not open");
        }
        for event in &episode.events {
            match &event.kind {
                HistoryEventKind::TaskCompleted(task) => {
                    self.open.remove(&task.task_scheduled_id);
                }
                HistoryEventKind::TaskFailed(task) => {
                    self.open.remove(&task.task_scheduled_id);
                }
                HistoryEventKind::SubOrchestrationInstanceCompleted(child) => {
                    self.open_children.remove(&child.task_scheduled_id);
                }
                HistoryEventKind::SubOrchestrationInstanceFailed(child) => {
                    self.open_children.remove(&child.task_scheduled_id);
                }
                _ => {}
            }
        }
    }

    /// Checks that a replay of the history so far is in the same state as the live execution.
    #[track_caller]
    fn check_replay(&self) {
        let mut replayed = self.setup.replay(&self.history).unwrap();
        assert_eq!(replayed.ended(), self.live.ended());
        assert_eq!(replayed.custom_status(), self.live.custom_status());
        assert_eq!(replayed.next_timer(), self.live.next_timer());
        let timers = |execution: &Execution| execution.due_timers(Timestamp::MAX);
        assert_eq!(timers(&replayed), timers(&self.live));
        assert_eq!(replayed.waiting_on(), self.live.waiting_on());
        assert_eq!(replayed.buffered_events(), self.live.buffered_events());
        assert_eq!(replayed.history_length(), self.live.history_length());
        let tasks = replayed.take_open_tasks();
        let open: BTreeSet<_> = tasks.iter().map(|task| task.id).collect();
        assert_eq!(open, self.open, "activities that are open");
    }

    /// Checks that the whole history can be replayed.
    #[track_caller]
    fn replayed(self) {
        let replayed = self.setup.replay(&self.history).unwrap();
        assert_eq!(replayed.ended(), self.live.ended());
    }

    /// Checks the whole history.
    #[track_caller]
    fn recorded(self, expected: History) -> Self {
        assert_eq!(self.history, expected.build());
        self
    }

    fn foreign_wakes(&self) -> usize {
        self.setup.foreign_wakes.load(SeqCst)
    }
}

/// Checks that an episode records its time, then what was delivered, then what was asked for.
#[track_caller]
fn check_records(episode: &Episode, new: &[HistoryEvent]) {
    let [began, events @ ..] = &*episode.events else {
        panic!("the episode is not recorded");
    };
    assert_eq!(began.kind, OrchestratorStarted {}.into());
    let (delivered, asked) = events.split_at(episode.delivered);
    assert_eq!(delivered, &new[..episode.delivered]);
    let confirmations = episode.actions.iter().map(|action| HistoryEvent {
        event_id: action.id,
        timestamp: began.timestamp,
        kind: action.kind.confirmation(),
    });
    let count = episode.actions.len();
    assert_eq!(&asked[..count], confirmations.collect::<Vec<_>>());
    assert!(
        asked[count..]
            .iter()
            .all(|event| matches!(event.kind, HistoryEventKind::ExecutionCompleted(_)))
    );
}

/// What an episode is to give. What is not named must not be in it.
#[derive(Debug, Default, PartialEq)]
struct Expected {
    actions: Vec<OrchestratorAction>,
    withdrawn: Vec<i32>,
    withdrawn_children: Vec<(i32, InstanceId)>,
    status: StatusChange,
    ended: Option<Ended>,
    continued: Option<Continued>,
    rewound_children: Vec<i32>,
    /// How many of the new events the end of the execution left.
    left: usize,
}

/// The orchestrator waits and asks for nothing.
fn waits() -> Expected {
    Expected::default()
}

/// The orchestrator returns this; it is the action of this id.
fn completes(id: i32, result: &str) -> Expected {
    waits().completes(id, result)
}

/// The orchestrator fails with these details; it is the action of this id.
fn fails(id: i32, failure: &FailureDetails) -> Expected {
    waits().fails(id, failure)
}

impl Expected {
    fn of(episode: Episode) -> Self {
        let rewound = episode.rewound_children.into_iter();
        Self {
            actions: episode.actions,
            withdrawn: episode.withdrawn,
            withdrawn_children: episode.withdrawn_children,
            status: episode.status,
            ended: episode.ended,
            continued: episode.continued,
            rewound_children: rewound.map(|child| child.id).collect(),
            left: 0,
        }
    }

    fn asks(mut self, id: i32, kind: OrchestratorActionKind) -> Self {
        self.actions.push(OrchestratorAction { id, kind });
        self
    }

    fn withdraws(mut self, id: i32) -> Self {
        self.withdrawn.push(id);
        self
    }

    fn withdraws_child(mut self, id: i32, child: &str) -> Self {
        self.withdrawn_children.push((id, instance(child)));
        self
    }

    /// The execution continues as new; it is the action of this id.
    fn continues(self, id: i32, input: &str, version: Option<&str>, carried: History) -> Self {
        let input = Some(input.to_owned());
        Self {
            continued: Some(Continued {
                input: input.clone(),
                version: version.map(Into::into),
                carried: carried.build(),
            }),
            ..self.ends(id, RuntimeStatus::ContinuedAsNew, input, None)
        }
    }

    fn publishes(mut self, json: &str) -> Self {
        self.status = StatusChange::Set(CustomStatus::from_stored(json.into()).unwrap());
        self
    }

    fn clears(mut self) -> Self {
        self.status = StatusChange::Cleared;
        self
    }

    fn leaves(mut self, events: usize) -> Self {
        self.left = events;
        self
    }

    fn completes(self, id: i32, result: &str) -> Self {
        self.ends(id, RuntimeStatus::Completed, Some(result.into()), None)
    }

    fn fails(self, id: i32, failure: &FailureDetails) -> Self {
        self.ends(id, RuntimeStatus::Failed, None, Some(failure.clone()))
    }

    fn ends(
        mut self,
        id: i32,
        status: RuntimeStatus,
        result: Option<String>,
        failure: Option<FailureDetails>,
    ) -> Self {
        self.ended = Some(Ended {
            status,
            result: result.clone(),
            failure: failure.clone(),
        });
        self.asks(
            id,
            OrchestratorActionKind::CompleteOrchestration {
                status,
                result,
                failure,
            },
        )
    }
}

/// A call of an activity.
fn call(name: &str, input: &str) -> OrchestratorActionKind {
    OrchestratorActionKind::ScheduleTask {
        name: name.into(),
        input: Some(input.into()),
        tags: Tags::new(),
    }
}

/// The same with tags.
fn tagged_call(name: &str, input: &str, tags: &[(&str, &str)]) -> OrchestratorActionKind {
    OrchestratorActionKind::ScheduleTask {
        name: name.into(),
        input: Some(input.into()),
        tags: tags_of(tags),
    }
}

fn tags_of(tags: &[(&str, &str)]) -> Tags {
    let tags = tags.iter();
    tags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A call of a sub-orchestration.
fn child(id: &str, name: &str, input: &str) -> OrchestratorActionKind {
    OrchestratorActionKind::CreateSubOrchestration {
        instance_id: instance(id),
        name: name.into(),
        version: None,
        input: Some(input.into()),
        tags: Tags::new(),
    }
}

/// An event that is sent.
fn send(to: &str, name: &str, data: &str) -> OrchestratorActionKind {
    OrchestratorActionKind::SendEvent {
        instance_id: instance(to),
        name: name.into(),
        data: Some(data.into()),
    }
}

/// A durable timer.
const fn timer(fire_at: Timestamp) -> OrchestratorActionKind {
    OrchestratorActionKind::CreateTimer { fire_at }
}
