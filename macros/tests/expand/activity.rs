/// The activity `E1_SayHello` as a type: [`say_hello()`] builds a call of it.
#[allow(dead_code, non_camel_case_types, unreachable_pub)]
#[::core::prelude::v1::derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug
)]
pub struct say_hello {}
impl say_hello {
    /// Greets a city.
    #[tracing::instrument]
    #[allow(clippy::unused_async, unreachable_pub)]
    pub async fn run(mut city: String) -> Result<String, GreetError> {
        city.push('!');
        Ok(city)
    }
}
/// Greets a city.
/**
 # Definition

 Builds a call of the activity `E1_SayHello`. [`say_hello::run`] is the function as written.

 - argument `city`, `String`
 - returns `String`, or the error `GreetError`*/
#[allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    dead_code,
    deprecated
)]
pub fn say_hello(city: String) -> ::steadfast::__private::Call<say_hello> {
    ::steadfast::__private::Call::with_arguments(
        &[("city", <String as ::steadfast::__private::Argument>::written(&city))],
    )
}
#[allow(clippy::needless_borrow, deprecated, unused_qualifications)]
const _: () = {
    impl ::steadfast::__private::Definition for say_hello {
        type Kind = ::steadfast::__private::ActivityKind;
        type Output = <Result<
            String,
            GreetError,
        > as ::steadfast::__private::StandardResult>::Output;
        type Error = <Result<
            String,
            GreetError,
        > as ::steadfast::__private::StandardResult>::Error;
        type Status = ::steadfast::__private::AnyStatus;
        const NAME: &'static ::core::primitive::str = "E1_SayHello";
        const PARAMETERS: &'static [&'static ::core::primitive::str] = &["city"];
        fn decode_error(
            __failure: &::steadfast::__private::FailureDetails,
        ) -> ::core::option::Option<Self::Error> {
            __codec().decode(__failure)
        }
    }
    impl ::steadfast::__private::ActivityDefinition for say_hello {
        type Returned = ::core::result::Result<Self::Output, Self::Error>;
        fn record(__returned: Self::Returned) -> ::steadfast::__private::Outcome {
            ::steadfast::__private::record_activity(
                &::steadfast::__private::RecordResult {
                    name: <say_hello as ::steadfast::__private::Definition>::NAME,
                    output: <<say_hello as ::steadfast::__private::Definition>::Output as ::steadfast::__private::WriteJson>::erased,
                    error: __codec(),
                },
                __returned,
            )
        }
    }
    fn __codec() -> ::steadfast::__private::ErrorCodec<
        <say_hello as ::steadfast::__private::Definition>::Error,
    > {
        #[allow(unused_imports)]
        use ::steadfast::__private::{
            ChooseCodec1 as _, ChooseCodec2 as _, ChooseCodec3 as _, ChooseCodec4 as _,
            ChooseCodec5 as _,
        };
        <<say_hello as ::steadfast::__private::Definition>::Error as ::steadfast::__private::RecordedError<
            _,
        >>::codec(
            (&&&&&::steadfast::__private::ErrorType::<
                <say_hello as ::steadfast::__private::Definition>::Error,
            >::new())
                .codec(),
        )
    }
    fn __decode(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<(String,), ::steadfast::__private::InputError> {
        #[allow(unused_imports)]
        use ::steadfast::__private::NoArgument as _;
        ::steadfast::__private::decode_arguments(
            <say_hello as ::steadfast::__private::Definition>::PARAMETERS,
            __input,
            |__arguments| {
                ::core::result::Result::Ok((
                    ::steadfast::__private::ArgumentType::<String>::new()
                        .take(__arguments)?,
                ))
            },
        )
    }
    fn __start(
        _: ::steadfast::__private::ActivityContext,
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<
        ::steadfast::__private::BoxFuture<'static, ::steadfast::__private::Outcome>,
        ::steadfast::__private::InputError,
    > {
        let __arguments = __decode(__input)?;
        ::core::result::Result::Ok(
            ::steadfast::__private::activity(
                ::std::boxed::Box::pin(say_hello::run(__arguments.0)),
                <say_hello as ::steadfast::__private::ActivityDefinition>::record,
            ),
        )
    }
    impl ::steadfast::__private::Registered for say_hello {
        const REGISTRATION: ::steadfast::__private::Registration = ::steadfast::__private::Registration {
            name: <say_hello as ::steadfast::__private::Definition>::NAME,
            version: <say_hello as ::steadfast::__private::Definition>::VERSION,
            location: ::steadfast::__private::Location {
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
            },
            function: ::steadfast::__private::Function::Activity {
                run: __start,
                dependencies: &[],
            },
        };
    }
    ::steadfast::__private::submit!(
        < say_hello as ::steadfast::__private::Registered > ::REGISTRATION
    );
};
