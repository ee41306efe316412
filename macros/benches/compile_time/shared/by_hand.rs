//! What is written once when there are no attributes: how outputs and errors are recorded, and the shape of a registration.

use serde::Serialize;
use steadfast::__private::{
    BoxFuture, ExecutionHandle, Function, InputError, LocalBoxFuture, Location, Outcome, Registration,
};
use steadfast::{ActivityContext, DurableError, FailureDetails};

use crate::types::Refused;

/// How an error is recorded.
pub trait Recorded {
    fn failure(&self) -> FailureDetails;
}

impl Recorded for String {
    fn failure(&self) -> FailureDetails {
        FailureDetails::new(std::any::type_name::<Self>(), self.as_str())
    }
}

impl Recorded for Refused {
    fn failure(&self) -> FailureDetails {
        self.to_failure()
    }
}

pub fn output<T: Serialize>(of: &str, value: &T) -> Outcome {
    serde_json::to_string(value).map_err(|error| {
        let message = format!("the output of the {of} cannot be encoded as JSON: {error}");
        let failure = FailureDetails::new(steadfast::model::failure::kind::ENCODE, message);
        FailureDetails { is_non_retriable: true, ..failure }
    })
}

pub fn result<T: Serialize, E: Recorded>(of: &str, result: Result<T, E>) -> Outcome {
    match result {
        Ok(value) => output(of, &value),
        Err(error) => Err(error.failure()),
    }
}

pub const fn activity(
    name: &'static str,
    location: Location,
    run: fn(ActivityContext, Option<&str>) -> Result<BoxFuture<'static, Outcome>, InputError>,
) -> Registration {
    Registration { name, version: None, location, function: Function::Activity { run, dependencies: &[] } }
}

pub const fn orchestrator(
    name: &'static str,
    location: Location,
    start: fn(ExecutionHandle, Option<&str>) -> Result<LocalBoxFuture<'static, Outcome>, InputError>,
    check_input: fn(Option<&str>) -> Result<(), InputError>,
) -> Registration {
    Registration { name, version: None, location, function: Function::Orchestrator { start, check_input, events: None } }
}

macro_rules! here {
    () => {
        steadfast::__private::Location { module: module_path!(), file: file!(), line: line!() }
    };
}
pub(crate) use here;
