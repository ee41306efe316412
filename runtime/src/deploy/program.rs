//! `check` and `record` as a program of the user's.

#![allow(clippy::print_stdout, reason = "it is a program")]

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use jiff::Timestamp;

use super::check::{Check, chain, check};
use super::record::{Recording, record};
use crate::model::query::InstanceFilter;
use crate::model::status::RuntimeStatus;
use crate::registration::Registration;
use crate::store::Store;
use crate::store::sqlite::SqliteReader;

/// What ends with nothing checked or recorded.
const COULD_NOT: u8 = 2;

const EXIT_CODES: &str = "Exit code: 0 when all is fine, 1 when instances diverge, 2 when something could not be checked.";

/// Checks a store or records histories of it, as the command line says: with every definition that is linked into this program.
///
/// ```text
/// deploy check  --store app.db [--json] [--examples 5] [--patience 60]
/// deploy record --store app.db --into tests/histories [--limit 10] [--redact] [--json]
/// ```
///
/// Both take `--name`, `--version`, `--status`, `--id-prefix`, `--created-from`, `--created-to`, `--updated-from` and `--updated-to`, which
/// all have to hold, and `--help`. The store is a SQLite file; its owner may be running.
///
/// The exit code is 0 when all is fine, 1 when instances diverge, and 2 when something could not be checked or recorded, or the command
/// line is wrong. The report goes to stdout, with `--json` as one object ([`Report`](super::Report), [`Recorded`](super::Recorded));
/// errors go to stderr.
#[must_use]
pub fn main() -> ExitCode {
    Program::new().run()
}

/// [`main()`] for a program whose definitions or whose store are of another kind.
///
#[cfg_attr(feature = "encryption", doc = "```no_run")]
#[cfg_attr(not(feature = "encryption"), doc = "```ignore")]
/// use std::process::ExitCode;
///
/// use steadfast::deploy::Program;
/// use steadfast::store::codec::{CodecError, CodecStore, Encryption, EncryptionKey};
///
/// # fn secret() -> String { String::new() }
/// fn main() -> Result<ExitCode, CodecError> {
///     let key = EncryptionKey::from_base64("2026-03", &secret())?;
///     let program = Program::new().store(|file| CodecStore::new(file, Encryption::new(key)));
///     Ok(program.run())
/// }
/// ```
#[derive(Default)]
#[must_use = "nothing is done before `run` is called"]
pub struct Program {
    definitions: Option<Vec<Registration>>,
    store: Option<Around>,
}

/// What is put around the file.
type Around = Box<dyn FnOnce(SqliteReader) -> Arc<dyn Store>>;

impl Program {
    /// With every linked definition, and a store that is a SQLite file as it is.
    pub fn new() -> Self {
        Self::default()
    }

    /// With exactly these definitions, as [`Check::definitions`].
    pub fn definitions(mut self, definitions: impl IntoIterator<Item = Registration>) -> Self {
        self.definitions.get_or_insert_default().extend(definitions);
        self
    }

    /// Reads the file through this: the codec that its owner has, or a store that adds something else.
    pub fn store<S: Store>(mut self, around: impl FnOnce(SqliteReader) -> S + 'static) -> Self {
        self.store = Some(Box::new(|file| Arc::new(around(file))));
        self
    }

    /// Does what the command line says.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let matches = command().get_matches();
        let result = match matches.subcommand() {
            Some(("record", matches)) => self.record(matches),
            Some((_, matches)) => self.check(matches),
            None => Ok(COULD_NOT),
        };
        match result {
            Ok(code) => code.into(),
            Err(message) => {
                eprintln!("error: {message}");
                COULD_NOT.into()
            }
        }
    }

    fn open(&mut self, matches: &ArgMatches) -> Result<Arc<dyn Store>, String> {
        let path = matches.get_one::<String>("store");
        let path = path.map(String::as_str).unwrap_or_default();
        let file = SqliteReader::open(path).map_err(|error| chain(&error))?;
        Ok(match self.store.take() {
            Some(around) => around(file),
            None => Arc::new(file),
        })
    }

    fn check(mut self, matches: &ArgMatches) -> Result<u8, String> {
        let store = self.open(matches)?;
        let mut options = Check::new()
            .filter(filter(matches))
            .examples(count(matches, "examples") as usize)
            .patience(Duration::from_secs(count(matches, "patience").into()));
        if let Some(definitions) = self.definitions {
            options = options.definitions(definitions);
        }
        let report = check(&store, &options).map_err(|error| chain(&error))?;
        if matches.get_flag("json") {
            print(&pretty(&report));
        } else {
            print(&report.to_string());
        }
        if report.orchestrators.is_empty()
            && report.is_fine()
            && filter(matches) != InstanceFilter::new()
        {
            return Err("no instance matches: look at the options, or leave them out".into());
        }
        Ok(report.exit_code())
    }

    fn record(mut self, matches: &ArgMatches) -> Result<u8, String> {
        let store = self.open(matches)?;
        let mut options = Recording::new()
            .filter(filter(matches))
            .limit(count(matches, "limit") as usize);
        if matches.get_flag("redact") {
            options = options.redact();
        }
        let folder = matches.get_one::<String>("into");
        let folder = folder.map(String::as_str).unwrap_or_default();
        let recorded = record(&store, folder, &options).map_err(|error| chain(&error))?;
        if matches.get_flag("json") {
            print(&pretty(&recorded));
        } else {
            print(&recorded.to_string());
        }
        Ok(if recorded.unreadable.is_empty() {
            0
        } else {
            COULD_NOT
        })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("definitions", &self.definitions)
            .finish_non_exhaustive()
    }
}

fn command() -> Command {
    let check = Command::new("check")
        .about("Replays the unfinished instances of a store against this program, and says which would be set aside")
        .after_help(EXIT_CODES)
        .args(filters())
        .arg(json())
        .arg(
            number("examples", "COUNT", "5")
                .help("How many instances are named of those that diverge in the same way"),
        )
        .arg(number("patience", "SECONDS", "60").help("How long one replay may take"));
    let record = Command::new("record")
        .about("Writes histories of a store to files, for replay tests")
        .args(filters())
        .arg(
            Arg::new("into")
                .long("into")
                .value_name("FOLDER")
                .required(true)
                .help("Where the files go"),
        )
        .arg(
            number("limit", "COUNT", "10")
                .help("How many of each orchestrator, version and status at most; the newest of them"),
        )
        .arg(
            Arg::new("redact")
                .long("redact")
                .action(ArgAction::SetTrue)
                .help("Blanks payloads: code that looks at their values then goes another way on replay"),
        )
        .arg(json());
    Command::new("deploy")
        .about("Whether what a store holds fits this program, and histories of it for tests. Nothing is written to the store")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([check, record])
}

fn filters() -> Vec<Arg> {
    let text = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let time = |name: &'static str, help: &'static str| {
        text(name, "TIME", help).value_parser(|text: &str| {
            text.parse::<Timestamp>()
                .map_err(|_| "not a time such as `2026-01-31T12:00:00Z`")
        })
    };
    vec![
        text(
            "store",
            "FILE",
            "The store, a SQLite file; its owner may be running",
        )
        .required(true),
        text("name", "NAME", "Only instances of this orchestrator"),
        text("version", "VERSION", "Only instances of this version"),
        text(
            "status",
            "STATUS",
            "Only instances in this runtime status, such as `Running`; may be there several times",
        )
        .action(ArgAction::Append)
        .value_parser(|text: &str| {
            let status = RuntimeStatus::ALL
                .into_iter()
                .find(|status| status.as_str().eq_ignore_ascii_case(text));
            let names = RuntimeStatus::ALL.map(RuntimeStatus::as_str).join(", ");
            status.ok_or_else(|| format!("not a runtime status; they are {names}"))
        }),
        text(
            "id-prefix",
            "TEXT",
            "Only instances whose id begins with this text",
        ),
        time("created-from", "Only instances created then or later"),
        time("created-to", "Only instances created then or earlier"),
        time("updated-from", "Only instances last updated then or later"),
        time("updated-to", "Only instances last updated then or earlier"),
    ]
}

fn json() -> Arg {
    Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Prints one JSON object")
}

fn number(name: &'static str, value: &'static str, default: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .default_value(default)
        .value_parser(value_parser!(u32))
}

fn filter(matches: &ArgMatches) -> InstanceFilter {
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let time = |name: &str| matches.get_one::<Timestamp>(name).copied();
    let statuses = matches.get_many::<RuntimeStatus>("status");
    InstanceFilter {
        runtime_status: statuses.into_iter().flatten().copied().collect(),
        name: text("name"),
        version: text("version"),
        id_prefix: text("id-prefix"),
        created_from: time("created-from"),
        created_to: time("created-to"),
        updated_from: time("updated-from"),
        updated_to: time("updated-to"),
        ..InstanceFilter::new()
    }
}

fn count(matches: &ArgMatches, name: &str) -> u32 {
    matches.get_one(name).copied().unwrap_or_default()
}

fn pretty(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string_pretty(value);
    json.expect("a report is numbers and texts, which JSON can hold") + "\n"
}

/// Whoever reads may have gone.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
