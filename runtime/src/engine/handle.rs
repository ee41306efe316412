//! What the context asks of the engine on behalf of an orchestrator.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::awaits::Kept;
use super::operation::{EventWait, Operation};
use super::options::{ChildOptions, RetryIf, TaskOptions};
use super::random::Random;
use super::state::{Continuing, State, Wanted};
use crate::model::action::OrchestratorActionKind as Action;
use crate::model::custom_status::CustomStatus;
use crate::model::failure::{FailureDetails, kind};
use crate::model::instance::{ExecutionId, InstanceId, ParentInstance};
use crate::model::retry::{RETRY_TAG, RetryPolicy, TIMEOUT_TAG, TOTAL_TIMEOUT_TAG, duration_tag};
use crate::model::tags::{RESERVED_PREFIX, Tags, is_reserved};
use crate::model::trace_context::TraceContext;

/// Who an execution is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionInfo {
    /// Its orchestrator's registered name.
    pub name: String,
    /// Its instance.
    pub instance_id: InstanceId,
    /// Its own id.
    pub execution_id: ExecutionId,
    /// The orchestration that started it, when one did.
    pub parent: Option<ParentInstance>,
    /// The version of its orchestrator, when that has one.
    pub version: Option<String>,
    /// The place in a trace that its instance was started from.
    pub trace: Option<Arc<TraceContext>>,
}

/// The way from an orchestrator's context to the execution it belongs to.
///
/// What is asked for outside of the orchestrator's own poll, such as by a destructor after its end or by another
/// orchestrator that got hold of its context, has no effect.
#[derive(Clone)]
pub struct ExecutionHandle(
    pub(super) Rc<RefCell<State>>,
    /// Where the author asked for what is asked for through it, when that is not where it is called.
    Option<&'static Location<'static>>,
);

impl ExecutionHandle {
    pub(super) const fn new(state: Rc<RefCell<State>>) -> Self {
        Self(state, None)
    }

    /// For what is asked for later than the author asked for it, from within the library: it happens at this place.
    #[cfg(feature = "call-http")]
    pub(crate) fn on_behalf_of(&self, location: &'static Location<'static>) -> Self {
        Self(Rc::clone(&self.0), Some(location))
    }

    /// The place of the author's code that asks.
    #[track_caller]
    fn caller(&self) -> &'static Location<'static> {
        // Not in a closure, which would take the place of the caller.
        match self.1 {
            Some(location) => location,
            None => Location::caller(),
        }
    }

    /// A waker for a durable future of this execution to keep.
    pub(super) fn keep(&self, waker: &Waker) -> Kept {
        let waker = waker.clone();
        self.0.borrow().awaits.keep(waker)
    }

    /// Asks for an activity. Its future fails with the given details when the input could not be encoded, and with those of
    /// the refusal when the input is too large or a tag is reserved.
    #[track_caller]
    pub(crate) fn schedule_task(
        &self,
        name: &str,
        input: Result<Option<String>, FailureDetails>,
        options: TaskOptions,
    ) -> Operation {
        let TaskOptions {
            retry,
            timeout,
            total_timeout,
            tags,
            retry_if,
        } = options;
        let tags = call_tags(tags, retry, timeout, total_timeout);
        match input.and_then(|input| Ok((input, tags?))) {
            Ok((input, tags)) => {
                let name = name.into();
                let kind = Action::ScheduleTask { name, input, tags };
                self.call(Wanted::new(kind, Some(self.caller())), retry_if)
            }
            Err(failure) => Operation::failed(self.clone(), failure),
        }
    }

    /// Asks for a sub-orchestration. As [`schedule_task`](Self::schedule_task) otherwise.
    #[track_caller]
    pub(crate) fn create_sub_orchestration(
        &self,
        name: &str,
        input: Result<Option<String>, FailureDetails>,
        options: ChildOptions,
    ) -> Operation {
        let ChildOptions {
            instance_id,
            version,
            retry,
            total_timeout,
            tags,
            retry_if,
        } = options;
        let derives_id = instance_id.is_none();
        let instance_id = instance_id.unwrap_or_else(|| {
            let state = self.0.borrow();
            InstanceId::of_child(state.info.execution_id, state.next_action)
        });
        let tags = call_tags(tags, retry, None, total_timeout);
        match input.and_then(|input| Ok((input, tags?))) {
            Ok((input, tags)) => {
                let kind = Action::CreateSubOrchestration {
                    instance_id: instance_id.clone(),
                    name: name.into(),
                    version,
                    input,
                    tags,
                };
                let wanted = Wanted {
                    derives_id,
                    ..Wanted::new(kind, Some(self.caller()))
                };
                self.call(wanted, retry_if).or_child(instance_id)
            }
            Err(failure) => Operation::failed(self.clone(), failure).or_child(instance_id),
        }
    }

    fn call(&self, wanted: Wanted, mut retry_if: Option<RetryIf>) -> Operation {
        let called = self.0.borrow_mut().call(wanted, &mut retry_if);
        match called {
            Ok(None) => Operation::new(self.clone(), None),
            Ok(Some((id, child))) => Operation::new(self.clone(), Some(id)).with_child(child),
            Err(failure) => Operation::failed(self.clone(), failure),
        }
    }

    /// Asks for a durable timer.
    #[track_caller]
    pub(crate) fn create_timer(&self, fire_at: Timestamp) -> Operation {
        let id = self
            .0
            .borrow_mut()
            .create_timer(fire_at, Some(self.caller()));
        Operation::new(self.clone(), id)
    }

    /// Begins to wait for an external event.
    ///
    /// # Panics
    ///
    /// When the name is reserved: such an event is never delivered.
    #[track_caller]
    pub(crate) fn wait_for_external_event(&self, name: &str) -> EventWait {
        assert!(
            !is_reserved(name),
            "an event of the name `{name}` never arrives: names that begin with `{RESERVED_PREFIX}` are reserved"
        );
        let location = self.caller();
        let mut state = self.0.borrow_mut();
        let now = state.now;
        let id = state
            .polling
            .then(|| state.mailbox.wait(name, location, now));
        EventWait::new(self.clone(), id)
    }

    /// Sends an event to an instance, also to this one. An unknown or ended instance drops it.
    ///
    /// # Errors
    ///
    /// The given details, when the payload could not be encoded; those of the refusal when it is too large or the name is
    /// reserved.
    #[track_caller]
    pub(crate) fn send_event(
        &self,
        to: &InstanceId,
        name: &str,
        data: Result<Option<String>, FailureDetails>,
    ) -> Result<(), FailureDetails> {
        if is_reserved(name) {
            return Err(reserved(&format!("the name of the event `{name}`")));
        }
        let location = self.caller();
        self.0.borrow_mut().send(to, name, data?, location)
    }

    /// Ends the execution with the current poll and lets the instance go on with a new one: with this input, or as Failed with the
    /// details of why it could not be encoded. A version of `None` keeps that of this execution. The first call of an execution
    /// counts, whatever else the orchestrator does; the caller stays pending for ever.
    #[track_caller]
    pub(crate) fn continue_as_new(
        &self,
        input: Result<Option<String>, FailureDetails>,
        version: Option<String>,
    ) {
        let location = self.caller();
        let mut state = self.0.borrow_mut();
        if state.polling && state.continuing.is_none() {
            state.continuing = Some(Continuing {
                input,
                version,
                location,
            });
        }
    }

    /// A value, as JSON text, that is produced once and recorded; a replay takes it from history. So is the failure to produce it.
    ///
    /// What `produce` asks of the context has no effect. Outside of a poll the value is produced and not recorded.
    ///
    /// # Errors
    ///
    /// The details that `produce` gave, or those of the refusal when the value is too large.
    #[track_caller]
    pub(crate) fn side_value(
        &self,
        produce: impl FnOnce() -> Result<String, FailureDetails>,
    ) -> Result<String, FailureDetails> {
        let location = self.caller();
        let recorded = {
            let mut state = self.0.borrow_mut();
            if !state.polling {
                drop(state);
                return produce();
            }
            state.recorded_side_value(location)
        };
        if let Some(recorded) = recorded {
            return recorded;
        }
        let value = {
            let _paused = Paused::new(&self.0);
            produce()
        };
        self.0.borrow_mut().record_side_value(value, location)
    }

    /// Whether the code may take the path of this patch: yes where it runs for the first time, which is recorded; on replay, what
    /// was recorded. Patch ids are compared with regard to case. A patch that was found once, or not, is so for the rest of the
    /// execution, and one that the code no longer asks for is skipped in history.
    #[track_caller]
    pub(crate) fn patched(&self, id: &str) -> bool {
        let location = self.caller();
        self.0.borrow_mut().patched(id, location)
    }

    /// How many events history has, those of this episode so far and what it asked for included. The same at the same place on
    /// every replay.
    pub(crate) fn history_length(&self) -> usize {
        self.0.borrow().length.get()
    }

    #[track_caller]
    pub(crate) fn set_custom_status(&self, text: Option<String>) {
        let location = self.caller();
        let mut state = self.0.borrow_mut();
        if state.polling {
            state.status.set(text, location);
        }
    }

    pub(crate) fn custom_status(&self) -> Option<CustomStatus> {
        self.0.borrow_mut().status.value().cloned()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    pub(crate) fn new_guid(&self) -> Uuid {
        self.draw(Random::guid)
    }

    pub(crate) fn random(&self) -> u64 {
        self.draw(Random::next)
    }

    fn draw<T>(&self, from: impl FnOnce(&mut Random) -> T) -> T {
        let mut state = self.0.borrow_mut();
        if state.polling {
            from(&mut state.random)
        } else {
            from(&mut state.random.clone())
        }
    }

    pub(crate) fn is_replaying(&self) -> bool {
        !self.0.borrow().is_new()
    }

    pub(crate) fn info(&self) -> ExecutionInfo {
        self.0.borrow().info.clone()
    }

    /// Stops the execution: the result that was just taken does not decode. The orchestrator is not polled again.
    pub(crate) fn fail_undecodable_result(&self, what: &str, message: String) {
        let mut state = self.0.borrow_mut();
        let finished = state.last_finished.as_ref();
        let location = finished.and_then(|finished| finished.location);
        state.fail_undecodable(what, location, message);
    }

    /// Stops the execution: the side value that the caller was given does not decode. The orchestrator is not polled again.
    #[track_caller]
    pub(crate) fn fail_undecodable_side_value(&self, what: &str, message: String) {
        let location = Some(self.caller());
        self.0
            .borrow_mut()
            .fail_undecodable(what, location, message);
    }
}

/// Lets nothing that is asked for have an effect, as outside of a poll.
struct Paused<'a>(&'a RefCell<State>);

impl<'a> Paused<'a> {
    fn new(state: &'a RefCell<State>) -> Self {
        state.borrow_mut().polling = false;
        Self(state)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().polling = true;
    }
}

/// The tags of the first attempt of a call: the author's, and what is in force for it.
fn call_tags(
    mut tags: Tags,
    retry: Option<RetryPolicy>,
    timeout: Option<Duration>,
    total_timeout: Option<Duration>,
) -> Result<Tags, FailureDetails> {
    if let Some(key) = tags.keys().find(|key| is_reserved(key)) {
        return Err(reserved(&format!("the key of the tag `{key}`")));
    }
    let retry = retry.map(|policy| policy.in_bounds().to_tag());
    tags.extend(retry.map(|policy| (RETRY_TAG.to_owned(), policy)));
    for (key, duration) in [(TIMEOUT_TAG, timeout), (TOTAL_TIMEOUT_TAG, total_timeout)] {
        tags.extend(duration.map(|duration| (key.to_owned(), duration_tag(duration))));
    }
    Ok(tags)
}

fn reserved(what: &str) -> FailureDetails {
    let message = format!("{what} begins with `{RESERVED_PREFIX}`, which is reserved");
    FailureDetails {
        is_non_retriable: true,
        ..FailureDetails::new(kind::RESERVED, message)
    }
}

impl fmt::Debug for ExecutionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ExecutionHandle");
        if let Ok(state) = self.0.try_borrow() {
            debug
                .field("name", &state.info.name)
                .field("instance_id", &state.info.instance_id);
        }
        debug.finish_non_exhaustive()
    }
}
