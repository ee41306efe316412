//! What is particular to an activity: it may take an [`ActivityContext`], and its future is `Send`.
//!
//! Input:
//! ```text
//! async fn say_hello(ctx: ActivityContext, city: String) -> Result<String, GreetError> { body }
//! ```
//! Output:
//! ```text
//! fn __start(context: private::ActivityContext, input: Option<&str>) -> Result<private::BoxFuture<..>, private::InputError> {
//!     let arguments = __decode(input)?;
//!     Ok(Box::pin(async move { private::outcome::<say_hello>(say_hello::run(context, arguments.0).await, __codec()) }))
//! }
//! ```
//!
//! [`ActivityContext`]: crate::model::ACTIVITY_CONTEXT

use proc_macro2::TokenStream;
use quote::quote;

use super::{outcome, read_arguments};
use crate::model::Definition;

/// The function that starts the activity.
pub(super) fn start(definition: &Definition) -> TokenStream {
    let private = &definition.private;
    let context = if definition.context.is_some() {
        quote!(__context)
    } else {
        quote!(_)
    };
    let (read_arguments, future) = (read_arguments(definition), outcome(definition));
    quote! {
        fn __start(
            #context: #private::ActivityContext,
            __input: ::core::option::Option<&::core::primitive::str>,
        ) -> ::core::result::Result<
            #private::BoxFuture<'static, #private::Outcome>,
            #private::InputError,
        > {
            #read_arguments
            ::core::result::Result::Ok(#future)
        }
    }
}

/// The value that is registered.
pub(super) fn function(definition: &Definition) -> TokenStream {
    let private = &definition.private;
    quote!(#private::Function::Activity(__start))
}
