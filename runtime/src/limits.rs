//! Every hard limit, with its reason.

use std::time::Duration;

/// Longest instance id, in UTF-16 code units: what Durable Functions accepts over HTTP.
pub const MAX_INSTANCE_ID_UNITS: usize = 256;

/// Largest custom status, in bytes of its JSON text as UTF-16: the documented limit of Durable Functions (16 KB).
pub const MAX_CUSTOM_STATUS_BYTES: usize = 16 * 1024;

/// The same limit in UTF-16 code units.
pub const MAX_CUSTOM_STATUS_UNITS: usize = MAX_CUSTOM_STATUS_BYTES / 2;

/// Largest details of one report of an activity's progress, in bytes of their JSON text as UTF-8. They are as large as a custom
/// status, since they are read along with it and kept for every activity that runs.
pub const MAX_PROGRESS_BYTES: usize = 16 * 1024;

/// How many external events an instance keeps that its orchestrator has not taken; further ones are refused. They are in memory
/// while the instance is, and read again with each replay: a flood that nobody waits for belongs into a queue.
pub const MAX_BUFFERED_EVENTS: usize = 10_000;

/// How often an orchestrator is polled for one event before its instance is set aside.
///
/// Ordinary code is polled once for each durable operation that became ready; combinators such as `FuturesUnordered` yield a
/// few times more. This catches a future that wakes itself for ever.
pub const MAX_POLLS_PER_EVENT: usize = 10_000;

/// Largest input, output, event or recorded value, in bytes of its JSON text as UTF-8, unless the worker is configured otherwise.
///
/// Every payload is read again with each replay and copied with each read of the instance. Keep what is larger in a file or a
/// table of its own, and put its name into the payload.
pub const DEFAULT_MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// How many bytes of stored text a page of instances holds; the instance that exceeds it is the last one of the page. A page is in
/// memory as rows, as values and as an answer at the same time, for each client. Instances of ordinary size never get there.
pub const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// How many instances are looked at for a page, including those that do not match. When few of very many match, a page ends early or
/// is empty, and says where to continue. So no list keeps a thread busy for longer than this takes, which is a fraction of a second.
pub const MAX_PAGE_WALK: usize = 200_000;

/// Largest body of a request or an answer of `ctx.call_http(..)`, in bytes: as large as a payload by default. No more than this is
/// read of a larger one.
pub const MAX_HTTP_BODY_BYTES: usize = 1024 * 1024;

/// How many redirects `ctx.call_http(..)` follows: what the HTTP library does by default.
pub const MAX_HTTP_REDIRECTS: usize = 10;

/// From how many events on a history is long: replaying so many takes noticeable time, and after a restart every such instance is
/// replayed. A warning is logged then; `ctx.is_history_long()` tells the orchestrator.
pub const HISTORY_LENGTH_WARNING: usize = 10_000;

/// How long an orchestrator may run before it returns to the worker, unless the worker is configured otherwise. Ordinary code returns
/// within milliseconds, since whatever takes time is an activity.
pub const DEFAULT_MAX_EPISODE_DURATION: Duration = Duration::from_secs(30);

/// How many threads a worker replaces at a time, because an orchestrator does not return to them. Each keeps its memory, and perhaps a
/// processor, until the program ends. If there are more, it is the program that is broken, and not an instance.
pub const MAX_THREADS_GIVEN_UP: usize = 8;

/// How many activities, sub-orchestrations and timers an execution may have open, and how many actions it may ask for in one episode,
/// unless the worker is configured otherwise. All of them are in memory, and read again with each replay. An orchestrator that
/// wants more starts sub-orchestrations for the parts, or calls the next as others end.
pub const DEFAULT_MAX_OPEN_OPERATIONS: usize = 200_000;

/// How many bytes everything that an execution asks for in one episode may have together, or as many as one payload if that may be
/// larger. It is one row of the store, and in memory several times on its way there.
pub const MAX_EPISODE_BYTES: usize = 64 * 1024 * 1024;

/// How many events are delivered to an execution in one episode. If more are waiting, other instances have their turn in between.
pub const MAX_EVENTS_PER_EPISODE: usize = 1_024;

/// After how many bytes of payloads no further event is delivered in the same episode.
pub const MAX_EVENT_BYTES_PER_EPISODE: usize = 16 * 1024 * 1024;

/// How many bytes the external events that an instance keeps may have together.
pub const MAX_BUFFERED_EVENT_BYTES: usize = 64 * 1024 * 1024;

/// How many external events from other orchestrations an instance keeps. They cannot be refused, since their senders have gone on. So
/// more of them are kept than of those that clients raise; beyond this they are dropped, which is logged.
pub const MAX_SENT_EVENTS: usize = 10 * MAX_BUFFERED_EVENTS;

/// How many bytes the requests that a thread of orchestrators has not answered may have together. Each counts as its payload and one
/// kibibyte. Further ones wait with whoever makes them.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;
