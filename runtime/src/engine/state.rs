//! What an execution knows between and during polls, shared by the engine and the durable futures: what it asks for, and what
//! history says about that.
//!
//! Invariant: no waker is cloned, woken or dropped in here, and no closure of the author is called or dropped. They may be user
//! code, which may use the context and so need the state; they are handed to the caller, who has let go of the state by then.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::panic::Location;
use std::rc::Rc;
use std::task::Waker;

use jiff::Timestamp;

use super::agreement::{action_of, agrees};
use super::asked::{Asked, FailedCall};
use super::awaits::{Awaits, Kept};
use super::calls::{Dropped, Pending};
use super::describe;
use super::episode::OpenChild;
use super::fault::{Against, Fault, NonDeterminismError};
use super::handle::ExecutionInfo;
use super::mailbox::Mailbox;
use super::notes::{PATCH, REFUSED, refusal};
use super::options::Limits;
use super::random::Random;
use crate::hash::Map;
use crate::model::action::{OrchestratorAction, OrchestratorActionKind as Action};
use crate::model::custom_status::{CustomStatus, StatusChange};
use crate::model::failure::FailureDetails;
use crate::model::history::{
    HistoryEventKind as Event, SubOrchestrationInstanceCreated, TaskScheduled,
};
use crate::model::instance::InstanceId;

#[derive(Debug)]
pub(super) struct State {
    pub(super) info: ExecutionInfo,
    /// The time of the current episode.
    pub(super) now: Timestamp,
    pub(super) replaying: bool,
    /// Whether the replay ends with a rewind that is not in history yet: what the code asks for beyond it is new.
    pub(super) rewinding: bool,
    /// Whether the orchestrator is being polled. Nothing that happens outside a poll has an effect.
    pub(super) polling: bool,
    pub(super) limits: Limits,
    pub(super) mailbox: Mailbox,
    pub(super) random: Random,
    pub(super) fault: Option<Fault>,
    pub(super) status: StatusSlot,
    pub(super) length: HistoryLength,
    /// What this episode asked for.
    pub(super) actions: Vec<OrchestratorAction>,
    /// How many bytes these have, about.
    pub(super) asked_bytes: usize,
    /// Where the code asked for each of them.
    pub(super) asked_at: Vec<Option<&'static Location<'static>>>,
    /// From this action on a replay must ask for the very same as history, and tells what its last episode withdrew.
    pub(super) repeats_from: Option<i32>,
    /// The activities that this episode no longer waits for.
    pub(super) withdrawn: Vec<i32>,
    /// The sub-orchestrations that this episode no longer waits for.
    pub(super) withdrawn_children: Vec<(i32, InstanceId)>,
    /// With what the code asked to continue as new, in the current poll.
    pub(super) continuing: Option<Continuing>,
    /// The confirmations in history that the replayed code has not asked for yet, by action id.
    pub(super) recorded: Map<i32, Event>,
    /// For each rewind that the replay has not come to: the last action id that was confirmed before it.
    pub(super) rewinds: VecDeque<i32>,
    /// The code is on another path than the one that the rewind behind this action undid.
    parted: Option<i32>,
    /// The operations whose failures the replay forgot since the last rewind it came to.
    pub(super) forgotten: BTreeSet<i32>,
    /// The sub-orchestrations that a replay with a rewind ahead has taken out of history.
    pub(super) children: Map<i32, SubOrchestrationInstanceCreated>,
    /// The sub-orchestrations that are open because a rewind forgot their failures.
    pub(super) rewound_children: Vec<OpenChild>,
    /// Activities that a replay found scheduled and has not seen end.
    pub(super) unfinished: Map<i32, TaskScheduled>,
    pub(super) patches: HashSet<String>,
    /// The patches that a replay found the execution to be without: it stays so.
    pub(super) refused_patches: HashSet<String>,
    /// The last action that the episode which is replayed asked for, and those of the episodes behind it.
    pub(super) last_of_episode: i32,
    pub(super) ends_of_episodes: VecDeque<i32>,
    pub(super) next_action: i32,
    pub(super) operations: Map<i32, Pending>,
    /// Later attempts, back-off timers and total timeouts, with the operations they belong to.
    pub(super) links: Map<i32, i32>,
    pub(super) timers: BTreeSet<(Timestamp, i32)>,
    /// How many operations someone can still be woken by.
    pub(super) open: usize,
    pub(super) dropped: Vec<Dropped>,
    /// The name of the last call: calls of the same name share it.
    pub(super) last_name: Rc<str>,
    pub(super) awaits: Awaits,
    /// The operations that the current poll left pending.
    pub(super) polled: Vec<i32>,
    /// The last operation whose result the code took.
    pub(super) last_finished: Option<Asked>,
    /// The last call of which the code took a failure.
    pub(super) failed_call: Option<Box<FailedCall>>,
    /// Where the code last asked for something.
    pub(super) last_asked: Option<&'static Location<'static>>,
}

/// What an orchestrator continues as new with.
#[derive(Debug)]
pub(super) struct Continuing {
    /// Or why it could not be encoded.
    pub(super) input: Result<Option<String>, FailureDetails>,
    pub(super) version: Option<String>,
    pub(super) location: &'static Location<'static>,
}

/// How many events history has. Pauses are not counted: the orchestrator does not live through them.
#[derive(Debug, Default)]
pub(super) struct HistoryLength {
    events: usize,
    episode_began: bool,
}

impl HistoryLength {
    /// An episode began. It counts as soon as something in it does.
    pub(super) const fn episode(&mut self) {
        self.episode_began = true;
    }

    pub(super) fn count(&mut self) {
        self.events += 1 + usize::from(std::mem::take(&mut self.episode_began));
    }

    pub(super) const fn get(&self) -> usize {
        self.events
    }
}

/// The custom status as the code sees it, and as it was when the episode began.
#[derive(Debug, Default)]
pub(super) struct StatusSlot {
    value: Option<CustomStatus>,
    /// What the code has set since the value was looked at, as text.
    set: Option<Option<String>>,
    committed: Option<CustomStatus>,
    /// Where the code last set it.
    pub(super) location: Option<&'static Location<'static>>,
}

impl StatusSlot {
    /// A slot that begins with this value.
    pub(super) fn new(value: Option<CustomStatus>) -> Self {
        Self {
            committed: value.clone(),
            value,
            set: None,
            location: None,
        }
    }

    pub(super) fn set(&mut self, text: Option<String>, location: &'static Location<'static>) {
        self.set = Some(text);
        self.location = Some(location);
    }

    /// The JSON text as the code sees it.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.set {
            Some(text) => text.as_deref(),
            None => self.value.as_ref().map(CustomStatus::as_json),
        }
    }

    /// The value as the code sees it.
    pub(super) fn value(&mut self) -> Option<&CustomStatus> {
        if let Some(text) = self.set.take() {
            self.value = text.map(CustomStatus::of_text);
        }
        self.value.as_ref()
    }

    /// What changed since the last call. Setting an equal value is no change.
    pub(super) fn take_change(&mut self) -> StatusChange {
        self.value();
        if self.value == self.committed {
            return StatusChange::Untouched;
        }
        self.take_all()
    }

    /// The value as a change, whatever it was before.
    pub(super) fn take_all(&mut self) -> StatusChange {
        let value = self.value().cloned();
        self.committed.clone_from(&value);
        value.map_or(StatusChange::Cleared, StatusChange::Set)
    }
}

/// An action that is to be asked for.
pub(super) struct Wanted {
    pub(super) kind: Action,
    /// Whether a sub-orchestration's id derives from the action.
    pub(super) derives_id: bool,
    /// Whether the action can be refused for the size of its payload.
    pub(super) limited: bool,
    pub(super) location: Option<&'static Location<'static>>,
}

impl Wanted {
    pub(super) const fn new(kind: Action, location: Option<&'static Location<'static>>) -> Self {
        Self {
            kind,
            derives_id: false,
            limited: true,
            location,
        }
    }

    pub(super) const fn timer(
        fire_at: Timestamp,
        location: Option<&'static Location<'static>>,
    ) -> Self {
        Self::new(Action::CreateTimer { fire_at }, location)
    }
}

/// Where an action comes from.
pub(super) enum Source {
    /// It was recorded. The event that confirms it.
    History(Event),
    Anew,
}

/// About how many bytes an action has that are the author's. A patch has none: a replay may take it out of history at another place.
pub(super) fn size_of_action(action: &Action) -> usize {
    let of =
        |name: &str, payload: &Option<String>| name.len() + payload.as_ref().map_or(0, String::len);
    let of_tags = |tags: &crate::model::tags::Tags| {
        tags.iter()
            .map(|(key, value)| key.len() + value.len())
            .sum::<usize>()
    };
    match action {
        Action::ScheduleTask { name, input, tags }
        | Action::CreateSubOrchestration {
            name, input, tags, ..
        } => of(name, input) + of_tags(tags),
        Action::SendEvent { name, .. } if name.starts_with(PATCH) => 0,
        Action::SendEvent { name, data, .. } => of(name, data),
        Action::CompleteOrchestration { result, .. } => of("", result),
        Action::CreateTimer { .. } => 0,
    }
}

impl State {
    pub(super) fn new(
        info: ExecutionInfo,
        status: Option<CustomStatus>,
        limits: Limits,
        root: Waker,
    ) -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            replaying: false,
            rewinding: false,
            polling: false,
            limits,
            mailbox: Mailbox::default(),
            random: Random::new(info.execution_id),
            fault: None,
            status: StatusSlot::new(status),
            length: HistoryLength::default(),
            actions: Vec::new(),
            asked_bytes: 0,
            asked_at: Vec::new(),
            repeats_from: None,
            withdrawn: Vec::new(),
            withdrawn_children: Vec::new(),
            continuing: None,
            recorded: Map::default(),
            rewinds: VecDeque::new(),
            parted: None,
            forgotten: BTreeSet::new(),
            children: Map::default(),
            rewound_children: Vec::new(),
            unfinished: Map::default(),
            patches: HashSet::new(),
            refused_patches: HashSet::new(),
            last_of_episode: i32::MAX,
            ends_of_episodes: VecDeque::new(),
            next_action: 0,
            operations: Map::default(),
            links: Map::default(),
            timers: BTreeSet::new(),
            open: 0,
            dropped: Vec::new(),
            last_name: Rc::from(""),
            awaits: Awaits::new(root),
            polled: Vec::new(),
            last_finished: None,
            failed_call: None,
            last_asked: None,
            info,
        }
    }

    /// Keeps the first fault.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Something recorded does not decode that was asked for at this place.
    pub(super) fn fail_undecodable(
        &mut self,
        what: &str,
        location: Option<&'static Location<'static>>,
        message: String,
    ) {
        let what = match location {
            Some(location) => format!("{what} at {location}"),
            None => what.to_owned(),
        };
        self.fail(Fault::Undecodable { what, message });
    }

    /// The orchestrator is about to be polled.
    pub(super) fn begin_poll(&mut self) {
        self.polling = true;
        self.polled.clear();
        self.mailbox.begin_poll();
    }

    /// The payload of the event that a wait was given, which ends the wait; otherwise keeps the waker for it and gives back the
    /// one that it kept before.
    pub(super) fn observe_event(
        &mut self,
        id: u64,
        waker: &mut Option<Kept>,
    ) -> Option<Option<String>> {
        let observed = self.mailbox.observe(id, waker)?;
        self.last_finished = Some(Asked {
            what: "the event",
            name: observed.name.into(),
            location: Some(observed.location),
        });
        Some(observed.payload)
    }

    /// Whether anything that the orchestrator can be waiting for is outstanding.
    pub(super) const fn waits_for_something(&self) -> bool {
        self.open > 0 || self.mailbox.waiting() > 0
    }

    pub(super) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.first().map(|(fire_at, _)| *fire_at)
    }

    /// The timers due at this time, earliest first.
    pub(super) fn due_timers(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, i32)> {
        self.timers
            .iter()
            .copied()
            .take_while(move |(fire_at, _)| *fire_at <= now)
    }

    /// Asks for an action: anew, or by taking its confirmation out of history. `read` sees what is in force: on replay that is
    /// what was recorded, and an action that is refused is the record of that. `None` when nothing can come of it.
    pub(super) fn ask<T>(
        &mut self,
        mut wanted: Wanted,
        read: impl FnOnce(i32, &Action) -> T,
    ) -> Option<T> {
        let source = self.source(&mut wanted)?;
        let id = self.next_action;
        self.next_action += 1;
        self.length.count();
        self.last_asked = wanted.location.or(self.last_asked);
        Some(match source {
            Source::Anew => {
                let kind = if wanted.limited {
                    self.within_limits(wanted.kind)
                } else {
                    wanted.kind
                };
                self.stop_asking_for_too_much(&kind, wanted.location);
                self.asked_bytes += size_of_action(&kind);
                let read = read(id, &kind);
                self.actions.push(OrchestratorAction { id, kind });
                self.asked_at.push(wanted.location);
                read
            }
            Source::History(event) => {
                let action = action_of(event)?;
                // What an episode may still ask for is the same when it is replayed in full.
                self.asked_bytes += size_of_action(&action);
                let read = read(id, &action);
                self.keep_open(id, action);
                read
            }
        })
    }

    /// Unwinds the code that asks for more than it may, however it goes on: a loop that never awaits would fill the memory. The episode is
    /// given up.
    fn stop_asking_for_too_much(
        &mut self,
        kind: &Action,
        location: Option<&'static Location<'static>>,
    ) {
        let limit = self.limits.max_open_operations;
        let is_end = matches!(kind, Action::CompleteOrchestration { .. });
        // What the engine asks for by itself belongs to an operation that is open.
        if is_end || !self.polling || self.open < limit && self.actions.len() < limit {
            return;
        }
        let at = location.map_or_else(String::new, |location| format!(" at {location}"));
        self.fail(Fault::TooMuch(format!(
            "{} operations are open, and {} were asked for in one episode{at}, of which at most {limit} may be; await some of them before \
             the next, give parts of them to sub-orchestrations, or raise `max_open_operations`",
            self.open,
            self.actions.len()
        )));
        std::panic::resume_unwind(Box::new("the orchestrator asks for too much"));
    }

    /// Keeps what a replay has to tell of the actions that it found open.
    fn keep_open(&mut self, id: i32, action: Action) {
        match action {
            Action::ScheduleTask { name, input, tags } => {
                self.unfinished
                    .insert(id, TaskScheduled { name, input, tags });
            }
            Action::CreateSubOrchestration {
                instance_id,
                name,
                version,
                input,
                tags,
            } if !self.rewinds.is_empty() => {
                self.children.insert(
                    id,
                    SubOrchestrationInstanceCreated {
                        instance_id,
                        name,
                        version,
                        input,
                        tags,
                    },
                );
            }
            _ => {}
        }
    }

    /// Where the action comes from that the code asks for next; its id is then the next one. `None` is a fault.
    pub(super) fn source(&mut self, wanted: &mut Wanted) -> Option<Source> {
        loop {
            self.skip_patches();
            let id = self.next_action;
            if wanted.derives_id
                && let Action::CreateSubOrchestration { instance_id, .. } = &mut wanted.kind
            {
                *instance_id = InstanceId::of_child(self.info.execution_id, id);
            }
            if !self.replaying {
                return Some(Source::Anew);
            }
            let rewound = self.rewind_behind(id);
            let recorded = self.recorded.get(&id);
            let strict = rewound.is_none();
            let in_full = self.repeats_from.is_some_and(|from| id >= from && strict);
            if recorded.is_some_and(|event| {
                agrees(event, wanted, strict) && (!in_full || self.repeats(event, wanted))
            }) {
                return self.recorded.remove(&id).map(Source::History);
            }
            if let Some(last) = rewound {
                self.forget_actions(last);
                continue;
            }
            if recorded.is_none() && self.rewinding {
                return Some(Source::Anew);
            }
            let describe = if in_full {
                describe::in_full
            } else {
                describe::event
            };
            let found = wanted.kind.confirmation();
            // Why the code fails that did not.
            let describe_found = match &found {
                Event::ExecutionCompleted(end) if end.failure.is_some() => describe::in_full,
                _ => describe,
            };
            let error = NonDeterminismError {
                event_id: id,
                expected: recorded.map_or_else(
                    || "nothing, since the recorded run had not come so far".into(),
                    describe,
                ),
                found: describe_found(&found),
                location: wanted.location,
                against: Against::History,
            };
            self.next_action += 1;
            self.fail(Fault::NonDeterminism(error));
            return None;
        }
    }

    /// A rewind lies behind the confirmation of this action. The end that it undid is as if it had not been, and so is what was refused
    /// right before that, which may be why the execution failed: the worker may allow more now.
    pub(super) fn expect_rewind(&mut self, last: i32) {
        self.rewinds.push_back(last);
        let undone = |event: &Event| match event {
            Event::EventSent(sent) => sent.name == REFUSED,
            other => matches!(other, Event::ExecutionCompleted(_)),
        };
        let mut id = last;
        while self.recorded.get(&id).is_some_and(undone) {
            self.recorded.remove(&id);
            id -= 1;
        }
    }

    /// The next rewind behind the confirmation of an action: the last action that was confirmed before it.
    pub(super) fn rewind_behind(&self, id: i32) -> Option<i32> {
        self.rewinds.iter().copied().find(|last| id <= *last)
    }

    /// The path of the code parts here from the one that a rewind undid: what that one asked for up to this action is forgotten.
    /// Its ids are not used again, so that nothing that comes of it later can be mistaken.
    pub(super) fn forget_actions(&mut self, last: i32) {
        self.parted = self.parted.max(Some(last));
        self.recorded.retain(|id, _| *id > last);
        self.next_action = self.next_action.max(last.saturating_add(1));
    }

    /// Checks, at the place in history where an action is confirmed, that the code has asked for it.
    pub(super) fn confirm(&mut self, id: i32) -> Result<(), Fault> {
        // Not those behind it: they may be of a later episode.
        self.skip_patches_up_to(id);
        let Some(event) = self.recorded.get(&id) else {
            return Ok(());
        };
        if let Some(last) = self.rewind_behind(id) {
            self.forget_actions(last);
            return Ok(());
        }
        Err(Fault::NonDeterminism(NonDeterminismError {
            event_id: id,
            expected: describe::event(event),
            found: self.no_such_action(),
            location: self.last_asked,
            against: Against::History,
        }))
    }

    pub(super) fn no_such_action(&self) -> String {
        format!(
            "no such action (the code asked for {} so far)",
            self.next_action
        )
    }

    /// Sends an event to an instance.
    pub(super) fn send(
        &mut self,
        to: &InstanceId,
        name: &str,
        data: Option<String>,
        location: &'static Location<'static>,
    ) -> Result<(), FailureDetails> {
        if !self.polling {
            return Ok(());
        }
        let send = Action::SendEvent {
            instance_id: to.clone(),
            name: name.into(),
            data,
        };
        let refused = self.ask(Wanted::new(send, Some(location)), |_, action| {
            refusal(action)
        });
        refused.flatten().map_or(Ok(()), Err)
    }

    /// A replay with a rewind ahead forgets that an operation failed.
    pub(super) fn forget_failure(&mut self, operation: i32) {
        self.forgotten.insert(operation);
        self.parted = self.parted.max(self.rewinds.front().copied());
    }

    /// Whether what the code does now is done for the first time.
    pub(super) fn is_new(&self) -> bool {
        !self.replaying || self.rewinding && self.parted >= self.rewinds.back().copied()
    }
}
