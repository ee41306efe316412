//! How fast the engine is, beside what the machine allows.
//!
//! ```console
//! $ cargo bench -p steadfast --bench engine -- [W1a W1b ...] [--store full|relaxed|memory] [--rounds N] [--long]
//! ```
//!
//! One line per figure, `WORKLOAD STORE METRIC VALUE`: the median of the rounds. What the machine allows is measured in the same
//! rounds, `LIMIT - METRIC VALUE`, and the figures that end in `_per_..` are ratios to it: they can be compared between
//! machines, the others cannot. Progress goes to stderr.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark measures real time, prints it, and panics when it cannot go on"
)]

mod arguments;
mod definitions;
mod limits;
mod machine;
mod pattern;
mod report;
mod stores;
mod w1_hello;
mod w2_chain;
mod w3_fan_out;
mod w4_idle;
mod w5_status;
mod w6_recovery;
mod w7_custom_status;
mod w8_growth;
mod w9_encryption;

use clap::Parser;

use arguments::{Arguments, Workload};
use report::Report;

fn main() {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    if let Some(directory) = &arguments.child {
        return runtime.block_on(w6_recovery::child(directory, &arguments));
    }
    let mut report = Report::default();
    for round in 1..=arguments.rounds() {
        eprintln!("round {round} of {}", arguments.rounds());
        runtime.block_on(run(&arguments, &mut report));
    }
    report.print();
}

async fn run(arguments: &Arguments, report: &mut Report) {
    let limits = limits::measure(arguments.hellos, report).await;
    for workload in arguments.workloads() {
        for store in arguments.stores() {
            eprintln!("  {workload:?} {}", store.name());
            match workload {
                Workload::W1a => w1_hello::latency(store, &limits, report).await,
                Workload::W1b => {
                    w1_hello::throughput(store, arguments.hellos, &limits, report).await
                }
                Workload::W2 => w2_chain::run(store, &limits, report).await,
                Workload::W3 => w3_fan_out::run(store, arguments.long, &limits, report).await,
                Workload::W4 => w4_idle::run(store, arguments.long, report).await,
                Workload::W5 => w5_status::run(store, arguments.hellos, report).await,
                Workload::W6 => w6_recovery::run(store, report).await,
                Workload::W7 => w7_custom_status::run(store, report).await,
                Workload::W8 => w8_growth::run(store, arguments.long, &limits, report).await,
                Workload::W9 => w9_encryption::run(store, arguments.hellos, report).await,
            }
        }
    }
}
