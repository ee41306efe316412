//! What must be true when nothing goes wrong for a while: every instance can advance or says why not, every request has its answer, a
//! restart changes nothing, and in the end everything ends.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::clock::Clock as _;
use steadfast::model::instance::Incarnation;
use steadfast::store::Store as _;
use steadfast::{InstanceId, RuntimeStatus, WaitingFor, WaitingOn};

use crate::driver::Simulation;
use crate::faults::now;
use crate::ledger::Ledger;
use crate::life::Life;
use crate::operations::Watching;
use crate::row::FIRST_NONCE;
use crate::waits::Waits;

/// A worker that has so much to do at one time does not come to rest.
const MANY_STEPS: usize = 20_000;

/// Longer than any pause of a worker whose store failed.
const PAUSE: Duration = Duration::from_secs(30);

/// So many rounds are enough for everything to end, when nobody disturbs it.
const ROUNDS: usize = 600;

impl Simulation {
    /// Nothing goes wrong for a while, and no activity ends. Then everything is looked at.
    pub(crate) fn lull(&mut self) {
        self.world.note(|| "a lull".into());
        let before = self.begin_lull();
        self.world.lock().stage.is_still = true;
        self.rest();
        if !self.holds() {
            return;
        }
        self.look_at_requests();
        self.look_at_store();
        let waits = self.look_at_instances();
        self.look_at_activities(&waits);
        self.look_at_children(&waits);
        if self.holds() && self.world.one_in(2) {
            self.restart(&waits);
        }
        let world = &mut *self.world.lock();
        world.stage.is_still = false;
        let faults = &mut world.faults;
        (faults.commits, faults.loads, faults.reads) = before;
    }

    fn begin_lull(&mut self) -> (u32, u32, u32) {
        let before = {
            let faults = &mut self.world.lock().faults;
            let before = (faults.commits, faults.loads, faults.reads);
            faults.end();
            before
        };
        self.owner();
        while self.workers.len() > 1 {
            self.kill(0);
        }
        before
    }

    /// Runs the worker until nothing happens any more but what is due much later.
    fn rest(&mut self) {
        let until = self
            .clock
            .now()
            .saturating_add(PAUSE)
            .expect("a time within the calendar");
        let mut steps = 0;
        loop {
            while self.owner().worker.step() {
                self.poll();
                steps += 1;
                if steps > MANY_STEPS {
                    return self.violate("the worker does not come to rest".into());
                }
            }
            steps += 1;
            self.poll();
            if !self.owner().worker.advance() || self.clock.now() > until {
                return self.clock.set(until);
            }
        }
    }

    fn violate(&self, what: String) {
        self.world.lock().ledger.violate(what);
    }

    fn look_at_requests(&mut self) {
        self.poll();
        let world = &mut *self.world.lock();
        for pending in &self.pending {
            match &pending.watch {
                None => world
                    .ledger
                    .violate(format!("{} is never answered", pending.what)),
                Some(Watching::All(survey)) => survey.look_at(&mut world.ledger),
                Some(Watching::One(watch)) => {
                    let Some(life) = world.ledger.life(&watch.id) else {
                        let what = format!("{} goes on, and it is gone", pending.what);
                        world.ledger.violate(what);
                        continue;
                    };
                    let (is, sees) = (life.state(), watch.seen.get());
                    let sees_all = if watch.of_end {
                        !is.status.is_terminal()
                    } else {
                        sees == Some(is.cursor)
                    };
                    world.ledger.expect(sees_all, || {
                        format!("{} has seen {sees:?}, and it is {is:?}", pending.what)
                    });
                }
            }
        }
    }

    /// What can go on has gone on by itself: nobody asked for it yet.
    fn look_at_store(&mut self) {
        for id in self.unfinished() {
            let rows = now(self.memory.load(&id)).expect("a store in memory does not fail");
            let Some(rows) = rows else { continue };
            let clock = self.clock.now();
            let ledger = &mut self.world.lock().ledger;
            let header = &rows.header;
            let start_at = ledger.life(&id).and_then(|life| life.start_at);
            let is_held = header.runtime_status == RuntimeStatus::Suspended
                || header.stalled.is_some()
                || (header.episode == 0 && start_at.is_some_and(|at| at > clock));
            let of = header.execution_id;
            let mut inbox = rows.inbox.iter();
            let has_mail = inbox.any(|message| message.execution.is_none_or(|to| to == of));
            ledger.expect(is_held || header.episode > 0, || {
                format!("`{id}` has not begun, and nobody is at it")
            });
            ledger.expect(is_held || !has_mail, || {
                format!("`{id}` has a message, and nobody is at it")
            });
            let timer = header.next_timer.filter(|_| header.episode > 0);
            ledger.expect(is_held || timer.is_none_or(|at| at > clock), || {
                format!("a timer of `{id}` is due, and nobody is at it")
            });
        }
    }

    /// What each instance waits for.
    fn look_at_instances(&mut self) -> Vec<Waits> {
        let ids = self.unfinished();
        // One that is loaded for the question may find only now that it cannot advance.
        for id in &ids {
            self.waiting_on(id);
        }
        self.rest();
        let mut waits = Vec::new();
        for id in ids {
            let Some(waiting) = self.waiting_on(&id) else {
                continue;
            };
            let rows = now(self.memory.load(&id)).expect("a store in memory does not fail");
            let Some(rows) = rows else { continue };
            let clock = self.clock.now();
            let owner = self.owner().number;
            let world = &mut *self.world.lock();
            let (ledger, stage) = (&mut world.ledger, &world.stage);
            let rows_are_kept = ledger.life(&id).is_some_and(|life| {
                life.rows
                    .iter()
                    .eq(rows.history.iter().map(|row| &row.events))
            });
            ledger.expect(rows_are_kept, || {
                format!("the history of `{id}` was changed")
            });
            expected_events(ledger, &id, &rows.inbox);
            let execution = rows.header.execution_id;
            let reports = rows.progress.iter();
            let reports = reports.map(|report| (report.task_id, report.details.clone()));
            let (reports, expected) = (
                reports.collect::<BTreeMap<_, _>>(),
                ledger.tasks.reports(execution.as_u128()),
            );
            ledger.expect(reports == expected, || {
                format!("the reports of `{id}` are {reports:?}, where {expected:?} were made")
            });
            let is_held = rows.header.runtime_status == RuntimeStatus::Suspended
                || rows.header.stalled.is_some()
                || (rows.header.episode == 0
                    && ledger
                        .life(&id)
                        .and_then(|life| life.start_at)
                        .is_some_and(|at| at > clock));
            if is_held {
                continue;
            }
            let left = rows
                .inbox
                .iter()
                .any(|message| message.execution.is_none_or(|of| of == execution));
            ledger.expect(!left, || format!("`{id}` leaves a message in its inbox"));
            ledger.expect(!waiting.is_empty(), || {
                format!("`{id}` does not advance and does not say why")
            });
            for wait in &waiting {
                let key = |id: i32| (execution.as_u128(), id);
                let can_come = match &wait.kind {
                    WaitingFor::Activity { id, attempt, .. } => {
                        let task = ledger.tasks.get(key(*id));
                        let is_known = task.is_some_and(|task| task.attempt == *attempt);
                        is_known && stage.runs(owner, key(*id))
                    }
                    WaitingFor::Retry { at, .. } => *at > clock,
                    WaitingFor::Timer { fire_at, .. } => *fire_at > clock,
                    WaitingFor::Child { id, .. } => ledger
                        .child(key(*id))
                        .is_some_and(|child| child.gone.is_none() && !child.status.is_terminal()),
                    _ => true,
                };
                let kind = &wait.kind;
                ledger.expect(can_come, || {
                    format!("`{id}` waits for {kind:?}, and nobody is at it")
                });
            }
            waits.push(Waits {
                id,
                execution: execution.as_u128(),
                episode: rows.header.episode,
                kinds: waiting.into_iter().map(|wait| wait.kind).collect(),
            });
        }
        waits
    }

    pub(crate) fn unfinished(&self) -> Vec<InstanceId> {
        let world = self.world.lock();
        let lives = world.ledger.lives();
        lives
            .filter(|life| !life.status.is_terminal())
            .map(|life| life.id.clone())
            .collect()
    }

    /// What an instance waits for; `None` when it has ended meanwhile.
    fn waiting_on(&mut self, id: &InstanceId) -> Option<Vec<WaitingOn>> {
        let handle = self.asker(self.workers.len() - 1).handle(id.as_str());
        self.run(async move { handle.waiting_on().await.ok() })
            .flatten()
    }

    /// Runs the worker until a future is ready. `None` when it never is.
    pub(crate) fn run<T>(&mut self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..MANY_STEPS {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Some(output);
            }
            if !self.owner().worker.step() {
                break;
            }
        }
        self.violate("a request is never answered".into());
        None
    }

    /// A worker that begins anew finds everything as it was.
    fn restart(&mut self, before: &[Waits]) {
        self.kill(self.workers.len() - 1);
        self.world.lock().stage.owner = 0;
        self.owner();
        self.rest();
        let after = self.look_at_instances();
        self.look_at_activities(&after);
        for Waits {
            id, episode, kinds, ..
        } in before
        {
            // Time has passed, and with it timers and attempts.
            let found = after.iter().find(|waits| waits.id == *id);
            let Some(now) = found.filter(|waits| waits.episode == *episode) else {
                continue;
            };
            self.world.lock().ledger.expect(now.kinds == *kinds, || {
                let now = &now.kinds;
                format!("`{id}` waited for {kinds:?}, and after a restart for {now:?}")
            });
        }
    }

    /// Lets everything end: nothing fails, everything is there, and whoever waits for something gets it.
    pub(crate) fn finish(&mut self) {
        self.lull();
        self.world.note(|| "the end begins".into());
        self.begin_lull();
        self.world.lock().stage.broken = false;
        self.roughness = 0;
        self.kill(0);
        self.world.lock().stage.owner = 0;
        let rewound = self.rewind_failed();
        for _ in 0..ROUNDS {
            self.rest();
            let left = self.unfinished();
            if !self.holds() {
                return;
            }
            if left.is_empty() {
                self.look_at_rewound(&rewound);
                return self.look_at_requests();
            }
            for id in left {
                self.help(&id);
            }
            let world = &mut *self.world.lock();
            while world.stage.gates() > 0 {
                world.stage.open(0);
            }
        }
        let left = self.unfinished();
        self.violate(format!("{left:?} never end"));
    }

    /// What has failed because something was broken goes on with its children.
    fn rewind_failed(&mut self) -> Vec<Incarnation> {
        let failed: Vec<_> = {
            let world = self.world.lock();
            let roots = world.ledger.lives().filter(|life| {
                let is_mended = matches!(&*life.name, "fragile" | "guardian");
                let is_root = life.parent.is_none();
                // A child that a client has rewound already may be about to fail. One that a client has restarted is nobody's, and keeps its
                // id from being a child's again.
                let children = format!("{:032x}:", life.execution.as_u128());
                let is_taken = |other: &Life| {
                    other.parent.is_none() && other.id.as_str().starts_with(&children)
                };
                is_mended
                    && is_root
                    && life.status == RuntimeStatus::Failed
                    && !world.ledger.has_children(life)
                    && !world.ledger.lives().any(is_taken)
            });
            roots
                .map(|life| (life.id.clone(), life.incarnation()))
                .collect()
        };
        for (id, _) in &failed {
            self.owner();
            let handle = self.asker(self.workers.len() - 1).handle(id.as_str());
            self.run(async move { handle.rewind(None).await });
        }
        failed
            .into_iter()
            .map(|(_, incarnation)| incarnation)
            .collect()
    }

    fn look_at_rewound(&self, rewound: &[Incarnation]) {
        let ledger = &mut self.world.lock().ledger;
        let failed = ledger.lives().find(|life| {
            rewound.contains(&life.incarnation()) && life.status != RuntimeStatus::Completed
        });
        let failed = failed.map(|life| (life.id.clone(), life.status));
        ledger.expect(failed.is_none(), || {
            format!("{failed:?} was rewound, and nothing was broken any more")
        });
    }

    fn help(&mut self, id: &InstanceId) {
        let (status, stalled) = {
            let world = self.world.lock();
            match world.ledger.life(id) {
                Some(life) => (life.status, life.stalled.clone()),
                None => return,
            }
        };
        let handle = self.asker(self.workers.len() - 1).handle(id.as_str());
        if status == RuntimeStatus::Suspended {
            self.run(async move { handle.resume(None).await });
            return;
        }
        if let Some(reason) = stalled {
            self.violate(format!("`{id}` is stalled with everything there: {reason}"));
            return;
        }
        for wait in self.waiting_on(id).unwrap_or_default() {
            if let WaitingFor::Event { name } = wait.kind {
                self.asked += 1;
                let asker = self.asker(self.workers.len() - 1);
                let raise = asker.raise(id.as_str(), Some(&name), FIRST_NONCE + self.asked);
                self.run(raise.future);
            }
        }
    }
}

/// Events that were acknowledged are in history or in the inbox.
fn expected_events(ledger: &mut Ledger, id: &InstanceId, inbox: &[steadfast::store::InboxRow]) {
    let Some(life) = ledger.life(id) else { return };
    let lost = life.expects.iter().find(|nonce| {
        let waits = inbox
            .iter()
            .any(|row| row.event.contains(&nonce.to_string()));
        !waits && !life.delivered.contains(nonce)
    });
    if let Some(nonce) = lost {
        let what = format!("event {nonce} for `{id}` was acknowledged, and is lost");
        ledger.violate(what);
    }
}
