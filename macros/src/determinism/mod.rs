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
mod names;
mod rule;
mod statics;
mod walk;

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::Block;

pub(crate) use self::allow::Allowance;

use crate::errors::Errors;
use crate::item::Item;
use crate::model::{context_name, plain_name, typed};

/// Reports what the body of an orchestrator must not do, and takes the allowances out of it.
pub(crate) fn check(item: &mut Item, errors: &Errors) -> Vec<Allowance> {
    let taken = allow::take(&item.body.to_token_stream(), errors);
    let (marked, allowances) = match taken {
        Some(taken) => {
            if let Some(TokenTree::Group(body)) = taken.body.into_iter().next() {
                item.body = TokenTree::Group(body);
            }
            (taken.marked, taken.allowances)
        }
        None => (item.body.to_token_stream(), Vec::new()),
    };
    if let Ok(body) = syn::parse2::<Block>(marked) {
        walk::walk(item, &body, &context(item), &allowances, errors);
        for allowance in &allowances {
            allowance.check_use(errors);
        }
    }
    allowances
}

/// The name that the context has in the body.
fn context(item: &Item) -> String {
    typed(item)
        .find(|parameter| context_name(&parameter.ty).is_some())
        .and_then(|parameter| plain_name(&parameter.pat))
        .map_or_else(|| "ctx".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;
