//! Guards of blocking locks that live across an `.await`: the lock would be held for as long as the orchestration waits, maybe
//! for months, and by an orchestrator that shares its thread with others.
//!
//! A guard of an asynchronous lock, `lock().await`, is one between branches of the orchestrator, and harmless.

use syn::visit::{self, Visit};
use syn::{
    BinOp, Block, Expr, ExprAsync, ExprAwait, ExprBlock, ExprClosure, ExprMethodCall, ExprPath,
    Ident, Item, Macro, Pat, Stmt,
};

use super::dropped_call::is_drop;
use super::rule::Rule;
use super::scopes::name;
use super::tokens::contains;
use super::walk::{Walk, bare};

const SAYS: &str = "{path} is held across an `.await`, which may take months: end it before, with `drop(..)` or a block; what is shared with others \
                    belongs into an activity";
const TEMPORARY: &str = "this lock guard lives until its statement ends, and so across an `.await`, which may take months: take the value out \
                         in a `let` before it; what is shared with others belongs into an activity";

/// A guard in a variable, and what comes behind it in the block.
pub(super) fn check_stmt(walk: &Walk<'_>, stmt: &Stmt, rest: &[Stmt]) {
    let Stmt::Local(local) = stmt else { return };
    let (Some(init), Some(guard)) = (&local.init, guard_name(&local.pat)) else {
        return;
    };
    let is_ok = is_ok(&local.pat);
    let lock = match &*init.expr {
        Expr::Reference(reference) => lock(place(&reference.expr), is_ok),
        expr => lock(expr, is_ok),
    };
    if let Some(lock) = lock
        && is_held(rest, Some(guard))
    {
        let name = format!("the lock guard `{guard}`");
        walk.report(Rule::Locks, lock, &name, SAYS);
    }
}

/// A guard that is a temporary value: it lives as long as the whole expression.
pub(super) fn check_expr(walk: &Walk<'_>, expr: &Expr) {
    let report = |lock| walk.report(Rule::Locks, lock, "", TEMPORARY);
    let check = |head, (guard, is_ok), body: &dyn Fn(Option<&Ident>) -> bool| {
        if let Some(lock) = lock_in_chain(head, is_ok)
            && body(guard)
        {
            report(lock);
        }
    };
    match expr {
        Expr::Match(matched) => check(&matched.expr, (None, false), &|_| {
            matched.arms.iter().any(|arm| awaits(&arm.body))
        }),
        Expr::If(condition) => lets(&condition.cond, &mut |head, guard| {
            check(head, guard, &|guard| {
                is_held(&condition.then_branch.stmts, guard)
            });
        }),
        Expr::While(looped) => lets(&looped.cond, &mut |head, guard| {
            check(head, guard, &|guard| is_held(&looped.body.stmts, guard));
        }),
        Expr::ForLoop(looped) => check(&looped.expr, (None, false), &|_| {
            is_held(&looped.body.stmts, None)
        }),
        Expr::Await(awaited) => {
            let mut temporary = Temporary(None);
            temporary.visit_expr(&awaited.base);
            temporary.0.into_iter().for_each(report);
        }
        _ => {}
    }
}

/// The name of a guard: the variable itself, or what is in its `Ok`.
fn guard_name(pattern: &Pat) -> Option<&Ident> {
    let name = match pattern {
        Pat::TupleStruct(wrapped) if wrapped.elems.len() == 1 => name(&wrapped.elems[0]),
        pattern => name(pattern),
    };
    name.filter(|name| *name != "_")
}

/// Whether a pattern takes the value out of an `Ok`, as that of a lock is in one.
fn is_ok(pattern: &Pat) -> bool {
    matches!(pattern, Pat::TupleStruct(wrapped)
        if wrapped.path.segments.last().is_some_and(|last| last.ident == "Ok"))
}

/// The `let`s of a condition: the value, the name that it gets, and whether it is in an `Ok`.
fn lets<'e>(condition: &'e Expr, found: &mut impl FnMut(&'e Expr, (Option<&'e Ident>, bool))) {
    match condition {
        Expr::Let(bound) => found(&bound.expr, (guard_name(&bound.pat), is_ok(&bound.pat))),
        Expr::Binary(both) if matches!(both.op, BinOp::And(_)) => {
            lets(&both.left, found);
            lets(&both.right, found);
        }
        _ => {}
    }
}

/// The call that takes a blocking lock, where the value of an expression is its guard. Much has a `read` or `write`: those are of a
/// lock only where their value is taken out of a `Result`.
fn lock(expr: &Expr, is_ok: bool) -> Option<&Ident> {
    match bare(expr) {
        Expr::MethodCall(call) => {
            if is_unwrap(&call.method) {
                lock(&call.receiver, true)
            } else {
                let is_lock = call.method == "lock" || (is_ok && is_lock(&call.method));
                (call.args.is_empty() && is_lock).then_some(&call.method)
            }
        }
        // `Mutex::lock(&shared)`
        Expr::Call(call) => match bare(&call.func) {
            Expr::Path(path) => {
                let mut segments = path.path.segments.iter().rev();
                let (method, ty) = (segments.next()?, segments.next()?);
                (is_lock(&method.ident) && (ty.ident == "Mutex" || ty.ident == "RwLock"))
                    .then_some(&method.ident)
            }
            _ => None,
        },
        Expr::Try(inner) => lock(&inner.expr, true),
        _ => None,
    }
}

fn is_lock(method: &Ident) -> bool {
    method == "lock" || method == "read" || method == "write"
}

fn is_unwrap(method: &Ident) -> bool {
    method == "unwrap" || method == "expect" || method == "unwrap_or_else"
}

/// The value that a place is in.
fn place(expr: &Expr) -> &Expr {
    match bare(expr) {
        Expr::Field(field) => place(&field.base),
        Expr::Index(index) => place(&index.expr),
        Expr::Unary(unary) => place(&unary.expr),
        expr => expr,
    }
}

/// The call that takes a blocking lock on the way to a value.
fn lock_in_chain(expr: &Expr, is_ok: bool) -> Option<&Ident> {
    lock(expr, is_ok).or_else(|| match place(expr) {
        Expr::MethodCall(call) => lock_in_chain(&call.receiver, false),
        Expr::Try(inner) => lock_in_chain(&inner.expr, true),
        _ => lock(place(expr), is_ok),
    })
}

/// A guard in what is awaited. Only one that is unwrapped is certain to be of a blocking lock.
struct Temporary<'e>(Option<&'e Ident>);

impl<'e> Visit<'e> for Temporary<'e> {
    fn visit_expr_method_call(&mut self, call: &'e ExprMethodCall) {
        if self.0.is_none() && is_unwrap(&call.method) {
            self.0 = lock(&call.receiver, true);
        }
        visit::visit_expr_method_call(self, call);
    }

    // These end what is temporary in them.
    fn visit_expr_await(&mut self, _: &'e ExprAwait) {}
    fn visit_expr_block(&mut self, _: &'e ExprBlock) {}
    fn visit_block(&mut self, _: &'e Block) {}
    fn visit_expr_closure(&mut self, _: &'e ExprClosure) {}
}

/// Whether the code itself awaits; what it puts into closures and blocks does so later.
pub(super) fn awaits(expr: &Expr) -> bool {
    let mut awaits = Awaits::default();
    awaits.visit_expr(expr);
    awaits.found
}

/// Whether statements await while a guard is held.
fn is_held(stmts: &[Stmt], guard: Option<&Ident>) -> bool {
    let mut awaits = Awaits {
        guard,
        ..Awaits::default()
    };
    awaits.stmts(stmts);
    awaits.found && !awaits.is_future
}

#[derive(Default)]
struct Awaits<'a> {
    guard: Option<&'a Ident>,
    /// Whether the guard is awaited itself: then it is the future of an asynchronous lock.
    is_future: bool,
    found: bool,
}

impl Awaits<'_> {
    /// Up to the one that drops the guard.
    fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            if self.guard.is_some_and(|guard| drops(stmt, guard)) {
                break;
            }
            self.visit_stmt(stmt);
        }
    }
}

impl<'ast> Visit<'ast> for Awaits<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        self.stmts(&block.stmts);
    }

    fn visit_expr_await(&mut self, awaited: &'ast ExprAwait) {
        self.found = true;
        self.is_future |= self
            .guard
            .is_some_and(|guard| is_variable(&awaited.base, guard));
        visit::visit_expr_await(self, awaited);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let waits = ["select", "select_biased", "join", "try_join"];
        let last = call.path.segments.last();
        let waits = last.is_some_and(|last| waits.iter().any(|name| last.ident == name));
        self.found |= waits || contains(&call.tokens, &["await"]);
        self.is_future |= waits
            && self
                .guard
                .is_some_and(|guard| contains(&call.tokens, &[&guard.to_string()]));
    }

    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
    fn visit_item(&mut self, _: &'ast Item) {}
}

/// Whether a statement is `drop(guard);`.
fn drops(stmt: &Stmt, guard: &Ident) -> bool {
    matches!(stmt, Stmt::Expr(Expr::Call(call), _)
        if is_drop(&call.func) && call.args.iter().any(|argument| is_variable(argument, guard)))
}

fn is_variable(expr: &Expr, name: &Ident) -> bool {
    matches!(expr, Expr::Path(ExprPath { path, .. }) if path.is_ident(name))
}
