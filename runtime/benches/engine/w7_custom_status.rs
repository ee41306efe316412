//! W7: what it costs to check the size of a custom status, beside encoding alone.

use std::hint::black_box;
use std::time::Instant;

use steadfast::prelude::*;

use crate::report::Report;
use crate::stores::{Bench, StoreKind};

/// The characters, and how many of them are at the limit: quotes are two of the 8,192 units.
const TEXTS: [(&str, char, usize); 3] = [
    ("ascii", 'a', 8_190),
    ("hangul", '한', 8_190),
    ("emoji", '😀', 4_095),
];

/// Sets a text again and again, and says how many a second, and how many `serde_json` encodes.
#[orchestrator]
async fn setting(ctx: OrchestrationContext, text: String) -> (f64, f64) {
    let turns = 4_000_000 / text.len().max(100);
    // As a pointer, so that it is not merged into this loop, where the compiler may make it faster or slower than the very same function
    // is elsewhere.
    let encode =
        black_box(serde_json::to_string::<String> as fn(&String) -> serde_json::Result<String>);
    // In turns, so that both have the same machine.
    let (mut set, mut encoded) = (0.0, 0.0);
    for _ in 0..10 {
        #[steadfast::allow(clock, reason = "it is what is measured")]
        let began = Instant::now();
        for _ in 0..turns {
            ctx.set_custom_status(black_box(&text)).unwrap();
        }
        #[steadfast::allow(clock, reason = "it is what is measured")]
        let between = Instant::now();
        for _ in 0..turns {
            black_box(encode(black_box(&text)).unwrap());
        }
        set += (between - began).as_secs_f64();
        #[steadfast::allow(clock, reason = "it is what is measured")]
        let rest = between.elapsed();
        encoded += rest.as_secs_f64();
    }
    let count = 10.0 * turns as f64;
    (count / set, count / encoded)
}

pub async fn run(store: StoreKind, report: &mut Report) {
    let bench = Bench::start(store).await;
    let client = bench.steadfast.client();
    for (name, character, limit) in TEXTS {
        let hundred_bytes = 100 / character.len_utf8();
        for (size, count) in [("100_bytes", hundred_bytes), ("limit", limit)] {
            let text = character.to_string().repeat(count);
            let measured = client.start(setting(text)).await.unwrap();
            let (set, encoded) = measured.output().await.unwrap();
            let mut add = |metric: &str, value| {
                report.add(
                    "W7",
                    store.name(),
                    &format!("{metric}_{name}_{size}"),
                    value,
                );
            };
            add("set_per_s", set);
            add("set_per_encoded", set / encoded);
        }
    }
    bench.stop().await;
}
