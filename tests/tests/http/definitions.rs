//! The orchestrators and activities that the tests call over HTTP.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::value::RawValue;
use steadfast::prelude::*;

#[activity(name = "E1_SayHello")]
async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

#[orchestrator(name = "E1_HelloSequence")]
async fn hello_sequence(
    ctx: OrchestrationContext,
    cities: Vec<String>,
) -> Result<Vec<String>, String> {
    let mut greetings = Vec::new();
    for city in cities {
        greetings.push(ctx.call(say_hello(city.clone())).await?);
        ctx.set_custom_status(city).map_err(|e| e.to_string())?;
    }
    Ok(greetings)
}

/// Gives back its input as it got it, and shows it meanwhile.
#[orchestrator(name = "Echo")]
async fn echo(ctx: OrchestrationContext, value: Box<RawValue>) -> Result<Box<RawValue>, String> {
    ctx.set_custom_status(&value).map_err(|e| e.to_string())?;
    Ok(value)
}

#[orchestrator(name = "Nothing")]
async fn nothing(_ctx: OrchestrationContext) {}

#[orchestrator(name = "Double")]
async fn double(_ctx: OrchestrationContext, number: i64) -> i64 {
    number * 2
}

#[derive(Serialize, Deserialize)]
struct Point {
    a: i64,
}

#[orchestrator(name = "Unwrap")]
async fn unwrap(_ctx: OrchestrationContext, point: Point) -> i64 {
    point.a
}

#[orchestrator(name = "Add")]
async fn add(_ctx: OrchestrationContext, left: i64, right: i64) -> i64 {
    left + right
}

#[orchestrator(name = "Fails")]
async fn fails(_ctx: OrchestrationContext) -> Result<(), String> {
    Err("한 \"boom\"".into())
}

/// Waits for one event, and returns its payload as it got it.
#[orchestrator(name = "Booking")]
async fn booking(ctx: OrchestrationContext) -> Result<Box<RawValue>, String> {
    ctx.set_custom_status("waiting")
        .map_err(|e| e.to_string())?;
    let event = ctx.wait_for_external_event_named("BookingConfirmed");
    event.await.map_err(|e| e.to_string())
}

/// Waits for an event that is a number.
#[orchestrator(name = "Counted")]
async fn counted(ctx: OrchestrationContext) -> Result<i64, String> {
    let event = ctx.wait_for_external_event_named("count");
    event.await.map_err(|e| e.to_string())
}

/// Publishes a text of each length, shows what was refused, and waits.
#[orchestrator(name = "Publish")]
async fn publish(ctx: OrchestrationContext, lengths: Vec<usize>) -> Result<Vec<String>, String> {
    let mut refused = Vec::new();
    for length in lengths {
        if let Err(error) = ctx.set_custom_status("x".repeat(length)) {
            refused.push(error.to_string());
        }
    }
    let event = ctx.wait_for_external_event_named::<()>("go");
    event.await.map_err(|e| e.to_string())?;
    Ok(refused)
}

/// Waits for something that no history knows of.
#[orchestrator(name = "Stalls")]
async fn stalls(_ctx: OrchestrationContext) {
    std::future::pending().await
}

/// Gives the trace that it belongs to.
#[orchestrator(name = "Traced")]
async fn traced(ctx: OrchestrationContext) -> Option<(String, Option<String>)> {
    let trace = ctx.trace_context()?;
    Some((trace.to_string(), trace.state().map(str::to_owned)))
}

/// What a worker of this process has worked on already.
static WORKED_ON: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Succeeds when it is asked for the second time.
#[activity(name = "Flaky")]
async fn flaky(part: String) -> Result<String, String> {
    if WORKED_ON.lock().unwrap().insert(part.clone()) {
        Err(format!("{part} is not ready"))
    } else {
        Ok(format!("{part} is done"))
    }
}

/// Fails until it is rewound.
#[orchestrator(name = "Repairs")]
async fn repairs(ctx: OrchestrationContext, part: String) -> Result<String, String> {
    ctx.set_custom_status(&part).map_err(|e| e.to_string())?;
    Ok(ctx.call(flaky(part)).await?)
}

/// Starts another one, says so, and waits for it. The child is there as soon as the status is.
#[orchestrator(name = "Parent")]
async fn parent(ctx: OrchestrationContext) -> Result<(), String> {
    let child = ctx.call(booking().id("child"));
    ctx.set_custom_status("called").map_err(|e| e.to_string())?;
    child.await?;
    Ok(())
}

#[activity(name = "Tick")]
async fn tick(number: u32) -> u32 {
    number
}

/// Publishes this many texts of this length once it is told to go, each with a commit of its own.
#[orchestrator(name = "Churn")]
async fn churn(ctx: OrchestrationContext, count: u32, length: usize) -> Result<u32, String> {
    let go = ctx.wait_for_external_event_named::<()>("go");
    go.await.map_err(|e| e.to_string())?;
    for number in 0..count {
        ctx.call(tick(number)).await?;
        let text = format!("{number} {}", "한".repeat(length));
        ctx.set_custom_status(text).map_err(|e| e.to_string())?;
    }
    Ok(count)
}

/// Publishes how many are left, and continues as new with one less.
#[orchestrator(name = "Countdown")]
async fn countdown(ctx: OrchestrationContext, left: u32) -> Result<String, String> {
    ctx.set_custom_status(left).map_err(|e| e.to_string())?;
    if left == 0 {
        let go = ctx.wait_for_external_event_named::<()>("go");
        go.await.map_err(|e| e.to_string())?;
        return Ok("gone".into());
    }
    ctx.call(tick(left)).await?;
    ctx.continue_as_new(countdown(left - 1)).await
}

/// Does one of everything that a history can show, and waits for the event `go` at the end.
#[orchestrator(name = "Eventful")]
async fn eventful(ctx: OrchestrationContext) -> Result<u64, String> {
    ctx.call(say_hello("Tokyo".into())).await?;
    let failed = ctx.call(flaky("the eventful one".into())).await;
    ctx.call(double(21).id("doubles")).await?;
    let lost = ctx.call(fails().id("fails")).await;
    ctx.create_timer(std::time::Duration::ZERO).await;
    let sent = ctx.send_event_named("doubles", "hello", &1);
    sent.map_err(|e| e.to_string())?;
    let outstanding = ctx.call(booking().id("waits"));
    ctx.set_custom_status("called").map_err(|e| e.to_string())?;
    let event = ctx.wait_for_external_event_named::<u64>("go");
    let event = event.await.map_err(|e| e.to_string())?;
    drop(outstanding);
    match (failed, lost) {
        (Err(_), Err(_)) => Ok(event),
        _ => Err("what should have failed has not".into()),
    }
}

/// Of a sample of Azure's documentation. Its work has nothing to do with the API.
#[orchestrator(name = "RestartVMs")]
async fn restart_vms(_ctx: OrchestrationContext, _machines: Box<RawValue>) {}

/// Shows its input until it is told to go.
#[orchestrator(name = "Shows")]
async fn shows(ctx: OrchestrationContext, status: Box<RawValue>) -> Result<(), String> {
    ctx.set_custom_status(&status).map_err(|e| e.to_string())?;
    let event = ctx.wait_for_external_event_named::<()>("go");
    event.await.map_err(|e| e.to_string())
}

/// Gives back the operation that it is told, as the counter of Azure's documentation would.
#[orchestrator(name = "Counts")]
async fn counts(ctx: OrchestrationContext) -> Result<String, String> {
    let event = ctx.wait_for_external_event_named("operation");
    event.await.map_err(|e| e.to_string())
}
