//! Durable functions for Rust.
//!
//! Put `#[orchestrator]` and `#[activity]` on ordinary async functions, and they survive crashes, deploys and months of
//! waiting: what happened is recorded, and replayed when the program starts again. Steadfast is a library with SQLite
//! inside; there is no server to run.
//!
//! ```standalone_crate
//! use steadfast::prelude::*;
//! use steadfast::store::memory::MemoryStore;
//!
//! /// May do anything. Runs at least once; its result is recorded.
//! #[activity]
//! async fn say_hello(city: String) -> String {
//!     format!("Hello {city}!")
//! }
//!
//! /// Must be deterministic. Every `await` is a point where the program may stop for a second or a year.
//! #[orchestrator]
//! async fn hello_sequence(ctx: OrchestrationContext, cities: Vec<String>) -> Result<Vec<String>, String> {
//!     let mut greetings = Vec::new();
//!     for city in cities {
//!         greetings.push(ctx.call(say_hello(city.clone())).await?);
//!         ctx.set_custom_status(city).map_err(|error| error.to_string())?;
//!     }
//!     Ok(greetings)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // `SqliteStore::open("app.db")?` keeps everything in a file.
//! let steadfast = Steadfast::builder().store(MemoryStore::new()).start().await?;
//! let hello = steadfast.client().start(hello_sequence(vec!["Tokyo".into(), "Seattle".into()]).id("demo")).await?;
//! assert_eq!(hello.output().await?, ["Hello Tokyo!", "Hello Seattle!"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! | --- | --- |
//! | write an orchestrator | [`orchestrator`], [`OrchestrationContext`] |
//! | write an activity | [`activity`], [`ActivityContext`] |
//! | publish progress | [`OrchestrationContext::set_custom_status`](OrchestrationContext#method.set_custom_status), [`CustomStatus`](derive@CustomStatus), [`BoundedStr`], [`BoundedVec`] |
//! | fail with data | [`DurableError`](derive@DurableError), [`CallError`] |
//! | combine calls, children, timers and events | [`OrchestrationContext`], [`Call`], [`Child`], [`RetryPolicy`] |
//! | run a worker | [`Steadfast`], [`Dependency`], [`store`] |
//! | start, watch, raise events | [`Client`], [`OrchestrationHandle`], [`InstanceHandle`] |
//! | pause, end, repair, find, purge | [`InstanceHandle`], [`Client::query`], [`InstanceFilter`] |
//! | test orchestrations | [`testing`] (feature `testing`) |
//! | keep an orchestrator deterministic | [`determinism`] |
//! | change code while instances of it are running | [`deploying`] |
//! | serve it over HTTP | [`http`] (feature `http`) |
//! | run it in production, see what is stuck, back it up; all limits and defaults | [`operations`], [`limits`] |
//! | encrypt what is stored | [`encryption`] |
//! | come from Azure Durable Functions | [`azure`] |
//! | know what is promised, and which test holds it | [`reliability`] |
//! | know how fast it is, size it, know what the attributes cost to compile | [`performance`], [`compile_time`] |
//!
//! # What may happen to an orchestration
//!
//! | what happens | what follows |
//! | --- | --- |
//! | it returns an error | it is Failed, with the error as data |
//! | an activity panics | that call fails; the orchestrator may handle it |
//! | it panics | it is Failed, or set aside when [`Builder::on_orchestrator_panic`] says so |
//! | it never returns to the worker, in an endless loop or by blocking | it is set aside after [`Builder::max_episode_duration`]; the other instances of its thread go on in another one |
//! | its code asks for something else than was recorded, recorded data does not decode, it awaits something that is not durable, or it is polled without end | it is set aside: its status says why, with the source line if one is known, and its messages are kept. It is tried again when a worker starts the next time, or by [`InstanceHandle::retry`]; it can be terminated |
//! | its definition, or that of an activity that it called, is not in the program | it waits and its status says so, until a program that has it is started |
//!
//! # What an orchestrator may await
//!
//! Calls, events, timers, and whatever is built from them: combinators, async functions of its own, channels between its own
//! branches. Anything else, such as a socket, `tokio::time::sleep` or a thread, belongs into an activity. When an
//! orchestrator awaits it all the same:
//!
//! | what is noticed | how sure it is | what follows |
//! | --- | --- | --- |
//! | it waits, but no durable operation is open, or nobody is left to wake it | certain | it is set aside at once |
//! | it panics because there is no async runtime: "no reactor running" and the like | certain | it is set aside at once, even where panics make it fail; the reason names the line of the panic |
//! | it is woken from another thread, or between episodes | certain | it is set aside then |
//! | it waits and durable operations are open, but it awaits none of them; something else keeps its waker | suspected | with debug assertions it is set aside, otherwise only logged: [`Builder::on_suspicious_await`] |
//!
//! The reason names the orchestrator with its line, and the last durable operation that finished, with the line that asked
//! for it: look for the culprit after that line.
//!
//! These cannot be noticed:
//!
//! - Something foreign that is awaited *beside* something durable, as in `join!(foreign, ctx.call(..))` or in a race with a
//!   timer. It looks like a channel between two branches, which is allowed. It is noticed only when it wakes the
//!   orchestrator.
//! - Something foreign that is awaited while a `FuturesUnordered`, or a combinator built on one, still holds calls that it
//!   has polled.
//! - What is ready when it is first polled, since nobody waited: a lock that is free, a value that a thread has already
//!   sent.
//! - What blocks the thread: it does not return to the engine.
//!
//! [`Builder::replay_every_episode`] finds the first three where they change what the orchestrator does.
//!
//! # Features
//!
//! | feature | brings | default |
//! | --- | --- | --- |
//! | `local` | the worker and the client | yes |
//! | `sqlite` | the SQLite store | yes |
//! | `macros` | the attributes and derives | yes |
//! | `codec` | [`store::codec`]: a store around another one, for which a codec of yours encodes payloads | |
//! | `compression` | such a codec, which compresses | |
//! | `encryption` | such a codec, which [encrypts](encryption) | |
//! | `http` | the HTTP API of Azure Durable Functions | |
//! | `metrics` | metrics of the worker for Prometheus, over HTTP | |
//! | `openapi` | the HTTP API as an OpenAPI document, and as a page | |
//! | `schemas` | what orchestrators take, return and publish, as JSON Schemas | |
//! | `call-http` | `ctx.call_http(..)`: durable HTTP requests | |
//! | `deploy` | [`deploy`](mod@deploy): checks a store against new code, records histories | |
//! | `testing` | tests of orchestrations on virtual time with mocks, replay tests of recorded histories, a store that fails on purpose, the conformance suite for stores | |

// The attributes name the crate as its users do, also where the crate itself uses them.
#[cfg(any(test, feature = "call-http"))]
extern crate self as steadfast;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod arguments;
mod awaited;
mod bounded;
mod call;
#[cfg(feature = "call-http")]
mod call_http;
#[cfg(feature = "local")]
mod client;
pub mod clock;
mod context;
mod definition;
mod dependency;
#[cfg(feature = "deploy")]
pub mod deploy;
mod encoding;
pub mod engine;
mod external_event;
mod hash;
#[cfg(feature = "local")]
mod host;
#[cfg(feature = "http")]
pub mod http;
pub mod limits;
#[cfg(feature = "macros")]
mod macros;
pub mod model;
mod outcome;
mod registration;
#[cfg(feature = "local")]
mod registry;
#[cfg(any(feature = "deploy", feature = "testing"))]
pub mod replay;
#[cfg(feature = "schemas")]
mod schemas;
mod status_type;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "local")]
mod worker;

#[doc(no_inline)]
pub use serde;

pub use arguments::{Argument, InputError};
pub use awaited::AwaitedByItself;
pub use bounded::{BoundedJson, BoundedObject, BoundedStr, BoundedVec, TooLong, TooMany};
pub use call::{ActivityByName, Call, Child, SubOrchestratorByName};
#[cfg(feature = "call-http")]
pub use call_http::{CallHttpError, HttpCall, HttpRequest, HttpResponse};
#[cfg(feature = "local")]
pub use client::{
    BatchOperation, Change, ChangeWatch, Client, ClientError, ContinuationToken,
    ContinuationTokenError, ExportedEpisode, ExportedHistory, Histogram, HistoryOptions,
    ImportError, InitialStatus, InstanceCounts, InstanceEvent, InstanceHandle, InstanceQuery,
    InstanceWatch, Metrics, NotReady, OrchestrationHandle, OutputError, Page, ReadStatus,
    Requested, Start, StartByName, Startable, StatusWatch, WatchedStatus,
};
#[cfg(feature = "local")]
pub use context::CancelReason;
pub use context::{
    ActivityCall, ActivityContext, AnyStatus, AsCompleted, Callable, EventFuture, First, FirstN,
    JoinAll, OneOf2, OneOf3, OneOf4, OrchestrationContext, ProgressError, Race,
    SubOrchestrationCall, TimedOut, Timeout, TimerDue, TimerFuture, TryJoinAll,
};
pub use definition::{
    AcceptsEvent, ActivityDefinition, ActivityKind, CallError, DeclaredBy, Definition,
    DurableError, Kind, OrchestratorDefinition, OrchestratorKind,
};
pub use dependency::{Dependencies, Dependency, GivenByWorker};
pub use encoding::{EncodeError, WriteJson};
pub use engine::{Panics, SuspiciousAwaits};
pub use external_event::{EventError, ExternalEvent};
#[cfg(feature = "local")]
pub use host::{Builder, StartError, Steadfast};
pub use jiff::Timestamp;
#[cfg(all(feature = "macros", feature = "testing"))]
pub use macros::replay_tests;
#[cfg(feature = "macros")]
pub use macros::{CustomStatus, DurableError, ExternalEvent, activity, orchestrator};
pub use model::custom_status::{CustomStatus, CustomStatusError};
pub use model::failure::FailureDetails;
pub use model::instance::{Cursor, ExecutionId, InstanceId, InstanceIdError, ParentInstance};
pub use model::on_existing::OnExisting;
pub use model::query::{InstanceFilter, Order};
pub use model::retry::RetryPolicy;
pub use model::status::{ActivityProgress, InstanceStatus, RuntimeStatus};
pub use model::trace_context::{TraceContext, TraceContextError};
pub use model::waiting::{WaitingFor, WaitingOn};
pub use outcome::{RecordedError, StandardResult};
pub use registration::{Location, Registered, Registration};
#[cfg(feature = "local")]
pub use registry::{DuplicateName, MissingDependencies};
#[cfg(feature = "schemas")]
#[doc(no_inline)]
pub use schemars;
#[cfg(feature = "schemas")]
pub use schemas::OrchestratorSchemas;
pub use status_type::{Published, StatusType};
pub use uuid::Uuid;

/// The programs of the README compile.
#[cfg(all(doctest, feature = "macros", feature = "sqlite", feature = "testing"))]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(all(doc, feature = "local"))]
#[doc = include_str!("../docs/azure.md")]
pub mod azure {}

#[cfg(all(any(doc, doctest), feature = "macros"))]
#[doc = include_str!("../docs/determinism.md")]
pub mod determinism {}

#[cfg(all(
    any(doc, doctest),
    feature = "macros",
    feature = "deploy",
    feature = "testing"
))]
#[doc = include_str!("../docs/deploying.md")]
pub mod deploying {}

#[cfg(all(doc, feature = "sqlite"))]
#[doc = include_str!("../docs/performance.md")]
pub mod performance {}

#[cfg(all(any(doc, doctest), feature = "encryption"))]
#[doc = include_str!("../docs/encryption.md")]
pub mod encryption {}

#[cfg(all(any(doc, doctest), feature = "http"))]
#[doc = include_str!("../docs/operations.md")]
pub mod operations {}

#[cfg(all(doc, feature = "testing"))]
#[doc = include_str!("../docs/reliability.md")]
pub mod reliability {}

#[cfg(doc)]
#[doc = include_str!("../docs/compile-time.md")]
pub mod compile_time {}

/// What most programs need: `use steadfast::prelude::*;`.
pub mod prelude {
    pub use serde::{Deserialize, Serialize};

    pub use crate::{
        ActivityContext, BoundedStr, BoundedVec, CallError, CustomStatus, Dependency, DurableError,
        ExternalEvent, OnExisting, OrchestrationContext, RuntimeStatus, StatusType,
    };
    #[cfg(feature = "local")]
    pub use crate::{Client, Steadfast};
    #[cfg(feature = "macros")]
    pub use crate::{activity, orchestrator};
}
