//! The thread that commits.

use std::sync::mpsc::Receiver;

use super::inlets::{Inlets, ShardMessage};
use crate::store::Write;
use crate::worker::turn::Turn;
use crate::worker::writer::{Origin, Writer};

pub(super) enum WriterMessage {
    Writes(Origin, Vec<Write>),
    /// Nothing more comes that is to be committed.
    Stop,
}

pub(super) fn write(turn: &Turn, messages: &Receiver<WriterMessage>, inlets: &Inlets) {
    let mut writer = Writer::default();
    let mut stopping = false;
    while !stopping && let Ok(first) = messages.recv() {
        stopping |= push(&mut writer, std::iter::once(first));
        let _turn = turn.wait();
        loop {
            // What came while others committed goes into the same transaction.
            stopping |= push(&mut writer, messages.try_iter());
            let before = writer.len();
            let answers = turn.commit(&mut writer, |origin| inlets.owns(origin));
            inlets.meters().writes_taken(before - writer.len());
            let Some(answers) = answers else { break };
            for answer in answers {
                let shard = answer.0.shard;
                drop(inlets.put(shard, ShardMessage::Written(answer)));
            }
        }
    }
}

/// Whether one of the messages is to stop.
fn push(writer: &mut Writer, messages: impl Iterator<Item = WriterMessage>) -> bool {
    let mut stopping = false;
    for message in messages {
        match message {
            WriterMessage::Writes(origin, writes) => writes
                .into_iter()
                .for_each(|write| writer.push(origin, write)),
            WriterMessage::Stop => stopping = true,
        }
    }
    stopping
}
