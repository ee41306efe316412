//! An orchestrator that does what bytes tell it, so that histories have everything in them.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use steadfast::prelude::*;
use steadfast::{Registration, RetryPolicy, definitions};

/// What the workers of this module serve.
pub(super) fn all() -> Vec<Registration> {
    definitions![steps, hello, work]
}

/// Fails for negative numbers.
#[activity(name = "work")]
async fn work(number: i64) -> Result<i64, String> {
    match number {
        0.. => Ok(number + 1),
        _ => Err(format!("{number} is negative")),
    }
}

/// Shows that a worker works.
#[orchestrator(name = "Hello")]
pub(super) async fn hello(ctx: OrchestrationContext) -> Result<i64, String> {
    Ok(ctx.call(work(1)).await?)
}

/// One step for each byte.
#[orchestrator(name = "Steps")]
pub(super) async fn steps(ctx: OrchestrationContext, program: Vec<u8>) -> Result<String, String> {
    run_steps(&ctx, &program).await
}

const SECOND: Duration = Duration::from_secs(1);

/// Does the steps, and tells what came of them.
pub(super) fn run_steps<'a>(
    ctx: &'a OrchestrationContext,
    program: &'a [u8],
) -> LocalBoxFuture<'a, Result<String, String>> {
    Box::pin(async move {
        let mut said = String::new();
        let mut kept = Vec::new();
        for (at, step) in program.iter().take(32).enumerate() {
            let number = i64::from(step / 20);
            let heard = match step % 20 {
                0 => format!("{:?}", ctx.call(work(number)).await.ok()),
                1 => format!("{:?}", ctx.call(work(number - 6)).await.ok()),
                2 => {
                    let policy = RetryPolicy::new(3, SECOND).jitter(0.5);
                    let call = work(number - 6).retry(policy).total_timeout(SECOND * 3);
                    format!("{:?}", ctx.call(call).await.ok())
                }
                3 => {
                    let called = ctx.call_activity::<i64>("work", "no number").await;
                    format!("{:?}", called.ok())
                }
                4 => {
                    ctx.create_timer(SECOND).await;
                    "timer".into()
                }
                5 => {
                    let event = ctx.wait_for_external_event_named::<serde_json::Value>("a");
                    format!("{:?}", event.await.ok())
                }
                6 => {
                    let event = ctx
                        .wait_for_external_event_named::<i64>("b")
                        .timeout(SECOND);
                    format!("{:?}", event.await.map(|event| event.ok()).ok())
                }
                7 => {
                    let child = ctx.call(steps(vec![step / 2])).await;
                    format!("{:?}", child.ok())
                }
                8 => {
                    ctx.set_custom_status(at)
                        .map_err(|error| error.to_string())?;
                    continue;
                }
                9 => {
                    ctx.clear_custom_status();
                    continue;
                }
                10 => format!("{:?}", ctx.side_effect(|| number)),
                11 => format!("{}", ctx.patched(if number > 5 { "p" } else { "q" })),
                12 => {
                    let both = ctx.race((ctx.call(work(number)), ctx.create_timer(SECOND)));
                    match both.await {
                        steadfast::OneOf2::First(result) => format!("{:?}", result.ok()),
                        steadfast::OneOf2::Second(_) => "late".into(),
                    }
                }
                13 => {
                    let both = [ctx.call(work(1)), ctx.call(work(-1))];
                    let both = ctx.join_all(both).await;
                    both.into_iter()
                        .map(|one| format!("{:?}", one.ok()))
                        .collect()
                }
                14 => format!("{}", ctx.send_event_named("other", "a", &number).is_ok()),
                15 if at > 0 => {
                    let rest = program[at + 1..].to_vec();
                    return ctx.continue_as_new(steps(rest)).await;
                }
                16 => {
                    kept.push(ctx.call(work(number)));
                    continue;
                }
                17 => {
                    ctx.call(work(number)).detach();
                    continue;
                }
                18 => format!("{}{}", ctx.random_u64(), ctx.current_utc_datetime()),
                _ if number > 10 => return Err(said),
                _ => ctx.new_guid().to_string(),
            };
            said.push_str(&heard);
        }
        drop(kept);
        Ok(said)
    })
}
