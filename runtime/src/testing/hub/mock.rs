//! Mocks of activities.

use std::any::type_name_of_val;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use serde::Serialize;
use serde_json::Value;

use super::TestHub;
use super::answers::Answer;
use crate::arguments::InputError;
use crate::definition::ActivityDefinition;
use crate::encoding::{Noting, encode};
use crate::engine::Outcome;
use crate::model::failure::{self, FailureDetails};

/// A mock of an activity: what answers in its place. See [`TestHub::mock`].
///
/// Each answer is given to one attempt of a call, in the order in which they are written; the last one is given to all that follow.
/// [`times`](Self::times) and [`after`](Self::after) are about the answer in front of them.
///
/// ```
/// # #[cfg(feature = "macros")] {
/// use std::time::Duration;
///
/// use steadfast::prelude::*;
/// use steadfast::testing::TestHub;
///
/// #[activity(retry(max_attempts = 5, first_interval = "1m"))]
/// async fn charge(card: String, cents: u32) -> Result<u64, String> {
///     Err(format!("no bank is connected that would take {cents} from {card}"))
/// }
///
/// #[orchestrator]
/// async fn buy(ctx: OrchestrationContext, card: String) -> Result<u64, String> {
///     Ok(ctx.call(charge(card, 995)).await?)
/// }
///
/// let hub = TestHub::new();
/// hub.definitions(steadfast::definitions![buy, charge]);
/// hub.mock(charge)
///     .returns(Err("busy".into())).times(2)
///     .panics("out of memory")
///     .with(|card, cents| Ok(card.len() as u64 * u64::from(cents))).after(Duration::from_secs(3));
/// assert_eq!(hub.start(buy("visa".into())).output().unwrap(), 4 * 995);
/// assert_eq!(hub.attempts(charge).len(), 4);
/// # }
/// ```
///
/// An attempt that runs again after a crash is given the same answer again. A panic in a closure of the test's is a failure of the
/// test; to let the activity panic there is [`panics`](Self::panics).
pub struct Mock<'h, D, A> {
    hub: &'h TestHub,
    name: String,
    read: fn(Option<&str>) -> Result<A, InputError>,
    definition: PhantomData<fn() -> D>,
}

/// Stands for an activity that is mocked by its name.
#[derive(Clone, Copy, Debug)]
pub enum ByName {}

impl<'h, D, A> Mock<'h, D, A> {
    pub(super) fn new(
        hub: &'h TestHub,
        name: &str,
        read: fn(Option<&str>) -> Result<A, InputError>,
    ) -> Self {
        hub.world().new_mock(name);
        Self {
            hub,
            name: name.to_owned(),
            read,
            definition: PhantomData,
        }
    }

    /// How many attempts are given the answer in front of this, instead of one, or, for the last one, of all that follow. When an
    /// attempt finds no answer left, the test fails.
    ///
    /// # Panics
    ///
    /// When there is no answer in front of it.
    #[track_caller]
    pub fn times(self, times: u32) -> Self {
        let is_said = self.with_answers(|answers| answers.last_is_given(times));
        assert!(is_said, "`times` is about the answer in front of it");
        self
    }

    /// How long the answer in front of this takes, in virtual time. A closure is called at the end of it; it is not called when
    /// the attempt is cancelled before.
    ///
    /// # Panics
    ///
    /// When there is no answer in front of it.
    #[track_caller]
    pub fn after(self, duration: Duration) -> Self {
        let is_said = self.with_answers(|answers| answers.last_takes(duration));
        assert!(is_said, "`after` is about the answer in front of it");
        self
    }

    /// Fails with these details. For the activity's own error there is [`returns`](Self::returns).
    pub fn fails(self, failure: FailureDetails) -> Self {
        self.answer(Answer::Always(Err(failure)))
    }

    /// Panics with this message, which is a failure of the attempt.
    pub fn panics(self, message: impl Into<String>) -> Self {
        self.fails(FailureDetails::new(failure::kind::PANIC, message))
    }

    /// Never returns: a timeout, or another branch of a race, must go on without it.
    pub fn never_returns(self) -> Self {
        self.answer(Answer::Never)
    }

    fn answer(self, answer: Answer) -> Self {
        self.with_answers(|answers| answers.push(answer));
        self
    }

    fn with_answers<T>(&self, change: impl FnOnce(&mut super::answers::Answers) -> T) -> T {
        self.hub.world().with_mock(&self.name, change)
    }
}

impl<D: ActivityDefinition, A: 'static> Mock<'_, D, A> {
    /// Returns this: what the activity returns, so a `Result` when that does.
    ///
    /// # Panics
    ///
    /// When it cannot be written as JSON, or would be read back as another value.
    #[track_caller]
    pub fn returns(self, value: D::Returned) -> Self {
        let noting = Noting::begin();
        let outcome = D::record(value);
        if let Some(why) = noting.first() {
            panic!("{why}");
        }
        match &outcome {
            Err(failure) if failure.error_type == failure::kind::ENCODE => {
                panic!("{}", failure.error_message)
            }
            _ => self.answer(Answer::Always(outcome)),
        }
    }

    /// Computes what it returns from the arguments.
    fn computes(
        self,
        mut compute: impl FnMut(A) -> LocalBoxFuture<'static, D::Returned> + 'static,
    ) -> Self {
        let read = self.read;
        self.answers(move |input| match read(input) {
            Ok(arguments) => Box::pin(compute(arguments).map(D::record)),
            Err(error) => Box::pin(ready(Err(FailureDetails::from(&error)))),
        })
    }
}

impl<D, A> Mock<'_, D, A> {
    fn answers(
        self,
        compute: impl FnMut(Option<&str>) -> LocalBoxFuture<'static, Outcome> + 'static,
    ) -> Self {
        let compute = RefCell::new(compute);
        let compute = Rc::new(move |input: Option<&str>| (compute.borrow_mut())(input));
        self.answer(Answer::Computed(compute))
    }
}

macro_rules! arity {
    ($(#[$doc:meta])* $($argument:ident)*) => {
        impl<D: ActivityDefinition, $($argument: 'static),*> Mock<'_, D, ($($argument,)*)> {
            /// Returns what this returns. It takes the arguments of the activity.
            $(#[$doc])*
            pub fn with(self, mut answer: impl FnMut($($argument),*) -> D::Returned + 'static) -> Self {
                #[allow(non_snake_case, reason = "a value of each type")]
                self.computes(move |($($argument,)*)| Box::pin(ready(answer($($argument),*))))
            }

            /// As [`with`](Self::with), and may wait on the way: for [`VirtualTime::sleep`](super::VirtualTime::sleep), or for a channel
            /// that another mock sends to.
            $(#[$doc])*
            pub fn with_async<F: Future<Output = D::Returned> + 'static>(
                self,
                mut answer: impl FnMut($($argument),*) -> F + 'static,
            ) -> Self {
                #[allow(non_snake_case, reason = "a value of each type")]
                self.computes(move |($($argument,)*)| Box::pin(answer($($argument),*)))
            }
        }
    };
}

// The same for each number of arguments; the documentation shows one.
arity!(#[doc(hidden)]);
arity!(A1);
arity!(#[doc(hidden)] A1 A2);
arity!(#[doc(hidden)] A1 A2 A3);
arity!(#[doc(hidden)] A1 A2 A3 A4);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5 A6);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5 A6 A7);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5 A6 A7 A8);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5 A6 A7 A8 A9);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
arity!(#[doc(hidden)] A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);

impl Mock<'_, ByName, ()> {
    /// Returns this value, as JSON.
    ///
    /// # Panics
    ///
    /// When it cannot be written as JSON.
    #[track_caller]
    pub fn returns(self, value: impl Serialize) -> Self {
        let what = format!("the output of the activity `{}`", self.name);
        let noting = Noting::begin();
        let json = match (encode(&what, &value), noting.first()) {
            (Ok(json), None) => json,
            (Ok(_), Some(why)) => panic!("{why}"),
            (Err(error), _) => panic!("{error}"),
        };
        let value = (type_name_of_val(&value), Location::caller());
        self.with_answers(|answers| answers.push_value(json, value));
        self
    }

    /// Returns what this returns for the input: its JSON, or null when there is none. An input that is no JSON fails the attempt.
    pub fn with(
        self,
        mut answer: impl FnMut(Value) -> Result<Value, FailureDetails> + 'static,
    ) -> Self {
        self.answers(move |input| {
            let input = input.map_or(Ok(Value::Null), serde_json::from_str);
            let outcome = match input {
                Ok(input) => answer(input).map(|value| value.to_string()),
                Err(error) => Err(FailureDetails::new(
                    failure::kind::DECODE,
                    error.to_string(),
                )),
            };
            Box::pin(ready(outcome))
        })
    }
}

impl<D, A> fmt::Debug for Mock<'_, D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
