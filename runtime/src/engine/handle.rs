//! What the context asks of the engine on behalf of an orchestrator.

use std::cell::RefCell;
use std::fmt;
use std::panic::Location;
use std::rc::Rc;

use jiff::Timestamp;
use uuid::Uuid;

use super::fault::Fault;
use super::operation::{EventWait, Operation};
use super::random::Random;
use super::state::State;
use crate::model::action::OrchestratorActionKind;
use crate::model::custom_status::CustomStatus;
use crate::model::failure::FailureDetails;
use crate::model::instance::{ExecutionId, InstanceId, ParentInstance};

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
}

/// The way from an orchestrator's context to the execution it belongs to.
///
/// What is asked for outside of the orchestrator's own poll, such as by a destructor after its end or by another
/// orchestrator that got hold of its context, has no effect.
#[derive(Clone)]
pub struct ExecutionHandle(pub(super) Rc<RefCell<State>>);

impl ExecutionHandle {
    /// Asks for an activity. Its future fails with the given details when the input could not be encoded.
    #[track_caller]
    pub(crate) fn schedule_task(
        &self,
        name: &str,
        input: Result<Option<String>, FailureDetails>,
    ) -> Operation {
        match input {
            Ok(input) => self.act(OrchestratorActionKind::ScheduleTask {
                name: name.into(),
                input,
            }),
            Err(failure) => Operation::failed(self.clone(), failure),
        }
    }

    /// Asks for a durable timer.
    #[track_caller]
    pub(crate) fn create_timer(&self, fire_at: Timestamp) -> Operation {
        self.act(OrchestratorActionKind::CreateTimer { fire_at })
    }

    #[track_caller]
    fn act(&self, action: OrchestratorActionKind) -> Operation {
        let id = self.0.borrow_mut().act(action, Some(Location::caller()));
        Operation::new(self.clone(), id)
    }

    /// Begins to wait for an external event.
    pub(crate) fn wait_for_external_event(&self, name: &str) -> EventWait {
        let mut state = self.0.borrow_mut();
        let id = state.polling.then(|| state.mailbox.wait(name));
        EventWait::new(self.clone(), id)
    }

    pub(crate) fn set_custom_status(&self, status: Option<CustomStatus>) {
        let mut state = self.0.borrow_mut();
        if state.polling {
            state.status.value = status;
        }
    }

    pub(crate) fn custom_status(&self) -> Option<CustomStatus> {
        self.0.borrow().status.value.clone()
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
        self.0.borrow().replaying
    }

    pub(crate) fn info(&self) -> ExecutionInfo {
        self.0.borrow().info.clone()
    }

    /// Stops the execution: something recorded does not decode. The orchestrator is not polled again.
    pub(crate) fn fail_undecodable(&self, what: String, message: String) {
        self.0
            .borrow_mut()
            .fail(Fault::Undecodable { what, message });
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
