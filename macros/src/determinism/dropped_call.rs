//! Calls, waits and timers that nobody awaits: they are withdrawn where they are dropped.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, ExprMethodCall, Pat, Stmt};

use super::hash_order::name;
use super::rule::Rule;
use super::walk::{Walk, bare};

/// Methods of the context whose futures do something durable.
const DURABLE: &[&str] = &[
    "call",
    "call_activity",
    "call_sub_orchestrator",
    "call_http",
    "create_timer",
    "wait_for_external_event",
    "wait_for_external_event_named",
    "timeout",
    "join_all",
    "try_join_all",
    "first",
    "first_n",
    "race",
];

const CONTINUES: &[&str] = &["continue_as_new", "continue_as_new_with"];

/// A statement that drops such a future, or a variable that is never used behind it.
pub(super) fn check(walk: &Walk<'_>, stmt: &Stmt, rest: &[Stmt]) {
    match stmt {
        Stmt::Expr(expr, Some(_)) => {
            if let Some(call) = durable(walk, expr) {
                report(walk, call, "is dropped at the `;`, and so it is withdrawn");
            }
        }
        Stmt::Local(local) => {
            let Some(call) = local
                .init
                .as_ref()
                .and_then(|init| durable(walk, &init.expr))
            else {
                return;
            };
            match (&local.pat, name(&local.pat)) {
                (Pat::Wild(_), _) => {
                    report(walk, call, "is dropped by `let _`, and so it is withdrawn");
                }
                (_, Some(name)) if !rest.iter().any(|stmt| mentions(stmt, &name)) => {
                    let what = format!("is in `{name}`, which nothing awaits");
                    report(walk, call, &what);
                }
                _ => {}
            }
        }
        Stmt::Expr(..) | Stmt::Item(_) | Stmt::Macro(_) => {}
    }
}

fn report(walk: &Walk<'_>, call: &ExprMethodCall, what: &str) {
    let method = &call.method;
    let instead = if CONTINUES.iter().any(|name| method == name) {
        "write `return {ctx}.{path}(..).await`"
    } else if method == "call" || method.to_string().starts_with("call_") {
        "await it, now or in a join or race with others, or call `.detach()` to let it go on without its result"
    } else {
        "await it, now or in a join or race with others"
    };
    let says = format!("the future of `{{ctx}}.{{path}}(..)` {what}: {instead}");
    walk.report(Rule::DroppedCall, method, &method.to_string(), &says);
}

/// The call of the context, where an expression is its future.
fn durable<'e>(walk: &Walk<'_>, expr: &'e Expr) -> Option<&'e ExprMethodCall> {
    let Expr::MethodCall(call) = bare(expr) else {
        return None;
    };
    let is_durable = DURABLE
        .iter()
        .chain(CONTINUES)
        .any(|name| call.method == name);
    if walk.is_context(&call.receiver) {
        return is_durable.then_some(call);
    }
    // `ctx.wait_for_external_event().timeout(..)` is a future too.
    (call.method == "timeout")
        .then(|| durable(walk, &call.receiver))
        .flatten()
}

/// Whether a name stands anywhere in a statement, also in a macro call or a format string.
fn mentions(stmt: &Stmt, name: &str) -> bool {
    fn any(tokens: TokenStream, name: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == name,
            TokenTree::Group(group) => any(group.stream(), name),
            TokenTree::Literal(literal) => literal.to_string().contains(&format!("{{{name}")),
            TokenTree::Punct(_) => false,
        })
    }
    any(stmt.to_token_stream(), name)
}
