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

#[cfg(test)]
mod tests {
    use steadfast::testing::{TestHub, crash_everywhere};

    use super::*;

    const NOTHING: Sum = Sum { numbers: 0, sum: 0 };
    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn no_number_is_lost_between_two_executions() {
        TestHub::with_seeds(0..10, |hub| {
            let sum = hub.start(add_up(NOTHING));
            for number in 1..=NUMBERS {
                sum.after(MINUTE).raise_event(&Number(number));
            }
            assert_eq!(sum.output().unwrap(), 55);
        });
    }

    #[test]
    fn the_sum_so_far_is_told() {
        let hub = TestHub::new();
        let sum = hub.start(add_up(NOTHING));
        for number in 1..=4 {
            sum.raise_event(&Number(number));
        }
        let so_far = sum.wait_custom_status(|sum| sum.numbers == 4);
        assert_eq!(so_far.sum, 10);
        // Three numbers are one execution, so the history is that of one.
        let raised = |history: Vec<steadfast::model::history::HistoryEvent>| {
            history
                .iter()
                .filter(|event| event.kind.name() == "EventRaised")
                .count()
        };
        assert_eq!(raised(sum.history()), 1);
    }

    #[test]
    fn whatever_crashes_each_number_is_added_once() {
        crash_everywhere(|hub| {
            let sum = hub.start(add_up(NOTHING).id("sum"));
            hub.start(send_numbers(MINUTE));
            assert_eq!(sum.output().unwrap(), 55);
        });
    }
}
