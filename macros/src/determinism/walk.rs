//! Goes through the body of an orchestrator and asks the rules at each place.

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, Block, Expr, ExprAsync, ExprAwait, ExprCall, ExprClosure, ExprForLoop, ExprIf,
    ExprLet, ExprMethodCall, ExprPath, ExprWhile, ImplItemFn, Item, ItemFn, Local, Macro, Pat,
    Path, ReturnType, Signature, Stmt, Type, UnOp,
};

use super::allow::{self, Allowance};
use super::dropped_call::{self, Futures};
use super::hash_order;
use super::invocation::Invocation;
use super::lookup::Use;
use super::names::{Names, is_elsewhere};
use super::rule::Rule;
use super::scopes::{Known, Scopes, Variable};
use super::{endless_loop, guards, statics};
use crate::errors::Errors;
use crate::model::{context_name, plain_name, typed};

/// Reports every breach in the body.
pub(super) fn walk(sig: &Signature, body: &Block, allowances: &[Allowance], errors: &Errors) {
    let mut walk = Walk {
        errors,
        context: "ctx".to_owned(),
        names: Names::of(body),
        allowances,
        allowed: Vec::new(),
        scopes: Scopes::default(),
        is_order_free: false,
        is_deferred: false,
        futures: Futures::default(),
    };
    walk.function(sig, body);
}

/// Where it is in the body, and what is known there.
pub(super) struct Walk<'a> {
    errors: &'a Errors,
    /// The name of the context.
    context: String,
    pub(super) names: Names,
    allowances: &'a [Allowance],
    /// Those that are in force here.
    pub(super) allowed: Vec<usize>,
    pub(super) scopes: Scopes,
    /// Whether what is iterated here gives the same whatever the order.
    pub(super) is_order_free: bool,
    /// Whether this runs when somebody polls it, who may stop doing so.
    is_deferred: bool,
    /// The futures in the variables of the blocks around.
    pub(super) futures: Futures,
}

impl Walk<'_> {
    /// Reports a breach, unless it is allowed here. `{path}` and `{ctx}` are filled in.
    pub(super) fn report(&self, rule: Rule, tokens: impl ToTokens, path: &str, says: &str) {
        let mut is_allowed = false;
        for number in &self.allowed {
            is_allowed |= self.allowances[*number].covers(rule);
        }
        if is_allowed {
            return;
        }
        let says = says.replace("{path}", path).replace("{ctx}", &self.context);
        let rule = rule.name();
        self.errors.at(
            tokens,
            format!(
                "{says}\nto keep it, say why on its statement: `#[steadfast::allow({rule}, reason = \"..\")]`"
            ),
        );
    }

    /// What is known of the value of an expression.
    pub(super) fn known(&self, expr: &Expr) -> Known {
        match bare(expr) {
            Expr::Path(path) => self.known_path(path),
            Expr::MethodCall(call) if call.method == "clone" => self.known(&call.receiver),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => self.known(&unary.expr),
            Expr::Try(inner) => self.known(&inner.expr),
            expr if hash_order::makes_hash(self, expr) => Known::Hash,
            _ => Known::Nothing,
        }
    }

    pub(super) fn is_variable(&self, path: &Path) -> bool {
        let name = path.get_ident().map(|name| name.unraw().to_string());
        name.is_some_and(|name| self.scopes.get(&name).is_some())
    }

    pub(super) fn known_path(&self, path: &ExprPath) -> Known {
        let name = path.path.get_ident().map(|name| name.unraw().to_string());
        let variable = name.and_then(|name| self.scopes.get(&name));
        variable.map(|variable| variable.known).unwrap_or_default()
    }

    /// The orchestrator, or a function inside of it.
    fn function(&mut self, sig: &Signature, body: &Block) {
        let context = context_of(sig).unwrap_or_else(|| self.context.clone());
        let before = std::mem::replace(&mut self.context, context);
        self.scopes.enter();
        for parameter in typed(sig) {
            self.scopes.bind(&parameter.pat, known_type(&parameter.ty));
        }
        self.is_order_free =
            matches!(&sig.output, ReturnType::Type(_, ty) if hash_order::is_ordered(ty));
        self.visit_block(body);
        self.is_order_free = false;
        self.scopes.leave();
        self.context = before;
    }

    /// A function inside, which sees nothing of the variables around it.
    fn inner_function(&mut self, sig: &Signature, body: &Block) {
        let scopes = std::mem::take(&mut self.scopes);
        self.deferred(|this| this.function(sig, body));
        self.scopes = scopes;
    }

    /// What runs later, if somebody polls it.
    fn deferred(&mut self, go_on: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.is_deferred, true);
        let order_free = std::mem::take(&mut self.is_order_free);
        go_on(self);
        self.is_deferred = before;
        self.is_order_free = order_free;
    }

    /// What is called or continued as: the name is one of a definition, whatever its module is called.
    fn definition(&mut self, expr: &Expr) {
        match expr {
            // An option of the call.
            Expr::MethodCall(option) => {
                self.definition(&option.receiver);
                option
                    .args
                    .iter()
                    .for_each(|argument| self.visit_expr(argument));
            }
            Expr::Call(call) if matches!(&*call.func, Expr::Path(_)) => {
                call.args
                    .iter()
                    .for_each(|argument| self.visit_expr(argument));
            }
            expr => self.visit_expr(expr),
        }
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        let order_free = self.is_order_free;
        let futures = self.futures.len();
        self.scopes.enter();
        for stmt in &block.stmts {
            if let Stmt::Item(Item::Fn(function)) = stmt {
                self.scopes.add(&function.sig.ident, Variable::default());
            }
        }
        for (index, stmt) in block.stmts.iter().enumerate() {
            let rest = &block.stmts[index + 1..];
            let before = self.allowed.len();
            if !self.allowances.is_empty() {
                for number in allow::markers(stmt) {
                    if let Some(allowance) = self.allowances.get(number) {
                        allowance.is_on_a_statement.set(true);
                        self.allowed.push(number);
                    }
                }
            }
            dropped_call::check(self, stmt);
            guards::check_stmt(self, stmt, rest);
            let is_value = rest.is_empty() && matches!(stmt, Stmt::Expr(_, None));
            self.is_order_free = (is_value && order_free) || hash_order::is_sorted_next(stmt, rest);
            self.visit_stmt(stmt);
            self.allowed.truncate(before);
        }
        dropped_call::check_unused(self, futures);
        self.is_order_free = order_free;
        self.scopes.leave();
    }

    fn visit_local(&mut self, local: &'ast Local) {
        self.is_order_free |= hash_order::is_declared_order_free(local);
        visit::visit_local(self, local);
        let known = match (&local.pat, &local.init) {
            (Pat::Type(typed), _) => known_type(&typed.ty),
            (_, Some(init)) => self.known(&init.expr),
            (_, None) => Known::Nothing,
        };
        self.scopes.bind(&local.pat, known);
        dropped_call::bind(self, local);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        // The rules of a macro are code where it is called.
        if let Item::Macro(definition) = item
            && definition.ident.is_some()
        {
            return self.uses(definition.mac.tokens.clone());
        }
        if is_elsewhere(item) {
            return;
        }
        statics::check_item(self, item);
        visit::visit_item(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.inner_function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.inner_function(&item.sig, &item.block);
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        if !self.is_deferred {
            endless_loop::check(self, expr);
        }
        guards::check_expr(self, expr);
        statics::check_assignment(self, expr);
        visit::visit_expr(self, expr);
    }

    fn visit_expr_await(&mut self, awaited: &'ast ExprAwait) {
        match bare(&awaited.base) {
            Expr::Async(block) => self.visit_block(&block.block),
            base => self.visit_expr(base),
        }
    }

    fn visit_expr_async(&mut self, block: &'ast ExprAsync) {
        self.deferred(|this| this.visit_block(&block.block));
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.scopes.enter();
        for pattern in &closure.inputs {
            let known = match pattern {
                Pat::Type(typed) => known_type(&typed.ty),
                _ => Known::Nothing,
            };
            self.scopes.bind(pattern, known);
        }
        self.deferred(|this| this.visit_expr(&closure.body));
        self.scopes.leave();
    }

    fn visit_expr_for_loop(&mut self, looped: &'ast ExprForLoop) {
        hash_order::check_loop(self, looped);
        self.visit_expr(&looped.expr);
        self.scopes.enter();
        self.scopes.bind(&looped.pat, Known::Nothing);
        self.visit_block(&looped.body);
        self.scopes.leave();
    }

    fn visit_expr_if(&mut self, condition: &'ast ExprIf) {
        self.scopes.enter();
        self.visit_expr(&condition.cond);
        self.visit_block(&condition.then_branch);
        self.scopes.leave();
        if let Some((_, otherwise)) = &condition.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, looped: &'ast ExprWhile) {
        self.scopes.enter();
        visit::visit_expr_while(self, looped);
        self.scopes.leave();
    }

    fn visit_expr_let(&mut self, bound: &'ast ExprLet) {
        visit::visit_expr_let(self, bound);
        self.scopes.bind(&bound.pat, Known::Nothing);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        self.scopes.enter();
        self.scopes.bind(&arm.pat, Known::Nothing);
        visit::visit_arm(self, arm);
        self.scopes.leave();
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        match bare(&call.func) {
            Expr::Path(function) => {
                if call.args.is_empty() {
                    self.without_arguments(&function.path);
                }
                let lends_context = call.args.iter().any(|argument| {
                    matches!(argument, Expr::Reference(_)) && self.known(argument) == Known::Context
                });
                let used = if lends_context {
                    Use::Helper
                } else {
                    Use::Called
                };
                self.path(&function.path, function.qself.as_ref(), used);
            }
            function => self.visit_expr(function),
        }
        let before = self.is_order_free;
        self.is_order_free |= hash_order::is_collection(self, call);
        call.args
            .iter()
            .for_each(|argument| self.visit_expr(argument));
        self.is_order_free = before;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.method(&call.method, Some(call.args.len()));
        statics::check_method(self, call);
        hash_order::check_method(self, call);
        // What a side effect does is recorded: it is the place for what is not deterministic.
        if call.method == "side_effect" {
            return self.visit_expr(&call.receiver);
        }
        let before = self.is_order_free;
        self.is_order_free =
            hash_order::is_order_free(call).unwrap_or(before) && !hash_order::asks(self, call);
        self.visit_expr(&call.receiver);
        self.is_order_free = call.method == "extend" && self.known(&call.receiver) == Known::Hash;
        let calls = call.method == "call" || call.method == "continue_as_new";
        if calls && self.known(&call.receiver) == Known::Context {
            call.args
                .iter()
                .for_each(|argument| self.definition(argument));
        } else {
            call.args
                .iter()
                .for_each(|argument| self.visit_expr(argument));
        }
        self.is_order_free = before;
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        self.path(&path.path, path.qself.as_ref(), Use::Value);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.macro_name(call);
        self.uses(call.tokens.clone());
        if call.path.is_ident("thread_local") {
            return;
        }
        match Invocation::read(call) {
            Invocation::Expressions(expressions) => {
                expressions.iter().for_each(|expr| self.visit_expr(expr));
            }
            Invocation::Statements(stmts) => self.visit_block(&Block {
                brace_token: syn::token::Brace::default(),
                stmts,
            }),
            Invocation::Arms(arms) => {
                for arm in arms {
                    self.scopes.enter();
                    if let Some(pattern) = &arm.pattern {
                        self.scopes.bind(pattern, Known::Nothing);
                    }
                    arm.expressions
                        .iter()
                        .for_each(|expr| self.visit_expr(expr));
                    self.scopes.leave();
                }
            }
            Invocation::Tokens(tokens) => self.tokens(tokens),
        }
    }

    // Attributes and types do nothing at run time.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_type(&mut self, _: &'ast Type) {}
}

/// What a value of a type is known to be.
fn known_type(ty: &Type) -> Known {
    if hash_order::is_hash_type(ty) {
        Known::Hash
    } else if context_name(ty).is_some() {
        Known::Context
    } else {
        Known::Nothing
    }
}

/// The name that the context has in a function.
fn context_of(sig: &Signature) -> Option<String> {
    typed(sig)
        .find(|parameter| context_name(&parameter.ty).is_some())
        .and_then(|parameter| plain_name(&parameter.pat))
        .map(ToString::to_string)
}

/// What is in parentheses, groups and references.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        Expr::Reference(inner) => bare(&inner.expr),
        expr => expr,
    }
}
