//! Goes through the body of an orchestrator and asks the rules at each place.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, Expr, ExprCall, ExprClosure, ExprForLoop, ExprMethodCall, ExprPath, Item,
    ItemFn, Local, Macro, Path, Type,
};

use super::allow::{self, Allowance};
use super::catalog::{HARMLESS, LOG, MACROS, METHODS, PATHS, SEEDED, WITHOUT_ARGUMENTS};
use super::hash_order::{self, Scopes};
use super::invocation::{self, Invocation};
use super::names::{self, Names, matches};
use super::rule::Rule;
use super::{direct_call, dropped_call, endless_loop, guards, statics};
use crate::errors::Errors;
use crate::model::typed;
use crate::validate::text;

/// Reports every breach in the body.
pub(super) fn walk(
    item: &crate::item::Item,
    body: &Block,
    context: &str,
    allowances: &[Allowance],
    errors: &Errors,
) {
    let mut walk = Walk {
        errors,
        context,
        names: Names::of(body),
        allowances,
        allowed: Vec::new(),
        scopes: Scopes::default(),
        is_order_free: false,
    };
    walk.scopes.enter();
    for parameter in typed(item) {
        walk.scopes
            .bind(&parameter.pat, hash_order::is_hash_type(&parameter.ty));
    }
    walk.visit_block(body);
}

/// Where it is in the body, and what is known there.
pub(super) struct Walk<'a> {
    errors: &'a Errors,
    /// The name of the context.
    pub(super) context: &'a str,
    pub(super) names: Names,
    allowances: &'a [Allowance],
    /// Those that are in force here.
    allowed: Vec<usize>,
    pub(super) scopes: Scopes,
    /// Whether what is iterated here gives the same whatever the order.
    pub(super) is_order_free: bool,
}

impl Walk<'_> {
    /// Reports a breach, unless it is allowed here. `{path}` and `{ctx}` are filled in.
    pub(super) fn report(&self, rule: Rule, tokens: impl ToTokens, path: &str, says: &str) {
        let mut is_allowed = false;
        for number in &self.allowed {
            let allowance = &self.allowances[*number];
            if allowance.rules.contains(&rule) {
                allowance.is_used.set(true);
                is_allowed = true;
            }
        }
        if is_allowed {
            return;
        }
        let says = says.replace("{path}", path).replace("{ctx}", self.context);
        let rule = rule.name();
        self.errors.at(
            tokens,
            format!(
                "{says}\nto keep it, say why on its statement: `#[steadfast::allow({rule}, reason = \"..\")]`"
            ),
        );
    }

    /// Whether an expression is the context.
    pub(super) fn is_context(&self, expr: &Expr) -> bool {
        matches!(bare(expr), Expr::Path(path) if path.path.is_ident(self.context))
    }

    fn path(&self, path: &Path, names: Vec<String>) {
        let is_seeded = names
            .last()
            .is_some_and(|last| SEEDED.contains(&last.as_str()));
        let is_function = |names: &[String]| {
            names
                .last()
                .is_some_and(|last| last.starts_with(char::is_lowercase))
        };
        for (index, meaning) in self.names.meanings_of(names).into_iter().enumerate() {
            if is_seeded || HARMLESS.iter().any(|pattern| matches(pattern, &meaning)) {
                continue;
            }
            // A name that may come out of a module imported whole must be listed: it can also be a variable.
            let group = PATHS.iter().find(|group| {
                group.paths.iter().any(|pattern| {
                    matches(pattern, &meaning)
                        && (!pattern.ends_with('*') || (index == 0 && is_function(&meaning)))
                })
            });
            if let Some(group) = group {
                self.report(group.rule, path, &plain(path), group.says);
                return;
            }
        }
    }

    fn without_arguments(&self, path: &Path) {
        let (rule, says, pattern) = WITHOUT_ARGUMENTS;
        let written = &self.names.meanings(path)[0];
        // In full it is among the paths.
        if written.len() == 2 && matches(pattern, written) {
            self.report(rule, path, &plain(path), says);
        }
    }

    fn method(&self, name: &syn::Ident, arguments: Option<usize>) {
        let found = METHODS.iter().find(|(.., method, count)| {
            name == method && (count.is_none() || arguments.is_none() || *count == arguments)
        });
        if let Some((rule, says, ..)) = found {
            self.report(*rule, name, &format!(".{name}"), says);
        }
    }

    fn macro_name(&self, path: &Path) {
        let meaning = self.names.meanings(path).swap_remove(0);
        let Some(last) = meaning.last().map(String::as_str) else {
            return;
        };
        let is_log = meaning.len() == 2 && meaning[0] == "log";
        let named = MACROS
            .iter()
            .chain(is_log.then_some(&LOG))
            .find(|(.., macros)| macros.contains(&last));
        match named {
            Some((rule, says, _)) => self.report(*rule, path, &plain(path), says),
            None if meaning.len() > 1 => self.path(path, names::segments(path)),
            None => {}
        }
    }

    fn select(&self, call: &Macro) {
        let is_select = invocation::is_select(call)
            && call
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "select");
        if is_select && !invocation::is_biased(call) {
            let meaning = self.names.meanings(&call.path).swap_remove(0);
            let says = if meaning[0].starts_with("futures") {
                "`{path}!` looks at its branches in a random order, so that a replay may go another way: write `select_biased!`, or \
                 `{ctx}.race((..))`"
            } else {
                "`{path}!` looks at its branches in a random order, so that a replay may go another way: write `biased;` as its first \
                 line (`select_biased!` for that of `futures`), or `{ctx}.race((..))`"
            };
            self.report(Rule::Select, &call.path, &plain(&call.path), says);
        }
    }

    /// Looks for names in what is no ordinary code.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    at += 1;
                }
                TokenTree::Ident(_) => at = self.name(&tokens, at),
                TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
            }
        }
    }

    /// Looks at the name that begins at this token, and returns where it goes on.
    fn name(&mut self, tokens: &[TokenTree], from: usize) -> usize {
        let is_punct = |at: usize, c: char| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == c);
        let mut end = from + 1;
        while is_punct(end, ':')
            && is_punct(end + 1, ':')
            && matches!(tokens.get(end + 2), Some(TokenTree::Ident(_)))
        {
            end += 3;
        }
        let written: TokenStream = tokens[from..end].iter().cloned().collect();
        if from > 0 && is_punct(from - 1, '.') {
            if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(group))) =
                (tokens.get(from), tokens.get(end))
                && group.delimiter() == Delimiter::Parenthesis
            {
                let none = group.stream().is_empty().then_some(0);
                self.method(name, none);
            }
            return end;
        }
        let Ok(path) = syn::parse2::<Path>(written) else {
            return end;
        };
        if is_punct(end, '!')
            && let Some(TokenTree::Group(_)) = tokens.get(end + 1)
        {
            let call: TokenStream = tokens[from..end + 2].iter().cloned().collect();
            if let Ok(call) = syn::parse2::<Macro>(call) {
                self.visit_macro(&call);
                return end + 2;
            }
        }
        self.path(&path, names::segments(&path));
        end
    }
}

impl<'ast> Visit<'ast> for Walk<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        self.scopes.enter();
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
            dropped_call::check(self, stmt, rest);
            guards::check_stmt(self, stmt, rest);
            self.is_order_free = hash_order::is_sorted_next(stmt, rest);
            self.visit_stmt(stmt);
            self.is_order_free = false;
            self.allowed.truncate(before);
        }
        self.scopes.leave();
    }

    fn visit_local(&mut self, local: &'ast Local) {
        self.is_order_free |= hash_order::is_order_free_type(&local.pat);
        visit::visit_local(self, local);
        let is_hash = match (&local.pat, &local.init) {
            (syn::Pat::Type(typed), _) => hash_order::is_hash_type(&typed.ty),
            (_, Some(init)) => hash_order::is_hash(self, &init.expr),
            (_, None) => false,
        };
        self.scopes.bind(&local.pat, is_hash);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            // What is marked is looked at by its own attribute, and a test is no part of the orchestrator.
            Item::Fn(ItemFn { attrs, .. }) if attrs.iter().any(is_elsewhere) => {}
            Item::Mod(module) if module.attrs.iter().any(is_elsewhere) => {}
            // The rules of a macro are code where it is called.
            Item::Macro(definition) if definition.ident.is_some() => {}
            item => {
                statics::check_item(self, item);
                visit::visit_item(self, item);
            }
        }
    }

    fn visit_expr(&mut self, expr: &'ast Expr) {
        endless_loop::check(self, expr);
        guards::check_expr(self, expr);
        visit::visit_expr(self, expr);
    }

    fn visit_expr_closure(&mut self, closure: &'ast ExprClosure) {
        self.scopes.enter();
        for pattern in &closure.inputs {
            self.scopes.bind(pattern, false);
        }
        let order_free = std::mem::take(&mut self.is_order_free);
        visit::visit_expr_closure(self, closure);
        self.is_order_free = order_free;
        self.scopes.leave();
    }

    fn visit_expr_for_loop(&mut self, looped: &'ast ExprForLoop) {
        hash_order::check_loop(self, looped);
        self.scopes.enter();
        self.scopes.bind(&looped.pat, false);
        visit::visit_expr_for_loop(self, looped);
        self.scopes.leave();
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        direct_call::check(self, call);
        if let Expr::Path(path) = bare(&call.func)
            && call.args.is_empty()
        {
            self.without_arguments(&path.path);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.method(&call.method, Some(call.args.len()));
        statics::check_method(self, call);
        hash_order::check_method(self, call);
        // What a side effect does is recorded: it is the place for what is not deterministic.
        if call.method == "side_effect" && self.is_context(&call.receiver) {
            return;
        }
        let before = self.is_order_free;
        self.is_order_free |= hash_order::is_order_free(call);
        self.visit_expr(&call.receiver);
        self.is_order_free = false;
        if let Some(types) = &call.turbofish {
            self.visit_angle_bracketed_generic_arguments(types);
        }
        call.args
            .iter()
            .for_each(|argument| self.visit_expr(argument));
        self.is_order_free = before;
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        let mut names = names::segments(&path.path);
        // `<SystemTime>::now`
        if let Some(Type::Path(of)) = path.qself.as_ref().map(|qself| &*qself.ty)
            && path.qself.as_ref().is_some_and(|qself| qself.position == 0)
        {
            names.splice(0..0, names::segments(&of.path));
        }
        self.path(&path.path, names);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.macro_name(&call.path);
        self.select(call);
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
                        self.scopes.bind(pattern, false);
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

/// Whether an item with this attribute is no code of the orchestrator.
fn is_elsewhere(attr: &Attribute) -> bool {
    let is_marked = attr
        .path()
        .segments
        .last()
        .is_some_and(|last| last.ident == "activity" || last.ident == "orchestrator");
    is_marked || (attr.path().is_ident("cfg") && text(&attr.meta).contains("test"))
}

/// A path as it was written, without the arguments of its types.
fn plain(path: &Path) -> String {
    names::segments(path).join("::")
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
