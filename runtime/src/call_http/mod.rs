//! HTTP requests of orchestrators, as Durable Functions has them: the request is an activity, and what follows it is ordinary
//! orchestrator code on durable timers.

mod activity;
mod error;
mod request;
mod response;

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::LocalBoxFuture;

pub use error::CallHttpError;
pub use request::HttpRequest;
pub use response::HttpResponse;

use crate::context::{Callable, OrchestrationContext};
use crate::definition::{CallError, Definition, DurableError};
use crate::engine::ExecutionHandle;
use crate::registration::{Registered, Registration};
use activity::send;

/// The status that says that the outcome is to be asked for.
const ACCEPTED: u16 = 202;

/// The activity that does one request.
pub(crate) const ACTIVITY: Registration = send::REGISTRATION;

type Answer = Result<HttpResponse, CallError<CallHttpError>>;

impl<S> OrchestrationContext<S> {
    /// Sends an HTTP request and waits for its answer. It is scheduled now, in program order, whatever is awaited first.
    ///
    /// The answer is the result, whatever its status. Only a 202 that has a `Location` is not: the outcome is asked for there with
    /// `GET`, until the status is another one. Before each of these polls it waits as long as `Retry-After` says, in seconds or as
    /// a date, or else 30 seconds, on a durable timer: a restart in between sends nothing again.
    /// [`no_polling`](HttpRequest::no_polling) turns it off.
    ///
    /// - **The request and the answer are recorded in history with all their headers, `Authorization` too.** See
    ///   [Secrets](HttpRequest#secrets).
    /// - As any activity, a request is sent *at least* once: again when the worker dies before the answer is recorded, and as
    ///   [`retry`](HttpRequest::retry) says. A server that takes an `Idempotency-Key` acts once; `ctx.new_guid()` makes one.
    /// - Up to [`MAX_HTTP_REDIRECTS`](crate::limits::MAX_HTTP_REDIRECTS) redirects are followed: after 301, 302 and 303 a `POST`
    ///   becomes a `GET`. A redirect or `Location` that leads to another server gets neither `Authorization` nor cookies; it does
    ///   get headers that are not known to be secret, such as `X-Api-Key`.
    /// - Bodies are UTF-8 and have at most [`MAX_HTTP_BODY_BYTES`](crate::limits::MAX_HTTP_BODY_BYTES). As JSON, request and answer
    ///   must also be within [`max_payload_bytes`](crate::Builder::max_payload_bytes).
    /// - Proxies are those that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name.
    /// - Polling makes history longer by about five events each time. It has no end of its own: see
    ///   [`ctx.timeout(..)`](Self::timeout).
    ///
    /// In history it is the activity `steadfast.http`, which every worker serves.
    ///
    /// # Errors
    ///
    /// The future gives a [`CallHttpError`] when there is no answer, or it cannot be kept. A request that breaks the rules of HTTP
    /// is not scheduled at all.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// use steadfast::prelude::*;
    /// use steadfast::{HttpRequest, RetryPolicy};
    ///
    /// #[derive(Deserialize)]
    /// struct Report {
    ///     pages: u32,
    /// }
    ///
    /// /// Has a report printed, which takes the server a while, and gives the number of its pages.
    /// #[orchestrator]
    /// async fn print_report(ctx: OrchestrationContext, month: u32) -> Result<u32, String> {
    ///     let request = HttpRequest::post("https://example.com/reports")
    ///         .header("Idempotency-Key", ctx.new_guid().to_string())
    ///         .json(&month)
    ///         .retry(RetryPolicy::new(5, Duration::from_secs(1)).backoff_coefficient(2.0));
    ///     let answer = ctx.call_http(request).await?;
    ///     if !answer.is_success() {
    ///         return Err(format!("status {}: {}", answer.status, answer.body));
    ///     }
    ///     Ok(answer.json::<Report>()?.pages)
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn call_http(&self, request: HttpRequest) -> HttpCall {
        let execution = self.execution().on_behalf_of(Location::caller());
        let first = match request.check() {
            Ok(()) => Ok(request.call().schedule(&execution)),
            Err(error) => Err(refusal(&error)),
        };
        HttpCall(Box::pin(async move {
            let answer = first?.await?;
            if request.polls {
                outcome(&execution, &request, answer).await
            } else {
                Ok(answer)
            }
        }))
    }
}

/// Asks for the outcome for as long as there is none.
async fn outcome(
    execution: &ExecutionHandle,
    request: &HttpRequest,
    mut answer: HttpResponse,
) -> Answer {
    let mut poll = None;
    while answer.status == ACCEPTED {
        // An answer to a poll need not name the place again.
        if let Some(location) = answer.header("location") {
            let next = request.poll(location, &answer.uri);
            poll = Some(next.map_err(|error| refusal(&error))?);
        }
        let Some(poll) = &poll else { break };
        let due = answer.poll_due().at(execution.now());
        drop(execution.create_timer(due).await);
        answer = poll.call().schedule(execution).await?;
    }
    Ok(answer)
}

/// The failure of a call that cannot be made.
fn refusal(error: &CallHttpError) -> CallError<CallHttpError> {
    CallError::new(send::NAME, send::decode_error, error.to_failure())
}

/// A sent HTTP request. Await it for the answer.
///
/// Dropping it while it is pending withdraws what it waits for: the request, the timer, or the poll.
#[must_use = "a request that is dropped is withdrawn: await it"]
pub struct HttpCall(LocalBoxFuture<'static, Answer>);

impl Future for HttpCall {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCall").finish_non_exhaustive()
    }
}
