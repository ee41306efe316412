//! Crash at every commit: a test is run once for each way in which each of its commits can go wrong.

use std::fmt::{self, Debug, Write as _};
use std::str::FromStr;
use std::sync::Arc;

use futures_executor::block_on;

use super::report::of_run;
use super::world::State;
use super::{TestHub, seed_given};
use crate::model::failure::kind;
use crate::model::history::{HistoryEventKind, decode_events};
use crate::model::query::InstanceFilter;
use crate::model::status::InstanceStatus;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::worker::message::TaskKey;

/// The environment variable that says which crash alone is tried.
pub(super) const CRASH: &str = "STEADFAST_CRASH";

/// How a commit goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// It is not applied, and the worker is told so.
    Lost,
    /// It is applied, and the worker is told that it failed.
    Unacknowledged,
    /// The worker is gone before it is applied.
    DiedBefore,
    /// The worker is gone after it was applied.
    DiedAfter,
}

impl Crash {
    const ALL: [Self; 4] = [
        Self::Lost,
        Self::Unacknowledged,
        Self::DiedBefore,
        Self::DiedAfter,
    ];

    pub(super) const fn applies(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::DiedAfter)
    }

    pub(super) const fn is_death(self) -> bool {
        matches!(self, Self::DiedBefore | Self::DiedAfter)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Unacknowledged => "unacknowledged",
            Self::DiedBefore => "died-before",
            Self::DiedAfter => "died-after",
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            Self::Lost => "is lost",
            Self::Unacknowledged => "is applied, and its acknowledgement is lost",
            Self::DiedBefore => "is not applied, since the process dies before it",
            Self::DiedAfter => "is applied, and the process dies after it",
        }
    }
}

/// Which commit goes wrong, counted from 0, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Disturbance {
    pub(super) commit: u64,
    pub(super) crash: Crash,
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.commit, self.crash.name())
    }
}

impl FromStr for Disturbance {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (commit, name) = text.split_once(':').ok_or(())?;
        let crash = Crash::ALL.into_iter().find(|crash| crash.name() == name);
        Ok(Self {
            commit: commit.parse().map_err(drop)?,
            crash: crash.ok_or(())?,
        })
    }
}

/// What [`crash_everywhere`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrashesTried {
    /// How many commits the test makes when nothing disturbs it.
    pub commits: u64,
    /// How often it was run with a crash.
    pub crashes: u64,
}

/// Runs a test once undisturbed, and once for each way in which each of its commits can go wrong: it is lost, its acknowledgement is
/// lost, and the process dies right before and right after it, and is started again over the same store.
///
/// However it goes, it must end the same. After each run these are compared with the undisturbed one:
///
/// - what the test returns
/// - how each instance ended: its runtime status, output or failure, and last custom status
/// - the state of the outside world, where the test tells it with [`TestHub::effects`]
///
/// And for each run: an activity whose result is in history has run, and one whose end was committed has not run again after that. An
/// activity whose end was not committed does run again, and must bear it; one that does not is named, with the crash and both states
/// of the outside world.
///
/// The test is given a hub of its own each time, over a store in memory, so it must make everything that it uses anew. What it asks of the
/// hub survives the crashes; a future of the [client](TestHub::client) may not. Ids that are generated, and guids, are those of one
/// run, and are not compared.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use std::cell::RefCell;
/// use std::collections::BTreeMap;
/// use std::rc::Rc;
///
/// use steadfast::prelude::*;
/// use steadfast::testing::crash_everywhere;
///
/// #[activity]
/// async fn book(order: String, seat: u32) -> Result<(), String> {
///     Err(format!("no theatre is connected that would keep seat {seat} for {order}"))
/// }
///
/// #[orchestrator]
/// async fn two_seats(ctx: OrchestrationContext, order: String) -> Result<u32, String> {
///     ctx.call(book(order.clone(), 1)).await?;
///     ctx.call(book(order, 2)).await?;
///     Ok(2)
/// }
///
/// let tried = crash_everywhere(|hub| {
///     hub.definitions(steadfast::definitions![two_seats, book]);
///     let seats = Rc::new(RefCell::new(BTreeMap::new()));
///     let booked = Rc::clone(&seats);
///     // Booking a seat for who has it already does nothing.
///     hub.mock(book).with(move |order, seat| match booked.borrow_mut().entry(seat).or_insert(order.clone()) {
///         owner if *owner == order => Ok(()),
///         owner => Err(format!("taken by {owner}")),
///     });
///     hub.effects(move || seats.borrow().clone());
///     hub.start(two_seats("mine".into())).output().unwrap()
/// });
/// assert!(tried.commits >= 3);
/// # }
/// ```
///
/// # Panics
///
/// When a run does not end as the undisturbed one did. The environment variable `STEADFAST_CRASH`, with what is printed then, tries this
/// crash alone.
#[track_caller]
pub fn crash_everywhere<T: Debug + PartialEq>(test: impl Fn(&TestHub) -> T) -> CrashesTried {
    let seed = seed_given().unwrap_or(0);
    let store = || Arc::new(MemoryStore::new());
    let hub = TestHub::with(store(), seed, Mode::Undisturbed);
    let expected = End::of(&hub, test(&hub));
    hub.check_calls();
    let commits = hub.store.commits();
    assert!(
        commits > 0,
        "the test commits nothing: let it start an orchestration"
    );
    drop(hub);
    let mut tried = CrashesTried {
        commits,
        crashes: 0,
    };
    for disturbance in disturbances(commits) {
        let hub = TestHub::with(store(), seed, Mode::Disturbed(disturbance));
        let returned = test(&hub);
        hub.catch_up(&expected.instances);
        let end = End::of(&hub, returned);
        hub.check_same(&expected, &end);
        hub.check_calls();
        tried.crashes += 1;
    }
    tried
}

/// The crashes to try.
fn disturbances(commits: u64) -> Vec<Disturbance> {
    if let Ok(text) = std::env::var(CRASH) {
        let given = text.parse().unwrap_or_else(|()| {
            panic!(
                "the environment variable {CRASH} is `{text}`; it is the number of a commit and one of `lost`, `unacknowledged`, \
                 `died-before` and `died-after`: `3:lost`"
            )
        });
        return vec![given];
    }
    let of = |commit| Crash::ALL.map(|crash| Disturbance { commit, crash });
    (0..commits).flat_map(of).collect()
}

/// What a hub is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode {
    Plain,
    /// The run that those with a crash are compared with.
    Undisturbed,
    Disturbed(Disturbance),
}

impl Mode {
    pub(super) const fn is_plain(self) -> bool {
        matches!(self, Self::Plain)
    }

    pub(super) const fn disturbance(self) -> Option<Disturbance> {
        match self {
            Self::Disturbed(disturbance) => Some(disturbance),
            Self::Plain | Self::Undisturbed => None,
        }
    }
}

/// How a run ended.
struct End<T> {
    returned: T,
    /// How each instance that has ended did, in the order of the texts.
    instances: Vec<String>,
    effects: Option<Box<dyn State>>,
}

impl<T> End<T> {
    fn of(hub: &TestHub, returned: T) -> Self {
        Self {
            returned,
            instances: hub.ended(),
            effects: hub.world.effects(),
        }
    }
}

impl TestHub {
    /// Tells the state of the outside world, which mocks and fakes act on: [`crash_everywhere`] compares it, and looks at it around
    /// each activity, so that it can name one that must not run twice. A hub of another test does not look at it.
    pub fn effects<T: Debug + PartialEq + 'static>(&self, state: impl Fn() -> T + 'static) {
        self.world.tell_effects(state);
    }

    /// How each instance that has ended did.
    fn ended(&self) -> Vec<String> {
        let all = self.matching(&InstanceFilter::new(), usize::MAX);
        let ended = all.iter().filter(|status| status.is_terminal());
        let mut ended: Vec<_> = ended.map(|status| without_ids(&end_of(status))).collect();
        ended.sort_unstable();
        ended
    }

    /// Runs on until as much has ended as in the undisturbed run, or nothing can happen any more.
    #[track_caller]
    fn catch_up(&self, expected: &[String]) {
        self.new_wait();
        let mut seen = None;
        loop {
            let commits = self.store.commits();
            if seen.replace(commits) != Some(commits) && missing(expected, &self.ended()).is_empty()
            {
                return;
            }
            if !self.happen() && !self.move_time() {
                return;
            }
        }
    }

    #[track_caller]
    fn check_same<T: Debug + PartialEq>(&self, expected: &End<T>, end: &End<T>) {
        let Some(crash) = self.store.crashed() else {
            self.fail(&format!(
                "{}: this commit did not come, so the test is not the same each time: does it use the machine's clock, random \
                 numbers or the order of a hash map?",
                self.crashing("")
            ));
        };
        let missing = missing(&expected.instances, &end.instances);
        if !missing.is_empty() {
            self.fail(&format!(
                "{}\nan instance ends otherwise than undisturbed.\n  undisturbed: {}\n  now: {}",
                self.crashing(&crash),
                missing.join("\n               "),
                end.instances.join("\n       ")
            ));
        }
        if expected.returned != end.returned {
            let texts = [&expected.returned, &end.returned]
                .map(|returned| without_ids(&format!("{returned:?}")));
            if texts[0] != texts[1] {
                self.fail(&format!(
                    "{}\nthe test returns something else than undisturbed.\n  undisturbed: {:?}\n  now: {:?}",
                    self.crashing(&crash),
                    expected.returned,
                    end.returned
                ));
            }
        }
        if let (Some(expected), Some(now)) = (&expected.effects, &end.effects)
            && !expected.is_same(&**now)
        {
            self.fail(&format!(
                "{}\n{}\n  the outside world, undisturbed: {expected:?}\n  the outside world, now: {now:?}",
                self.crashing(&crash),
                self.not_idempotent()
            ));
        }
    }

    /// The crash of this run in messages.
    fn crashing(&self, written: &str) -> String {
        let Some(Disturbance { commit, crash }) = self.mode.disturbance() else {
            return "undisturbed".into();
        };
        let with = if written.is_empty() {
            String::new()
        } else {
            format!(" (with {written})")
        };
        format!("commit {commit}{with} {}", crash.describe())
    }

    /// Which activities changed the outside world again when they ran again.
    fn not_idempotent(&self) -> String {
        let mut text = String::new();
        self.world.runs(|runs| {
            for run in runs.iter().filter(|run| run.is_again) {
                if let (Some(before), Some(after)) = (&run.before, &run.after)
                    && !before.is_same(&**after)
                {
                    let _ = write!(
                        text,
                        "the {} ran again, and changed the outside world again: it is not idempotent.\n  before it ran again: \
                         {before:?}\n  after it: {after:?}\n",
                        of_run(run)
                    );
                }
            }
        });
        if text.is_empty() {
            text.push_str("the outside world is another one, and no activity that ran again changed it when it did");
        }
        text.trim_end().to_owned()
    }

    /// What is in history of an activity has happened.
    #[track_caller]
    fn check_calls(&self) {
        for status in self.matching(&InstanceFilter::new(), usize::MAX) {
            let stored = block_on(self.store.load(&status.instance_id));
            let Ok(Some(stored)) = stored else { continue };
            let rows = stored.history.iter();
            let events = rows.flat_map(|row| decode_events(&row.events).unwrap_or_default());
            for event in events {
                let id = match event.kind {
                    HistoryEventKind::TaskCompleted(ended) => ended.task_scheduled_id,
                    // Its time may be up before it ran.
                    HistoryEventKind::TaskFailed(ended)
                        if ended.failure.error_type != kind::TIMEOUT =>
                    {
                        ended.task_scheduled_id
                    }
                    _ => continue,
                };
                let key = TaskKey {
                    execution: stored.header.execution_id,
                    id,
                };
                if !self.world.has_run(key) {
                    self.fail(&format!(
                        "{}: the activity with the id {id} of `{}` has an end and never ran",
                        self.crashing(""),
                        status.instance_id
                    ));
                }
            }
        }
    }
}

/// The end of an instance in one line.
fn end_of(status: &InstanceStatus) -> String {
    let InstanceStatus {
        name,
        instance_id,
        runtime_status,
        output,
        failure,
        custom_status,
        ..
    } = status;
    let mut text = format!("`{instance_id}` (`{name}`) is {runtime_status}");
    if let Some(output) = output {
        let _ = write!(text, ", output {output}");
    }
    if let Some(failure) = failure {
        let details = serde_json::to_string(failure);
        let details = details.unwrap_or_else(|_| failure.to_string());
        let _ = write!(text, ", failure {details}");
    }
    if let Some(status) = custom_status {
        let _ = write!(text, ", custom status {}", status.as_json());
    }
    text
}

/// Those that are expected and not found, each as often as it is missing. Both are sorted.
fn missing<'a>(expected: &'a [String], found: &[String]) -> Vec<&'a str> {
    let mut found = found.iter().peekable();
    let mut missing = Vec::new();
    for expected in expected {
        while found.next_if(|found| *found < expected).is_some() {}
        if found.next_if_eq(&expected).is_none() {
            missing.push(expected.as_str());
        }
    }
    missing
}

/// A text without the guids in it, with or without hyphens: another run has others.
fn without_ids(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        shown.push_str(before);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        shown.push_str(&word_without_ids(word));
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// A word of hexadecimal digits and hyphens, with a guid in it or not.
fn word_without_ids(word: &str) -> String {
    const LENGTHS: [usize; 2] = [36, 32];
    for length in LENGTHS {
        for start in 0..=word.len().saturating_sub(length) {
            let Some(part) = word.get(start..start + length) else {
                continue;
            };
            if uuid::Uuid::parse_str(part).is_ok() {
                let after = word_without_ids(&word[start + length..]);
                return format!("{}<id>{after}", &word[..start]);
            }
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_are_left_out() {
        let text = "\"a-67e55044-10b1-426f-9247-bb680e5fe0c8\", 67e5504410b1426f9247bb680e5fe0c8:7, 2026-01-01, deadbeef";
        assert_eq!(
            without_ids(text),
            "\"a-<id>\", <id>:7, 2026-01-01, deadbeef"
        );
    }

    #[test]
    fn what_is_missing_is_told_as_often_as_it_is() {
        let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = texts(&["a", "b", "b", "c"]);
        assert_eq!(missing(&expected, &texts(&["a", "b", "c", "d"])), ["b"]);
        assert_eq!(
            missing(&expected, &texts(&["0", "a", "b", "b", "c"])),
            [""; 0]
        );
        assert_eq!(missing(&expected, &[]), ["a", "b", "b", "c"]);
    }

    #[test]
    fn a_crash_is_read_as_it_is_written() {
        for crash in Crash::ALL {
            let disturbance = Disturbance { commit: 3, crash };
            assert_eq!(disturbance.to_string().parse(), Ok(disturbance));
        }
        assert_eq!("3".parse::<Disturbance>(), Err(()));
        assert_eq!("3:gone".parse::<Disturbance>(), Err(()));
    }
}
