//! The attributes and derives of `steadfast`. Depend on `steadfast`, which re-exports them.
//!
//! An attribute goes through `item` and `args` (parse), `model`, `validate` and `expand`; a derive is one file in `derive`.
//! Mistakes are collected in `errors` and reported together; a function that has some is replaced by `expand::fallback`.

mod args;
mod derive;
mod errors;
mod expand;
mod item;
mod model;
mod paths;
mod validate;

use proc_macro::TokenStream;
use quote::ToTokens;

use crate::args::Args;
use crate::errors::Errors;
use crate::item::{Item, NotAnItem};
use crate::model::{Definition, Kind};

/// Makes an async function an orchestrator: its code survives crashes and restarts of the process.
///
/// The first parameter is the context, [`OrchestrationContext`] or `OrchestrationContext<S>` with a status type `S`. The
/// others are the arguments; they are read from JSON, and so is the output.
///
/// The function's name is three things afterwards: `hello_sequence(cities)` builds a call, `hello_sequence` is a type that
/// stands for the definition, and `hello_sequence::run(ctx, cities)` is the function as written.
///
/// # Keys
///
/// - `name = ".."`: the name that it is registered under; the function's own when left out.
/// - `crate = path`: where steadfast is, when the dependency is renamed.
///
/// [`OrchestrationContext`]: https://docs.rs/steadfast/latest/steadfast/struct.OrchestrationContext.html
#[proc_macro_attribute]
pub fn orchestrator(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(Kind::Orchestrator, args, item)
}

/// Makes an async function an activity: a step that may do anything, and whose result is recorded.
///
/// The first parameter may be an [`ActivityContext`]. The others are the arguments; they are read from JSON, and so is the
/// output. An activity runs at least once: after a crash it may run again.
///
/// The function's name is three things afterwards: `say_hello(city)` builds a call, `say_hello` is a type that stands for the
/// definition, and `say_hello::run(city)` is the function as written, for unit tests.
///
/// # Keys
///
/// - `name = ".."`: the name that it is registered under; the function's own when left out.
/// - `crate = path`: where steadfast is, when the dependency is renamed.
///
/// # Errors
///
/// When it returns a `Result`, its error is recorded as data if it is a `DurableError`, and else with its message; it may be
/// any type that implements `std::error::Error` or `Display`.
///
/// [`ActivityContext`]: https://docs.rs/steadfast/latest/steadfast/struct.ActivityContext.html
#[proc_macro_attribute]
pub fn activity(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(Kind::Activity, args, item)
}

/// Lets an error travel as data: what an activity returns is the same value again in the orchestrator that called it.
///
/// The type also implements `Serialize`, `Deserialize` and `Display` (for instance by `thiserror::Error`).
///
/// # Retries
///
/// `#[no_retry]` on a variant says that trying again is useless; `#[retry]` that it may help, which is the default. On the
/// type they change the default.
///
/// # `?` in an orchestrator
///
/// The error of a call, of an event and of a status convert into the type. A failure that is one of its values becomes that
/// value. **Any other failure cannot be a value of the type: it ends the orchestration as `Failed` with exactly the failure's
/// details**, as an uncaught exception does in Durable Functions. To handle it instead, match on the `CallError`.
///
/// A variant with a field `#[from] CallError<..>` (or `EventError`, `CustomStatusError`) replaces that conversion.
#[proc_macro_derive(DurableError, attributes(retry, no_retry, steadfast))]
pub fn durable_error(input: TokenStream) -> TokenStream {
    derive(input, derive::durable_error::expand)
}

/// Makes a type the payload of an external event of its name, or of the one in `#[event(name = "..")]`.
///
/// The type also implements `Serialize` and `Deserialize`.
#[proc_macro_derive(ExternalEvent, attributes(event, steadfast))]
pub fn external_event(input: TokenStream) -> TokenStream {
    derive(input, derive::external_event::expand)
}

/// Computes the greatest length of a type's JSON, so that it is certain to fit into a custom status.
///
/// The type also implements `Serialize`, by serde's derive. Its fields are numbers, `bool`, `char`, `BoundedStr<N>`, options,
/// arrays and tuples of them, or types that derive `CustomStatus` too. A type that could exceed the limit of 16 KB does not
/// compile. serde's `rename`, `rename_all`, `untagged` and the attributes that leave fields out or concern reading are understood.
#[proc_macro_derive(CustomStatus, attributes(steadfast))]
pub fn custom_status(input: TokenStream) -> TokenStream {
    derive(input, derive::custom_status::expand)
}

fn attribute(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let args = Args::parse(args.into(), kind.accepts(), &errors);
    let parsed = match Item::parse(item.clone().into()) {
        Ok(parsed) => parsed,
        Err(NotAnItem::NotAFunction(keyword)) => {
            let message = format!(
                "{} goes on an `async fn`; this item begins with `{keyword}`",
                kind.attribute()
            );
            errors.at(keyword, message);
            let mut tokens = item;
            tokens.extend(report(errors));
            return tokens;
        }
        Err(NotAnItem::Broken(error)) => {
            errors.push(error);
            return report(errors);
        }
    };
    validate::check(kind, &parsed, &errors);
    let definition = Definition::new(kind, &args, parsed);
    match errors.finish() {
        Ok(()) => expand::expand(&definition).into(),
        Err(error) => {
            let mut tokens = expand::fallback::expand(&definition);
            error.into_compile_error().to_tokens(&mut tokens);
            tokens.into()
        }
    }
}

fn derive(
    input: TokenStream,
    expand: fn(&syn::DeriveInput, &Errors) -> proc_macro2::TokenStream,
) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    let errors = Errors::new();
    // A type that has mistakes still implements the trait, so that only the mistakes are reported.
    let mut tokens = TokenStream::from(expand(&input, &errors));
    tokens.extend(report(errors));
    tokens
}

fn report(errors: Errors) -> TokenStream {
    errors.finish().map_or_else(
        |error| error.into_compile_error().into(),
        |()| TokenStream::new(),
    )
}
