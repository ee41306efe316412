//! Replaying what a store holds against new code.

use std::sync::Arc;
use std::time::Duration;

use super::instances::Instances;
use super::lane::Lane;
use super::report::Report;
use crate::client::ExportedHistory;
use crate::engine::note_places_of_panics;
use crate::host::serve;
use crate::model::encoded;
use crate::model::instance::InstanceId;
use crate::model::query::{InstanceFilter, Order};
use crate::model::status::RuntimeStatus;
use crate::registration::Registration;
use crate::registry::{DuplicateName, linked};
use crate::replay::Compare;
use crate::store::{Store, StoreError, StoredInstance};

/// What a [`check()`] does.
#[derive(Clone, Debug)]
#[must_use = "nothing is checked before `check` is called"]
pub struct Check {
    filter: InstanceFilter,
    definitions: Option<Vec<Registration>>,
    examples: usize,
    patience: Duration,
}

impl Default for Check {
    fn default() -> Self {
        Self::new()
    }
}

impl Check {
    /// Every instance that has not ended, against every definition that is linked into this program.
    pub const fn new() -> Self {
        Self {
            filter: InstanceFilter {
                runtime_status: Vec::new(),
                name: None,
                version: None,
                created_from: None,
                created_to: None,
                updated_from: None,
                updated_to: None,
                id_prefix: None,
                tags: Vec::new(),
                parent: None,
                stalled: None,
            },
            definitions: None,
            examples: 5,
            patience: Duration::from_secs(60),
        }
    }

    /// Only the instances that match. With runtime statuses in it, also those that have ended, as far as they are among them: their
    /// outputs and custom statuses are compared too.
    pub fn filter(mut self, filter: InstanceFilter) -> Self {
        self.filter = filter;
        self
    }

    /// Against exactly these definitions instead of every linked one, as [`Builder::definitions`](crate::Builder::definitions).
    pub fn definitions(mut self, definitions: impl IntoIterator<Item = Registration>) -> Self {
        self.definitions.get_or_insert_default().extend(definitions);
        self
    }

    /// How many instances are named of those that diverge in the same way; 5 by default.
    pub const fn examples(mut self, count: usize) -> Self {
        self.examples = count;
        self
    }

    /// How long one replay may take; a minute by default. One that takes longer counts as one that does not return, and its thread is left
    /// behind.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

/// Nothing, or not everything, could be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// There is nothing to check against.
    #[error(
        "this program has no orchestrator: a library that nothing is named of is not linked, so write `use that_library as _;`"
    )]
    NoDefinitions,
    /// Two definitions have the same name and version.
    #[error(transparent)]
    DuplicateName(#[from] DuplicateName),
    /// The program aborts on panic, so that a panic of an orchestrator would end the check.
    #[error(
        "this program is compiled with `panic = \"abort\"`, with which no worker starts: remove the setting from the Cargo profile"
    )]
    PanicAbort,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Replays what a store holds against the definitions of this program, and says what would be set aside by a worker that has these.
///
/// It reads only, one instance after the other, and blocks until it is done. Instances that come, change or go meanwhile are checked as they
/// are when it comes to them. Orchestrators run up to where history ends, as in any replay; activities do not run, nor does an orchestrator
/// that has not begun: of that the input is checked.
///
/// ```
/// use steadfast::deploy::{self, Check};
/// # use steadfast::prelude::*;
/// # #[orchestrator] async fn ship(_ctx: OrchestrationContext) {}
/// # let store = steadfast::store::memory::MemoryStore::new();
///
/// // Beside a running process: `SqliteReader::open("app.db")?`.
/// let report = deploy::check(&store, &Check::new().definitions(steadfast::definitions![ship]))?;
/// assert_eq!((report.checked, report.diverging), (0, 0));
/// print!("{report}");
/// # Ok::<(), deploy::CheckError>(())
/// ```
///
/// # Errors
///
/// [`CheckError`] when there is nothing to check against, or the store cannot be listed. One instance that cannot be read is no error: the
/// report has it among [those that were not checked](Report::unchecked).
pub fn check<S: Store + ?Sized>(store: &S, options: &Check) -> Result<Report, CheckError> {
    if cfg!(panic = "abort") {
        return Err(CheckError::PanicAbort);
    }
    let registry = serve(options.definitions.clone().unwrap_or_else(linked))?;
    if registry.orchestrators().is_empty() {
        return Err(CheckError::NoDefinitions);
    }
    note_places_of_panics();
    let mut filter = options.filter.clone();
    let only_unfinished = filter.runtime_status.is_empty();
    if only_unfinished {
        filter.runtime_status = vec![
            RuntimeStatus::Pending,
            RuntimeStatus::Running,
            RuntimeStatus::Suspended,
        ];
    }
    let registry = Arc::new(registry);
    let mut lane = Lane::new(
        Arc::clone(&registry),
        compare(only_unfinished),
        options.patience,
    );
    let mut report = Report::new(options.examples);
    let mut instances = Instances::new(store, &filter, Order::OldestFirst);
    while let Some(id) = instances.next()? {
        let stored = match instances.load(&id) {
            Ok(Some(stored)) => stored,
            // It was purged.
            Ok(None) => continue,
            Err(error) => {
                report.could_not_check(id, chain(&error));
                continue;
            }
        };
        if only_unfinished && stored.header.runtime_status.is_terminal() {
            report.ended_meanwhile();
            continue;
        }
        look_at(&mut lane, &registry, &mut report, &id, stored);
    }
    Ok(report.sorted())
}

/// Where ends are looked at, they are compared.
const fn compare(only_unfinished: bool) -> Compare {
    if only_unfinished {
        Compare::Order
    } else {
        Compare::End
    }
}

fn look_at(
    lane: &mut Lane,
    registry: &crate::registry::Registry,
    report: &mut Report,
    id: &InstanceId,
    stored: StoredInstance,
) {
    let (name, version) = (stored.header.name.clone(), stored.header.version.clone());
    let is_stalled = stored.header.stalled.is_some();
    let defined = registry.orchestrator(&name, version.as_deref());
    let place = defined.map(|found| found.location);
    let is_encoded = stored
        .history
        .iter()
        .any(|row| encoded::label(&row.events).is_some() || encoded::is_undecodable(&row.events));
    match ExportedHistory::of(stored) {
        Err(why) if is_encoded => report.could_not_check(id.clone(), why),
        // A worker sets such an instance aside.
        Err(message) => {
            report.undecodable(&name, version.as_deref(), place, id, message, is_stalled)
        }
        Ok(history) => match lane.replay(history) {
            Ok(verdict) => report.add(&name, version.as_deref(), place, verdict, is_stalled),
            Err(why) => report.could_not_check(id.clone(), why),
        },
    }
}

/// An error with what caused it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
