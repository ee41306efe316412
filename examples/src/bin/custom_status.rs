//! Publishes arbitrary data as the custom status, and prints the whole status as a GET over HTTP answers it.

#![allow(clippy::print_stdout, reason = "the status goes to stdout")]

use std::process::ExitCode;
use std::time::Duration;

use axum::body::to_bytes;
use clap::Parser;
use steadfast::http::status_response;
use steadfast_examples::cli::{self, AnyError, StoreArgument};
use steadfast_examples::sample::{Proceed, custom_status_sample};

/// Prints the status of a running instance that publishes arbitrary data.
#[derive(Parser)]
struct Arguments {}

#[tokio::main]
async fn main() -> ExitCode {
    Arguments::parse();
    cli::exit(show().await)
}

async fn show() -> Result<(), AnyError> {
    let steadfast = StoreArgument::Memory.start().await?;
    let start = custom_status_sample().id("instance123");
    let sample = steadfast.client().start(start).await?;
    sample.wait_custom_status(|_| true).await?;

    let response = status_response(&sample.status().await?);
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    println!("{}", String::from_utf8(body.into())?);

    sample.raise_event(&Proceed).await?;
    sample.output().await?;
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}
