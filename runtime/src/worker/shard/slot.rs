//! An instance that a shard knows.

use std::collections::{HashMap, VecDeque};

use crate::engine::Execution;
use crate::model::custom_status::CustomStatus;
use crate::model::history::{HistoryEvent, HistoryEventKind};
use crate::store::InstanceHeader;
use crate::worker::message::{Reply, TaskKey};

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) state: SlotState,
    /// What the instance has not taken yet, in order of arrival.
    pub(super) waiting: VecDeque<Message>,
    /// How many of its writes have not been answered.
    pub(super) unanswered: usize,
    /// Whether a write of it failed, so that the store may have more than its watchers know.
    pub(super) uncertain: bool,
    /// When it was last used, in the shard's own count.
    pub(super) used: u64,
}

#[derive(Debug)]
pub(super) enum SlotState {
    /// Its rows are being read, or will be once the writes that are on their way have been answered.
    Loading,
    /// Its orchestrator is in memory.
    Live(Box<Live>),
    /// It cannot advance. Messages go to its inbox in the store; terminating it works.
    Held(Box<Held>),
    /// It has ended, and the commit that says so is on its way.
    Ending(Box<InstanceHeader>),
}

#[derive(Debug)]
pub(super) struct Held {
    /// As it will be when every write that is on its way is committed.
    pub(super) header: InstanceHeader,
    pub(super) custom_status: Option<CustomStatus>,
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) execution: Execution,
    /// As it will be when every write that is on its way is committed.
    pub(super) header: InstanceHeader,
    /// The custom status as it will be then.
    pub(super) committed_status: Option<CustomStatus>,
    /// The event that begins the execution, until it is delivered.
    pub(super) begin: Option<HistoryEvent>,
    /// Activities that are scheduled and not ended. The value is the name of one that this program does not have.
    pub(super) open_tasks: HashMap<i32, Option<String>>,
}

/// Something that an instance has to take.
#[derive(Debug)]
pub(super) enum Message {
    /// An event for its history.
    Event { event: HistoryEvent, source: Source },
    /// A timer may be due.
    TimersDue,
    /// It shall end.
    Terminate {
        reason: Option<String>,
        reply: Reply<()>,
    },
    /// It shall try again, when it could not advance.
    Retry { reply: Reply<()> },
    /// It shall look whether it has something to do.
    Attend,
}

/// Where an event comes from, and so what has to happen once it is in history.
#[derive(Debug)]
pub(super) enum Source {
    /// A client, which waits for the answer.
    Client(Reply<()>),
    /// An activity, which is then no longer running.
    Activity(TaskKey),
    /// The inbox, from which it is then deleted.
    Inbox(u64),
}

impl Slot {
    pub(super) const fn new(state: SlotState) -> Self {
        Self {
            state,
            waiting: VecDeque::new(),
            unanswered: 0,
            uncertain: false,
            used: 0,
        }
    }

    pub(super) const fn is_live(&self) -> bool {
        matches!(self.state, SlotState::Live(_))
    }

    /// Whether it has a place in memory that others may need.
    pub(super) const fn is_resident(&self) -> bool {
        matches!(self.state, SlotState::Live(_) | SlotState::Held(_))
    }

    /// Whether it can be forgotten: the store has everything.
    pub(super) fn is_idle(&self) -> bool {
        self.is_resident() && self.waiting.is_empty() && self.unanswered == 0
    }

    /// The columns of the instance as they will be when every write that is on its way is committed.
    pub(super) fn header(&self) -> Option<&InstanceHeader> {
        match &self.state {
            SlotState::Loading => None,
            SlotState::Live(live) => Some(&live.header),
            SlotState::Held(held) => Some(&held.header),
            SlotState::Ending(header) => Some(header),
        }
    }
}

impl Live {
    /// Why it may be waiting for longer than its author meant.
    pub(super) fn stalled(&self) -> Option<String> {
        let missing = self.open_tasks.values().flatten().next()?;
        Some(format!(
            "activity `{missing}` is not registered in this program; it runs once a program that has it is started \
             (a definition in a crate that nothing refers to is not linked: write `use that_crate as _;`)"
        ))
    }
}

/// The activity whose end an event tells.
pub(super) const fn ended_task(event: &HistoryEvent) -> Option<i32> {
    match &event.kind {
        HistoryEventKind::TaskCompleted(task) => Some(task.task_scheduled_id),
        HistoryEventKind::TaskFailed(task) => Some(task.task_scheduled_id),
        _ => None,
    }
}
