//! What an operator does to an instance.

use super::{ClientError, InstanceHandle, InstanceQuery};
use crate::encoding::encode;
use crate::model::instance::InstanceId;
use crate::model::on_existing::OnExisting;
use crate::model::query::InstanceFilter;
use crate::model::waiting::WaitingOn;
use crate::worker::message::{Control, Request, StartRequest};

impl InstanceHandle {
    /// Ends the instance, even if it is stalled, suspended or has not begun. Its activities are cancelled; orchestrations that it
    /// started go on. It returns once the end is durable.
    ///
    /// The reason becomes the output, as a JSON string.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] or [`ClientError::AlreadyEnded`] when there is nothing to end;
    /// [`ClientError::PayloadTooLarge`] when the reason is larger than the worker allows.
    pub async fn terminate(&self, reason: Option<&str>) -> Result<(), ClientError> {
        self.end_with(reason, false).await
    }

    /// Ends the instance as [`terminate`](Self::terminate) does, and with it every unfinished orchestration that it started, and
    /// those that these started. When it returns, the end of the instance and the messages to its children are durable; the
    /// children end a moment later.
    ///
    /// # Errors
    ///
    /// As [`terminate`](Self::terminate).
    pub async fn terminate_recursive(&self, reason: Option<&str>) -> Result<(), ClientError> {
        self.end_with(reason, true).await
    }

    async fn end_with(&self, reason: Option<&str>, recursive: bool) -> Result<(), ClientError> {
        let reason = self.reason(reason)?;
        self.control(Control::Terminate { reason, recursive }).await
    }

    /// Pauses the instance: its code does not run until it is [resumed](Self::resume). Running activities continue; their results,
    /// and events and timers, wait. An instance that is already suspended stays so. It returns once the pause is durable.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] or [`ClientError::AlreadyEnded`] when there is nothing to pause.
    pub async fn suspend(&self, reason: Option<&str>) -> Result<(), ClientError> {
        let reason = self.reason(reason)?;
        self.control(Control::Suspend { reason }).await
    }

    /// Lets a [suspended](Self::suspend) instance continue. What happened meanwhile is delivered in the order in which it
    /// happened. Does nothing if the instance is not suspended.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] or [`ClientError::AlreadyEnded`] when there is nothing to resume.
    pub async fn resume(&self, reason: Option<&str>) -> Result<(), ClientError> {
        let reason = self.reason(reason)?;
        self.control(Control::Resume { reason }).await
    }

    /// Lets a failed instance continue: its failed activities run again, its failed sub-orchestrations are rewound too, and what
    /// succeeded is not done again. Every failure counts, even one that the code had handled. It returns once the request is
    /// durable.
    ///
    /// So do not rewind an orchestration that undid its work before it failed (a saga): what it cancelled stays cancelled, but the
    /// failed step is tried again all the same. Start it anew instead.
    ///
    /// Rewind the outermost orchestration that failed: its failed children continue with it. A child that completed meanwhile, or
    /// was rewound by itself before, gives its answer again and does not run again.
    ///
    /// Code that fails by itself, without a failed call, fails again unless it has been changed since. To save such an instance,
    /// deploy code that works and then rewind it.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # async fn example(client: &Client) -> Result<(), steadfast::ClientError> {
    /// // The bank is back.
    /// client.instance("order-7")?.rewind(Some("the bank was down")).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFailed`] when it has not failed, [`ClientError::NotFound`] when there is no such instance.
    pub async fn rewind(&self, reason: Option<&str>) -> Result<(), ClientError> {
        let reason = self.reason(reason)?;
        self.control(Control::Rewind { reason }).await
    }

    /// Starts the orchestration anew under the same id, in the same version and with the same input and tags. If it has continued as
    /// new, that is the input of its last execution. The history and status of the instance are replaced, and it no longer
    /// belongs to a parent.
    ///
    /// # Errors
    ///
    /// [`ClientError::AlreadyExists`] with its status when it has not ended, [`ClientError::NotFound`] when there is no such
    /// instance, [`ClientError::UnknownOrchestrator`] when this program does not have its orchestrator in its version.
    pub async fn restart(&self) -> Result<(), ClientError> {
        self.start_again(self.id().clone()).await
    }

    /// Starts the same orchestration once more, as [`restart`](Self::restart) does, but under another id: this one, or without one a
    /// generated one. The instance itself stays as it is, whatever state it is in.
    ///
    /// # Errors
    ///
    /// As [`restart`](Self::restart), and when the other id is not valid or is taken by an instance that has not ended.
    pub async fn restart_as(&self, id: Option<&str>) -> Result<Self, ClientError> {
        let id = match id {
            Some(id) => InstanceId::parse(id)?,
            None => self.client().new_id()?,
        };
        self.start_again(id.clone()).await?;
        Ok(Self::new(self.client().clone(), id))
    }

    async fn start_again(&self, id: InstanceId) -> Result<(), ClientError> {
        let status = self.status().await?;
        self.client().registered(
            &status.name,
            Some(status.version.as_deref().unwrap_or_default()),
        )?;
        if *self.id() == id && !status.is_terminal() {
            return Err(ClientError::AlreadyExists {
                id,
                name: status.name,
                runtime_status: status.runtime_status,
            });
        }
        let start = |reply| {
            Request::Start(StartRequest {
                id,
                name: status.name,
                version: status.version,
                input: status.input,
                custom_status: None,
                start_at: None,
                tags: status.tags,
                trace: None,
                on_existing: OnExisting::ReplaceTerminal,
                reply,
            })
        };
        self.client().ask(start).await?;
        Ok(())
    }

    /// Deletes an instance that has ended: its history, its status, everything. Its id may be used again.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotEnded`] when it has not ended, [`ClientError::NotFound`] when there is no such instance.
    pub async fn purge(&self) -> Result<(), ClientError> {
        self.control(Control::Purge).await
    }

    /// Lets a stalled instance try again. It returns once the request has reached the instance; whether it stalls again is seen in
    /// its [status](Self::status). Does nothing if the instance is not stalled.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] or [`ClientError::AlreadyEnded`] when there is nothing to try.
    pub async fn retry(&self) -> Result<(), ClientError> {
        self.control(Control::Retry).await
    }

    /// What its orchestrator waits for: activities with their attempts, timers with their times, events, sub-orchestrations, each with
    /// the source line that asked for it. Empty while the instance is suspended or stalled: then its code is not in memory, and its
    /// [status](Self::status) says why.
    ///
    /// An instance that is not in memory is loaded and replayed for the answer.
    ///
    /// # Errors
    ///
    /// [`ClientError::NotFound`] or [`ClientError::AlreadyEnded`] when there is no orchestrator that could wait.
    pub async fn waiting_on(&self) -> Result<Vec<WaitingOn>, ClientError> {
        let id = self.id().clone();
        self.client()
            .ask(|reply| Request::Inspect { id, reply })
            .await
    }

    /// The orchestrations that it started.
    pub fn children(&self) -> InstanceQuery {
        self.client()
            .query(InstanceFilter::new().parent(self.id().clone()))
    }

    /// A reason as JSON text.
    fn reason(&self, reason: Option<&str>) -> Result<Option<String>, ClientError> {
        let reason = reason.map(|text| encode("the reason", text)).transpose();
        let reason = reason.map_err(ClientError::Encode)?;
        self.client()
            .check_size(|| "the reason".into(), reason.as_deref())?;
        Ok(reason)
    }

    async fn control(&self, control: Control) -> Result<(), ClientError> {
        self.client().control(self.id().clone(), control).await
    }
}
