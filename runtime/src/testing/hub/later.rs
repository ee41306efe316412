//! What the test asks for at a later time.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use jiff::Timestamp;
use serde::Serialize;

use super::TestHub;
use super::instance::{TestInstance, TestOrchestration, of_event};
use super::time::later;
use crate::client::{Client, ClientError, InstanceHandle};
use crate::definition::{AcceptsEvent, OrchestratorDefinition};
use crate::engine::Random;
use crate::external_event::ExternalEvent;
use crate::model::instance::InstanceId;

/// Something that is asked of a client. It is asked again when the worker dies before it was committed.
type Ask = Rc<dyn Fn(Client) -> LocalBoxFuture<'static, Result<(), ClientError>>>;

/// What is asked for at its time. In which order, when several are due at one time, the seed says.
pub(super) struct Asks {
    waiting: BTreeMap<(Timestamp, u64, u64), (String, Ask)>,
    random: Random,
    asked: u64,
}

impl Asks {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            waiting: BTreeMap::new(),
            random: Random::of_seed(seed),
            asked: 0,
        }
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().map(|((at, ..), _)| *at)
    }

    fn take_due(&mut self, now: Timestamp) -> Option<(String, Ask)> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

impl TestHub {
    /// Asks something of a client after so much time: whatever else there is than [`TestOrchestration::after`]
    /// has. It is asked again when the worker dies before it was committed; that the instance has ended by then is no error.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// # #[orchestrator]
    /// # async fn ship(ctx: OrchestrationContext, order: u64) -> u64 { ctx.create_timer(Duration::from_secs(60)).await; order }
    /// # let hub = TestHub::new();
    /// # hub.definitions(steadfast::definitions![ship]);
    /// hub.after(Duration::from_secs(60 * 60), async |client| {
    ///     client.start(ship(8).id("order-8")).await.map(drop)
    /// });
    /// assert_eq!(hub.orchestration::<ship>("order-8").output().unwrap(), 8);
    /// # }
    /// ```
    pub fn after<F: AsyncFn(Client) -> Result<(), ClientError> + 'static>(
        &self,
        duration: Duration,
        ask: F,
    ) {
        let ask = Rc::new(ask);
        self.ask_after(duration, "what a closure asks for", move |client| {
            let ask = Rc::clone(&ask);
            Box::pin(async move { ask(client).await })
        });
    }

    fn ask_after(
        &self,
        duration: Duration,
        what: impl Into<String>,
        ask: impl Fn(Client) -> LocalBoxFuture<'static, Result<(), ClientError>> + 'static,
    ) {
        let at = later(self.now(), duration);
        let mut asks = self.asks.borrow_mut();
        asks.asked += 1;
        let place = (at, asks.random.next(), asks.asked);
        asks.waiting.insert(place, (what.into(), Rc::new(ask)));
    }

    /// Asks for one thing that is due; `false` when nothing is.
    #[track_caller]
    pub(super) fn ask_what_is_due(&self) -> bool {
        let due = self.asks.borrow_mut().take_due(self.now());
        let Some((what, ask)) = due else {
            return false;
        };
        match self.ask(async |client| ask(client).await) {
            // It came too late, as it may for any client.
            Ok(()) | Err(ClientError::AlreadyEnded { .. }) => true,
            Err(error) => self.fail(&format!("{what} is refused: {error}")),
        }
    }
}

/// What is to happen to an orchestration later: what [`TestOrchestration::after`] and [`TestInstance::after`] give.
///
/// What comes after the end of the orchestration is lost.
#[must_use = "nothing is asked for yet"]
pub struct Later<'a, D> {
    hub: &'a TestHub,
    id: &'a InstanceId,
    duration: Duration,
    definition: PhantomData<fn() -> D>,
}

impl<D> Later<'_, D> {
    /// Raises an event by its name.
    ///
    /// # Panics
    ///
    /// When the payload cannot be written as JSON.
    #[track_caller]
    pub fn raise_event_named(self, name: &str, payload: &(impl Serialize + ?Sized)) {
        let payload = of_event(name, payload);
        let event = name.to_owned();
        self.asks(format!("the event `{name}`"), async move |instance| {
            instance
                .raise_json_event(&event, Some(payload.clone()))
                .await
        });
    }

    /// Terminates it.
    pub fn terminate(self, reason: &str) {
        let reason = reason.to_owned();
        self.asks("the termination", async move |instance| {
            instance.terminate(Some(&reason)).await
        });
    }

    /// Suspends it.
    pub fn suspend(self, reason: &str) {
        let reason = reason.to_owned();
        self.asks("the suspension", async move |instance| {
            instance.suspend(Some(&reason)).await
        });
    }

    /// Lets it go on.
    pub fn resume(self, reason: &str) {
        let reason = reason.to_owned();
        self.asks("the resumption", async move |instance| {
            instance.resume(Some(&reason)).await
        });
    }

    fn asks(
        self,
        what: impl Into<String>,
        ask: impl AsyncFn(InstanceHandle) -> Result<(), ClientError> + 'static,
    ) {
        let (id, ask) = (self.id.clone(), Rc::new(ask));
        let what = format!("{} of `{id}`", what.into());
        self.hub.ask_after(self.duration, what, move |client| {
            let (id, ask) = (id.clone(), Rc::clone(&ask));
            Box::pin(async move { ask(client.instance(id.as_str())?).await })
        });
    }
}

impl<D: OrchestratorDefinition> Later<'_, D> {
    /// Raises an event.
    ///
    /// # Panics
    ///
    /// When the event cannot be written as JSON.
    #[track_caller]
    pub fn raise_event<E: ExternalEvent>(self, event: &E)
    where
        D: AcceptsEvent<E>,
    {
        self.raise_event_named(E::NAME, event);
    }
}

impl<D> fmt::Debug for Later<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later")
            .field("id", self.id)
            .field("duration", &self.duration)
            .finish_non_exhaustive()
    }
}

impl<D: OrchestratorDefinition> TestOrchestration<'_, D> {
    /// What is asked for after so much virtual time from now.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// #[derive(ExternalEvent, Serialize, Deserialize)]
    /// struct Approved(bool);
    ///
    /// #[orchestrator]
    /// async fn approval(ctx: OrchestrationContext) -> Result<String, String> {
    ///     let answer = ctx.wait_for_external_event::<Approved>();
    ///     Ok(match ctx.timeout(Duration::from_secs(3600), answer).await {
    ///         Ok(answer) => format!("approved: {}", answer.map_err(|error| error.to_string())?.0),
    ///         Err(_) => "nobody cared".into(),
    ///     })
    /// }
    ///
    /// let hub = TestHub::new();
    /// hub.definitions(steadfast::definitions![approval]);
    /// let early = hub.start(approval());
    /// early.after(Duration::from_secs(3599)).raise_event(&Approved(true));
    /// assert_eq!(early.output().unwrap(), "approved: true");
    /// let late = hub.start(approval());
    /// late.after(Duration::from_secs(3601)).raise_event(&Approved(true));
    /// assert_eq!(late.output().unwrap(), "nobody cared");
    /// # }
    /// ```
    pub fn after(&self, duration: Duration) -> Later<'_, D> {
        (**self).later(duration)
    }
}

impl TestInstance<'_> {
    /// What is asked for after so much virtual time from now. See [`TestOrchestration::after`].
    pub fn after(&self, duration: Duration) -> Later<'_, ()> {
        self.later(duration)
    }

    fn later<D>(&self, duration: Duration) -> Later<'_, D> {
        Later {
            hub: self.hub,
            id: self.id(),
            duration,
            definition: PhantomData,
        }
    }
}
