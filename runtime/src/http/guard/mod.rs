//! Who may ask for what: decided before a handler sees the request, and after its operation is known.
//!
//! With nothing to go by, everyone is let in. As soon as there is one way to be let in, only those are who come by one: the
//! base is closed by the first key, and no option opens it again.

mod keys;
mod operation;

use axum::extract::Request;
use axum::http::HeaderMap;

pub use keys::{Key, KeyError};
pub use operation::Operation;

use super::Api;
use super::error::HttpError;
use super::links::encode;
use super::query::Query;
use super::route::Route;
use keys::{Keys, Reach};

/// The header of a key.
const KEY_HEADER: &str = "x-functions-key";

/// The query parameter of a key.
const KEY_PARAMETER: &str = "code";

/// The ways to be let in.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    keys: Keys,
}

/// What let a request in, and what goes with the links that it is answered with.
///
/// Links carry what the request itself came with, so that nobody learns of a credential by asking.
#[derive(Debug, Default)]
pub(super) enum Pass {
    /// Nothing was asked for.
    #[default]
    Open,
    Key(Key),
}

impl Pass {
    /// What follows the query of a link.
    pub(super) fn query(&self) -> String {
        match self {
            Self::Open => String::new(),
            Self::Key(key) => format!("&{KEY_PARAMETER}={}", encode(key.secret())),
        }
    }
}

impl Guard {
    /// Whether and as whom a request is let in.
    pub(super) fn check(
        &self,
        request: &Request,
        query: &Query,
        route: &Route,
    ) -> Result<Pass, HttpError> {
        if self.keys.is_empty() {
            return Ok(Pass::Open);
        }
        let operation = Operation::of(route);
        match self.key(request.headers(), query) {
            Some(key) if key.reach() == Reach::Full || operation.is_read() => {
                Ok(Pass::Key(key.clone()))
            }
            Some(_) => Err(HttpError::Forbidden),
            None => Err(HttpError::Unauthorized),
        }
    }

    /// What goes with the links in an answer of a handler of the program's own, which lets in whom it wants.
    pub(super) fn pass_of_own(&self, headers: &HeaderMap, query: &Query) -> Pass {
        let key = self.key(headers, query).cloned();
        key.map_or(Pass::Open, Pass::Key)
    }

    fn key(&self, headers: &HeaderMap, query: &Query) -> Option<&Key> {
        let code = query.text(KEY_PARAMETER);
        let headers = headers.get_all(KEY_HEADER);
        let presented = headers.iter().map(|value| value.as_bytes());
        let presented = presented.chain(code.as_deref().map(str::as_bytes));
        self.keys.find(presented)
    }
}

/// Options: who may call.
impl Api {
    /// Accepts a key, and from the first one on refuses requests to `/runtime/webhooks/durabletask` that come without. To replace
    /// a key, accept the new one beside it until nobody uses the old one.
    ///
    /// Links carry the key that the request came with.
    pub fn key(mut self, key: Key) -> Self {
        self.guard.keys.add(key);
        self
    }
}
