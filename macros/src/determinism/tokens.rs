//! Looks for names in what is no ordinary code: the input of a macro that has a syntax of its own.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Macro, Path};

use super::lookup::Use;
use super::walk::Walk;

impl Walk<'_> {
    pub(super) fn tokens(&mut self, tokens: TokenStream) {
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
        let arguments = match tokens.get(end) {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                Some(group)
            }
            _ => None,
        };
        // A dot in front of it is one of a method, two are of a range.
        if from > 0 && is_punct(from - 1, '.') && !(from > 1 && is_punct(from - 2, '.')) {
            if let (TokenTree::Ident(name), Some(arguments)) = (&tokens[from], arguments) {
                let none = arguments.stream().is_empty().then_some(0);
                self.method(name, none);
            }
            return end;
        }
        let calls_macro =
            is_punct(end, '!') && matches!(tokens.get(end + 1), Some(TokenTree::Group(_)));
        let has_types = is_punct(end, ':') && is_punct(end + 1, ':') && is_punct(end + 2, '<');
        let used = if arguments.is_some() || has_types {
            Use::Called
        } else {
            Use::Value
        };
        // Most names are those of fields and variables: it is cheap to see.
        let is_short = end == from + 1 && used == Use::Value && !calls_macro;
        if is_short && !self.names.is_imported(&tokens[from].to_string()) {
            return end;
        }
        let written = tokens[from..end].iter().cloned().collect();
        let Ok(path) = syn::parse2::<Path>(written) else {
            return end;
        };
        if calls_macro {
            let call = tokens[from..end + 2].iter().cloned().collect();
            if let Ok(call) = syn::parse2::<Macro>(call) {
                self.visit_macro(&call);
                return end + 2;
            }
        }
        self.path(&path, None, used);
        end
    }
}

/// Whether one of these words stands anywhere in there.
pub(super) fn contains(tokens: &TokenStream, words: &[&str]) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(word) => words.iter().any(|other| word == other),
        TokenTree::Group(group) => contains(&group.stream(), words),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
