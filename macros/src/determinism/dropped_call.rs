//! Calls, waits and timers that nobody awaits: they are withdrawn where they are dropped.

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::{Block, Expr, ExprMethodCall, Ident, Local, Pat, Stmt};

use super::names;
use super::rule::Rule;
use super::scopes::{Known, Variable, name};
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
    "as_completed",
];

const CONTINUES: &[&str] = &["continue_as_new", "continue_as_new_with"];

/// Futures in variables.
#[derive(Default)]
pub(super) struct Futures(Vec<Future>);

impl Futures {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

struct Future {
    method: Ident,
    says: String,
    /// What is allowed where it is made.
    allowed: Vec<usize>,
    is_used: bool,
}

/// A statement that drops such a future.
pub(super) fn check(walk: &Walk<'_>, stmt: &Stmt) {
    match stmt {
        Stmt::Expr(expr, Some(_)) => match expr {
            Expr::Assign(assign) if matches!(&*assign.left, Expr::Infer(_)) => {
                check_value(walk, &assign.right, "is dropped by `_ =`");
            }
            Expr::Call(call) if is_drop(&call.func) => {
                let what = "is dropped by `drop`";
                call.args
                    .iter()
                    .for_each(|argument| check_value(walk, argument, what));
            }
            expr => check_value(walk, expr, "is dropped at the `;`"),
        },
        Stmt::Expr(..) | Stmt::Local(_) | Stmt::Item(_) | Stmt::Macro(_) => {}
    }
}

/// Whether a function is `drop`, by whatever path.
pub(super) fn is_drop(function: &Expr) -> bool {
    matches!(bare(function), Expr::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "drop"))
}

fn check_value(walk: &Walk<'_>, expr: &Expr, what: &str) {
    futures(walk, expr, &mut |call| {
        report(walk, call, &format!("{what}, and so it is withdrawn"));
    });
}

/// Notes which variables have such a future.
pub(super) fn bind(walk: &mut Walk<'_>, local: &Local) {
    if let Some(init) = &local.init {
        bind_value(walk, &local.pat, &init.expr);
    }
}

fn bind_value(walk: &mut Walk<'_>, pattern: &Pat, expr: &Expr) {
    match (pattern, expr) {
        (Pat::Tuple(names), Expr::Tuple(values)) if names.elems.len() == values.elems.len() => {
            for (name, value) in names.elems.iter().zip(&values.elems) {
                bind_value(walk, name, value);
            }
        }
        (Pat::Wild(_), _) => check_value(walk, expr, "is dropped by `_`"),
        _ => {
            let Some(name) = name(pattern) else { return };
            let mut found = None;
            futures(walk, expr, &mut |call| found = found.or(Some(call)));
            let Some(call) = found else { return };
            let future = Future {
                method: call.method.clone(),
                says: says(call, &format!("is in `{name}`, which nothing awaits")),
                allowed: walk.allowed.clone(),
                is_used: false,
            };
            let variable = Variable {
                future: Some(walk.futures.len()),
                ..Variable::default()
            };
            walk.futures.0.push(future);
            walk.scopes.add(name, variable);
        }
    }
}

/// Reports the variables of a block that nothing used, from this number on.
pub(super) fn check_unused(walk: &mut Walk<'_>, from: usize) {
    for future in walk.futures.0.split_off(from) {
        if !future.is_used {
            let (name, method) = (future.method.to_string(), future.method);
            let allowed = std::mem::replace(&mut walk.allowed, future.allowed);
            walk.report(Rule::DroppedCall, method, &name, &future.says);
            walk.allowed = allowed;
        }
    }
}

impl Walk<'_> {
    /// Notes that a variable is used.
    pub(super) fn use_of(&mut self, name: &str) {
        let variable = self.scopes.get(name);
        let number = variable.and_then(|variable| variable.future);
        if let Some(future) = number.and_then(|number| self.futures.0.get_mut(number)) {
            future.is_used = true;
        }
    }

    /// Notes the variables that a macro call may use, also in format strings.
    pub(super) fn uses(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => self.use_of(&name.unraw().to_string()),
                TokenTree::Group(group) => self.uses(group.stream()),
                TokenTree::Literal(text) => {
                    for part in text.to_string().split('{').skip(1) {
                        let is_end = |c: char| c != '_' && !c.is_alphanumeric();
                        self.use_of(part.split(is_end).next().unwrap_or_default());
                    }
                }
                TokenTree::Punct(_) => {}
            }
        }
    }
}

fn report(walk: &Walk<'_>, call: &ExprMethodCall, what: &str) {
    let method = &call.method;
    let says = says(call, what);
    walk.report(Rule::DroppedCall, method, &method.to_string(), &says);
}

fn says(call: &ExprMethodCall, what: &str) -> String {
    let method = &call.method;
    let instead = if CONTINUES.iter().any(|name| method == name) {
        "write `return {ctx}.{path}(..).await`"
    } else if method == "call" || method.to_string().starts_with("call_") {
        "await it, now or in a join or race with others, or call `.detach()` to let it go on without its result"
    } else {
        "await it, now or in a join or race with others"
    };
    let context = match bare(&call.receiver) {
        Expr::Path(path) => names::plain(&path.path),
        _ => "{ctx}".to_owned(),
    };
    format!("the future of `{{ctx}}.{{path}}(..)` {what}: {instead}").replace("{ctx}", &context)
}

/// The calls of the context whose futures an expression may be.
fn futures<'e>(walk: &Walk<'_>, expr: &'e Expr, found: &mut impl FnMut(&'e ExprMethodCall)) {
    match bare(expr) {
        Expr::MethodCall(call) => {
            let is_durable = DURABLE
                .iter()
                .chain(CONTINUES)
                .any(|name| call.method == name);
            if is_durable && walk.known(&call.receiver) == Known::Context {
                found(call);
            } else if call.method == "timeout" {
                // `ctx.wait_for_external_event().timeout(..)` is a future too.
                futures(walk, &call.receiver, found);
            }
        }
        Expr::If(condition) => {
            tail(walk, &condition.then_branch, found);
            if let Some((_, otherwise)) = &condition.else_branch {
                futures(walk, otherwise, found);
            }
        }
        Expr::Match(matched) => {
            for arm in &matched.arms {
                futures(walk, &arm.body, found);
            }
        }
        Expr::Block(block) => tail(walk, &block.block, found),
        Expr::Unsafe(block) => tail(walk, &block.block, found),
        _ => {}
    }
}

fn tail<'e>(walk: &Walk<'_>, block: &'e Block, found: &mut impl FnMut(&'e ExprMethodCall)) {
    if let Some(Stmt::Expr(expr, None)) = block.stmts.last() {
        futures(walk, expr, found);
    }
}
