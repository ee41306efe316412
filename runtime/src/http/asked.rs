//! A request, as handlers see it.

use std::fmt;

use axum::extract::Request;
use axum::http::Uri;
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::guard::Pass;
use super::query::Query;
use super::{Api, links, telemetry};
use crate::model::trace_context::TraceContext;

/// What handlers need of a request beside its body.
pub(super) struct Asked {
    /// What links begin with.
    pub(super) origin: String,
    /// The address as the client sent it.
    pub(super) uri: Uri,
    /// The path that the routes are nested below.
    pub(super) prefix: String,
    pub(super) query: Query,
    /// What links in its answer carry.
    pub(super) pass: Pass,
    /// The place in a distributed trace that it was made from.
    pub(super) trace: Option<TraceContext>,
}

/// Without the query of the address: there may be a key in it.
impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("origin", &self.origin)
            .field("path", &self.uri.path())
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

impl Asked {
    pub(super) fn of(api: &Api, request: &Request) -> Self {
        let uri = links::original_uri(request.extensions(), request.uri());
        Self {
            origin: api.origin(request.headers(), uri),
            prefix: links::prefix(uri, request.uri()).to_owned(),
            query: Query::of(uri),
            uri: uri.clone(),
            pass: Pass::default(),
            trace: telemetry::trace_context(request.headers()),
        }
    }

    /// The absolute address of the request. What the client has sent without percent-encoding is encoded: no address has it as it is.
    pub(super) fn url(&self) -> String {
        let path = self.uri.path_and_query();
        let path = path.map_or("/", |path| path.as_str());
        format!("{}{}", self.origin, utf8_percent_encode(path, CONTROLS))
    }

    /// The absolute address of where the routes are mounted.
    pub(super) fn base(&self) -> String {
        format!(
            "{}{}",
            self.origin,
            utf8_percent_encode(&self.prefix, CONTROLS)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_shown() {
        let uri: Uri = "/instances/a?code=secret&top=1".parse().unwrap();
        let asked = Asked {
            origin: "http://localhost".into(),
            prefix: String::new(),
            query: Query::of(&uri),
            uri,
            pass: Pass::default(),
            trace: None,
        };
        let shown = format!("{asked:?}");
        assert!(!shown.contains("secret"), "{shown}");
        assert!(shown.contains("/instances/a"), "{shown}");
    }
}
