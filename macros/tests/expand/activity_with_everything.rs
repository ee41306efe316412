/// The activity `charge` as a type: [`charge()`] builds a call of it.
#[allow(dead_code, non_camel_case_types, unreachable_pub)]
#[::core::prelude::v1::derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug
)]
struct charge {}
impl charge {
    /// The function as written.
    #[allow(clippy::unused_async, unreachable_pub)]
    async fn run(
        ctx: ActivityContext,
        card: String,
        bank: Dependency<dyn Bank>,
        cents: u32,
    ) {
        bank.charge(card, cents).await
    }
}
/** Builds a call of the activity `charge`. [`charge::run`] is the function as written.

 - argument `card`, `String`: Of the customer.
 - argument `cents`, `u32`
 - is tried up to 3 times, `1s` after the first failure, each interval 2 times as long as the one before, `1m` at the longest, not later than `1h` after the first attempt, each interval shortened by up to 0.5 of itself
 - one attempt takes `30s` at most
 - all attempts together take `1m 500ms` at most
 - is given `Dependency<dyn Bank>` by the worker*/
#[allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    dead_code,
    deprecated
)]
fn charge(card: String, cents: u32) -> ::steadfast::__private::Call<charge> {
    ::steadfast::__private::Call::with_arguments(
        &[
            ("card", <String as ::steadfast::__private::Argument>::written(&card)),
            ("cents", <u32 as ::steadfast::__private::Argument>::written(&cents)),
        ],
    )
}
#[allow(clippy::needless_borrow, deprecated, unused_qualifications)]
const _: () = {
    impl ::steadfast::__private::Definition for charge {
        type Kind = ::steadfast::__private::ActivityKind;
        type Output = ();
        type Error = ::core::convert::Infallible;
        type Status = ::steadfast::__private::AnyStatus;
        const NAME: &'static ::core::primitive::str = "charge";
        const PARAMETERS: &'static [&'static ::core::primitive::str] = &[
            "card",
            "cents",
        ];
    }
    impl ::steadfast::__private::ActivityDefinition for charge {
        const RETRY: ::core::option::Option<::steadfast::__private::RetryPolicy> = ::core::option::Option::Some(
            ::steadfast::__private::RetryPolicy::new(
                    3,
                    ::core::time::Duration::new(1, 0),
                )
                .backoff_coefficient(2.0)
                .max_interval(::core::time::Duration::new(60, 0))
                .total_time(::core::time::Duration::new(3600, 0))
                .jitter(0.5),
        );
        const TIMEOUT: ::core::option::Option<::core::time::Duration> = ::core::option::Option::Some(
            ::core::time::Duration::new(30, 0),
        );
        const TOTAL_TIMEOUT: ::core::option::Option<::core::time::Duration> = ::core::option::Option::Some(
            ::core::time::Duration::new(60, 500000000),
        );
        type Returned = Self::Output;
        fn record(__returned: Self::Returned) -> ::steadfast::__private::Outcome {
            ::steadfast::__private::record_activity(
                &::steadfast::__private::RecordOutput {
                    name: <charge as ::steadfast::__private::Definition>::NAME,
                    output: <<charge as ::steadfast::__private::Definition>::Output as ::steadfast::__private::WriteJson>::erased,
                },
                __returned,
            )
        }
    }
    fn __decode(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<(String, u32), ::steadfast::__private::InputError> {
        #[allow(unused_imports)]
        use ::steadfast::__private::NoArgument as _;
        ::steadfast::__private::decode_arguments(
            <charge as ::steadfast::__private::Definition>::PARAMETERS,
            __input,
            |__arguments| {
                ::core::result::Result::Ok((
                    ::steadfast::__private::ArgumentType::<String>::new()
                        .take(__arguments)?,
                    ::steadfast::__private::ArgumentType::<u32>::new().take(__arguments)?,
                ))
            },
        )
    }
    fn __start(
        __context: ::steadfast::__private::ActivityContext,
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<
        ::steadfast::__private::BoxFuture<'static, ::steadfast::__private::Outcome>,
        ::steadfast::__private::InputError,
    > {
        let __arguments = __decode(__input)?;
        let __dependencies = (
            <Dependency<
                dyn Bank,
            > as ::steadfast::__private::GivenByWorker>::take(__context.dependencies()),
        );
        ::core::result::Result::Ok(
            ::steadfast::__private::activity(
                ::std::boxed::Box::pin(
                    charge::run(
                        __context,
                        __arguments.0,
                        __dependencies.0,
                        __arguments.1,
                    ),
                ),
                <charge as ::steadfast::__private::ActivityDefinition>::record,
            ),
        )
    }
    impl ::steadfast::__private::Registered for charge {
        const REGISTRATION: ::steadfast::__private::Registration = ::steadfast::__private::Registration {
            name: <charge as ::steadfast::__private::Definition>::NAME,
            version: <charge as ::steadfast::__private::Definition>::VERSION,
            location: ::steadfast::__private::Location {
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
            },
            function: ::steadfast::__private::Function::Activity {
                run: __start,
                dependencies: &[
                    <Dependency<dyn Bank> as ::steadfast::__private::GivenByWorker>::KEY,
                ],
            },
        };
    }
    ::steadfast::__private::submit!(
        < charge as ::steadfast::__private::Registered > ::REGISTRATION
    );
};
