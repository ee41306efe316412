//! Greets three cities and shows the progress that the orchestrator publishes.
//!
//! With `--store FILE` it may be killed at any time: started again, it prints only what was missing.

#![allow(clippy::print_stdout, reason = "greetings go to stdout")]

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use steadfast::OnExisting;
use steadfast_examples::cli::{self, AnyError, StoreArgument};
use steadfast_examples::hello::{self, CITIES, hello_sequence};
use steadfast_examples::pace;

/// Greets three cities, one after the other.
#[derive(Parser)]
struct Arguments {
    /// A file to keep the progress in, so that the program may be killed and started again; or `memory`.
    #[arg(long, value_name = "FILE", default_value = "memory")]
    store: StoreArgument,
    /// How long each greeting takes.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = cli::seconds)]
    delay: Duration,
    /// The instance. Another one greets anew.
    #[arg(long, default_value = "hello")]
    id: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    cli::exit(greet(Arguments::parse()).await)
}

async fn greet(arguments: Arguments) -> Result<(), AnyError> {
    pace::set(arguments.delay);
    let steadfast = arguments.store.start().await?;
    let client = steadfast.client();

    // What an earlier run of this program has greeted already, and printed.
    let earlier = client.instance(&arguments.id)?.try_status().await?;
    let earlier = earlier.and_then(|status| status.custom_status);
    let mut greeted = match earlier {
        Some(status) => position(&status.decode::<String>()?),
        None => 0,
    };

    let start = hello_sequence(None)
        .id(arguments.id)
        .on_existing(OnExisting::Attach);
    let hello = client.start(start).await?;

    let progress = Progress::new(greeted);
    let mut changes = hello.watch_custom_status();
    while let Some(change) = changes.next().await? {
        let Some(city) = change.custom_status else {
            continue;
        };
        // A reader that is slow sees the latest status only; the cities before it are greeted as well.
        while greeted < position(&city) {
            let city = CITIES[greeted];
            greeted += 1;
            progress.advance(greeted, city, || println!("{}", hello::greeting(city)));
        }
    }
    progress.finish();
    println!("{}", serde_json::to_string(&hello.output().await?)?);
    steadfast.shut_down(Duration::from_secs(5)).await;
    Ok(())
}

/// How many cities have been greeted when this is the last one.
fn position(city: &str) -> usize {
    CITIES
        .iter()
        .position(|known| *known == city)
        .map_or(0, |index| index + 1)
}

/// A bar on a terminal, plain lines elsewhere.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new(greeted: usize) -> Self {
        Self(stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}")
                .expect("the template is a valid one");
            let bar = ProgressBar::new(CITIES.len() as u64).with_style(style);
            bar.set_position(greeted as u64);
            bar
        }))
    }

    /// Shows the progress, and prints a result without disturbing the bar.
    fn advance(&self, greeted: usize, city: &'static str, print: impl FnOnce()) {
        match &self.0 {
            Some(bar) => {
                bar.suspend(print);
                bar.set_message(city);
                bar.set_position(greeted as u64);
            }
            None => {
                eprintln!("{greeted}/{} {city}", CITIES.len());
                print();
            }
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish();
        }
    }
}
