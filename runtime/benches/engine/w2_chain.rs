//! W2: one instance with sequential activities.

use std::time::Instant;

use crate::definitions::chain;
use crate::limits::Limits;
use crate::report::{Report, micros};
use crate::stores::{Bench, StoreKind};

const LENGTHS: [u32; 4] = [10, 100, 1_000, 10_000];

pub async fn run(store: StoreKind, limits: &Limits, report: &mut Report) {
    let mut of_hundred_and_more: Vec<f64> = Vec::new();
    for length in LENGTHS {
        let bench = Bench::start(store).await;
        let began = Instant::now();
        let handle = bench.steadfast.client().start(chain(length)).await.unwrap();
        assert_eq!(handle.output().await.unwrap(), length);
        let each = micros(began.elapsed()) / f64::from(length);
        drop(handle);
        bench.stop().await;
        let mut add = |metric: &str, value| {
            report.add("W2", store.name(), &format!("{metric}_n{length}"), value)
        };
        add("us_per_activity", each);
        add("activity_per_fdatasync", each / limits.fdatasync_us);
        if length >= 100 {
            of_hundred_and_more.push(each);
        }
    }
    let greatest = of_hundred_and_more.iter().copied().fold(0.0, f64::max);
    let least = of_hundred_and_more
        .iter()
        .copied()
        .fold(f64::INFINITY, f64::min);
    report.add(
        "W2",
        store.name(),
        "greatest_per_least_from_n100",
        greatest / least,
    );
}
