//! Pages of other origins, in the browser of someone who can reach the program.
//!
//! A browser asks before it lets a page read an answer, but not before it sends a simple `POST`. A base that is open to whoever
//! can reach it is then open to every page that they visit, and so is one that goes by cookies. So what changes something is
//! refused to pages of other origins here, by what their browser says.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{HOST, LOCATION, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use tower_http::cors::{AllowHeaders, CorsLayer};

use super::Api;
use super::error::HttpError;
use super::list::CONTINUATION;
use super::watch::CURSOR;

/// How long a browser need not ask again.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Where pages come from, such as `https://dashboard.example.org`: scheme, host, and port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(HeaderValue);

/// A text that is no [`Origin`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an origin, such as `https://dashboard.example.org`")]
pub struct OriginError(String);

impl Origin {
    /// An origin as browsers write it: in lower case, without a path, a slash at the end, or the usual port.
    ///
    /// # Errors
    ///
    /// When it is anything else; also for `*` and `null`, which are no origins.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| error())?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.authority()) else {
            return Err(error());
        };
        let usual = match scheme {
            "http" => Some(80),
            "https" => Some(443),
            _ => None,
        };
        let written = format!("{scheme}://{host}").to_ascii_lowercase();
        let unusual = host.port_u16().is_none() || host.port_u16() != usual;
        match HeaderValue::try_from(text) {
            Ok(value) if written == text && unusual && !text.contains('@') => Ok(Self(value)),
            _ => Err(error()),
        }
    }
}

/// Options: pages in a browser.
impl Api {
    /// Lets pages of this origin call `/runtime/webhooks/durabletask` (CORS); none of another origin may by default. Whoever is to
    /// be let in has to come by a key or the like all the same; no cookies are sent. To `/durabletask` it says nothing, unless that
    /// asks for the same keys ([`RpcBase::Guarded`](super::RpcBase::Guarded)).
    pub fn allow_origin(mut self, origin: Origin) -> Self {
        self.origins.push(origin);
        self
    }

    /// Answers browsers that ask what a page may do; `None` when no page may do anything.
    pub(super) fn cors(&self) -> Option<CorsLayer> {
        let origins = self.origins.iter().map(|Origin(value)| value.clone());
        let layer = CorsLayer::new()
            .allow_origin(origins.collect::<Vec<_>>())
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers([LOCATION, RETRY_AFTER, CONTINUATION, CURSOR])
            .max_age(MAX_AGE);
        (!self.origins.is_empty()).then_some(layer)
    }

    /// Refuses what a page of another origin wants to change. What is not a browser says nothing, and is believed. Where nobody is
    /// asked for a key no other origin is allowed: its pages would be let in without one.
    pub(super) fn check_origin(
        &self,
        request: &Request,
        own: &str,
        guarded: bool,
    ) -> Result<(), HttpError> {
        let headers = request.headers();
        let origin = headers.get(ORIGIN).filter(|_| guarded);
        let allowed = origin.is_some_and(|origin| self.origins.iter().any(|o| o.0 == origin));
        let changes_nothing = matches!(*request.method(), Method::GET | Method::HEAD);
        if changes_nothing || allowed || is_of_own_page(headers, own) {
            return Ok(());
        }
        Err(HttpError::CrossOrigin)
    }
}

fn is_of_own_page(headers: &HeaderMap, own: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let of_page = origin.to_str().ok().and_then(host);
    let of_request = headers.get(HOST).and_then(|host| host.to_str().ok());
    of_page.is_some_and(|page| Some(page) == of_request || Some(page) == host(own))
}

/// Host and port of an absolute address.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_sends() {
        for text in [
            "https://a.example",
            "http://a.example:8080",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "https://a.example:80",
        ] {
            assert!(Origin::parse(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "*",
            "null",
            "a.example",
            "https://",
            "https://a.example/",
            "https://a.example/x",
            "https://A.example",
            "https://a.example:443",
            "http://a.example:80",
            "https://me@a.example",
            "https://a.example https://b.example",
        ] {
            let error = Origin::parse(text).unwrap_err();
            assert!(error.to_string().contains(text), "{text}");
        }
    }
}
