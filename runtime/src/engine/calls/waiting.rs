//! What an execution waits for among its operations.

use super::{Pending, PendingKind};
use crate::engine::state::State;
use crate::model::waiting::{WaitingFor, WaitingOn};

impl State {
    /// Whether the last poll of the orchestrator left an operation pending that is open, or a combinator awaits one.
    pub(in crate::engine) fn awaits_something(&self) -> bool {
        let awaited = |id| {
            let pending: Option<&Pending> = self.operations.get(id);
            pending.is_some_and(|pending| pending.completion.is_none() && !pending.detached)
        };
        self.awaits.through_a_combinator()
            || self.mailbox.is_awaited()
            || self.polled.iter().any(awaited)
    }

    /// The operations that the orchestrator waits for, in the order in which they were asked for.
    pub(in crate::engine) fn operations_waited_for(&self) -> Vec<WaitingOn> {
        let mut pending: Vec<_> = self.operations.iter().collect();
        pending.retain(|(_, pending)| pending.completion.is_none() && !pending.detached);
        pending.sort_unstable_by_key(|(id, _)| **id);
        let waiting = pending.into_iter().map(|(id, pending)| WaitingOn {
            kind: pending.waiting_for(*id),
            location: pending.location,
            since: pending.since,
        });
        waiting.collect()
    }
}

impl Pending {
    fn waiting_for(&self, operation: i32) -> WaitingFor {
        let name = String::from(&*self.name);
        let (mut id, mut attempt, mut max_attempts) = (operation, 1, 1);
        if let Some(series) = &self.series {
            (id, attempt) = (series.current, series.attempt);
            max_attempts = series.policy.as_ref().map_or(1, |p| p.max_attempts);
            if let Some(at) = series.next_at {
                return WaitingFor::Retry {
                    id,
                    name,
                    next_attempt: attempt + 1,
                    max_attempts,
                    at,
                };
            }
        }
        match &self.kind {
            PendingKind::Task => WaitingFor::Activity {
                id,
                name,
                attempt,
                max_attempts,
            },
            PendingKind::Timer(fire_at) => WaitingFor::Timer {
                id,
                fire_at: *fire_at,
            },
            PendingKind::Child(instance_id) => WaitingFor::Child {
                id,
                instance_id: instance_id.clone(),
                name,
            },
        }
    }
}
