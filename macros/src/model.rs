//! What the attributes know about a function: plain data, no tokens built.

use quote::format_ident;
use syn::ext::IdentExt;
use syn::{
    Attribute, Expr, ExprLit, FnArg, Ident, Lit, LitStr, Meta, MetaNameValue, Pat, PatType,
    PathArguments, PathSegment, ReturnType, Signature, Type,
};

use crate::args::{self, Accepts, Args, Period, Retry};
use crate::determinism::Allowance;
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
/// The type name of what the worker gives to an activity.
const DEPENDENCY: &str = "Dependency";

static ORCHESTRATOR: Accepts<Args> = Accepts {
    attribute: "`#[orchestrator]`",
    keys: &[
        args::NAME,
        args::VERSION,
        args::RETRY,
        args::EVENTS,
        args::CRATE,
    ],
    elsewhere: &[
        (
            args::TIMEOUT.word,
            "an orchestrator has no `timeout`, since it may wait for months: put it on the activities, or limit a child where it is called, with `.total_timeout(..)`",
        ),
        (
            args::TOTAL_TIMEOUT.word,
            "an orchestrator has no `total_timeout` of its own: limit a child where it is called, with `.total_timeout(..)`",
        ),
    ],
};

static ACTIVITY: Accepts<Args> = Accepts {
    attribute: "`#[activity]`",
    keys: &[
        args::NAME,
        args::RETRY,
        args::TIMEOUT,
        args::TOTAL_TIMEOUT,
        args::CRATE,
    ],
    elsewhere: &[
        (
            args::VERSION.word,
            "an activity has no version, only an orchestrator does: give an activity that does something else another name",
        ),
        (
            args::EVENTS.word,
            "an activity waits for no events: `events(..)` belongs on an orchestrator",
        ),
    ],
};

impl Kind {
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

    /// The keys of its attribute.
    pub(crate) fn accepts(self) -> &'static Accepts<Args> {
        match self {
            Self::Orchestrator => &ORCHESTRATOR,
            Self::Activity => &ACTIVITY,
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
    pub(crate) version: Option<LitStr>,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Period>,
    pub(crate) total_timeout: Option<Period>,
    /// The types of the events that it declares.
    pub(crate) events: Option<Vec<Type>>,
    /// The type of its context, when it takes one.
    pub(crate) context: Option<Type>,
    pub(crate) parameters: Vec<Parameter>,
    /// The types of the parameters that the worker gives.
    pub(crate) dependencies: Vec<Type>,
    /// What is passed behind the context, in the order of the parameters.
    pub(crate) passed: Vec<Passed>,
    pub(crate) returned: Returned,
    /// What its body may do although it is not deterministic.
    pub(crate) allowed: Vec<Allowance>,
    /// Whether it describes the JSON of its types.
    pub(crate) describes_types: bool,
}

/// Where the value of a parameter comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Passed {
    /// One of [`Definition::parameters`].
    Argument(usize),
    /// One of [`Definition::dependencies`].
    Dependency(usize),
}

/// A parameter that is an argument of the call.
pub(crate) struct Parameter {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// The lines of its doc comment.
    pub(crate) docs: Vec<String>,
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
    pub(crate) fn new(kind: Kind, args: Args, item: Item, allowed: Vec<Allowance>) -> Self {
        let ident = &item.sig.ident;
        let name = args
            .name
            .unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
        let (contexts, others): (Vec<_>, Vec<_>) =
            typed(&item.sig).partition(|parameter| context_name(&parameter.ty).is_some());
        let (mut parameters, mut dependencies) = (Vec::new(), Vec::new());
        let passed = others.into_iter().map(|parameter| {
            let ty = (*parameter.ty).clone();
            if is_dependency(&ty) {
                dependencies.push(ty);
                return Passed::Dependency(dependencies.len() - 1);
            }
            let index = parameters.len();
            let ident = plain_name(&parameter.pat)
                .cloned()
                .unwrap_or_else(|| format_ident!("__{index}"));
            parameters.push(Parameter {
                ident,
                ty,
                docs: docs(&parameter.attrs),
            });
            Passed::Argument(index)
        });
        let passed = passed.collect();
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
            version: args.version,
            retry: args.retry,
            timeout: args.timeout,
            total_timeout: args.total_timeout,
            events: args.events,
            context,
            parameters,
            dependencies,
            passed,
            returned,
            item,
            allowed,
            describes_types: cfg!(feature = "schemas"),
        }
    }
}

/// The lines of a doc comment.
fn docs(attrs: &[Attribute]) -> Vec<String> {
    let line = |attr: &Attribute| match &attr.meta {
        Meta::NameValue(MetaNameValue {
            path,
            value:
                Expr::Lit(ExprLit {
                    lit: Lit::Str(line),
                    ..
                }),
            ..
        }) if path.is_ident("doc") => Some(line.value()),
        _ => None,
    };
    attrs.iter().filter_map(line).collect()
}

/// The parameters other than `self`.
pub(crate) fn typed(sig: &Signature) -> impl Iterator<Item = &PatType> {
    sig.inputs.iter().filter_map(|input| match input {
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

/// Whether a type is `Dependency<T>`, also behind a reference. One without `<T>` is another type of that name: an argument.
pub(crate) fn is_dependency(ty: &Type) -> bool {
    match bare(ty) {
        Type::Reference(reference) => is_dependency(&reference.elem),
        ty => last_segment(ty).is_some_and(|last| {
            last.ident == DEPENDENCY && matches!(&last.arguments, PathArguments::AngleBracketed(_))
        }),
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
