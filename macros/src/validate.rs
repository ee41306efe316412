//! The rules for annotated functions, one function each. Rules about the attribute's own arguments are in `args`.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Lifetime, PatType, ReturnType, Safety, Type, TypeImplTrait, TypeInfer, TypeReference};

use crate::errors::Errors;
use crate::item::Item;
use crate::model::{self, Kind, bare, context_name, is_dependency, plain_name, typed};

/// Reports every rule that the function breaks.
pub(crate) fn check(kind: Kind, item: &Item, errors: &Errors) {
    is_marked_once(kind, item, errors);
    is_async(kind, item, errors);
    has_no_qualifiers(kind, item, errors);
    has_no_generics(kind, item, errors);
    stands_alone(kind, item, errors);
    takes_its_own_context(kind, item, errors);
    if kind == Kind::Orchestrator {
        takes_a_context(item, errors);
    }
    takes_dependencies_by_value(kind, item, errors);
    names_its_parameters(item, errors);
    has_unconditional_parameters(item, errors);
    owns_its_arguments(kind, item, errors);
    owns_its_output(item, errors);
}

/// Two of our attributes would each make the same names.
fn is_marked_once(kind: Kind, item: &Item, errors: &Errors) {
    for attr in &item.attrs {
        let last = attr
            .path()
            .segments
            .last()
            .map(|segment| segment.ident.to_string());
        if matches!(last.as_deref(), Some("orchestrator" | "activity")) {
            errors.at(
                attr,
                format!(
                    "the function is {} already; remove one of the two attributes",
                    kind.a_word()
                ),
            );
        }
    }
}

/// What a durable function returns is awaited by the engine.
fn is_async(kind: Kind, item: &Item, errors: &Errors) {
    if item.sig.asyncness.is_none() {
        errors.at(
            item.sig.fn_token,
            format!(
                "{} is an `async fn`: write `async` in front of `fn`",
                kind.a_word()
            ),
        );
    }
}

/// The engine calls the function through a plain function pointer.
fn has_no_qualifiers(kind: Kind, item: &Item, errors: &Errors) {
    let sig = &item.sig;
    let refuse = |tokens: TokenStream, word: &str| {
        if !tokens.is_empty() {
            errors.at(
                tokens,
                format!("{} cannot be `{word}`: remove `{word}`", kind.a_word()),
            );
        }
    };
    refuse(sig.constness.to_token_stream(), "const");
    refuse(sig.abi.to_token_stream(), "extern");
    if let Safety::Unsafe(token) = &sig.safety {
        refuse(token.to_token_stream(), "unsafe");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(
            variadic.dots,
            "a durable function has a fixed number of parameters: take a `Vec` instead of `...`",
        );
    }
}

/// There is one registered function per name, and its arguments are read as one type.
fn has_no_generics(kind: Kind, item: &Item, errors: &Errors) {
    let generics = &item.sig.generics;
    if !generics.params.is_empty() {
        let message = format!(
            "{} has no generic parameters: write one for each type that it works with, all of which may call a generic function",
            kind.a_word()
        );
        errors.at(&generics.params, message);
    } else if let Some(clause) = &generics.where_clause {
        errors.at(
            clause.where_token,
            format!(
                "{} has no `where` clause: its types are concrete",
                kind.a_word()
            ),
        );
    }
}

/// The engine calls the function by name and has no value to call it on; and what an attribute makes besides the function cannot
/// stand in an `impl` block. An attribute does not see that it is in one, except by these words.
fn stands_alone(kind: Kind, item: &Item, errors: &Errors) {
    let Some(word) = item.word_of_an_impl() else {
        return;
    };
    let instead = match kind {
        Kind::Orchestrator => "take what it needs as arguments",
        Kind::Activity => {
            "take what it needs as arguments, or as a `Dependency<..>` that the worker is given"
        }
    };
    errors.at(
        &word,
        format!(
            "{} has no `{word}`: move it out of the `impl` block, and {instead}",
            kind.a_word()
        ),
    );
}

/// A context is given by the engine: one, by value, in front of the arguments.
fn takes_its_own_context(kind: Kind, item: &Item, errors: &Errors) {
    let mut has_context = false;
    for (index, PatType { ty, .. }) in typed(&item.sig).enumerate() {
        let Some(name) = context_name(ty) else {
            continue;
        };
        let own = kind.context();
        if name != own {
            errors.at(ty, wrong_context(kind));
        } else if matches!(bare(ty), Type::Reference(_)) {
            errors.at(ty, format!("take the context by value: `ctx: {own}`"));
        } else if has_context {
            errors.at(ty, "there is one context: remove this one");
        } else if index > 0 {
            errors.at(
                ty,
                "the context is the first parameter: move it to the front",
            );
        }
        has_context = true;
    }
}

const fn wrong_context(kind: Kind) -> &'static str {
    match kind {
        Kind::Orchestrator => {
            "an orchestrator takes `OrchestrationContext`; `ActivityContext` is for functions marked `#[activity]`"
        }
        Kind::Activity => {
            "an activity takes `ActivityContext` or no context; `OrchestrationContext` is for functions marked `#[orchestrator]`"
        }
    }
}

/// Without its context an orchestrator can do nothing durable.
fn takes_a_context(item: &Item, errors: &Errors) {
    if typed(&item.sig).all(|parameter| context_name(&parameter.ty).is_none()) {
        let message =
            "an orchestrator's first parameter is its context: write `ctx: OrchestrationContext`";
        match typed(&item.sig).next() {
            // A type whose name ends so is likely to be meant as one.
            Some(first)
                if model::last_segment(&first.ty)
                    .is_some_and(|last| last.ident.to_string().ends_with("Context")) =>
            {
                errors.at(&first.ty, message);
            }
            _ => errors.at_span(item.sig.paren_token.span.join(), message),
        }
    }
}

/// Dependencies are given by the worker, and only activities may have effects that are not in history.
fn takes_dependencies_by_value(kind: Kind, item: &Item, errors: &Errors) {
    for PatType { ty, .. } in typed(&item.sig).filter(|parameter| is_dependency(&parameter.ty)) {
        match (kind, bare(ty)) {
            (Kind::Orchestrator, _) => errors.at(
                ty,
                "an orchestrator takes no `Dependency`: it is replayed, and may depend on its arguments and its history only. \
                 Take the dependency in an activity, and call that with `ctx.call(..)`",
            ),
            (Kind::Activity, Type::Reference(reference)) => {
                let instead = text(&reference.elem);
                errors.at(
                    ty,
                    format!("take the dependency by value, it is shared anyway: write `{instead}`"),
                );
            }
            (Kind::Activity, ty) => Borrowed {
                errors,
                what: "the dependencies of an activity".to_owned(),
                generics: item,
            }
            .visit_type(ty),
        }
    }
}

/// Looks for dependencies that are part of an argument.
struct DependencyInside<'a> {
    errors: &'a Errors,
}

impl<'ast> Visit<'ast> for DependencyInside<'_> {
    fn visit_type(&mut self, ty: &'ast Type) {
        if is_dependency(ty) {
            let name = text(ty);
            self.errors.at(
                ty,
                format!("a dependency is a parameter of its own and always there: take a `{name}`"),
            );
        } else {
            visit::visit_type(self, ty);
        }
    }
}

/// The names of the parameters are the names of the arguments: for callers, in the object form and in messages.
fn names_its_parameters(item: &Item, errors: &Errors) {
    for PatType { pat, ty, .. } in typed(&item.sig) {
        if plain_name(pat).is_none() && context_name(ty).is_none() && !is_dependency(ty) {
            errors.at(
                pat,
                "an argument needs a name: name the parameter, and take it apart in the body with `let`",
            );
        }
    }
}

/// A parameter that is there only sometimes would change the wire form of the arguments.
fn has_unconditional_parameters(item: &Item, errors: &Errors) {
    for attr in typed(&item.sig).flat_map(|parameter| &parameter.attrs) {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            errors.at(
                attr,
                "a parameter of a durable function cannot be conditional: remove this attribute",
            );
        }
    }
}

/// Arguments are read from stored JSON, so they own their data and have a type of their own.
fn owns_its_arguments(kind: Kind, item: &Item, errors: &Errors) {
    let is_argument = |ty: &Type| context_name(ty).is_none() && !is_dependency(ty);
    for PatType { ty, .. } in typed(&item.sig).filter(|parameter| is_argument(&parameter.ty)) {
        DependencyInside { errors }.visit_type(ty);
        Borrowed {
            errors,
            what: format!("the arguments of {}", kind.a_word()),
            generics: item,
        }
        .visit_type(ty);
    }
    // The status of a context is data too.
    let contexts = typed(&item.sig).filter(|parameter| context_name(&parameter.ty).is_some());
    for status in contexts.filter_map(|context| model::status_type(&context.ty)) {
        Borrowed {
            errors,
            what: "the custom status of an orchestrator".to_owned(),
            generics: item,
        }
        .visit_type(status);
    }
}

/// What is returned is stored, and outlives everything that it could borrow from.
fn owns_its_output(item: &Item, errors: &Errors) {
    if let ReturnType::Type(_, ty) = &item.sig.output {
        Borrowed {
            errors,
            what: "the output of a durable function".to_owned(),
            generics: item,
        }
        .visit_type(ty);
    }
}

/// Looks for types that borrow or are not named.
struct Borrowed<'a> {
    errors: &'a Errors,
    /// In the plural sense of a subject: "... is stored as JSON".
    what: String,
    generics: &'a Item,
}

impl<'ast> Visit<'ast> for Borrowed<'_> {
    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        let instead = owned(&reference.elem);
        self.errors.at(
            reference,
            format!("{} must own the data: write `{instead}`", self.what),
        );
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.errors.at(
            ty,
            format!(
                "{} must be of a named type: write a concrete type instead of `impl`",
                self.what
            ),
        );
    }

    fn visit_type_infer(&mut self, ty: &'ast TypeInfer) {
        self.errors.at(
            ty,
            format!(
                "{} must be of a named type: write the type instead of `_`",
                self.what
            ),
        );
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        let declared = self
            .generics
            .sig
            .generics
            .lifetimes()
            .any(|declared| declared.lifetime == *lifetime);
        // A declared lifetime has been reported at its declaration.
        if lifetime.ident != "static" && !declared {
            self.errors.at(
                lifetime,
                format!(
                    "{} must own the data: write a type without a lifetime",
                    self.what
                ),
            );
        }
        visit::visit_lifetime(self, lifetime);
    }
}

/// The owned type for a reference to this type.
fn owned(referenced: &Type) -> String {
    match bare(referenced) {
        Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
        Type::Slice(slice) => format!("Vec<{}>", text(&slice.elem)),
        ty => text(ty),
    }
}

/// The tokens as the user wrote them, or nearly so.
pub(crate) fn text(tokens: impl ToTokens) -> String {
    let tokens = tokens.into_token_stream();
    // Only a single token has a place of its own on stable compilers: that of several is the place of the first.
    let source = match (
        tokens.clone().into_iter().next(),
        tokens.clone().into_iter().nth(1),
    ) {
        (Some(token), None) => token.span().source_text(),
        _ => None,
    };
    source
        .filter(|source| !source.is_empty())
        .unwrap_or_else(|| {
            [
                (" :: ", "::"),
                (" <", "<"),
                ("< ", "<"),
                (" >", ">"),
                (" ,", ","),
                (" ;", ";"),
            ]
            .iter()
            .fold(tokens.to_string(), |text, (from, to)| {
                text.replace(from, to)
            })
        })
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn messages(kind: Kind, tokens: TokenStream) -> Vec<String> {
        let errors = Errors::new();
        check(kind, &Item::parse(tokens).unwrap(), &errors);
        errors
            .finish()
            .err()
            .into_iter()
            .flatten()
            .map(|error| error.to_string())
            .collect()
    }

    #[track_caller]
    fn activity(tokens: TokenStream, expected: &[&str]) {
        assert_eq!(messages(Kind::Activity, tokens), expected);
    }

    #[track_caller]
    fn orchestrator(tokens: TokenStream, expected: &[&str]) {
        assert_eq!(messages(Kind::Orchestrator, tokens), expected);
    }

    #[test]
    fn ordinary_functions_are_fine() {
        activity(
            quote!(
                async fn f() {}
            ),
            &[],
        );
        activity(
            quote!(
                async fn f(mut a: String, (b): Option<Vec<u8>>) -> io::Result<Cow<'static, str>> {}
            ),
            &[],
        );
        activity(
            quote!(
                async fn f(_: steadfast::ActivityContext, a: u8) {}
            ),
            &[],
        );
        orchestrator(
            quote!(
                async fn f(ctx: OrchestrationContext) {}
            ),
            &[],
        );
        orchestrator(
            quote!(
                async fn f(mut ctx: steadfast::OrchestrationContext<Progress>, a: [u8; 3]) {}
            ),
            &[],
        );
    }

    #[test]
    fn what_is_in_front_of_the_name_is_checked() {
        activity(
            quote!(
                fn f() {}
            ),
            &["an activity is an `async fn`: write `async` in front of `fn`"],
        );
        activity(
            quote!(
                const unsafe extern "C" fn f() {}
            ),
            &[
                "an activity is an `async fn`: write `async` in front of `fn`",
                "an activity cannot be `const`: remove `const`",
                "an activity cannot be `extern`: remove `extern`",
                "an activity cannot be `unsafe`: remove `unsafe`",
            ],
        );
        activity(
            quote!(
                #[steadfast::orchestrator]
                async fn f() {}
            ),
            &["the function is an activity already; remove one of the two attributes"],
        );
    }

    #[test]
    fn generics_and_receivers_are_refused() {
        activity(
            quote!(
                async fn f<'a, T>(&self, a: Cow<'a, T>)
                where
                    T: Clone,
                {
                }
            ),
            &[
                "an activity has no generic parameters: write one for each type that it works with, all of which may call a generic function",
                "an activity has no `self`: move it out of the `impl` block, and take what it needs as arguments, or as a `Dependency<..>` that the worker is given",
            ],
        );
        activity(
            quote!(
                async fn f()
                where
                    u8: Copy,
                {
                }
            ),
            &["an activity has no `where` clause: its types are concrete"],
        );
    }

    #[test]
    fn contexts_have_one_place() {
        let missing =
            "an orchestrator's first parameter is its context: write `ctx: OrchestrationContext`";
        orchestrator(
            quote!(
                async fn f() {}
            ),
            &[missing],
        );
        orchestrator(
            quote!(
                async fn f(ctx: Context<u8>) {}
            ),
            &[missing],
        );
        orchestrator(
            quote!(
                async fn f(ctx: ActivityContext) {}
            ),
            &[wrong_context(Kind::Orchestrator)],
        );
        activity(
            quote!(
                async fn f(a: u8, ctx: OrchestrationContext) {}
            ),
            &[wrong_context(Kind::Activity)],
        );
        orchestrator(
            quote!(
                async fn f(ctx: &OrchestrationContext) {}
            ),
            &["take the context by value: `ctx: OrchestrationContext`"],
        );
        let not_first = "the context is the first parameter: move it to the front";
        orchestrator(
            quote!(
                async fn f(a: u8, ctx: OrchestrationContext) {}
            ),
            &[not_first],
        );
        activity(
            quote!(
                async fn f(a: u8, ctx: ActivityContext) {}
            ),
            &[not_first],
        );
        activity(
            quote!(
                async fn f(a: ActivityContext, b: ActivityContext) {}
            ),
            &["there is one context: remove this one"],
        );
    }

    #[test]
    fn dependencies_belong_into_activities() {
        activity(
            quote!(
                async fn f(
                    mut a: Dependency<Pool>,
                    b: u8,
                    _: steadfast::Dependency<dyn Mailer>,
                    c: Vec<Dependency>,
                    d: mine::Dependency,
                ) {
                }
            ),
            &[],
        );
        activity(
            quote!(
                async fn f(a: Option<Dependency<a::Pool>>, b: (u8, Vec<Dependency<u8>>)) {}
            ),
            &[
                "a dependency is a parameter of its own and always there: take a `Dependency<a::Pool>`",
                "a dependency is a parameter of its own and always there: take a `Dependency<u8>`",
            ],
        );
        activity(
            quote!(
                async fn f(a: &Dependency<a::Pool>, b: Dependency<&str>, c: Dependency<_>) {}
            ),
            &[
                "take the dependency by value, it is shared anyway: write `Dependency<a::Pool>`",
                "the dependencies of an activity must own the data: write `String`",
                "the dependencies of an activity must be of a named type: write the type instead of `_`",
            ],
        );
        orchestrator(
            quote!(
                async fn f(ctx: OrchestrationContext, a: Dependency<Pool>) {}
            ),
            &[
                "an orchestrator takes no `Dependency`: it is replayed, and may depend on its arguments and its history only. \
                 Take the dependency in an activity, and call that with `ctx.call(..)`",
            ],
        );
    }

    #[test]
    fn arguments_are_named_and_owned() {
        let unnamed = "an argument needs a name: name the parameter, and take it apart in the body with `let`";
        activity(
            quote!(
                async fn f((a, b): (u8, u8), _: u8, c @ 1: u8) {}
            ),
            &[unnamed; 3],
        );
        let owned =
            |instead| format!("the arguments of an activity must own the data: write `{instead}`");
        let refused = messages(
            Kind::Activity,
            quote!(
                async fn f(
                    a: &str,
                    b: &'static [u8],
                    c: Option<&Vec<a::B>>,
                    d: Cow<'_, str>,
                    e: impl Clone,
                    g: _,
                ) {
                }
            ),
        );
        assert_eq!(
            refused[..3],
            [owned("String"), owned("Vec<u8>"), owned("Vec<a::B>")]
        );
        assert_eq!(
            refused[3..],
            [
                "the arguments of an activity must own the data: write a type without a lifetime",
                "the arguments of an activity must be of a named type: write a concrete type instead of `impl`",
                "the arguments of an activity must be of a named type: write the type instead of `_`",
            ]
        );
        activity(
            quote!(
                async fn f(#[cfg(test)] a: u8) -> Result<&'static str, String> {}
            ),
            &[
                "a parameter of a durable function cannot be conditional: remove this attribute",
                "the output of a durable function must own the data: write `String`",
            ],
        );
    }
}
