//! What is particular to an orchestrator: its context is typed by its status, its future need not be `Send`, and its input can
//! be checked without starting it.
//!
//! Input:
//! ```text
//! #[orchestrator(events(Approved))]
//! async fn hello_sequence(ctx: OrchestrationContext<Progress>, cities: Vec<String>) -> Result<Vec<String>, GreetError> { body }
//! ```
//! Output:
//! ```text
//! fn __start(execution: private::ExecutionHandle, input: Option<&str>) -> Result<private::LocalBoxFuture<..>, private::InputError> {
//!     let arguments = __decode(input)?;
//!     let context = <OrchestrationContext<Progress>>::from_execution(execution);
//!     Ok(private::orchestrator(Box::pin(hello_sequence::run(context, arguments.0)), private::RecordResult { name, output: <.. as private::WriteJson>::erased, error: __codec() }))
//! }
//! fn __check_input(input: Option<&str>) -> Result<(), private::InputError> { __decode(input).map(drop) }
//! const _: usize = <Progress as private::StatusType>::MAX_UTF16_UNITS;
//! impl private::AcceptsEvent<Approved> for hello_sequence {}
//! private::Function::Orchestrator { start, check_input, events: private::declared(&[<Approved as private::ExternalEvent>::DECLARATION]) }
//! ```

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::{future, here, read_arguments, record, retry, span_of, wire_types};
use crate::model::{self, Definition};
use crate::validate::text;

/// The functions that start the orchestrator and check its input.
pub(super) fn start(definition: &Definition) -> TokenStream {
    let (private, context) = (&definition.private, &definition.context);
    let (read_arguments, future, record) = (
        read_arguments(definition),
        future(definition),
        record(definition),
    );
    let from_execution =
        quote_spanned!(here(span_of(context))=> <#context>::from_execution(__execution));
    let status = definition
        .context
        .as_ref()
        .and_then(model::status_type)
        .map(|status| is_bounded(definition, status));
    let wire_types = wire_types::function(definition);
    quote! {
        #wire_types
        fn __start(
            __execution: #private::ExecutionHandle,
            __input: ::core::option::Option<&::core::primitive::str>,
        ) -> ::core::result::Result<
            #private::LocalBoxFuture<'static, #private::Outcome>,
            #private::InputError,
        > {
            #read_arguments
            let __context = #from_execution;
            ::core::result::Result::Ok(#private::orchestrator(#future, #record))
        }
        fn __check_input(
            __input: ::core::option::Option<&::core::primitive::str>,
        ) -> ::core::result::Result<(), #private::InputError> {
            __decode(__input).map(::core::mem::drop)
        }
        #status
    }
}

/// Requires a status that certainly fits, where the function names its type. A derived type was checked at its derive; what
/// is put together here of other types is checked here.
fn is_bounded(definition: &Definition, status: &Type) -> TokenStream {
    let span = here(span_of(status));
    let private = definition.private.at(span);
    let is_named = model::last_segment(status).is_some_and(|last| last.arguments.is_none());
    if is_named && model::last_segment(status).is_some_and(|last| last.ident == "AnyStatus") {
        return TokenStream::new();
    }
    let units = quote_spanned!(span=> <#status as #private::StatusType>::MAX_UTF16_UNITS);
    if is_named {
        quote!(const _: ::core::primitive::usize = #units;)
    } else {
        let name = text(status);
        quote_spanned!(span=> const _: () = #private::assert_fits(#name, #units);)
    }
}

/// The defaults of its calls.
pub(super) fn constants(definition: &Definition) -> TokenStream {
    retry(definition).unwrap_or_default()
}

/// Which events its callers may raise.
pub(super) fn accepts_events(definition: &Definition) -> TokenStream {
    let (private, ident) = (&definition.private, &definition.item.sig.ident);
    let Some(events) = &definition.events else {
        return quote! {
            impl<__E: #private::ExternalEvent> #private::AcceptsEvent<__E> for #ident {}
        };
    };
    let each = events.iter().map(|ty| {
        let span = here(span_of(ty));
        let private = definition.private.at(span);
        quote_spanned!(span=> impl #private::AcceptsEvent<#ty> for #ident {})
    });
    quote!(#(#each)*)
}

/// The value that is registered.
pub(super) fn function(definition: &Definition) -> TokenStream {
    let private = &definition.private;
    let events = definition.events.as_ref().map_or_else(
        || quote!(::core::option::Option::None),
        |events| {
            let declarations = events.iter().map(|ty| {
                let span = here(span_of(ty));
                let private = definition.private.at(span);
                quote_spanned!(span=> <#ty as #private::ExternalEvent>::DECLARATION)
            });
            let span = here(events.first().map_or_else(Span::call_site, span_of));
            let private = definition.private.at(span);
            quote_spanned!(span=> #private::declared(&[#(#declarations),*]))
        },
    );
    let wire_types = wire_types::field(definition);
    quote! {
        #private::Function::Orchestrator { start: __start, check_input: __check_input, events: #events, #wire_types }
    }
}
