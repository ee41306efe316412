//! What the program runs: a little of every feature, so that a kill meets each of them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use steadfast::prelude::*;

/// Where the log of activities is, and the files that mend what is brittle.
pub(crate) static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();

/// Each has a number of its own, so that one that was taken twice shows.
#[derive(ExternalEvent, Serialize, Deserialize)]
pub(crate) struct Go(pub(crate) u64);

/// How many events `counter` takes, each in an execution of its own.
const COUNTED: usize = 4;

/// Five or more activities, two of them at the same time and one of them retried; a timer, an event and statuses between them.
#[orchestrator]
pub(crate) async fn survive(
    ctx: OrchestrationContext<u32>,
    extra: u32,
) -> Result<Vec<String>, String> {
    let mut done = vec![ctx.call(append(0)).await?];
    ctx.set_custom_status(1);
    ctx.create_timer(Duration::from_millis(3)).await;
    let (second, third) = (ctx.call(append(1)), ctx.call(append_at_second_attempt(2)));
    done.extend([second.await?, third.await?]);
    ctx.set_custom_status(3);
    let Go(payload) = go(&ctx.wait_for_external_event().await)?;
    done.push(format!("go {payload}"));
    for step in 3..3 + extra {
        done.push(ctx.call(append(step)).await?);
        ctx.set_custom_status(step + 1);
    }
    Ok(done)
}

/// Two children at the same time, one of which waits for a message.
#[orchestrator]
pub(crate) async fn family(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let child = |name: &str| format!("{}-{name}", ctx.instance_id());
    let left = ctx.call(member(false).id(child("left")));
    let right = ctx.call(member(true).id(child("right")));
    let done = left.await.map_err(|error| error.to_string())?;
    ctx.send_event(child("right"), &Go(7))
        .map_err(|error| error.to_string())?;
    let told = right.await.map_err(|error| error.to_string())?;
    Ok(vec![done, told])
}

#[orchestrator]
pub(crate) async fn member(ctx: OrchestrationContext, waits: bool) -> Result<String, String> {
    let done = ctx.call(append(0)).await?;
    if !waits {
        return Ok(done);
    }
    let Go(payload) = go(&ctx.wait_for_external_event().await)?;
    Ok(format!("{done}, go {payload}"))
}

/// Takes an event, does something, and continues as new with the events that it has taken.
#[orchestrator]
pub(crate) async fn counter(ctx: OrchestrationContext, seen: Vec<u64>) -> Result<Vec<u64>, String> {
    let mut seen = seen;
    if seen.len() == COUNTED {
        return Ok(seen);
    }
    let Go(payload) = go(&ctx.wait_for_external_event().await)?;
    seen.push(payload);
    ctx.call(append(0)).await?;
    ctx.continue_as_new(counter(seen)).await
}

/// Fails until it is mended and rewound.
#[orchestrator]
pub(crate) async fn mending(ctx: OrchestrationContext) -> Result<Vec<String>, String> {
    let first = ctx.call(append(0)).await?;
    let second = ctx.call(brittle(1)).await?;
    Ok(vec![first, second])
}

/// Touches no file: for disks that fail.
#[orchestrator]
pub(crate) async fn quiet(ctx: OrchestrationContext<u32>, ballast: String) -> Result<u64, String> {
    let size = ctx.call(measure(ballast)).await?;
    ctx.set_custom_status(1);
    ctx.create_timer(Duration::from_millis(1)).await;
    let Go(payload) = go(&ctx.wait_for_external_event().await)?;
    Ok(size + payload)
}

/// Ends at once.
#[orchestrator]
pub(crate) async fn brief(ctx: OrchestrationContext, ballast: String) -> Result<u64, String> {
    Ok(ctx.call(measure(ballast)).await?)
}

fn go<E: ToString>(event: &Result<Go, E>) -> Result<Go, String> {
    match event {
        Ok(Go(payload)) => Ok(Go(*payload)),
        Err(error) => Err(error.to_string()),
    }
}

#[activity]
async fn append(ctx: ActivityContext, step: u32) -> Result<String, io::Error> {
    log(&ctx)?;
    let _ = ctx.heartbeat(&step);
    Ok(format!("{} step {step}", ctx.instance_id()))
}

#[activity(retry(max_attempts = 3, first_interval = "1ms"))]
async fn append_at_second_attempt(ctx: ActivityContext, step: u32) -> Result<String, io::Error> {
    log(&ctx)?;
    match ctx.attempt() {
        1 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(format!("{} step {step}", ctx.instance_id())),
    }
}

/// What failed is run again after a rewind, and so is not in the log.
#[activity]
async fn brittle(ctx: ActivityContext, step: u32) -> Result<String, io::Error> {
    fs::metadata(mended(ctx.instance_id().as_str())?)?;
    log(&ctx)?;
    Ok(format!("{} step {step}", ctx.instance_id()))
}

#[activity]
async fn measure(ballast: String) -> u64 {
    ballast.len() as u64
}

/// The file whose presence mends an instance.
pub(crate) fn mended(instance: &str) -> io::Result<PathBuf> {
    Ok(directory()?.join(format!("mended-{instance}")))
}

fn directory() -> io::Result<&'static Path> {
    let directory = DIRECTORY.get().ok_or(io::ErrorKind::NotFound)?;
    Ok(directory.as_path())
}

fn log(ctx: &ActivityContext) -> io::Result<()> {
    let task = format!("{}:{}", ctx.execution_id(), ctx.task_id());
    let line = format!("{task} {} {}\n", std::process::id(), ctx.instance_id());
    // One write to a file opened for appending: a kill leaves the whole line or nothing of it.
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(directory()?.join("activities.log"))?
        .write_all(line.as_bytes())?;
    println!("ran {task}");
    Ok(())
}
