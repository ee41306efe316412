//! Iteration over a `HashMap` or `HashSet`: its order is another one in every process.
//!
//! Seen are variables that the body or the signature shows to be one. Where the order makes no difference it is no breach: counting,
//! looking for any, the greatest, a sum of integers, collecting into a collection that has an order of its own, and collecting into
//! a `Vec` that the next statement sorts.

use quote::ToTokens;
use syn::visit::Visit;
use syn::{
    Expr, ExprCall, ExprForLoop, ExprMethodCall, ExprPath, GenericArgument, Local, Pat,
    PathArguments, Stmt, Type,
};

use super::names;
use super::rule::Rule;
use super::scopes::{Known, name};
use super::walk::{Walk, bare};
use crate::model::last_segment;

const SAYS: &str = "{path} a hash table, whose order is different on every replay: use a `BTreeMap` or `BTreeSet`, or collect into a `Vec` \
                    and sort it in the next statement";

const ITERATES: &[&str] = &[
    "iter",
    "iter_mut",
    "into_iter",
    "keys",
    "into_keys",
    "values",
    "values_mut",
    "into_values",
    "drain",
    "extract_if",
    "union",
    "intersection",
    "difference",
    "symmetric_difference",
];

/// Ends of an iteration that give the same in any order.
const ORDER_FREE: &[&str] = &["count", "len", "all", "any", "is_empty", "max", "min"];

/// What gives something else in another order, whatever is made of it.
const ORDERLY: &[&str] = &[
    "take",
    "take_while",
    "skip",
    "skip_while",
    "map_while",
    "step_by",
    "enumerate",
    "zip",
    "scan",
    "next",
    "nth",
    "last",
    "find",
    "find_map",
    "position",
    "reduce",
];

const ORDERED: &[&str] = &["BTreeMap", "BTreeSet", "BinaryHeap", "HashMap", "HashSet"];

const INTEGERS: &[&str] = &[
    "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
];

/// Whether a type is a hash table with the hasher of the standard library, or a pointer to one.
pub(super) fn is_hash_type(ty: &Type) -> bool {
    if let Type::Reference(reference) = ty {
        return is_hash_type(&reference.elem);
    }
    let Some(last) = last_segment(ty) else {
        return false;
    };
    let hasher = match last.ident.to_string().as_str() {
        "HashMap" => 2,
        "HashSet" => 1,
        "Arc" | "Rc" | "Box" => return first_type(&last.arguments).is_some_and(is_hash_type),
        _ => return false,
    };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.len() <= hasher,
        _ => true,
    }
}

/// Whether a call or a method call makes a hash table.
pub(super) fn makes_hash(walk: &Walk<'_>, expr: &Expr) -> bool {
    match expr {
        Expr::Call(call) => makes(walk, call, &["HashMap", "HashSet"]),
        Expr::MethodCall(call) => {
            call.method == "collect" && turbofish(call).is_some_and(is_hash_type)
        }
        _ => false,
    }
}

/// Whether it is `Collection::from_iter(..)` or another function that makes one of these collections.
fn makes(walk: &Walk<'_>, call: &ExprCall, collections: &[&str]) -> bool {
    let Expr::Path(path) = bare(&call.func) else {
        return false;
    };
    let meaning = walk.names.meanings(&path.path).swap_remove(0);
    let makes = ["new", "with_capacity", "from", "from_iter", "default"];
    matches!(meaning.as_slice(), [.., ty, function]
        if collections.contains(&ty.as_str()) && makes.contains(&function.as_str()))
}

fn turbofish(call: &ExprMethodCall) -> Option<&Type> {
    first(&call.turbofish.as_ref()?.args)
}

fn first_type(arguments: &PathArguments) -> Option<&Type> {
    match arguments {
        PathArguments::AngleBracketed(arguments) => first(&arguments.args),
        _ => None,
    }
}

fn first<'a>(arguments: impl IntoIterator<Item = &'a GenericArgument>) -> Option<&'a Type> {
    arguments.into_iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn is_one_of(ty: &Type, names: &[&str]) -> bool {
    last_segment(ty).is_some_and(|last| names.iter().any(|name| last.ident == name))
}

/// Whether a type is a collection with an order of its own.
pub(super) fn is_ordered(ty: &Type) -> bool {
    is_one_of(ty, ORDERED)
}

/// Whether the order makes a difference in the receiver of this call; `None` when that is for what is around it to say.
pub(super) fn is_order_free(call: &ExprMethodCall) -> Option<bool> {
    let method = call.method.to_string();
    let method = method.as_str();
    let gives = |names| turbofish(call).is_some_and(|ty| is_one_of(ty, names));
    match method {
        "collect" => gives(ORDERED).then_some(true),
        "sum" | "product" => gives(INTEGERS).then_some(true),
        _ if ORDER_FREE.contains(&method) || method.starts_with("sorted") => Some(true),
        _ if ORDERLY.contains(&method) => Some(false),
        _ => None,
    }
}

/// Whether the arguments of a call may come in any order: it puts them into a collection with an order of its own.
pub(super) fn is_collection(walk: &Walk<'_>, call: &ExprCall) -> bool {
    makes(walk, call, ORDERED)
}

/// Whether a variable is declared as what is the same in any order.
pub(super) fn is_declared_order_free(local: &Local) -> bool {
    let (Pat::Type(typed), Some(init)) = (&local.pat, &local.init) else {
        return false;
    };
    let is_sum = matches!(&*init.expr, Expr::MethodCall(call) if call.method == "sum" || call.method == "product");
    is_ordered(&typed.ty) || (is_sum && is_one_of(&typed.ty, INTEGERS))
}

/// Whether a statement makes a variable that the next one sorts.
pub(super) fn is_sorted_next(stmt: &Stmt, rest: &[Stmt]) -> bool {
    let (Stmt::Local(local), Some(Stmt::Expr(Expr::MethodCall(sort), _))) = (stmt, rest.first())
    else {
        return false;
    };
    name(&local.pat).is_some_and(|name| {
        sort.method.to_string().starts_with("sort")
            && matches!(&*sort.receiver, Expr::Path(path) if path.path.is_ident(name))
    })
}

pub(super) fn check_loop(walk: &Walk<'_>, looped: &ExprForLoop) {
    if walk.known(&looped.expr) == Known::Hash {
        let name = match bare(&looped.expr) {
            Expr::Path(path) => format!("`{}` is", names::plain(&path.path)),
            _ => "this is".to_owned(),
        };
        walk.report(Rule::HashOrder, looped.expr.to_token_stream(), &name, SAYS);
    }
}

pub(super) fn check_method(walk: &Walk<'_>, call: &ExprMethodCall) {
    let goes_through = ITERATES.iter().any(|name| call.method == name) && !walk.is_order_free;
    // What is retained is the same in any order, but what is asked for meanwhile is not.
    let asks = call.method == "retain" && asks(walk, call);
    if (goes_through || asks) && walk.known(&call.receiver) == Known::Hash {
        let method = &call.method;
        let name = match bare(&call.receiver) {
            Expr::Path(path) => format!("`{}.{method}`", names::plain(&path.path)),
            _ => format!("`.{method}`"),
        };
        let name = format!("{name} goes through");
        walk.report(Rule::HashOrder, method, &name, SAYS);
    }
}

/// Whether the context is used in an argument of a call, which then asks for something once for each item, in their order.
pub(super) fn asks(walk: &Walk<'_>, call: &ExprMethodCall) -> bool {
    call.args
        .iter()
        .any(|argument| uses_context(walk, argument))
}

fn uses_context(walk: &Walk<'_>, expr: &Expr) -> bool {
    struct Uses<'w, 'a>(&'w Walk<'a>, bool);
    impl<'ast> Visit<'ast> for Uses<'_, '_> {
        fn visit_expr_path(&mut self, path: &'ast ExprPath) {
            self.1 |= self.0.known_path(path) == Known::Context;
        }
    }
    let mut uses = Uses(walk, false);
    uses.visit_expr(expr);
    uses.1
}
