//! What the attributes and derives name in the code that they generate. Not for use by hand: anything may change.

#[cfg(feature = "local")]
pub use inventory;

pub use crate::__submit as submit;
pub use crate::arguments::{
    Argument, ArgumentType, Arguments, InputError, NoArgument, decode_arguments,
};
pub use crate::bounded::{BoundedJson, BoundedObject, Known, Unknown, greatest, list, plus};
pub use crate::call::Call;
pub use crate::context::{
    ActivityContext, AnyStatus, ContextStatus, OrchestrationContext, TimedOut,
};
pub use crate::definition::{
    AcceptsEvent, ActivityDefinition, ActivityKind, CallError, DeclaredBy, Definition,
    DurableError, OrchestratorDefinition, OrchestratorKind,
};
pub use crate::dependency::GivenByWorker;
pub use crate::encoding::WriteJson;
pub use crate::engine::{ExecutionHandle, Outcome, UncaughtFailure};
pub use crate::external_event::{EventError, ExternalEvent};
pub use crate::model::custom_status::CustomStatusError;
pub use crate::model::failure::FailureDetails;
pub use crate::model::retry::RetryPolicy;
pub use crate::outcome::{
    ChooseCodec1, ChooseCodec2, ChooseCodec3, ChooseCodec4, ChooseCodec5, ErrorCodec, ErrorType,
    RecordOutput, RecordResult, RecordedError, StandardResult, activity, orchestrator,
    record_activity,
};
pub use crate::registration::{Function, Location, Registered, Registration, declared};
#[cfg(feature = "schemas")]
pub use crate::schemas::{JsonOf, NoSchema, WireTypes};
pub use crate::status_type::{
    StatusType, assert_fits, assert_parts_fit, assert_serialize, assert_unbounded,
    assert_unbounded_field,
};
#[cfg(feature = "testing")]
pub use crate::testing::{all_are_tested, replay_test};
pub use futures_util::future::{BoxFuture, LocalBoxFuture};
pub use serde::Serialize;

/// Fails the orchestration with these details.
pub fn uncaught(failure: FailureDetails) -> ! {
    std::panic::resume_unwind(Box::new(UncaughtFailure(failure)))
}

/// The error that travelled as data, or else the end of the orchestration with this failure.
pub fn propagate<E: DurableError>(failure: FailureDetails) -> E {
    E::from_failure(&failure).unwrap_or_else(|| uncaught(failure))
}

/// Stands in for a call while the attributes have reported an error.
///
/// # Panics
///
/// Always; it never gets so far.
pub fn not_compiled<T>() -> T {
    unreachable!("the definition has compile errors")
}

/// Registers a definition at link time.
#[cfg(feature = "local")]
#[doc(hidden)]
#[macro_export]
macro_rules! __submit {
    ($registration:expr) => {
        $crate::__private::inventory::submit!($registration);
    };
}

/// Registers nothing: there is no worker that would look.
#[cfg(not(feature = "local"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __submit {
    ($registration:expr) => {};
}

#[cfg(all(test, feature = "macros"))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[crate::orchestrator(name = "E1_HelloSequence")]
    async fn hello_sequence(
        _ctx: OrchestrationContext<u8>,
        cities: Vec<String>,
        times: Option<u8>,
    ) -> usize {
        cities.len() + usize::from(times.unwrap_or(0))
    }

    #[crate::activity]
    async fn say_hello(city: String) -> Result<String, String> {
        Ok(city)
    }

    #[test]
    fn the_attributes_register_what_they_mark() {
        let listed = crate::definitions![hello_sequence, say_hello];
        #[cfg(feature = "local")]
        for listed in &listed {
            let linked =
                inventory::iter::<Registration>().find(|linked| linked.name == listed.name);
            assert_eq!(linked.unwrap().location, listed.location);
        }
        assert_eq!(listed[0].name, "E1_HelloSequence");
        assert_eq!(listed[1].location.module, module_path!());
        assert!(matches!(listed[1].function, Function::Activity { .. }));
        let Function::Orchestrator { check_input, .. } = listed[0].function else {
            panic!("{:?}", listed[0]);
        };
        assert_eq!(check_input(Some(r#"[["Tokyo"]]"#)), Ok(()));
        let error = check_input(Some(r#"{"cities":[1]}"#)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter `cities` at `[0]`: invalid type: integer `1`, expected a string"
        );
    }

    #[derive(crate::ExternalEvent, serde::Serialize, serde::Deserialize)]
    #[event(name = "Go")]
    struct Approved(bool);

    #[crate::orchestrator(
        version = "1.2",
        retry(max_attempts = 2, first_interval = "1m"),
        events(Approved)
    )]
    async fn order(_ctx: OrchestrationContext) {}

    #[crate::activity(
        retry(
            max_attempts = 3,
            first_interval = "1s",
            backoff_coefficient = 2,
            max_interval = "1m",
            total_time = "1h",
            jitter = 0.5
        ),
        timeout = "30s",
        total_timeout = "1m 500ms"
    )]
    async fn charge(
        ctx: ActivityContext,
        card: String,
        bank: crate::Dependency<str>,
        cents: u32,
    ) -> String {
        format!("{}: {card} pays {cents} to {}", ctx.attempt(), &*bank)
    }

    #[test]
    fn what_an_attribute_says_is_on_its_definition() {
        assert_eq!(order::VERSION, Some("1.2"));
        assert_eq!(
            <order as OrchestratorDefinition>::RETRY,
            Some(RetryPolicy::new(2, Duration::from_secs(60)))
        );
        assert_eq!(
            <charge as ActivityDefinition>::RETRY,
            Some(
                RetryPolicy::new(3, Duration::from_secs(1))
                    .backoff_coefficient(2.0)
                    .max_interval(Duration::from_secs(60))
                    .total_time(Duration::from_secs(3600))
                    .jitter(0.5)
            )
        );
        assert_eq!(charge::TIMEOUT, Some(Duration::from_secs(30)));
        assert_eq!(charge::TOTAL_TIMEOUT, Some(Duration::from_millis(60_500)));
        assert_eq!(<say_hello as ActivityDefinition>::RETRY, None);
        assert_eq!((say_hello::VERSION, say_hello::TIMEOUT), (None, None));
    }

    #[test]
    fn what_an_attribute_says_is_registered() {
        assert_eq!(order::REGISTRATION.version, Some("1.2"));
        let Function::Orchestrator { events, .. } = order::REGISTRATION.function else {
            panic!("{:?}", order::REGISTRATION);
        };
        let [approved] = events.unwrap() else {
            panic!("{events:?}");
        };
        assert_eq!(approved.name, "Go");
        assert_eq!((approved.check)(Some("true")), Ok(()));
        assert_eq!(
            (approved.check)(Some("1")).unwrap_err().to_string(),
            "the payload of the event `Go` cannot be read: invalid type: integer `1`, expected a boolean"
        );
        let Function::Activity { dependencies, .. } = charge::REGISTRATION.function else {
            panic!("{:?}", charge::REGISTRATION);
        };
        let names: Vec<_> = dependencies.iter().map(|key| key.type_name()).collect();
        assert_eq!(names, ["str"]);
        let undeclared = hello_sequence::REGISTRATION.function;
        assert!(matches!(
            undeclared,
            Function::Orchestrator { events: None, .. }
        ));
    }

    #[test]
    fn a_string_error_is_read_back_by_its_definition() {
        let failure = FailureDetails::new("alloc::string::String", "busy");
        assert_eq!(say_hello::decode_error(&failure).as_deref(), Some("busy"));
        assert_eq!(
            say_hello::decode_error(&FailureDetails::new("Other", "busy")),
            None
        );
        assert!(hello_sequence::decode_error(&failure).is_none());
    }

    #[test]
    fn an_uncaught_failure_unwinds_with_its_details() {
        let failure = FailureDetails::new("Other", "lost");
        let caught = std::panic::catch_unwind(|| uncaught(FailureDetails::new("Other", "lost")))
            .unwrap_err();
        let UncaughtFailure(details) = *caught.downcast().unwrap();
        assert_eq!(details, failure);
    }
}
