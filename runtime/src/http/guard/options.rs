//! The options that close the base, and what they let a program do.

use axum::response::IntoResponse;

use super::hook::Hook;
use super::{AccessRequest, Grant, Key, SignedUrls};
use crate::http::Api;
use crate::http::links::{encode, instance_url};
use crate::model::instance::InstanceId;

/// Options: who may call.
impl Api {
    /// Accepts a key, and from the first one on refuses requests to `/runtime/webhooks/durabletask` that come without. To replace
    /// a key, accept the new one beside it until nobody uses the old one.
    ///
    /// Links carry the key that the request came with, unless they are [signed](Self::signed_urls).
    pub fn key(mut self, key: Key) -> Self {
        self.guard.keys.add(key);
        self
    }

    /// Accepts signed addresses, and refuses requests to `/runtime/webhooks/durabletask` that come without or with no
    /// [key](Self::key).
    ///
    /// Who starts an orchestration with a key is answered with signed links in place of the key, each good for one operation on that
    /// instance, and until its time only. Such a link can be handed to whoever is to read one instance, or to approve one thing.
    pub fn signed_urls(mut self, urls: SignedUrls) -> Self {
        self.guard.signed_urls = Some(urls.into());
        self
    }

    /// Asks the program itself whether to let a request to `/runtime/webhooks/durabletask` in, and what to answer otherwise. It
    /// is asked about requests that neither a [key](Self::key) nor a [signature](Self::signed_urls) lets in, and what it says is
    /// final; so without keys, about all of them.
    ///
    /// Links in answers to requests that it lets in carry nothing: it is asked again when they are followed.
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use steadfast::http::{AccessRequest, Api};
    ///
    /// # async fn user(_: &str) -> Option<String> { None }
    /// fn guarded(api: Api) -> Api {
    ///     api.authorize(|request: AccessRequest| async move {
    ///         let token = request.headers.get("authorization");
    ///         let token = token.and_then(|token| token.to_str().ok()).unwrap_or_default();
    ///         match user(token).await {
    ///             Some(user) if user == "operator" || request.operation.is_read() => Ok(()),
    ///             Some(_) => Err(StatusCode::FORBIDDEN),
    ///             None => Err(StatusCode::UNAUTHORIZED),
    ///         }
    ///     })
    /// }
    /// ```
    pub fn authorize<F, Fut, E>(mut self, authorize: F) -> Self
    where
        F: Fn(AccessRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: IntoResponse,
    {
        self.guard.hook = Some(Hook::new(authorize));
        self
    }

    /// An address that is good for one operation on one instance, for a while; it begins with
    /// [`public_origin`](Self::public_origin) and [`mounted_at`](Self::mounted_at).
    ///
    /// # Errors
    ///
    /// Without [`signed_urls`](Self::signed_urls) or [`public_origin`](Self::public_origin).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::http::{Api, Grant, SignedUrlError};
    /// # use steadfast::InstanceId;
    /// fn approval_link(api: &Api, order: &InstanceId) -> Result<String, SignedUrlError> {
    ///     let week = Duration::from_secs(7 * 24 * 60 * 60);
    ///     api.signed_url(order, &Grant::raise_event("Approval").valid_for(week))
    /// }
    /// ```
    pub fn signed_url(&self, id: &InstanceId, grant: &Grant) -> Result<String, SignedUrlError> {
        let origin = self.public_origin.as_deref();
        let origin = origin.ok_or(SignedUrlError::NoPublicOrigin)?;
        let signer = self.guard.signer(&self.client);
        let signer = signer.ok_or(SignedUrlError::NotSigned)?;
        let base = format!("{origin}{}", self.mounted_at);
        let url = instance_url(&base, id) + &grant.path();
        let hub = encode(self.client.task_hub());
        Ok(format!("{url}?taskHub={hub}{}", signer.query(id, grant)))
    }
}

/// Why there is no signed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedUrlError {
    /// [`Api::signed_urls`] is not set.
    #[error("there is no secret to sign addresses with: `Api::signed_urls` is not set")]
    NotSigned,
    /// [`Api::public_origin`] is not set.
    #[error("it is not known where addresses begin: `Api::public_origin` is not set")]
    NoPublicOrigin,
}
