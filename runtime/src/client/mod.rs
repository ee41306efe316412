//! The client: starting orchestrations, and talking to those that run.

mod error;
mod handle;
mod start;
mod watch;

use std::fmt;
use std::sync::Arc;

pub use error::{ClientError, OutputError};
pub use handle::{InstanceHandle, OrchestrationHandle};
pub use start::{Start, StartByName};
pub use watch::{ReadStatus, StatusWatch, WatchedStatus};

use crate::definition::{Definition, OrchestratorDefinition};
use crate::model::custom_status::CustomStatus;
use crate::model::history::{HistoryEventKind, decode_events};
use crate::model::instance::{Cursor, InstanceId};
use crate::model::status::InstanceStatus;
use crate::model::tags::Tags;
use crate::registration::Function;
use crate::store::{InstanceRows, Store};
use crate::worker::message::{Reply, Request, RequestError, StartRequest};
use crate::worker::shard::Shared;
use start::StartOptions;

/// Starts orchestrations and gives handles to them. Cheap to clone.
///
/// Got from [`Steadfast::client`](crate::Steadfast::client).
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    task_hub: String,
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    send: Box<dyn Fn(Request) + Send + Sync>,
}

impl Client {
    /// A client of a worker that takes requests by `send`, which answers those that it cannot take.
    pub(crate) fn new(
        task_hub: String,
        store: Arc<dyn Store>,
        shared: Arc<Shared>,
        send: Box<dyn Fn(Request) + Send + Sync>,
    ) -> Self {
        Self(Arc::new(Inner {
            task_hub,
            store,
            shared,
            send,
        }))
    }

    /// Starts an orchestration. It returns once the start is durable.
    ///
    /// # Errors
    ///
    /// When the orchestrator is not registered, its arguments or the initial status cannot be encoded, the id is not valid, or
    /// the id is taken and [`OnExisting`](crate::OnExisting) does not say what to do about it.
    pub async fn start<D: Definition>(
        &self,
        start: impl Into<Start<D>>,
    ) -> Result<OrchestrationHandle<D>, ClientError> {
        let start = start.into();
        let input = start.input.map_err(ClientError::Encode)?;
        Ok(OrchestrationHandle::new(
            self.start_checked(D::NAME, input, start.options, false)
                .await?,
        ))
    }

    /// Starts an orchestration by its registered name.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), and when the input does not fit the orchestrator's parameters: the error names the parameter and
    /// the JSON path.
    pub async fn start_by_name(&self, start: StartByName) -> Result<InstanceHandle, ClientError> {
        let input = start.input.map_err(ClientError::Encode)?;
        self.start_checked(&start.name, input, start.options, true)
            .await
    }

    async fn start_checked(
        &self,
        name: &str,
        input: Option<String>,
        options: StartOptions,
        check_input: bool,
    ) -> Result<InstanceHandle, ClientError> {
        let registry = &self.0.shared.registry;
        let Some(registration) = registry.newest(name) else {
            let known = registry.orchestrator_names();
            return Err(ClientError::UnknownOrchestrator {
                name: name.to_owned(),
                known,
            });
        };
        let (custom_status, on_existing) = (options.initial_status?, options.on_existing);
        let id = match options.id {
            Some(id) => InstanceId::parse(id)?,
            None => InstanceId::parse(self.0.shared.ids.new_execution().to_string())?,
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
        let (reply, answer) = Reply::channel();
        let name = registration.name.to_owned();
        let request = StartRequest {
            id: id.clone(),
            name,
            input,
            custom_status,
            on_existing,
            reply,
        };
        (self.0.send)(Request::Start(request));
        answer.await.unwrap_or(Err(RequestError::ShutDown))?;
        Ok(InstanceHandle::new(self.clone(), id))
    }

    /// A handle to an instance by its id, whether it exists or not.
    ///
    /// # Errors
    ///
    /// When the text is not an instance id.
    pub fn instance(&self, id: impl Into<String>) -> Result<InstanceHandle, ClientError> {
        Ok(InstanceHandle::new(self.clone(), InstanceId::parse(id)?))
    }

    /// A typed handle to an instance by its id, whether it exists or not.
    ///
    /// # Errors
    ///
    /// When the text is not an instance id.
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

    pub(crate) async fn read(
        &self,
        id: &InstanceId,
    ) -> Result<Option<InstanceStatus>, ClientError> {
        let rows = self
            .0
            .store
            .read(id)
            .await
            .map_err(|error| ClientError::Store(Arc::new(error)))?;
        rows.map(snapshot).transpose()
    }

    /// Sends a request and waits for the answer.
    async fn ask(&self, request: impl FnOnce(Reply<()>) -> Request) -> Result<(), ClientError> {
        let (reply, answer) = Reply::channel();
        (self.0.send)(request(reply));
        Ok(answer.await.unwrap_or(Err(RequestError::ShutDown))?)
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
fn snapshot(rows: InstanceRows) -> Result<InstanceStatus, ClientError> {
    let InstanceRows {
        header,
        first_events,
        custom_status,
        last_events,
        progress,
    } = rows;
    let decode = |text: &str| {
        decode_events(text).map_err(|error| ClientError::Undecodable {
            id: header.id.clone(),
            message: error.to_string(),
        })
    };
    let started = decode(&first_events)?
        .into_iter()
        .find_map(|event| match event.kind {
            HistoryEventKind::ExecutionStarted(started) => Some(started),
            _ => None,
        });
    let ended = last_events.map(|text| decode(&text)).transpose()?;
    let ended = ended
        .into_iter()
        .flatten()
        .find_map(|event| match event.kind {
            HistoryEventKind::ExecutionCompleted(ended) => Some(ended),
            _ => None,
        });
    let (output, failure) = ended.map_or((None, None), |ended| (ended.result, ended.failure));
    let (input, parent) = started.map_or((None, None), |started| (started.input, started.parent));
    Ok(InstanceStatus {
        name: header.name,
        version: header.version,
        execution_id: header.execution_id,
        parent,
        tags: Tags::new(),
        runtime_status: header.runtime_status,
        input,
        custom_status: custom_status.and_then(CustomStatus::from_stored),
        progress,
        output,
        failure,
        stalled: header.stalled,
        created_at: header.created_at,
        scheduled_start: None,
        last_updated_at: header.last_updated_at,
        cursor: Cursor {
            incarnation: header.incarnation,
            sequence: header.sequence,
        },
        instance_id: header.id,
    })
}
