//! What is between the parentheses of a macro call, as far as it is ordinary code.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Block, Expr, Ident, Macro, Pat, Stmt, Token, token};

/// The code in a macro call.
pub(super) enum Invocation {
    /// `join!(a, b)`, `format!("{}", a)`.
    Expressions(Vec<Expr>),
    Statements(Vec<Stmt>),
    /// `select! { .. }`.
    Arms(Vec<Arm>),
    /// Something of its own.
    Tokens(TokenStream),
}

/// `pattern = future, if condition => handler`.
pub(super) struct Arm {
    pub(super) pattern: Option<Pat>,
    pub(super) expressions: Vec<Expr>,
}

impl Invocation {
    pub(super) fn read(call: &Macro) -> Self {
        let tokens = &call.tokens;
        if is_select(call) {
            return match arms.parse2(tokens.clone()) {
                Ok(arms) => Self::Arms(arms),
                Err(_) => Self::Tokens(tokens.clone()),
            };
        }
        let list = Punctuated::<Expr, Token![,]>::parse_terminated;
        if let Ok(expressions) = list.parse2(tokens.clone()) {
            return Self::Expressions(expressions.into_iter().collect());
        }
        // Also `vec![value; count]`.
        match Block::parse_within.parse2(tokens.clone()) {
            Ok(statements) => Self::Statements(statements),
            Err(_) => Self::Tokens(tokens.clone()),
        }
    }
}

/// Whether it is `select!` or `select_biased!`, of whatever crate.
fn is_select(call: &Macro) -> bool {
    call.path
        .segments
        .last()
        .is_some_and(|last| last.ident == "select" || last.ident == "select_biased")
}

/// Whether a `select!` begins with `biased;`.
pub(super) fn is_biased(call: &Macro) -> bool {
    let mut tokens = call.tokens.clone().into_iter();
    matches!(
        (tokens.next(), tokens.next()),
        (Some(TokenTree::Ident(word)), Some(TokenTree::Punct(end))) if word == "biased" && end.as_char() == ';'
    )
}

fn arms(input: ParseStream<'_>) -> syn::Result<Vec<Arm>> {
    let ahead = input.fork();
    if ahead.parse::<Ident>().is_ok_and(|word| word == "biased")
        && ahead.parse::<Token![;]>().is_ok()
    {
        input.advance_to(&ahead);
    }
    let mut arms = Vec::new();
    while !input.is_empty() {
        arms.push(input.parse()?);
    }
    Ok(arms)
}

impl Parse for Arm {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (mut pattern, mut expressions) = (None, Vec::new());
        // `else => ..`, `default => ..`, `complete => ..`
        if (input.peek(Token![else]) || input.peek(Ident)) && input.peek2(Token![=>]) {
            input.parse::<TokenTree>()?;
        } else {
            pattern = Some(Pat::parse_multi_with_leading_vert(input)?);
            input.parse::<Token![=]>()?;
            expressions.push(input.parse()?);
            if input.parse::<Option<Token![,]>>()?.is_some() {
                input.parse::<Token![if]>()?;
                expressions.push(input.parse()?);
            }
        }
        input.parse::<Token![=>]>()?;
        let is_block = input.peek(token::Brace);
        expressions.push(if is_block {
            Expr::Block(input.parse()?)
        } else {
            input.parse()?
        });
        let comma: Option<Token![,]> = input.parse()?;
        if comma.is_none() && !is_block && !input.is_empty() {
            return Err(input.error("expected `,`"));
        }
        Ok(Self {
            pattern,
            expressions,
        })
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn code_in_macro_calls_is_read() {
        let read = |call: Macro| Invocation::read(&call);
        assert!(
            matches!(read(parse_quote!(join!(a(), b.await))), Invocation::Expressions(all) if all.len() == 2)
        );
        assert!(
            matches!(read(parse_quote!(vec![a; 3])), Invocation::Statements(all) if all.len() == 2)
        );
        assert!(
            matches!(read(parse_quote!(block! { let a = 1; a })), Invocation::Statements(all) if all.len() == 2)
        );
        assert!(matches!(
            read(parse_quote!(json!({ "a": 1 }))),
            Invocation::Tokens(_)
        ));
        let arms = read(parse_quote!(tokio::select! {
            biased;
            Ok(a) | Err(a) = first() => a,
            () = &mut second, if ready => { third() }
            else => 3,
        }));
        assert!(
            matches!(arms, Invocation::Arms(arms) if arms.iter().map(|arm| arm.expressions.len()).eq([2, 3, 1]))
        );
        assert!(is_biased(&parse_quote!(select! { biased; a = b => c })));
        assert!(!is_biased(&parse_quote!(select! { a = b => c })));
    }
}
