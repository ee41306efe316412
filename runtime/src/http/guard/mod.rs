//! Who may ask for what: decided before a handler sees the request, and after its operation is known.
//!
//! With nothing to go by, everyone is let in. As soon as there is one way to be let in, only those are who come by one: the
//! base is closed by the first key, and no option opens it again.

mod grant;
mod hook;
mod keys;
mod operation;
mod options;
mod signed;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderMap;
use jiff::Timestamp;

pub use grant::Grant;
pub use hook::AccessRequest;
pub use keys::{Key, KeyError};
pub use operation::Operation;
pub use options::SignedUrlError;
pub use signed::{SecretTooShort, SignedUrls};

use super::error::HttpError;
use super::links::encode;
use super::query::Query;
use super::route::Route;
use crate::client::Client;
use crate::model::instance::InstanceId;
use hook::Hook;
use keys::{Keys, Reach};
use signed::{Subject, Verified};

/// The header of a key.
const KEY_HEADER: &str = "x-functions-key";

/// The query parameter of a key.
const KEY_PARAMETER: &str = "code";

/// The ways to be let in.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    keys: Keys,
    signed_urls: Option<Arc<SignedUrls>>,
    hook: Option<Hook>,
}

/// What lets requests in.
#[cfg(feature = "openapi")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// A key and nothing else.
    ByKey,
    /// The program has a say in it, and answers in its own words.
    AsTheProgramSays,
    /// Nothing is asked for that a document has words for: everyone is let in, or signed addresses are.
    ByNothing,
}

/// What goes with the links in an answer.
///
/// Nobody learns of a credential by asking: links carry the key that the request came with, or signatures for the instance that it
/// has started.
#[derive(Clone, Debug, Default)]
pub(super) enum Pass {
    #[default]
    Nothing,
    /// The request was let in by a signature, which is good for its one operation: the links are good for nothing, and the
    /// answer shows nothing of the instance. An address for restarting one would otherwise be one for everything.
    Granted,
    Key(Key),
    Signed(Signer),
}

/// What it takes to sign addresses now.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    urls: Arc<SignedUrls>,
    task_hub: Arc<str>,
    now: Timestamp,
}

impl Pass {
    /// What follows the query of a link to an operation on an instance.
    pub(super) fn query(&self, id: &InstanceId, operation: Operation) -> String {
        match self {
            Self::Nothing | Self::Granted => String::new(),
            Self::Key(key) => format!("&{KEY_PARAMETER}={}", encode(key.secret())),
            Self::Signed(signer) => signer.query(id, &Grant::of(operation)),
        }
    }
}

impl Signer {
    fn query(&self, id: &InstanceId, grant: &Grant) -> String {
        let subject = Subject {
            operation: grant.operation(),
            task_hub: &self.task_hub,
            id: id.as_str(),
            event: grant.event(),
        };
        self.urls.query(&subject, self.now, grant.time())
    }
}

impl Guard {
    /// What lets requests in, as far as a document can say it.
    #[cfg(feature = "openapi")]
    pub(super) fn access(&self) -> Access {
        match self {
            Self { hook: Some(_), .. } => Access::AsTheProgramSays,
            Self {
                keys,
                signed_urls: None,
                ..
            } if !keys.is_empty() => Access::ByKey,
            _ => Access::ByNothing,
        }
    }

    /// Whether everyone is let in.
    pub(super) fn is_open(&self) -> bool {
        self.keys.is_empty() && self.signed_urls.is_none() && self.hook.is_none()
    }

    /// What closes the base, for the log: no secret is in it.
    pub(super) fn closed_by(&self) -> String {
        let mut ways = Vec::new();
        if !self.keys.is_empty() {
            ways.push("keys");
        }
        if self.signed_urls.is_some() {
            ways.push("signed addresses");
        }
        if self.hook.is_some() {
            ways.push("the program");
        }
        if ways.is_empty() {
            ways.push("nothing: everyone who reaches it is let in");
        }
        ways.join(", ")
    }

    /// Whether a request is let in, and what its links carry. What the program itself has to say is awaited: it comes last, and only
    /// when nothing else lets the request in.
    pub(super) fn check(
        &self,
        client: &Client,
        request: &Request,
        query: &Query,
        route: &Route,
    ) -> impl Future<Output = Result<Pass, HttpError>> + use<> {
        let found = self.find(client, request, query, route);
        let verdict = match (&found, &self.hook) {
            (Err(_), Some(hook)) => Some(hook.ask(AccessRequest::of(client, request, route))),
            _ => None,
        };
        async {
            match verdict {
                None => found,
                Some(verdict) => match verdict.await {
                    Ok(()) => Ok(Pass::Nothing),
                    Err(answer) => Err(HttpError::Answered(answer)),
                },
            }
        }
    }

    /// What lets a request in by itself.
    fn find(
        &self,
        client: &Client,
        request: &Request,
        query: &Query,
        route: &Route,
    ) -> Result<Pass, HttpError> {
        if self.is_open() {
            return Ok(Pass::Nothing);
        }
        let key = self.key(request.headers(), query);
        match key.map(|key| (key, key.reach())) {
            Some((key, Reach::Full)) => {
                let signed = self.signer(client).map(Pass::Signed);
                return Ok(signed.unwrap_or_else(|| Pass::Key(key.clone())));
            }
            Some((key, Reach::ReadOnly)) if Operation::of(route).is_read() => {
                return Ok(Pass::Key(key.clone()));
            }
            _ => {}
        }
        match self.verify(client, query, route) {
            Verified::Yes => Ok(Pass::Granted),
            Verified::Expired => Err(HttpError::Expired),
            Verified::No if key.is_some() => Err(HttpError::Forbidden),
            Verified::No => Err(HttpError::Unauthorized),
        }
    }

    /// What the links carry of an answer that nothing was asked for.
    pub(super) fn pass_of_all(&self, client: &Client) -> Pass {
        self.signer(client).map_or(Pass::Nothing, Pass::Signed)
    }

    /// What goes with the links in an answer of a handler of the program's own, which lets in whom it wants. They are signed for none
    /// but who has a key that is good for everything, as whoever has them all controls the instance.
    pub(super) fn pass_of_own(&self, client: &Client, headers: &HeaderMap, query: &Query) -> Pass {
        let Some(key) = self.key(headers, query) else {
            return Pass::Nothing;
        };
        match (key.reach(), self.signer(client)) {
            (Reach::Full, Some(signer)) => Pass::Signed(signer),
            _ => Pass::Key(key.clone()),
        }
    }

    fn key(&self, headers: &HeaderMap, query: &Query) -> Option<&Key> {
        let code = query.text(KEY_PARAMETER);
        let headers = headers.get_all(KEY_HEADER);
        let presented = headers.iter().map(|value| value.as_bytes());
        let presented = presented.chain(code.as_deref().map(str::as_bytes));
        self.keys.find(presented)
    }

    fn verify(&self, client: &Client, query: &Query, route: &Route) -> Verified {
        match &self.signed_urls {
            Some(urls) => urls.verify(query, subjects(client.task_hub(), route), client.now()),
            None => Verified::No,
        }
    }

    fn signer(&self, client: &Client) -> Option<Signer> {
        self.signed_urls.as_ref().map(|urls| Signer {
            urls: Arc::clone(urls),
            task_hub: client.task_hub().into(),
            now: client.now(),
        })
    }
}

/// What a signature may be about that lets this request in: for an event, it or any.
fn subjects<'a>(task_hub: &'a str, route: &'a Route) -> impl Iterator<Item = Subject<'a>> {
    let any = route.instance().map(|id| Subject {
        operation: Operation::of(route),
        task_hub,
        id,
        event: None,
    });
    let one = match (any, route) {
        (Some(any), Route::RaiseEvent { event, .. }) => Some(Subject {
            event: Some(event),
            ..any
        }),
        _ => None,
    };
    any.into_iter().chain(one)
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, Uri};
    use proptest::prelude::*;

    use super::*;
    use crate::http::links::instance_url;
    use crate::http::route::Base;

    fn signed_urls() -> SignedUrls {
        SignedUrls::new("0123456789abcdef0123456789abcdef").unwrap()
    }

    /// What a signed address lets do, as the router reads it.
    fn granted(method: &Method, url: &str) -> Option<(Operation, String, Option<String>)> {
        let uri: Uri = url.parse().ok()?;
        let (_, path) = Base::split(uri.path())?;
        let route = Route::parse(method, path)?;
        let now = Timestamp::UNIX_EPOCH;
        let verified = signed_urls().verify(&Query::of(&uri), subjects("hub", &route), now);
        let event = match &route {
            Route::RaiseEvent { event, .. } => Some(event.to_lowercase()),
            _ => None,
        };
        (verified == Verified::Yes).then(|| {
            let id = route.instance().unwrap_or_default().to_owned();
            (Operation::of(&route), id, event)
        })
    }

    fn grants() -> impl Strategy<Value = (Grant, Method)> {
        prop_oneof![
            Just((Grant::read(), Method::GET)),
            Just((Grant::purge(), Method::DELETE)),
            Just((Grant::terminate(), Method::POST)),
            Just((Grant::restart(), Method::POST)),
            "[a-z]{1,8}".prop_map(|event| (Grant::raise_event(event), Method::POST)),
        ]
    }

    proptest! {
        #[test]
        fn a_changed_address_lets_do_the_same_or_nothing(
            id in "[^/\\\\?#@\\pC][^/\\\\?#\\pC]{0,8}",
            (grant, method) in grants(),
            other in grants(),
            place in any::<prop::sample::Index>(),
            character in "[ -~]",
        ) {
            let signer = Signer {
                urls: Arc::new(signed_urls()),
                task_hub: "hub".into(),
                now: Timestamp::UNIX_EPOCH,
            };
            prop_assume!(![".", ".."].contains(&id.as_str()));
            let id = InstanceId::parse(&id).unwrap();
            let url = instance_url("", &id) + &grant.path();
            let url = format!("{url}?taskHub=hub{}", signer.query(&id, &grant));
            let right = (grant.operation(), id.to_string(), grant.event().map(str::to_owned));
            prop_assert_eq!(granted(&method, &url), Some(right.clone()));

            let place = place.index(url.len());
            let mut changed = url;
            changed.replace_range(place..=place, &character);
            for method in [&method, &other.1] {
                if let Some(granted) = granted(method, &changed) {
                    prop_assert_eq!(&granted, &right, "{} {}", method, changed);
                }
            }
        }
    }
}
