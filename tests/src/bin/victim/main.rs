//! The program that tests kill, and whose disk they break: `victim STORE DIRECTORY`.
//!
//! It says `open` on stdout when its worker runs. Then it does what the lines on its stdin say, all at the same time, and
//! answers once a thing is durable:
//!
//! | line | answer |
//! | --- | --- |
//! | `NUMBER VERB ARGUMENT ..` (see `commands.rs`) | `NUMBER ok RESULT` or `NUMBER error MESSAGE` |
//!
//! It knows nothing of its earlier lives; what goes on by itself after a restart is the store's doing. Every run of an activity
//! appends `TASK PROCESS INSTANCE` to `DIRECTORY/activities.log`, and then says `ran TASK`. The end of stdin ends the program in good
//! order. When its store cannot be opened it says `closed KIND MESSAGE` and ends with the code 1. Its own log goes to stderr.

#![allow(clippy::print_stdout, reason = "the answers go to stdout")]

mod commands;
mod orchestrators;

use std::error::Error;
use std::io::BufRead;
use std::process::ExitCode;
use std::time::Duration;

use steadfast::StartError;
use steadfast::prelude::*;
use steadfast::store::sqlite::SqliteStore;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(store), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("usage: victim STORE DIRECTORY".into());
    };
    orchestrators::DIRECTORY.get_or_init(|| directory.into());
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let steadfast = match start(&store).await {
        Ok(steadfast) => steadfast,
        Err(StartError::Store(error)) => {
            println!("closed {:?} {}", error.kind(), said(&error));
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    println!("open");
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
    Ok(ExitCode::SUCCESS)
}

async fn start(store: &str) -> Result<Steadfast, StartError> {
    let store = SqliteStore::open(store)?;
    Steadfast::builder().store(store).start().await
}

async fn answer(client: Client, line: String) {
    let (number, command) = line.split_once(' ').unwrap_or((&line, ""));
    match commands::carry_out(&client, command).await {
        Ok(result) => println!("{number} ok {result}"),
        Err(error) => println!("{number} error {}", said(&*error)),
    }
}

/// An error with what caused it, in one line.
fn said(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text.replace('\n', " ")
}
