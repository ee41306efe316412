//! What clients do, at random. Each answer is held against the ledger.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, join_all};
use steadfast::store::StoreErrorKind;
use steadfast::{
    Client, ClientError, Cursor, InstanceFilter, InstanceHandle, InstanceStatus, OnExisting,
    RuntimeStatus, StartByName, Timestamp,
};

use crate::ledger::State;
use crate::life::Life;
use crate::population::{Basket, Plan, Stand};
use crate::row::FIRST_NONCE;
use crate::survey::Survey;
use crate::world::Shared;

/// Something that a client waits for.
pub(crate) struct Pending {
    pub(crate) what: String,
    /// The worker that it asked.
    pub(crate) worker: u64,
    /// What a watch has seen. `None` when it is no watch.
    pub(crate) watch: Option<Watching>,
    pub(crate) future: LocalBoxFuture<'static, ()>,
}

pub(crate) enum Watching {
    /// One instance.
    One(Watch),
    /// All of them.
    All(Survey),
}

#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) id: steadfast::InstanceId,
    pub(crate) seen: Rc<Cell<Option<Cursor>>>,
    /// Whether it waits for the end, and is told of nothing else.
    pub(crate) of_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Start,
    Raise,
    /// Many events at once.
    Flood,
    Terminate,
    Suspend,
    Resume,
    Rewind,
    Restart,
    Purge,
    PurgeSome,
    Retry,
    Inspect,
    Status,
    Query,
    Watch,
    Follow,
    AwaitEnd,
    WatchAll,
}

impl Operation {
    pub(crate) const ALL: [Self; 18] = [
        Self::Start,
        Self::Raise,
        Self::Flood,
        Self::Terminate,
        Self::Suspend,
        Self::Resume,
        Self::Rewind,
        Self::Restart,
        Self::Purge,
        Self::PurgeSome,
        Self::Retry,
        Self::Inspect,
        Self::Status,
        Self::Query,
        Self::Watch,
        Self::Follow,
        Self::AwaitEnd,
        Self::WatchAll,
    ];
}

/// A client of one worker.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) client: Client,
    pub(crate) worker: u64,
    pub(crate) world: Shared,
    pub(crate) now: Timestamp,
}

impl Asker {
    pub(crate) fn ask(&self, operation: Operation, number: u64) -> Pending {
        let id = self.worth(operation).unwrap_or_else(|| self.some_id());
        let pending = match operation {
            Operation::Start => return self.start(number),
            Operation::Raise => return self.raise(&id, None, FIRST_NONCE + number),
            Operation::Flood => return self.flood(&id, number),
            Operation::WatchAll => return self.watch_all(),
            Operation::Watch | Operation::Follow | Operation::AwaitEnd => {
                return self.watch(operation, &id);
            }
            _ => self.clone(),
        };
        let what = format!("{operation:?} `{id}`");
        self.world
            .note(|| format!("client of worker {}: {what}", self.worker));
        let about = what.clone();
        let future = async move {
            let asker = pending;
            let sent = asker.world.lock().ledger.commits();
            let handle = asker.handle(&id);
            let recursive = asker.world.one_in(2);
            let answer = match operation {
                Operation::Terminate if recursive => handle.terminate_recursive(None).await,
                Operation::Terminate => handle.terminate(Some("enough")).await,
                Operation::Suspend => handle.suspend(None).await,
                Operation::Resume => handle.resume(None).await,
                Operation::Rewind => handle.rewind(None).await,
                Operation::Restart => handle.restart().await,
                Operation::Purge => handle.purge().await,
                Operation::PurgeSome => {
                    let some = InstanceFilter::new().id_prefix(&id[..1]);
                    asker.client.purge_where(some).await.map(|_| ())
                }
                Operation::Retry => handle.retry().await,
                Operation::Inspect => handle.waiting_on().await.map(|_| ()),
                Operation::Status => handle.status().await.map(|status| {
                    asker.read(&status, sent);
                }),
                _ => asker.query(sent).await,
            };
            asker.judge(&about, &id, sent, answer.as_ref().err());
            if answer.is_ok() {
                asker.judge_done(operation, &id, sent);
            }
        };
        Pending {
            what,
            worker: self.worker,
            watch: None,
            future: future.boxed_local(),
        }
    }

    pub(crate) fn handle(&self, id: &str) -> InstanceHandle {
        self.client.instance(id).expect("the ids are valid")
    }

    /// One for which an operation has something to do, every other time that there is one.
    fn worth(&self, operation: Operation) -> Option<String> {
        let world = &mut *self.world.lock();
        let ledger = &world.ledger;
        let is_worth = |life: &&Life| match operation {
            Operation::Flood => life.name == "collector" && !life.status.is_terminal(),
            Operation::Rewind | Operation::Purge => life.status == RuntimeStatus::Failed,
            Operation::Terminate => {
                let has_family = life.parent.is_some() || ledger.has_children(life);
                has_family && !life.status.is_terminal()
            }
            _ => false,
        };
        let lives: Vec<_> = ledger.lives().filter(is_worth).collect();
        if lives.is_empty() || world.random.bool() {
            return None;
        }
        let life = lives[world.random.usize(0..lives.len())];
        Some(life.id.to_string())
    }

    /// Mostly one of a few, so that operations meet.
    fn some_id(&self) -> String {
        let world = &mut *self.world.lock();
        let ids = world.ledger.ids();
        if !ids.is_empty() && world.random.u32(0..3) == 0 {
            return ids[world.random.usize(0..ids.len())].to_string();
        }
        root(world.random.usize(0..ROOTS))
    }

    fn start(&self, number: u64) -> Pending {
        let (id, name, start, policy) = {
            let world = &mut *self.world.lock();
            let random = &mut world.random;
            let id = root(random.usize(0..ROOTS));
            let name = match random.u32(0..10) {
                0 | 1 => "collector",
                2 => "fragile",
                3 => "guardian",
                4 => "saga",
                _ => "program",
            };
            let start = StartByName::new(name);
            let start = match name {
                "collector" => start.input(Basket {
                    nonce: number,
                    wants: random.usize(1..10),
                    takes: random.usize(1..3),
                    got: Vec::new(),
                }),
                "program" => start.input(Plan {
                    nonce: number,
                    seed: random.u64(..),
                    size: random.u32(1..7),
                    depth: random.u32(0..3),
                    rounds: random.u32(0..3),
                    round: 0,
                    friends: (0..ROOTS).map(root).collect(),
                    got: Vec::new(),
                    is_raced: false,
                }),
                _ => start.input(number),
            };
            let mut start_at = None;
            let start = match random.u32(0..8) {
                0 => {
                    let at = self.now + Duration::from_secs(random.u64(0..120));
                    start_at = Some(at);
                    start.start_at(at)
                }
                1 => start.initial_status(Stand { n: 0 }),
                _ => start,
            };
            let policies = [
                OnExisting::Refuse,
                OnExisting::Attach,
                OnExisting::ReplaceTerminal,
                OnExisting::ReplaceAny,
            ];
            let policy = policies[random.usize(0..4)];
            world
                .ledger
                .asks_for(number.to_string(), (policy, start_at));
            (id, name, start, policy)
        };
        let what = format!("start {number} of `{id}`, {policy:?}");
        self.world
            .note(|| format!("client of worker {}: {what}", self.worker));
        let (asker, about) = (self.clone(), what.clone());
        let start = start
            .id(id.clone())
            .on_existing(policy)
            .tag("start", number.to_string());
        let future = async move {
            let sent = asker.world.lock().ledger.commits();
            let answer = asker.client.start_by_name(start).await;
            asker.judge(&about, &id, sent, answer.as_ref().err());
            if answer.is_ok() {
                let ledger = &mut asker.world.lock().ledger;
                let id = steadfast::InstanceId::parse(id).expect("the ids are valid");
                let attached = policy == OnExisting::Attach && ledger.was_of(&id, name, sent);
                let holds = attached || ledger.has_created(&number.to_string());
                ledger.expect(holds, || format!("{about} is acknowledged and not stored"));
            }
        };
        Pending {
            what,
            worker: self.worker,
            watch: None,
            future: future.boxed_local(),
        }
    }

    /// Raises many events at once.
    fn flood(&self, id: &str, number: u64) -> Pending {
        let first = 2 * FIRST_NONCE + number * MANY;
        let raised = (first..first + MANY).map(|nonce| self.raise(id, None, nonce).future);
        Pending {
            what: format!("flood `{id}`"),
            worker: self.worker,
            watch: None,
            future: join_all(raised).map(|_| ()).boxed_local(),
        }
    }

    /// Raises an event that the instance may wait for, or the one of this name.
    pub(crate) fn raise(&self, id: &str, name: Option<&str>, nonce: u64) -> Pending {
        let parsed = steadfast::InstanceId::parse(id).expect("the ids are valid");
        let name = {
            let world = &mut *self.world.lock();
            let life = world.ledger.life(&parsed);
            let collects = life.is_some_and(|life| life.name == "collector");
            let guess = if collects { "item" } else { "go" };
            let name = name.unwrap_or(guess).to_owned();
            world.ledger.raise(nonce, parsed, name.clone());
            name
        };
        let what = format!("raise {name} {nonce} for `{id}`");
        self.world
            .note(|| format!("client of worker {}: {what}", self.worker));
        let (asker, about, id) = (self.clone(), what.clone(), id.to_owned());
        let future = async move {
            let sent = asker.world.lock().ledger.commits();
            let handle = asker.handle(&id);
            let answer = handle.raise_event_named(&name, &nonce).await;
            asker.judge(&about, &id, sent, answer.as_ref().err());
            if answer.is_ok() {
                asker.world.lock().ledger.acknowledge(nonce);
            }
        };
        Pending {
            what,
            worker: self.worker,
            watch: None,
            future: future.boxed_local(),
        }
    }

    fn watch(&self, operation: Operation, id: &str) -> Pending {
        let handle = self.handle(id);
        let watch = Watch {
            id: handle.id().clone(),
            seen: Rc::default(),
            of_end: operation == Operation::AwaitEnd,
        };
        let what = format!("{operation:?} `{id}`");
        self.world
            .note(|| format!("client of worker {}: {what}", self.worker));
        let (asker, seen, id) = (self.clone(), watch.clone(), id.to_owned());
        let about = what.clone();
        let future = async move {
            let sent = asker.world.lock().ledger.commits();
            let answer = match operation {
                Operation::AwaitEnd => handle.wait_for_completion().await.map(|end| {
                    asker.read(&end, sent);
                }),
                Operation::Follow => asker.follow(&handle, &seen).await,
                _ => asker.look_on(&handle, &seen).await,
            };
            asker.judge(&about, &id, sent, answer.as_ref().err());
        };
        Pending {
            what,
            worker: self.worker,
            watch: Some(Watching::One(watch)),
            future: future.boxed_local(),
        }
    }

    async fn look_on(&self, handle: &InstanceHandle, watch: &Watch) -> Result<(), ClientError> {
        let mut changes = handle.watch_custom_status();
        while let Some(change) = changes.next().await? {
            let state = State {
                cursor: change.cursor,
                status: change.runtime_status,
                custom: change
                    .custom_status
                    .map(|status| status.as_json().to_owned()),
            };
            self.told(watch, &state);
        }
        Ok(())
    }

    async fn follow(&self, handle: &InstanceHandle, watch: &Watch) -> Result<(), ClientError> {
        let mut changes = handle.watch_changes();
        if self.world.one_in(2)
            && let Some(status) = handle.try_status().await?
        {
            // From the beginning, as far as history has it.
            let after = Cursor {
                sequence: status.cursor.sequence / 2,
                ..status.cursor
            };
            changes = changes.after(after);
            // Of one that has not changed since, nothing is to be told.
            watch.seen.set(Some(after));
        }
        let mut before: Option<Cursor> = None;
        while let Some(change) = changes.next().await? {
            let (cursor, skipped) = (change.cursor, change.skipped);
            let state = State {
                cursor,
                status: change.runtime_status,
                custom: change
                    .custom_status
                    .map(|status| status.as_json().to_owned()),
            };
            self.told(watch, &state);
            if let Some(before) = before
                && before.incarnation == cursor.incarnation
            {
                let left_out = cursor.sequence.saturating_sub(before.sequence);
                let holds = skipped == left_out.saturating_sub(1);
                self.world.lock().ledger.expect(holds, || {
                    format!("a watch of `{}` went from {before:?} to {cursor:?} and says that it skipped {skipped}", watch.id)
                });
            }
            before = Some(cursor);
        }
        Ok(())
    }

    /// A watch was told of a state: it was committed, and it is not older than the one before.
    fn told(&self, watch: &Watch, state: &State) {
        let ledger = &mut self.world.lock().ledger;
        ledger.told(&watch.id, state);
        let before = watch.seen.replace(Some(state.cursor));
        ledger.expect(before.is_none_or(|before| before <= state.cursor), || {
            format!(
                "a watch of `{}` went from {before:?} back to {:?}",
                watch.id, state.cursor
            )
        });
    }

    async fn query(&self, sent: u64) -> Result<(), ClientError> {
        let mut query = self.client.query(InstanceFilter::new()).page_size(3);
        let mut found = Vec::new();
        while let Some(status) = query.next().await? {
            self.read(&status, sent);
            found.push(status.cursor.incarnation);
        }
        let ledger = &mut self.world.lock().ledger;
        let missing = ledger
            .lives()
            .find(|life| life.created <= sent && !found.contains(&life.incarnation()));
        let missing = missing.map(|life| life.id.clone());
        ledger.expect(missing.is_none(), || {
            format!("a query misses {missing:?}, which was there all the while")
        });
        Ok(())
    }

    /// A status that was read: it was so at some time since the question.
    fn read(&self, status: &InstanceStatus, sent: u64) {
        let state = State {
            cursor: status.cursor,
            status: status.runtime_status,
            custom: status
                .custom_status
                .as_ref()
                .map(|status| status.as_json().to_owned()),
        };
        let ledger = &mut self.world.lock().ledger;
        let was = ledger.was(&status.instance_id, sent, |then| then == Some(&state));
        ledger.expect(was, || {
            format!(
                "`{}` was read as {state:?}, which it was not",
                status.instance_id
            )
        });
    }

    /// An error says something about the instance, which must be true.
    pub(crate) fn judge(&self, what: &str, id: &str, sent: u64, error: Option<&ClientError>) {
        self.world.note(|| match error {
            None => format!("client of worker {}: {what} done", self.worker),
            Some(error) => format!("client of worker {}: {what}: {error}", self.worker),
        });
        let Some(error) = error else { return };
        let id = steadfast::InstanceId::parse(id).expect("the ids are valid");
        let ledger = &mut self.world.lock().ledger;
        // Its shard may not have been told yet that it was replaced. Then what it did to the one before is refused.
        let replaced = ledger.was_replaced(&id, sent.saturating_sub(UNTOLD));
        let holds = match error {
            ClientError::NotFound { .. } => {
                replaced || ledger.was(&id, sent, |state| state.is_none())
            }
            ClientError::AlreadyEnded { .. } => replaced || ledger.was(&id, sent, is_ended),
            ClientError::NotEnded { runtime_status, .. }
            | ClientError::NotFailed { runtime_status, .. }
            | ClientError::AlreadyExists { runtime_status, .. } => ledger.was(&id, sent, |state| {
                state.is_some_and(|state| state.status == *runtime_status)
            }),
            ClientError::Store(error) => matches!(
                error.kind(),
                StoreErrorKind::Unavailable | StoreErrorKind::Fenced
            ),
            ClientError::ShutDown | ClientError::UnknownOrchestrator { .. } => true,
            _ => false,
        };
        ledger.expect(holds, || {
            format!("{what} was answered with `{error}`, which is not so")
        });
    }

    /// What was done shows in what was committed.
    fn judge_done(&self, operation: Operation, id: &str, sent: u64) {
        let id = steadfast::InstanceId::parse(id).expect("the ids are valid");
        let world = &mut *self.world.lock();
        // One that does not know yet that it is fenced answers what needs no commit.
        let is_owner = world.stage.owner == self.worker;
        let ledger = &mut world.ledger;
        let was_since = |since: u64, status: RuntimeStatus| {
            ledger.was(&id, since, |state| {
                state.is_some_and(|state| state.status == status)
            })
        };
        let was = |status| was_since(sent, status);
        let holds = match operation {
            Operation::Terminate => was(RuntimeStatus::Terminated),
            // Who is fenced may know of an earlier suspension, and not of its end; and nobody whose start replaced what was suspended
            // has been told of that before its shard.
            Operation::Suspend => {
                let untold = sent.saturating_sub(UNTOLD);
                was(RuntimeStatus::Suspended)
                    || (!is_owner && was_since(0, RuntimeStatus::Suspended))
                    || (ledger.was_replaced(&id, untold)
                        && was_since(untold, RuntimeStatus::Suspended))
            }
            Operation::Resume => {
                !is_owner
                    || ledger.was(&id, sent, |state| {
                        state.is_some_and(|state| state.status != RuntimeStatus::Suspended)
                    })
            }
            Operation::Rewind => was(RuntimeStatus::Failed),
            Operation::Restart => ledger.was_created(&id, sent),
            Operation::Purge => ledger.was(&id, sent, |state| state.is_none()),
            _ => true,
        };
        ledger.expect(holds, || {
            format!("{operation:?} of `{id}` is acknowledged and not stored")
        });
    }
}

fn is_ended(state: Option<&State>) -> bool {
    state.is_some_and(|state| state.status.is_terminal())
}

/// How many events are raised at once.
const MANY: u64 = 6;

/// How many commits a shard may be behind the store.
const UNTOLD: u64 = 400;

/// So many ids are there for those that clients start.
const ROOTS: usize = 8;

fn root(number: usize) -> String {
    format!("root-{number}")
}
