//! Awaiting a call by itself does not compile, and says what was forgotten.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::call::Call;
use crate::definition::{CallError, Definition, Kind};

/// A definition whose calls could be awaited by themselves. There is none: a call is inert until something makes it.
#[diagnostic::on_unimplemented(
    message = "a call of `{Self}` does nothing by itself and cannot be awaited",
    label = "nothing makes this call",
    note = "in an orchestrator, its context makes it: `ctx.call({Self}(..)).await`; elsewhere, a client starts an orchestrator: `client.start({Self}(..)).await`",
    note = "`{Self}::run(..)` is the function as written, for unit tests"
)]
pub trait AwaitedByItself: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

/// For the message of the bound alone, which an `IntoFuture` would not show.
#[doc(hidden)]
impl<D: Definition + AwaitedByItself, K: Kind> Future for Call<D, K> {
    type Output = Result<D::Output, CallError<D::Error>>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Pending
    }
}
