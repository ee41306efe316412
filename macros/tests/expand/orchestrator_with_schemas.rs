/// The orchestrator `book` as a type: [`book()`] builds a call of it.
#[allow(dead_code, non_camel_case_types, unreachable_pub)]
#[::core::prelude::v1::derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug
)]
struct book {}
impl book {
    /// The function as written.
    #[allow(clippy::unused_async, unreachable_pub)]
    async fn run(
        ctx: OrchestrationContext<Progress>,
        trip: Trip,
        seats: Option<u8>,
    ) -> Result<Ticket, String> {
        Ok(Ticket(trip, seats))
    }
}
/** Builds a call of the orchestrator `book`. [`book::run`] is the function as written.

 - argument `trip`, `Trip`
 - argument `seats`, `Option<u8>`
 - returns `Ticket`, or the error `String`
 - publishes `Progress` as its custom status
 - waits for the external events `Paid`*/
#[allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    dead_code,
    deprecated
)]
fn book(trip: Trip, seats: Option<u8>) -> ::steadfast::__private::Call<book> {
    ::steadfast::__private::Call::with_arguments(
        &[
            ("trip", <Trip as ::steadfast::__private::Argument>::written(&trip)),
            ("seats", <Option<u8> as ::steadfast::__private::Argument>::written(&seats)),
        ],
    )
}
#[allow(clippy::needless_borrow, deprecated, unused_qualifications)]
const _: () = {
    impl ::steadfast::__private::Definition for book {
        type Kind = ::steadfast::__private::OrchestratorKind;
        type Output = <Result<
            Ticket,
            String,
        > as ::steadfast::__private::StandardResult>::Output;
        type Error = <Result<
            Ticket,
            String,
        > as ::steadfast::__private::StandardResult>::Error;
        type Status = <OrchestrationContext<
            Progress,
        > as ::steadfast::__private::ContextStatus>::Status;
        const NAME: &'static ::core::primitive::str = "book";
        const PARAMETERS: &'static [&'static ::core::primitive::str] = &[
            "trip",
            "seats",
        ];
        fn decode_error(
            __failure: &::steadfast::__private::FailureDetails,
        ) -> ::core::option::Option<Self::Error> {
            __codec().decode(__failure)
        }
    }
    impl ::steadfast::__private::OrchestratorDefinition for book {}
    impl ::steadfast::__private::AcceptsEvent<Paid> for book {}
    fn __codec() -> ::steadfast::__private::ErrorCodec<
        <book as ::steadfast::__private::Definition>::Error,
    > {
        #[allow(unused_imports)]
        use ::steadfast::__private::{
            ChooseCodec1 as _, ChooseCodec2 as _, ChooseCodec3 as _, ChooseCodec4 as _,
            ChooseCodec5 as _,
        };
        <<book as ::steadfast::__private::Definition>::Error as ::steadfast::__private::RecordedError<
            _,
        >>::codec(
            (&&&&&::steadfast::__private::ErrorType::<
                <book as ::steadfast::__private::Definition>::Error,
            >::new())
                .codec(),
        )
    }
    fn __decode(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<(Trip, Option<u8>), ::steadfast::__private::InputError> {
        #[allow(unused_imports)]
        use ::steadfast::__private::NoArgument as _;
        ::steadfast::__private::decode_arguments(
            <book as ::steadfast::__private::Definition>::PARAMETERS,
            __input,
            |__arguments| {
                ::core::result::Result::Ok((
                    ::steadfast::__private::ArgumentType::<Trip>::new()
                        .take(__arguments)?,
                    ::steadfast::__private::ArgumentType::<Option<u8>>::new()
                        .take(__arguments)?,
                ))
            },
        )
    }
    fn __wire_types() -> ::steadfast::__private::WireTypes {
        #[allow(unused_imports)]
        use ::steadfast::__private::{NoArgument as _, NoSchema as _};
        ::steadfast::__private::WireTypes::new(
            &[
                (
                    "trip",
                    ::steadfast::__private::JsonOf::<Trip>::new().describe(),
                    ::steadfast::__private::ArgumentType::<Trip>::new().may_be_missing(),
                ),
                (
                    "seats",
                    ::steadfast::__private::JsonOf::<Option<u8>>::new().describe(),
                    ::steadfast::__private::ArgumentType::<Option<u8>>::new()
                        .may_be_missing(),
                ),
            ],
            ::steadfast::__private::JsonOf::<
                <book as ::steadfast::__private::Definition>::Output,
            >::new()
                .describe(),
            ::steadfast::__private::JsonOf::<
                <book as ::steadfast::__private::Definition>::Status,
            >::new()
                .describe(),
            &[::steadfast::__private::JsonOf::<Paid>::new().describe()],
        )
    }
    fn __start(
        __execution: ::steadfast::__private::ExecutionHandle,
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<
        ::steadfast::__private::LocalBoxFuture<'static, ::steadfast::__private::Outcome>,
        ::steadfast::__private::InputError,
    > {
        let __arguments = __decode(__input)?;
        let __context = <OrchestrationContext<Progress>>::from_execution(__execution);
        ::core::result::Result::Ok(
            ::steadfast::__private::orchestrator(
                ::std::boxed::Box::pin(
                    book::run(__context, __arguments.0, __arguments.1),
                ),
                ::steadfast::__private::RecordResult {
                    name: <book as ::steadfast::__private::Definition>::NAME,
                    output: <<book as ::steadfast::__private::Definition>::Output as ::steadfast::__private::WriteJson>::erased,
                    error: __codec(),
                },
            ),
        )
    }
    fn __check_input(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<(), ::steadfast::__private::InputError> {
        __decode(__input).map(::core::mem::drop)
    }
    const _: ::core::primitive::usize = <Progress as ::steadfast::__private::StatusType>::MAX_UTF16_UNITS;
    impl ::steadfast::__private::Registered for book {
        const REGISTRATION: ::steadfast::__private::Registration = ::steadfast::__private::Registration {
            name: <book as ::steadfast::__private::Definition>::NAME,
            version: <book as ::steadfast::__private::Definition>::VERSION,
            location: ::steadfast::__private::Location {
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
            },
            function: ::steadfast::__private::Function::Orchestrator {
                start: __start,
                check_input: __check_input,
                events: ::steadfast::__private::declared(
                    &[<Paid as ::steadfast::__private::ExternalEvent>::DECLARATION],
                ),
                wire_types: __wire_types,
            },
        };
    }
    ::steadfast::__private::submit!(
        < book as ::steadfast::__private::Registered > ::REGISTRATION
    );
};
