//! `#[steadfast::allow(clock, reason = "..")]` on a statement: a rule is broken on purpose there, and the reason goes into the
//! documentation of the orchestrator.
//!
//! It is no attribute that the compiler knows (`#[steadfast::allow(clock)]` would name a lint of an unknown tool, which it refuses
//! before any macro runs), so that it is taken out of the body. In the copy that is looked through, each is replaced by a marker
//! with its number: `#[__allowed(0)]`.

use std::cell::Cell;

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Path, Stmt, Token, token};

use super::rule::Rule;
use crate::errors::Errors;

const TOOL: &str = "steadfast";
const MARKER: &str = "__allowed";

const ELSEWHERE: &str = "a rule of steadfast is allowed on a statement of the body: move the attribute in front of one, outside of a macro call";

/// What one attribute allows.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(crate) rules: Vec<Allowed>,
    pub(crate) reason: String,
    /// The attribute, for messages.
    attr: TokenStream,
    pub(super) is_on_a_statement: Cell<bool>,
}

/// A rule that may be broken.
#[derive(Debug)]
pub(crate) struct Allowed {
    pub(crate) rule: Rule,
    name: Ident,
    /// Whether something below the attribute breaks it.
    is_used: Cell<bool>,
}

/// A body with its allowances taken out.
pub(super) struct Taken {
    /// For the compiler: without the attributes.
    pub(super) body: Group,
    /// To look through: with a marker for each attribute.
    pub(super) marked: TokenStream,
    pub(super) allowances: Vec<Allowance>,
}

/// Takes the allowances out of a body; `None` when it has none.
pub(super) fn take(body: &TokenTree, errors: &Errors) -> Option<Taken> {
    let TokenTree::Group(body) = body else {
        return None;
    };
    let mut allowances = Vec::new();
    let (body, marked) = take_from(body, &mut allowances, errors)?;
    Some(Taken {
        body,
        marked: TokenTree::Group(marked).into(),
        allowances,
    })
}

/// The group without the attributes, and with the markers; `None` when there are none in it: a group that is made anew loses the
/// places of its brackets.
fn take_from(
    group: &Group,
    allowances: &mut Vec<Allowance>,
    errors: &Errors,
) -> Option<(Group, Group)> {
    let before = allowances.len();
    let (mut plain, mut marked) = (Vec::new(), Vec::new());
    let mut rest = group.stream().into_iter().peekable();
    let mut is_elsewhere = false;
    while let Some(token) = rest.next() {
        match &token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                let bang = rest.next_if(
                    |next| matches!(next, TokenTree::Punct(bang) if bang.as_char() == '!'),
                );
                if let Some(TokenTree::Group(attr)) = rest.peek()
                    && let Some(names) = begins(attr)
                {
                    is_elsewhere |= is_definition(&names);
                    if is_level(&names) {
                        // `#![..]` is in front of nothing, and is refused for that.
                        if bang.is_none() {
                            marked.extend(marker(hash, allowances.len()));
                        }
                        let written = quote!(#hash #bang #attr);
                        allowances.push(Allowance::parse(attr.stream(), written, errors));
                        rest.next();
                        continue;
                    }
                }
                let tokens = [Some(token), bang];
                plain.extend(tokens.iter().flatten().cloned());
                marked.extend(tokens.into_iter().flatten());
                continue;
            }
            // The body of a definition inside of this one, whose own attribute takes them out.
            TokenTree::Group(inside) if is_elsewhere && inside.delimiter() == Delimiter::Brace => {
                is_elsewhere = false;
            }
            TokenTree::Group(inside) => {
                if let Some((plain_inside, marked_inside)) = take_from(inside, allowances, errors) {
                    plain.push(TokenTree::Group(plain_inside));
                    marked.push(TokenTree::Group(marked_inside));
                    continue;
                }
            }
            TokenTree::Punct(_) | TokenTree::Ident(_) | TokenTree::Literal(_) => {}
        }
        plain.push(token.clone());
        marked.push(token);
    }
    let again = |tokens: Vec<TokenTree>| {
        let mut again = Group::new(group.delimiter(), tokens.into_iter().collect());
        again.set_span(group.span());
        again
    };
    (allowances.len() > before).then(|| (again(plain), again(marked)))
}

fn marker(hash: &Punct, number: usize) -> TokenStream {
    let marker = format_ident!("{MARKER}");
    let number = Literal::usize_unsuffixed(number);
    quote!(#hash [#marker(#number)])
}

/// The path that the inside of an attribute begins with.
fn begins(attr: &Group) -> Option<Vec<String>> {
    let path = |input: ParseStream<'_>| {
        let path = input.call(Path::parse_mod_style)?;
        input.parse::<TokenStream>()?;
        Ok(path)
    };
    if attr.delimiter() != Delimiter::Bracket {
        return None;
    }
    let path = path.parse2(attr.stream()).ok()?;
    Some(super::names::segments(&path))
}

/// Whether it is `steadfast::allow`, or another lint level.
fn is_level(names: &[String]) -> bool {
    let levels = ["allow", "expect", "warn", "deny", "forbid"];
    matches!(names, [tool, level] if tool == TOOL && levels.contains(&level.as_str()))
}

fn is_definition(names: &[String]) -> bool {
    names
        .last()
        .is_some_and(|last| last == "activity" || last == "orchestrator")
}

/// Reports an attribute on the function itself: what it allowed would be its whole body.
pub(super) fn refuse_on_function(attrs: &mut Vec<Attribute>, errors: &Errors) {
    attrs.retain(|attr| {
        let is_ours = is_level(&super::names::segments(attr.path()));
        if is_ours {
            errors.at(attr, ELSEWHERE);
        }
        !is_ours
    });
}

impl Allowance {
    fn parse(attr: TokenStream, written: TokenStream, errors: &Errors) -> Self {
        let mut allowance = Self {
            rules: Vec::new(),
            reason: String::new(),
            attr: written,
            is_on_a_statement: Cell::new(false),
        };
        let parse = |input: ParseStream<'_>| {
            let path = input.call(Path::parse_mod_style)?;
            if path
                .segments
                .last()
                .is_none_or(|level| level.ident != "allow")
            {
                errors.at(
                    &path,
                    "a rule is an error or allowed: write `steadfast::allow`",
                );
            }
            if !input.peek(token::Paren) {
                return Ok(Punctuated::new());
            }
            let inside;
            syn::parenthesized!(inside in input);
            Punctuated::<Word, Token![,]>::parse_terminated(&inside)
        };
        let Some(words) = errors.take(parse.parse2(attr)) else {
            return allowance;
        };
        let mut has_reason = false;
        for word in &words {
            match word {
                Word::Rule(name) => allowance.add_rule(name, errors),
                Word::Reason(reason) if has_reason => {
                    errors.at(reason, "there is one reason for all rules of an attribute");
                }
                Word::Reason(reason) => {
                    has_reason = true;
                    reason.value().trim().clone_into(&mut allowance.reason);
                    // Also the dots of the message that asks for it.
                    if allowance.reason.trim_matches('.').is_empty() {
                        errors.at(reason, "the reason is empty: say why this is harmless here");
                    }
                }
            }
        }
        if words.iter().all(|word| matches!(word, Word::Reason(_))) {
            let rules = rules();
            errors.at(
                &allowance.attr,
                format!("say what is allowed: one or more of {rules}"),
            );
        }
        if !has_reason {
            errors.at(
                &allowance.attr,
                "say why this is harmless here, as in `#[steadfast::allow(clock, reason = \"it is only shown\")]`: the reason goes into the \
                 documentation of the orchestrator",
            );
        }
        allowance
    }

    fn add_rule(&mut self, name: &Ident, errors: &Errors) {
        let Some(rule) = Rule::parse(&name.to_string()) else {
            let rules = rules();
            let message = format!("there is no rule `{name}`; the rules are {rules}");
            return errors.at(name, message);
        };
        if self.rules.iter().any(|allowed| allowed.rule == rule) {
            return errors.at(name, format!("`{name}` is there twice"));
        }
        self.rules.push(Allowed {
            rule,
            name: name.clone(),
            is_used: Cell::new(false),
        });
    }

    /// Whether a rule may be broken below it, which is then done.
    pub(super) fn covers(&self, rule: Rule) -> bool {
        let allowed = self.rules.iter().find(|allowed| allowed.rule == rule);
        allowed
            .inspect(|allowed| allowed.is_used.set(true))
            .is_some()
    }

    /// Reports what it allows for nothing.
    pub(super) fn check_use(&self, errors: &Errors) {
        if !self.is_on_a_statement.get() {
            return self.refuse_place(errors);
        }
        let is_unused = |allowed: &&Allowed| !allowed.is_used.get();
        if self.rules.iter().filter(is_unused).count() == self.rules.len() {
            if !self.rules.is_empty() {
                errors.at(
                    &self.attr,
                    "nothing in this statement breaks the rule: remove the attribute",
                );
            }
            return;
        }
        for allowed in self.rules.iter().filter(is_unused) {
            let name = &allowed.name;
            errors.at(
                name,
                format!("nothing in this statement breaks `{name}`: remove it"),
            );
        }
    }

    pub(super) fn refuse_place(&self, errors: &Errors) {
        errors.at(&self.attr, ELSEWHERE);
    }
}

fn rules() -> String {
    Rule::ALL
        .map(|rule| format!("`{}`", rule.name()))
        .join(", ")
}

/// What may be between the parentheses.
enum Word {
    Rule(Ident),
    Reason(LitStr),
}

impl Parse for Word {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: Ident = input.parse()?;
        if name != "reason" {
            return Ok(Self::Rule(name));
        }
        input.parse::<Token![=]>()?;
        input.parse().map(Self::Reason)
    }
}

/// The numbers of the markers in front of a statement.
pub(super) fn markers(stmt: &Stmt) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut tokens = stmt.to_token_stream().into_iter();
    while let (Some(TokenTree::Punct(hash)), Some(TokenTree::Group(attr))) =
        (tokens.next(), tokens.next())
    {
        if hash.as_char() != '#' {
            break;
        }
        let mut attr = attr.stream().into_iter();
        if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(number))) =
            (attr.next(), attr.next())
            && name == MARKER
        {
            numbers.extend(number.stream().to_string().parse::<usize>().ok());
        }
    }
    numbers
}
