//! What clients ask for.

use super::Shard;
use super::commit::{Ended, Pending};
use super::created::PendingCreate;
use super::outgoing;
use super::slot::{Message, Source};
use crate::model::history::{
    EventRaised, ExecutionRewound, ExecutionStarted, HistoryEvent, encode_events,
};
use crate::store::{CreateInstance, Write};
use crate::worker::message::{Control, Request, ShardOutput, StartRequest};

impl Shard {
    pub(super) fn request(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::Start(start) => self.start(start),
            Request::Import { import, reply } => {
                let id = import.create.id.clone();
                self.write(Write::Import(*import), Pending::Import { id, reply });
            }
            Request::Inspect { id, reply } => self.tell(id, Message::Inspect { reply }),
            Request::PurgeWhere { purge, reply } => {
                self.write(Write::PurgeWhere(purge), Pending::PurgeWhere { reply });
            }
            Request::Control { id, control, reply } => match control {
                Control::RaiseEvent { name, payload } => {
                    let input = payload;
                    let event = HistoryEvent::new(now, EventRaised { name, input });
                    let source = Source::Client(reply);
                    self.tell(id, Message::Event { event, source });
                }
                Control::Terminate { reason, recursive } => {
                    let source = Source::Client(reply);
                    let message = Message::Terminate {
                        reason,
                        recursive,
                        source,
                    };
                    self.tell(id, message);
                }
                Control::Suspend { reason } => self.tell(id, Message::Suspend { reason, reply }),
                Control::Resume { reason } => self.tell(id, Message::Resume { reason, reply }),
                Control::Retry => self.tell(id, Message::Retry { reply }),
                Control::Rewind { reason } => {
                    let event = HistoryEvent::new(now, ExecutionRewound { reason });
                    let write = Write::Rewind {
                        id: id.clone(),
                        event: encode_events(std::slice::from_ref(&event)),
                        at: now,
                    };
                    let operation = Ended::Rewind;
                    let pending = Pending::Ended {
                        id,
                        operation,
                        reply,
                    };
                    self.write(write, pending);
                }
                Control::Purge => {
                    let write = Write::Purge { id: id.clone() };
                    let operation = Ended::Purge;
                    let pending = Pending::Ended {
                        id,
                        operation,
                        reply,
                    };
                    self.write(write, pending);
                }
            },
        }
    }

    fn start(&mut self, start: StartRequest) {
        let now = self.now();
        let execution_id = self.shared.ids.new_execution();
        let started = ExecutionStarted {
            name: start.name.clone(),
            version: start.version.clone(),
            input: start.input.clone(),
            execution_id,
            parent: None,
            tags: start.tags.clone(),
            scheduled_start: start.start_at.filter(|at| *at > now),
            parent_trace: start.trace.clone(),
        };
        let create = CreateInstance {
            custom_status: start
                .custom_status
                .as_ref()
                .map(|status| status.as_json().to_owned()),
            replaces: start.on_existing.replaces(),
            ..outgoing::creation(start.id.clone(), &started, now)
        };
        let pending = PendingCreate {
            start,
            started: HistoryEvent::new(now, started),
        };
        self.write(Write::Create(create), Pending::Create(Box::new(pending)));
    }

    pub(super) fn write(&mut self, write: Write, pending: Pending) {
        self.outputs.push(ShardOutput::Write(write));
        self.pending.push_back(pending);
    }
}
