//! The code for a function that has no mistakes: what orchestrators and activities have in common.
//!
//! Input:
//! ```text
//! /// Greets a city.
//! #[activity(name = "E1_SayHello")]
//! pub async fn say_hello(mut city: String) -> Result<String, GreetError> { body }
//! ```
//! Output (`private` is `::steadfast::__private`):
//! ```text
//! /// The activity `E1_SayHello` as a type: [`say_hello()`] builds a call of it.
//! pub struct say_hello {}
//!
//! impl say_hello {
//!     /// Greets a city.
//!     pub async fn run(mut city: String) -> Result<String, GreetError> { body }
//! }
//!
//! /// Greets a city.
//! ///
//! /// # Definition
//! ///
//! /// Builds a call of the activity `E1_SayHello`. [`say_hello::run`] is the function as written.
//! ///
//! /// - argument `city`, `String`
//! /// - returns `String`, or the error `GreetError`
//! pub fn say_hello(city: String) -> private::Call<say_hello> {
//!     private::Call::with_arguments(&[("city", <String as private::Argument>::written(&city))])
//! }
//!
//! const _: () = {
//!     impl private::Definition for say_hello { types, name, reading an error back }
//!     fn __decode(input) -> Result<(String,), private::InputError> { reading the arguments }
//!     fn __start(..) { see `activity` and `orchestrator` }
//!     impl private::Registered for say_hello { const REGISTRATION }
//!     private::submit!(..);
//! };
//! ```

mod activity;
mod declared_events;
mod docs;
pub(crate) mod fallback;
mod orchestrator;
mod wire_types;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, FnArg, GenericArgument, Ident, LitStr, PathArguments, Type};

use crate::model::{self, Definition, Kind, Parameter, Passed, Returned};

/// The code for a definition.
pub(crate) fn expand(definition: &Definition) -> TokenStream {
    let names = Names::new(definition);
    let run = run(definition);
    let builder = builder(definition);
    let implementation = implementation(definition);
    let decode = decode(definition);
    let start = match definition.kind {
        Kind::Orchestrator => orchestrator::start(definition),
        Kind::Activity => activity::start(definition),
    };
    let registration = registration(definition);
    let cfgs = &names.cfgs;
    quote! {
        #names
        #run
        #builder
        #(#cfgs)*
        #[allow(clippy::needless_borrow, deprecated, unused_qualifications)]
        const _: () = {
            #implementation
            #decode
            #start
            #registration
        };
    }
}

/// The marker type, and what the user's attributes say to all of the items.
struct Names<'a> {
    definition: &'a Definition,
    cfgs: Vec<&'a Attribute>,
    docs: Vec<&'a Attribute>,
    lints: Vec<&'a Attribute>,
}

impl<'a> Names<'a> {
    fn new(definition: &'a Definition) -> Self {
        let named = |names: &'static [&'static str]| {
            let is_named = |attr: &&Attribute| names.iter().any(|name| attr.path().is_ident(name));
            definition
                .item
                .attrs
                .iter()
                .filter(is_named)
                .collect::<Vec<_>>()
        };
        Self {
            definition,
            cfgs: named(&["cfg"]),
            docs: named(&["doc"]),
            lints: named(&["allow", "warn", "deny"]),
        }
    }
}

impl ToTokens for Names<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            cfgs,
            lints,
            definition,
            ..
        } = self;
        let (ident, vis) = (&definition.item.sig.ident, &definition.item.vis);
        let doc = docs::of_type(definition);
        tokens.extend(quote! {
            #(#cfgs)*
            #doc
            #(#lints)*
            #[allow(dead_code, non_camel_case_types, unreachable_pub)]
            #[::core::prelude::v1::derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
            #vis struct #ident {}
        });
    }
}

/// The function as written.
fn run(definition: &Definition) -> TokenStream {
    let Names { cfgs, docs, .. } = Names::new(definition);
    let item = &definition.item;
    let ident = &item.sig.ident;
    // A deprecated definition is deprecated for its callers; the registration below is none.
    let attrs = item
        .attrs
        .iter()
        .filter(|attr| !attr.path().is_ident("deprecated"));
    let doc = docs
        .is_empty()
        .then(|| quote!(#[doc = " The function as written."]));
    let vis = &item.vis;
    let body = match &definition.events {
        Some(_) => &declared_events::checked(&item.body, &definition.private),
        None => &item.body,
    };
    let mut sig = item.sig.clone();
    sig.ident = Ident::new("run", ident.span());
    // rustc has no place for the documentation of a parameter; ours is the builder's.
    for input in &mut sig.inputs {
        if let FnArg::Typed(parameter) = input {
            parameter.attrs.retain(|attr| !attr.path().is_ident("doc"));
        }
    }
    quote! {
        #(#cfgs)*
        impl #ident {
            #(#attrs)*
            #doc
            #[allow(clippy::unused_async, unreachable_pub)]
            #vis #sig #body
        }
    }
}

/// The function that builds a call.
fn builder(definition: &Definition) -> TokenStream {
    let names = Names::new(definition);
    let Names { cfgs, lints, .. } = &names;
    let (private, item) = (&definition.private, &definition.item);
    let (ident, vis) = (&item.sig.ident, &item.vis);
    let deprecated = item
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("deprecated"));
    let doc = docs::of_builder(definition);
    let parameters = definition
        .parameters
        .iter()
        .map(|Parameter { ident, ty, .. }| quote!(#ident: #ty));
    let arguments = definition.parameters.iter().map(|parameter| {
        let Parameter {
            ident: name, ty, ..
        } = parameter;
        let (text, span) = (name_of(name), here(span_of(ty)));
        let private = definition.private.at(span);
        let written = quote_spanned!(span=> <#ty as #private::Argument>::written(&#name));
        quote!((#text, #written))
    });
    quote! {
        #(#cfgs)*
        #doc
        #(#deprecated)*
        #(#lints)*
        #[allow(clippy::needless_pass_by_value, clippy::too_many_arguments, dead_code, deprecated)]
        #vis fn #ident(#(#parameters),*) -> #private::Call<#ident> {
            #private::Call::with_arguments(&[#(#arguments),*])
        }
    }
}

/// The types of the definition, and how its errors are recorded.
fn implementation(definition: &Definition) -> TokenStream {
    let (private, name, ident) = (
        &definition.private,
        &definition.name,
        &definition.item.sig.ident,
    );
    let (kind, kind_of_definition) = (kind(definition.kind), kind_of_definition(definition.kind));
    let (output, error) = output_and_error(definition);
    let status = match (&definition.kind, &definition.context) {
        (Kind::Orchestrator, Some(context)) => {
            quote_spanned!(here(span_of(context))=> <#context as #private::ContextStatus>::Status)
        }
        _ => quote!(#private::AnyStatus),
    };
    let (codec, decode_error) = match &definition.returned {
        Returned::Result(ty) => {
            let span = here(error_span(ty));
            let private = definition.private.at(span);
            let error = quote_spanned!(span=> <#ident as #private::Definition>::Error);
            let ask = quote_spanned!(span=> <#error as #private::RecordedError<_>>::codec((&&&&&#private::ErrorType::<#error>::new()).codec()));
            let codec = quote! {
                fn __codec() -> #private::ErrorCodec<#error> {
                    #[allow(unused_imports)]
                    use #private::{
                        ChooseCodec1 as _, ChooseCodec2 as _, ChooseCodec3 as _, ChooseCodec4 as _, ChooseCodec5 as _,
                    };
                    #ask
                }
            };
            let decode_error = quote! {
                fn decode_error(__failure: &#private::FailureDetails) -> ::core::option::Option<Self::Error> {
                    __codec().decode(__failure)
                }
            };
            (codec, decode_error)
        }
        Returned::Unit | Returned::Output(_) => (TokenStream::new(), TokenStream::new()),
    };
    let parameters = definition
        .parameters
        .iter()
        .map(|parameter| name_of(&parameter.ident));
    let version = definition.version.as_ref().map(|version| {
        quote! {
            const VERSION: ::core::option::Option<&'static ::core::primitive::str> = ::core::option::Option::Some(#version);
        }
    });
    let (constants, accepts_events) = match definition.kind {
        Kind::Orchestrator => (
            orchestrator::constants(definition),
            orchestrator::accepts_events(definition),
        ),
        Kind::Activity => {
            let constants = activity::constants(definition);
            let (returned, recording) = (
                activity::returned(definition),
                activity::recording(definition),
            );
            (quote!(#constants #returned #recording), TokenStream::new())
        }
    };
    quote! {
        impl #private::Definition for #ident {
            type Kind = #private::#kind;
            #output
            #error
            type Status = #status;
            const NAME: &'static ::core::primitive::str = #name;
            #version
            const PARAMETERS: &'static [&'static ::core::primitive::str] = &[#(#parameters),*];
            #decode_error
        }
        impl #private::#kind_of_definition for #ident { #constants }
        #accepts_events
        #codec
    }
}

/// How a call is tried again, when the attribute says so.
fn retry(definition: &Definition) -> Option<TokenStream> {
    let private = &definition.private;
    let policy = definition.retry.as_ref()?.expression(private);
    Some(quote! {
        const RETRY: ::core::option::Option<#private::RetryPolicy> = ::core::option::Option::Some(#policy);
    })
}

/// The associated types, each at the type that it comes from.
fn output_and_error(definition: &Definition) -> (TokenStream, TokenStream) {
    let infallible = quote!(
        type Error = ::core::convert::Infallible;
    );
    match &definition.returned {
        Returned::Unit => (
            quote!(
                type Output = ();
            ),
            infallible,
        ),
        Returned::Output(ty) => (
            quote_spanned!(here(span_of(ty))=> type Output = #ty;),
            infallible,
        ),
        Returned::Result(ty) => {
            let part = |part: &str, span: Span| {
                let (part, private) = (Ident::new(part, span), definition.private.at(span));
                quote_spanned!(span=> type #part = <#ty as #private::StandardResult>::#part;)
            };
            (
                part("Output", here(output_span(definition))),
                part("Error", here(error_span(ty))),
            )
        }
    }
}

/// Reads the arguments into a tuple.
fn decode(definition: &Definition) -> TokenStream {
    let private = &definition.private;
    let ident = &definition.item.sig.ident;
    let types = definition.parameters.iter().map(|parameter| &parameter.ty);
    let values = definition.parameters.iter().map(|Parameter { ty, .. }| {
        let span = here(span_of(ty));
        let private = definition.private.at(span);
        // That the type can be an argument is asked of it where it is written for a call, and not again here.
        quote_spanned!(span=> #private::ArgumentType::<#ty>::new().take(__arguments)?,)
    });
    let (arguments, otherwise) = if definition.parameters.is_empty() {
        (quote!(_), TokenStream::new())
    } else {
        let otherwise = quote! {
            #[allow(unused_imports)]
            use #private::NoArgument as _;
        };
        (quote!(__arguments), otherwise)
    };
    quote! {
        fn __decode(
            __input: ::core::option::Option<&::core::primitive::str>,
        ) -> ::core::result::Result<(#(#types,)*), #private::InputError> {
            #otherwise
            #private::decode_arguments(<#ident as #private::Definition>::PARAMETERS, __input, |#arguments| {
                ::core::result::Result::Ok((#(#values)*))
            })
        }
    }
}

/// Makes the definition known.
fn registration(definition: &Definition) -> TokenStream {
    let (private, ident) = (&definition.private, &definition.item.sig.ident);
    let function = match definition.kind {
        Kind::Orchestrator => orchestrator::function(definition),
        Kind::Activity => activity::function(definition),
    };
    let registered = registered(definition, &function);
    quote! {
        #registered
        #private::submit!(<#ident as #private::Registered>::REGISTRATION);
    }
}

fn registered(definition: &Definition, function: &TokenStream) -> TokenStream {
    let (private, ident) = (&definition.private, &definition.item.sig.ident);
    let line = quote_spanned!(ident.span()=> ::core::line!());
    quote! {
        impl #private::Registered for #ident {
            const REGISTRATION: #private::Registration = #private::Registration {
                name: <#ident as #private::Definition>::NAME,
                version: <#ident as #private::Definition>::VERSION,
                location: #private::Location {
                    module: ::core::module_path!(),
                    file: ::core::file!(),
                    line: #line,
                },
                function: #function,
            };
        }
    }
}

/// The future of the function.
fn future(definition: &Definition) -> TokenStream {
    let ident = &definition.item.sig.ident;
    let context = definition.context.as_ref().map(|_| quote!(__context,));
    let passed = definition.passed.iter().map(|passed| match *passed {
        Passed::Argument(index) => {
            let index = syn::Index::from(index);
            quote!(__arguments.#index)
        }
        Passed::Dependency(index) => {
            let index = syn::Index::from(index);
            quote!(__dependencies.#index)
        }
    });
    quote_spanned!(here(ident.span())=> ::std::boxed::Box::pin(#ident::run(#context #(#passed),*)))
}

/// What makes data of the value that the function returns.
fn record(definition: &Definition) -> TokenStream {
    let ident = &definition.item.sig.ident;
    let span = here(output_span(definition));
    let private = definition.private.at(span);
    let output = quote_spanned! {span=>
        output: <<#ident as #private::Definition>::Output as #private::WriteJson>::erased
    };
    let name = quote!(name: <#ident as #private::Definition>::NAME);
    let private = &definition.private;
    match definition.returned {
        Returned::Result(_) => quote!(#private::RecordResult { #name, #output, error: __codec() }),
        Returned::Unit | Returned::Output(_) => quote!(#private::RecordOutput { #name, #output }),
    }
}

/// The statement that reads the arguments.
fn read_arguments(definition: &Definition) -> TokenStream {
    if definition.parameters.is_empty() {
        quote!(__decode(__input)?;)
    } else {
        quote!(let __arguments = __decode(__input)?;)
    }
}

fn kind(kind: Kind) -> Ident {
    let name = match kind {
        Kind::Orchestrator => "OrchestratorKind",
        Kind::Activity => "ActivityKind",
    };
    Ident::new(name, Span::call_site())
}

/// The trait that a definition of this kind has besides `Definition`.
fn kind_of_definition(kind: Kind) -> Ident {
    let name = match kind {
        Kind::Orchestrator => "OrchestratorDefinition",
        Kind::Activity => "ActivityDefinition",
    };
    Ident::new(name, Span::call_site())
}

/// The name of a parameter on the wire.
fn name_of(ident: &Ident) -> LitStr {
    LitStr::new(&ident.unraw().to_string(), ident.span())
}

/// The place of a token of the user's, for code that the user did not write: errors point there, lints stay silent.
fn here(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// Where the type begins; all of it where the compiler allows.
fn span_of(tokens: impl ToTokens) -> Span {
    syn::spanned::Spanned::span(&tokens)
}

/// Where `E` is in `Result<T, E>`; the whole type where the error is hidden in an alias.
fn error_span(result: &Type) -> Span {
    type_argument(result, 1).map_or_else(|| span_of(result), span_of)
}

/// Where the output's type is written.
fn output_span(definition: &Definition) -> Span {
    match &definition.returned {
        Returned::Unit => definition.item.sig.ident.span(),
        Returned::Output(ty) => span_of(ty),
        Returned::Result(ty) => type_argument(ty, 0).map_or_else(|| span_of(ty), span_of),
    }
}

fn type_argument(ty: &Type, index: usize) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &model::last_segment(ty)?.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect::<Vec<_>>().get(index).copied()
}

#[cfg(test)]
mod tests {
    use crate::args::Args;
    use crate::determinism;
    use crate::errors::Errors;
    use crate::item::Item;
    use crate::validate;

    use super::*;

    fn expanded(kind: Kind, args: TokenStream, item: TokenStream) -> String {
        expanded_as(false, kind, args, item)
    }

    fn expanded_as(
        describes_types: bool,
        kind: Kind,
        args: TokenStream,
        item: TokenStream,
    ) -> String {
        let errors = Errors::new();
        let args = Args::parse(args, kind.accepts(), &errors);
        let mut item = Item::parse(item).unwrap();
        validate::check(kind, &item, &errors);
        let allowed = determinism::check(&mut item, &errors);
        errors.finish().unwrap();
        let mut definition = Definition::new(kind, args, item, allowed);
        definition.describes_types = describes_types;
        let tokens = expand(&definition);
        prettyplease::unparse(&syn::parse2(tokens).unwrap())
    }

    /// Compares with `macros/tests/expand/{name}.rs`; `UPDATE_EXPAND=1` writes it.
    #[track_caller]
    fn is(name: &str, actual: &str) {
        let file = format!("{}/tests/expand/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_EXPAND").is_some() {
            std::fs::write(&file, actual).unwrap();
        }
        assert_eq!(actual, std::fs::read_to_string(file).unwrap());
    }

    #[test]
    fn activity() {
        let item = quote! {
            /// Greets a city.
            #[tracing::instrument]
            pub async fn say_hello(mut city: String) -> Result<String, GreetError> {
                city.push('!');
                Ok(city)
            }
        };
        is(
            "activity",
            &expanded(Kind::Activity, quote!(name = "E1_SayHello"), item),
        );
    }

    #[test]
    fn activity_with_everything() {
        let item = quote! {
            async fn charge(
                ctx: ActivityContext,
                /// Of the customer.
                card: String,
                bank: Dependency<dyn Bank>,
                cents: u32,
            ) {
                bank.charge(card, cents).await
            }
        };
        let args = quote! {
            retry(
                max_attempts = 3,
                first_interval = "1s",
                backoff_coefficient = 2.0,
                max_interval = "1m",
                total_time = "1h",
                jitter = 0.5
            ),
            timeout = "30s",
            total_timeout = "1m 500ms"
        };
        is(
            "activity_with_everything",
            &expanded(Kind::Activity, args, item),
        );
    }

    #[test]
    fn orchestrator_with_everything() {
        let item = quote! {
            async fn order(ctx: OrchestrationContext) {
                #[steadfast::allow(clock, reason = "only shown")]
                let now = SystemTime::now();
            }
        };
        let args = quote! {
            version = "1.2", retry(max_attempts = 2, first_interval = "1s"), events(Approved, Cancelled)
        };
        is(
            "orchestrator_with_everything",
            &expanded(Kind::Orchestrator, args, item),
        );
    }

    #[test]
    fn orchestrator() {
        let item = quote! {
            async fn reserve(ctx: OrchestrationContext<Progress>, r#type: Vec<String>, user: Option<u32>) -> bool {
                true
            }
        };
        is(
            "orchestrator",
            &expanded(Kind::Orchestrator, quote!(crate = renamed), item),
        );
    }

    #[test]
    fn orchestrator_with_schemas() {
        let item = quote! {
            async fn book(ctx: OrchestrationContext<Progress>, trip: Trip, seats: Option<u8>) -> Result<Ticket, String> {
                Ok(Ticket(trip, seats))
            }
        };
        let expanded = expanded_as(true, Kind::Orchestrator, quote!(events(Paid)), item);
        is("orchestrator_with_schemas", &expanded);
    }
}
