//! `#[steadfast::allow(clock, reason = "..")]` on a statement: a rule is broken on purpose there, and the reason goes into the
//! documentation of the orchestrator.
//!
//! It is no attribute that the compiler knows (`#[steadfast::allow(clock)]` would name a lint of an unknown tool, which it refuses
//! before any macro runs), so that it is taken out of the body. In the copy that is looked through, each is replaced by a marker
//! with its number: `#[__allowed(0)]`.

use std::cell::Cell;

use proc_macro2::{Delimiter, Group, Ident, Literal, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{LitStr, Path, Stmt, Token, token};

use super::rule::Rule;
use crate::errors::Errors;

const TOOL: &str = "steadfast";
const MARKER: &str = "__allowed";

/// What one attribute allows.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(crate) rules: Vec<Rule>,
    pub(crate) reason: String,
    /// The attribute, for messages.
    attr: TokenStream,
    pub(super) is_on_a_statement: Cell<bool>,
    /// Whether a statement below it breaks one of the rules.
    pub(super) is_used: Cell<bool>,
}

/// A body with its allowances taken out.
pub(super) struct Taken {
    /// For the compiler: without the attributes.
    pub(super) body: TokenStream,
    /// To look through: with a marker for each attribute.
    pub(super) marked: TokenStream,
    pub(super) allowances: Vec<Allowance>,
}

/// Takes the allowances out of a body; `None` when it has none.
pub(super) fn take(body: &TokenStream, errors: &Errors) -> Option<Taken> {
    let mut allowances = Vec::new();
    let (body, marked) = take_from(body.clone(), &mut allowances, errors)?;
    Some(Taken {
        body,
        marked,
        allowances,
    })
}

fn take_from(
    tokens: TokenStream,
    allowances: &mut Vec<Allowance>,
    errors: &Errors,
) -> Option<(TokenStream, TokenStream)> {
    let (mut plain, mut marked) = (TokenStream::new(), TokenStream::new());
    let mut is_changed = false;
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                let attr =
                    rest.next_if(|next| matches!(next, TokenTree::Group(group) if is_ours(group)));
                if let Some(TokenTree::Group(attr)) = attr {
                    is_changed = true;
                    let marker = format_ident!("{MARKER}");
                    let number = Literal::usize_unsuffixed(allowances.len());
                    marked.extend(quote!(#hash [#marker(#number)]));
                    let written = quote!(#hash #attr);
                    allowances.push(Allowance::parse(attr.stream(), written, errors));
                } else {
                    plain.extend([TokenTree::Punct(hash.clone())]);
                    marked.extend([TokenTree::Punct(hash)]);
                }
            }
            TokenTree::Group(group) => {
                match take_from(group.stream(), allowances, errors) {
                    Some((plain_inside, marked_inside)) => {
                        is_changed = true;
                        plain.extend([again(&group, plain_inside)]);
                        marked.extend([again(&group, marked_inside)]);
                    }
                    // A group that is made anew loses the places of its brackets.
                    None => {
                        plain.extend([TokenTree::Group(group.clone())]);
                        marked.extend([TokenTree::Group(group)]);
                    }
                }
            }
            other => {
                plain.extend([other.clone()]);
                marked.extend([other]);
            }
        }
    }
    is_changed.then_some((plain, marked))
}

fn again(group: &Group, inside: TokenStream) -> TokenTree {
    let mut again = Group::new(group.delimiter(), inside);
    again.set_span(group.span());
    TokenTree::Group(again)
}

/// Whether what is between the brackets of an attribute begins with `steadfast::allow`, or another lint level.
fn is_ours(group: &Group) -> bool {
    let path = |input: ParseStream<'_>| {
        let path = input.call(Path::parse_mod_style)?;
        input.parse::<TokenStream>()?;
        Ok(path)
    };
    let begins = |tokens: TokenStream| {
        path.parse2(tokens)
            .map(|path| super::names::segments(&path))
    };
    let levels = ["allow", "expect", "warn", "deny", "forbid"];
    group.delimiter() == Delimiter::Bracket
        && begins(group.stream()).is_ok_and(|names| {
            matches!(names.as_slice(), [tool, level] if tool == TOOL && levels.contains(&level.as_str()))
        })
}

impl Allowance {
    fn parse(attr: TokenStream, written: TokenStream, errors: &Errors) -> Self {
        let mut allowance = Self {
            rules: Vec::new(),
            reason: String::new(),
            attr: written,
            is_on_a_statement: Cell::new(false),
            is_used: Cell::new(false),
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
                Word::Reason(reason) => {
                    has_reason = true;
                    reason.value().trim().clone_into(&mut allowance.reason);
                    if allowance.reason.is_empty() {
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
        match Rule::parse(&name.to_string()) {
            Some(rule) => self.rules.push(rule),
            None => {
                let rules = rules();
                errors.at(
                    name,
                    format!("there is no rule `{name}`; the rules are {rules}"),
                );
                // One message is enough.
                self.is_used.set(true);
            }
        }
    }

    /// Reports an attribute that does nothing.
    pub(super) fn check_use(&self, errors: &Errors) {
        if !self.is_on_a_statement.get() {
            errors.at(
                &self.attr,
                "a rule of steadfast is allowed on a statement: move the attribute in front of one, outside of a macro call",
            );
        } else if !self.is_used.get() && !self.rules.is_empty() {
            errors.at(
                &self.attr,
                "nothing in this statement breaks the rule: remove the attribute",
            );
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(body: &TokenStream) -> Vec<String> {
        let errors = Errors::new();
        take(body, &errors);
        errors
            .finish()
            .err()
            .into_iter()
            .flatten()
            .map(|error| error.to_string())
            .collect()
    }

    #[test]
    fn allowances_are_taken_out_and_the_rest_is_kept() {
        let body = quote!({
            #[allow(unused)]
            let a = 1;
            {
                #[steadfast::allow(clock, reason = "shown only")]
                let b = now();
            }
        });
        let errors = Errors::new();
        let taken = take(&body, &errors).unwrap();
        errors.finish().unwrap();
        assert_eq!(
            taken.body.to_string(),
            quote!({
                #[allow(unused)]
                let a = 1;
                {
                    let b = now();
                }
            })
            .to_string()
        );
        assert!(taken.marked.to_string().contains("__allowed (0)"));
        assert_eq!(taken.allowances[0].rules, [Rule::Clock]);
        assert_eq!(taken.allowances[0].reason, "shown only");
        let errors = Errors::new();
        assert!(
            take(
                &quote!({
                    #[allow(unused)]
                    let a = 1;
                }),
                &errors
            )
            .is_none()
        );
        errors.finish().unwrap();
    }

    #[test]
    fn an_allowance_names_rules_and_a_reason() {
        let refused = |body: TokenStream, expected: &str| {
            let messages = messages(&body);
            assert_eq!(messages.len(), 1, "{messages:?}");
            assert!(messages[0].contains(expected), "{messages:?}");
        };
        refused(quote!(#[steadfast::allow(clock)] f();), "say why");
        refused(
            quote!(#[steadfast::allow(clock, reason = " ")] f();),
            "is empty",
        );
        refused(
            quote!(#[steadfast::allow(clok, reason = "x")] f();),
            "there is no rule `clok`; the rules are `clock`, ",
        );
        refused(
            quote!(#[steadfast::expect(clock, reason = "x")] f();),
            "write `steadfast::allow`",
        );
        refused(
            quote!(#[steadfast::allow(reason = "x")] f();),
            "say what is allowed: one or more of `clock`, ",
        );
    }
}
