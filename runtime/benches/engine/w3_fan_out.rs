//! W3: one instance with parallel activities.

use std::time::Instant;

use crate::definitions::fan_out;
use crate::limits::Limits;
use crate::report::Report;
use crate::stores::{Bench, StoreKind};

pub async fn run(store: StoreKind, long: bool, limits: &Limits, report: &mut Report) {
    let widths = [100, 1_000, 10_000, 100_000];
    for width in &widths[..if long { 4 } else { 3 }] {
        let bench = Bench::start(store).await;
        let began = Instant::now();
        let handle = bench
            .steadfast
            .client()
            .start(fan_out(*width))
            .await
            .unwrap();
        handle.output().await.unwrap();
        let per_s = f64::from(*width) / began.elapsed().as_secs_f64();
        drop(handle);
        bench.stop().await;
        let mut add = |metric: &str, value| {
            report.add("W3", store.name(), &format!("{metric}_n{width}"), value)
        };
        add("activities_per_s", per_s);
        add("activities_per_sqlite_rows", per_s / limits.rows_per_s);
    }
}
