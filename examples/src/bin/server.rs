//! Serves all orchestrators of the examples over HTTP.

#![allow(clippy::print_stdout, reason = "the address goes to stdout")]

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use steadfast::deploy::{self, Check, Report};
use steadfast::http::{Api, Key};
use steadfast::store::sqlite::SqliteReader;
use steadfast_examples::cli::{self, AnyError, StoreArgument};
use steadfast_examples::pace;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// How long activities may take to end after ctrl-c. What does not end in time is done again after the next start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the example orchestrators over HTTP.
#[derive(Parser)]
struct Arguments {
    /// Where to listen; with port 0, at a free one. The address is the first line of the output.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7071")]
    listen: String,
    /// A file to keep the instances in, or `memory`.
    #[arg(long, value_name = "FILE", default_value = "memory")]
    store: StoreArgument,
    /// How long each greeting of the hello sequence takes.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = cli::seconds)]
    delay: Duration,
    /// A key, which requests to `/runtime/webhooks/durabletask` have to come with; without one they are all let in.
    #[arg(long)]
    key: Option<String>,
    /// Serve nothing, and tell whether the instances in the file fit this program. Its owner may be running.
    #[arg(long)]
    check: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    let arguments = Arguments::parse();
    if arguments.check {
        return match check(&arguments.store) {
            Ok(report) => {
                print!("{report}");
                report.exit_code().into()
            }
            Err(error) => {
                let _ = cli::exit(Err(error));
                2.into()
            }
        };
    }
    cli::exit(serve(arguments).await)
}

fn check(store: &StoreArgument) -> Result<Report, AnyError> {
    let StoreArgument::File(path) = store else {
        return Err("`--check` is about a file: name it with `--store`".into());
    };
    Ok(deploy::check(&SqliteReader::open(path)?, &Check::new())?)
}

async fn serve(arguments: Arguments) -> Result<(), AnyError> {
    pace::set(arguments.delay);
    let listener = TcpListener::bind(&arguments.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    let steadfast = arguments.store.start().await?;
    let mut api = Api::new(steadfast.client().clone());
    if let Some(key) = arguments.key {
        api = api.key(Key::new("command line", key)?);
    }
    println!("http://{}", listener.local_addr()?);
    io::stdout().flush()?;

    api.serve(listener, cli::asked_to_stop()).await?;
    steadfast.shut_down(PATIENCE).await;
    Ok(())
}
