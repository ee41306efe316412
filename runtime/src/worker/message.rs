//! What the step functions tell each other.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::activities::progress::ProgressCell;
use crate::context::CancelReason;
use crate::engine::Outcome;
use crate::external_event::EventError;
use crate::model::custom_status::CustomStatus;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::on_existing::OnExisting;
use crate::model::retry::Attempt;
use crate::model::status::RuntimeStatus;
use crate::model::tags::Tags;
use crate::model::trace_context::TraceContext;
use crate::model::waiting::WaitingOn;
use crate::store::{
    ImportInstance, InboxRow, PurgeWhere, StoreError, StoredInstance, TimerPosition, Write,
    WriteResult,
};

/// A request that was not carried out.
#[derive(Clone, Debug)]
pub(crate) enum RequestError {
    /// There is no instance of this id.
    NotFound { id: InstanceId },
    /// The instance has ended.
    AlreadyEnded { id: InstanceId },
    /// The instance has not ended.
    NotEnded {
        id: InstanceId,
        runtime_status: RuntimeStatus,
    },
    /// The instance has not failed.
    NotFailed {
        id: InstanceId,
        runtime_status: RuntimeStatus,
    },
    /// The id is taken.
    AlreadyExists {
        id: InstanceId,
        name: String,
        runtime_status: RuntimeStatus,
    },
    /// The orchestrator declares its events, and this is none of them.
    UndeclaredEvent {
        id: InstanceId,
        event: String,
        declared: Vec<&'static str>,
    },
    /// The orchestrator declares the event with another payload.
    EventPayload { id: InstanceId, error: EventError },
    /// As many events as an instance may keep wait for it already.
    TooManyEvents { id: InstanceId },
    /// The store failed: the outcome is unknown.
    Store(Arc<StoreError>),
    /// Its thread was given up when an orchestrator did not return: the outcome is unknown.
    GivenUp,
    /// The worker is gone.
    ShutDown,
}

/// Where the answer to a request goes. A requester that no longer listens is no error.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    answer: oneshot::Sender<Result<T, RequestError>>,
    /// What the request takes up until it is answered.
    place: Option<OwnedSemaphorePermit>,
}

impl<T> Reply<T> {
    pub(crate) fn channel() -> (Self, oneshot::Receiver<Result<T, RequestError>>) {
        let (answer, receiver) = oneshot::channel();
        let place = None;
        (Self { answer, place }, receiver)
    }

    pub(crate) fn send(self, answer: Result<T, RequestError>) {
        drop(self.answer.send(answer));
    }
}

/// What a client asks of the shard that owns an instance.
#[derive(Debug)]
pub(crate) enum Request {
    Start(StartRequest),
    /// Creates an instance with a history that it had elsewhere.
    Import {
        import: Box<ImportInstance>,
        reply: Reply<Incarnation>,
    },
    /// Something is to be done to an instance.
    Control {
        id: InstanceId,
        control: Control,
        reply: Reply<()>,
    },
    /// What an instance waits for.
    Inspect {
        id: InstanceId,
        reply: Reply<Vec<WaitingOn>>,
    },
    /// Purges a part of the instances that have ended.
    PurgeWhere {
        purge: PurgeWhere,
        reply: Reply<PurgedPart>,
    },
}

/// What can be done to an instance. Reasons are JSON texts.
#[derive(Debug)]
pub(crate) enum Control {
    RaiseEvent {
        name: String,
        payload: Option<String>,
    },
    Terminate {
        reason: Option<String>,
        /// Its unfinished children too, and theirs.
        recursive: bool,
    },
    Suspend {
        reason: Option<String>,
    },
    Resume {
        reason: Option<String>,
    },
    /// Runs again what failed.
    Rewind {
        reason: Option<String>,
    },
    /// Deletes an instance that has ended.
    Purge,
    /// Tries again what could not advance.
    Retry,
}

/// What a part of a purge did.
#[derive(Debug)]
pub(crate) struct PurgedPart {
    pub(crate) count: u64,
    /// Behind which instance to go on, unless it was the last part.
    pub(crate) next: Option<Incarnation>,
}

#[derive(Debug)]
pub(crate) struct StartRequest {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) input: Option<String>,
    pub(crate) custom_status: Option<CustomStatus>,
    /// Not before this time.
    pub(crate) start_at: Option<Timestamp>,
    pub(crate) tags: Tags,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) on_existing: OnExisting,
    pub(crate) reply: Reply<Incarnation>,
}

impl Request {
    /// The instance that it is about, when it is about one.
    pub(crate) fn id(&self) -> Option<&InstanceId> {
        match self {
            Self::Start(start) => Some(&start.id),
            Self::Import { import, .. } => Some(&import.create.id),
            Self::Control { id, .. } | Self::Inspect { id, .. } => Some(id),
            Self::PurgeWhere { .. } => None,
        }
    }

    /// Keeps a place until it is answered.
    pub(crate) fn takes(&mut self, place: Option<OwnedSemaphorePermit>) {
        match self {
            Self::Start(StartRequest { reply, .. }) | Self::Import { reply, .. } => {
                reply.place = place;
            }
            Self::Control { reply, .. } => reply.place = place,
            Self::Inspect { reply, .. } => reply.place = place,
            Self::PurgeWhere { reply, .. } => reply.place = place,
        }
    }

    /// About how many bytes it has.
    pub(crate) fn bytes(&self) -> usize {
        let of = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        match self {
            Self::Start(start) => of(&start.input),
            Self::Import { import, .. } => {
                let rows = import.rows.iter().map(|row| row.events.len());
                let inbox = import.inbox.iter().map(String::len);
                import.create.events.len() + rows.chain(inbox).sum::<usize>()
            }
            Self::Control { control, .. } => match control {
                Control::RaiseEvent { name, payload } => name.len() + of(payload),
                Control::Terminate { reason, .. }
                | Control::Suspend { reason }
                | Control::Resume { reason }
                | Control::Rewind { reason } => of(reason),
                Control::Purge | Control::Retry => 0,
            },
            Self::Inspect { .. } | Self::PurgeWhere { .. } => 0,
        }
    }

    /// Answers a request that cannot be taken.
    pub(crate) fn refuse(self, error: RequestError) {
        match self {
            Self::Start(StartRequest { reply, .. }) | Self::Import { reply, .. } => {
                reply.send(Err(error));
            }
            Self::Control { reply, .. } => reply.send(Err(error)),
            Self::Inspect { reply, .. } => reply.send(Err(error)),
            Self::PurgeWhere { reply, .. } => reply.send(Err(error)),
        }
    }
}

/// One scheduled activity, wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TaskKey {
    pub(crate) execution: ExecutionId,
    pub(crate) id: i32,
}

/// An activity to run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) key: TaskKey,
    pub(crate) instance: InstanceId,
    pub(crate) name: String,
    pub(crate) input: Option<String>,
    pub(crate) attempt: Attempt,
    /// What the attempt before reported last, or this one before a crash.
    pub(crate) last_heartbeat: Option<String>,
    /// The place in a trace that the instance was started from.
    pub(crate) trace: Option<Arc<TraceContext>>,
}

/// What reaches a shard.
#[derive(Debug)]
pub(crate) enum ShardInput {
    /// A client asks for something.
    Request(Request),
    /// The store answers [`ShardOutput::Load`].
    Loaded {
        id: InstanceId,
        result: Result<Option<StoredInstance>, Arc<StoreError>>,
    },
    /// The store answers [`ShardOutput::ReadInbox`].
    Inbox {
        id: InstanceId,
        incarnation: Incarnation,
        result: Result<Vec<InboxRow>, Arc<StoreError>>,
    },
    /// The writer answers a [`ShardOutput::Write`]. Answers come in the order of the writes.
    Written(Result<WriteResult, Arc<StoreError>>),
    /// An activity ended.
    TaskEnded {
        instance: InstanceId,
        key: TaskKey,
        outcome: Outcome,
    },
    /// An activity that a thread of this shard has handed out, which was given up, runs or waits for a place.
    HandedOut {
        instance: InstanceId,
        key: TaskKey,
        /// What it has reported, and no thread has taken.
        progress: Option<ProgressCell>,
    },
    /// That was all, and what has ended before has been told.
    Accounted,
    /// An activity reports how far it is.
    Progress {
        instance: InstanceId,
        key: TaskKey,
        cell: ProgressCell,
    },
    /// A timer of the instance is due.
    TimerDue(InstanceId),
    /// Another instance has sent something: it is in the inbox. Or it has been created by another.
    Mail(InstanceId),
    /// The instance may have work that nobody does, since a worker died.
    Attend(InstanceId),
    /// The orchestrator of this execution was woken from outside.
    ForeignWake {
        id: InstanceId,
        execution: ExecutionId,
    },
    /// The driver could not do what [`ShardOutput::Recover`] asks for.
    RecoveryFailed,
    /// Time has passed.
    Tick,
}

impl ShardInput {
    /// The [`HandedOut`](Self::HandedOut) of an activity.
    pub(crate) fn handed_out(task: &Task, progress: Option<&ProgressCell>) -> Self {
        Self::HandedOut {
            instance: task.instance.clone(),
            key: task.key,
            progress: progress.filter(|progress| progress.is_untaken()).cloned(),
        }
    }
}

/// What leaves a shard.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every output is a write, and boxing it would cost an allocation each"
)]
pub(crate) enum ShardOutput {
    /// Load this instance.
    Load(InstanceId),
    /// Read the inbox of this instance behind this message.
    ReadInbox(InstanceId, Incarnation, u64),
    /// Commit this, in order with the shard's other writes.
    Write(Write),
    /// Run this activity.
    Run(Arc<Task>),
    /// Nobody waits for this activity any more.
    Cancel(TaskKey, CancelReason),
    /// The instance's next timer is due then.
    SetTimer(TimerPosition, InstanceId),
    /// These instances have something in their inboxes.
    Notify(Vec<InstanceId>),
    /// The outcome of a commit is unknown: look for instances that it may have left with something to do.
    Recover,
}
