//! Every option at the calls that have it, also in steps and in any order.

use std::time::Duration;

use steadfast::prelude::*;
use steadfast::{ActivityByName, Call, Child, RetryPolicy, Start, SubOrchestratorByName};

const SECOND: Duration = Duration::from_secs(1);
const POLICY: RetryPolicy = RetryPolicy::new(3, SECOND).backoff_coefficient(2.0);

#[activity]
async fn fetch(url: String) -> Result<String, String> {
    Ok(url)
}

#[orchestrator]
async fn ship(ctx: OrchestrationContext, order: u64) -> Result<u64, String> {
    if order == 0 {
        return ctx.continue_as_new(ship(1)).await;
    }
    Ok(order)
}

#[orchestrator]
async fn shop(ctx: OrchestrationContext) -> Result<u64, String> {
    let call: Call<fetch> = fetch("a".into()).tag("a", "b").total_timeout(10 * SECOND);
    let call = call.timeout(SECOND).retry_if(|error| error.is_timeout()).retry(POLICY);
    let page = ctx.call(call.clone());
    ctx.call(call.no_retry()).detach();
    let named: Call<ship> = ship(7).tag("a", "b").id("order-7");
    let child: Child<ship> = named.clone().retry(POLICY);
    let first = ctx.call(named);
    let second = ctx.call(child.total_timeout(SECOND).id("other").tag("c", "d"));
    ctx.send_event_named(first.instance_id(), "Hurry", &true)?;
    second.detach();
    let third = ctx.call(ship(9).total_timeout(SECOND));
    ctx.call(ActivityByName::<String>::new("x").input(1).retry(POLICY).timeout(SECOND)).detach();
    ctx.call(SubOrchestratorByName::<String>::new("x").id("y").version("1.2").retry(POLICY)).detach();
    Ok(page.await?.len() as u64 + first.await? + third.await?)
}

async fn start(client: &Client) {
    let start: Start<ship> = ship(7).id("order-7").start_at(SECOND);
    client.start(start.tag("a", "b").on_existing(OnExisting::Attach)).await.unwrap();
    client.start(ship(8).initial_status("new").id("order-8")).await.unwrap();
    client.start(ship(9).tag("a", "b")).await.unwrap();
    client.start(ship(10)).await.unwrap();
    client.start(shop()).await.unwrap();
}

fn main() {
    let _ = start;
}
