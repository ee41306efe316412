//! Every hard limit, with its reason.

use std::time::Duration;

/// Longest instance id, in UTF-16 code units: what Durable Functions accepts over HTTP.
pub const MAX_INSTANCE_ID_UNITS: usize = 256;

/// Largest custom status, in bytes of its JSON text as UTF-16: the documented limit of Durable Functions (16 KB).
pub const MAX_CUSTOM_STATUS_BYTES: usize = 16 * 1024;

/// The same limit in UTF-16 code units.
pub const MAX_CUSTOM_STATUS_UNITS: usize = MAX_CUSTOM_STATUS_BYTES / 2;

/// Largest details of one report of an activity's progress, in bytes of their JSON text as UTF-8: as large as a custom status,
/// since they are read along with it, and kept for every activity that runs.
pub const MAX_PROGRESS_BYTES: usize = 16 * 1024;

/// How many external events an instance keeps that its orchestrator has not taken. They are in memory while it is, and read again
/// with each replay: a flood that nobody waits for belongs into a queue. Further ones are refused.
pub const MAX_BUFFERED_EVENTS: usize = 10_000;

/// How often an orchestrator is polled for one event before its episode is given up.
///
/// Honest code is polled once for each durable operation that became ready; combinators such as `FuturesUnordered` yield a
/// few times more. A future that wakes itself for ever is caught here.
pub const MAX_POLLS_PER_EVENT: usize = 10_000;

/// Largest input, output, event or recorded value, in bytes of its JSON text as UTF-8, unless the worker is configured otherwise.
///
/// Every payload is read again with each replay and copied with each read of the instance: what is larger belongs into a file or
/// a table of its own, and its name into the payload.
pub const DEFAULT_MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// How many bytes of stored text a page of instances holds, but for the last of them: it is in memory as rows, as values and as an
/// answer at once, for each who asks. A page of instances of ordinary size never gets there.
pub const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// How many instances are looked at for a page, those that do not match included. Where few of very many match, a page ends early, or is
/// empty, and tells where to go on: no list holds a thread for longer than this takes, which is a fraction of a second.
pub const MAX_PAGE_WALK: usize = 200_000;

/// Largest body of a request or an answer of `ctx.call_http(..)`, in bytes: as large as a payload by default. Not more than this is
/// read of one that is larger.
pub const MAX_HTTP_BODY_BYTES: usize = 1024 * 1024;

/// How many redirects `ctx.call_http(..)` follows: what the HTTP library does by default.
pub const MAX_HTTP_REDIRECTS: usize = 10;

/// How many events of history make an execution long: replaying so many takes noticeable time, after a restart for each of them.
pub const HISTORY_LENGTH_WARNING: usize = 10_000;

/// How long an orchestrator may run before it returns to the worker, unless that is configured otherwise. Honest code returns within
/// milliseconds, since whatever takes time is an activity.
pub const DEFAULT_MAX_EPISODE_DURATION: Duration = Duration::from_secs(30);

/// How many threads a worker starts in the place of such as an orchestrator keeps. Each that is kept has its memory, and perhaps a
/// processor, until the program ends: with more of them it is the program that is broken, and not an instance.
pub const MAX_THREADS_GIVEN_UP: usize = 8;

/// How many activities, sub-orchestrations and timers an execution may have open, and how much it may ask for in one episode, unless
/// the worker is configured otherwise. All of it is in memory, and read again with each replay: an orchestrator that wants more
/// starts sub-orchestrations for the parts, or asks for the next as others end.
pub const DEFAULT_MAX_OPEN_OPERATIONS: usize = 200_000;

/// How many bytes all that an execution asks for in one episode may have together: it is one row of the store, and in memory several
/// times on its way there. Never less than one payload may have.
pub const MAX_EPISODE_BYTES: usize = 64 * 1024 * 1024;

/// How many events an execution takes in one episode. When more wait, other instances have their turn in between.
pub const MAX_EVENTS_PER_EPISODE: usize = 1_024;

/// After how many bytes of payloads an episode takes no further event.
pub const MAX_EVENT_BYTES_PER_EPISODE: usize = 16 * 1024 * 1024;

/// How many bytes the external events may have together that an instance keeps.
pub const MAX_BUFFERED_EVENT_BYTES: usize = 64 * 1024 * 1024;

/// How many external events an instance keeps that other orchestrations sent. They cannot be refused, since who sent them has gone on;
/// so there may be more of them than of those that clients raise, and beyond that they are dropped, which is logged.
pub const MAX_SENT_EVENTS: usize = 10 * MAX_BUFFERED_EVENTS;

/// How many bytes the requests may have together that a thread of orchestrators has not answered, each counted as one kibibyte more than its
/// payload. Further ones wait with who makes them.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024 * 1024;
