//! What a caller may say about a call, and what a worker says about all of them.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::limits::{DEFAULT_MAX_OPEN_OPERATIONS, DEFAULT_MAX_PAYLOAD_BYTES, MAX_EPISODE_BYTES};
use crate::model::failure::FailureDetails;
use crate::model::instance::InstanceId;
use crate::model::retry::RetryPolicy;
use crate::model::tags::Tags;

/// Decides whether a failed attempt is tried again. Part of the orchestrator: it must be deterministic. It is asked where the
/// failure is applied, not within a poll, so what it asks of the context has no effect.
pub type RetryIf = Rc<dyn Fn(&FailureDetails) -> bool>;

/// Options of an activity call.
#[derive(Clone, Default)]
pub struct TaskOptions {
    /// When and how often it is tried again. Not at all by default.
    pub retry: Option<RetryPolicy>,
    /// How long each attempt may run.
    pub timeout: Option<Duration>,
    /// How long all attempts together may take, the time between them included.
    pub total_timeout: Option<Duration>,
    /// The author's tags.
    pub tags: Tags,
    /// Which failures are tried again. All by default, but for those that are known to be final.
    pub retry_if: Option<RetryIf>,
}

/// Options of the call of a sub-orchestration.
#[derive(Clone, Default)]
pub struct ChildOptions {
    /// Its instance. By default one that derives from the execution and the action, a new one for each attempt.
    pub instance_id: Option<InstanceId>,
    /// Its version. By default the newest.
    pub version: Option<String>,
    /// When and how often it is tried again. Not at all by default.
    pub retry: Option<RetryPolicy>,
    /// How long all attempts together may take, the time between them included.
    pub total_timeout: Option<Duration>,
    /// The author's tags.
    pub tags: Tags,
    /// Which failures are tried again. All by default, but for those that are known to be final.
    pub retry_if: Option<RetryIf>,
}

impl fmt::Debug for TaskOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskOptions")
            .field("retry", &self.retry)
            .field("timeout", &self.timeout)
            .field("total_timeout", &self.total_timeout)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ChildOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildOptions")
            .field("instance_id", &self.instance_id)
            .field("version", &self.version)
            .field("retry", &self.retry)
            .field("total_timeout", &self.total_timeout)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}

/// How a worker runs its executions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What becomes of an instance whose orchestrator panics.
    pub panics: Panics,
    /// What becomes of an instance whose orchestrator may await something that is not durable.
    pub suspicious_awaits: SuspiciousAwaits,
    /// What is allowed.
    pub limits: Limits,
    /// Which episodes are replayed at once, and must be the same then.
    pub replays: EpisodeReplays,
}

/// Which episodes are replayed at once, so that code that is not deterministic is found.
///
/// A replay costs what the whole history of the execution costs, and the history is kept in memory for it. The orchestrator's code
/// runs again; its tracing and its side effects do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EpisodeReplays {
    /// None.
    #[default]
    Never,
    /// Each one while the history is short, up to 300 events; then whenever the history has grown by a quarter, and when the execution
    /// ends. What all episodes since the last replay asked for is compared. The replays of an execution cost about five times its
    /// history, however long it becomes.
    Spaced,
    /// Each one, so that what is not deterministic is found before anything of it is committed. The replays of an execution cost the
    /// square of its history.
    Always,
}

/// What becomes of an instance whose orchestrator panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panics {
    /// It ends as Failed, with the panic's message.
    #[default]
    Fail,
    /// It is set aside: it shows the reason, keeps its messages, and is tried again when a worker starts the next time.
    SetAside,
}

/// What becomes of an instance whose orchestrator waits for something else than the durable operations that it has open: most
/// likely it awaits something that is not durable. It is reported in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspiciousAwaits {
    /// It goes on. What wakes it from outside of an episode sets it aside.
    Report,
    /// It is set aside: it shows the reason, keeps its messages, and is tried again when a worker starts the next time.
    SetAside,
}

impl Default for SuspiciousAwaits {
    /// [`SetAside`](Self::SetAside) with debug assertions, and so in tests; [`Report`](Self::Report) otherwise.
    fn default() -> Self {
        if cfg!(debug_assertions) {
            Self::SetAside
        } else {
            Self::Report
        }
    }
}

/// What a worker allows every execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest input of a call, output, sent event or recorded value, in bytes of its JSON text.
    pub max_payload_bytes: usize,
    /// How many operations may be open, and how many actions an episode may ask for.
    pub max_open_operations: usize,
}

impl Limits {
    /// Largest sum of the payloads that one episode asks for.
    pub(super) fn max_episode_bytes(&self) -> usize {
        self.max_payload_bytes.max(MAX_EPISODE_BYTES)
    }

    /// For the replay of what was recorded under limits that are not known. A loop without end is found all the same.
    pub(crate) const NONE: Self = Self {
        max_payload_bytes: usize::MAX,
        max_open_operations: 10 * DEFAULT_MAX_OPEN_OPERATIONS,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload_bytes: DEFAULT_MAX_PAYLOAD_BYTES,
            max_open_operations: DEFAULT_MAX_OPEN_OPERATIONS,
        }
    }
}
