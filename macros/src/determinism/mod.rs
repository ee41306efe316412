//! What the body of an orchestrator must not do, as far as its text tells: each breach is an error at its own place, with what to
//! write instead.
//!
//! `walk` goes through the body once and asks the rules. Which paths, macros and methods are meant is plain data in `catalog`; a rule
//! that needs to look at more than a name is a file of its own. A body that does not parse yet is left alone.
//!
//! This is syntax only: types, functions elsewhere and what other macros make are not seen. What then catches a mistake at run
//! time is in the runtime's `docs/determinism.md`.

mod allow;
mod catalog;
mod direct_call;
mod dropped_call;
mod endless_loop;
mod guards;
mod hash_order;
mod invocation;
mod lookup;
mod names;
mod rule;
mod scopes;
mod statics;
mod tokens;
mod walk;

use proc_macro2::{Group, TokenTree};
use quote::ToTokens;
use syn::Block;

pub(crate) use self::allow::Allowance;

use crate::errors::Errors;
use crate::item::Item;

/// How many brackets may be around each other: the parser takes some 30 KB of the compiler's stack for each.
const MAX_DEPTH: usize = 128;

/// Reports what the body of an orchestrator must not do, and takes the allowances out of it.
pub(crate) fn check(item: &mut Item, errors: &Errors) -> Vec<Allowance> {
    allow::refuse_on_function(&mut item.attrs, errors);
    if let Some(deep) = too_deep(&item.body, MAX_DEPTH) {
        let message =
            "this is nested too deeply to be looked through: move some of it into a function";
        errors.at_span(deep.span_open(), message);
        return Vec::new();
    }
    let (marked, allowances) = match allow::take(&item.body, errors) {
        Some(taken) => {
            item.body = TokenTree::Group(taken.body);
            (taken.marked, taken.allowances)
        }
        None => (item.body.to_token_stream(), Vec::new()),
    };
    match syn::parse2::<Block>(marked) {
        Ok(body) => {
            walk::walk(&item.sig, &body, &allowances, errors);
            for allowance in &allowances {
                allowance.check_use(errors);
            }
        }
        // An attribute where none can be: without it the body is one that compiles.
        Err(_) if syn::parse2::<Block>(item.body.to_token_stream()).is_ok() => {
            for allowance in &allowances {
                allowance.refuse_place(errors);
            }
        }
        Err(_) => {}
    }
    allowances
}

/// The first brackets that are inside of so many others.
fn too_deep(token: &TokenTree, depth: usize) -> Option<Group> {
    let TokenTree::Group(group) = token else {
        return None;
    };
    if depth == 0 {
        return Some(group.clone());
    }
    group
        .stream()
        .into_iter()
        .find_map(|token| too_deep(&token, depth - 1))
}

#[cfg(test)]
mod tests;
