//! What the attributes know about a function: plain data, no tokens built.

use quote::format_ident;
use syn::ext::IdentExt;
use syn::{FnArg, Ident, LitStr, Pat, PatType, PathArguments, PathSegment, ReturnType, Type};

use crate::args::{Accepts, Args};
use crate::item::Item;
use crate::paths::Private;

/// Which attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Orchestrator,
    Activity,
}

/// The type name of an orchestrator's context.
pub(crate) const ORCHESTRATION_CONTEXT: &str = "OrchestrationContext";
/// The type name of an activity's context.
pub(crate) const ACTIVITY_CONTEXT: &str = "ActivityContext";

impl Kind {
    /// The attribute as the user writes it.
    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            Self::Orchestrator => "`#[orchestrator]`",
            Self::Activity => "`#[activity]`",
        }
    }

    /// The word for it with its article.
    pub(crate) const fn a_word(self) -> &'static str {
        match self {
            Self::Orchestrator => "an orchestrator",
            Self::Activity => "an activity",
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Activity => "activity",
        }
    }

    pub(crate) const fn accepts(self) -> Accepts {
        Accepts {
            attribute: self.attribute(),
            name: true,
            root: true,
        }
    }

    pub(crate) const fn context(self) -> &'static str {
        match self {
            Self::Orchestrator => ORCHESTRATION_CONTEXT,
            Self::Activity => ACTIVITY_CONTEXT,
        }
    }
}

/// An annotated function.
pub(crate) struct Definition {
    pub(crate) kind: Kind,
    pub(crate) private: Private,
    /// The name it is registered under.
    pub(crate) name: LitStr,
    pub(crate) item: Item,
    /// The type of its context, when it takes one.
    pub(crate) context: Option<Type>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returned: Returned,
}

/// A parameter that is an argument of the call.
pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
}

/// What a function returns.
pub(crate) enum Returned {
    /// Nothing written: `()`.
    Unit,
    /// Its output.
    Output(Type),
    /// A type named `Result`.
    Result(Type),
}

impl Definition {
    /// The model of a function. When the function has mistakes it is as good as can be.
    pub(crate) fn new(kind: Kind, args: &Args, item: Item) -> Self {
        let ident = &item.sig.ident;
        let name = args
            .name
            .clone()
            .unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
        let (contexts, arguments): (Vec<_>, Vec<_>) =
            typed(&item).partition(|parameter| context_name(&parameter.ty).is_some());
        let parameters = arguments
            .into_iter()
            .enumerate()
            .map(|(index, argument)| Parameter {
                ident: plain_name(&argument.pat)
                    .cloned()
                    .unwrap_or_else(|| format_ident!("__{index}")),
                ty: (*argument.ty).clone(),
            });
        let parameters = parameters.collect();
        let returned = match &item.sig.output {
            ReturnType::Default => Returned::Unit,
            ReturnType::Type(_, ty)
                if last_segment(ty).is_some_and(|last| last.ident == "Result") =>
            {
                Returned::Result((**ty).clone())
            }
            ReturnType::Type(_, ty) => Returned::Output((**ty).clone()),
        };
        let context = contexts.first().map(|context| (*context.ty).clone());
        Self {
            kind,
            private: Private::new(args.root.as_ref()),
            name,
            context,
            parameters,
            returned,
            item,
        }
    }
}

/// The parameters other than `self`.
pub(crate) fn typed(item: &Item) -> impl Iterator<Item = &PatType> {
    item.sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(parameter) => Some(parameter),
        FnArg::Receiver(_) => None,
    })
}

/// The name that a pattern binds when it is nothing but a name: `city`, `mut city`, `ref city`.
pub(crate) fn plain_name(pattern: &Pat) -> Option<&Ident> {
    match pattern {
        Pat::Ident(binding) if binding.subpat.is_none() => Some(&binding.ident),
        Pat::Paren(inner) => plain_name(&inner.pat),
        _ => None,
    }
}

/// Which context a type is, also behind a reference.
pub(crate) fn context_name(ty: &Type) -> Option<&'static str> {
    match bare(ty) {
        Type::Reference(reference) => context_name(&reference.elem),
        ty => {
            let last = &last_segment(ty)?.ident;
            [ORCHESTRATION_CONTEXT, ACTIVITY_CONTEXT]
                .into_iter()
                .find(|name| last == name)
        }
    }
}

/// The status type in `OrchestrationContext<S>`.
pub(crate) fn status_type(context: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last_segment(context)?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// The last segment of a type that is a path.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// The type without the parentheses and invisible groups that `macro_rules` leaves around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}
