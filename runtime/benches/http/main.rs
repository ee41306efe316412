//! How fast the HTTP API is, beside a bare handler of the web framework.
//!
//! ```console
//! $ cargo bench -p steadfast --bench http -- [H1 H2 ...] [--store full|relaxed|memory] [--rounds N]
//! ```
//!
//! One line per figure, `WORKLOAD STORE METRIC VALUE`: the median of the rounds. The bare handler is measured in the same rounds,
//! `LIMIT - METRIC VALUE`, and the figures with `_per_hello` are ratios to it: they can be compared between machines, the others
//! cannot. The load comes from a second process on the same machine, which takes about as much of the processors as the server:
//! `server_us_per_request` is what the server takes of them by itself. Progress goes to stderr.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark measures real time, prints it, and panics when it cannot go on"
)]

mod arguments;
#[path = "../engine/definitions.rs"]
#[allow(dead_code, reason = "shared with the benchmark of the engine")]
mod definitions;
mod h1_status;
mod h2_watchers;
mod h4_memory;
mod load;
#[path = "../engine/machine.rs"]
mod machine;
#[path = "../engine/report.rs"]
#[allow(dead_code, reason = "shared with the benchmark of the engine")]
mod report;
mod serving;
#[path = "../engine/stores.rs"]
#[allow(dead_code, reason = "shared with the benchmark of the engine")]
mod stores;

use clap::Parser;

use arguments::{Arguments, Workload};
use report::Report;

fn main() {
    let arguments = Arguments::parse();
    if let Some(load) = &arguments.load {
        return load::run(load);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::default();
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        runtime.block_on(run(&arguments, &mut report));
    }
    report.print();
}

async fn run(arguments: &Arguments, report: &mut Report) {
    for workload in arguments.workloads() {
        for store in arguments.stores() {
            eprintln!("  {workload:?} {}", store.name());
            match workload {
                Workload::H1 => h1_status::run(store, report).await,
                Workload::H2 => h2_watchers::of_one(store, report).await,
                Workload::H3 => h2_watchers::of_many(store, report).await,
                Workload::H4 => h4_memory::run(store, report).await,
            }
        }
    }
}
