//! What is allowed with a reason, and what only looks like a breach.

#![deny(warnings)]

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use steadfast::prelude::*;

static CITIES: LazyLock<[&str; 2]> = LazyLock::new(|| ["Tokyo", "Seattle"]);

#[activity]
async fn price_of(item: String) -> usize {
    // An activity may do anything.
    println!("{:?}", SystemTime::now());
    item.len()
}

mod random {
    pub fn seed_from_u64(seed: u64) -> u64 {
        seed
    }
}

#[orchestrator]
async fn order(ctx: OrchestrationContext, items: Vec<String>) -> Result<usize, String> {
    #[steadfast::allow(clock, reason = "only shown, never decided by")]
    let started = SystemTime::now();
    #[steadfast::allow(printing, reason = "a demonstration")]
    if items.is_empty() {
        println!("nothing to do since {started:?}");
    }
    let is_dry_run = ctx.side_effect(|| std::env::var_os("DRY_RUN").is_some());
    let _ = random::seed_from_u64(ctx.random_u64());
    let mut counts = HashMap::new();
    for item in &items {
        *counts.entry(item.clone()).or_insert(0) += 1;
    }
    let ordered: BTreeMap<_, _> = counts.iter().collect();
    let mut names: Vec<_> = counts.keys().collect();
    names.sort();
    let _ = (ordered, names, counts.len(), CITIES.len());

    let calls = items.into_iter().map(|item| ctx.call(price_of(item)));
    let prices = ctx.join_all(calls).await;
    let deadline = ctx.create_timer(Duration::from_secs(60));
    let total = tokio::select! {
        biased;
        () = deadline => 0,
        paid = ctx.wait_for_external_event_named::<bool>("Paid") => usize::from(paid.is_ok()),
    };
    ctx.call(price_of("receipt".into())).detach();
    loop {
        ctx.create_timer(Duration::from_secs(1)).await;
        if is_dry_run || prices.len() > total {
            break;
        }
    }
    #[steadfast::allow(endless_loop, reason = "a client terminates it")]
    loop {
        ctx.create_timer(Duration::from_secs(1)).await;
    }
}

fn main() {
    let _ = order(Vec::new());
}
