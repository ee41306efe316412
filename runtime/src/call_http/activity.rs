//! The activity that does one request.

use std::collections::BTreeMap;
use std::error::Error;
use std::future::pending;
use std::sync::LazyLock;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response};

use super::error::CallHttpError;
use super::request::{Outgoing, named};
use super::response::HttpResponse;
use crate::activity;
use crate::context::{ActivityContext, CancelReason};
use crate::limits::{MAX_HTTP_BODY_BYTES, MAX_HTTP_REDIRECTS};

/// One client for all: it holds the certificates, which take a while to read.
///
/// It keeps no connections: they would belong to the runtime that opened them, which another worker of the same process may
/// outlive, and requests of orchestrations are rarely close enough together to find one open.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    let client = Client::builder()
        .user_agent(concat!("steadfast/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::limited(MAX_HTTP_REDIRECTS))
        // A URI may hold a key; the next server need not have it.
        .referer(false)
        .pool_max_idle_per_host(0);
    client.build().map_err(|error| chain(&error))
});

#[activity(name = "steadfast.http")]
pub(super) async fn send(
    ctx: ActivityContext,
    request: Outgoing,
) -> Result<HttpResponse, CallHttpError> {
    let (method, uri, _) = request.parts()?;
    let name = named(&method, &uri);
    tokio::select! {
        biased;
        answer = exchange(request, &name) => answer,
        reason = unwanted(&ctx) => Err(CallHttpError::Interrupted {
            request: name.clone(),
            reason: reason.to_string(),
        }),
    }
}

/// Ends when nobody waits for the answer any more. A worker that shuts down does: an answer that is there in time need not be asked
/// for again.
async fn unwanted(ctx: &ActivityContext) -> CancelReason {
    match ctx.cancelled().await {
        CancelReason::ShutDown => pending().await,
        reason => reason,
    }
}

async fn exchange(request: Outgoing, name: &str) -> Result<HttpResponse, CallHttpError> {
    let (method, uri, headers) = request.parts()?;
    let limit_ms = request.timeout_ms;
    let client = CLIENT.as_ref().map_err(|reason| CallHttpError::Connect {
        request: name.to_owned(),
        reason: reason.clone(),
    })?;
    let failed = |error| classified(name.to_owned(), limit_ms, error);
    let builder = client
        .request(method, uri)
        .headers(headers)
        .timeout(Duration::from_millis(limit_ms));
    let builder = match request.body {
        Some(body) => builder.body(body),
        None => builder,
    };
    let response = builder.send().await.map_err(failed)?;
    let (status, uri) = (response.status().as_u16(), response.url().to_string());
    let headers = readable(response.headers());
    let body = read(response, name, failed).await?;
    let size = body.len() as u64;
    let body = String::from_utf8(body).map_err(|error| CallHttpError::NotText {
        request: name.to_owned(),
        position: error.utf8_error().valid_up_to() as u64,
        size,
    })?;
    Ok(HttpResponse {
        status,
        uri,
        headers,
        body,
    })
}

/// The whole body, when it is not too large; of one that is, no more than that is read.
async fn read(
    mut response: Response,
    request: &str,
    failed: impl Fn(reqwest::Error) -> CallHttpError,
) -> Result<Vec<u8>, CallHttpError> {
    let limit = MAX_HTTP_BODY_BYTES as u64;
    let fits = |size: u64| {
        let too_large = || CallHttpError::TooLarge {
            of: format!("the answer to {request}"),
            size,
            limit,
        };
        (size <= limit).then_some(()).ok_or_else(too_large)
    };
    fits(response.content_length().unwrap_or(0))?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(&failed)? {
        fits((body.len() + chunk.len()) as u64)?;
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn readable(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let mut readable = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in headers {
        let values = readable.entry(name.as_str().to_owned()).or_default();
        values.push(text(value));
    }
    readable
}

fn text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    std::str::from_utf8(bytes).map_or_else(
        |_| bytes.iter().copied().map(char::from).collect(),
        str::to_owned,
    )
}

fn classified(request: String, limit_ms: u64, error: reqwest::Error) -> CallHttpError {
    let error = error.without_url();
    // A timeout while connecting is both: what counts is that the time is up.
    if error.is_timeout() {
        return CallHttpError::Timeout { request, limit_ms };
    }
    let reason = chain(&error);
    if error.is_builder() {
        CallHttpError::Invalid(reason)
    } else if error.is_redirect() {
        CallHttpError::Redirects { request, reason }
    } else if error.is_connect() {
        CallHttpError::Connect { request, reason }
    } else {
        CallHttpError::Interrupted { request, reason }
    }
}

/// An error and what caused it. The outer ones alone do not say much.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
