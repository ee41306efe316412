//! What the example programs have in common on the command line: the store, and how they end.

use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::Parser;
use steadfast::Steadfast;
use steadfast::store::memory::MemoryStore;
use steadfast::store::sqlite::SqliteStore;

use crate::pace;

/// What the programs end with when something is in the way.
pub type AnyError = Box<dyn Error + Send + Sync>;

/// Where instances are kept: the value of `--store`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreArgument {
    /// `memory`: until the program ends.
    Memory,
    /// Anything else: in a SQLite file of this name.
    File(PathBuf),
}

impl FromStr for StoreArgument {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "memory" => Self::Memory,
            path => Self::File(path.into()),
        })
    }
}

impl StoreArgument {
    /// Starts a worker over this store.
    ///
    /// # Errors
    ///
    /// When the store is in use, cannot be written, or is not a store.
    pub async fn start(&self) -> Result<Steadfast, AnyError> {
        let builder = Steadfast::builder();
        let builder = match self {
            Self::Memory => builder.store(MemoryStore::new()),
            Self::File(path) => builder.store(SqliteStore::open(path)?),
        };
        Ok(builder.start().await?)
    }
}

/// The arguments of the programs that show a pattern.
#[derive(Debug, Parser)]
pub struct PatternArguments {
    /// A file to keep everything in, so that the program may be killed and started again; or `memory`.
    #[arg(long, value_name = "FILE", default_value = "memory")]
    pub store: StoreArgument,
    /// How long a piece of work takes.
    #[arg(long, value_name = "SECONDS", default_value = "0.3", value_parser = seconds)]
    pub pace: Duration,
}

impl PatternArguments {
    /// Reads the command line and starts a worker over the store that it names. Says so when there is something to go on with.
    ///
    /// # Errors
    ///
    /// When the store cannot be used.
    pub async fn start(id: &str) -> Result<Steadfast, AnyError> {
        let arguments = Self::parse();
        pace::set(arguments.pace);
        let steadfast = arguments.store.start().await?;
        let earlier = steadfast.client().instance(id)?.try_status().await?;
        if let Some(earlier) = earlier {
            eprintln!("goes on with `{id}`, which is {}", earlier.runtime_status);
        }
        Ok(steadfast)
    }
}

/// Reads a number of seconds such as `0.5`.
///
/// # Errors
///
/// When the text is not a number, or is negative or too large.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds, such as `0.5`".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Ends a program: without a word when all went well, else with the error and its causes on stderr.
#[must_use]
pub fn exit(result: Result<(), AnyError>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
    ExitCode::FAILURE
}

/// Waits for ctrl-c, or for SIGTERM where there is such a thing.
pub async fn asked_to_stop() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<Option<()>>();
    tokio::select! {
        () = interrupt => {}
        _ = terminate => {}
    }
}
