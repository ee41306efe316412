//! Guards of blocking locks that live across an `.await`: the lock would be held for as long as the orchestration waits, maybe
//! for months, and by an orchestrator that shares its thread with others.
//!
//! A guard of an asynchronous lock, `lock().await`, is one between branches of the orchestrator, and harmless.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, ExprAsync, ExprAwait, ExprClosure, Item, Macro, Stmt};

use super::hash_order::name;
use super::rule::Rule;
use super::walk::{Walk, bare};

const SAYS: &str = "{path} is held across an `.await`, which may take months: end it before, with `drop(..)` or a block; what is shared with others \
                    belongs into an activity";

/// A guard in a variable, and what comes behind it in the block.
pub(super) fn check_stmt(walk: &Walk<'_>, stmt: &Stmt, rest: &[Stmt]) {
    let Stmt::Local(local) = stmt else { return };
    let (Some(init), Some(guard)) = (&local.init, name(&local.pat)) else {
        return;
    };
    let Some(lock) = lock(&init.expr) else { return };
    let until_drop = rest.iter().take_while(|stmt| !drops(stmt, &guard));
    if guard != "_" && until_drop.into_iter().any(awaits_stmt) {
        walk.report(
            Rule::Locks,
            lock,
            &format!("the lock guard `{guard}`"),
            SAYS,
        );
    }
}

/// A guard that is a temporary value: it lives as long as the whole expression.
pub(super) fn check_expr(walk: &Walk<'_>, expr: &Expr) {
    let (head, is_held) = match expr {
        Expr::Match(matched) => (
            &*matched.expr,
            matched.arms.iter().any(|arm| awaits(&arm.body)),
        ),
        Expr::If(condition) => match &*condition.cond {
            Expr::Let(bound) => (
                &*bound.expr,
                condition.then_branch.stmts.iter().any(awaits_stmt),
            ),
            _ => return,
        },
        Expr::While(looped) => match &*looped.cond {
            Expr::Let(bound) => (&*bound.expr, looped.body.stmts.iter().any(awaits_stmt)),
            _ => return,
        },
        Expr::ForLoop(looped) => (&*looped.expr, looped.body.stmts.iter().any(awaits_stmt)),
        _ => return,
    };
    if is_held && let Some(lock) = lock_in_chain(head) {
        walk.report(Rule::Locks, lock, "this lock guard", SAYS);
    }
}

/// The call that takes a blocking lock, where the value of an expression is its guard.
fn lock(expr: &Expr) -> Option<&syn::Ident> {
    match bare(expr) {
        Expr::MethodCall(call) => {
            let method = call.method.to_string();
            match method.as_str() {
                "unwrap" | "expect" | "unwrap_or_else" => lock(&call.receiver),
                "lock" | "read" | "write" if call.args.is_empty() => Some(&call.method),
                _ => None,
            }
        }
        Expr::Try(inner) => lock(&inner.expr),
        _ => None,
    }
}

/// The same, where it is used on the way to the value.
fn lock_in_chain(expr: &Expr) -> Option<&syn::Ident> {
    lock(expr).or_else(|| match bare(expr) {
        Expr::MethodCall(call) => lock_in_chain(&call.receiver),
        Expr::Field(field) => lock_in_chain(&field.base),
        Expr::Index(index) => lock_in_chain(&index.expr),
        Expr::Unary(unary) => lock_in_chain(&unary.expr),
        Expr::Try(inner) => lock_in_chain(&inner.expr),
        _ => None,
    })
}

/// Whether a statement is `drop(guard);`.
fn drops(stmt: &Stmt, guard: &str) -> bool {
    let Stmt::Expr(Expr::Call(call), _) = stmt else {
        return false;
    };
    let is_drop = matches!(&*call.func, Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "drop"));
    is_drop
        && call
            .args
            .iter()
            .any(|argument| matches!(argument, Expr::Path(path) if path.path.is_ident(guard)))
}

fn awaits_stmt(stmt: &Stmt) -> bool {
    let mut awaits = Awaits(false);
    awaits.visit_stmt(stmt);
    awaits.0
}

/// Whether the code itself awaits; what it puts into closures and blocks does so later.
pub(super) fn awaits(expr: &Expr) -> bool {
    let mut awaits = Awaits(false);
    awaits.visit_expr(expr);
    awaits.0
}

struct Awaits(bool);

impl<'ast> Visit<'ast> for Awaits {
    fn visit_expr_await(&mut self, _: &'ast ExprAwait) {
        self.0 = true;
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let waits = ["select", "select_biased", "join", "try_join"];
        let last = call.path.segments.last();
        self.0 |= last.is_some_and(|last| waits.iter().any(|name| last.ident == name))
            || has_await(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
    fn visit_item(&mut self, _: &'ast Item) {}
}

fn has_await(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "await",
        TokenTree::Group(group) => has_await(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
