//! What a database holds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde_json::Value;
use steadfast::model::history::{HistoryEventKind, decode_events};
use steadfast_tests::database;

/// An activity of an execution, as it names itself in the log.
pub(crate) type Task = String;

#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) statuses: BTreeMap<String, String>,
    /// The current execution of each instance.
    pub(crate) executions: HashSet<String>,
    pub(crate) completed: HashSet<Task>,
    /// The events of each instance: those that it has, and those that an earlier execution passed on.
    pub(crate) raised: HashMap<String, Vec<u64>>,
}

impl Stored {
    /// Reads a database, and asserts that it is sound.
    pub(crate) fn read(path: &Path) -> Self {
        let mut stored = Self::default();
        if !path.exists() {
            return stored; // killed before it was created
        }
        let database = database::open(path);
        if !database.table_exists(None, "instances").unwrap() {
            return stored;
        }
        database::assert_sound(&database);
        // What waits in an inbox is recorded as well.
        let mut rows = database
            .prepare(
                "SELECT id, instances.runtime_status, lower(hex(instances.execution_id)), events
                 FROM instances JOIN history USING (incarnation) WHERE history.episode >= first_episode
                 UNION ALL
                 SELECT id, instances.runtime_status, lower(hex(instances.execution_id)), event
                 FROM instances JOIN inbox USING (incarnation)",
            )
            .unwrap();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let id: String = row.get(0).unwrap();
            let execution: String = row.get(2).unwrap();
            stored.take(&id, &execution, &row.get::<_, String>(3).unwrap());
            stored.statuses.insert(id, row.get(1).unwrap());
            stored.executions.insert(execution);
        }
        stored
    }

    fn take(&mut self, id: &str, execution: &str, events: &str) {
        let raised = self.raised.entry(id.into()).or_default();
        for event in decode_events(events).unwrap() {
            match event.kind {
                HistoryEventKind::TaskCompleted(completed) => {
                    let task = format!("{execution}:{}", completed.task_scheduled_id);
                    assert!(
                        self.completed.insert(task),
                        "{id} has completion {} twice",
                        completed.task_scheduled_id
                    );
                }
                HistoryEventKind::EventRaised(event) => {
                    raised.push(event.input.unwrap().parse().unwrap());
                }
                HistoryEventKind::ExecutionStarted(started) => {
                    if let Ok(Value::Array(seen)) =
                        serde_json::from_str(&started.input.unwrap_or_default())
                    {
                        raised.extend(seen.iter().filter_map(Value::as_u64));
                    }
                }
                _ => {}
            }
        }
    }
}
