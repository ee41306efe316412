//! H4: a thousand streams of an instance that shows much, of which half are not read.

use steadfast::prelude::*;

use crate::definitions::Go;
use crate::machine;
use crate::report::Report;
use crate::serving::{Loading, Server, WEBHOOK};
use crate::stores::{Bench, StoreKind};

const READERS: usize = 500;
const SLEEPERS: usize = 500;

/// How often the instance shows another text.
const CHANGES: usize = 300;
/// How long each shown text is.
const LENGTH: usize = 8_000;

const MIB: f64 = 1024.0 * 1024.0;

/// Shows a long text with each event, so many times.
#[orchestrator(events(Go))]
async fn announcing(ctx: OrchestrationContext, times: u32) -> Result<(), String> {
    for number in 0..times {
        ctx.wait_for_external_event::<Go>()
            .await
            .map_err(|error| error.to_string())?;
        ctx.set_custom_status(format!("{number:0LENGTH$}"))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

pub async fn run(store: StoreKind, report: &mut Report) {
    let bench = Bench::start(store).await;
    let handle = bench
        .steadfast
        .client()
        .start(announcing(u32::MAX).id("one"))
        .await
        .unwrap();
    let server = Server::of(bench.steadfast.client()).await;
    let mut add = |metric: &str, value| report.add("H4", store.name(), metric, value);
    let before = machine::resident();
    let arguments = [
        "watchers".to_owned(),
        server.address.to_string(),
        format!("{WEBHOOK}/instances/one/watch"),
        READERS.to_string(),
        SLEEPERS.to_string(),
        READERS.to_string(),
    ];
    let mut load = Loading::start(&arguments);
    load.says();
    add(
        "open_kib_per_watcher",
        (machine::resident() - before) / 1024.0 / (READERS + SLEEPERS) as f64,
    );
    machine::reset_peak();
    let mut skipped = 0.0;
    for _ in 0..CHANGES {
        handle.raise_event(&Go).await.unwrap();
        skipped += load.says()[1];
    }
    add("peak_mib_of_all_watchers", (machine::peak() - before) / MIB);
    add("skipped_for_readers", skipped);
    drop(load);
    server.stop().await;
    bench.stop().await;
}
