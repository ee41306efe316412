//! Monitor: asks again and again how far a job is, less and less often, until it is done or the patience is at an end.
//!
//! With `--store FILE` it may be killed at any time: started again, it waits for the rest of the interval and goes on asking.

#![allow(clippy::print_stdout, reason = "the account goes to stdout")]

use std::process::ExitCode;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast_examples::cli::{self, AnyError, PatternArguments};
use steadfast_examples::pace;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum JobState {
    Running,
    Done,
}

/// Stands for a service that works on a job: it is done when it is asked for the fourth time.
#[activity(timeout = "10s")]
async fn ask_service(job: String, times: u32) -> JobState {
    let state = if times < 4 {
        JobState::Running
    } else {
        JobState::Done
    };
    println!("{job}: asked for the {times}. time: {state:?}");
    state
}

#[activity]
async fn alert(job: String, text: String) {
    println!("{job}: {text}");
}

/// Asks until the job is done.
async fn until_done(ctx: &OrchestrationContext, job: &str, first: Duration) -> Result<u32, String> {
    let mut interval = first;
    for times in 1.. {
        if ctx.call(ask_service(job.to_owned(), times)).await? == JobState::Done {
            return Ok(times);
        }
        // A durable timer: it goes on when the program does not.
        ctx.create_timer(interval).await;
        interval = (interval * 2).min(first * 8);
    }
    unreachable!("the loop ends by returning")
}

#[orchestrator]
async fn monitor(
    ctx: OrchestrationContext,
    job: String,
    first: Duration,
    patience: Duration,
) -> Result<bool, String> {
    // When the time is up, whatever is being waited for is cancelled.
    let done = ctx.timeout(patience, until_done(&ctx, &job, first)).await;
    let (done, text) = match done {
        Ok(times) => (true, format!("done, seen at the {}. time", times?)),
        Err(_) => (false, "not done in time; somebody should look".to_owned()),
    };
    ctx.call(alert(job, text)).await?;
    Ok(done)
}

async fn watch() -> Result<(), AnyError> {
    let steadfast = PatternArguments::start("monitor").await?;
    let first = pace::get();
    let start = monitor("backup".to_owned(), first, first * 100)
        .id("monitor")
        .on_existing(OnExisting::Attach);
    let done = steadfast.client().start(start).await?.output().await?;
    println!(
        "{}",
        if done {
            "all is well"
        } else {
            "something is wrong"
        }
    );
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(watch().await)
}
