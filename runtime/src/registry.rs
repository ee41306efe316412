//! Which functions a worker serves: name and version to function.

use std::collections::HashMap;
use std::fmt;

use crate::dependency::Dependencies;
use crate::registration::{Function, Location, OrchestratorFn, Registration};

/// Every definition that is linked into this program.
pub(crate) fn linked() -> Vec<Registration> {
    inventory::iter::<Registration>
        .into_iter()
        .copied()
        .collect()
}

/// Two definitions have the same name, and the same version or none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {word} {named} is registered twice: at {first} and at {second}; names are compared without regard to case, \
     give one of them another {}",
    what_to_change(.word)
)]
pub struct DuplicateName {
    word: &'static str,
    named: String,
    first: Location,
    second: Location,
}

fn what_to_change(word: &str) -> &'static str {
    if word == ORCHESTRATOR {
        "with `name = \"..\"`, or another version with `version = \"..\"`"
    } else {
        "with `name = \"..\"`"
    }
}

/// Activities take dependencies that the worker was not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingDependencies {
    missing: Vec<Missing>,
    given: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Missing {
    activity: &'static str,
    location: Location,
    type_name: &'static str,
}

impl fmt::Display for MissingDependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, missing) in self.missing.iter().enumerate() {
            let Missing {
                activity,
                location,
                type_name,
            } = missing;
            let and = if index == 0 { "" } else { "; " };
            write!(
                f,
                "{and}the activity `{activity}` at {location} takes a `Dependency<{type_name}>`, and the worker was not given a \
                 `{type_name}`: "
            )?;
            let is_in_arc = |given: &&&str| {
                given
                    .strip_prefix("alloc::sync::Arc<")
                    .and_then(|inner| inner.strip_suffix('>'))
                    == Some(type_name)
            };
            if self.given.iter().any(|given| is_in_arc(&given)) || type_name.starts_with("dyn ") {
                f.write_str("write `.shared_dependency(value)` with an `Arc` of it")?;
            } else {
                f.write_str("write `.dependency(value)`")?;
            }
        }
        match self.given.as_slice() {
            [] => Ok(()),
            given => write!(f, " (it was given `{}`)", given.join("`, `")),
        }
    }
}

impl std::error::Error for MissingDependencies {}

const ORCHESTRATOR: &str = "orchestrator";
const ACTIVITY: &str = "activity";

/// A name with its version, for messages.
struct Named<'a>(&'a str, Option<&'a str>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self(name, None) => write!(f, "`{name}`"),
            Self(name, Some(version)) => write!(f, "`{name}` version `{version}`"),
        }
    }
}

/// Dotted numbers, compared as such: `1.10` is newer than `1.9`, and `1.0` is the same as `1`. No version at all is the oldest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(Vec<u64>);

impl Version {
    /// `None` when the text is not dotted numbers.
    fn parse(text: Option<&str>) -> Option<Self> {
        let Some(text) = text else {
            return Some(Self(Vec::new()));
        };
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let part = |part: &str| is_number(part).then(|| part.parse().ok()).flatten();
        let mut numbers: Vec<u64> = text.split('.').map(part).collect::<Option<_>>()?;
        // The first stays, so that version 0 is not the same as none.
        while numbers.len() > 1 && numbers.last() == Some(&0) {
            numbers.pop();
        }
        Some(Self(numbers))
    }
}

/// The definitions that a worker serves. Names are looked up without regard to case, as in Durable Functions.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    /// The versions of each, the oldest first.
    orchestrators: HashMap<String, Vec<(Version, Registration)>>,
    activities: HashMap<String, Registration>,
}

impl Registry {
    /// A registry of these definitions.
    ///
    /// # Errors
    ///
    /// [`DuplicateName`] when two activities have the same name, or two orchestrators the same name and version.
    pub(crate) fn new(
        registrations: impl IntoIterator<Item = Registration>,
    ) -> Result<Self, DuplicateName> {
        let mut registry = Self::default();
        for registration in registrations {
            registry.insert(registration)?;
        }
        Ok(registry)
    }

    fn insert(&mut self, registration: Registration) -> Result<(), DuplicateName> {
        let name = registration.name.to_lowercase();
        let (word, first) = match registration.function {
            Function::Activity { .. } => (ACTIVITY, self.activities.insert(name, registration)),
            Function::Orchestrator { .. } => {
                let versions = self.orchestrators.entry(name).or_default();
                let version = Version::parse(registration.version)
                    .expect("the attribute takes dotted numbers only");
                let first = match versions.binary_search_by(|(other, _)| other.cmp(&version)) {
                    Ok(index) => Some(versions[index].1),
                    Err(index) => {
                        versions.insert(index, (version, registration));
                        None
                    }
                };
                (ORCHESTRATOR, first)
            }
        };
        match first {
            None => Ok(()),
            Some(first) => Err(DuplicateName {
                word,
                named: Named(registration.name, registration.version).to_string(),
                first: first.location,
                second: registration.location,
            }),
        }
    }

    /// The orchestrator of this name and exactly this version; without one, that which has none.
    #[must_use]
    pub(crate) fn orchestrator(&self, name: &str, version: Option<&str>) -> Option<&Registration> {
        let version = Version::parse(version)?;
        let versions = find(&self.orchestrators, name)?;
        let index = versions.binary_search_by(|(other, _)| other.cmp(&version));
        Some(&versions[index.ok()?].1)
    }

    /// What starts the orchestrator of a stored instance.
    ///
    /// # Errors
    ///
    /// Why there is none, in words for an operator.
    pub(crate) fn start_of(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<OrchestratorFn, String> {
        if let Some(Function::Orchestrator { start, .. }) =
            self.orchestrator(name, version).map(|found| found.function)
        {
            return Ok(start);
        }
        let known = self.orchestrator_names().join("`, `");
        Err(match version {
            Some(version) if self.newest(name).is_some() => format!(
                "its version {version} is not registered in this program, which has `{known}`; \
                 it goes on when a program that has the version is started"
            ),
            _ => format!("it is not registered in this program, which has `{known}`"),
        })
    }

    /// The orchestrator of this name in its newest version.
    #[must_use]
    pub(crate) fn newest(&self, name: &str) -> Option<&Registration> {
        let (_, newest) = find(&self.orchestrators, name)?.last()?;
        Some(newest)
    }

    /// The activity of this name.
    #[must_use]
    pub(crate) fn activity(&self, name: &str) -> Option<&Registration> {
        find(&self.activities, name)
    }

    /// All orchestrators, by name and version.
    #[must_use]
    pub(crate) fn orchestrators(&self) -> Vec<&Registration> {
        let mut all: Vec<_> = self.orchestrators.values().flatten().collect();
        all.sort_by(|(version, one), (than, other)| (one.name, version).cmp(&(other.name, than)));
        all.into_iter()
            .map(|(_, registration)| registration)
            .collect()
    }

    /// All orchestrators for a message: their names, sorted, with the versions that each has.
    #[must_use]
    pub(crate) fn orchestrator_names(&self) -> Vec<String> {
        named(self.orchestrators())
    }

    /// What there is in place of an orchestrator that there is not, for a message: its versions, the oldest first, or all that there are.
    #[must_use]
    pub(crate) fn alternatives(&self, name: &str) -> Vec<String> {
        match find(&self.orchestrators, name) {
            Some(versions) => named(versions.iter().map(|(_, registration)| registration)),
            None => self.orchestrator_names(),
        }
    }

    /// Checks that there is a value for every dependency of an activity.
    ///
    /// # Errors
    ///
    /// [`MissingDependencies`] names those that are not there, with the activities that take them.
    pub(crate) fn check_dependencies(
        &self,
        dependencies: &Dependencies,
    ) -> Result<(), MissingDependencies> {
        let mut missing = Vec::new();
        for registration in self.activities.values() {
            let Function::Activity {
                dependencies: keys, ..
            } = registration.function
            else {
                continue;
            };
            let keys = keys.iter().filter(|key| !dependencies.has(key));
            missing.extend(keys.map(|key| Missing {
                activity: registration.name,
                location: registration.location,
                type_name: key.type_name(),
            }));
        }
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_by_key(|missing| (missing.activity, missing.type_name));
        let mut given: Vec<_> = dependencies.type_names().collect();
        given.sort_unstable();
        Err(MissingDependencies { missing, given })
    }
}

fn named<'a>(registrations: impl IntoIterator<Item = &'a Registration>) -> Vec<String> {
    let registrations = registrations.into_iter();
    registrations
        .map(|registration| Named(registration.name, registration.version).to_string())
        .collect()
}

/// Finds a name; the exact spelling, which is what nearly everyone uses, costs no allocation when it is lower case already.
fn find<'a, T>(names: &'a HashMap<String, T>, name: &str) -> Option<&'a T> {
    if name.chars().any(char::is_uppercase) {
        names.get(&name.to_lowercase())
    } else {
        names.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependency::{Dependency, DependencyKey, GivenByWorker};

    fn at(line: u32) -> Location {
        Location {
            module: "app",
            file: "src/main.rs",
            line,
        }
    }

    fn orchestrator(name: &'static str, version: Option<&'static str>, line: u32) -> Registration {
        Registration {
            name,
            version,
            location: at(line),
            function: Function::Orchestrator {
                start: |_, _| unreachable!("it is not started"),
                check_input: |_| Ok(()),
                events: None,
                #[cfg(feature = "schemas")]
                wire_types: || unreachable!("it is not described"),
            },
        }
    }

    fn activity(
        name: &'static str,
        line: u32,
        dependencies: &'static [DependencyKey],
    ) -> Registration {
        Registration {
            name,
            version: None,
            location: at(line),
            function: Function::Activity {
                run: |_, _| unreachable!("it is not started"),
                dependencies,
            },
        }
    }

    fn line(found: Option<&Registration>) -> Option<u32> {
        found.map(|registration| registration.location.line)
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |text| Version::parse(Some(text)).unwrap();
        assert!(version("1.10") > version("1.9"));
        assert!(version("2") > version("1.99"));
        assert!(version("1.2.1") > version("1.2"));
        assert_eq!(version("1.0"), version("1"));
        assert!(version("0") > Version::parse(None).unwrap());
        for text in [
            "",
            "1.",
            ".1",
            "1.x",
            "+1",
            "-1",
            "1 ",
            "99999999999999999999",
        ] {
            assert_eq!(Version::parse(Some(text)), None, "{text}");
        }
    }

    #[test]
    fn an_orchestrator_is_found_by_name_and_version() {
        let registry = Registry::new([
            orchestrator("Order", Some("1.10"), 1),
            orchestrator("order", None, 2),
            orchestrator("ORDER", Some("1.9"), 3),
            orchestrator("pay", Some("2"), 4),
            activity("order", 5, &[]),
        ])
        .unwrap();
        assert_eq!(line(registry.orchestrator("oRDER", None)), Some(2));
        assert_eq!(line(registry.orchestrator("order", Some("1.9"))), Some(3));
        assert_eq!(line(registry.orchestrator("order", Some("1.9.0"))), Some(3));
        assert_eq!(line(registry.orchestrator("order", Some("1"))), None);
        assert_eq!(line(registry.orchestrator("order", Some("new"))), None);
        assert_eq!(line(registry.orchestrator("pay", None)), None);
        assert_eq!(line(registry.newest("ORDER")), Some(1));
        assert_eq!(line(registry.newest("pay")), Some(4));
        assert_eq!(line(registry.newest("refund")), None);
        assert_eq!(line(registry.activity("Order")), Some(5));
        assert_eq!(
            registry.orchestrator_names(),
            [
                "`ORDER` version `1.9`",
                "`Order` version `1.10`",
                "`order`",
                "`pay` version `2`"
            ]
        );
    }

    #[test]
    fn the_same_name_and_version_is_refused() {
        let error = Registry::new([
            orchestrator("order", Some("1.0"), 1),
            orchestrator("Order", Some("1"), 2),
        ])
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the orchestrator `Order` version `1` is registered twice: at src/main.rs:1 (app) and at src/main.rs:2 (app); names \
             are compared without regard to case, give one of them another with `name = \"..\"`, or another version with \
             `version = \"..\"`"
        );
        let error = Registry::new([activity("pay", 1, &[]), activity("Pay", 2, &[])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the activity `Pay` is registered twice: at src/main.rs:1 (app) and at src/main.rs:2 (app); names are compared \
             without regard to case, give one of them another with `name = \"..\"`"
        );
    }

    #[test]
    fn missing_dependencies_say_what_to_write() {
        const TAKES_TEXT: &[DependencyKey] = &[<Dependency<String> as GivenByWorker>::KEY];
        const TAKES_BOTH: &[DependencyKey] = &[
            <Dependency<u8> as GivenByWorker>::KEY,
            <Dependency<dyn Send + Sync> as GivenByWorker>::KEY,
        ];
        let registry =
            Registry::new([activity("b", 2, TAKES_BOTH), activity("a", 1, TAKES_TEXT)]).unwrap();
        let message = |dependencies: &Dependencies| {
            registry
                .check_dependencies(dependencies)
                .unwrap_err()
                .to_string()
        };
        let given = Dependencies::new()
            .with(7_u8)
            .with(std::sync::Arc::new(String::new()));
        assert_eq!(
            message(&given),
            "the activity `a` at src/main.rs:1 (app) takes a `Dependency<alloc::string::String>`, and the worker was not given a \
             `alloc::string::String`: write `.shared_dependency(value)` with an `Arc` of it; the activity `b` at src/main.rs:2 \
             (app) takes a `Dependency<dyn core::marker::Send + core::marker::Sync>`, and the worker was not given a `dyn \
             core::marker::Send + core::marker::Sync`: write `.shared_dependency(value)` with an `Arc` of it (it was given \
             `alloc::sync::Arc<alloc::string::String>`, `u8`)"
        );
        let nothing = message(&Dependencies::new());
        assert!(
            nothing.contains("was not given a `u8`: write `.dependency(value)`"),
            "{nothing}"
        );
        let dynamic: std::sync::Arc<dyn Send + Sync> = std::sync::Arc::new(());
        let all = given.with(String::new()).with_shared(dynamic);
        assert_eq!(registry.check_dependencies(&all), Ok(()));
    }
}
