//! Fan-out and fan-in: counts the words of twelve pages, all at once, and adds them up.
//!
//! With `--store FILE` it may be killed at any time: started again, it counts only the pages that were not counted.

#![allow(clippy::print_stdout, reason = "the account goes to stdout")]

use std::process::ExitCode;
use std::time::Duration;

use steadfast::prelude::*;
use steadfast_examples::cli::{self, AnyError, PatternArguments};
use steadfast_examples::pace;

const PAGES: u32 = 12;

/// What is published meanwhile. Its type bounds it, so that publishing cannot fail.
#[derive(CustomStatus, Serialize, Deserialize)]
struct Counted {
    pages: u32,
    of: u32,
}

#[activity]
async fn count_words(page: u32) -> u32 {
    println!("counting page {page}");
    // The pages are done one after the other, so that there is something to see.
    for _ in 0..page {
        pace::work().await;
    }
    100 + page
}

#[orchestrator]
async fn count_book(ctx: OrchestrationContext<Counted>, pages: u32) -> Result<u32, String> {
    // All calls are made at once; the results are taken in the order in which they come.
    let calls = (1..=pages).map(|page| ctx.call(count_words(page)));
    let mut counts = ctx.as_completed(calls);
    let mut words = 0;
    let mut done = 0;
    while let Some((_, count)) = counts.next().await {
        words += count?;
        done += 1;
        let of = pages;
        ctx.set_custom_status(Counted { pages: done, of });
    }
    Ok(words)
}

async fn count() -> Result<(), AnyError> {
    let steadfast = PatternArguments::start("book").await?;
    let start = count_book(PAGES).id("book").on_existing(OnExisting::Attach);
    let book = steadfast.client().start(start).await?;
    let mut changes = book.watch_custom_status();
    while let Some(change) = changes.next().await? {
        if let Some(Counted { pages, of }) = change.custom_status {
            println!("counted {pages} of {of} pages");
        }
    }
    println!("{} words", book.output().await?);
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(count().await)
}
