//! What a running activity reports about its progress, on the way to the shard.
//!
//! Only the latest report counts, and at most one notice of it is on its way: an activity that reports in a tight loop costs
//! nobody anything but itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::model::status::ActivityProgress;
use crate::worker::message::Task;

/// The latest report of one activity.
#[derive(Clone, Debug)]
pub(crate) struct ProgressCell(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    task: Arc<Task>,
    report: Mutex<Report>,
}

#[derive(Debug, Default)]
struct Report {
    latest: Option<String>,
    noticed: bool,
}

impl ProgressCell {
    /// The reports of an activity.
    pub(crate) fn new(task: Arc<Task>) -> Self {
        let report = Mutex::default();
        Self(Arc::new(Cell { task, report }))
    }

    /// The activity that reports.
    pub(crate) fn task(&self) -> &Task {
        &self.0.task
    }

    /// Keeps a report in the place of the one before. Whether the shard must be told of it.
    pub(crate) fn put(&self, details: String) -> bool {
        let mut report = self.report();
        report.latest = Some(details);
        !std::mem::replace(&mut report.noticed, true)
    }

    /// Takes the latest report. The next one is told again.
    pub(crate) fn take(&self) -> Option<String> {
        let mut report = self.report();
        report.noticed = false;
        report.latest.take()
    }

    /// Whether there is a report that the shard has not taken.
    pub(crate) fn is_untaken(&self) -> bool {
        self.report().noticed
    }

    /// A report as readers see it.
    pub(crate) fn progress(&self, details: String, reported_at: Timestamp) -> ActivityProgress {
        ActivityProgress {
            task_id: self.0.task.attempt.first,
            name: self.0.task.name.clone(),
            attempt: self.0.task.attempt.number,
            details,
            reported_at,
        }
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.0.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::activities::tests::task;

    #[test]
    fn only_the_latest_report_is_kept_and_told_of_once() {
        let cell = ProgressCell::new(Arc::new(task(1)));
        assert!(cell.put("1".into()));
        assert!(!cell.put("2".into()));
        assert_eq!(cell.take().as_deref(), Some("2"));
        assert_eq!(cell.take(), None);
        assert!(cell.put("3".into()));
    }
}
