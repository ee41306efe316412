//! Durable functions for Rust.
//!
//! Put `#[orchestrator]` and `#[activity]` on ordinary async functions, and they survive crashes, deploys and months of
//! waiting: what happened is recorded, and replayed when the program starts again. Steadfast is a library with SQLite inside;
//! there is no server to run.
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
//! | test orchestrations | the module `testing` (feature `testing`) |
//! | keep an orchestrator deterministic | [`determinism`] |
//! | deploy a change while instances are under way | [`deploying`] |
//! | encrypt what is stored | [`encryption`] |
//! | come from Azure Durable Functions | [`azure`] |
//! | know how fast it is, and what the attributes cost to compile | [`performance`], [`compile_time`] |
//!
//! # What may happen to an orchestration
//!
//! | what happens | what follows |
//! | --- | --- |
//! | it returns an error | it is Failed, with the error as data |
//! | an activity panics | that call fails; the orchestrator may handle it |
//! | it panics | it is Failed, or set aside when [`Builder::on_orchestrator_panic`] says so |
//! | its code asks for something else than history says, recorded data does not decode, it awaits something that is not durable, or it polls without end | it is set aside: its status says why, with the line in the source where one is known, its messages are kept, and it is tried again when a worker starts the next time, or by [`InstanceHandle::retry`]; terminating it works |
//! | its definition, or that of an activity it called, is not in the program | it waits and its status says so, until a program that has it is started |
//!
//! # What an orchestrator may await
//!
//! Calls, events, timers, and what is made of them: combinators, its own async functions, channels between its own branches.
//! Something else, such as a socket, `tokio::time::sleep` or a thread, belongs into an activity. When it is awaited all the same:
//!
//! | what is seen | how sure it is | what follows |
//! | --- | --- | --- |
//! | it waits, and no durable operation is open, or nobody is left to wake it | certain | it is set aside at once |
//! | it panics since the async runtime is not there: "no reactor running" and its like | certain | it is set aside at once, also where panics fail it; the reason names the line of the panic |
//! | it is woken from another thread, or between episodes | certain | it is set aside then |
//! | it waits, durable operations are open, and it awaits none of them, but something that keeps its waker | suspected | it is set aside with debug assertions, and only logged without: [`Builder::on_suspicious_await`] |
//!
//! The reason names the orchestrator with its line, and the last durable operation that it finished with the line that asked
//! for that: the culprit is behind it.
//!
//! What cannot be told:
//!
//! - Something foreign that is awaited *beside* something durable, as in `join!(foreign, ctx.call(..))` or a race with a timer, looks
//!   like a channel between two branches, which is allowed. It is noticed when it wakes the orchestrator, and not before.
//! - The same goes for what is awaited while a `FuturesUnordered`, or what is made of one, still holds calls that it has polled.
//! - What is ready when it is first polled was never waited for: a lock that is free, a value that a thread has sent already.
//! - What blocks never comes back to the engine.
//!
//! [`Builder::replay_every_episode`] finds these where they make a difference to what the orchestrator does.
//!
//! # Features
//!
//! | feature | brings | default |
//! | --- | --- | --- |
//! | `local` | the worker and the client | yes |
//! | `sqlite` | the SQLite store | yes |
//! | `macros` | the attributes and derives | yes |
//! | `codec` | [`store::codec`]: a store that holds payloads as a codec of yours encodes them | |
//! | `compression` | such a codec, which compresses | |
//! | `encryption` | such a codec, which [encrypts](encryption) | |
//! | `http` | the HTTP API of Azure Durable Functions | |
//! | `metrics` | the figures of the worker for Prometheus, by HTTP | |
//! | `openapi` | the HTTP API as an OpenAPI document, and as a page | |
//! | `schemas` | what orchestrators take, give and publish, as JSON Schemas | |
//! | `call-http` | `ctx.call_http(..)`: durable HTTP requests | |
//! | `deploy` | the check of a store against new code, and the recording of histories | |
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

pub use arguments::{Argument, InputError, WriteJson};
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
    DurableError, EncodeError, Kind, OrchestratorDefinition, OrchestratorKind,
};
pub use dependency::{Dependencies, Dependency, GivenByWorker};
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
