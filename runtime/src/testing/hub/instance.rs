//! Instances in a hub.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use futures_executor::block_on;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::TestHub;
use crate::client::{Client, ClientError, InstanceHandle, OutputError, ReadStatus};
use crate::definition::{AcceptsEvent, Definition, OrchestratorDefinition};
use crate::encoding::encode;
use crate::external_event::ExternalEvent;
use crate::model::custom_status::CustomStatus;
use crate::model::history::HistoryEvent;
use crate::model::instance::InstanceId;
use crate::model::status::InstanceStatus;
use crate::model::waiting::WaitingOn;

/// An instance in a [`TestHub`]. [`TestOrchestration`] is the typed one; [`TestHub::instance`] gives one for a child, or for what was
/// started by its name.
#[derive(Clone)]
pub struct TestInstance<'h> {
    pub(super) hub: &'h TestHub,
    id: InstanceId,
}

impl<'h> TestInstance<'h> {
    pub(super) const fn new(hub: &'h TestHub, id: InstanceId) -> Self {
        Self { hub, id }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &InstanceId {
        &self.id
    }

    /// Its status, once nothing can happen any more at the current time.
    ///
    /// # Panics
    ///
    /// When there is no such instance.
    #[must_use]
    #[track_caller]
    pub fn status(&self) -> InstanceStatus {
        self.hub.run_until_idle();
        self.read_now()
    }

    /// Runs until it has ended, moving the time, and gives its status then.
    ///
    /// # Panics
    ///
    /// When it cannot end.
    #[track_caller]
    pub fn wait_for_completion(&self) -> InstanceStatus {
        self.wait("cannot end", |status| {
            status.is_terminal().then(|| status.clone())
        })
    }

    /// Runs until it has ended, and gives its output as another type.
    ///
    /// # Errors
    ///
    /// [`OutputError`] says how it ended otherwise.
    ///
    /// # Panics
    ///
    /// When it cannot end.
    #[track_caller]
    pub fn output_as<T: DeserializeOwned>(&self) -> Result<T, OutputError> {
        self.wait_for_completion();
        self.look(async |instance| instance.output_as().await)
    }

    /// Raises an event by its name, and returns when it is durable.
    ///
    /// # Panics
    ///
    /// When it is refused.
    #[track_caller]
    pub fn raise_event_named(&self, name: &str, payload: &(impl Serialize + ?Sized)) {
        let payload = of_event(name, payload);
        let raised =
            self.ask(async |instance| instance.raise_json_event(name, Some(payload.clone())).await);
        self.hub
            .expect(raised, || format!("the event `{name}` is refused"));
    }

    /// Terminates it.
    ///
    /// # Panics
    ///
    /// When it has ended.
    #[track_caller]
    pub fn terminate(&self, reason: &str) {
        let asked = self.ask(async |instance| instance.terminate(Some(reason)).await);
        self.hub
            .expect(asked, || format!("`{}` cannot be terminated", self.id));
    }

    /// Suspends it.
    ///
    /// # Panics
    ///
    /// When it has ended.
    #[track_caller]
    pub fn suspend(&self, reason: &str) {
        let asked = self.ask(async |instance| instance.suspend(Some(reason)).await);
        self.hub
            .expect(asked, || format!("`{}` cannot be suspended", self.id));
    }

    /// Lets it go on.
    ///
    /// # Panics
    ///
    /// When it has ended.
    #[track_caller]
    pub fn resume(&self, reason: &str) {
        let asked = self.ask(async |instance| instance.resume(Some(reason)).await);
        self.hub
            .expect(asked, || format!("`{}` cannot be resumed", self.id));
    }

    /// Its history, once nothing can happen any more at the current time.
    ///
    /// # Panics
    ///
    /// When there is no such instance.
    #[must_use]
    #[track_caller]
    pub fn history(&self) -> Vec<HistoryEvent> {
        self.hub.run_until_idle();
        match self.look(async |instance| instance.history().await) {
            Ok(history) => history,
            Err(error) => self.hub.fail(&error.to_string()),
        }
    }

    /// What it waits for, once nothing can happen any more at the current time; nothing when it has ended.
    ///
    /// # Panics
    ///
    /// When there is no such instance.
    #[must_use]
    #[track_caller]
    pub fn waiting_on(&self) -> Vec<WaitingOn> {
        self.hub.run_until_idle();
        match self.look(async |instance| instance.waiting_on().await) {
            Ok(waiting) => waiting,
            Err(ClientError::AlreadyEnded { .. }) => Vec::new(),
            Err(error) => self.hub.fail(&error.to_string()),
        }
    }

    /// The custom statuses that it has published since the hub was made, in their order and each once: what a watcher sees that misses
    /// nothing. A status that was cleared is left out.
    ///
    /// # Panics
    ///
    /// When there is no such instance.
    #[must_use]
    #[track_caller]
    pub fn custom_statuses_as<T: DeserializeOwned>(&self) -> Vec<T> {
        self.hub.run_until_idle();
        match self.statuses(&self.read_now(), |status| status.decode()) {
            Ok(statuses) => statuses,
            Err(why) => panic!("{why}"),
        }
    }

    /// What it has published, or what cannot be read of it.
    fn statuses<T>(
        &self,
        status: &InstanceStatus,
        read: impl Fn(CustomStatus) -> Result<T, serde_json::Error>,
    ) -> Result<Vec<T>, String> {
        let mut texts = self.hub.store.statuses(status.cursor.incarnation);
        texts.dedup();
        let statuses = texts.into_iter().filter_map(CustomStatus::from_stored);
        let read = statuses.map(|status| {
            let text = status.as_json().to_owned();
            read(status).map_err(|error| {
                let (id, given) = (&self.id, type_name::<T>());
                format!("the custom status {text} of `{id}` cannot be read as `{given}`: {error}")
            })
        });
        read.collect()
    }

    /// Runs until this is so.
    #[track_caller]
    fn wait<T>(&self, what: &str, mut look: impl FnMut(&InstanceStatus) -> Option<T>) -> T {
        let hub = self.hub;
        hub.new_wait();
        let mut seen = None;
        loop {
            let commits = hub.store.commits();
            if seen.replace(commits) != Some(commits)
                && let Some(found) = self.read().as_ref().and_then(&mut look)
            {
                return found;
            }
            if hub.happen() {
                continue;
            }
            hub.fail_when_set_aside(&self.id);
            if !hub.move_time() {
                let why = format!("`{}` {what}: nothing can happen any more", self.id);
                hub.fail(&why);
            }
        }
    }

    #[track_caller]
    pub(super) fn read(&self) -> Option<InstanceStatus> {
        match block_on(self.hub.client().read(&self.id)) {
            Ok(status) => status,
            Err(error) => panic!("{error}"),
        }
    }

    /// Its status, as far as it has come.
    #[track_caller]
    fn read_now(&self) -> InstanceStatus {
        match self.read() {
            Some(status) => status,
            None => self
                .hub
                .fail(&format!("there is no instance `{}`", self.id)),
        }
    }

    #[track_caller]
    pub(super) fn ask(
        &self,
        ask: impl AsyncFn(InstanceHandle) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        self.hub.new_wait();
        self.hub
            .ask(async |client: Client| ask(client.instance(self.id.as_str())?).await)
    }

    #[track_caller]
    pub(super) fn look<T, E: From<ClientError>>(
        &self,
        look: impl AsyncFn(InstanceHandle) -> Result<T, E>,
    ) -> Result<T, E> {
        self.hub
            .look(async |client: Client| look(client.instance(self.id.as_str())?).await)
    }
}

/// The payload of an event.
#[track_caller]
pub(super) fn of_event(name: &str, payload: &(impl Serialize + ?Sized)) -> String {
    match encode(&format!("the event `{name}`"), payload) {
        Ok(payload) => payload,
        Err(error) => panic!("{error}"),
    }
}

impl fmt::Debug for TestInstance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestInstance").field(&self.id).finish()
    }
}

/// An orchestration in a [`TestHub`]. What does not depend on its types is in [`TestInstance`].
pub struct TestOrchestration<'h, D> {
    instance: TestInstance<'h>,
    definition: PhantomData<fn() -> D>,
}

impl<'h, D: OrchestratorDefinition> TestOrchestration<'h, D> {
    pub(super) const fn new(instance: TestInstance<'h>) -> Self {
        Self {
            instance,
            definition: PhantomData,
        }
    }

    /// Runs until it has ended, moving the time, and gives what it returned.
    ///
    /// # Errors
    ///
    /// [`OutputError`] says how it ended otherwise.
    ///
    /// # Panics
    ///
    /// When it cannot end.
    #[track_caller]
    pub fn output(&self) -> Result<D::Output, OutputError<D::Error>>
    where
        D::Output: DeserializeOwned,
    {
        self.wait_for_completion();
        let id = self.id().as_str();
        self.hub
            .look(async |client: Client| client.orchestration::<D>(id)?.output().await)
    }

    /// Raises an event, and returns when it is durable.
    ///
    /// # Panics
    ///
    /// When it is refused.
    #[track_caller]
    pub fn raise_event<E: ExternalEvent>(&self, event: &E)
    where
        D: AcceptsEvent<E>,
    {
        self.raise_event_named(E::NAME, event);
    }

    /// The custom statuses that it has published since the hub was made, in their order and each once: what a watcher sees that misses
    /// nothing. A status that was cleared is left out.
    ///
    /// ```
    /// # #[cfg(feature = "macros")] {
    /// # use std::time::Duration;
    /// # use steadfast::prelude::*;
    /// # use steadfast::testing::TestHub;
    /// #[orchestrator]
    /// async fn count(ctx: OrchestrationContext<u32>, to: u32) {
    ///     for n in 1..=to {
    ///         ctx.set_custom_status(n);
    ///         ctx.create_timer(Duration::from_secs(24 * 60 * 60)).await;
    ///     }
    /// }
    ///
    /// let hub = TestHub::new();
    /// hub.definitions(steadfast::definitions![count]);
    /// let count = hub.start(count(3));
    /// count.output().unwrap();
    /// assert_eq!(count.custom_statuses(), [1, 2, 3]);
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn custom_statuses(&self) -> Vec<<D::Status as ReadStatus>::Value>
    where
        D::Status: ReadStatus,
    {
        self.hub.run_until_idle();
        match self.statuses(&self.read_now(), D::Status::read) {
            Ok(statuses) => statuses,
            Err(why) => panic!("{why}"),
        }
    }

    /// Runs until it has published such a custom status, moving the time, and gives it. A status that is published now counts, and so
    /// does every later one.
    ///
    /// # Panics
    ///
    /// When it ends without, or nothing can happen any more.
    #[track_caller]
    pub fn wait_custom_status(
        &self,
        mut condition: impl FnMut(&<D::Status as ReadStatus>::Value) -> bool,
    ) -> <D::Status as ReadStatus>::Value
    where
        D::Status: ReadStatus,
    {
        let mut seen = None;
        let found = self.wait("has no such custom status", |status| {
            let mut statuses = match self.statuses(status, D::Status::read) {
                Ok(statuses) => statuses,
                Err(why) => return Some(Err(why)),
            };
            let new = match seen.replace(statuses.len()) {
                Some(seen) => statuses.split_off(seen),
                None => statuses.pop().into_iter().collect(),
            };
            let found = new.into_iter().find(|status| condition(status));
            match found {
                Some(found) => Some(Ok(found)),
                None => status.is_terminal().then(|| {
                    let id = self.id();
                    Err(format!("`{id}` has ended without such a custom status"))
                }),
            }
        });
        match found {
            Ok(found) => found,
            Err(why) => self.hub.fail(&why),
        }
    }
}

impl<'h, D> Deref for TestOrchestration<'h, D> {
    type Target = TestInstance<'h>;

    fn deref(&self) -> &TestInstance<'h> {
        &self.instance
    }
}

impl<D> Clone for TestOrchestration<'_, D> {
    fn clone(&self) -> Self {
        Self {
            instance: self.instance.clone(),
            definition: PhantomData,
        }
    }
}

impl<D: Definition> fmt::Debug for TestOrchestration<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestOrchestration")
            .field("name", &D::NAME)
            .field("id", self.id())
            .finish()
    }
}
