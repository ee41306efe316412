//! The attributes and derives of `steadfast`. Depend on `steadfast`, which re-exports them.
//!
//! An attribute goes through `item` and `args` (parse), `model`, `validate` and `determinism` (check) and `expand`; a derive is one
//! file in `derive`. Mistakes are collected in `errors` and reported together; a function that cannot be a definition is replaced by
//! `expand::fallback`.

mod args;
mod derive;
mod determinism;
mod errors;
mod expand;
mod item;
mod model;
mod paths;
#[cfg(feature = "testing")]
mod replay_tests;
mod validate;

use proc_macro::TokenStream;
use quote::{ToTokens, quote};

use crate::args::Args;
use crate::errors::Errors;
use crate::item::{Item, NotAnItem};
use crate::model::{Definition, Kind};

/// Makes an async function an orchestrator: its code survives crashes and restarts of the process.
///
/// The first parameter is the context, [`OrchestrationContext`] or `OrchestrationContext<S>` with a status type `S`. The
/// others are the arguments. Arguments and output travel as JSON.
///
/// The function's name is three things afterwards: `hello_sequence(cities)` builds a call, `hello_sequence` is a type that
/// stands for the definition, and `hello_sequence::run(ctx, cities)` is the function as written.
///
/// # Keys
///
/// | key | what it says | when left out |
/// | --- | --- | --- |
/// | `name = ".."` | the name that it is registered under; names are compared without regard to case | the function's own |
/// | `version = "1.2"` | its version: dotted numbers, compared as such. Several versions of a name may be there side by side; an instance stays with the one that it was started in | no version, which is older than any |
/// | `retry(..)` | how it is tried again as a child of another orchestration, unless the call says otherwise; [as on an activity](macro@activity#retries) | it is not |
/// | `events(A, b::B)` | the external events that it waits for, types that derive `ExternalEvent`; another one, or one whose payload is not of the type, is refused where it is raised. `events()` is for none | any event may be raised, and is kept until it is waited for |
/// | `crate = path` | where steadfast is, when the dependency is renamed | `::steadfast` |
///
/// An unknown key, one that is there twice, and a value that makes no sense are errors at that place.
///
/// # Determinism
///
/// Whatever would be different on a replay does not compile in its body: the clock, random numbers, input and output, tasks, and
/// [more](https://docs.rs/steadfast/latest/steadfast/determinism/index.html). `#[steadfast::allow(clock, reason = "..")]` on a
/// statement makes an exception for it; the reason is shown in the documentation of the orchestrator.
///
/// # Declared events
///
/// With `events(..)`, waiting for another event does not compile: `ctx.wait_for_external_event()` is checked wherever it is called
/// in the body, also in closures and inside of macros such as `join!`. Not checked are a wait by name, and a wait in a function
/// that the context is passed to.
///
/// # Its documentation
///
/// rustdoc shows the doc comment of the function at `hello_sequence()`, and below it what the attribute and the signature say.
/// Parameters may have doc comments too. Link to it as ``[`hello_sequence()`]``, and to the type as ``[`type@hello_sequence`]``: the name alone is ambiguous.
///
/// # Where it may stand
///
/// On a function in any module or function body, also behind `cfg` or made by `macro_rules!`. Not on a function in an `impl` or
/// `trait` block, where rustc says that a struct is not supported, and not on a generic one: write a definition beside it that
/// calls it.
///
/// [`OrchestrationContext`]: https://docs.rs/steadfast/latest/steadfast/struct.OrchestrationContext.html
#[proc_macro_attribute]
pub fn orchestrator(args: TokenStream, item: TokenStream) -> TokenStream {
    attribute(Kind::Orchestrator, args, item)
}

/// Makes an async function an activity: a step that may do anything, and whose result is recorded.
///
/// The first parameter may be an [`ActivityContext`]. A parameter of type [`Dependency<T>`](#dependencies) is given by the
/// worker. The others are the arguments. Arguments and output travel as JSON. An activity runs at least once: after a crash
/// it may run again.
///
/// The function's name is three things afterwards: `say_hello(city)` builds a call, `say_hello` is a type that stands for the
/// definition, and `say_hello::run(city)` is the function as written, for unit tests.
///
/// # Keys
///
/// | key | what it says | when left out |
/// | --- | --- | --- |
/// | `name = ".."` | the name that it is registered under; names are compared without regard to case | the function's own |
/// | `retry(..)` | [how it is tried again](#retries) when it fails, unless the call says otherwise | it is not |
/// | `timeout = "30s"` | how long one attempt may take, unless the call says otherwise; then it fails, and may be tried again | no limit |
/// | `total_timeout = "5m"` | how long all attempts together may take, with the times between them, unless the call says otherwise | no limit |
/// | `crate = path` | where steadfast is, when the dependency is renamed | `::steadfast` |
///
/// Durations are whole numbers with units, the longest first: `"1h 30m"`, `"250ms"`. The units are `d`, `h`, `m`, `s`, `ms`
/// and `us`. An unknown key, one that is there twice, and a value that makes no sense are errors at that place.
///
/// # Retries
///
/// | key of `retry(..)` | what it says | when left out |
/// | --- | --- | --- |
/// | `max_attempts = 3` | how many attempts there are at most, the first included | needed |
/// | `first_interval = "1s"` | the time between the failure of the first attempt and the second | needed |
/// | `backoff_coefficient = 2.0` | by what each interval is longer than the one before; 1 or more | 1 |
/// | `max_interval = "1m"` | the longest interval | no limit |
/// | `total_time = "1h"` | no attempt begins later than this after the first | no limit |
/// | `jitter = 0.5` | by what part of itself an interval is shortened at most, from 0 to 1, so that calls that failed together are not tried again together | 0 |
///
/// An error marked `#[no_retry]` is not tried again: see `#[derive(DurableError)]`. A change of these keys holds for calls made from
/// then on; a call that has already been made keeps its policy.
///
/// # Dependencies
///
/// `Dependency<T>` is a parameter that the worker fills in: a pool, a client, a configuration. It may stand at any place after
/// the context, is not an argument of the call, and is not recorded. It is recognised by its name with the type in angle
/// brackets, so an alias of it does not work. Orchestrators cannot take dependencies.
///
/// # Its documentation
///
/// rustdoc shows the doc comment of the function at `say_hello()`, and below it what the attribute and the signature say.
/// Parameters may have doc comments too. Link to it as ``[`say_hello()`]``, and to the type as ``[`type@say_hello`]``: the name alone is ambiguous.
///
/// # Where it may stand
///
/// On a function in any module or function body, also behind `cfg` or made by `macro_rules!`. Not on a function in an `impl` or
/// `trait` block, where rustc says that a struct is not supported, and not on a generic one: write a definition beside it that
/// calls it.
///
/// # Errors
///
/// If it returns a `Result`, its error is recorded as data if it is a `DurableError`, and otherwise as its message; the error may
/// be any type that implements `std::error::Error` or `Display`.
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
/// A variant with a field `#[from] CallError<..>` (or `EventError`, `CustomStatusError`, `TimedOut`) replaces that conversion. So does one
/// that is written by hand, next to `#[durable_error(skip_from(CallError))]` on the type; without it the two conflict (E0119).
/// Several conversions are left out with commas between them.
#[proc_macro_derive(DurableError, attributes(durable_error, retry, no_retry, steadfast))]
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
/// The type also implements `Serialize`, by serde's derive. Its fields are numbers, `bool`, `char`, `BoundedStr<N>`,
/// `BoundedVec<T, N>`, options, arrays and tuples of them, types that derive `CustomStatus` too, and others that implement
/// `BoundedJson`. A type whose JSON can have more than 8,192 UTF-16 units, which are 16,384 bytes, does not compile; the error says
/// how many it can have, and which part has most of them. What counts is the compact JSON text, with quotes and escapes.
///
/// Enums may have every representation of serde. Its `rename`, `rename_all`, `rename_all_fields`, `tag`, `content`, `untagged`,
/// `transparent` and `flatten` are understood, as are the attributes that leave fields out or concern reading. With `with`,
/// `serialize_with` and `into` the length is not known. A variant with `skip` is refused, since serde fails to write it.
///
/// The length is exact but for this: a field with `skip_serializing_if` counts as written, the text of a `BoundedStr` counts as
/// escapes such as `\u0000`, and an empty object that is flattened counts a comma.
///
/// # Unbounded
///
/// `#[custom_status(unbounded)]` on a field says that it has no bound, and requires nothing of its type.
/// `ctx.set_custom_status(log)` then returns a `Result`, which must be used: a value that is too large is an error, and the previous
/// status stays. On the type it is about all fields together. It is required where a field has no bound, even
/// if the type of that field is marked itself. It is refused where it is not needed, since everybody who sets the status would
/// have to handle an error that cannot occur.
#[proc_macro_derive(CustomStatus, attributes(custom_status, steadfast))]
pub fn custom_status(input: TokenStream) -> TokenStream {
    derive(input, derive::custom_status::expand)
}

/// Makes a test of each recorded history that matches a pattern: it replays the history against today's code.
///
/// The pattern matches file names, with `*`, `**`, `?` and `[..]`, relative to the folder of the package's `Cargo.toml`. Write it in a
/// file of tests, such as `tests/replay.rs`, where a line like `use my_app as _;` links the definitions.
///
/// | key | what it says | when left out |
/// | --- | --- | --- |
/// | `definitions = [ship, pack]` | what to replay against | every definition that is linked |
/// | `in_full` | inputs, due times and tags are compared too | what a worker compares, the output and the custom status |
/// | `crate = path` | where steadfast is, when the dependency is renamed | `::steadfast` |
///
/// Cargo compiles the tests again when one of the files is changed or deleted, but it does not notice a new file. One more test then
/// fails and names the file, until the tests are compiled for another reason. A build script that prints
/// `cargo::rerun-if-changed=tests/histories` has them compiled again at once.
#[cfg(feature = "testing")]
#[proc_macro]
pub fn replay_tests(input: TokenStream) -> TokenStream {
    // Not by `env!`: that would be the folder of this crate.
    let root = std::env::var_os("CARGO_MANIFEST_DIR").map(Into::into);
    replay_tests::expand(input.into(), root).into()
}

fn attribute(kind: Kind, args: TokenStream, item: TokenStream) -> TokenStream {
    let errors = Errors::new();
    let args = Args::parse(args.into(), kind.accepts(), &errors);
    let mut parsed = match Item::parse(item.clone().into()) {
        Ok(parsed) => parsed,
        Err(NotAnItem::NotAFunction(keyword)) => {
            let message = format!(
                "{} goes on an `async fn`; this item begins with `{keyword}`",
                kind.accepts().attribute
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
    let is_sound = errors.count() == 0;
    let allowed = match kind {
        Kind::Orchestrator => determinism::check(&mut parsed, &errors),
        Kind::Activity => Vec::new(),
    };
    let definition = Definition::new(kind, args, parsed, allowed);
    // What is wrong in a body does not keep the definition from being one.
    let mut tokens = if is_sound {
        expand::expand(&definition)
    } else {
        expand::fallback::expand(&definition)
    };
    if let Err(error) = errors.finish() {
        let error = error.into_compile_error();
        // In an `impl` block no constant without a name can stand.
        if definition.item.word_of_an_impl().is_some() {
            error.to_tokens(&mut tokens);
        } else {
            tokens.extend(beside(&error));
        }
    }
    tokens.into()
}

/// As an item of its own: beside a bare `compile_error!`, rustc reports no unknown name anywhere in the crate.
fn beside(error: &proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    quote!(const _: () = { #error };)
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
        |error| beside(&error.into_compile_error()).into(),
        |()| TokenStream::new(),
    )
}
