//! The orchestrators that are measured.

use steadfast::prelude::*;

#[activity]
pub async fn say_hello(city: String) -> String {
    format!("Hello {city}!")
}

/// Three sequential activities, a status after each.
#[orchestrator]
pub async fn hello(ctx: OrchestrationContext<BoundedStr<16>>) -> Result<Vec<String>, String> {
    let mut greetings = Vec::with_capacity(3);
    for city in ["Tokyo", "Seattle", "London"] {
        greetings.push(ctx.call(say_hello(city.to_owned())).await?);
        ctx.set_custom_status(BoundedStr::truncated(city));
    }
    Ok(greetings)
}

#[activity]
pub async fn add_one(number: u32) -> u32 {
    number + 1
}

/// Activities one after the other.
#[orchestrator]
pub async fn chain(ctx: OrchestrationContext, length: u32) -> Result<u32, String> {
    let mut number = 0;
    for _ in 0..length {
        number = ctx.call(add_one(number)).await?;
    }
    Ok(number)
}

/// Activities at the same time.
#[orchestrator]
pub async fn fan_out(ctx: OrchestrationContext, width: u32) -> Result<u64, String> {
    let calls = (0..width).map(|number| ctx.call(add_one(number)));
    let mut sum = 0;
    for result in ctx.join_all(calls).await {
        sum += u64::from(result?);
    }
    Ok(sum)
}

#[derive(ExternalEvent, Serialize, Deserialize)]
pub struct Go;

/// Waits for one event.
#[orchestrator(events(Go))]
pub async fn waiting(ctx: OrchestrationContext) -> Result<(), String> {
    ctx.wait_for_external_event::<Go>()
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

/// Activities one after the other, then an event: a history to be replayed.
#[orchestrator(events(Go))]
pub async fn chain_and_wait(ctx: OrchestrationContext, length: u32) -> Result<u32, String> {
    let mut number = 0;
    for _ in 0..length {
        number = ctx.call(add_one(number)).await?;
    }
    ctx.set_custom_status("waiting")
        .map_err(|error| error.to_string())?;
    ctx.wait_for_external_event::<Go>()
        .await
        .map_err(|error| error.to_string())?;
    Ok(number)
}

/// Publishes a number with each event, so many times.
#[orchestrator(events(Go))]
pub async fn publishing(ctx: OrchestrationContext<u32>, times: u32) -> Result<(), String> {
    for number in 1..=times {
        ctx.wait_for_external_event::<Go>()
            .await
            .map_err(|error| error.to_string())?;
        ctx.set_custom_status(number);
    }
    Ok(())
}
