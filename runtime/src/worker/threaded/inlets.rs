//! The ways into the shards.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use crate::hash::hash_of;
use crate::model::instance::{ExecutionId, InstanceId};
use crate::worker::message::{Request, RequestError, ShardInput};
use crate::worker::meters::Meters;

#[expect(
    clippy::large_enum_variant,
    reason = "nearly every message is an input, and boxing it would cost an allocation each"
)]
pub(super) enum ShardMessage {
    Input(ShardInput),
    /// Instances to look at when there is room for them.
    Attend(Vec<InstanceId>),
    Stop,
}

/// The ways into the shards.
#[derive(Clone)]
pub(crate) struct Inlets {
    senders: Arc<[Sender<ShardMessage>]>,
    meters: Arc<Meters>,
}

impl Inlets {
    pub(super) fn meters(&self) -> &Meters {
        &self.meters
    }

    /// How many shards there are.
    pub(super) fn len(&self) -> usize {
        self.senders.len()
    }

    /// The shard that owns an instance, for as long as the process lives.
    pub(super) fn shard_of(&self, id: &InstanceId) -> usize {
        usize::try_from(hash_of(id) % self.senders.len() as u64).unwrap_or_default()
    }

    pub(super) fn send(&self, id: &InstanceId, input: ShardInput) {
        // A closed channel means that the worker is being dropped.
        drop(self.put(self.shard_of(id), ShardMessage::Input(input)));
    }

    /// Gives back what nobody takes any more.
    pub(super) fn put(&self, shard: usize, message: ShardMessage) -> Option<ShardMessage> {
        self.meters.message_sent(shard);
        let sent = self.senders[shard].send(message);
        sent.err().map(|mpsc::SendError(message)| message)
    }

    /// What concerns no one instance is for any shard.
    pub(super) fn send_request(&self, request: Request) {
        let shard = request.id().map_or(0, |id| self.shard_of(id));
        let message = ShardMessage::Input(ShardInput::Request(request));
        if let Some(ShardMessage::Input(ShardInput::Request(request))) = self.put(shard, message) {
            request.refuse(RequestError::ShutDown);
        }
    }
}

/// The other end of one of the [`Inlets`].
pub(crate) struct ShardReceiver(pub(super) Receiver<ShardMessage>);

/// The ways into this many shards, and their other ends.
pub(crate) fn inlets(shards: usize, meters: &Arc<Meters>) -> (Inlets, Vec<ShardReceiver>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards)
        .map(|_| mpsc::channel())
        .map(|(sender, receiver)| (sender, ShardReceiver(receiver)))
        .unzip();
    let inlets = Inlets {
        senders: senders.into(),
        meters: Arc::clone(meters),
    };
    (inlets, receivers)
}

/// A way for the engine to say that an orchestrator was woken from outside.
pub(crate) fn foreign_wakes(inlets: Inlets) -> Box<dyn Fn(InstanceId, ExecutionId) + Send + Sync> {
    Box::new(move |id, execution| {
        inlets.send(&id.clone(), ShardInput::ForeignWake { id, execution })
    })
}
