//! Naming an activity by what builds its calls, with the types of its arguments.

use serde::de::DeserializeOwned;

use crate::arguments::{InputError, decode_arguments};
use crate::call::Call;
use crate::definition::{Definition, Kind};

/// The name of a function marked `#[activity]`, as a value: `say_hello` in `hub.mock(say_hello)`.
///
/// `A` is the tuple of its arguments, which is always inferred.
#[diagnostic::on_unimplemented(
    message = "this is not an activity",
    label = "this must be the name of a function marked `#[activity]`",
    note = "write the name alone, without arguments: `say_hello`",
    note = "an activity that has no function in this program is mocked by its name: `hub.mock_by_name(\"SayHello\")`"
)]
pub trait ActivityFn<A>: Copy + sealed::Sealed<A> {
    /// What it builds calls of.
    type Definition: Definition;
    /// Its arguments: the argument itself when there is one, and a tuple otherwise.
    type Arguments;

    /// Reads arguments, as the activity does.
    #[doc(hidden)]
    fn read(input: Option<&str>) -> Result<A, InputError>;

    /// Takes one argument out of its tuple.
    #[doc(hidden)]
    fn unpack(arguments: A) -> Self::Arguments;
}

mod sealed {
    pub trait Sealed<A> {}
}

macro_rules! arity {
    ($($argument:ident)*; $unpacked:ty; $pattern:pat => $value:expr) => {
        impl<F, D, K, $($argument),*> sealed::Sealed<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Call<D, K>,
            D: Definition,
            K: Kind,
        {
        }

        #[diagnostic::do_not_recommend]
        impl<F, D, K, $($argument),*> ActivityFn<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Call<D, K> + Copy,
            D: Definition,
            K: Kind,
            $($argument: DeserializeOwned,)*
        {
            type Definition = D;
            type Arguments = $unpacked;

            fn read(input: Option<&str>) -> Result<($($argument,)*), InputError> {
                decode_arguments(D::PARAMETERS, input, |_arguments| {
                    Ok(($(_arguments.next::<$argument>()?,)*))
                })
            }

            fn unpack($pattern: ($($argument,)*)) -> $unpacked {
                $value
            }
        }
    };
    ($($argument:ident)*) => {
        arity!($($argument)*; ($($argument,)*); arguments => arguments);
    };
}

arity!(; (); () => ());
arity!(A1; A1; (argument,) => argument);
arity!(A1 A2);
arity!(A1 A2 A3);
arity!(A1 A2 A3 A4);
arity!(A1 A2 A3 A4 A5);
arity!(A1 A2 A3 A4 A5 A6);
arity!(A1 A2 A3 A4 A5 A6 A7);
arity!(A1 A2 A3 A4 A5 A6 A7 A8);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11);
arity!(A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12);
