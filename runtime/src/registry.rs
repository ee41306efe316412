//! Which functions a worker serves: name to function.

use std::collections::HashMap;

use crate::registration::{Function, Location, Registration};

/// Every definition that is linked into this program.
pub(crate) fn linked() -> Vec<Registration> {
    inventory::iter::<Registration>
        .into_iter()
        .copied()
        .collect()
}

/// Two definitions have the same name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {word} name `{name}` is registered twice: at {first} and at {second}; names are compared without regard to case, \
     give one of them another with `name = \"..\"`"
)]
pub struct DuplicateName {
    word: &'static str,
    name: &'static str,
    first: Location,
    second: Location,
}

/// The definitions that a worker serves. Names are looked up without regard to case, as in Durable Functions.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    orchestrators: HashMap<String, Registration>,
    activities: HashMap<String, Registration>,
}

impl Registry {
    /// A registry of these definitions.
    ///
    /// # Errors
    ///
    /// [`DuplicateName`] when two orchestrators or two activities have the same name.
    pub(crate) fn new(
        registrations: impl IntoIterator<Item = Registration>,
    ) -> Result<Self, DuplicateName> {
        let mut registry = Self::default();
        for registration in registrations {
            let names = match registration.function {
                Function::Activity(_) => &mut registry.activities,
                Function::Orchestrator { .. } => &mut registry.orchestrators,
            };
            if let Some(first) = names.insert(registration.name.to_lowercase(), registration) {
                return Err(DuplicateName {
                    word: match registration.function {
                        Function::Activity(_) => "activity",
                        Function::Orchestrator { .. } => "orchestrator",
                    },
                    name: registration.name,
                    first: first.location,
                    second: registration.location,
                });
            }
        }
        Ok(registry)
    }

    /// The orchestrator of this name.
    #[must_use]
    pub(crate) fn orchestrator(&self, name: &str) -> Option<&Registration> {
        find(&self.orchestrators, name)
    }

    /// The activity of this name.
    #[must_use]
    pub(crate) fn activity(&self, name: &str) -> Option<&Registration> {
        find(&self.activities, name)
    }

    /// The names of all orchestrators, sorted.
    #[must_use]
    pub(crate) fn orchestrator_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.orchestrators.values().map(|r| r.name).collect();
        names.sort_unstable();
        names
    }
}

/// Finds a name; the exact spelling, which is what nearly everyone uses, costs no allocation when it is lower case already.
fn find<'a>(names: &'a HashMap<String, Registration>, name: &str) -> Option<&'a Registration> {
    if name.chars().any(char::is_uppercase) {
        names.get(&name.to_lowercase())
    } else {
        names.get(name)
    }
}
