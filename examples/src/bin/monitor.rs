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

#[cfg(test)]
mod tests {
    use steadfast::testing::TestHub;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn it_asks_less_and_less_often() {
        let hub = TestHub::new();
        hub.mock(ask_service)
            .returns(JobState::Running)
            .times(6)
            .returns(JobState::Done);
        hub.mock(alert).returns(());
        let monitor = hub.start(monitor("backup".into(), MINUTE, 60 * MINUTE));
        assert!(monitor.output().unwrap());
        let asked = hub.attempts(ask_service);
        let begin = asked[0].started_at;
        let minutes = asked
            .iter()
            .map(|attempt| attempt.started_at.duration_since(begin).as_secs() / 60);
        assert_eq!(minutes.collect::<Vec<_>>(), [0, 1, 3, 7, 15, 23, 31]);
        let text = "done, seen at the 7. time".to_owned();
        assert_eq!(hub.calls(alert), [("backup".to_owned(), text)]);
    }

    #[test]
    fn it_has_patience_for_so_long() {
        let hub = TestHub::new();
        hub.mock(ask_service).returns(JobState::Running);
        hub.mock(alert).returns(());
        let begin = hub.now();
        let monitor = hub.start(monitor("backup".into(), MINUTE, 60 * MINUTE));
        assert!(!monitor.output().unwrap());
        assert_eq!(hub.now().duration_since(begin).unsigned_abs(), 60 * MINUTE);
    }

    #[test]
    fn a_service_that_does_not_answer_fails_it() {
        let hub = TestHub::new();
        hub.mock(ask_service).never_returns();
        let error = hub
            .start(monitor("backup".into(), MINUTE, 60 * MINUTE))
            .output();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("`ask_service` failed"), "{error}");
    }
}
