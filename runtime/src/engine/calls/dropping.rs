//! Operations whose future is dropped or detached: what is withdrawn, and what goes on. See the table of the engine.

use super::{Freed, PendingKind};
use crate::engine::state::State;
use crate::model::instance::InstanceId;

/// An activity or sub-orchestration whose future was dropped in the current poll.
#[derive(Debug)]
pub(in crate::engine) struct Dropped {
    id: i32,
    child: Option<InstanceId>,
    awaited: bool,
}

impl State {
    /// Lets an operation go on without anyone waiting for it.
    pub(in crate::engine) fn detach(&mut self, id: i32) -> Freed {
        let Some(pending) = self.operations.get_mut(&id) else {
            return Freed::default();
        };
        if pending.completion.is_some() {
            self.operations.remove(&id);
            return Freed::default();
        }
        pending.detached = true;
        self.open -= 1;
        Freed {
            _waker: pending.waker.take(),
            ..Freed::default()
        }
    }

    /// Forgets an operation whose future was dropped.
    pub(in crate::engine) fn drop_operation(&mut self, id: i32) -> Freed {
        // Teardown withdraws nothing: whoever replays the execution finds the operation open again.
        if !self.polling {
            return Freed::default();
        }
        let Some(mut pending) = self.operations.remove(&id) else {
            return Freed::default();
        };
        if pending.completion.is_some() {
            return Freed::default();
        }
        self.open -= 1;
        if let PendingKind::Timer(fire_at) = pending.kind {
            self.timers.remove(&(fire_at, id));
        }
        if let Some((id, child)) = pending.open_attempt(id) {
            self.dropped.push(Dropped {
                id,
                child,
                awaited: pending.awaited,
            });
        }
        let series = pending.series.take();
        if let Some(series) = &series {
            self.end_series(series);
        }
        Freed {
            wake: None,
            _waker: pending.waker.take(),
            _series: series,
        }
    }

    /// Lets what the last poll dropped go on: it unwound.
    pub(in crate::engine) fn spare_dropped(&mut self) {
        self.dropped.clear();
    }

    /// Withdraws what the last poll dropped. As the orchestrator returns, what was never awaited goes on instead.
    pub(in crate::engine) fn settle_dropped(&mut self, returned: bool) {
        for Dropped { id, child, awaited } in std::mem::take(&mut self.dropped) {
            if !returned || awaited {
                self.withdraw(id, child);
            }
        }
    }

    /// Withdraws an attempt that runs. A replay has done so before.
    pub(super) fn withdraw(&mut self, id: i32, child: Option<InstanceId>) {
        self.unfinished.remove(&id);
        if !self.is_new() && self.repeats_from.is_none() {
            return;
        }
        match child {
            Some(instance) => self.withdrawn_children.push((id, instance)),
            None => self.withdrawn.push(id),
        }
    }
}
