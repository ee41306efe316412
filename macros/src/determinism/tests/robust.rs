//! Bodies that nobody would write: while they are looked at, nothing panics, and the stack is enough.

use proc_macro2::{Group, TokenTree};

use super::bodies::{CORRECT, WRONG, functions};
use super::*;

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(n >> 33).unwrap() % end
    }
}

/// Leaves tokens out, repeats them, exchanges them and puts others between them, at every depth.
fn mutate(tokens: TokenStream, numbers: &mut Numbers) -> TokenStream {
    let mut tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for token in &mut tokens {
        if let TokenTree::Group(group) = token
            && numbers.below(3) > 0
        {
            *group = Group::new(group.delimiter(), mutate(group.stream(), numbers));
        }
    }
    for _ in 0..numbers.below(3) {
        if tokens.is_empty() {
            break;
        }
        let (a, b) = (numbers.below(tokens.len()), numbers.below(tokens.len()));
        match numbers.below(4) {
            0 => drop(tokens.remove(a)),
            1 => tokens.insert(a, tokens[b].clone()),
            2 => tokens.swap(a, b),
            _ => {
                let others =
                    quote!(# ! . .. :: : => select! loop let (#[steadfast::allow(clock)]) [] {});
                let others: Vec<_> = others.into_iter().collect();
                tokens.insert(a, others[numbers.below(others.len())].clone());
            }
        }
    }
    tokens.into_iter().collect()
}

#[test]
fn damaged_bodies_do_no_harm() {
    let mut numbers = Numbers(7);
    let mut parsed = 0;
    for function in functions(CORRECT).into_iter().chain(functions(WRONG)) {
        let sig = &function.sig;
        let body: TokenStream = function
            .block
            .stmts
            .iter()
            .map(|s| s.to_token_stream())
            .collect();
        for _ in 0..20 {
            let damaged = mutate(body.clone(), &mut numbers);
            parsed += usize::from(syn::parse2::<Block>(quote!({ #damaged })).is_ok());
            said(quote!(#sig { #damaged }));
        }
    }
    assert!(parsed > 100, "only {parsed} of them were looked through");
}

#[test]
fn deep_bodies_do_no_harm() {
    // As much as the compiler has.
    let compiler = std::thread::Builder::new().stack_size(8 << 20);
    compiler
        .spawn(look_into_deep_bodies)
        .unwrap()
        .join()
        .unwrap();
}

fn look_into_deep_bodies() {
    let look = |is_found: bool, wrap: fn(TokenStream) -> TokenStream| {
        let (now, deep) = (&["gives another time"], &["nested too deeply"]);
        let nested = |times| (0..times).fold(quote!(SystemTime::now()), |inside, _| wrap(inside));
        refused(nested(60), now);
        refused(nested(200), if is_found { now } else { deep });
    };
    look(false, |inside| quote!({ #inside }));
    look(false, |inside| quote!((#inside)));
    look(false, |inside| quote!(if x { #inside } else { 1 }));
    look(false, |inside| quote!(match x { _ => { #inside } }));
    look(false, |inside| quote!(f(#inside)));
    look(false, |inside| quote!(loop { break { #inside } }));
    look(false, |inside| quote!(async { #inside }));
    look(false, |inside| quote!(vec![#inside]));
    look(false, |inside| quote!(json!({ "a": #inside })));
    look(true, |inside| quote!(|| #inside));
    look(true, |inside| quote!(#inside.f()));
    look(true, |inside| quote!(#inside + 1));
}
