//! Waiting for several things at once.
//!
//! All of these are decided by the order of events in history, on replay as live: a few futures are polled in a fixed order,
//! many in the order in which they were woken. What has not ended when the decision falls is dropped there and then, and so
//! withdrawn. An event costs the same however many futures are pending: it wakes one of them, and only that one is polled.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;

use super::futures::TimerFuture;
use super::orchestration::{OrchestrationContext, TimerDue};
use crate::engine::ExecutionHandle;
use crate::model::failure::{self, FailureDetails};

impl<S> OrchestrationContext<S> {
    /// Gives a future so much time, or until a time. When the time is up, the future is dropped, and so withdrawn.
    ///
    /// The deadline is a durable timer, created at the call; it is withdrawn when the future is ready. Of two that are ready at
    /// once, the future wins. What is called inside an `async` block is called when the block is first awaited, after the timer was
    /// created. To limit an activity by its worker, attempt by attempt, see [`Call::timeout`](crate::Call::timeout).
    ///
    /// # Errors
    ///
    /// [`TimedOut`] when the time is up.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn slow_report(month: u32) -> String { month.to_string() }
    /// #[orchestrator]
    /// async fn report(ctx: OrchestrationContext, month: u32) -> Result<Option<String>, String> {
    ///     match ctx.timeout(Duration::from_secs(600), ctx.call(slow_report(month))).await {
    ///         Ok(report) => Ok(Some(report?)),
    ///         Err(_) => Ok(None), // The activity is cancelled.
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn timeout<F: Future>(&self, due: impl Into<TimerDue>, future: F) -> Timeout<F> {
        Timeout::new(self.execution(), due.into(), future)
    }

    /// Waits for all of these and gives their results in the order of the futures.
    ///
    /// What the iterator calls is called now, in its order; all of it runs at the same time. For a few at a time see
    /// [`as_completed`](Self::as_completed).
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn price_of(item: String) -> u32 { item.len() as u32 }
    /// #[orchestrator]
    /// async fn cheap_enough(ctx: OrchestrationContext, items: Vec<String>) -> usize {
    ///     let prices = ctx.join_all(items.into_iter().map(|item| ctx.call(price_of(item)))).await;
    ///     prices.into_iter().flatten().filter(|price| *price < 10).count()
    /// }
    /// # fn main() {}
    /// ```
    pub fn join_all<I>(&self, futures: I) -> JoinAll<I::Item>
    where
        I: IntoIterator,
        I::Item: Future,
    {
        JoinAll(Gather::all(self.as_completed(futures)))
    }

    /// Waits for all of these to succeed, or for the first in history that does not: the others are then dropped, and so
    /// withdrawn. The results are in the order of the futures.
    ///
    /// # Errors
    ///
    /// The error of the first future that failed.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn price_of(item: String) -> u32 { item.len() as u32 }
    /// #[orchestrator]
    /// async fn total(ctx: OrchestrationContext, items: Vec<String>) -> Result<u32, String> {
    ///     let prices = ctx.try_join_all(items.into_iter().map(|item| ctx.call(price_of(item)))).await?;
    ///     Ok(prices.into_iter().sum())
    /// }
    /// # fn main() {}
    /// ```
    pub fn try_join_all<I, T, E>(&self, futures: I) -> TryJoinAll<I::Item, T>
    where
        I: IntoIterator,
        I::Item: Future<Output = Result<T, E>>,
    {
        TryJoinAll(Gather::all(self.as_completed(futures)))
    }

    /// Waits for the first of these, and gives its place among them and its result. The others are dropped, and so withdrawn.
    ///
    /// For a few futures of different types see [`race`](Self::race).
    ///
    /// # Panics
    ///
    /// When there is none.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn ask(mirror: String) -> String { mirror }
    /// #[orchestrator]
    /// async fn fastest(ctx: OrchestrationContext, mirrors: Vec<String>) -> Result<String, String> {
    ///     let (place, answer) = ctx.first(mirrors.iter().map(|mirror| ctx.call(ask(mirror.clone())))).await;
    ///     Ok(format!("{}: {}", mirrors[place], answer?))
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn first<I>(&self, futures: I) -> First<I::Item>
    where
        I: IntoIterator,
        I::Item: Future,
    {
        let futures = self.as_completed(futures);
        assert!(
            !futures.is_empty(),
            "the first of no futures is never there"
        );
        First(Some(futures))
    }

    /// Waits for the first `n` of these, and gives their places among them and their results in the order in which they ended.
    /// The others are dropped, and so withdrawn.
    ///
    /// # Panics
    ///
    /// When there are fewer than `n`.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn store(replica: String, value: u32) { let _ = (replica, value); }
    /// #[orchestrator]
    /// async fn write_to_quorum(ctx: OrchestrationContext, replicas: Vec<String>, value: u32) -> Vec<usize> {
    ///     let writes = replicas.iter().map(|replica| ctx.call(store(replica.clone(), value)));
    ///     let written = ctx.first_n(replicas.len() / 2 + 1, writes).await;
    ///     written.into_iter().map(|(place, _)| place).collect()
    /// }
    /// # fn main() {}
    /// ```
    #[track_caller]
    pub fn first_n<I>(&self, n: usize, futures: I) -> FirstN<I::Item>
    where
        I: IntoIterator,
        I::Item: Future,
    {
        let futures = self.as_completed(futures);
        let given = futures.len();
        assert!(
            n <= given,
            "the first {n} of {given} futures are never there"
        );
        FirstN(Gather::new(futures, n, 0))
    }

    /// Waits for the first of two, three or four futures of any types. The others are dropped, and so withdrawn.
    ///
    /// It does what `tokio::select! { biased; .. }` does, as a function: of several that are ready at once, the one that stands
    /// first wins. Where the other one is a timer, [`timeout`](Self::timeout) says it shorter.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// use steadfast::OneOf2;
    ///
    /// # #[activity]
    /// # async fn print(document: String) -> u32 { document.len() as u32 }
    /// #[derive(ExternalEvent, Serialize, Deserialize)]
    /// struct Cancel(String);
    ///
    /// #[orchestrator]
    /// async fn print_unless_cancelled(ctx: OrchestrationContext, document: String) -> Result<u32, String> {
    ///     match ctx.race((ctx.call(print(document)), ctx.wait_for_external_event::<Cancel>())).await {
    ///         OneOf2::First(pages) => Ok(pages?),
    ///         OneOf2::Second(cancel) => Err(format!("cancelled: {}", cancel?.0)),
    ///     }
    /// }
    /// # fn main() {}
    /// ```
    pub fn race<R: Race>(&self, futures: R) -> impl Future<Output = R::Output> + use<R, S> {
        futures.race()
    }

    /// Gives the results of these one by one, in the order in which they end. More may be added meanwhile.
    ///
    /// ```
    /// # use steadfast::prelude::*;
    /// # #[activity]
    /// # async fn resize(image: String) -> u64 { image.len() as u64 }
    /// /// At most ten at a time.
    /// #[orchestrator]
    /// async fn resize_all(ctx: OrchestrationContext, images: Vec<String>) -> Result<u64, String> {
    ///     let mut calls = images.into_iter().map(|image| ctx.call(resize(image)));
    ///     let mut running = ctx.as_completed(calls.by_ref().take(10));
    ///     let mut bytes = 0;
    ///     while let Some((_, size)) = running.next().await {
    ///         bytes += size?;
    ///         running.extend(calls.next());
    ///     }
    ///     Ok(bytes)
    /// }
    /// # fn main() {}
    /// ```
    pub fn as_completed<I>(&self, futures: I) -> AsCompleted<I::Item>
    where
        I: IntoIterator,
        I::Item: Future,
    {
        let mut all = AsCompleted {
            running: FuturesUnordered::new(),
            given: 0,
        };
        all.extend(futures);
        all
    }
}

/// The time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timed out at {at}")]
pub struct TimedOut {
    at: Timestamp,
}

impl TimedOut {
    /// The time that was the limit.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }
}

impl From<&TimedOut> for FailureDetails {
    fn from(error: &TimedOut) -> Self {
        Self::new(failure::kind::TIMEOUT, error.to_string())
    }
}

impl From<TimedOut> for String {
    fn from(error: TimedOut) -> Self {
        error.to_string()
    }
}

/// A future with a deadline. See [`OrchestrationContext::timeout`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct Timeout<F> {
    racers: Option<(Pin<Box<F>>, TimerFuture)>,
    at: Timestamp,
}

impl<F: Future> Timeout<F> {
    #[track_caller]
    pub(super) fn new(execution: &ExecutionHandle, due: TimerDue, future: F) -> Self {
        let at = due.at(execution.now());
        Self {
            racers: Some((Box::pin(future), TimerFuture(execution.create_timer(at)))),
            at,
        }
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some((future, timer)) = &mut self.racers else {
            return Poll::Pending;
        };
        let result = match future.as_mut().poll(cx) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => {
                ready!(Pin::new(timer).poll(cx));
                Err(TimedOut { at: self.at })
            }
        };
        self.racers = None;
        Poll::Ready(result)
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Futures whose results are taken in the order in which they end. See [`OrchestrationContext::as_completed`].
///
/// Dropping it drops those that have not ended, and so withdraws them.
pub struct AsCompleted<F: Future> {
    running: FuturesUnordered<Placed<F>>,
    given: usize,
}

impl<F: Future> AsCompleted<F> {
    /// Adds one. Its place is behind all others that were ever added.
    pub fn push(&mut self, future: F) {
        self.running.push(Placed {
            place: self.given,
            future: Box::pin(future),
        });
        self.given += 1;
    }

    /// The next one to end: its place among all that were added, from 0, and its result. `None` when all have ended.
    ///
    /// Dropping this future loses nothing.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is the `next` of a stream, as in futures, and gives a future"
    )]
    pub fn next(&mut self) -> impl Future<Output = Option<(usize, F::Output)>> {
        poll_fn(|cx| self.poll_next(cx))
    }

    /// How many have not ended, or whose results have not been taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether all have ended and their results been taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        self.running.poll_next_unpin(cx)
    }
}

impl<F: Future> Extend<F> for AsCompleted<F> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        futures.into_iter().for_each(|future| self.push(future));
    }
}

impl<F: Future> fmt::Debug for AsCompleted<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// A future that knows its place among others.
struct Placed<F> {
    place: usize,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Placed<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.future.as_mut().poll(cx));
        Poll::Ready((self.place, output))
    }
}

/// Futures and the results of those that have ended, until there are enough.
struct Gather<F: Future, T> {
    running: Option<AsCompleted<F>>,
    missing: usize,
    results: Vec<T>,
}

// Nothing in it is pinned in place.
impl<F: Future, T> Unpin for Gather<F, T> {}

impl<F: Future, T> Gather<F, T> {
    fn new(running: AsCompleted<F>, wanted: usize, room: usize) -> Self {
        Self {
            running: Some(running),
            missing: wanted,
            results: Vec::with_capacity(room),
        }
    }

    /// Takes results until there are enough, and drops what still runs then. One that `keep` does not keep ends it at once.
    fn poll<E>(
        &mut self,
        cx: &mut Context<'_>,
        mut keep: impl FnMut(&mut Vec<T>, usize, F::Output) -> Result<(), E>,
    ) -> Poll<Result<Vec<T>, E>> {
        let Some(running) = &mut self.running else {
            return Poll::Pending;
        };
        let mut kept = Ok(());
        while self.missing > 0 && kept.is_ok() {
            let Some((place, output)) = ready!(running.poll_next(cx)) else {
                break;
            };
            self.missing -= 1;
            kept = keep(&mut self.results, place, output);
        }
        self.running = None;
        Poll::Ready(kept.map(|()| std::mem::take(&mut self.results)))
    }
}

impl<F: Future, T> Gather<F, Option<T>> {
    /// All of them, in the order of their places.
    fn all(running: AsCompleted<F>) -> Self {
        let count = running.len();
        let mut gather = Self::new(running, count, count);
        gather.results.resize_with(count, || None);
        gather
    }
}

fn fmt_gather<F: Future, T>(
    name: &str,
    gather: &Gather<F, T>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    f.debug_struct(name)
        .field("missing", &gather.missing)
        .finish_non_exhaustive()
}

/// Waits for all of several futures. See [`OrchestrationContext::join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct JoinAll<F: Future>(Gather<F, Option<F::Output>>);

impl<F: Future> Future for JoinAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let keep = |results: &mut Vec<_>, place: usize, output| {
            results[place] = Some(output);
            Ok::<(), ()>(())
        };
        let results = ready!(self.0.poll(cx, keep)).unwrap_or_default();
        Poll::Ready(results.into_iter().flatten().collect())
    }
}

impl<F: Future> fmt::Debug for JoinAll<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_gather("JoinAll", &self.0, f)
    }
}

/// Waits for all of several futures to succeed. See [`OrchestrationContext::try_join_all`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct TryJoinAll<F: Future, T>(Gather<F, Option<T>>);

impl<F: Future<Output = Result<T, E>>, T, E> Future for TryJoinAll<F, T> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let keep = |results: &mut Vec<Option<T>>, place: usize, output: Result<T, E>| {
            results[place] = Some(output?);
            Ok(())
        };
        let results = ready!(self.0.poll(cx, keep));
        Poll::Ready(results.map(|results| results.into_iter().flatten().collect()))
    }
}

impl<F: Future, T> fmt::Debug for TryJoinAll<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_gather("TryJoinAll", &self.0, f)
    }
}

/// Waits for the first of several futures. See [`OrchestrationContext::first`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct First<F: Future>(Option<AsCompleted<F>>);

impl<F: Future> Future for First<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(running) = &mut self.0 else {
            return Poll::Pending;
        };
        let Some(first) = ready!(running.poll_next(cx)) else {
            return Poll::Pending;
        };
        self.0 = None;
        Poll::Ready(first)
    }
}

impl<F: Future> fmt::Debug for First<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("First").field(&self.0).finish()
    }
}

/// Waits for the first few of several futures. See [`OrchestrationContext::first_n`].
#[must_use = "futures do nothing unless they are awaited"]
pub struct FirstN<F: Future>(Gather<F, (usize, F::Output)>);

impl<F: Future> Future for FirstN<F> {
    type Output = Vec<(usize, F::Output)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let keep = |results: &mut Vec<_>, place, output| {
            results.push((place, output));
            Ok::<(), ()>(())
        };
        self.0.poll(cx, keep).map(Result::unwrap_or_default)
    }
}

impl<F: Future> fmt::Debug for FirstN<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_gather("FirstN", &self.0, f)
    }
}

/// Two, three or four futures that race: a tuple of them. See [`OrchestrationContext::race`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot race",
    label = "this must be a tuple of two, three or four futures",
    note = "more futures, of one type, race with `ctx.first(..)`"
)]
pub trait Race: Sized {
    /// The result of one of them, whichever was first.
    type Output;

    /// Waits for the first of them, and drops the others.
    fn race(self) -> impl Future<Output = Self::Output>;
}

macro_rules! races {
    ($($(#[$doc:meta])* $name:ident { $($variant:ident $future:ident,)* })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name<$($variant),*> {
            $(
                #[doc = concat!("The future that stands at this place of the tuple: ", stringify!($future), ".")]
                $variant($variant),
            )*
        }

        impl<$($variant: Future),*> Race for ($($variant,)*) {
            type Output = $name<$($variant::Output),*>;

            async fn race(self) -> Self::Output {
                let ($($future,)*) = self;
                $(let mut $future = pin!($future);)*
                poll_fn(|cx| {
                    $(if let Poll::Ready(output) = $future.as_mut().poll(cx) {
                        return Poll::Ready($name::$variant(output));
                    })*
                    Poll::Pending
                })
                .await
            }
        }
    )* };
}

races! {
    /// The result of the first of two futures. See [`OrchestrationContext::race`].
    OneOf2 { First first, Second second, }
    /// The result of the first of three futures. See [`OrchestrationContext::race`].
    OneOf3 { First first, Second second, Third third, }
    /// The result of the first of four futures. See [`OrchestrationContext::race`].
    OneOf4 { First first, Second second, Third third, Fourth fourth, }
}
