//! Making the write of an episode, and what follows its commit.

use super::Shard;
use super::commit::{Effects, Pending, PendingEpisode};
use super::continued::{carry, continue_as_new};
use super::outgoing::Outgoing;
use super::slot::{Known, Message, SlotState, Source, ended_task};
use super::tell::log;
use crate::engine::Episode;
use crate::model::custom_status::StatusChange;
use crate::model::history::{HistoryEvent, HistoryEventKind, encode_events};
use crate::model::instance::InstanceId;
use crate::model::status::RuntimeStatus;
use crate::store::{ContinuedExecution, EpisodeWrite, HistoryRow, Write};
use crate::worker::message::{ShardOutput, TaskKey};
use crate::worker::update::{Published, Update};

impl Shard {
    /// Makes an episode's write, and keeps what must follow its commit, which it gives. `sources` are those of the events that were
    /// delivered, in order; `undelivered` is what came behind the end of the execution.
    pub(super) fn commit_episode(
        &mut self,
        id: &InstanceId,
        mut episode: Episode,
        mut sources: Vec<Option<Source>>,
        mut undelivered: Vec<Message>,
    ) -> Option<&mut Effects> {
        let shared = &*self.shared;
        let now = shared.clock.now();
        let slot = self.slots.get_mut(id)?;
        let (known, live) = match &mut slot.state {
            SlotState::Live(live) => {
                let live = &mut **live;
                (
                    &mut live.known,
                    Some((&live.execution, &mut live.open_activities)),
                )
            }
            SlotState::Held(held) => (&mut held.known, None),
            SlotState::Loading | SlotState::Continuing(_) | SlotState::Ending(_) => return None,
        };
        let execution = known.header.execution_id;
        let cancel: Vec<_> = episode
            .withdrawn
            .iter()
            .map(|id| TaskKey { execution, id: *id })
            .collect();
        log(&shared.registry, &known.header, &episode);
        let outgoing = Outgoing::of(shared, known, now, &mut episode);
        let Episode {
            mut events,
            withdrawn,
            status,
            ended,
            continued,
            ..
        } = episode;

        // What is open, and what nobody reports on any more.
        let mut progress_ended = Vec::new();
        let was_stalled = known.header.stalled.clone();
        if let Some((running, open)) = live {
            let withdrawn = withdrawn.into_iter();
            for id in events.iter().filter_map(ended_task).chain(withdrawn) {
                if let Some(first) = open.remove(id)
                    && !running.is_open(first)
                    && known.progress.remove(&first).is_some()
                {
                    progress_ended.push(first);
                }
            }
            for task in &outgoing.tasks {
                open.insert(
                    task.key.id,
                    &task.name,
                    &task.attempt,
                    &shared.registry,
                    running,
                );
            }
            known.header.needs_attention = !open.is_empty();
            known.header.next_timer = running.next_timer();
            known.header.stalled = open.stalled();
        }
        let runtime_status =
            runtime_status_after(known, &events, ended.as_ref().map(|end| end.status));
        let header = &mut known.header;
        header.episode += 1;
        if let Some(last) = events.last() {
            header.last_updated_at = last.timestamp;
        }
        let row_status = match status {
            StatusChange::Untouched => None,
            StatusChange::Set(status) => {
                let text = status.as_json().to_owned();
                known.custom_status = Some(status);
                Some(text)
            }
            StatusChange::Cleared => {
                known.custom_status = None;
                Some("null".to_owned())
            }
        };
        if row_status.is_some() {
            self.tally.status_writes += 1;
            header.status_episode = Some(header.episode);
        }
        let changed = runtime_status != header.runtime_status || row_status.is_some();
        header.runtime_status = runtime_status;
        header.sequence += u64::from(changed);
        let is_terminal = runtime_status.is_terminal();
        if is_terminal {
            (header.next_timer, header.needs_attention, header.stalled) = (None, false, None);
            progress_ended.extend(std::mem::take(&mut known.progress).into_keys());
        } else if events.iter().any(is_resumed) {
            header.needs_attention = true;
        }

        let mut row = HistoryRow {
            episode: header.episode,
            events: String::new(),
            custom_status: row_status,
            runtime_status,
            sequence: header.sequence,
        };
        let mut next = None;
        let mut successor = None;
        if let Some(continued) = continued {
            let carried = carry(&mut sources, &mut undelivered);
            let parts = continue_as_new(shared, known, continued, carried, now);
            row.events = encode_events(&parts.begin);
            row.custom_status = known.status_text();
            successor = Some(ContinuedExecution {
                execution_id: parts.header.execution_id,
                version: parts.header.version.clone(),
            });
            next = Some(Box::new(parts));
        } else {
            // What begins the execution is in the row that created it.
            let begun = sources
                .iter()
                .filter(|source| matches!(source, Some(Source::Begin)));
            events.drain(1..=begun.count());
            row.events = encode_events(&events);
        }
        let header = &known.header;
        let inbox_taken = sources.iter().filter_map(|source| match source {
            Some(Source::Inbox(sequence)) => Some(*sequence),
            _ => None,
        });
        let sends = outgoing.concerns_others();
        let Outgoing {
            tasks,
            children,
            rewinds,
            messages,
        } = outgoing;
        self.outputs
            .push(ShardOutput::Write(Write::Episode(EpisodeWrite {
                incarnation: header.incarnation,
                execution_id: execution,
                row,
                last_updated_at: header.last_updated_at,
                next_timer: header.next_timer,
                needs_attention: header.needs_attention,
                stalled: header.stalled.clone(),
                // Nobody will take what is left when the instance has ended.
                inbox_taken: is_terminal.then_some(u64::MAX).or(inbox_taken.max()),
                continued: successor,
                children,
                rewinds,
                messages,
                progress_ended,
            })));
        let update = (changed || header.stalled != was_stalled).then(|| {
            Published::new(Update {
                output: ended.as_ref().and_then(|ended| ended.result.clone()),
                failure: ended.as_ref().and_then(|ended| ended.failure.clone()),
                ..known.update()
            })
        });
        let effects = Effects {
            run: tasks,
            cancel,
            cancel_all: runtime_status == RuntimeStatus::Terminated,
            next_timer: header.next_timer,
            update,
            ended: is_terminal,
            next,
            sends,
        };
        let incarnation = header.incarnation;
        self.episodes += 1;
        slot.unanswered += 1;
        if is_terminal || effects.next.is_some() {
            let header = Box::new(header.clone());
            self.resident -= usize::from(slot.is_resident());
            slot.state = if is_terminal {
                SlotState::Ending(header)
            } else {
                SlotState::Continuing(header)
            };
        }
        let episode = PendingEpisode {
            id: id.clone(),
            incarnation,
            execution,
            sources,
            undelivered,
            events,
            effects,
        };
        self.pending.push_back(Pending::Episode(Box::new(episode)));
        match self.pending.back_mut() {
            Some(Pending::Episode(episode)) => Some(&mut episode.effects),
            _ => None,
        }
    }
}

/// The runtime status of an instance after these events.
fn runtime_status_after(
    known: &Known,
    events: &[HistoryEvent],
    ended: Option<RuntimeStatus>,
) -> RuntimeStatus {
    let suspended = events
        .iter()
        .any(|event| matches!(event.kind, HistoryEventKind::ExecutionSuspended(_)));
    match ended {
        Some(RuntimeStatus::ContinuedAsNew) => RuntimeStatus::Running,
        Some(ended) => ended,
        None if suspended => RuntimeStatus::Suspended,
        None if known.begun => RuntimeStatus::Running,
        None => RuntimeStatus::Pending,
    }
}

fn is_resumed(event: &HistoryEvent) -> bool {
    matches!(event.kind, HistoryEventKind::ExecutionResumed(_))
}
