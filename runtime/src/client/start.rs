//! How an orchestration is started.

use std::marker::PhantomData;

use serde::Serialize;

use crate::definition::{Call, EncodeError, OrchestratorDefinition, encode};
use crate::model::custom_status::{CustomStatus, CustomStatusError};
use crate::model::on_existing::OnExisting;

/// The start of a typed orchestration: a call and its options.
///
/// `hello_sequence(cities)` is one without options; `hello_sequence(cities).id("demo")` one with an id.
#[derive(Debug)]
#[must_use = "a start does nothing until it is given to `client.start(..)`"]
pub struct Start<D> {
    pub(super) input: Result<Option<String>, EncodeError>,
    pub(super) options: StartOptions,
    definition: PhantomData<fn() -> D>,
}

#[derive(Debug)]
pub(super) struct StartOptions {
    pub(super) id: Option<String>,
    pub(super) on_existing: OnExisting,
    pub(super) initial_status: Result<Option<CustomStatus>, CustomStatusError>,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self {
            id: None,
            on_existing: OnExisting::default(),
            initial_status: Ok(None),
        }
    }
}

impl<D: OrchestratorDefinition> Start<D> {
    /// Starts it under this id instead of a generated one. The rules are those of [`InstanceId`](crate::InstanceId).
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.id = Some(id.into());
        self
    }

    /// What to do when the id is taken.
    pub fn on_existing(mut self, on_existing: OnExisting) -> Self {
        self.options.on_existing = on_existing;
        self
    }

    /// The custom status that it shows until its own code sets one. Checked like any other: see
    /// [`CustomStatus`](struct@crate::CustomStatus).
    pub fn initial_status(mut self, status: impl Serialize) -> Self {
        self.options.initial_status = CustomStatus::encode(&status);
        self
    }
}

impl<D: OrchestratorDefinition> From<Call<D>> for Start<D> {
    fn from(call: Call<D>) -> Self {
        Self {
            input: call.input,
            options: StartOptions::default(),
            definition: PhantomData,
        }
    }
}

impl<D: OrchestratorDefinition> Call<D> {
    /// Starts the orchestration under this id. See [`Start::id`].
    pub fn id(self, id: impl Into<String>) -> Start<D> {
        Start::from(self).id(id)
    }

    /// What to do when the id is taken. See [`OnExisting`].
    pub fn on_existing(self, on_existing: OnExisting) -> Start<D> {
        Start::from(self).on_existing(on_existing)
    }

    /// The custom status that it shows until its own code sets one. See [`Start::initial_status`].
    pub fn initial_status(self, status: impl Serialize) -> Start<D> {
        Start::from(self).initial_status(status)
    }
}

/// The start of an orchestration by its registered name.
#[derive(Debug)]
#[must_use = "a start does nothing until it is given to `client.start_by_name(..)`"]
pub struct StartByName {
    pub(super) name: String,
    pub(super) input: Result<Option<String>, EncodeError>,
    pub(super) options: StartOptions,
}

impl StartByName {
    /// Starts the orchestrator of this name, without input.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            input: Ok(None),
            options: StartOptions::default(),
        }
    }

    /// With this value as its input. An orchestrator of several parameters takes them as a tuple.
    pub fn input(mut self, input: impl Serialize) -> Self {
        self.input = encode("the input of the orchestrator", &input).map(Some);
        self
    }

    /// With this JSON text as its input, kept byte for byte.
    pub fn json_input(mut self, input: Option<String>) -> Self {
        self.input = Ok(input);
        self
    }

    /// See [`Start::id`].
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options.id = Some(id.into());
        self
    }

    /// See [`Start::on_existing`].
    pub fn on_existing(mut self, on_existing: OnExisting) -> Self {
        self.options.on_existing = on_existing;
        self
    }

    /// See [`Start::initial_status`].
    pub fn initial_status(mut self, status: impl Serialize) -> Self {
        self.options.initial_status = CustomStatus::encode(&status);
        self
    }
}
