//! What is particular to an activity: it may take an [`ActivityContext`] and dependencies, and its future is `Send`.
//!
//! Input:
//! ```text
//! #[activity(retry(max_attempts = 3, first_interval = "1s"), timeout = "30s")]
//! async fn say_hello(ctx: ActivityContext, db: Dependency<Pool>, city: String) -> Result<String, GreetError> { body }
//! ```
//! Output:
//! ```text
//! impl private::ActivityDefinition for say_hello {
//!     const RETRY: Option<private::RetryPolicy> = Some(private::RetryPolicy::new(3, Duration::new(1, 0)));
//!     const TIMEOUT: Option<Duration> = Some(Duration::new(30, 0));
//!     type Returned = Result<Self::Output, Self::Error>;
//!     fn record(returned: Self::Returned) -> private::Outcome {
//!         private::record_activity(&private::RecordResult { name, output: <.. as private::WriteJson>::erased, error: __codec() }, returned)
//!     }
//! }
//! fn __start(context: private::ActivityContext, input: Option<&str>) -> Result<private::BoxFuture<..>, private::InputError> {
//!     let arguments = __decode(input)?;
//!     let dependencies = (<Dependency<Pool> as private::GivenByWorker>::take(context.dependencies()),);
//!     Ok(private::activity(Box::pin(say_hello::run(context, dependencies.0, arguments.0)), <say_hello as private::ActivityDefinition>::record))
//! }
//! ```
//!
//! [`ActivityContext`]: crate::model::ACTIVITY_CONTEXT

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::{future, here, read_arguments, record, retry, span_of};
use crate::args::Period;
use crate::model::{Definition, Returned};

/// The function that starts the activity.
pub(super) fn start(definition: &Definition) -> TokenStream {
    let private = &definition.private;
    let context = if definition.context.is_some() || !definition.dependencies.is_empty() {
        quote!(__context)
    } else {
        quote!(_)
    };
    let dependencies = dependencies(definition);
    let (read_arguments, future) = (read_arguments(definition), future(definition));
    let ident = &definition.item.sig.ident;
    quote! {
        fn __start(
            #context: #private::ActivityContext,
            __input: ::core::option::Option<&::core::primitive::str>,
        ) -> ::core::result::Result<
            #private::BoxFuture<'static, #private::Outcome>,
            #private::InputError,
        > {
            #read_arguments
            #dependencies
            ::core::result::Result::Ok(#private::activity(
                #future,
                <#ident as #private::ActivityDefinition>::record,
            ))
        }
    }
}

/// The statement that takes the dependencies, each at its type.
fn dependencies(definition: &Definition) -> Option<TokenStream> {
    let values = definition.dependencies.iter().map(|ty| {
        let span = here(span_of(ty));
        let private = definition.private.at(span);
        quote_spanned!(span=> <#ty as #private::GivenByWorker>::take(__context.dependencies()),)
    });
    (!definition.dependencies.is_empty()).then(|| quote!(let __dependencies = (#(#values)*);))
}

/// What it returns, as written.
pub(super) fn returned(definition: &Definition) -> TokenStream {
    match definition.returned {
        Returned::Unit | Returned::Output(_) => quote!(
            type Returned = Self::Output;
        ),
        Returned::Result(_) => quote!(
            type Returned = ::core::result::Result<Self::Output, Self::Error>;
        ),
    }
}

/// How what it returns becomes data.
pub(super) fn recording(definition: &Definition) -> TokenStream {
    let private = &definition.private;
    let record = record(definition);
    quote! {
        fn record(__returned: Self::Returned) -> #private::Outcome {
            #private::record_activity(&#record, __returned)
        }
    }
}

/// The defaults of its calls.
pub(super) fn constants(definition: &Definition) -> TokenStream {
    let period = |name: TokenStream, period: &Option<Period>| {
        period.as_ref().map(|period| {
            quote! {
                const #name: ::core::option::Option<::core::time::Duration> = ::core::option::Option::Some(#period);
            }
        })
    };
    let retry = retry(definition);
    let timeout = period(quote!(TIMEOUT), &definition.timeout);
    let total_timeout = period(quote!(TOTAL_TIMEOUT), &definition.total_timeout);
    quote!(#retry #timeout #total_timeout)
}

/// The value that is registered.
pub(super) fn function(definition: &Definition) -> TokenStream {
    let private = &definition.private;
    let keys = definition.dependencies.iter().map(|ty| {
        let span = here(span_of(ty));
        let private = definition.private.at(span);
        quote_spanned!(span=> <#ty as #private::GivenByWorker>::KEY)
    });
    quote!(#private::Function::Activity { run: __start, dependencies: &[#(#keys),*] })
}
