//! Recommends cities and seasons; what is recommended is the custom status, not the output.

#![allow(clippy::print_stdout, reason = "the recommendation goes to stdout")]

use std::io::stdin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use steadfast_examples::city::city_recommender;
use steadfast_examples::cli::{self, AnyError, StoreArgument};

/// Recommends cities and seasons.
#[derive(Parser)]
struct Arguments {
    /// 1, 2 or 3; asked for when it is left out.
    choice: Option<i64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(recommend(Arguments::parse()).await)
}

async fn recommend(arguments: Arguments) -> Result<(), AnyError> {
    let choice = match arguments.choice {
        Some(choice) => choice,
        None => ask()?,
    };
    let steadfast = StoreArgument::Memory.start().await?;
    let city = steadfast.client().start(city_recommender(choice)).await?;
    match city.wait_for_completion().await?.custom_status {
        Some(recommendation) => println!("{}", recommendation.as_json()),
        None => println!("no recommendation for {choice}; choose 1, 2 or 3"),
    }
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

fn ask() -> Result<i64, AnyError> {
    eprintln!("Choose 1, 2 or 3:");
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    let choice = line.trim();
    Ok(choice
        .parse()
        .map_err(|_| format!("`{choice}` is not a number"))?)
}
