//! What a hub makes its worker of.

use std::sync::Arc;

use jiff::Timestamp;

use super::TestHub;
use crate::clock::ManualClock;
use crate::dependency::Dependencies;
use crate::engine::{EpisodeReplays, Panics, SuspiciousAwaits};
use crate::limits::DEFAULT_MAX_PAYLOAD_BYTES;
use crate::registration::{Function, Location, Registration};
use crate::registry::linked;
use crate::testing::single_threaded::{Options, Order};

/// A debug build takes them in seconds.
const DEFAULT_MAX_STEPS: u64 = 50_000;

/// 2026-01-01T00:00:00Z.
pub(super) const BEGINNING: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// The settings of a hub. They hold from the next start of the worker.
pub(super) struct Config {
    definitions: Option<Vec<Registration>>,
    dependencies: Dependencies,
    max_live_instances: usize,
    panics: Panics,
    max_payload_bytes: usize,
    replays: EpisodeReplays,
    pub(super) max_steps: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            definitions: None,
            dependencies: Dependencies::new(),
            max_live_instances: 1_000,
            panics: Panics::default(),
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            replays: EpisodeReplays::Spaced,
            max_steps: DEFAULT_MAX_STEPS,
        }
    }
}

impl Config {
    fn served(&self) -> Vec<Registration> {
        self.definitions.clone().unwrap_or_else(linked)
    }

    /// Whether this program has an activity of this name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.served().iter().any(|listed| is_activity(listed, name))
    }

    pub(super) fn options(
        &self,
        clock: Arc<ManualClock>,
        order: Order,
        mocked: Vec<String>,
    ) -> Options {
        let mut definitions = self.served();
        for name in mocked {
            if !definitions.iter().any(|listed| is_activity(listed, &name)) {
                definitions.push(stand_in(name));
            }
        }
        Options {
            definitions,
            dependencies: self.dependencies.clone(),
            clock,
            max_live_instances: self.max_live_instances,
            panics: self.panics,
            max_payload_bytes: self.max_payload_bytes,
            suspicious_awaits: SuspiciousAwaits::SetAside,
            replays: self.replays,
            order,
        }
    }
}

fn is_activity(listed: &Registration, name: &str) -> bool {
    matches!(listed.function, Function::Activity { .. })
        && listed.name.to_lowercase() == name.to_lowercase()
}

/// An activity that this program does not have. Its mock answers before it could run.
fn stand_in(name: String) -> Registration {
    Registration {
        // A registration is made at compile time otherwise. A test mocks few names.
        name: name.leak(),
        version: None,
        location: Location {
            module: module_path!(),
            file: file!(),
            line: line!(),
        },
        function: Function::Activity {
            run: |_, _| unreachable!("its mock answers"),
            dependencies: &[],
        },
    }
}

/// What the worker is made of. All of it holds from the next start of the worker: that is when the hub is first used, or at a
/// [restart](Self::restart).
impl TestHub {
    /// Serves exactly these definitions (`steadfast::definitions![..]`) instead of every linked one, or of those that were given before.
    ///
    /// A test of a deploy gives the new ones before it restarts:
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// use std::time::Duration;
    ///
    /// use steadfast::prelude::*;
    /// use steadfast::testing::TestHub;
    ///
    /// mod before {
    ///     # use std::time::Duration;
    ///     # use steadfast::prelude::*;
    ///     #[orchestrator]
    ///     pub async fn order(ctx: OrchestrationContext) -> u32 {
    ///         ctx.create_timer(Duration::from_secs(60)).await;
    ///         1
    ///     }
    /// }
    ///
    /// mod now {
    ///     # use std::time::Duration;
    ///     # use steadfast::prelude::*;
    ///     #[orchestrator]
    ///     pub async fn order(ctx: OrchestrationContext) -> u32 {
    ///         ctx.create_timer(Duration::from_secs(60)).await;
    ///         2
    ///     }
    /// }
    ///
    /// let hub = TestHub::new();
    /// hub.definitions(steadfast::definitions![before::order]);
    /// let order = hub.start(before::order());
    /// hub.advance(Duration::from_secs(30));
    /// hub.definitions(steadfast::definitions![now::order]);
    /// hub.restart();
    /// assert_eq!(order.output().unwrap(), 2);
    /// # }
    /// ```
    pub fn definitions(&self, definitions: impl IntoIterator<Item = Registration>) -> &Self {
        self.configure(|config| config.definitions = Some(definitions.into_iter().collect()))
    }

    /// Gives a value to the activities that take a [`Dependency`](crate::Dependency) of its type, in the place of one that was given
    /// before. Only activities that run for real need what they take.
    pub fn dependency<T: Send + Sync + 'static>(&self, value: T) -> &Self {
        self.shared_dependency(Arc::new(value))
    }

    /// As [`dependency`](Self::dependency) with a value that is shared, perhaps with the test, and perhaps behind a trait.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// use std::sync::{Arc, Mutex};
    ///
    /// use steadfast::prelude::*;
    /// use steadfast::testing::TestHub;
    ///
    /// trait Mailer: Send + Sync {
    ///     fn send(&self, to: &str);
    /// }
    ///
    /// #[derive(Default)]
    /// struct Outbox(Mutex<Vec<String>>);
    ///
    /// impl Mailer for Outbox {
    ///     fn send(&self, to: &str) {
    ///         self.0.lock().unwrap().push(to.to_owned());
    ///     }
    /// }
    ///
    /// #[activity]
    /// async fn send_mail(mailer: Dependency<dyn Mailer>, to: String) {
    ///     mailer.send(&to);
    /// }
    ///
    /// #[orchestrator]
    /// async fn welcome(ctx: OrchestrationContext, to: String) -> Result<(), String> {
    ///     Ok(ctx.call(send_mail(to)).await?)
    /// }
    ///
    /// let outbox = Arc::new(Outbox::default());
    /// let hub = TestHub::new();
    /// hub.definitions(steadfast::definitions![welcome, send_mail]);
    /// hub.shared_dependency::<dyn Mailer>(outbox.clone());
    /// hub.start(welcome("you".into())).output().unwrap();
    /// assert_eq!(*outbox.0.lock().unwrap(), ["you"]);
    /// # }
    /// ```
    pub fn shared_dependency<T: Send + Sync + ?Sized + 'static>(&self, value: Arc<T>) -> &Self {
        self.configure(|config| config.dependencies.replace(value))
    }

    /// How many instances stay in memory between their episodes at most; 1,000 by default. With 0 every instance is rebuilt from its
    /// history whenever something happens to it.
    pub fn max_live_instances(&self, limit: usize) -> &Self {
        self.configure(|config| config.max_live_instances = limit)
    }

    /// What becomes of an instance whose orchestrator panics; by default it fails.
    pub fn on_orchestrator_panic(&self, panics: Panics) -> &Self {
        self.configure(|config| config.panics = panics)
    }

    /// Largest input, output, event or recorded value, in bytes: see
    /// [`Builder::max_payload_bytes`](crate::Builder::max_payload_bytes).
    pub fn max_payload_bytes(&self, limit: usize) -> &Self {
        self.configure(|config| config.max_payload_bytes = limit)
    }

    /// Which episodes are replayed at once, so that code that is not deterministic fails the test.
    /// [Spaced out](EpisodeReplays::Spaced) by default: each one while a history is short, and fewer of a long one, so that a test
    /// takes as long as its orchestrations are. [`EpisodeReplays::Always`] finds what is not deterministic in the episode that shows it,
    /// at the cost of the square of a history.
    ///
    /// ```
    /// use steadfast::testing::{EpisodeReplays, TestHub};
    ///
    /// let hub = TestHub::new();
    /// hub.episode_replays(EpisodeReplays::Never);
    /// ```
    pub fn episode_replays(&self, replays: EpisodeReplays) -> &Self {
        self.configure(|config| config.replays = replays)
    }

    /// How many steps the worker takes while a test waits for one thing; 50,000 by default. An episode takes some five of them. An
    /// orchestration that never ends is reported when they are used up.
    pub fn max_steps(&self, steps: u64) -> &Self {
        self.configure(|config| config.max_steps = steps)
    }

    fn configure(&self, change: impl FnOnce(&mut Config)) -> &Self {
        change(&mut self.config.borrow_mut());
        self
    }
}
