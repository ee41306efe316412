//! The program that `tests/replay/program.rs` runs: `deploy`, with an orchestrator `ship` that was changed since, and one that was not.

use std::process::ExitCode;

use steadfast::prelude::*;

#[activity]
async fn weigh(parcel: String) -> usize {
    parcel.len()
}

#[orchestrator]
async fn ship(ctx: OrchestrationContext, order: u64) -> Result<usize, String> {
    Ok(ctx.call(weigh(order.to_string())).await?)
}

#[orchestrator]
async fn count(ctx: OrchestrationContext, number: u32) -> Result<u32, String> {
    let _: bool = ctx
        .wait_for_external_event_named("next")
        .await
        .map_err(|error| error.to_string())?;
    Ok(number)
}

fn main() -> ExitCode {
    steadfast::deploy::main()
}
