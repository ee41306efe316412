//! One incarnation of an instance as it was committed, and the rules of its history.

use std::collections::{BTreeMap, BTreeSet};

use steadfast::model::failure::kind;
use steadfast::model::history::HistoryEventKind as Event;
use steadfast::model::instance::Incarnation;
use steadfast::store::{CreateInstance, EpisodeWrite};
use steadfast::{Cursor, ExecutionId, InstanceId, RuntimeStatus, Timestamp};

use crate::ledger::{Ledger, State};
use crate::population::{Done, Stand};
use crate::row::Row;
use crate::stage::{Key, Stage};
use crate::tasks::TaskEnd;

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
    /// The commit in which it was deleted or replaced.
    pub(crate) gone: Option<u64>,
    /// Whether it was ended together with its parent, and so must end soon.
    pub(crate) must_end: bool,
    /// Whether its parent waits for it for a while only.
    pub(crate) is_raced: bool,
    /// The last commit in which it ended. What it has not taken then is dropped, also when it is rewound.
    pub(crate) ended: u64,
    /// Whether it has ever ended without a result.
    pub(crate) has_failed: bool,
    pub(crate) output: Option<String>,
    /// The events of clients that history has, in order.
    pub(crate) delivered: Vec<u64>,
    /// All that have come in the order of their names, with those that the input says were taken before.
    come: Vec<u64>,
    /// The events of clients that were acknowledged, and so may not be lost.
    pub(crate) expects: BTreeSet<u64>,
    /// Whether its code has run.
    has_begun: bool,
    pub(crate) has_continued: bool,
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

impl Life {
    pub(crate) fn begins(create: &CreateInstance, incarnation: Incarnation, created: u64) -> Self {
        // One that is started again may have taken something.
        let begun = Row::decode(&create.events).begun();
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
            gone: None,
            must_end: false,
            is_raced: begun.is_raced,
            ended: 0,
            has_failed: false,
            output: None,
            delivered: Vec::new(),
            come: begun.got,
            expects: BTreeSet::new(),
            has_begun: false,
            has_continued: false,
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

    /// Whether it takes no events now.
    pub(crate) fn is_held(&self) -> bool {
        self.status == RuntimeStatus::Suspended || self.stalled.is_some()
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
        let is_paused = self.status == RuntimeStatus::Suspended;
        ledger.expect(!is_paused || !row.runs_code(), || {
            format!("{name} runs while it is suspended")
        });
        let late = row.late_timer();
        ledger.expect(late.is_none(), || {
            format!("timer {late:?} comes behind what happened after it in {name}")
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
        if status.is_terminal() {
            self.has_failed |= status != RuntimeStatus::Completed;
            self.must_end = false;
            self.ended = ledger.commits();
            self.expects.clear();
            ledger.tasks.forget_reports(self.execution.as_u128());
        }
        self.check_stand(row, ledger, &name);
        self.rows.push(write.row.events.clone());
    }

    /// What it publishes grows, unless it was rewound. Nobody clears it.
    fn check_stand(&mut self, row: &Row, ledger: &mut Ledger, name: &str) {
        let stand = self.custom.as_deref();
        let stand = stand.and_then(|text| serde_json::from_str::<Stand>(text).ok());
        let stand = stand.map_or(0, |stand| stand.n);
        ledger.expect(stand >= self.stand || row.is_rewound(), || {
            format!(
                "the status went from {} back to {stand} in {name}",
                self.stand
            )
        });
        // It publishes the 2 right before it fails.
        let takes_it_back = self.name == "fragile" && row.runs_code() && !self.status.is_terminal();
        ledger.expect(!takes_it_back || stand < 2, || {
            format!("the status is {stand} in {name}, as before the rewind")
        });
        self.stand = stand;
    }

    fn continues(&mut self, execution: ExecutionId, row: &Row, ledger: &mut Ledger, name: &str) {
        ledger.tasks.forget_reports(self.execution.as_u128());
        self.execution = execution;
        (self.has_begun, self.has_continued) = (true, true);
        self.began = Timestamp::MIN;
        self.timers.clear();
        self.children.clear();
        self.rows.clear();
        // What it has taken is in its input, and the rest is carried over: nothing is forgotten, doubled or overtaken.
        let come: Vec<_> = row.begun().got.into_iter().chain(row.raised()).collect();
        let is_doubled = BTreeSet::from_iter(&come).len() < come.len();
        ledger.expect(!is_doubled, || format!("{name} begins with {come:?}"));
        for event in ledger.names_of(&self.come) {
            let (before, now) = (
                ledger.of_name(&self.come, &event),
                ledger.of_name(&come, &event),
            );
            ledger.expect(now.starts_with(&before), || {
                format!("{name} begins with {now:?} of the events `{event}`, where {before:?} came")
            });
        }
        let known = std::mem::replace(&mut self.come, come.clone());
        for nonce in come.iter().filter(|nonce| !known.contains(nonce)) {
            self.deliver(*nonce, true, ledger, name);
        }
    }

    fn goes_on(&mut self, row: &Row, ledger: &mut Ledger, stage: &mut Stage, name: &str) {
        for nonce in row.raised() {
            self.deliver(nonce, false, ledger, name);
            self.come.push(nonce);
        }
        let execution = self.execution.as_u128();
        let runs_code = row.runs_code();
        let time = row
            .events()
            .first()
            .map_or(Timestamp::MIN, |event| event.timestamp);
        let start_at = self.start_at.filter(|_| runs_code && !self.has_begun);
        ledger.expect(start_at.is_none_or(|at| at <= time), || {
            format!("{name} begins at {time}, before {start_at:?}")
        });
        self.has_begun |= runs_code;
        for event in row.events() {
            let id = event.event_id;
            match &event.kind {
                // Other episodes run no code, which would see the time.
                Event::OrchestratorStarted(_) if runs_code => {
                    ledger.expect(event.timestamp >= self.began, || {
                        format!("time goes back from {} in {name}", self.began)
                    });
                    self.began = event.timestamp;
                }
                Event::ExecutionStarted(_) => ledger.violate(format!("{name} begins again")),
                Event::TaskScheduled(task) => {
                    let asked_by = ledger.told;
                    let wrong = ledger
                        .tasks
                        .scheduled((execution, id), task, time, asked_by);
                    if let Err(wrong) = wrong {
                        ledger.violate(format!("activity {id} {wrong} in {name}"));
                    }
                }
                Event::TaskCompleted(task) => {
                    let done: Option<Done> = task
                        .result
                        .as_deref()
                        .and_then(|result| serde_json::from_str(result).ok());
                    let run = done.map(|done| done.run);
                    let end = (TaskEnd::Completed, run, time);
                    self.task_ends(task.task_scheduled_id, end, ledger, stage, name);
                }
                Event::TaskFailed(task) => {
                    let message = task.failure.error_message.strip_prefix("on purpose: ");
                    let run = message.and_then(|run| run.parse().ok());
                    let end = (TaskEnd::Failed, run, time);
                    self.task_ends(task.task_scheduled_id, end, ledger, stage, name);
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
                    let task = child.task_scheduled_id;
                    self.child_ends(task, ledger, name);
                    let has_failed = match ledger.child((execution, task)) {
                        // Or the one before it, which a client ended while its parent was about to be rewound.
                        Some(life) => life.has_failed || ledger.failed_before(life),
                        None => child.failure.error_type == kind::ALREADY_EXISTS,
                    };
                    ledger.expect(has_failed, || {
                        format!("child {task} failed in {name}, and it did not")
                    });
                }
                Event::ExecutionCompleted(end) => {
                    ledger.expect(self.status == end.status, || {
                        format!("{name} ends as {}, and is {}", end.status, self.status)
                    });
                    self.output.clone_from(&end.result);
                    self.check_output(ledger, name);
                    let failure = end.failure.as_ref().map(|failure| &failure.error_message);
                    let may_fail = !matches!(&*self.name, "program" | "collector");
                    ledger.expect(failure.is_none() || may_fail, || {
                        format!("{name} fails: {failure:?}")
                    });
                }
                Event::ExecutionRewound(_) => {
                    ledger.tasks.reopen(execution);
                    // Also those that have an answer to give yet, by themselves or because a client rewound them: it may come before
                    // they are told to go on.
                    for answers in self.children.values_mut() {
                        *answers += 1;
                    }
                    stage.rewound(execution);
                    self.output = None;
                }
                _ => {}
            }
        }
    }

    /// An event of a client is in history: once, and behind those that were acknowledged before it was raised. Of those that were taken
    /// only the order among those of one name is known.
    fn deliver(&mut self, nonce: u64, by_name: bool, ledger: &mut Ledger, name: &str) {
        ledger.stored(nonce, self.incarnation, &self.id);
        ledger.expect(!self.delivered.contains(&nonce), || {
            format!("event {nonce} comes twice in {name}")
        });
        let overtaken = ledger.raised(nonce).is_some_and(|event| {
            let before = self.delivered.iter();
            let mut before = before.filter_map(|nonce| ledger.raised(*nonce));
            before.any(|other| {
                let counts = !by_name || other.name == event.name;
                counts && event.acknowledged.is_some_and(|at| other.sent > at)
            })
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
        (end, run, time): (TaskEnd, Option<u64>, Timestamp),
        ledger: &mut Ledger,
        stage: &Stage,
        name: &str,
    ) {
        let key = (self.execution.as_u128(), task);
        let is_open = ledger.tasks.ended(key, end, time);
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
        let items = ledger.of_name(&self.come, "item");
        ledger.expect(items.starts_with(&got) && !got.is_empty(), || {
            format!("the collector returned {got:?} of {items:?} in {name}")
        });
    }
}
