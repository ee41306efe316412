//! Dependencies: values that a worker is built with and that its activities take as parameters.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A value that the worker gives to an activity: a database pool, a client of a service, a configuration.
///
/// An activity takes it as a parameter of this type. It is no argument of a call: the caller does not pass it, and it is not
/// recorded. The worker is built with the value, by [`Builder::dependency`](crate::Builder::dependency); when it is missing,
/// the worker does not start. An orchestrator takes none, since it is replayed.
///
/// It is shared: cloning is cheap, and it dereferences to the value. A unit test makes its own with [`Dependency::new`].
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use steadfast::prelude::*;
///
/// struct Greetings {
///     polite: bool,
/// }
///
/// #[activity]
/// async fn say_hello(greetings: Dependency<Greetings>, city: String) -> String {
///     if greetings.polite { format!("Good morning, {city}.") } else { format!("Hello {city}!") }
/// }
///
/// let call = say_hello("Tokyo".to_owned());
/// # drop(call);
/// let greeting = say_hello::run(Dependency::new(Greetings { polite: false }), "Tokyo".to_owned());
/// assert_eq!(futures_executor::block_on(greeting), "Hello Tokyo!");
/// # }
/// ```
///
/// Behind a trait, so that a test can give another implementation:
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use std::sync::Arc;
///
/// use steadfast::prelude::*;
///
/// trait Bank: Send + Sync {
///     fn charge(&self, cents: u32);
/// }
///
/// #[activity]
/// async fn charge(bank: Dependency<dyn Bank>, cents: u32) {
///     bank.charge(cents);
/// }
///
/// struct Free;
///
/// impl Bank for Free {
///     fn charge(&self, _cents: u32) {}
/// }
///
/// let bank: Arc<dyn Bank> = Arc::new(Free);
/// futures_executor::block_on(charge::run(bank.into(), 100));
/// # }
/// ```
///
/// The attribute recognises the type by the name `Dependency` with a type in angle brackets, so that an alias of it must be
/// written out.
pub struct Dependency<T: ?Sized>(Arc<T>);

impl<T> Dependency<T> {
    /// A dependency on this value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized> From<Arc<T>> for Dependency<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T: ?Sized> Clone for Dependency<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Dependency<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> AsRef<T> for Dependency<T> {
    fn as_ref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Dependency<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dependency").field(&&*self.0).finish()
    }
}

/// The values that a worker gives to its activities, one of each type.
///
/// [`Builder::dependency`](crate::Builder::dependency) puts one in; this type is for workers in tests.
#[derive(Clone, Default)]
pub struct Dependencies {
    /// A `Dependency<T>` under the id of `T`.
    values: HashMap<TypeId, Given>,
    /// The types of which there were two.
    twice: Vec<&'static str>,
}

#[derive(Clone)]
struct Given {
    type_name: &'static str,
    dependency: Arc<dyn Any + Send + Sync>,
}

impl Dependencies {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this value as well.
    #[must_use]
    pub fn with<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.with_shared(Arc::new(value))
    }

    /// With this value as well, which is shared already, perhaps behind a trait.
    #[must_use]
    pub fn with_shared<T: Send + Sync + ?Sized + 'static>(mut self, value: Arc<T>) -> Self {
        if let Some(first) = self.put(value) {
            self.twice.push(first.type_name);
        }
        self
    }

    /// With this value in the place of one that was given before.
    #[cfg(feature = "testing")]
    pub(crate) fn replace<T: Send + Sync + ?Sized + 'static>(&mut self, value: Arc<T>) {
        self.put(value);
    }

    fn put<T: Send + Sync + ?Sized + 'static>(&mut self, value: Arc<T>) -> Option<Given> {
        let given = Given {
            type_name: type_name::<T>(),
            dependency: Arc::new(Dependency(value)),
        };
        self.values.insert(TypeId::of::<T>(), given)
    }

    /// The type of which two values were given, when there is one: only one of them could be meant.
    #[cfg(feature = "local")]
    pub(crate) fn given_twice(&self) -> Option<&'static str> {
        self.twice.first().copied()
    }

    /// The value for a parameter of type [`Dependency<T>`].
    pub(crate) fn get<T: ?Sized + 'static>(&self) -> Option<Dependency<T>> {
        let given = self.values.get(&TypeId::of::<T>())?;
        given.dependency.downcast_ref().cloned()
    }

    #[cfg(feature = "local")]
    pub(crate) fn has(&self, key: &DependencyKey) -> bool {
        self.values.contains_key(&key.id)
    }

    /// The names of the types that are here.
    #[cfg(feature = "local")]
    pub(crate) fn type_names(&self) -> impl Iterator<Item = &'static str> {
        self.values.values().map(|given| given.type_name)
    }
}

impl fmt::Debug for Dependencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.values.values().map(|given| given.type_name).collect();
        names.sort_unstable();
        f.debug_tuple("Dependencies").field(&names).finish()
    }
}

/// Which dependency a parameter takes.
#[derive(Clone, Copy)]
pub struct DependencyKey {
    #[cfg_attr(
        not(feature = "local"),
        expect(dead_code, reason = "a worker looks for it")
    )]
    id: TypeId,
    type_name: fn() -> &'static str,
}

impl DependencyKey {
    /// The name of the type of the value.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }
}

impl fmt::Debug for DependencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

/// A parameter of an activity that is no argument. Implemented by [`Dependency`] only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not `steadfast::Dependency`",
    label = "the worker cannot give this to an activity",
    note = "a type of your own that is also named `Dependency` is taken for steadfast's: give it another name, with `use .. as ..`"
)]
pub trait GivenByWorker: Sized {
    /// Which dependency it takes.
    #[doc(hidden)]
    const KEY: DependencyKey;

    /// Takes it.
    ///
    /// # Panics
    ///
    /// When the worker was not given one; it checks that when it starts.
    #[doc(hidden)]
    fn take(dependencies: &Dependencies) -> Self;
}

/// Also where `T` cannot be shared between threads: that its future is not `Send` is said once, of the activity.
impl<T: ?Sized + 'static> GivenByWorker for Dependency<T> {
    const KEY: DependencyKey = DependencyKey {
        id: TypeId::of::<T>(),
        type_name: type_name::<T>,
    };

    fn take(dependencies: &Dependencies) -> Self {
        dependencies
            .get()
            .unwrap_or_else(|| panic!("the worker was not given a `{}`", type_name::<T>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    trait Speak: Send + Sync {
        fn speak(&self) -> &'static str;
    }

    struct Dog;

    impl Speak for Dog {
        fn speak(&self) -> &'static str {
            "woof"
        }
    }

    #[test]
    fn values_are_found_by_their_type() {
        let dog: Arc<dyn Speak> = Arc::new(Dog);
        let dependencies = Dependencies::new().with(7_u32).with_shared(dog);
        assert_eq!(dependencies.get::<u32>().as_deref(), Some(&7));
        let taken = Dependency::<dyn Speak>::take(&dependencies);
        assert_eq!(taken.speak(), "woof");
        assert!(dependencies.get::<u64>().is_none());
        assert!(dependencies.get::<Dog>().is_none());
        assert_eq!(
            Dependency::<u64>::KEY.type_name(),
            "u64",
            "messages name the value and not the parameter"
        );
    }

    #[test]
    fn clones_share_the_value() {
        let first = Dependency::new(String::from("pool"));
        let second = first.clone();
        assert!(std::ptr::eq::<String>(&*first, &*second));
        assert_eq!(format!("{second:?}"), "Dependency(\"pool\")");
    }

    #[cfg(feature = "local")]
    #[test]
    fn two_of_a_type_are_noticed() {
        let dependencies = Dependencies::new().with(7_u32);
        assert_eq!(dependencies.given_twice(), None);
        assert_eq!(dependencies.with(8_u32).given_twice(), Some("u32"));
    }
}
