//! One incarnation of an instance as it was committed, and the rules of its history.

use std::collections::{BTreeMap, BTreeSet};

use steadfast::model::history::{HistoryEvent, HistoryEventKind as Event, decode_events};
use steadfast::model::instance::Incarnation;
use steadfast::store::{CreateInstance, EpisodeWrite};
use steadfast::{Cursor, ExecutionId, InstanceId, RuntimeStatus, Timestamp};

use crate::ledger::{Ledger, State, TaskEnd};
use crate::population::{Basket, Done, Stand};
use crate::stage::{Key, Stage};

/// Events that clients raise have numbers from here on; what orchestrators send is less.
pub(crate) const FIRST_NONCE: u64 = 1_000_000;

pub(crate) struct Life {
    pub(crate) id: InstanceId,
    incarnation: Incarnation,
    pub(crate) name: String,
    pub(crate) execution: ExecutionId,
    pub(crate) status: RuntimeStatus,
    pub(crate) sequence: u64,
    custom: Option<String>,
    pub(crate) episode: u64,
    pub(crate) stalled: Option<String>,
    pub(crate) start_at: Option<Timestamp>,
    /// The commit that created it, and the number of the start that asked for that.
    pub(crate) created: u64,
    pub(crate) start: Option<String>,
    /// Deleted or replaced.
    pub(crate) gone: bool,
    pub(crate) output: Option<String>,
    /// The events of clients that history has, in order.
    pub(crate) delivered: Vec<u64>,
    /// The same of those that a collector waits for.
    items: Vec<u64>,
    /// The events of clients that were acknowledged, and so may not be lost.
    pub(crate) expects: BTreeSet<u64>,
    /// The last commit in which it continued as new.
    continued: u64,
    /// The rest is of the current execution.
    began: Timestamp,
    timers: BTreeMap<i32, (Timestamp, bool)>,
    /// The action of its parent that asked for it.
    pub(crate) parent: Option<Key>,
    /// How often each child may answer yet.
    children: BTreeMap<i32, u32>,
    stand: u64,
    /// Its rows, to see that none of them changes.
    pub(crate) rows: Vec<String>,
}

/// The events of a row.
pub(crate) struct Row(Result<Vec<HistoryEvent>, String>);

impl Row {
    pub(crate) fn decode(text: &str) -> Self {
        Self(decode_events(text).map_err(|error| format!("{error}: {text}")))
    }

    fn events(&self) -> &[HistoryEvent] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The events of clients.
    pub(crate) fn raised(&self) -> impl Iterator<Item = (u64, &str)> {
        self.events().iter().filter_map(|event| match &event.kind {
            Event::EventRaised(raised) => {
                let nonce: u64 = raised.input.as_ref()?.parse().ok()?;
                (nonce >= FIRST_NONCE).then_some((nonce, raised.name.as_str()))
            }
            _ => None,
        })
    }

    /// What a collector begins with.
    fn basket(&self) -> Option<Basket> {
        let started = self.events().iter().find_map(|event| match &event.kind {
            Event::ExecutionStarted(started) => Some(started),
            _ => None,
        });
        serde_json::from_str(started?.input.as_deref()?).ok()
    }

    pub(crate) fn describe(&self) -> String {
        let names = self.events().iter().map(|event| match &event.kind {
            Event::EventRaised(raised) => format!(
                "EventRaised {} {}",
                raised.name,
                raised.input.as_deref().unwrap_or_default()
            ),
            Event::TaskCompleted(task) => format!("TaskCompleted {}", task.task_scheduled_id),
            Event::TaskFailed(task) => format!("TaskFailed {}", task.task_scheduled_id),
            Event::ExecutionCompleted(end) => format!("ExecutionCompleted as {}", end.status),
            kind => kind.name().to_owned(),
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

impl Life {
    pub(crate) fn begins(create: &CreateInstance, incarnation: Incarnation, created: u64) -> Self {
        // One that is started again may have something in its basket.
        let basket = Row::decode(&create.events).basket();
        Self {
            id: create.id.clone(),
            incarnation,
            name: create.name.clone(),
            execution: create.execution_id,
            status: RuntimeStatus::Pending,
            sequence: 0,
            custom: create.custom_status.clone(),
            episode: 0,
            stalled: None,
            start_at: create.start_at,
            created,
            start: create.tags.get("start").cloned(),
            gone: false,
            output: None,
            delivered: Vec::new(),
            items: basket.map_or_else(Vec::new, |basket| basket.got),
            expects: BTreeSet::new(),
            continued: 0,
            began: Timestamp::MIN,
            timers: BTreeMap::new(),
            parent: create
                .parent
                .as_ref()
                .map(|parent| (parent.execution_id.as_u128(), parent.task_scheduled_id)),
            children: BTreeMap::new(),
            stand: 0,
            rows: vec![create.events.clone()],
        }
    }

    pub(crate) fn state(&self) -> State {
        State {
            cursor: Cursor {
                incarnation: self.incarnation,
                sequence: self.sequence,
            },
            status: self.status,
            custom: self.custom.clone().filter(|status| status != "null"),
        }
    }

    pub(crate) const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(crate) const fn continued_since(&self, commit: u64) -> bool {
        self.continued > commit
    }

    /// Takes a committed episode, and holds it against the rules.
    pub(crate) fn takes(
        &mut self,
        write: &EpisodeWrite,
        row: &Row,
        ledger: &mut Ledger,
        stage: &mut Stage,
    ) {
        let name = format!("episode {} of `{}`", write.row.episode, self.id);
        if let Err(error) = &row.0 {
            ledger.violate(format!("{name} cannot be read: {error}"));
        }
        ledger.expect(write.row.episode == self.episode + 1, || {
            format!("{name} follows episode {}", self.episode)
        });
        ledger.expect(!self.status.is_terminal(), || {
            format!("{name} comes when it is {}", self.status)
        });
        self.episode = write.row.episode;
        let status = write.row.runtime_status;
        // What is carried over is in the row, and is a change only if it is another one.
        let changes = status != self.status
            || match write.continued {
                Some(_) => write.row.custom_status != self.custom,
                None => write.row.custom_status.is_some(),
            };
        let least = self.sequence + u64::from(changes);
        // A report that was lost leaves a gap.
        ledger.expect(write.row.sequence >= least, || {
            let is = write.row.sequence;
            format!("{name} is change {is} where {least} comes next")
        });
        self.sequence = write.row.sequence;
        self.status = status;
        self.stalled.clone_from(&write.stalled);
        if let Some(next) = &write.continued {
            self.continues(next.execution_id, row, ledger, &name);
            self.custom.clone_from(&write.row.custom_status);
        } else {
            ledger.expect(write.execution_id == self.execution, || {
                format!("{name} is of another execution")
            });
            self.goes_on(row, ledger, stage, &name);
            if write.row.custom_status.is_some() {
                self.custom.clone_from(&write.row.custom_status);
            }
        }
        self.check_stand(row, ledger, &name);
        self.rows.push(write.row.events.clone());
    }

    /// What it publishes grows, unless it was rewound.
    fn check_stand(&mut self, row: &Row, ledger: &mut Ledger, name: &str) {
        let stand = self.custom.as_deref();
        let stand = stand.and_then(|text| serde_json::from_str::<Stand>(text).ok());
        let stand = stand.map_or(self.stand, |stand| stand.n);
        let is_rewound = row
            .events()
            .iter()
            .any(|event| matches!(event.kind, Event::ExecutionRewound(_)));
        ledger.expect(stand >= self.stand || is_rewound, || {
            format!(
                "the status went from {} back to {stand} in {name}",
                self.stand
            )
        });
        self.stand = stand;
    }

    fn continues(&mut self, execution: ExecutionId, row: &Row, ledger: &mut Ledger, name: &str) {
        self.execution = execution;
        self.continued = ledger.commits();
        self.began = Timestamp::MIN;
        self.timers.clear();
        self.children.clear();
        self.rows.clear();
        let carried: Vec<_> = row.raised().collect();
        if let Some(basket) = row.basket() {
            let kept = carried.iter().filter(|(_, name)| *name == "item");
            let kept = kept.map(|(nonce, _)| *nonce);
            let items: Vec<_> = basket.got.iter().copied().chain(kept).collect();
            let known = self.items.len();
            ledger.expect(items.starts_with(&self.items), || {
                format!("{name} begins with {items:?} where {:?} came", self.items)
            });
            for nonce in items.iter().skip(known) {
                self.deliver(*nonce, ledger, name);
            }
            self.items = items;
        } else {
            self.expects.clear();
            for (nonce, _) in carried {
                if !self.delivered.contains(&nonce) {
                    self.deliver(nonce, ledger, name);
                }
            }
        }
    }

    fn goes_on(&mut self, row: &Row, ledger: &mut Ledger, stage: &mut Stage, name: &str) {
        for (nonce, of) in row.raised() {
            self.deliver(nonce, ledger, name);
            if of == "item" {
                self.items.push(nonce);
            }
        }
        let execution = self.execution.as_u128();
        let runs_no_code = row.events().iter().any(|event| {
            use Event::{ExecutionResumed, ExecutionSuspended, ExecutionTerminated};
            matches!(
                event.kind,
                ExecutionSuspended(_) | ExecutionResumed(_) | ExecutionTerminated(_)
            )
        });
        for event in row.events() {
            let id = event.event_id;
            match &event.kind {
                // Other episodes run no code, which would see the time.
                Event::OrchestratorStarted(_) if !runs_no_code => {
                    ledger.expect(event.timestamp >= self.began, || {
                        format!("time goes back from {} in {name}", self.began)
                    });
                    self.began = event.timestamp;
                }
                Event::ExecutionStarted(_) => ledger.violate(format!("{name} begins again")),
                Event::TaskScheduled(_) => {
                    let is_new = ledger.scheduled((execution, id));
                    ledger.expect(is_new, || {
                        format!("activity {id} is asked for twice in {name}")
                    });
                }
                Event::TaskCompleted(task) => {
                    let done: Option<Done> = task
                        .result
                        .as_deref()
                        .and_then(|result| serde_json::from_str(result).ok());
                    let run = done.map(|done| done.run);
                    self.task_ends(
                        task.task_scheduled_id,
                        TaskEnd::Completed,
                        run,
                        ledger,
                        stage,
                        name,
                    );
                }
                Event::TaskFailed(task) => {
                    let message = task.failure.error_message.strip_prefix("on purpose: ");
                    let run = message.and_then(|run| run.parse().ok());
                    self.task_ends(
                        task.task_scheduled_id,
                        TaskEnd::Failed,
                        run,
                        ledger,
                        stage,
                        name,
                    );
                }
                Event::TimerCreated(timer) => {
                    self.timers.insert(id, (timer.fire_at, false));
                }
                Event::TimerFired(timer) => {
                    let known = self.timers.get_mut(&timer.timer_id);
                    let is_due = known.is_some_and(|(fire_at, fired)| {
                        !std::mem::replace(fired, true) && *fire_at <= event.timestamp
                    });
                    ledger.expect(is_due, || {
                        format!(
                            "timer {} fires twice, early or unasked in {name}",
                            timer.timer_id
                        )
                    });
                }
                Event::SubOrchestrationInstanceCreated(_) => {
                    self.children.insert(id, 1);
                }
                Event::SubOrchestrationInstanceCompleted(child) => {
                    let task = child.task_scheduled_id;
                    self.child_ends(task, ledger, name);
                    let output = ledger
                        .child((execution, task))
                        .map(|life| life.output.clone());
                    ledger.expect(output.as_ref() == Some(&child.result), || {
                        format!(
                            "child {task} returned {output:?} and not {:?} in {name}",
                            child.result
                        )
                    });
                }
                Event::SubOrchestrationInstanceFailed(child) => {
                    self.child_ends(child.task_scheduled_id, ledger, name);
                }
                Event::ExecutionCompleted(end) => {
                    ledger.expect(self.status == end.status, || {
                        format!("{name} ends as {}, and is {}", end.status, self.status)
                    });
                    self.output.clone_from(&end.result);
                    self.check_output(ledger, name);
                }
                Event::ExecutionRewound(_) => {
                    ledger.reopen(execution);
                    for answers in self.children.values_mut() {
                        *answers = (*answers).max(1);
                    }
                    stage.rewound(execution);
                    self.output = None;
                }
                _ => {}
            }
        }
    }

    /// An event of a client is in history: once, and behind those that were acknowledged before it was raised.
    fn deliver(&mut self, nonce: u64, ledger: &mut Ledger, name: &str) {
        ledger.stored(nonce, self.incarnation, &self.id);
        ledger.expect(!self.delivered.contains(&nonce), || {
            format!("event {nonce} comes twice in {name}")
        });
        let acknowledged = ledger.raised(nonce).and_then(|raised| raised.acknowledged);
        let overtaken = acknowledged.is_some_and(|at| {
            let later = self.delivered.iter();
            let mut later = later.filter_map(|nonce| ledger.raised(*nonce));
            later.any(|raised| raised.sent > at)
        });
        ledger.expect(!overtaken, || {
            format!(
                "event {nonce} was acknowledged before others were raised that came first in {name}"
            )
        });
        self.delivered.push(nonce);
    }

    fn task_ends(
        &self,
        task: i32,
        end: TaskEnd,
        run: Option<u64>,
        ledger: &mut Ledger,
        stage: &Stage,
        name: &str,
    ) {
        let key = (self.execution.as_u128(), task);
        let is_open = ledger
            .task(key)
            .is_some_and(|known| known.replace(end).is_none());
        ledger.expect(is_open, || {
            format!("activity {task} ends that is not open in {name}")
        });
        // A time-out is of no run.
        let is_known = run.is_none_or(|run| stage.has_returned(key, run));
        ledger.expect(is_known, || {
            format!("activity {task} never returned what {name} says")
        });
        ledger.expect(run.is_some() || end == TaskEnd::Failed, || {
            format!("activity {task} completed without a result in {name}")
        });
    }

    /// A client rewound a child by itself. It answers again at its next end: the first answer stands, and the code sees no other. So
    /// a second one is no breach, and neither is one that finds the first one in the inbox.
    pub(crate) fn child_was_rewound(&mut self, (execution, task): Key) {
        if execution == self.execution.as_u128()
            && !self.status.is_terminal()
            && let Some(answers) = self.children.get_mut(&task)
        {
            *answers += 1;
        }
    }

    fn child_ends(&mut self, task: i32, ledger: &mut Ledger, name: &str) {
        let answers = self.children.get_mut(&task);
        let is_open = answers.is_some_and(|answers| {
            let is_open = *answers > 0;
            *answers = answers.saturating_sub(1);
            is_open
        });
        ledger.expect(is_open, || {
            format!("child {task} answers that is not open in {name}")
        });
    }

    fn check_output(&self, ledger: &mut Ledger, name: &str) {
        if self.status != RuntimeStatus::Completed || self.name != "collector" {
            return;
        }
        let output = self.output.as_deref().unwrap_or_default();
        let got: Vec<u64> = serde_json::from_str(output).unwrap_or_default();
        ledger.expect(self.items.starts_with(&got) && !got.is_empty(), || {
            format!(
                "the collector returned {got:?} of {:?} in {name}",
                self.items
            )
        });
    }
}
