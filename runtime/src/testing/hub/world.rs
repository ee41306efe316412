//! What surrounds the worker of a hub and outlives it: mocks, the record of what ran, and the time.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Debug};
use std::rc::Rc;
use std::sync::Arc;

use futures_executor::block_on;
use futures_util::future::{Either, LocalBoxFuture, pending, select};
use jiff::Timestamp;

use super::answers::{Answers, Given};
use super::store::HubStore;
use super::time::{VirtualTime, later};
use crate::context::Cancellation;
use crate::engine::{Outcome, needs_runtime};
use crate::model::failure::kind;
use crate::model::history::{HistoryEventKind, decode_events};
use crate::model::instance::InstanceId;
use crate::registration::Function;
use crate::store::Store;
use crate::worker::activities::run::within_limit;
use crate::worker::message::{Task, TaskKey};
use crate::worker::shard::Shared;

/// An attempt of an activity on its way, and what it gives; nothing when this program does not have the activity.
type Running = LocalBoxFuture<'static, Option<Outcome>>;

/// What tells the state of the outside world.
type Effects = Rc<dyn Fn() -> Box<dyn State>>;

pub(super) struct World {
    pub(super) time: VirtualTime,
    pub(super) store: Arc<HubStore>,
    /// By name in small letters.
    mocks: RefCell<HashMap<String, Answers>>,
    runs: RefCell<Vec<Run>>,
    /// The attempts among them.
    have_run: RefCell<HashSet<TaskKey>>,
    effects: RefCell<Option<Effects>>,
    /// What makes going on pointless.
    broken: RefCell<Option<String>>,
}

/// One run of an attempt. An attempt whose end was not committed before a crash runs again.
pub(super) struct Run {
    pub(super) task: Arc<Task>,
    pub(super) started_at: Timestamp,
    /// Whether the same attempt had run before.
    pub(super) is_again: bool,
    pub(super) is_mocked: bool,
    pub(super) state: RunState,
    /// The state of the outside world around it, where the test tells it.
    pub(super) before: Option<Box<dyn State>>,
    pub(super) after: Option<Box<dyn State>>,
}

pub(super) enum RunState {
    Running,
    Ended(Outcome),
    /// Nobody waits for it any more.
    Cancelled,
    /// The worker died.
    Lost,
}

/// A state of the outside world.
pub(super) trait State: Debug {
    fn is_same(&self, other: &dyn State) -> bool;
    fn as_any(&self) -> &dyn Any;
}

impl<T: Debug + PartialEq + 'static> State for T {
    fn is_same(&self, other: &dyn State) -> bool {
        other.as_any().downcast_ref() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl World {
    pub(super) fn new(time: VirtualTime, store: Arc<HubStore>) -> Self {
        Self {
            time,
            store,
            mocks: RefCell::default(),
            runs: RefCell::default(),
            have_run: RefCell::default(),
            effects: RefCell::default(),
            broken: RefCell::default(),
        }
    }

    /// Forgets the answers of a mock.
    pub(super) fn new_mock(&self, name: &str) {
        let answers = Answers::default();
        self.mocks.borrow_mut().insert(name.to_lowercase(), answers);
    }

    pub(super) fn with_mock<T>(&self, name: &str, change: impl FnOnce(&mut Answers) -> T) -> T {
        let mut mocks = self.mocks.borrow_mut();
        change(mocks.entry(name.to_lowercase()).or_default())
    }

    pub(super) fn is_mocked(&self, name: &str) -> bool {
        self.mocks.borrow().contains_key(&name.to_lowercase())
    }

    pub(super) fn mocked(&self) -> Vec<String> {
        self.mocks.borrow().keys().cloned().collect()
    }

    pub(super) fn tell_effects<T: Debug + PartialEq + 'static>(
        &self,
        state: impl Fn() -> T + 'static,
    ) {
        *self.effects.borrow_mut() = Some(Rc::new(move || Box::new(state())));
    }

    /// The state of the outside world, where the test tells it.
    pub(super) fn effects(&self) -> Option<Box<dyn State>> {
        let effects = self.effects.borrow().clone();
        effects.map(|effects| effects())
    }

    pub(super) fn runs<T>(&self, look: impl FnOnce(&[Run]) -> T) -> T {
        look(&self.runs.borrow())
    }

    /// Takes out what makes going on pointless.
    pub(super) fn take_broken(&self) -> Option<String> {
        self.broken.borrow_mut().take()
    }

    pub(super) fn has_broken(&self, why: impl Into<String>) {
        self.broken.borrow_mut().get_or_insert(why.into());
    }

    /// The worker has died, and what ran with it.
    pub(super) fn lose_runs(&self) {
        for run in &mut *self.runs.borrow_mut() {
            if matches!(run.state, RunState::Running) {
                run.state = RunState::Lost;
            }
        }
    }

    /// Runs an attempt: as its mock says, or for real.
    pub(super) fn run(
        self: &Rc<Self>,
        shared: &Arc<Shared>,
        task: &Arc<Task>,
        cancellation: Cancellation,
        real: Running,
    ) -> Running {
        let (world, shared, task) = (Rc::clone(self), Arc::clone(shared), Arc::clone(task));
        Box::pin(async move {
            let run = world.begin(&task);
            let given = world.given(&task);
            let outcome = match given {
                Some(given) => {
                    let answered = Box::pin(world.answer(&task, given));
                    match select(answered, Box::pin(cancellation.raised())).await {
                        Either::Left((outcome, _)) => Some(within_limit(&shared, &task, outcome)),
                        Either::Right(_) => None,
                    }
                }
                None => {
                    world.check_dependencies(&shared, &task).await;
                    let outcome = real.await;
                    world.check_runtime(&task, outcome.as_ref()).await;
                    outcome
                }
            };
            let after = world.effects();
            let mut runs = world.runs.borrow_mut();
            runs[run].after = after;
            runs[run].state = match (&outcome, cancellation.reason()) {
                (Some(outcome), None) => RunState::Ended(outcome.clone()),
                _ => RunState::Cancelled,
            };
            outcome
        })
    }

    fn begin(&self, task: &Arc<Task>) -> usize {
        let is_again = !self.have_run.borrow_mut().insert(task.key);
        if is_again && self.is_over(&task.instance, task.key) {
            self.has_broken(format!(
                "{} ran again, although its end had been committed",
                of(task)
            ));
        }
        let before = self.effects();
        let mut runs = self.runs.borrow_mut();
        runs.push(Run {
            task: Arc::clone(task),
            started_at: self.time.now(),
            is_again,
            is_mocked: self.is_mocked(&task.name),
            state: RunState::Running,
            before,
            after: None,
        });
        runs.len() - 1
    }

    /// Whether this attempt has run.
    pub(super) fn has_run(&self, key: TaskKey) -> bool {
        self.have_run.borrow().contains(&key)
    }

    /// Whether the end of an attempt is in history.
    fn is_over(&self, instance: &InstanceId, key: TaskKey) -> bool {
        let Ok(Some(stored)) = block_on(self.store.load(instance)) else {
            return false;
        };
        let is_end = |kind: &HistoryEventKind| match kind {
            HistoryEventKind::TaskCompleted(ended) => ended.task_scheduled_id == key.id,
            HistoryEventKind::TaskFailed(ended) => ended.task_scheduled_id == key.id,
            _ => false,
        };
        stored.header.execution_id == key.execution
            && stored.history.iter().any(|row| {
                let events = decode_events(&row.events).unwrap_or_default();
                events.iter().any(|event| is_end(&event.kind))
            })
    }

    fn given(&self, task: &Task) -> Option<Result<Given, String>> {
        let mut mocks = self.mocks.borrow_mut();
        let answers = mocks.get_mut(&task.name.to_lowercase())?;
        Some(answers.give(task.key))
    }

    async fn answer(&self, task: &Task, given: Result<Given, String>) -> Outcome {
        let given = match given {
            Ok(given) => given,
            Err(why) => {
                self.has_broken(format!("the mock of {}: {why}", of(task)));
                return pending().await;
            }
        };
        if !given.after.is_zero() {
            let at = later(self.time.now(), given.after);
            self.time.sleep_until(at).await;
        }
        given.answer.call(task.input.as_deref()).await
    }

    /// An activity cannot run without what it takes.
    async fn check_dependencies(&self, shared: &Shared, task: &Task) {
        let registered = shared.registry.activity(&task.name);
        let Some(Function::Activity { dependencies, .. }) = registered.map(|found| found.function)
        else {
            return;
        };
        let missing = dependencies
            .iter()
            .find(|key| !shared.dependencies.has(key));
        if let Some(missing) = missing {
            let missing = missing.type_name();
            let give = if missing.starts_with("dyn ") {
                format!("hub.shared_dependency::<{missing}>(Arc::new(..))")
            } else {
                "hub.dependency(..)".into()
            };
            self.has_broken(format!(
                "{} takes a `Dependency<{missing}>`, and the hub has none: give it one before it is first used, with `{give}`, or \
                 mock the activity, with `hub.mock(..)`",
                of(task),
            ));
            pending::<()>().await;
        }
    }

    /// There is no async runtime in which an activity could sleep or read.
    async fn check_runtime(&self, task: &Task, outcome: Option<&Outcome>) {
        if let Some(Err(failure)) = outcome
            && failure.error_type == kind::PANIC
            && needs_runtime(&failure.error_message)
        {
            self.has_broken(format!(
                "{} uses a timer, socket or task of an async runtime, and a hub has none: it runs in the test's own thread, on \
                 virtual time. Mock it with `hub.mock(..)` or `hub.mock_by_name({:?})`, or give it a fake as a dependency ({})",
                of(task),
                task.name,
                failure.error_message
            ));
            pending::<()>().await;
        }
    }
}

/// An attempt in messages.
pub(super) fn of(task: &Task) -> String {
    format!(
        "activity `{}` of instance `{}` (attempt {})",
        task.name, task.instance, task.attempt.number
    )
}

impl Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("time", &self.time)
            .field("runs", &self.runs.borrow().len())
            .finish_non_exhaustive()
    }
}
