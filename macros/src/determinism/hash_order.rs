//! Iteration over a `HashMap` or `HashSet`: its order is another one in every process.
//!
//! Seen are variables that the body or the signature shows to be one. Where the order makes no difference it is no breach: counting,
//! looking for any, collecting into a collection that has an order of its own, and collecting into a `Vec` that the next
//! statement sorts.

use std::collections::HashMap;

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprForLoop, ExprMethodCall, GenericArgument, Pat, PatIdent, PathArguments, Stmt, Type,
};

use super::names;
use super::rule::Rule;
use super::walk::{Walk, bare};
use crate::model::last_segment;

const SAYS: &str = "`{path}` goes through a hash table, whose order is different on every replay: use a `BTreeMap` or `BTreeSet`, or \
                    collect into a `Vec` and sort it in the next statement";

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
    "retain",
    "extract_if",
];

/// Ends of an iteration that give the same in any order.
const ORDER_FREE: &[&str] = &["count", "len", "all", "any", "is_empty"];

const ORDERED: &[&str] = &["BTreeMap", "BTreeSet", "BinaryHeap", "HashMap", "HashSet"];

/// Which variables are hash tables.
#[derive(Debug, Default)]
pub(super) struct Scopes(Vec<HashMap<String, bool>>);

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.0.push(HashMap::new());
    }

    pub(super) fn leave(&mut self) {
        self.0.pop();
    }

    /// Notes the names of a pattern. Only a name that stands alone is the value itself.
    pub(super) fn bind(&mut self, pattern: &Pat, is_hash: bool) {
        struct Names<'a>(&'a mut HashMap<String, bool>);
        impl<'ast> Visit<'ast> for Names<'_> {
            fn visit_pat_ident(&mut self, name: &'ast PatIdent) {
                self.0.insert(name.ident.unraw().to_string(), false);
                visit::visit_pat_ident(self, name);
            }
        }
        let Some(scope) = self.0.last_mut() else {
            return;
        };
        Names(scope).visit_pat(pattern);
        if let Some(name) = name(pattern) {
            scope.insert(name, is_hash);
        }
    }

    fn is_hash(&self, name: &str) -> bool {
        self.0
            .iter()
            .rev()
            .find_map(|scope| scope.get(name))
            .is_some_and(|is_hash| *is_hash)
    }
}

/// The name that a pattern gives to the whole value.
pub(super) fn name(pattern: &Pat) -> Option<String> {
    match pattern {
        Pat::Ident(name) => Some(name.ident.unraw().to_string()),
        Pat::Type(typed) => name(&typed.pat),
        Pat::Reference(reference) => name(&reference.pat),
        _ => None,
    }
}

/// Whether a type is a hash table with the hasher of the standard library.
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
        _ => return false,
    };
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.len() <= hasher,
        _ => true,
    }
}

/// Whether an expression is a hash table.
pub(super) fn is_hash(walk: &Walk<'_>, expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Path(path) => path
            .path
            .get_ident()
            .is_some_and(|name| walk.scopes.is_hash(&name.unraw().to_string())),
        Expr::Call(call) => match bare(&call.func) {
            Expr::Path(path) => {
                let meaning = walk.names.meanings(&path.path).swap_remove(0);
                let makes = ["new", "with_capacity", "from", "from_iter", "default"];
                matches!(meaning.as_slice(), [.., ty, function]
                    if (ty == "HashMap" || ty == "HashSet") && makes.contains(&function.as_str()))
            }
            _ => false,
        },
        Expr::MethodCall(call) if call.method == "collect" => {
            collects_into(call).is_some_and(is_hash_type)
        }
        Expr::MethodCall(call) if call.method == "clone" => is_hash(walk, &call.receiver),
        Expr::Try(inner) => is_hash(walk, &inner.expr),
        _ => false,
    }
}

fn collects_into(call: &ExprMethodCall) -> Option<&Type> {
    match call.turbofish.as_ref()?.args.first()? {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    }
}

fn is_ordered(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|last| ORDERED.iter().any(|name| last.ident == name))
}

/// Whether a call ends an iteration in a way that gives the same in any order.
pub(super) fn is_order_free(call: &ExprMethodCall) -> bool {
    ORDER_FREE.iter().any(|name| call.method == name)
        || (call.method == "collect" && collects_into(call).is_some_and(is_ordered))
}

/// Whether a variable is declared as a collection with an order of its own.
pub(super) fn is_order_free_type(pattern: &Pat) -> bool {
    matches!(pattern, Pat::Type(typed) if is_ordered(&typed.ty))
}

/// Whether a statement makes a variable that the next one sorts.
pub(super) fn is_sorted_next(stmt: &Stmt, rest: &[Stmt]) -> bool {
    let (Stmt::Local(local), Some(Stmt::Expr(Expr::MethodCall(sort), _))) = (stmt, rest.first())
    else {
        return false;
    };
    name(&local.pat).is_some_and(|name| {
        sort.method.to_string().starts_with("sort")
            && matches!(&*sort.receiver, Expr::Path(path) if path.path.is_ident(&name))
    })
}

pub(super) fn check_loop(walk: &Walk<'_>, looped: &ExprForLoop) {
    if is_hash(walk, &looped.expr) {
        report(walk, &looped.expr);
    }
}

pub(super) fn check_method(walk: &Walk<'_>, call: &ExprMethodCall) {
    let iterates = ITERATES.iter().any(|name| call.method == name);
    if iterates && !walk.is_order_free && is_hash(walk, &call.receiver) {
        let receiver = &call.receiver;
        let method = &call.method;
        let name = match bare(receiver) {
            Expr::Path(path) => format!("{}.{method}", names::segments(&path.path).join("::")),
            _ => format!(".{method}"),
        };
        walk.report(Rule::HashOrder, method, &name, SAYS);
    }
}

fn report(walk: &Walk<'_>, expr: &Expr) {
    let name = match bare(expr) {
        Expr::Path(path) => names::segments(&path.path).join("::"),
        _ => "this".to_owned(),
    };
    walk.report(Rule::HashOrder, expr.to_token_stream(), &name, SAYS);
}
