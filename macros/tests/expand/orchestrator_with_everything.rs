/// The orchestrator `order` (version `1.2`) as a type: [`order()`] builds a call of it.
#[allow(dead_code, non_camel_case_types, unreachable_pub)]
#[::core::prelude::v1::derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug
)]
struct order {}
impl order {
    /// The function as written.
    #[allow(clippy::unused_async, unreachable_pub)]
    async fn run(ctx: OrchestrationContext) {
        let now = SystemTime::now();
    }
}
/** Builds a call of the orchestrator `order` (version `1.2`). [`order::run`] is the function as written.

 - is tried up to 2 times, `1s` after the first failure
 - waits for the external events `Approved`, `Cancelled`
 - is not deterministic on purpose (`clock`): only shown*/
#[allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    dead_code,
    deprecated
)]
fn order() -> ::steadfast::__private::Call<order> {
    ::steadfast::__private::Call::with_arguments(&[])
}
#[allow(clippy::needless_borrow, deprecated, unused_qualifications)]
const _: () = {
    impl ::steadfast::__private::Definition for order {
        type Kind = ::steadfast::__private::OrchestratorKind;
        type Output = ();
        type Error = ::core::convert::Infallible;
        type Status = <OrchestrationContext as ::steadfast::__private::ContextStatus>::Status;
        const NAME: &'static ::core::primitive::str = "order";
        const VERSION: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(
            "1.2",
        );
        const PARAMETERS: &'static [&'static ::core::primitive::str] = &[];
    }
    impl ::steadfast::__private::OrchestratorDefinition for order {
        const RETRY: ::core::option::Option<::steadfast::__private::RetryPolicy> = ::core::option::Option::Some(
            ::steadfast::__private::RetryPolicy::new(
                2,
                ::core::time::Duration::new(1, 0),
            ),
        );
    }
    impl ::steadfast::__private::AcceptsEvent<Approved> for order {}
    impl ::steadfast::__private::AcceptsEvent<Cancelled> for order {}
    fn __decode(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<(), ::steadfast::__private::InputError> {
        ::steadfast::__private::decode_arguments(
            <order as ::steadfast::__private::Definition>::PARAMETERS,
            __input,
            |_| { ::core::result::Result::Ok(()) },
        )
    }
    fn __start(
        __execution: ::steadfast::__private::ExecutionHandle,
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<
        ::steadfast::__private::LocalBoxFuture<'static, ::steadfast::__private::Outcome>,
        ::steadfast::__private::InputError,
    > {
        __decode(__input)?;
        let __context = <OrchestrationContext>::from_execution(__execution);
        ::core::result::Result::Ok(
            ::steadfast::__private::orchestrator(
                ::std::boxed::Box::pin(order::run(__context)),
                ::steadfast::__private::RecordOutput {
                    name: <order as ::steadfast::__private::Definition>::NAME,
                    output: <<order as ::steadfast::__private::Definition>::Output as ::steadfast::__private::WriteJson>::erased,
                },
            ),
        )
    }
    fn __check_input(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<(), ::steadfast::__private::InputError> {
        __decode(__input).map(::core::mem::drop)
    }
    impl ::steadfast::__private::Registered for order {
        const REGISTRATION: ::steadfast::__private::Registration = ::steadfast::__private::Registration {
            name: <order as ::steadfast::__private::Definition>::NAME,
            version: <order as ::steadfast::__private::Definition>::VERSION,
            location: ::steadfast::__private::Location {
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
            },
            function: ::steadfast::__private::Function::Orchestrator {
                start: __start,
                check_input: __check_input,
                events: ::steadfast::__private::declared(
                    &[
                        <Approved as ::steadfast::__private::ExternalEvent>::DECLARATION,
                        <Cancelled as ::steadfast::__private::ExternalEvent>::DECLARATION,
                    ],
                ),
            },
        };
    }
    ::steadfast::__private::submit!(
        < order as ::steadfast::__private::Registered > ::REGISTRATION
    );
};
