//! Holds an orchestrator to the events that it declares: each wait in its body is checked by the compiler.
//!
//! Input, for `#[orchestrator(events(Approved))]`:
//! ```text
//! { let answer = ctx.wait_for_external_event::<Approved>().await; }
//! ```
//! Output:
//! ```text
//! { let answer = ctx.wait_for_external_event::<Approved>().declared(<_ as private::DeclaredBy<Self>>::DECLARED).await; }
//! ```
//!
//! The body is not parsed, since it may be unfinished, and since a wait may stand inside of `join!` or `select!`. So this looks
//! at tokens: what is inserted stands behind the call, and everything else stays as it is. `Self` is the definition, also where
//! the body has an item of the same name. Items inside the body are left alone: a context cannot be captured by them, and they
//! may be orchestrators of their own.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote_spanned;

use super::here;
use crate::paths::Private;

const WAIT: &str = "wait_for_external_event";

/// The body with its waits checked.
pub(super) fn checked(body: &TokenTree, private: &Private) -> TokenTree {
    let TokenTree::Group(group) = body else {
        return body.clone();
    };
    checked_group(group, private).map_or_else(|| body.clone(), TokenTree::Group)
}

/// `None` when nothing is to be checked in there: then the group keeps the places of its two delimiters.
fn checked_group(group: &Group, private: &Private) -> Option<Group> {
    let tokens: Vec<_> = group.stream().into_iter().collect();
    let mut checked = TokenStream::new();
    let (mut is_changed, mut next) = (false, 0);
    let mut wait: Option<Wait> = None;
    while let Some(token) = tokens.get(next) {
        if let Some(length) = item_length(&tokens[next..]) {
            checked.extend(tokens[next..next + length].iter().cloned());
            next += length;
            continue;
        }
        wait = wait.or_else(|| Wait::find(&tokens, next));
        match token {
            TokenTree::Group(inner) => {
                let inside = checked_group(inner, private);
                is_changed |= inside.is_some();
                checked.extend([TokenTree::Group(inside.unwrap_or_else(|| inner.clone()))]);
            }
            other => checked.extend([other.clone()]),
        }
        if let Some(found) = wait.take_if(|wait| wait.arguments == next) {
            is_changed = true;
            checked.extend(check(found.event, private));
        }
        next += 1;
    }
    is_changed.then(|| {
        let mut changed = Group::new(group.delimiter(), checked);
        changed.set_span(group.span());
        changed
    })
}

/// A call of the method, in the tokens around it.
struct Wait {
    /// Where its parentheses are.
    arguments: usize,
    /// Where an error is reported: at the type of the event, or at the method where that is inferred.
    event: Span,
}

impl Wait {
    fn find(tokens: &[TokenTree], method: usize) -> Option<Self> {
        let before = tokens.get(method.checked_sub(1)?)?;
        if !is_word(tokens.get(method)?, WAIT) || !(is_punct(before, '.') || is_punct(before, ':'))
        {
            return None;
        }
        let behind = &tokens[method + 1..];
        let (generics, event) = match behind {
            [first, second, generics @ ..] if is_punct(first, ':') && is_punct(second, ':') => {
                let length = angle_brackets(generics)?;
                let event = generics[1..]
                    .iter()
                    .take_while(|token| !is_punct(token, '<') && !is_punct(token, '>'))
                    .last();
                (2 + length, event.filter(|event| !is_word(event, "_")))
            }
            _ => (0, None),
        };
        match behind.get(generics)? {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => Some(Self {
                arguments: method + 1 + generics,
                event: event.unwrap_or(&tokens[method]).span(),
            }),
            _ => None,
        }
    }
}

fn check(event: Span, private: &Private) -> TokenStream {
    let private = private.at(here(event));
    let declared = quote_spanned!(here(event)=> <_ as #private::DeclaredBy<Self>>::DECLARED);
    // The call ends in these tokens: with the place of a macro, so would every error about its value.
    quote_spanned!(event=> .declared(#declared))
}

/// How many tokens the function or macro definition has that begins here.
fn item_length(tokens: &[TokenTree]) -> Option<usize> {
    match tokens {
        [word, TokenTree::Ident(_), ..] if is_word(word, "fn") => {}
        [word, bang, ..] if is_word(word, "macro_rules") && is_punct(bang, '!') => {}
        _ => return None,
    }
    let mut end = 0;
    while let Some(token) = tokens.get(end) {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                return Some(end + 1);
            }
            token if is_punct(token, ';') => return Some(end + 1),
            _ => end += angle_brackets(&tokens[end..]).unwrap_or(1),
        }
    }
    Some(end)
}

/// How many tokens the angle brackets have that begin here.
fn angle_brackets(tokens: &[TokenTree]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        let is_arrow = index > 0 && is_punct(&tokens[index - 1], '-');
        if is_punct(token, '<') {
            depth += 1;
        } else if is_punct(token, '>') && !is_arrow {
            depth = depth.checked_sub(1)?;
        }
        if depth == 0 {
            return (index > 0).then_some(index + 1);
        }
    }
    None
}

fn is_punct(token: &TokenTree, punct: char) -> bool {
    matches!(token, TokenTree::Punct(token) if token.as_char() == punct)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(token) if token == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the expected text, `CHECKED` stands for what is inserted.
    #[track_caller]
    fn becomes(body: &str, expected: &str) {
        let check = check(Span::call_site(), &Private::new(None)).to_string();
        let tokens = |text: &str| text.parse::<TokenStream>().unwrap();
        let body = TokenTree::Group(Group::new(Delimiter::Brace, tokens(body)));
        let TokenTree::Group(checked) = checked(&body, &Private::new(None)) else {
            panic!("a body is a group");
        };
        let expected = tokens(&expected.replace("CHECKED", &check));
        assert_eq!(checked.stream().to_string(), expected.to_string());
    }

    #[track_caller]
    fn stays(body: &str) {
        becomes(body, body);
    }

    #[test]
    fn every_form_of_a_wait_is_checked() {
        becomes(
            "ctx.wait_for_external_event::<Go>().await?;",
            "ctx.wait_for_external_event::<Go>() CHECKED .await?;",
        );
        becomes(
            "let go: EventFuture<Go> = ctx.wait_for_external_event(); go.await",
            "let go: EventFuture<Go> = ctx.wait_for_external_event() CHECKED; go.await",
        );
        becomes(
            "OrchestrationContext::wait_for_external_event::<Both<a::B<u8>, fn(u8) -> u8>>(&ctx)",
            "OrchestrationContext::wait_for_external_event::<Both<a::B<u8>, fn(u8) -> u8>>(&ctx) CHECKED",
        );
    }

    #[test]
    fn waits_in_macros_closures_and_unfinished_code_are_checked() {
        becomes(
            "join!(ctx.wait_for_external_event::<A>(), ctx.wait_for_external_event::<B>())",
            "join!(ctx.wait_for_external_event::<A>() CHECKED, ctx.wait_for_external_event::<B>() CHECKED)",
        );
        becomes(
            "let wait = || ctx.wait_for_external_event::<A>(); let x = ; a.",
            "let wait = || ctx.wait_for_external_event::<A>() CHECKED; let x = ; a.",
        );
        becomes(
            "let f: fn(u8) -> u8 = g; ctx.wait_for_external_event::<A>()",
            "let f: fn(u8) -> u8 = g; ctx.wait_for_external_event::<A>() CHECKED",
        );
    }

    #[test]
    fn what_is_no_wait_stays() {
        stays("ctx.wait_for_external_event_named::<bool>(name)");
        stays("ctx.wait_for_external_event; wait_for_external_event(); self.wait");
        stays("ctx.wait_for_external_event::<A");
        stays("x.map(OrchestrationContext::wait_for_external_event::<A>)");
    }

    #[test]
    fn items_in_the_body_are_left_alone() {
        stays(
            "fn helper<const N: usize>(ctx: &Ctx) -> List<{ N }> where F: Fn() -> u8 {
                ctx.wait_for_external_event::<A>()
            }",
        );
        stays(
            "impl Waits for Ctx {
                fn wait(&self);
                async fn next(&self) { self.wait_for_external_event::<A>() }
            }",
        );
        stays("macro_rules! wait { ($ctx:ident) => { $ctx.wait_for_external_event::<A>() } }");
        becomes(
            "fn f() {} ctx.wait_for_external_event::<A>()",
            "fn f() {} ctx.wait_for_external_event::<A>() CHECKED",
        );
    }
}
