//! Where a rule may be allowed, and what is said where it may not.

use super::*;

/// What is left of a body when its allowances are taken out, and what they say.
fn left(body: &TokenStream) -> (String, Vec<Allowance>) {
    let errors = Errors::new();
    let mut item = Item::parse(quote!(async fn f(ctx: OrchestrationContext) { #body })).unwrap();
    let allowances = check(&mut item, &errors);
    errors.finish().unwrap();
    (item.body.to_string(), allowances)
}

#[test]
fn allowances_are_taken_out_and_the_rest_is_kept() {
    let (body, allowances) = left(&quote! {
        #[allow(unused)]
        let a = 1;
        {
            #[steadfast::allow(clock, reason = " shown only ")]
            let b = SystemTime::now();
        }
    });
    let rest = quote!({
        #[allow(unused)]
        let a = 1;
        {
            let b = SystemTime::now();
        }
    });
    assert_eq!(body, rest.to_string());
    assert_eq!(allowances[0].reason, "shown only");
    let (body, allowances) = left(&quote!(let a = #[cfg(x)] 1;));
    assert_eq!(
        body,
        quote!({
            let a = #[cfg(x)]
            1;
        })
        .to_string()
    );
    assert!(allowances.is_empty());
}

#[test]
fn an_allowance_is_in_front_of_a_statement_of_any_kind() {
    fine(quote! {
        #[steadfast::allow(clock, reason = "shown only")]
        let a = SystemTime::now();
        #[steadfast::allow(clock, printing, reason = "shown only")]
        x = { println!("{:?}", SystemTime::now()); 1 };
        #[cfg(x)]
        #[steadfast::allow(printing, reason = "shown only")]
        println!("a");
        #[steadfast::allow(endless_loop, reason = "stopped by a client")]
        loop { f().await; }
        #[steadfast::allow(clock, reason = "in a helper")]
        fn helper() { SystemTime::now(); }
        #[steadfast::allow(clock, reason = "the left side")]
        SystemTime::now() == y;
        #[steadfast::allow(dropped_call, reason = "known at the end of the block only")]
        let timer = ctx.create_timer(d);
        let f = || {
            #[steadfast::allow(clock, reason = "in a closure")]
            SystemTime::now()
        };
        match x {
            1 => {
                #[steadfast::allow(clock, reason = "in an arm")]
                return SystemTime::now();
            }
            _ => {}
        }
        block! {
            #[steadfast::allow(clock, reason = "in a macro of statements")]
            let now = SystemTime::now();
        }
        #[steadfast::allow(clock, reason = "one of two")]
        #[steadfast::allow(printing, reason = "two of two")]
        println!("{:?}", SystemTime::now());
        #[steadfast::allow(clock, reason = "outside")]
        { #[steadfast::allow(clock, reason = "inside")] SystemTime::now(); }
        if x {
            #[steadfast::allow(direct_call, reason = "it is pure")]
            say_hello::run(x).await
        }
    });
}

#[test]
fn an_allowance_at_another_place_is_refused() {
    let place = &["is allowed on a statement of the body"];
    for misplaced in [
        quote!(f(#[steadfast::allow(clock, reason = "x")] 1);),
        quote!(format!("{}", #[steadfast::allow(clock, reason = "x")] 1);),
        quote!(json!({ "a": #[steadfast::allow(clock, reason = "x")] 1 });),
        quote!(match x {
            #[steadfast::allow(clock, reason = "x")]
            1 => 2,
            _ => 3,
        }),
        quote!(let #[steadfast::allow(clock, reason = "x")] a = 1;),
        quote!(if #[steadfast::allow(clock, reason = "x")]
        a
        {
        } else {
        }),
        quote!(f(); #[steadfast::allow(clock, reason = "x")]),
        quote!(let s = S { #[steadfast::allow(clock, reason = "x")] a: 1 };),
        quote!(let f = |#[steadfast::allow(clock, reason = "x")] a| 1;),
        quote!(impl X { #[steadfast::allow(clock, reason = "x")] fn f() {} }),
        quote!(
            macro_rules! m {
                () => {
                    #[steadfast::allow(clock, reason = "x")]
                    f();
                };
            }
        ),
        quote!(#![steadfast::allow(clock, reason = "x")] f();),
    ] {
        refused(misplaced, place);
    }
    let on_the_function = said(quote! {
        #[steadfast::allow(clock, reason = "x")]
        async fn f(ctx: OrchestrationContext) {}
    });
    assert!(on_the_function[0].contains(place[0]), "{on_the_function:?}");
}

#[test]
fn an_allowance_that_allows_nothing_is_refused() {
    refused(
        quote! {
            #[steadfast::allow(clock, reason = "x")]
            let a = 1;
            #[steadfast::allow(printing, reason = "x")]
            let b = SystemTime::now();
            #[steadfast::allow(printing, clock, reason = "x")]
            let b = SystemTime::now();
        },
        &[
            "gives another time",
            "breaks the rule: remove the attribute",
            "breaks the rule: remove the attribute",
            "breaks `printing`: remove it",
        ],
    );
}

#[test]
fn an_allowance_names_rules_and_a_reason() {
    let refused = |attr: TokenStream, expected: &str| {
        let said = said_of(&quote!(#attr println!();));
        assert!(said.iter().any(|said| said.contains(expected)), "{said:?}");
    };
    refused(quote!(#[steadfast::allow(printing)]), "say why");
    refused(
        quote!(#[steadfast::allow(printing, reason = " ")]),
        "is empty",
    );
    refused(
        quote!(#[steadfast::allow(printing, printing, reason = "x")]),
        "`printing` is there twice",
    );
    refused(
        quote!(#[steadfast::allow(printing, reason = "x", reason = "y")]),
        "there is one reason",
    );
    refused(
        quote!(#[steadfast::allow(clok, reason = "x")]),
        "there is no rule `clok`; the rules are `clock`, ",
    );
    refused(
        quote!(#[steadfast::expect(printing, reason = "x")]),
        "write `steadfast::allow`",
    );
    refused(
        quote!(#[steadfast::allow(reason = "x")]),
        "say what is allowed: one or more of `clock`, ",
    );
    refused(quote!(#[steadfast::allow]), "say what is allowed");
    refused(quote!(#[steadfast::allow = "x"]), "expected");
}

#[test]
fn the_allowances_of_an_inner_definition_are_left_to_it() {
    let (body, allowances) = left(&quote! {
        #[orchestrator]
        async fn inner(ctx: OrchestrationContext) {
            #[steadfast::allow(clock, reason = "x")]
            let now = SystemTime::now();
        }
    });
    assert!(body.contains("steadfast"), "{body}");
    assert!(allowances.is_empty());
}
