/// The orchestrator `reserve` as a type: [`reserve()`] builds a call of it.
#[allow(dead_code, non_camel_case_types, unreachable_pub)]
#[::core::prelude::v1::derive(
    ::core::clone::Clone,
    ::core::marker::Copy,
    ::core::fmt::Debug
)]
struct reserve {}
impl reserve {
    /// The function as written.
    #[allow(clippy::unused_async, unreachable_pub)]
    async fn run(
        ctx: OrchestrationContext<Progress>,
        r#type: Vec<String>,
        user: Option<u32>,
    ) -> bool {
        true
    }
}
/** Builds a call of the orchestrator `reserve`. [`reserve::run`] is the function as written.

 - argument `type`, `Vec<String>`
 - argument `user`, `Option<u32>`
 - returns `bool`
 - publishes `Progress` as its custom status*/
#[allow(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    dead_code,
    deprecated
)]
fn reserve(r#type: Vec<String>, user: Option<u32>) -> renamed::__private::Call<reserve> {
    renamed::__private::Call::with_arguments(
        &[
            ("type", <Vec<String> as renamed::__private::Argument>::written(&r#type)),
            ("user", <Option<u32> as renamed::__private::Argument>::written(&user)),
        ],
    )
}
#[allow(clippy::needless_borrow, deprecated, unused_qualifications)]
const _: () = {
    impl renamed::__private::Definition for reserve {
        type Kind = renamed::__private::OrchestratorKind;
        type Output = bool;
        type Error = ::core::convert::Infallible;
        type Status = <OrchestrationContext<
            Progress,
        > as renamed::__private::ContextStatus>::Status;
        const NAME: &'static ::core::primitive::str = "reserve";
        const PARAMETERS: &'static [&'static ::core::primitive::str] = &["type", "user"];
    }
    impl renamed::__private::OrchestratorDefinition for reserve {}
    impl<__E: renamed::__private::ExternalEvent> renamed::__private::AcceptsEvent<__E>
    for reserve {}
    fn __decode(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<
        (Vec<String>, Option<u32>),
        renamed::__private::InputError,
    > {
        #[allow(unused_imports)]
        use renamed::__private::NoArgument as _;
        renamed::__private::decode_arguments(
            <reserve as renamed::__private::Definition>::PARAMETERS,
            __input,
            |__arguments| {
                ::core::result::Result::Ok((
                    renamed::__private::ArgumentType::<Vec<String>>::new()
                        .take(__arguments)?,
                    renamed::__private::ArgumentType::<Option<u32>>::new()
                        .take(__arguments)?,
                ))
            },
        )
    }
    fn __start(
        __execution: renamed::__private::ExecutionHandle,
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<
        renamed::__private::LocalBoxFuture<'static, renamed::__private::Outcome>,
        renamed::__private::InputError,
    > {
        let __arguments = __decode(__input)?;
        let __context = <OrchestrationContext<Progress>>::from_execution(__execution);
        ::core::result::Result::Ok(
            renamed::__private::orchestrator(
                ::std::boxed::Box::pin(
                    reserve::run(__context, __arguments.0, __arguments.1),
                ),
                renamed::__private::RecordOutput {
                    name: <reserve as renamed::__private::Definition>::NAME,
                    output: <<reserve as renamed::__private::Definition>::Output as renamed::__private::WriteJson>::erased,
                },
            ),
        )
    }
    fn __check_input(
        __input: ::core::option::Option<&::core::primitive::str>,
    ) -> ::core::result::Result<(), renamed::__private::InputError> {
        __decode(__input).map(::core::mem::drop)
    }
    const _: ::core::primitive::usize = <Progress as renamed::__private::StatusType>::MAX_UTF16_UNITS;
    impl renamed::__private::Registered for reserve {
        const REGISTRATION: renamed::__private::Registration = renamed::__private::Registration {
            name: <reserve as renamed::__private::Definition>::NAME,
            version: <reserve as renamed::__private::Definition>::VERSION,
            location: renamed::__private::Location {
                module: ::core::module_path!(),
                file: ::core::file!(),
                line: ::core::line!(),
            },
            function: renamed::__private::Function::Orchestrator {
                start: __start,
                check_input: __check_input,
                events: ::core::option::Option::None,
            },
        };
    }
    renamed::__private::submit!(
        < reserve as renamed::__private::Registered > ::REGISTRATION
    );
};
