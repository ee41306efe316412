//! The thread that commits.

use std::sync::mpsc::Receiver;

use super::inlets::{Inlets, ShardMessage};
use crate::store::Write;
use crate::worker::message::ShardInput;
use crate::worker::turn::Turn;
use crate::worker::writer::{MAX_BATCH, Writer};

pub(super) type WriterMessage = (usize, Vec<Write>);

pub(super) fn write(turn: &Turn, messages: &Receiver<WriterMessage>, inlets: &Inlets) {
    let mut writer = Writer::default();
    while let Ok(first) = messages.recv() {
        for (shard, writes) in std::iter::once(first).chain(messages.try_iter()) {
            writes
                .into_iter()
                .for_each(|write| writer.push(shard, write));
        }
        let _turn = turn.wait();
        loop {
            // What came while others committed goes into the same transaction.
            for (shard, writes) in messages.try_iter() {
                writes
                    .into_iter()
                    .for_each(|write| writer.push(shard, write));
            }
            let Some(batch) = writer.next_batch(MAX_BATCH) else {
                break;
            };
            let written = batch.writes.len();
            let answers = turn.commit(batch);
            inlets.meters().writes_taken(written);
            for (shard, answer) in answers {
                drop(inlets.put(shard, ShardMessage::Input(ShardInput::Written(answer))));
            }
        }
    }
}
