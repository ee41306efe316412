//! Bodies, and what is said about them.

#![allow(
    clippy::needless_pass_by_value,
    reason = "a body is made to be looked at once"
)]

use proc_macro2::TokenStream;
use quote::quote;

use super::*;

mod allow;
mod bodies;
mod robust;

/// The first lines of what is said about a function.
fn said(function: TokenStream) -> Vec<String> {
    let errors = Errors::new();
    check(&mut Item::parse(function).unwrap(), &errors);
    let found = errors.finish().err().into_iter().flatten();
    found
        .map(|error| error.to_string().lines().next().unwrap().to_owned())
        .collect()
}

fn said_of(body: &TokenStream) -> Vec<String> {
    said(quote!(async fn f(ctx: OrchestrationContext, table: HashMap<u8, u8>) { #body }))
}

#[track_caller]
fn fine(body: TokenStream) {
    assert_eq!(said_of(&body), [""; 0], "{body}");
}

/// Each message contains its words, and there are no others.
#[track_caller]
fn refused(body: TokenStream, words: &[&str]) {
    let said = said_of(&body);
    let is_said = said.len() == words.len()
        && said
            .iter()
            .zip(words)
            .all(|(message, words)| message.contains(words));
    assert!(is_said, "{body}\n{said:#?}");
}

#[test]
fn names_are_found_wherever_they_are() {
    let now = &["`SystemTime::now` gives another time"];
    refused(quote!(let now = SystemTime::now();), now);
    refused(
        quote!(let now = <SystemTime>::now();),
        &["gives another time"],
    );
    refused(quote!(let now = x.unwrap_or_else(SystemTime::now);), now);
    refused(
        quote!(SystemTime::now().duration_since(UNIX_EPOCH).unwrap()),
        now,
    );
    refused(
        quote!(xs.iter().map(|x| { if x { SystemTime::now() } else { y } })),
        now,
    );
    refused(quote!(async move { SystemTime::now() }.await;), now);
    refused(
        quote!(let S { a: SystemTime { .. }, .. } = s else { return SystemTime::now() };),
        now,
    );
    refused(
        quote!(
            fn helper() -> SystemTime {
                SystemTime::now()
            }
        ),
        now,
    );
    refused(
        quote!(std::time::SystemTime::now();),
        &["`std::time::SystemTime::now` gives"],
    );
    refused(
        quote!(
            use std::time::SystemTime as Clock;
            Clock::now();
        ),
        &["`Clock::now` gives"],
    );
    refused(
        quote!(
            use std::thread::*;
            sleep(d);
        ),
        &["`sleep` holds up every orchestration"],
    );
    // In macro calls of every form.
    refused(quote!(let x = vec![SystemTime::now(); 2];), now);
    refused(quote!(tokio::join!(a, async { SystemTime::now() });), now);
    refused(
        quote!(tracing::info!(%id, at = ?SystemTime::now(), "now");),
        now,
    );
    refused(quote!(json!({ "now": SystemTime::now() });), now);
    refused(
        quote!(select! { biased; a = b => SystemTime::now(), else => c }),
        now,
    );
    refused(
        quote!(
            use std::sync::mpsc;
            mpsc::channel();
        ),
        &["`mpsc::channel` blocks"],
    );
    // The name of the context is that of the signature.
    let message = said(quote!(
        async fn f(mut c: steadfast::OrchestrationContext<u8>) {
            Utc::now()
        }
    ));
    assert!(message[0].contains("write `c.current_utc_datetime()`"));
}

#[test]
fn every_kind_of_name_is_found() {
    refused(
        quote! {
            Uuid::new_v4();
            rand::random::<u8>();
            fastrand::u8(..);
            tokio::time::sleep(d).await;
            tokio::time::timeout(d, f).await;
            tokio::spawn(f);
            tokio::task::spawn_blocking(f);
            std::thread::spawn(f);
            std::sync::mpsc::channel();
            mpsc::channel();
            std::fs::read("x");
            std::env::var("X");
            reqwest::get("x").await;
            sqlx::query!("x").fetch_one(&pool).await;
            println!("x");
            log::info!("x");
            runtime.block_on(f);
            started.elapsed();
        },
        &[
            "write `ctx.new_guid()`",
            "write `ctx.random_u64()`",
            "write `ctx.random_u64()`",
            "write `ctx.create_timer(..)`",
            "write `ctx.timeout(..)`",
            "call an activity with `ctx.call(..)`",
            "call an activity",
            "share their thread",
            "use an async channel",
            "use an async channel",
            "do it in an activity",
            "record it with `ctx.side_effect(|| ..)`",
            "do it in an activity",
            "do it in an activity",
            "write `tracing::info!(..)`",
            "`log::info!` logs again",
            "`.block_on` runs something",
            "`.elapsed` gives another time",
        ],
    );
}

#[test]
fn what_only_looks_like_it_is_fine() {
    fine(quote! {
        let now = ctx.current_utc_datetime();
        let dry = ctx.side_effect(|| std::env::var_os("DRY").is_some());
        let mut rng = rand::rngs::StdRng::seed_from_u64(ctx.random_u64());
        let name: std::fs::File = x;
        let status = reqwest::StatusCode::OK;
        let url = reqwest::Url::parse("x")?;
        let (send, receive) = tokio::sync::mpsc::channel(8);
        let (send, receive) = mpsc::channel(8);
        let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"x");
        let time = crate::clock::SystemTime::now();
        tracing::info!("now");
        let text = format!("{now}");
        info!(now, "SystemTime::now()");
        spawn(x);
    });
    fine(quote! {
        #[activity]
        async fn inner() { println!("{:?}", SystemTime::now()) }
        #[cfg(test)]
        mod tests { fn f() { println!() } }
        macro_rules! now { () => { SystemTime::now() } }
    });
    assert_eq!(
        said(quote!(async fn f(ctx: OrchestrationContext) { let x = ; SystemTime::now() })),
        [""; 0]
    );
}

#[test]
fn a_select_is_biased() {
    let random = &["looks at its branches in a random order"];
    refused(quote!(tokio::select! { a = b => c, d = e => f }), random);
    refused(quote!(let x = select! { a = b => c };), random);
    refused(
        quote!(futures::select! { a = b => c }),
        &["write `select_biased!`, or"],
    );
    fine(quote!(tokio::select! { biased; a = b => c, d = e => f }));
    fine(quote!(futures::select_biased! { a = b => c, d = e => f }));
}

#[test]
fn a_hash_table_is_not_gone_through() {
    let order = |what| format!("`{what}` goes through a hash table");
    refused(
        quote!(for (a, b) in &table {}),
        &["`table` is a hash table, whose order"],
    );
    refused(
        quote!(
            let mut m = HashMap::new();
            for k in m.keys() {}
            m.retain(|_, v| ctx.random_f64() < *v);
        ),
        &[&order("m.keys"), &order("m.retain")],
    );
    refused(
        quote!(
            let m: HashSet<u8> = xs.collect();
            let v: Vec<_> = m.iter().collect();
        ),
        &[&order("m.iter")],
    );
    refused(
        quote!(let v: Vec<_> = xs.collect::<HashSet<_>>().into_iter().collect();),
        &[&order(".into_iter")],
    );
    refused(
        quote!(use std::collections::HashMap as Map; let m = Map::from([(1, 2)]); call(m.values());),
        &[&order("m.values")],
    );
    fine(quote! {
        let m = HashMap::new();
        m.insert(1, 2);
        let n = m.keys().filter(|k| k > 1).count();
        let sorted: BTreeMap<_, _> = m.iter().collect();
        let sorted = m.into_iter().collect::<BTreeMap<_, _>>();
        let mut keys: Vec<_> = table.keys().collect();
        keys.sort_unstable();
        let m = vec![1];
        for x in m.iter() {}
        let other: HashMap<u8, u8, Fixed> = y;
        for x in &other {}
        xs.iter().map(|table| table.iter());
    });
}

#[test]
fn a_blocking_lock_is_not_held_across_an_await() {
    let held = &["`guard` is held across an `.await`"];
    refused(
        quote!(
            let mut guard = shared.lock().unwrap();
            f().await;
        ),
        held,
    );
    refused(
        quote!(
            let guard = shared.read()?;
            if x { tokio::join!(a, b); }
        ),
        held,
    );
    refused(
        quote!(match shared.lock().unwrap().get(1) {
            Some(x) => f(x).await,
            None => {}
        }),
        &["this lock guard lives until its statement ends"],
    );
    fine(quote! {
        let guard = shared.lock().unwrap();
        drop(guard);
        f().await;
        { let guard = shared.lock().unwrap(); }
        let value = shared.lock().unwrap().clone();
        f().await;
        let guard = between_branches.lock().await;
        f().await;
        let guard = shared.lock().unwrap();
        let later = async { f().await };
    });
}

#[test]
fn a_static_does_not_change() {
    let changes = |what| format!("`{what}` can change");
    refused(
        quote!(
            static COUNT: AtomicU32 = AtomicU32::new(0);
            COUNT.fetch_add(1, Relaxed);
        ),
        &[&changes("COUNT"), &changes("COUNT")],
    );
    refused(
        quote!(crate::CONFIG.get().unwrap();),
        &[&changes("crate::CONFIG")],
    );
    refused(quote!(SLOT.with(|slot| slot.get());), &[&changes("SLOT")]);
    refused(
        quote!(thread_local! { static X: u8 = 1; }),
        &["different on every thread"],
    );
    fine(quote! {
        static NAMES: [&str; 2] = ["a", "b"];
        static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new("x").unwrap());
        NAMES.get(1);
        PATTERN.is_match("x");
        count.fetch_add(1, Relaxed);
    });
}

#[test]
fn a_call_is_awaited_joined_or_detached() {
    refused(
        quote! {
            ctx.call(charge(1));
            let _ = ctx.call_activity::<u8>("a", 1);
            let timer = ctx.create_timer(d);
            ctx.wait_for_external_event::<Go>().timeout(d);
            ctx.continue_as_new(f(1));
        },
        &[
            "`ctx.call(..)` is dropped at the `;`, and so it is withdrawn: await it, now or in a join or race with others, or call `.detach()`",
            "`ctx.call_activity(..)` is dropped by `_`",
            "`ctx.wait_for_external_event(..)` is dropped",
            "write `return ctx.continue_as_new(..).await`",
            "`ctx.create_timer(..)` is in `timer`, which nothing awaits",
        ],
    );
    fine(quote! {
        ctx.call(charge(1)).await;
        ctx.call(charge(1)).detach();
        let a = ctx.call(charge(1));
        let b = ctx.call(charge(2));
        tokio::join!(a, async { b.await });
        let shown = ctx.call(charge(2));
        println(format!("{shown:?}"));
        let calls: Vec<_> = xs.map(|x| ctx.call(charge(x))).collect();
        other.call(x);
        ctx.set_custom_status(x);
        ctx.call(last(1))
    });
}

#[test]
fn a_definition_is_not_run_directly() {
    refused(
        quote!(say_hello::run(city).await;),
        &["write `ctx.call(say_hello(..))`"],
    );
    refused(
        quote!(crate::activities::say_hello::run(city).await;),
        &["`crate::activities::say_hello::run` runs the function itself"],
    );
    fine(quote!(
        run(x);
        Engine::run(x);
        self::run(x);
        say_hello::other(x);
    ));
}

#[test]
fn a_loop_that_waits_ends() {
    let endless = &["never ends, so that its history grows"];
    refused(
        quote!(loop {
            ctx.call(poll()).await?;
        }),
        endless,
    );
    refused(
        quote!(while true {
            ctx.create_timer(d).await;
        }),
        endless,
    );
    refused(
        quote!('a: loop {
            loop {
                break;
            }
            f().await;
            let f = || {
                return;
            };
        }),
        endless,
    );
    refused(
        quote!(loop {
            tokio::select! { biased; a = b => {}, c = d => { x += 1; } }
        }),
        endless,
    );
    fine(quote! {
        loop { if x { break; } f().await; }
        loop { match f().await { Some(x) => return x, None => {} } }
        loop { f().await; return ctx.continue_as_new(g(1)).await; }
        loop { x += 1; }
        while !ctx.is_history_long() { f().await; }
        'a: loop { loop { f().await; break 'a; } }
        loop { tokio::select! { biased; a = b => break, c = d => {} } }
        loop { f().await; panic!("no"); }
        for x in xs { f(x).await; }
    });
}

#[test]
fn all_breaches_are_reported_with_their_rule() {
    let errors = Errors::new();
    let mut item = Item::parse(quote!(
        async fn f(ctx: OrchestrationContext) {
            let a = Utc::now();
            println!("{a}");
        }
    ));
    check(item.as_mut().unwrap(), &errors);
    let messages: Vec<_> = errors
        .finish()
        .unwrap_err()
        .into_iter()
        .map(|e| e.to_string())
        .collect();
    assert!(messages[0].ends_with(
        "\nto keep it, say why on its statement: `#[steadfast::allow(clock, reason = \"..\")]`"
    ));
    assert!(messages[1].contains("allow(printing"));
}
