//! Recorded histories against today's code.

use std::path::Path;

use crate::client::ExportedHistory;
use crate::host::serve;
use crate::registration::Registration;
use crate::registry::linked;
use crate::replay::{self, Compare, Divergence};

/// A replay that is about to be made: see [`replay()`].
#[derive(Clone, Copy, Debug)]
#[must_use = "nothing is replayed before `against` is called"]
pub struct Replay<'a> {
    history: &'a ExportedHistory,
    compare: Compare,
    file: Option<&'a str>,
}

/// Replays a recorded history against today's code, on the engine alone: no activity runs, nothing is stored.
///
/// The code must ask for what was recorded, in that order, and come to the same output and custom status. So a change that would set
/// running instances aside fails a test instead. [`replay_tests!`](crate::replay_tests) makes a test of each file.
///
/// ```
/// use steadfast::prelude::*;
/// use steadfast::{ExportedHistory, definitions, testing};
///
/// #[activity]
/// async fn pack(order: u64) -> String {
///     format!("parcel {order}")
/// }
///
/// #[orchestrator]
/// async fn ship(ctx: OrchestrationContext, order: u64) -> Result<String, String> {
///     Ok(ctx.call(pack(order)).await?)
/// }
///
/// let history = ExportedHistory::from_json(include_str!("../../docs/histories/ship.json"))?;
/// testing::replay(&history).against(definitions![ship]);
/// # Ok::<(), steadfast::ImportError>(())
/// ```
pub const fn replay(history: &ExportedHistory) -> Replay<'_> {
    Replay {
        history,
        compare: Compare::End,
        file: None,
    }
}

impl<'a> Replay<'a> {
    /// Compares inputs, due times and tags too. A worker does not: what is in history counts for an instance, whatever the code would
    /// give today.
    pub const fn in_full(mut self) -> Self {
        self.compare = Compare::InFull;
        self
    }

    /// Names the file that the history comes from in what is told.
    pub const fn named(mut self, file: &'a str) -> Self {
        self.file = Some(file);
        self
    }

    /// Replays it against these definitions. The orchestrator is enough: activities do not run.
    ///
    /// # Panics
    ///
    /// When the history does not fit, with the [`Divergence`] as a diff; and when two of the definitions have the same name.
    #[track_caller]
    pub fn against(self, definitions: impl IntoIterator<Item = Registration>) {
        if let Err(divergence) = self.try_against(definitions) {
            panic!("{divergence}");
        }
    }

    /// Replays it against every definition that is linked into this program.
    ///
    /// # Panics
    ///
    /// As [`against`](Self::against).
    #[track_caller]
    pub fn against_linked(self) {
        self.against(linked());
    }

    /// As [`against`](Self::against), without a panic when it does not fit.
    ///
    /// # Errors
    ///
    /// The first [`Divergence`].
    ///
    /// # Panics
    ///
    /// When two of the definitions have the same name.
    #[track_caller]
    pub fn try_against(
        self,
        definitions: impl IntoIterator<Item = Registration>,
    ) -> Result<(), Box<Divergence>> {
        let registry = match serve(definitions.into_iter().collect()) {
            Ok(registry) => registry,
            Err(error) => panic!("{error}"),
        };
        crate::engine::note_places_of_panics();
        match replay::replay(self.history, &registry, self.compare) {
            Ok(_) => Ok(()),
            Err(divergence) => Err(match self.file {
                Some(file) => divergence.of_file(file).into(),
                None => divergence,
            }),
        }
    }
}

/// What each test of `replay_tests!` does.
#[doc(hidden)]
#[track_caller]
pub fn replay_test(file: &str, json: &str, definitions: Option<Vec<Registration>>, in_full: bool) {
    let history = match ExportedHistory::from_json(json) {
        Ok(history) => history,
        Err(error) => panic!("`{file}`: {error}"),
    };
    let mut replay = replay(&history).named(file);
    if in_full {
        replay = replay.in_full();
    }
    replay.against(definitions.unwrap_or_else(linked));
}

/// Fails when a file matches the pattern that was not there when the tests were compiled. Cargo tells the compiler of a changed file, and
/// of one that is gone, but not of one that is new.
#[doc(hidden)]
#[track_caller]
pub fn all_are_tested(root: &str, pattern: &str, tested: &[&str]) {
    let escaped = glob::Pattern::escape(root);
    let found = match glob::glob(&format!("{escaped}/{pattern}")) {
        Ok(found) => found,
        Err(error) => panic!("`{pattern}`: {error}"),
    };
    let found = found.filter_map(Result::ok).filter(|path| path.is_file());
    let new: Vec<_> = found
        .filter_map(|path| {
            let path = path.strip_prefix(Path::new(root)).unwrap_or(&path);
            let name = path.to_string_lossy().into_owned();
            (!tested.contains(&&*name)).then_some(name)
        })
        .collect();
    assert!(
        new.is_empty(),
        "these histories match `{pattern}` and were not there when the tests were compiled, so that nothing tests them: {}; compile \
         the tests again, for example after a `touch` of the file with `replay_tests!`",
        new.join(", ")
    );
}
