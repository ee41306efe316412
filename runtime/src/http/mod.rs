// The guide ends with links that hold in the repository. In the documentation these come first, and so before them.
#![doc = include_str!("../../docs/http.links")]
#![doc = include_str!("../../docs/http.md")]

// Invariant: handlers translate between requests and the `Client`, and decide nothing.

mod asked;
mod authority;
mod batch;
mod change;
mod check_status;
mod cross_origin;
mod ending;
mod endpoint;
mod entries;
mod error;
mod events;
mod forwarded;
mod guard;
mod headers;
mod health;
mod hub;
mod instances;
mod links;
mod list;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "openapi")]
mod openapi;
mod orchestrators;
mod payload;
mod peer;
#[cfg(test)]
mod properties;
mod query;
mod route;
mod serve;
mod telemetry;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::any;
use tokio::time::timeout;

pub use check_status::{create_check_status_response, wait_for_completion_or_check_status};
pub use cross_origin::{Origin, OriginError};
pub use forwarded::ForwardedHeaders;
pub use guard::{
    AccessRequest, Grant, Key, KeyError, Operation, SecretTooShort, SignedUrlError, SignedUrls,
};
pub use links::ManagementUrls;
pub use payload::status_response;
pub use serve::serve;

use crate::client::{Client, InstanceHandle};
use crate::model::instance::InstanceId;
use asked::Asked;
use error::HttpError;
use guard::Guard;
use query::Query;
use route::{Base, RPC, Route, WEBHOOK};
use serve::Serving;

/// How large a body is accepted when nothing else is said.
const DEFAULT_BODY_LIMIT: usize = 16 * 1024 * 1024;

/// What the connection of a task hub is called when nothing else is said; Azure's name for it.
const DEFAULT_CONNECTION: &str = "Storage";

/// The HTTP API with default options, as routes to merge into a program's own. See [`Api`] for the options.
pub fn router(client: Client) -> Router {
    Api::new(client).router()
}

/// How long a request waits for room in the worker: less than a proxy waits for an answer.
const DEFAULT_ROOM_TIMEOUT: Duration = Duration::from_secs(5);

/// The HTTP API and its options.
///
/// ```
/// use steadfast::http::{Api, RpcBase};
///
/// fn routes(client: steadfast::Client) -> axum::Router {
///     Api::new(client)
///         .public_origin("https://orders.example.org")
///         .rpc_base(RpcBase::Closed)
///         .body_limit(64 * 1024 * 1024)
///         .router()
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until there is a router of them"]
pub struct Api {
    client: Client,
    connection_name: Arc<str>,
    public_origin: Option<Arc<str>>,
    forwarded: Option<ForwardedHeaders>,
    origins: Vec<Origin>,
    mounted_at: Arc<str>,
    body_limit: usize,
    rpc_base: RpcBase,
    guard: Guard,
    serving: Serving,
}

/// To whom the base path `/durabletask` answers. It is the one that the official clients of other languages use; they cannot send
/// a key to it.
///
/// A request with one of the headers `Forwarded`, `X-Forwarded-..`, `Via`, `X-Real-IP` and the like was passed on by a proxy, and
/// so is not from the same machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RpcBase {
    /// To all programs on the same machine; the default. Without connect info they cannot be told from others, and it answers to
    /// nobody. A reverse proxy on the same machine that adds no such header, as nginx does unless it is told to, makes everyone look
    /// like such a program, whatever keys there are: close it then.
    #[default]
    Loopback,
    /// To whoever `/runtime/webhooks/durabletask` answers, by the same keys.
    Guarded,
    /// To every peer, without a key.
    Open,
    /// To nobody.
    Closed,
}

impl Api {
    /// The API with default options: open to everyone at `/runtime/webhooks/durabletask`, and at `/durabletask` to programs on the
    /// same machine.
    pub fn new(client: Client) -> Self {
        Self {
            client: client.with_patience(DEFAULT_ROOM_TIMEOUT),
            connection_name: DEFAULT_CONNECTION.into(),
            public_origin: None,
            forwarded: None,
            origins: Vec::new(),
            mounted_at: "".into(),
            body_limit: DEFAULT_BODY_LIMIT,
            rpc_base: RpcBase::default(),
            guard: Guard::default(),
            serving: Serving::default(),
        }
    }

    /// How long a request waits at most while the worker has as many as it takes; five seconds by default. After that it is answered
    /// with 503, and nothing of it is done.
    pub fn room_timeout(mut self, timeout: Duration) -> Self {
        self.client = self.client.with_patience(timeout);
        self
    }

    /// What links call the connection when a request names none; `Storage` by default. It has no effect here.
    pub fn connection_name(mut self, name: impl Into<String>) -> Self {
        self.connection_name = name.into().into();
        self
    }

    /// What links begin with, such as `https://orders.example.org`; by default `http://` and the `Host` of each request. It is used as
    /// it is, without a slash at the end. The path that the routes are nested below is added; a path that a proxy in front of this
    /// program removes must be part of it.
    pub fn public_origin(mut self, origin: impl Into<String>) -> Self {
        let origin = origin.into();
        self.public_origin = Some(origin.trim_end_matches('/').into());
        self
    }

    /// The path that the routes are nested below, such as `/jobs`; none by default. It is for
    /// [`management_urls`](Self::management_urls) and [`signed_url`](Self::signed_url), which are called in handlers that are mounted
    /// elsewhere. The routes themselves see it in their requests.
    pub fn mounted_at(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.mounted_at = path.trim_end_matches('/').into();
        self
    }

    /// How many bytes the body of a request may have; 16 MiB by default. A larger one is answered with 413.
    pub const fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// To whom the base path `/durabletask` answers; to peers on the same machine by default.
    pub const fn rpc_base(mut self, rpc_base: RpcBase) -> Self {
        self.rpc_base = rpc_base;
        self
    }

    /// The client that requests are passed on to.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The addresses of an instance, for whoever made this request to a handler of your own. They carry a key only if the request
    /// came with it. With [`signed_urls`](Self::signed_urls) they are signed only if it came with a key that is good for everything,
    /// since together they give full control of the instance; for others make single ones with [`signed_url`](Self::signed_url).
    ///
    /// ```
    /// use axum::extract::State;
    /// use axum::http::request::Parts;
    /// use axum::Json;
    /// use serde_json::{Value, json};
    /// use steadfast::http::Api;
    /// # use steadfast::prelude::*;
    /// # #[orchestrator]
    /// # async fn ship(_ctx: OrchestrationContext, order: u64) -> String { order.to_string() }
    ///
    /// async fn order(State(api): State<Api>, request: Parts) -> Result<Json<Value>, String> {
    ///     let start = api.client().start(ship(7)).await;
    ///     let parcel = start.map_err(|error| error.to_string())?;
    ///     Ok(Json(json!({ "order": 7, "parcel": api.management_urls(&request, parcel.id()) })))
    /// }
    /// ```
    #[must_use]
    pub fn management_urls(&self, request: &Parts, id: &InstanceId) -> ManagementUrls {
        let uri = links::original_uri(&request.extensions, &request.uri);
        let base = self.origin(&request.headers, uri) + &self.mounted_at;
        let pass = self
            .guard
            .pass_of_own(&self.client, &request.headers, &Query::of(uri));
        let hub = self.client.task_hub();
        ManagementUrls::new(&base, id, hub, &self.connection_name, &pass)
    }

    /// The routes, to merge into a program's own or to serve as they are.
    ///
    /// Serve them with `into_make_service_with_connect_info::<SocketAddr>()`; otherwise [`RpcBase::Loopback`] answers to nobody.
    pub fn router(self) -> Router {
        let webhook = match self.cors() {
            Some(cors) => any(answer).layer(cors),
            None => any(answer),
        };
        Router::new()
            .route(&format!("{WEBHOOK}/{{*path}}"), webhook)
            .route(&format!("{RPC}/{{*path}}"), any(answer))
            .layer(from_fn(around))
            .with_state(Arc::new(self))
    }

    /// The operation that a request asks for and whether it must be let in by the guard; `None` when its base is not for its peer.
    fn route(&self, request: &Request) -> Option<(Route, bool)> {
        let (base, path) = Base::split(request.uri().path())?;
        let guarded = match (base, self.rpc_base) {
            (Base::Webhook, _) | (Base::Rpc, RpcBase::Guarded) => true,
            (Base::Rpc, RpcBase::Open) => false,
            (Base::Rpc, RpcBase::Loopback) if peer::is_on_this_machine(request) => false,
            (Base::Rpc, RpcBase::Loopback | RpcBase::Closed) => return None,
        };
        Some((Route::parse(request.method(), path)?, guarded))
    }

    /// Refuses what a page may have sent to a name of its own, where nothing else keeps it out. A program that is told its name, or
    /// where to find it, is reached by others than this machine's.
    fn check_name(&self, request: &Request) -> Result<(), HttpError> {
        let knows_its_name = self.public_origin.is_some() || self.forwarded.is_some();
        if self.guard.is_open() && !knows_its_name && peer::is_near_by_another_name(request) {
            return Err(HttpError::AnotherName);
        }
        Ok(())
    }

    /// The hub that a request is about when it is not that of this program.
    fn other_hub(&self, asked: &Asked) -> Option<String> {
        let hub = asked.query.name("taskHub")?;
        (!hub.eq_ignore_ascii_case(self.client.task_hub())).then_some(hub)
    }

    /// What links begin with.
    fn origin(&self, headers: &HeaderMap, uri: &Uri) -> String {
        match &self.public_origin {
            Some(origin) => origin.as_ref().to_owned(),
            None => {
                let forwarded = self.forwarded.and_then(|trusted| trusted.origin(headers));
                forwarded.unwrap_or_else(|| links::origin(headers, uri))
            }
        }
    }

    async fn body(&self, mut request: Request) -> Result<Bytes, HttpError> {
        DefaultBodyLimit::max(self.body_limit).apply(&mut request);
        let body = Bytes::from_request(request, &());
        let body = timeout(self.serving.read_timeout, body)
            .await
            .map_err(|_| HttpError::SlowBody)?;
        body.map_err(|rejection| match rejection {
            BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                let limit = self.body_limit;
                HttpError::TooLarge { limit }
            }
            other => HttpError::Body(other.body_text()),
        })
    }

    fn instance(&self, id: String) -> Result<InstanceHandle, HttpError> {
        let instance = self.client.instance(id);
        instance.map_err(|error| HttpError::of(Operation::Read, "", error))
    }
}

/// What every request and every answer goes through: one layer, as each clones the routes below it and allocates.
async fn around(request: Request, next: Next) -> Response {
    headers::protect(telemetry::trace(request, next).await)
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Result<Response, HttpError> {
    let (route, guarded) = api.route(&request).ok_or(HttpError::NoRoute)?;
    telemetry::note(&request, &route);
    let mut asked = Asked::of(&api, &request);
    api.check_origin(&request, &asked.origin, guarded)?;
    asked.pass = if guarded && !route.is_open() {
        api.check_name(&request)?;
        api.guard
            .check(&api.client, &request, &asked.query, &route)
            .await?
    } else {
        api.guard.pass_of_all(&api.client)
    };
    if let Some(hub) = api.other_hub(&asked)
        && let Some(answer) = hub::answer_as_empty(&hub, &route)
    {
        return answer;
    }
    match route {
        Route::Start { orchestrator, id } => {
            let body = api.body(request).await?;
            orchestrators::start(&api, &asked, orchestrator, id, &body).await
        }
        Route::List => list::list(&api, &asked, request.headers()).await,
        Route::PurgeWhere => list::purge(&api, &asked).await,
        Route::Status { id } => instances::status(&api, &asked, id).await,
        Route::Batch => {
            let body = api.body(request).await?;
            batch::batch(&api, &asked, &body).await
        }
        Route::WatchAll => watch::instances(&api, &asked),
        Route::Watch { id } => watch::instance(&api, &asked, request.headers(), id).await,
        Route::Purge { id } => instances::purge(&api, id).await,
        Route::RaiseEvent { id, event } => {
            let headers = request.headers().clone();
            let body = api.body(request).await?;
            events::raise(&api, id, &event, &headers, &body).await
        }
        Route::Terminate { id } => instances::terminate(&api, &asked, id).await,
        Route::Suspend { id } => instances::suspend(&api, &asked, id).await,
        Route::Resume { id } => instances::resume(&api, &asked, id).await,
        Route::Rewind { id } => instances::rewind(&api, &asked, id).await,
        Route::Restart { id } => instances::restart(&api, &asked, id).await,
        Route::SignalEntity | Route::DeleteEntity => {
            Err(HttpError::NotSupported("signalling an entity"))
        }
        #[cfg(feature = "metrics")]
        Route::Metrics => metrics::metrics(&api).await,
        #[cfg(feature = "openapi")]
        Route::OpenApi => Ok(openapi::json_document(&api, &asked)),
        #[cfg(feature = "openapi")]
        Route::Docs => Ok(openapi::html_page(&api, &asked)),
        #[cfg(not(feature = "openapi"))]
        Route::OpenApi | Route::Docs => Err(HttpError::NoRoute),
        #[cfg(not(feature = "metrics"))]
        Route::Metrics => Err(HttpError::NoRoute),
        Route::Live => Ok(health::live()),
        Route::Ready => Ok(health::ready(&api).await),
    }
}

/// Adds a header made of a text that was one before, or is percent-encoded.
fn header(response: &mut Response, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}
