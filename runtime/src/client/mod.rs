//! The client: starting orchestrations, and talking to those that run.

mod backlog;
mod batch;
mod changes;
mod control;
mod error;
mod export;
mod follow;
mod handle;
mod history;
mod initial_status;
mod instances;
mod listing;
mod metrics;
mod purge;
mod query;
mod reading;
mod ready;
mod redact;
mod shown;
mod start;
mod watch;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub use batch::BatchOperation;
pub use changes::{Change, ChangeWatch};
pub use error::{ClientError, OutputError};
pub use export::{ExportedEpisode, ExportedHistory, ImportError};
#[cfg(feature = "http")]
pub(crate) use follow::Given;
pub use handle::{InstanceHandle, OrchestrationHandle};
pub use history::HistoryOptions;
pub use initial_status::InitialStatus;
#[cfg(feature = "http")]
pub(crate) use instances::SharedEvent;
pub use instances::{InstanceEvent, InstanceWatch};
pub use metrics::{Histogram, InstanceCounts, Metrics};
pub use query::{ContinuationToken, ContinuationTokenError, InstanceQuery, Page};
pub use ready::NotReady;
pub use start::{Start, StartByName, Startable};
pub use watch::{ReadStatus, StatusWatch, WatchedStatus};

#[cfg(feature = "http")]
use jiff::Timestamp;

use tokio::sync::OwnedSemaphorePermit;

use crate::call::InstanceOptions;
use crate::definition::OrchestratorDefinition;
use crate::model::custom_status::CustomStatus;
use crate::model::encoded::why_no_events;
use crate::model::history::{ExecutionStarted, HistoryEventKind, decode_events};
use crate::model::instance::{Cursor, InstanceId};
use crate::model::status::InstanceStatus;
use crate::model::tags::is_reserved;
use crate::registration::{Function, Registration};
#[cfg(feature = "schemas")]
use crate::schemas::OrchestratorSchemas;
use crate::store::{InstanceRows, Store};
use crate::worker::message::{Control, Reply, Request, RequestError, StartRequest};
use crate::worker::room::{WayIn, place};
use crate::worker::shard::Shared;
#[cfg(feature = "http")]
pub(crate) use crate::worker::update::Update;
use start::StartOptions;

/// A request that is made when it is awaited.
///
/// It does not depend on the types that it was made with: what an `async fn` requires of them, the compiler would ask for again
/// at the call and at the `await`, and one mistake would be reported three times.
pub type Requested<'a, T> = Pin<Box<dyn Future<Output = Result<T, ClientError>> + Send + 'a>>;

/// Starts orchestrations, finds them, and gives handles to them. Cheap to clone.
///
/// Got from [`Steadfast::client`](crate::Steadfast::client).
///
/// A request returns once what it asks for is durable. Besides the errors that each method names, any request can fail with
/// [`ClientError::Store`] or [`ClientError::GivenUp`], and then it is unknown whether it was carried out, and with
/// [`ClientError::ShutDown`]. While the worker has as many requests as it takes
/// ([`MAX_REQUEST_BYTES`](crate::limits::MAX_REQUEST_BYTES)), further ones wait.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    task_hub: String,
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    way: Arc<dyn WayIn>,
    /// How long a request waits for room at most.
    patience: Option<Duration>,
    counted: metrics::Counted,
    /// Whether reads are made in the thread that asks for them, whatever async runtime it is in.
    reads_in_place: bool,
}

impl Client {
    /// A client of a worker that takes requests this way, which answers those that it cannot take.
    pub(crate) fn new(
        task_hub: String,
        store: Arc<dyn Store>,
        shared: Arc<Shared>,
        way: Arc<dyn WayIn>,
        reads_in_place: bool,
    ) -> Self {
        Self(Arc::new(Inner {
            task_hub,
            store,
            shared,
            way,
            patience: None,
            counted: metrics::Counted::default(),
            reads_in_place,
        }))
    }

    /// Starts an orchestration, in the version of the definition that is called. It returns once the start is durable.
    ///
    /// Options, such as an id, tags or a later time, are methods of [`Call`](crate::Call) and [`Start`]. Without them it gets a
    /// generated id and begins at once.
    ///
    /// # Errors
    ///
    /// - [`UnknownOrchestrator`](ClientError::UnknownOrchestrator): this worker does not serve it.
    /// - [`AlreadyExists`](ClientError::AlreadyExists): the id is taken, and [`OnExisting`](crate::OnExisting) does not allow it; by
    ///   default only an instance that has ended is replaced.
    /// - [`InstanceId`](ClientError::InstanceId), [`ReservedTag`](ClientError::ReservedTag): the id or a tag is not valid.
    /// - [`Encode`](ClientError::Encode), [`PayloadTooLarge`](ClientError::PayloadTooLarge),
    ///   [`CustomStatus`](ClientError::CustomStatus): an argument or the initial status cannot be encoded, or is too large.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    /// # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let start = ship(7).id("order-7").tag("customer", "7").start_at(Duration::from_secs(60));
    /// let parcel = client.start(start).await?;
    /// println!("{}", parcel.output().await?);
    /// # Ok(()) }
    /// ```
    pub fn start<D: OrchestratorDefinition>(
        &self,
        start: impl Startable<Definition = D>,
    ) -> Requested<'_, OrchestrationHandle<D>> {
        let start = start.into_start();
        Box::pin(async move {
            let input = start.input.map_err(ClientError::Encode)?;
            let version = Some(D::VERSION.unwrap_or_default());
            Ok(OrchestrationHandle::new(
                self.start_checked(D::NAME, version, input, start.options, false)
                    .await?,
            ))
        })
    }

    /// Starts an orchestration by its registered name.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); and [`Input`](ClientError::Input) when the input does not fit the orchestrator's parameters, with
    /// the parameter and the JSON path.
    pub async fn start_by_name(&self, start: StartByName) -> Result<InstanceHandle, ClientError> {
        let input = start.input.map_err(ClientError::Encode)?;
        let (name, version) = (start.name, start.version);
        self.start_checked(&name, version.as_deref(), input, start.options, true)
            .await
    }

    /// Starts the orchestrator of this name and version: without one the newest, with the empty one that which has none.
    async fn start_checked(
        &self,
        name: &str,
        version: Option<&str>,
        input: Option<String>,
        options: StartOptions,
        check_input: bool,
    ) -> Result<InstanceHandle, ClientError> {
        let registration = self.registered(name, version)?;
        self.check_size(
            || format!("the input of orchestrator `{name}`"),
            input.as_deref(),
        )?;
        let (custom_status, on_existing) = (options.initial_status?, options.on_existing);
        let trace = options.trace;
        let InstanceOptions { id, tags } = options.instance;
        if let Some(key) = tags.keys().find(|key| is_reserved(key)) {
            return Err(ClientError::ReservedTag { key: key.clone() });
        }
        let start_at = options
            .start_at
            .map(|due| due.at(self.0.shared.clock.now()));
        let id = match id {
            Some(id) => InstanceId::parse(id)?,
            None => self.new_id()?,
        };
        if let (
            Function::Orchestrator {
                check_input: check, ..
            },
            true,
        ) = (registration.function, check_input)
        {
            check(input.as_deref()).map_err(|error| ClientError::Input {
                name: name.to_owned(),
                error,
            })?;
        }
        let handle = InstanceHandle::to_start(self.clone(), id.clone());
        let name = registration.name.to_owned();
        self.ask(|reply| {
            Request::Start(StartRequest {
                id,
                name,
                version: registration.version.map(str::to_owned),
                input,
                custom_status,
                on_existing,
                start_at,
                tags,
                trace,
                reply,
            })
        })
        .await?;
        Ok(handle)
    }

    /// The orchestrator of this name and version: without one the newest, with the empty one that which has none.
    fn registered(&self, name: &str, version: Option<&str>) -> Result<&Registration, ClientError> {
        let registry = &self.0.shared.registry;
        let found = match version {
            None => registry.newest(name),
            Some(version) => {
                registry.orchestrator(name, Some(version).filter(|version| !version.is_empty()))
            }
        };
        found.ok_or_else(|| ClientError::UnknownOrchestrator {
            name: match version {
                Some(version) if !version.is_empty() => format!("{name}` version `{version}"),
                _ => name.to_owned(),
            },
            known: registry.alternatives(name),
        })
    }

    /// The name that an orchestrator is registered by, in whatever letter case it is asked for.
    #[cfg(feature = "http")]
    pub(crate) fn registered_name(&self, name: &str) -> Option<&str> {
        let newest = self.0.shared.registry.newest(name);
        newest.map(|registration| registration.name)
    }

    /// What can be started, by name and version.
    #[cfg(any(feature = "openapi", feature = "schemas"))]
    pub(crate) fn orchestrators(&self) -> impl Iterator<Item = &Registration> {
        self.0.shared.registry.orchestrators().into_iter()
    }

    /// What each orchestrator that can be started takes, returns and publishes, by name and version.
    #[cfg(feature = "schemas")]
    #[must_use]
    pub fn schemas(&self) -> Vec<OrchestratorSchemas> {
        self.orchestrators()
            .filter_map(Registration::schemas)
            .collect()
    }

    fn new_id(&self) -> Result<InstanceId, ClientError> {
        Ok(InstanceId::parse(
            self.0.shared.ids.new_execution().to_string(),
        )?)
    }

    /// Refuses a payload that is larger than the worker allows.
    fn check_size(
        &self,
        what: impl FnOnce() -> String,
        payload: Option<&str>,
    ) -> Result<(), ClientError> {
        let limit = self.0.shared.settings.limits.max_payload_bytes;
        match payload.map_or(0, str::len) {
            size if size > limit => Err(ClientError::PayloadTooLarge {
                what: what(),
                size,
                limit,
            }),
            _ => Ok(()),
        }
    }

    fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// The same client, whose requests wait for room no longer than this.
    #[cfg(feature = "http")]
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        let inner = &self.0;
        Self(Arc::new(Inner {
            task_hub: inner.task_hub.clone(),
            store: Arc::clone(&inner.store),
            shared: Arc::clone(&inner.shared),
            way: Arc::clone(&inner.way),
            patience: Some(patience),
            counted: inner.counted.clone(),
            reads_in_place: inner.reads_in_place,
        }))
    }

    /// A place for a request among those that are not answered.
    async fn room_for(
        &self,
        request: &Request,
    ) -> Result<Option<OwnedSemaphorePermit>, ClientError> {
        let place = place(&*self.0.way, request);
        match self.0.patience {
            #[cfg(feature = "http")]
            Some(patience) => tokio::time::timeout(patience, place)
                .await
                .map_err(|_| ClientError::Busy),
            _ => Ok(place.await),
        }
    }

    /// Sends a request and waits for the answer.
    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, ClientError> {
        let (reply, answer) = Reply::channel();
        let mut request = request(reply);
        let place = self.room_for(&request).await?;
        request.takes(place);
        let lost = self.0.way.send(request);
        let answer = match lost {
            None => answer.await.unwrap_or(Err(RequestError::ShutDown)),
            Some(mut lost) => {
                let answer = tokio::select! {
                    biased;
                    answer = answer => answer.ok(),
                    error = lost.lost() => Some(Err(error)),
                };
                answer.unwrap_or_else(|| Err(lost.why_dropped()))
            }
        };
        Ok(answer?)
    }

    /// A handle to an instance by its id, whether it exists or not.
    ///
    /// # Errors
    ///
    /// [`ClientError::InstanceId`] when the text is not a valid [`InstanceId`].
    pub fn instance(&self, id: impl Into<String>) -> Result<InstanceHandle, ClientError> {
        Ok(InstanceHandle::new(self.clone(), InstanceId::parse(id)?))
    }

    /// A typed handle to an instance by its id, whether it exists or not. That it is an instance of this orchestrator is not
    /// checked; an output or status of another type is an error when it is read.
    ///
    /// # Errors
    ///
    /// [`ClientError::InstanceId`] when the text is not a valid [`InstanceId`].
    pub fn orchestration<D: OrchestratorDefinition>(
        &self,
        id: impl Into<String>,
    ) -> Result<OrchestrationHandle<D>, ClientError> {
        self.instance(id).map(OrchestrationHandle::new)
    }

    /// The name of the task hub that the worker serves.
    #[must_use]
    pub fn task_hub(&self) -> &str {
        &self.0.task_hub
    }

    /// The worker's time.
    #[cfg(feature = "http")]
    pub(crate) fn now(&self) -> Timestamp {
        self.0.shared.clock.now()
    }

    /// Whether the worker is gone, so that nothing will be told any more.
    #[cfg(feature = "http")]
    pub(crate) fn is_shut_down(&self) -> bool {
        self.0.shared.watchers.is_closed()
    }

    pub(crate) async fn read(
        &self,
        id: &InstanceId,
    ) -> Result<Option<InstanceStatus>, ClientError> {
        // An embedded store is ready at once. Who asks it in a loop is not to keep its thread from everybody else.
        tokio::task::coop::consume_budget().await;
        let rows = self
            .0
            .store
            .read(id)
            .await
            .map_err(|error| ClientError::Store(Arc::new(error)))?;
        rows.map(|rows| Snapshot::of(rows).checked()).transpose()
    }

    async fn control(&self, id: InstanceId, control: Control) -> Result<(), ClientError> {
        self.ask(|reply| Request::Control { id, control, reply })
            .await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("task_hub", &self.0.task_hub)
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

/// What a reader sees of an instance's rows.
struct Snapshot {
    status: InstanceStatus,
    /// Why the status lacks what was to be decoded.
    undecodable: Option<String>,
}

impl Snapshot {
    fn of(rows: InstanceRows) -> Self {
        let InstanceRows {
            header,
            first_events,
            custom_status,
            last_events,
            progress,
        } = rows;
        let mut undecodable = None;
        let mut decode = |text: &str| {
            decode_events(text).unwrap_or_else(|error| {
                undecodable = Some(error.to_string());
                Vec::new()
            })
        };
        let started = decode(&first_events)
            .into_iter()
            .find_map(|event| match event.kind {
                HistoryEventKind::ExecutionStarted(started) => Some(started),
                _ => None,
            });
        let ended = last_events.map(|text| decode(&text));
        let ended = ended
            .into_iter()
            .flatten()
            .find_map(|event| match event.kind {
                HistoryEventKind::ExecutionCompleted(ended) => Some(ended),
                _ => None,
            });
        let (output, failure) = ended.map_or((None, None), |ended| (ended.result, ended.failure));
        if started.is_none() && undecodable.is_none() {
            undecodable = Some("its execution has no beginning".into());
        }
        let (parent, tags, input, scheduled_start) =
            started.map_or_else(Default::default, |started| {
                let ExecutionStarted {
                    parent,
                    tags,
                    input,
                    scheduled_start,
                    ..
                } = *started;
                (parent, tags, input, scheduled_start)
            });
        // In a store that is read without its codec nothing else can be decoded either. It is not taken for what was published.
        let is_readable = |text: &str| undecodable.is_none() || why_no_events(text).is_none();
        let custom_status = custom_status.filter(|json| is_readable(json));
        let mut progress = progress;
        progress.retain(|report| is_readable(&report.details));
        let stalled = header.stalled.filter(|reason| is_readable(reason));
        let stalled = stalled.or_else(|| {
            let why = undecodable.as_ref()?;
            Some(format!("what is stored of it cannot be decoded: {why}"))
        });
        let status = InstanceStatus {
            name: header.name,
            version: header.version,
            execution_id: header.execution_id,
            parent,
            tags,
            runtime_status: header.runtime_status,
            input,
            custom_status: custom_status.and_then(CustomStatus::from_stored),
            progress,
            output,
            failure,
            stalled,
            created_at: header.created_at,
            scheduled_start,
            last_updated_at: header.last_updated_at,
            cursor: Cursor {
                incarnation: header.incarnation,
                sequence: header.sequence,
            },
            instance_id: header.id,
        };
        Self {
            status,
            undecodable,
        }
    }

    /// Refuses to show the end of an instance that cannot be read. One that lives is shown with the reason why it does not advance.
    fn checked(self) -> Result<InstanceStatus, ClientError> {
        match self.undecodable {
            Some(message) if self.status.is_terminal() => Err(ClientError::Undecodable {
                id: self.status.instance_id,
                message,
            }),
            _ => Ok(self.status),
        }
    }
}
