//! Offers a discounted ticket and waits for an answer: here from the terminal, in a server by HTTP.

#![allow(
    clippy::print_stdout,
    reason = "the statuses and the answer go to stdout"
)]

use std::io::stdin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use steadfast_examples::cli::{self, AnyError, StoreArgument};
use steadfast_examples::ticket::{Booking, BookingConfirmed, reserve_ticket};

/// Reserves a ticket.
#[derive(Parser)]
struct Arguments {
    /// Who wants it.
    #[arg(default_value = "user-1")]
    user: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(reserve(Arguments::parse()).await)
}

async fn reserve(arguments: Arguments) -> Result<(), AnyError> {
    let steadfast = StoreArgument::Memory.start().await?;
    let start = reserve_ticket(arguments.user.into());
    let ticket = steadfast.client().start(start).await?;

    let mut changes = ticket.watch_custom_status();
    while let Some(change) = changes.next().await? {
        let Some(status) = change.custom_status else {
            continue;
        };
        println!("{}", serde_json::to_string(&status)?);
        if let Booking::Offered { booking_url, .. } = status {
            let confirmed = ask(&booking_url).await?;
            ticket.raise_event(&BookingConfirmed(confirmed)).await?;
        }
    }
    println!("{}", ticket.output().await?);
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

/// Anything but a yes is a no; so is the end of the input.
async fn ask(booking_url: &str) -> Result<bool, AnyError> {
    eprintln!(
        "Confirm the booking at {booking_url}? [y/n]\n\
         (In a server, the answer is POSTed to the instance's `sendEventPostUri`, with `BookingConfirmed` for `{{eventName}}` \
         and `true` as the body.)"
    );
    let mut answer = String::new();
    let answer =
        tokio::task::spawn_blocking(move || stdin().read_line(&mut answer).map(|_| answer))
            .await??;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
