//! Aggregator: adds up numbers that come as events, for as long as they come, with a history that stays short.
//!
//! After every third number it continues as new with the sum so far. The numbers come from another orchestration, so that each is sent
//! exactly once. With `--store FILE` the program may be killed at any time: no number is lost, and none is added twice.

#![allow(clippy::print_stdout, reason = "the account goes to stdout")]

use std::process::ExitCode;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast_examples::cli::{self, AnyError, PatternArguments};
use steadfast_examples::pace;

const NUMBERS: u64 = 10;

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Number(u64);

#[derive(CustomStatus, Serialize, Deserialize, Clone, Copy, Debug)]
struct Sum {
    numbers: u64,
    sum: u64,
}

#[orchestrator]
async fn add_up(ctx: OrchestrationContext<Sum>, so_far: Sum) -> Result<u64, String> {
    let Sum {
        mut numbers,
        mut sum,
    } = so_far;
    for _ in 0..3 {
        let number = ctx.wait_for_external_event::<Number>().await;
        sum += number.map_err(|error| error.to_string())?.0;
        numbers += 1;
        ctx.set_custom_status(Sum { numbers, sum });
        if numbers == NUMBERS {
            return Ok(sum);
        }
    }
    // A new history. Numbers that have come and were not taken are carried over.
    ctx.continue_as_new(add_up(Sum { numbers, sum })).await
}

#[orchestrator]
async fn send_numbers(ctx: OrchestrationContext, pause: Duration) -> Result<(), String> {
    for number in 1..=NUMBERS {
        ctx.create_timer(pause).await;
        ctx.send_event("sum", &Number(number))?;
    }
    Ok(())
}

async fn aggregate() -> Result<(), AnyError> {
    let steadfast = PatternArguments::start("sum").await?;
    let client = steadfast.client();
    let start = add_up(Sum { numbers: 0, sum: 0 })
        .id("sum")
        .on_existing(OnExisting::Attach);
    let sum = client.start(start).await?;
    let start = send_numbers(pace::get())
        .id("numbers")
        .on_existing(OnExisting::Attach);
    client.start(start).await?;
    let mut changes = sum.watch_custom_status();
    while let Some(change) = changes.next().await? {
        if let Some(Sum { numbers, sum }) = change.custom_status {
            println!("{numbers} numbers, {sum} in all");
        }
    }
    let events = sum.history().await?.len();
    println!(
        "the sum is {}, and the last history has {events} events",
        sum.output().await?
    );
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(aggregate().await)
}
