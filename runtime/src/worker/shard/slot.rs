//! An instance that a shard knows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::open_activities::OpenActivities;
use crate::engine::Execution;
use crate::limits::{MAX_BUFFERED_EVENT_BYTES, MAX_BUFFERED_EVENTS, MAX_SENT_EVENTS};
use crate::model::custom_status::CustomStatus;
use crate::model::history::{HistoryEvent, HistoryEventKind};
use crate::model::instance::{Cursor, ParentInstance};
use crate::model::status::ActivityProgress;
use crate::model::tags::Tags;
use crate::model::trace_context::TraceContext;
use crate::model::waiting::WaitingOn;
use crate::store::{InstanceHeader, StoreError};
use crate::worker::message::{Reply, RequestError, TaskKey};
use crate::worker::update::{About, Update};

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) state: SlotState,
    /// What the instance has not taken yet, in order of arrival.
    pub(super) waiting: VecDeque<Message>,
    /// How many of its writes have not been answered.
    pub(super) unanswered: usize,
    /// Whether a write of it failed, so that the store may have more than its watchers know.
    pub(super) uncertain: bool,
    /// Why an episode of it failed, until it is loaded again: those that were on their way behind it fail for the same reason.
    pub(super) failed: Option<Arc<StoreError>>,
    /// Why what it has to take cannot be stored, until it can.
    pub(super) obstacle: Option<Arc<StoreError>>,
    pub(super) inbox: InboxRead,
    /// Whether it is among those that have more to take than one episode takes.
    pub(super) has_more: bool,
    /// When it was last used, in the shard's own count.
    pub(super) used: u64,
}

/// Whether the inbox of an instance that is in memory is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum InboxRead {
    #[default]
    No,
    Reading,
    /// Something arrived since the reading was asked for.
    ReadingAndMore,
}

#[derive(Debug)]
pub(super) enum SlotState {
    /// Its rows are being read, or will be once the writes that are on their way have been answered.
    Loading,
    /// Its orchestrator is in memory.
    Live(Box<Live>),
    /// It takes no events now. They go to its inbox in the store; terminating it works.
    Held(Box<Held>),
    /// Its execution has continued as new. The next one begins once the commit that says so is durable.
    Continuing(Box<InstanceHeader>),
    /// It has ended, and the commit that says so is on its way.
    Ending(Box<InstanceHeader>),
}

/// What the store will have of an instance when every write that is on its way is committed.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) header: InstanceHeader,
    /// What its watchers are told with every update.
    pub(super) about: Arc<About>,
    pub(super) custom_status: Option<CustomStatus>,
    /// What its activities reported, by the first attempt.
    pub(super) progress: BTreeMap<i32, ActivityProgress>,
    /// The messages of its inbox up to this one have been read.
    pub(super) inbox_seen: u64,
    /// Whether an episode has run its orchestrator.
    pub(super) begun: bool,
    /// What every execution of the instance begins with.
    pub(super) parent: Option<ParentInstance>,
    pub(super) tags: Tags,
    pub(super) trace: Option<Arc<TraceContext>>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) known: Known,
    pub(super) why: Aside,
    /// What it keeps, at least.
    pub(super) kept: Kept,
}

/// Events that an instance keeps, which its orchestrator has not taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl Kept {
    /// Counts an external event. Results of what the orchestrator asked for are no such.
    pub(super) fn add(&mut self, event: &HistoryEvent) {
        if is_raised(event) {
            self.events += 1;
            self.bytes += payload_bytes(event);
        }
    }

    /// Whether an event that a client raises must be refused.
    pub(super) const fn is_full(self) -> bool {
        self.events >= MAX_BUFFERED_EVENTS || self.bytes >= MAX_BUFFERED_EVENT_BYTES
    }

    /// Whether an event that another orchestration has sent is lost.
    pub(super) const fn overflows(self) -> bool {
        self.events >= MAX_SENT_EVENTS || self.bytes >= MAX_BUFFERED_EVENT_BYTES
    }
}

/// Whether it is an external event.
pub(super) const fn is_raised(event: &HistoryEvent) -> bool {
    matches!(event.kind, HistoryEventKind::EventRaised(_))
}

/// How many bytes the payload of an event has.
pub(super) fn payload_bytes(event: &HistoryEvent) -> usize {
    let payload = match &event.kind {
        HistoryEventKind::TaskCompleted(task) => &task.result,
        HistoryEventKind::SubOrchestrationInstanceCompleted(child) => &child.result,
        HistoryEventKind::EventRaised(raised) => &raised.input,
        _ => &None,
    };
    payload.as_ref().map_or(0, String::len)
}

/// Why an instance takes no events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// It cannot advance; its header says why.
    Stalled,
    /// A client paused it.
    Suspended,
    /// It shall not start before this time.
    Scheduled(Timestamp),
}

#[derive(Debug)]
pub(super) struct Live {
    pub(super) execution: Execution,
    pub(super) known: Known,
    /// The events that begin the execution, until they are delivered.
    pub(super) begin: Vec<HistoryEvent>,
    /// Activities that are scheduled and not ended.
    pub(super) open_activities: OpenActivities,
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
        recursive: bool,
        source: Source,
    },
    /// It shall stop taking events, or take them again.
    Suspend {
        reason: Option<String>,
        reply: Reply<()>,
    },
    Resume {
        reason: Option<String>,
        reply: Reply<()>,
    },
    /// It failed, and shall run again what failed. Its inbox has it, as this message.
    Rewind {
        reason: Option<String>,
        message: u64,
    },
    /// It shall try again, when it could not advance.
    Retry { reply: Reply<()> },
    /// It shall say what it waits for.
    Inspect { reply: Reply<Vec<WaitingOn>> },
    /// This activity reports how far it is.
    Progress(TaskKey),
    /// There is something in its inbox.
    Mail,
    /// It shall look whether it has something to do.
    Attend,
}

/// Where a message comes from, and so what has to happen once it is in history.
#[derive(Debug)]
pub(super) enum Source {
    /// The row that begins the execution, where it is kept.
    Begin,
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
            failed: None,
            obstacle: None,
            inbox: InboxRead::No,
            has_more: false,
            used: 0,
        }
    }

    /// Whether it has a place in memory that others may need.
    pub(super) const fn is_resident(&self) -> bool {
        matches!(self.state, SlotState::Live(_) | SlotState::Held(_))
    }

    /// Whether it can be forgotten: the store has everything.
    pub(super) fn is_idle(&self) -> bool {
        self.is_resident()
            && self.waiting.is_empty()
            && self.unanswered == 0
            && self.inbox == InboxRead::No
    }

    /// Whether an activity of it runs, so that it is likely to be needed again soon.
    pub(super) fn is_busy(&self) -> bool {
        matches!(&self.state, SlotState::Live(live) if !live.open_activities.is_empty())
    }

    /// The columns of the instance as they will be when every write that is on its way is committed.
    pub(super) fn header(&self) -> Option<&InstanceHeader> {
        match &self.state {
            SlotState::Loading => None,
            SlotState::Live(live) => Some(&live.known.header),
            SlotState::Held(held) => Some(&held.known.header),
            SlotState::Continuing(header) | SlotState::Ending(header) => Some(header),
        }
    }

    /// What is known of the instance while it is in memory.
    pub(super) fn known(&mut self) -> Option<&mut Known> {
        match &mut self.state {
            SlotState::Live(live) => Some(&mut live.known),
            SlotState::Held(held) => Some(&mut held.known),
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => None,
        }
    }
}

impl Known {
    /// The JSON text of the custom status.
    pub(super) fn status_text(&self) -> Option<String> {
        let status = self.custom_status.as_ref();
        status.map(|status| status.as_json().to_owned())
    }

    /// What watchers see of it.
    pub(super) fn update(&self) -> Update {
        Update {
            about: Arc::clone(&self.about),
            cursor: Cursor {
                incarnation: self.header.incarnation,
                sequence: self.header.sequence,
            },
            runtime_status: self.header.runtime_status,
            custom_status: self.custom_status.clone(),
            progress: self.progress.values().cloned().collect(),
            output: None,
            failure: None,
            stalled: self.header.stalled.clone(),
            replaces: false,
            last_updated_at: Some(self.header.last_updated_at),
        }
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

impl Message {
    /// Whether it is an event that begins its execution.
    pub(super) const fn is_beginning(&self) -> bool {
        matches!(
            self,
            Self::Event {
                source: Source::Begin,
                ..
            }
        )
    }

    /// Whether it ends or pauses its instance.
    pub(super) const fn is_stop(&self) -> bool {
        matches!(self, Self::Terminate { .. } | Self::Suspend { .. })
    }

    /// Whether it is in the inbox, and found there again when the instance is loaded.
    pub(super) const fn is_of_inbox(&self) -> bool {
        matches!(
            self,
            Self::Event {
                source: Source::Inbox(_),
                ..
            } | Self::Terminate {
                source: Source::Inbox(_),
                ..
            } | Self::Rewind { .. }
        )
    }

    /// Whether nobody waits for an answer to it.
    pub(super) const fn is_nobodys(&self) -> bool {
        match self {
            Self::Event { source, .. } | Self::Terminate { source, .. } => {
                !matches!(source, Source::Client(_))
            }
            Self::TimersDue
            | Self::Rewind { .. }
            | Self::Progress(_)
            | Self::Mail
            | Self::Attend => true,
            Self::Suspend { .. }
            | Self::Resume { .. }
            | Self::Retry { .. }
            | Self::Inspect { .. } => false,
        }
    }

    /// Answers a message that its instance will never take.
    pub(super) fn refuse(self, error: impl FnOnce() -> RequestError) {
        match self {
            Self::Event {
                source: Source::Client(reply),
                ..
            }
            | Self::Terminate {
                source: Source::Client(reply),
                ..
            }
            | Self::Suspend { reply, .. }
            | Self::Resume { reply, .. }
            | Self::Retry { reply } => reply.send(Err(error())),
            Self::Inspect { reply } => reply.send(Err(error())),
            Self::Event { .. }
            | Self::Terminate { .. }
            | Self::TimersDue
            | Self::Rewind { .. }
            | Self::Progress(_)
            | Self::Mail
            | Self::Attend => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::history::EventRaised;

    #[test]
    fn what_is_kept_is_bounded_by_its_number_and_its_size() {
        let event = |bytes: usize| {
            let raised = EventRaised {
                name: "noise".into(),
                input: Some("x".repeat(bytes)),
            };
            HistoryEvent::new(Timestamp::UNIX_EPOCH, raised)
        };
        let (mut many, mut large) = (Kept::default(), Kept::default());
        (0..MAX_BUFFERED_EVENTS).for_each(|_| many.add(&event(1)));
        assert!(many.is_full() && !many.overflows());
        let rest = MAX_SENT_EVENTS - MAX_BUFFERED_EVENTS;
        (0..rest).for_each(|_| many.add(&event(1)));
        assert!(many.overflows());
        (0..63).for_each(|_| large.add(&event(1024 * 1024)));
        assert!(!large.is_full());
        large.add(&event(1024 * 1024));
        assert!(large.is_full() && large.overflows());
    }
}
