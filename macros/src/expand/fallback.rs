//! The code for a function that has mistakes: enough for everything that names it to compile, so that only the mistakes are
//! reported.
//!
//! Input:
//! ```text
//! fn say_hello<T>(city: &str, count: T) -> String { body }
//! ```
//! Output:
//! ```text
//! struct say_hello {}
//! impl say_hello { async fn run<T>(city: &str, count: T) -> String { body } }
//! fn say_hello<T>(city: &str, count: T) -> private::Call<say_hello> { private::not_compiled() }
//! const _: () = { impl Definition, impl Registered; nothing is registered };
//! ```

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit::{self, Visit};
use syn::{ReturnType, Safety, Token, Type};

use super::{Names, kind, kind_of_definition, output_and_error, registered};
use crate::model::{self, Definition, Kind, Parameter, Returned};

/// The stub of a definition.
pub(crate) fn expand(definition: &Definition) -> TokenStream {
    if definition.item.word_of_an_impl().is_some() {
        // In an `impl` block nothing else can stand.
        return definition.item.to_token_stream();
    }
    let names = Names::new(definition);
    let cfgs = &names.cfgs;
    let run = run(definition);
    let builder = builder(definition);
    let implementation = implementation(definition);
    let run = (!run.is_empty()).then(|| quote!(#(#cfgs)* #run));
    quote! {
        #names
        #run
        #(#cfgs)*
        #builder
        #(#cfgs)*
        const _: () = { #implementation };
    }
}

/// Nothing, where rustc would repeat what has been reported: of a type that is not written, or borrowed from nowhere.
fn run(definition: &Definition) -> TokenStream {
    let item = &definition.item;
    let returns_nothing_known = match &item.sig.output {
        ReturnType::Type(_, ty) => !can_be_named(definition, ty),
        ReturnType::Default => false,
    };
    if returns_nothing_known || model::typed(&item.sig).any(|parameter| is_inferred(&parameter.ty))
    {
        return TokenStream::new();
    }
    let (ident, vis, body) = (&item.sig.ident, &item.vis, &item.body);
    let mut sig = item.sig.clone();
    sig.ident = syn::Ident::new("run", ident.span());
    // Without these an unsuitable function would fail a second time, in rustc's words.
    sig.asyncness = Some(<Token![async]>::default());
    (sig.constness, sig.abi, sig.variadic, sig.safety) = (None, None, None, Safety::Default);
    quote! {
        impl #ident {
            #[allow(clippy::all, dead_code, unused)]
            #vis #sig #body
        }
    }
}

fn builder(definition: &Definition) -> TokenStream {
    let (private, item) = (&definition.private, &definition.item);
    let (ident, vis, generics) = (&item.sig.ident, &item.vis, &item.sig.generics);
    let clause = &generics.where_clause;
    let parameters = definition
        .parameters
        .iter()
        .map(|Parameter { ident, ty, .. }| {
            if is_inferred(ty) {
                quote!(#ident: impl ::core::marker::Sized)
            } else {
                quote!(#ident: #ty)
            }
        });
    quote! {
        #[allow(clippy::all, dead_code, unused)]
        #vis fn #ident #generics (#(#parameters),*) -> #private::Call<#ident> #clause {
            #private::not_compiled()
        }
    }
}

fn implementation(definition: &Definition) -> TokenStream {
    let (private, name, ident) = (
        &definition.private,
        &definition.name,
        &definition.item.sig.ident,
    );
    let (kind_type, kind_of_definition) =
        (kind(definition.kind), kind_of_definition(definition.kind));
    let (output, error) = match &definition.returned {
        Returned::Output(ty) | Returned::Result(ty) if !can_be_named(definition, ty) => (
            quote!(
                type Output = ();
            ),
            quote!(
                type Error = ::core::convert::Infallible;
            ),
        ),
        _ => output_and_error(definition),
    };
    let wire_types = definition
        .describes_types
        .then(|| quote!(wire_types: || #private::not_compiled(),));
    let function = match definition.kind {
        Kind::Orchestrator => quote!(#private::Function::Orchestrator {
            start: |_, _| #private::not_compiled(),
            check_input: |_| #private::not_compiled(),
            events: ::core::option::Option::None,
            #wire_types
        }),
        Kind::Activity => quote!(#private::Function::Activity {
            run: |_, _| #private::not_compiled(),
            dependencies: &[],
        }),
    };
    let registered = registered(definition, &function);
    let accepts_events = (definition.kind == Kind::Orchestrator).then(|| {
        quote! {
            impl<__E: #private::ExternalEvent> #private::AcceptsEvent<__E> for #ident {}
        }
    });
    let returned = (definition.kind == Kind::Activity).then(|| {
        quote! {
            type Returned = Self::Output;
            fn record(_: Self::Returned) -> #private::Outcome {
                #private::not_compiled()
            }
        }
    });
    quote! {
        impl #private::Definition for #ident {
            type Kind = #private::#kind_type;
            #output
            #error
            type Status = #private::AnyStatus;
            const NAME: &'static ::core::primitive::str = #name;
        }
        impl #private::#kind_of_definition for #ident { #returned }
        #accepts_events
        #registered
    }
}

/// Whether a part of the type is `_`.
fn is_inferred(ty: &Type) -> bool {
    struct Inferred(bool);

    impl<'ast> Visit<'ast> for Inferred {
        fn visit_type_infer(&mut self, _: &'ast syn::TypeInfer) {
            self.0 = true;
        }
    }

    let mut inferred = Inferred(false);
    inferred.visit_type(ty);
    inferred.0
}

/// Whether a returned type means something outside of the function.
fn can_be_named(definition: &Definition, ty: &Type) -> bool {
    struct Unnamed(bool);

    impl<'ast> Visit<'ast> for Unnamed {
        fn visit_type_impl_trait(&mut self, _: &'ast syn::TypeImplTrait) {
            self.0 = true;
        }

        fn visit_type_infer(&mut self, _: &'ast syn::TypeInfer) {
            self.0 = true;
        }

        fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
            self.0 |= lifetime.ident != "static";
        }

        fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
            self.0 |= reference.lifetime.is_none();
            visit::visit_type_reference(self, reference);
        }
    }

    let mut unnamed = Unnamed(!definition.item.sig.generics.params.is_empty());
    unnamed.visit_type(ty);
    !unnamed.0
}
