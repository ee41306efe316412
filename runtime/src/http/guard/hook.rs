//! The program's own authentication.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, Method};
use axum::response::{IntoResponse, Response};

use super::Operation;
use crate::client::Client;
use crate::http::peer;
use crate::http::route::Route;

/// What a program's own authentication sees of a request: for [`Api::authorize`](crate::http::Api::authorize).
#[derive(Clone)]
#[non_exhaustive]
pub struct AccessRequest {
    /// Its method.
    pub method: Method,
    /// What it asks for.
    pub operation: Operation,
    /// The instance that it is about: of a start, the id that the new one is to have, if it says one. A list and a batch, which may be
    /// about any, have none.
    pub instance_id: Option<String>,
    /// The orchestrator that it is to start: the name that it is registered by, in whatever letter case the request has it.
    pub orchestrator: Option<String>,
    /// The name of the external event that it is to raise, in the letter case that the request has it in: names of events match without
    /// regard to case.
    pub event: Option<String>,
    /// Its headers.
    pub headers: HeaderMap,
    /// What layers of the program have added to it, such as the user.
    pub extensions: Extensions,
    /// The other end of the connection, when the router is served with connect info.
    pub peer: Option<SocketAddr>,
}

impl AccessRequest {
    pub(super) fn of(client: &Client, request: &Request, route: &Route) -> Self {
        let (orchestrator, new) = match route {
            Route::Start { orchestrator, id } => {
                // A program is not to be deceived by the letter case of a name.
                let registered = client.registered_name(orchestrator);
                (Some(registered.unwrap_or(orchestrator)), id.as_deref())
            }
            _ => (None, None),
        };
        let event = match route {
            Route::RaiseEvent { event, .. } => Some(event),
            _ => None,
        };
        Self {
            method: request.method().clone(),
            operation: Operation::of(route),
            instance_id: route.instance().or(new).map(str::to_owned),
            orchestrator: orchestrator.map(str::to_owned),
            event: event.cloned(),
            headers: request.headers().clone(),
            extensions: request.extensions().clone(),
            peer: peer::address(request),
        }
    }
}

/// Without the values of headers: one may be a secret.
impl fmt::Debug for AccessRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.keys().collect();
        f.debug_struct("AccessRequest")
            .field("method", &self.method)
            .field("operation", &self.operation)
            .field("instance_id", &self.instance_id)
            .field("orchestrator", &self.orchestrator)
            .field("event", &self.event)
            .field("headers", &headers)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// What a program answers those that it does not let in.
type Verdict = Pin<Box<dyn Future<Output = Result<(), Box<Response>>> + Send>>;

/// A program's function, whatever its types.
#[derive(Clone)]
pub(super) struct Hook(Arc<dyn Fn(AccessRequest) -> Verdict + Send + Sync>);

impl Hook {
    pub(super) fn new<F, Fut, E>(authorize: F) -> Self
    where
        F: Fn(AccessRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: IntoResponse,
    {
        Self(Arc::new(move |request| {
            let verdict = authorize(request);
            Box::pin(async { verdict.await.map_err(|e| Box::new(e.into_response())) })
        }))
    }

    pub(super) fn ask(&self, request: AccessRequest) -> Verdict {
        (self.0)(request)
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}
