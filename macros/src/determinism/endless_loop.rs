//! A loop that waits and never ends: its history grows for ever, and every replay with it.
//!
//! An error, although it may be meant: stable Rust lets an attribute give no warning in its own words, only that of a deprecated
//! item with an invented name. A loop that can be left, also by `return`, is none; `?` is no way to leave it on purpose. Nor is one in an
//! `async` block or a closure: whoever awaits that may drop it, as a race does.

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    Expr, ExprAsync, ExprBreak, ExprClosure, ExprForLoop, ExprLoop, ExprMethodCall, ExprReturn,
    ExprWhile, Item, Label, Lit, Macro, Stmt,
};

use super::guards::awaits;
use super::invocation::Invocation;
use super::rule::Rule;
use super::tokens::contains;
use super::walk::{Walk, bare};

const SAYS: &str = "this loop waits again and again and never ends, so that its history grows with every turn: end the turn with \
                    `return {ctx}.continue_as_new(..).await`, which begins anew with a short history, after each turn or when \
                    `{ctx}.is_history_long()`";

/// Macros that do not leave a loop by themselves. Any other may panic or return.
const STAYS: &[&str] = &[
    "assert",
    "assert_eq",
    "assert_ne",
    "concat",
    "dbg",
    "debug",
    "debug_assert",
    "eprintln",
    "error",
    "format",
    "format_args",
    "info",
    "join",
    "json",
    "matches",
    "print",
    "println",
    "select",
    "select_biased",
    "trace",
    "try_join",
    "vec",
    "warn",
    "write",
    "writeln",
];

/// What leaves a loop in what is no ordinary code.
const EXITS: &[&str] = &["break", "return", "continue_as_new", "continue_as_new_with"];

pub(super) fn check(walk: &Walk<'_>, expr: &Expr) {
    let (keyword, label, body) = match expr {
        Expr::Loop(looped) => (
            looped.loop_token.to_token_stream(),
            &looped.label,
            &looped.body,
        ),
        Expr::While(looped) if is_true(&looped.cond) => (
            looped.while_token.to_token_stream(),
            &looped.label,
            &looped.body,
        ),
        Expr::ForLoop(looped) if is_endless_iterator(&looped.expr) => (
            looped.for_token.to_token_stream(),
            &looped.label,
            &looped.body,
        ),
        _ => return,
    };
    if is_endless(expr, label.as_ref(), &body.stmts) {
        walk.report(Rule::EndlessLoop, keyword, "loop", SAYS);
    }
}

fn is_true(condition: &Expr) -> bool {
    matches!(bare(condition), Expr::Lit(lit) if matches!(&lit.lit, Lit::Bool(value) if value.value))
}

/// Whether it is `0..`, `repeat(..)` or `.cycle()`.
fn is_endless_iterator(expr: &Expr) -> bool {
    match bare(expr) {
        Expr::Range(range) => range.end.is_none(),
        Expr::MethodCall(call) => call.method == "cycle" && call.args.is_empty(),
        Expr::Call(call) => matches!(bare(&call.func), Expr::Path(path)
            if call.args.len() == 1 && path.path.segments.last().is_some_and(|last| last.ident == "repeat" || last.ident == "repeat_with")),
        _ => false,
    }
}

fn is_endless(expr: &Expr, label: Option<&Label>, body: &[Stmt]) -> bool {
    let mut exits = Exits {
        label: label.map(|label| label.name.ident.to_string()),
        inner: Vec::new(),
        loops: 0,
        found: false,
    };
    body.iter().for_each(|stmt| exits.visit_stmt(stmt));
    !exits.found && awaits(expr)
}

/// Looks for ways out of a loop.
struct Exits {
    label: Option<String>,
    /// The labels of the loops inside.
    inner: Vec<String>,
    /// How many loops inside there are around.
    loops: usize,
    found: bool,
}

impl Exits {
    fn inside(&mut self, label: Option<&Label>, go_on: impl FnOnce(&mut Self)) {
        let labels = self.inner.len();
        self.inner
            .extend(label.map(|label| label.name.ident.to_string()));
        self.loops += 1;
        go_on(self);
        self.loops -= 1;
        self.inner.truncate(labels);
    }
}

impl<'ast> Visit<'ast> for Exits {
    fn visit_expr_break(&mut self, left: &'ast ExprBreak) {
        self.found |= match &left.label {
            Some(label) => {
                let name = label.ident.to_string();
                self.label.as_ref() == Some(&name) || !self.inner.contains(&name)
            }
            None => self.loops == 0,
        };
        visit::visit_expr_break(self, left);
    }

    fn visit_expr_return(&mut self, _: &'ast ExprReturn) {
        self.found = true;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.found |= call.method == "continue_as_new" || call.method == "continue_as_new_with";
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_loop(&mut self, looped: &'ast ExprLoop) {
        self.inside(looped.label.as_ref(), |this| {
            visit::visit_expr_loop(this, looped)
        });
    }

    fn visit_expr_while(&mut self, looped: &'ast ExprWhile) {
        self.inside(looped.label.as_ref(), |this| {
            visit::visit_expr_while(this, looped)
        });
    }

    fn visit_expr_for_loop(&mut self, looped: &'ast ExprForLoop) {
        self.inside(looped.label.as_ref(), |this| {
            visit::visit_expr_for_loop(this, looped)
        });
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        match Invocation::read(call) {
            Invocation::Expressions(expressions) => {
                expressions.iter().for_each(|expr| self.visit_expr(expr));
            }
            Invocation::Statements(stmts) => stmts.iter().for_each(|stmt| self.visit_stmt(stmt)),
            Invocation::Arms(arms) => arms
                .iter()
                .flat_map(|arm| &arm.expressions)
                .for_each(|expr| self.visit_expr(expr)),
            Invocation::Tokens(tokens) => self.found |= contains(&tokens, EXITS),
        }
        let last = call.path.segments.last();
        // Another macro may leave the loop in a way that nobody sees.
        self.found |= last.is_some_and(|last| !STAYS.iter().any(|name| last.ident == name));
    }

    // These leave themselves only.
    fn visit_expr_closure(&mut self, _: &'ast ExprClosure) {}
    fn visit_expr_async(&mut self, _: &'ast ExprAsync) {}
    fn visit_item(&mut self, _: &'ast Item) {}
}
