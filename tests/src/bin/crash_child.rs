//! The program that `tests/crash.rs` kills: `crash_child STORE LOG`.
//!
//! It does what the lines on its stdin say, and answers on stdout once a thing is durable. It knows nothing of its earlier
//! lives; what goes on by itself after a restart is the store's doing.
//!
//! | command | answer |
//! | --- | --- |
//! | `start ID` | `started ID` |
//! | `raise ID` | `raised ID` |
//! | `wait ID` | `ended ID STATUS OUTPUT` |
//!
//! Every run of an activity appends `INSTANCE TASK PROCESS` to the log, and then says `ran INSTANCE TASK`. The end of stdin ends
//! the program in good order.

#![allow(clippy::print_stdout, reason = "the answers go to stdout")]

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast::store::sqlite::SqliteStore;

static LOG: OnceLock<PathBuf> = OnceLock::new();

#[derive(ExternalEvent, Serialize, Deserialize)]
struct Go(u32);

/// Three to five activities, two of them at the same time; a timer and an event between them.
#[orchestrator]
async fn survive(ctx: OrchestrationContext<u32>, extra: u32) -> Result<Vec<String>, String> {
    let mut done = vec![ctx.call(append(0)).await?];
    ctx.set_custom_status(1);
    ctx.create_timer(Duration::from_millis(3)).await;
    let (second, third) = (ctx.call(append(1)), ctx.call(append(2)));
    done.extend([second.await?, third.await?]);
    ctx.set_custom_status(3);
    let Go(payload) = ctx
        .wait_for_external_event()
        .await
        .map_err(|error| error.to_string())?;
    done.push(format!("go {payload}"));
    for step in 3..3 + extra {
        done.push(ctx.call(append(step)).await?);
        ctx.set_custom_status(step + 1);
    }
    Ok(done)
}

#[activity]
async fn append(ctx: ActivityContext, step: u32) -> Result<String, std::io::Error> {
    let (instance, task) = (ctx.instance_id(), ctx.task_id());
    let line = format!("{instance} {task} {}\n", std::process::id());
    let log = LOG.get().ok_or(std::io::ErrorKind::NotFound)?;
    // One write to a file opened for appending: a kill leaves the whole line or nothing of it.
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(log)?
        .write_all(line.as_bytes())?;
    println!("ran {instance} {task}");
    Ok(format!("{instance} step {step}"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(store), Some(log)) = (arguments.next(), arguments.next()) else {
        return Err("usage: crash_child STORE LOG".into());
    };
    LOG.get_or_init(|| log.into());
    let steadfast = Steadfast::builder()
        .store(SqliteStore::open(store)?)
        .start()
        .await?;
    let (client, runtime) = (
        steadfast.client().clone(),
        tokio::runtime::Handle::current(),
    );
    let commands = move || {
        for line in std::io::stdin().lock().lines() {
            runtime.spawn(answer(client.clone(), line?));
        }
        Ok::<_, std::io::Error>(())
    };
    tokio::task::spawn_blocking(commands).await??;
    steadfast.shut_down(Duration::from_secs(30)).await;
    Ok(())
}

async fn answer(client: Client, command: String) {
    match carry_out(&client, &command).await {
        Ok(answer) => println!("{answer}"),
        Err(error) => println!("error {command}: {error}"),
    }
}

async fn carry_out(client: &Client, command: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
    let (verb, id) = command.split_once(' ').ok_or("no instance")?;
    let number: u32 = id.rsplit('-').next().unwrap_or_default().parse()?;
    Ok(match verb {
        "start" => {
            let start = survive(number % 3).id(id).on_existing(OnExisting::Attach);
            client.start(start).await?;
            format!("started {id}")
        }
        "raise" => {
            client.instance(id)?.raise_event(&Go(number)).await?;
            format!("raised {id}")
        }
        "wait" => {
            let status = client.instance(id)?.wait_for_completion().await?;
            let output = status.output.unwrap_or_default();
            format!("ended {id} {} {output}", status.runtime_status)
        }
        _ => return Err("no such command".into()),
    })
}
