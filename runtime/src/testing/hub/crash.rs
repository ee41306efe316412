//! Crash at every commit: a test is run once for each way in which each of its commits can go wrong.

use std::fmt::{self, Debug};
use std::str::FromStr;
use std::sync::Arc;

use super::comparison::End;
use super::{TestHub, seed_given};
use crate::store::memory::MemoryStore;

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

    pub(super) const fn describe(self) -> &'static str {
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
#[track_caller]
fn disturbances(commits: u64) -> Vec<Disturbance> {
    if let Ok(text) = std::env::var(CRASH) {
        let Ok(given) = text.parse() else {
            panic!(
                "the environment variable {CRASH} is `{text}`; it is the number of a commit and one of `lost`, `unacknowledged`, \
                 `died-before` and `died-after`: `3:lost`"
            );
        };
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

impl TestHub {
    /// Tells the state of the outside world, which mocks and fakes act on: [`crash_everywhere`] compares it, and looks at it around
    /// each activity, so that it can name one that must not run twice. A hub of another test does not look at it.
    pub fn effects<T: Debug + PartialEq + 'static>(&self, state: impl Fn() -> T + 'static) {
        if !self.mode.is_plain() {
            self.world.tell_effects(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
