//! What the attributes register: definitions as data.

use std::fmt;

use futures_util::future::{BoxFuture, LocalBoxFuture};

use crate::arguments::InputError;
use crate::context::ActivityContext;
use crate::dependency::DependencyKey;
use crate::engine::{ExecutionHandle, Outcome};
use crate::external_event::EventError;
#[cfg(feature = "schemas")]
use crate::schemas::{OrchestratorSchemas, WireTypes};

/// Starts an activity: decodes its arguments and returns its future.
pub(crate) type ActivityFn =
    fn(ActivityContext, Option<&str>) -> Result<BoxFuture<'static, Outcome>, InputError>;

/// Starts an orchestrator: decodes its arguments and returns its future.
pub(crate) type OrchestratorFn =
    fn(ExecutionHandle, Option<&str>) -> Result<LocalBoxFuture<'static, Outcome>, InputError>;

/// Checks whether an input decodes to an orchestrator's arguments.
pub(crate) type CheckInputFn = fn(Option<&str>) -> Result<(), InputError>;

/// A definition as data: what the attributes register.
#[derive(Clone, Copy, Debug)]
pub struct Registration {
    /// Its registered name.
    pub name: &'static str,
    /// Its version: dotted numbers. Activities have none.
    pub version: Option<&'static str>,
    /// Where it is defined.
    pub location: Location,
    /// What runs it.
    pub function: Function,
}

#[cfg(feature = "schemas")]
impl Registration {
    /// What an orchestrator takes, gives and publishes; `None` for an activity.
    #[must_use]
    pub fn schemas(&self) -> Option<OrchestratorSchemas> {
        let Function::Orchestrator {
            events, wire_types, ..
        } = self.function
        else {
            return None;
        };
        let events = events.map(|events| events.iter().map(|event| event.name).collect());
        Some(wire_types().schemas(self.name, self.version, events))
    }
}

/// Where a definition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Its module path.
    pub module: &'static str,
    /// Its source file.
    pub file: &'static str,
    /// Its line.
    pub line: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} ({})", self.file, self.line, self.module)
    }
}

/// What runs a definition.
#[derive(Clone, Copy, Debug)]
pub enum Function {
    /// An activity.
    Activity {
        /// Starts it.
        run: ActivityFn,
        /// What the worker gives to it.
        dependencies: &'static [DependencyKey],
    },
    /// An orchestrator.
    Orchestrator {
        /// Starts it.
        start: OrchestratorFn,
        /// Checks an input without starting it.
        check_input: CheckInputFn,
        /// The external events that it waits for; `None` when it does not say, and waits for any.
        events: Option<&'static [EventDeclaration]>,
        /// Describes the JSON of its types.
        #[cfg(feature = "schemas")]
        wire_types: fn() -> WireTypes,
    },
}

/// An external event that an orchestrator declares.
#[derive(Clone, Copy, Debug)]
pub struct EventDeclaration {
    /// The name that it is raised under. Names are compared without regard to case.
    pub name: &'static str,
    /// Checks whether a payload is of the event's type.
    pub check: fn(Option<&str>) -> Result<(), EventError>,
}

/// The events of `events(..)`.
///
/// # Panics
///
/// At compile time, when two have the same name: one that is raised could be either.
#[must_use]
#[track_caller]
pub const fn declared(events: &'static [EventDeclaration]) -> Option<&'static [EventDeclaration]> {
    let mut first = 0;
    while first < events.len() {
        let mut second = first + 1;
        while second < events.len() {
            assert!(
                !events[first].name.eq_ignore_ascii_case(events[second].name),
                "two of the declared events have the same name; give one of them another with `#[event(name = \"..\")]`"
            );
            second += 1;
        }
        first += 1;
    }
    Some(events)
}

/// A definition that knows its registration. Implemented by the attributes only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a definition",
    note = "mark the function with `#[steadfast::orchestrator]` or `#[steadfast::activity]`"
)]
pub trait Registered {
    /// What to register.
    const REGISTRATION: Registration;
}

#[cfg(feature = "local")]
inventory::collect!(Registration);

/// A list of definitions, for [`Builder::definitions`](crate::Builder::definitions) where link-time registration is not wanted.
///
/// One such place is a doc test: edition 2024 links the doc tests of a crate into one program, in which two examples with a
/// definition of the same name collide. Give the worker a list there, or mark the example `standalone_crate`.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// #[steadfast::activity]
/// async fn say_hello(city: String) -> String {
///     format!("Hello {city}!")
/// }
///
/// let definitions = steadfast::definitions![say_hello];
/// assert_eq!(definitions[0].name, "say_hello");
/// # }
/// ```
#[macro_export]
macro_rules! definitions {
    ($($definition:ty),* $(,)?) => {
        ::std::vec::Vec::<$crate::Registration>::from([
            $(<$definition as $crate::Registered>::REGISTRATION),*
        ])
    };
}
