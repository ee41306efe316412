//! What activities report while they run: committed, then published.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Shard;
use super::commit::Pending;
use super::later::Later;
use super::slot::{Message, SlotState};
use crate::model::instance::{Incarnation, InstanceId};
use crate::store::{StoreError, Write, WriteResult};
use crate::worker::activities::progress::ProgressCell;
use crate::worker::message::{ShardOutput, TaskKey};
use crate::worker::update::Published;

/// How long an activity's reports wait for each other: what it reports in one such time is one commit.
pub(super) const PROGRESS_PAUSE: SignedDuration = SignedDuration::from_secs(1);

impl Shard {
    /// Takes the notice of a report: it is committed now, or when the pause since the last one is over.
    pub(super) fn reported(&mut self, instance: InstanceId, key: TaskKey, cell: ProgressCell) {
        let now = self.now();
        let Some(reports) = self.running.reports(&instance, key) else {
            return;
        };
        reports.cell = Some(cell);
        match reports.not_before {
            Some(at) if at > now => {
                // The clock may have been set back since.
                let at = at.min(now.saturating_add(PROGRESS_PAUSE).unwrap_or(at));
                self.uses += 1;
                let later = Later::Report(instance, key);
                self.delayed.insert((at, self.uses), later);
            }
            _ => self.tell_reports(&instance, key),
        }
    }

    /// Tells an instance of what an activity has reported, when it has.
    pub(super) fn tell_reports(&mut self, instance: &InstanceId, key: TaskKey) {
        let reports = self.running.reports(instance, key);
        if reports.is_some_and(|reports| reports.cell.is_some()) {
            self.tell(instance.clone(), Message::Progress(key));
        }
    }

    pub(super) fn progress_stored(
        &mut self,
        id: &InstanceId,
        incarnation: Incarnation,
        update: Arc<Published>,
        answer: &Result<WriteResult, Arc<StoreError>>,
    ) {
        if !self.answered(id, incarnation) {
            return;
        }
        match answer {
            Ok(Ok(_)) => {
                // After a failed write the update may show an episode that is not in the store.
                if self.slots.get(id).is_some_and(|slot| slot.uncertain) {
                    self.shared.watchers.publish_uncertain(id);
                } else {
                    self.shared.watchers.publish(id, update);
                }
                self.touch(id);
                self.reload_if_drained(id);
            }
            Ok(Err(_)) => self.reload_if_drained(id),
            // The count of changes in memory may be ahead of the store's.
            Err(_) => self.reload(id),
        }
    }

    /// Commits the latest that an activity reported.
    pub(super) fn report_progress(&mut self, id: &InstanceId, key: TaskKey) {
        let now = self.now();
        let Some(reports) = self.running.reports(id, key) else {
            return;
        };
        let Some((cell, details)) = reports
            .cell
            .as_ref()
            .and_then(|cell| Some((cell.clone(), cell.take()?)))
        else {
            return;
        };
        reports.not_before = Some(now.saturating_add(PROGRESS_PAUSE).unwrap_or(Timestamp::MAX));
        let Some(slot) = self.slots.get_mut(id) else {
            return;
        };
        // It may have ended, and the commit that says so be on its way.
        let has_ended =
            matches!(&slot.state, SlotState::Live(live) if !live.open_activities.contains(key.id));
        let Some(known) = slot.known() else { return };
        if has_ended || known.header.execution_id != key.execution {
            return;
        }
        let progress = cell.progress(details, now);
        known.progress.insert(progress.task_id, progress.clone());
        known.header.sequence += 1;
        let (incarnation, sequence) = (known.header.incarnation, known.header.sequence);
        let update = known.update();
        slot.unanswered += 1;
        self.outputs.push(ShardOutput::Write(Write::Progress {
            incarnation,
            execution_id: key.execution,
            sequence,
            at: now,
            progress,
        }));
        self.pending.push_back(Pending::Progress {
            id: id.clone(),
            incarnation,
            update: Published::new(update),
        });
    }
}
