//! What the step functions tell each other.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::engine::Outcome;
use crate::model::custom_status::CustomStatus;
use crate::model::instance::{ExecutionId, Incarnation, InstanceId};
use crate::model::on_existing::OnExisting;
use crate::model::status::RuntimeStatus;
use crate::store::{StoreError, StoredInstance, Write, WriteResult};

/// A request that was not carried out.
#[derive(Clone, Debug)]
pub(crate) enum RequestError {
    /// There is no instance of this id.
    NotFound { id: InstanceId },
    /// The instance has ended.
    AlreadyEnded { id: InstanceId },
    /// The id is taken.
    AlreadyExists {
        id: InstanceId,
        name: String,
        runtime_status: RuntimeStatus,
    },
    /// The store failed: the outcome is unknown.
    Store(Arc<StoreError>),
    /// The worker is gone.
    ShutDown,
}

/// Where the answer to a request goes. A requester that no longer listens is no error.
#[derive(Debug)]
pub(crate) struct Reply<T>(oneshot::Sender<Result<T, RequestError>>);

impl<T> Reply<T> {
    pub(crate) fn channel() -> (Self, oneshot::Receiver<Result<T, RequestError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    pub(crate) fn send(self, answer: Result<T, RequestError>) {
        drop(self.0.send(answer));
    }
}

/// What a client asks of the shard that owns an instance.
#[derive(Debug)]
pub(crate) enum Request {
    Start(StartRequest),
    RaiseEvent {
        id: InstanceId,
        name: String,
        payload: Option<String>,
        reply: Reply<()>,
    },
    Terminate {
        id: InstanceId,
        reason: Option<String>,
        reply: Reply<()>,
    },
    Retry {
        id: InstanceId,
        reply: Reply<()>,
    },
}

#[derive(Debug)]
pub(crate) struct StartRequest {
    pub(crate) id: InstanceId,
    pub(crate) name: String,
    pub(crate) input: Option<String>,
    pub(crate) custom_status: Option<CustomStatus>,
    pub(crate) on_existing: OnExisting,
    pub(crate) reply: Reply<Incarnation>,
}

impl Request {
    pub(crate) const fn id(&self) -> &InstanceId {
        match self {
            Self::Start(start) => &start.id,
            Self::RaiseEvent { id, .. } | Self::Terminate { id, .. } | Self::Retry { id, .. } => id,
        }
    }

    /// Answers a request that cannot be taken.
    pub(crate) fn refuse(self, error: RequestError) {
        match self {
            Self::Start(start) => start.reply.send(Err(error)),
            Self::RaiseEvent { reply, .. }
            | Self::Terminate { reply, .. }
            | Self::Retry { reply, .. } => {
                reply.send(Err(error));
            }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) key: TaskKey,
    pub(crate) instance: InstanceId,
    pub(crate) name: String,
    pub(crate) input: Option<String>,
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
    /// The writer answers a [`ShardOutput::Write`]. Answers come in the order of the writes.
    Written(Result<WriteResult, Arc<StoreError>>),
    /// An activity ended.
    TaskEnded {
        instance: InstanceId,
        key: TaskKey,
        outcome: Outcome,
    },
    /// A timer of the instance is due.
    TimerDue(InstanceId),
    /// The instance may have work that nobody does, since a worker died.
    Attend(InstanceId),
    /// The orchestrator of this execution was woken from outside.
    ForeignWake {
        id: InstanceId,
        execution: ExecutionId,
    },
    /// Time has passed.
    Tick,
}

/// What leaves a shard.
#[derive(Debug)]
pub(crate) enum ShardOutput {
    /// Load this instance.
    Load(InstanceId),
    /// Commit this, in order with the shard's other writes.
    Write(Write),
    /// Run this activity.
    Run(Task),
    /// Nobody waits for this activity any more.
    Cancel(TaskKey),
    /// The instance's next timer is due then.
    SetTimer(crate::store::TimerPosition, InstanceId),
}
