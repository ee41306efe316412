//! What an orchestrator must not name, and what it writes instead: plain data.
//!
//! The same list is shipped for helper functions as `runtime/docs/clippy.toml`; a test keeps the two equal.

use super::rule::Rule;

/// Paths of one kind. In `says`, `{path}` is the path as the user wrote it, and `{ctx}` the name of the context.
pub(super) struct Group {
    pub(super) rule: Rule,
    pub(super) says: &'static str,
    /// What is behind a `|` is enough to recognise the path by; without one it must be written, or imported in the body, in
    /// full. `*` at the end is any function.
    pub(super) paths: &'static [&'static str],
}

const TIME: &str = "`{path}` gives another time on every replay: write `{ctx}.current_utc_datetime()`, the recorded time of the episode; \
                    to measure how long something took, subtract two of them";
const NUMBER: &str = "`{path}` gives another value on every replay: write `{ctx}.random_u64()`, `{ctx}.random_range(..)` or \
                      `{ctx}.random_f64()`, or seed a generator with `seed_from_u64({ctx}.random_u64())`";
const GUID: &str = "`{path}` gives another value on every replay: write `{ctx}.new_guid()`";
const TASK: &str = "`{path}` runs something that history knows nothing of, and that is lost when the process ends: call an activity \
                    with `{ctx}.call(..)`, and `.detach()` it to go on without its result; branches of the orchestrator run \
                    at the same time with `{ctx}.join_all(..)` or `join!`";
const THREAD: &str = "`{path}` is not for orchestrators, which share their thread and are replayed: do it in an activity, and call that \
                      with `{ctx}.call(..)`";
const CHANNEL: &str = "`{path}` blocks the thread that runs orchestrations: between branches of this orchestrator use an async channel, such \
                       as `tokio::sync::mpsc`; from outside, an external event, with `{ctx}.wait_for_external_event()`";
const OUTSIDE: &str = "`{path}` reaches outside of the orchestrator, and would do so again on every replay: do it in an activity, and call \
                       that with `{ctx}.call(..)`";
const SETTING: &str = "`{path}` may be different on a replay: take the setting as an argument, read it in an activity, or record it with \
                       `{ctx}.side_effect(|| ..)`";

pub(super) const PATHS: &[Group] = &[
    Group {
        rule: Rule::Clock,
        says: TIME,
        paths: &[
            "std::time::|SystemTime::now",
            "std::time::|SystemTime::elapsed",
            "std::time::|Instant::now",
            "std::time::|Instant::elapsed",
            "tokio::time::Instant::now",
            "chrono::|Utc::now",
            "chrono::|Local::now",
            "chrono::offset::Utc::now",
            "chrono::offset::Local::now",
            "time::|OffsetDateTime::now_utc",
            "time::|OffsetDateTime::now_local",
            "time::|UtcDateTime::now",
            "jiff::|Timestamp::now",
            "jiff::|Zoned::now",
        ],
    },
    Group {
        rule: Rule::Randomness,
        says: GUID,
        paths: &[
            "uuid::|Uuid::new_v1",
            "uuid::|Uuid::new_v4",
            "uuid::|Uuid::new_v6",
            "uuid::|Uuid::new_v7",
            "uuid::|Uuid::now_v1",
            "uuid::|Uuid::now_v6",
            "uuid::|Uuid::now_v7",
            "ulid::|Ulid::new",
            "bson::oid::|ObjectId::new",
            "nanoid::nanoid",
        ],
    },
    Group {
        rule: Rule::Randomness,
        says: NUMBER,
        paths: &[
            "rand::random",
            "rand::|thread_rng",
            "rand::rng",
            "rand::rngs::|OsRng",
            "rand::rngs::|SysRng",
            "rand::rngs::|StdRng::from_os_rng",
            "rand::rngs::|StdRng::from_entropy",
            "rand::rngs::|SmallRng::from_os_rng",
            "rand::rngs::|SmallRng::from_entropy",
            "rand::*",
            "fastrand::*",
            "getrandom::*",
            "std::hash::|RandomState::new",
            "std::collections::hash_map::|RandomState::new",
        ],
    },
    Group {
        rule: Rule::Timers,
        says: "`{path}` is forgotten when the process ends: write `{ctx}.create_timer(..)`, which is durable",
        paths: &[
            "tokio::|time::sleep",
            "tokio::|time::sleep_until",
            "tokio::|time::interval",
            "tokio::|time::interval_at",
            "async_std::|task::sleep",
            "async_io::|Timer::after",
            "smol::|Timer::after",
            "futures_timer::|Delay::new",
        ],
    },
    Group {
        rule: Rule::Timers,
        says: "`{path}` is forgotten when the process ends: write `{ctx}.timeout(..)`, which is durable",
        paths: &[
            "tokio::|time::timeout",
            "tokio::|time::timeout_at",
            "async_std::|future::timeout",
            "tokio::time::*",
        ],
    },
    Group {
        rule: Rule::Timers,
        says: "`{path}` holds up every orchestration on this thread, and is done again on every replay: write \
               `{ctx}.create_timer(..)`, which is durable",
        paths: &["std::|thread::sleep"],
    },
    Group {
        rule: Rule::Tasks,
        says: TASK,
        paths: &[
            "tokio::spawn",
            "tokio::|spawn_blocking",
            "tokio::|task::spawn",
            "tokio::|task::spawn_blocking",
            "tokio::|task::spawn_local",
            "tokio::|task::block_in_place",
            "tokio::task::|JoinSet::new",
            "tokio::task::|LocalSet::new",
            "tokio::task::*",
            "tokio::runtime::|Handle::current",
            "tokio::runtime::|Runtime::new",
            "tokio::runtime::*",
            "async_std::task::*",
            "smol::spawn",
            "smol::unblock",
            "smol::block_on",
            "futures::executor::*",
            "futures_executor::*",
            "futures_lite::future::block_on",
            "pollster::block_on",
        ],
    },
    Group {
        rule: Rule::Threads,
        says: THREAD,
        paths: &[
            "std::|thread::spawn",
            "std::|thread::scope",
            "std::|thread::park",
            "std::|thread::park_timeout",
            "std::|thread::yield_now",
            "std::|thread::current",
            "std::|thread::Builder::new",
            "std::|thread::available_parallelism",
            "std::thread::*",
            "rayon::*",
            "crossbeam::scope",
            "crossbeam::thread::scope",
            "std::|process::exit",
            "std::|process::abort",
            "std::process::*",
            "tokio::process::*",
        ],
    },
    Group {
        rule: Rule::Channels,
        says: CHANNEL,
        paths: &[
            "std::sync::|mpsc::sync_channel",
            "std::sync::mpsc::channel",
            "std::sync::mpsc::*",
            "std::sync::|Barrier::new",
            "std::sync::|Condvar::new",
            "crossbeam_channel::*",
            "crossbeam::channel::*",
        ],
    },
    Group {
        rule: Rule::Io,
        says: OUTSIDE,
        paths: &[
            "std::|fs::read",
            "std::|fs::read_to_string",
            "std::|fs::read_dir",
            "std::|fs::write",
            "std::|fs::copy",
            "std::|fs::rename",
            "std::|fs::remove_file",
            "std::|fs::remove_dir",
            "std::|fs::remove_dir_all",
            "std::|fs::create_dir",
            "std::|fs::create_dir_all",
            "std::|fs::metadata",
            "std::|fs::canonicalize",
            "std::|fs::exists",
            "std::fs::|File::open",
            "std::fs::|File::create",
            "std::fs::|File::create_new",
            "std::fs::|OpenOptions::new",
            "std::fs::*",
            "tokio::fs::*",
            "async_std::fs::*",
            "std::net::|TcpStream::connect",
            "std::net::|TcpListener::bind",
            "std::net::|UdpSocket::bind",
            "std::os::unix::net::|UnixStream::connect",
            "std::os::unix::net::|UnixListener::bind",
            "tokio::net::*",
            "async_std::net::*",
            "std::|io::stdin",
            "std::|io::stdout",
            "std::|io::stderr",
            "tokio::io::stdin",
            "tokio::io::stdout",
            "tokio::io::stderr",
            "tokio::signal::*",
            "reqwest::*",
            "ureq::*",
            "hyper::*",
            "sqlx::*",
            "rusqlite::*",
            "tokio_postgres::*",
            "postgres::*",
            "mongodb::*",
            "redis::*",
        ],
    },
    Group {
        rule: Rule::Io,
        says: SETTING,
        paths: &[
            "std::|env::var",
            "std::|env::var_os",
            "std::|env::vars",
            "std::|env::vars_os",
            "std::|env::args",
            "std::|env::args_os",
            "std::|env::current_dir",
            "std::|env::current_exe",
            "std::|env::temp_dir",
            "std::|env::set_var",
            "std::|env::remove_var",
            "std::env::*",
            "dotenvy::*",
        ],
    },
];

/// What is in a module of [`PATHS`] and deterministic all the same. `*` at the end is anything, also a type.
pub(super) const HARMLESS: &[&str] = &[
    "rand::distr::*",
    "rand::distributions::*",
    "rand::seq::*",
    "rand::rngs::mock::*",
    "rand::Rng::*",
    "rand::RngExt::*",
    "rand::RngCore::*",
    "rand::SeedableRng::from_rng",
    "std::net::IpAddr::*",
    "std::net::Ipv4Addr::*",
    "std::net::Ipv6Addr::*",
    "std::net::SocketAddr::*",
    "std::env::consts::*",
    "std::env::split_paths",
    "std::env::join_paths",
    "std::process::ExitCode::*",
    "std::thread::panicking",
    "tokio::task::unconstrained",
    "tokio::time::Duration::*",
    "reqwest::Url::*",
    "reqwest::Method::*",
    "reqwest::StatusCode::*",
    "reqwest::header::*",
    "hyper::Uri::*",
    "hyper::Method::*",
    "hyper::StatusCode::*",
    "hyper::header::*",
    "hyper::http::*",
    "sqlx::types::*",
    "rusqlite::types::*",
    "mongodb::bson::*",
];

/// Functions of [`PATHS`] that are deterministic wherever they are: generators with a seed that comes from the context.
pub(super) const SEEDED: &[&str] = &["seed_from_u64", "from_seed", "with_seed"];

/// What is blocking when it is called without arguments: that of tokio takes the capacity.
pub(super) const WITHOUT_ARGUMENTS: (Rule, &str, &str) =
    (Rule::Channels, CHANNEL, "std::sync::|mpsc::channel");

/// Macros by their last names.
pub(super) const MACROS: &[(Rule, &str, &[&str])] = &[
    (
        Rule::Printing,
        "`{path}!` prints again on every replay: write `tracing::info!(..)`, which is emitted once",
        &["println", "print", "eprintln", "eprint", "dbg"],
    ),
    (
        Rule::Statics,
        "`{path}!` makes a value that is different on every thread and in every process: keep it in a local variable, which \
         replay rebuilds",
        &["thread_local"],
    ),
];

/// The macros of `log`, when its name is in front of them.
pub(super) const LOG: (Rule, &str, &[&str]) = (
    Rule::Printing,
    "`{path}!` logs again on every replay: write the macro of `tracing` of the same name, which is emitted once",
    &["error", "warn", "info", "debug", "trace"],
);

/// Methods, and with how many arguments they are meant; any number where there is none.
pub(super) const METHODS: &[(Rule, &str, &str, Option<usize>)] = &[
    (Rule::Clock, TIME, "elapsed", Some(0)),
    (Rule::Tasks, TASK, "spawn_blocking", None),
    (Rule::Tasks, TASK, "spawn_local", None),
    (Rule::Tasks, TASK, "block_on", None),
    (Rule::Threads, THREAD, "par_iter", Some(0)),
    (Rule::Threads, THREAD, "into_par_iter", Some(0)),
    (Rule::Channels, CHANNEL, "blocking_recv", Some(0)),
    (Rule::Channels, CHANNEL, "blocking_send", Some(1)),
    (Rule::Channels, CHANNEL, "recv_timeout", Some(1)),
    (Rule::Locks, LOCK, "blocking_lock", Some(0)),
    (Rule::Locks, LOCK, "blocking_read", Some(0)),
    (Rule::Locks, LOCK, "blocking_write", Some(0)),
];

const LOCK: &str = "`{path}` blocks the thread that runs orchestrations: state that is shared with others belongs into an activity, \
                    called with `{ctx}.call(..)`";

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    const HEADER: &str = "\
# What orchestrators must not call, for the helper functions that they call: `#[orchestrator]` sees its own body only.
#
# Put this into the `clippy.toml` beside your `Cargo.toml`, and where the helpers are
#
#     #![deny(clippy::disallowed_methods, clippy::disallowed_macros)]
#
# The lints are on by default in the whole crate; where activities are, `#![allow(..)]` them. Paths of crates that you do not
# use do no harm.
";

    fn reason(says: &str, path: &str) -> String {
        let mut names = path.rsplit("::");
        let last = names.next().unwrap_or_default();
        let name = names
            .next()
            .map_or_else(|| last.to_owned(), |before| format!("{before}::{last}"));
        says.replace("{path}", &name).replace("{ctx}", "ctx")
    }

    fn clippy() -> String {
        let mut text = format!("{HEADER}\ndisallowed-methods = [\n");
        let mut line = |path: &str, says| {
            let reason = reason(says, path);
            writeln!(
                text,
                "    {{ path = \"{path}\", reason = \"{reason}\", allow-invalid = true }},"
            )
            .unwrap();
        };
        for group in PATHS {
            for path in group.paths.iter().filter(|path| !path.ends_with('*')) {
                // A unit struct and a macro are no methods.
                if !path.ends_with("Rng") && !path.ends_with("nanoid") {
                    line(&path.replace('|', ""), group.says);
                }
            }
        }
        text.push_str("]\ndisallowed-macros = [\n");
        for (_, says, names) in MACROS {
            for name in *names {
                let reason = reason(says, name);
                writeln!(
                    text,
                    "    {{ path = \"std::{name}\", reason = \"{reason}\" }},"
                )
                .unwrap();
            }
        }
        for name in LOG.2 {
            let reason = reason(LOG.1, &format!("log::{name}"));
            writeln!(
                text,
                "    {{ path = \"log::{name}\", reason = \"{reason}\", allow-invalid = true }},"
            )
            .unwrap();
        }
        text.push_str("]\n");
        text
    }

    /// `UPDATE_EXPAND=1` writes it.
    #[test]
    fn the_list_for_clippy_is_this_list() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../runtime/docs/clippy.toml");
        if std::env::var_os("UPDATE_EXPAND").is_some() {
            std::fs::write(file, clippy()).unwrap();
        }
        assert_eq!(clippy(), std::fs::read_to_string(file).unwrap());
    }

    #[test]
    fn no_path_is_listed_twice() {
        let mut seen = Vec::new();
        for path in PATHS.iter().flat_map(|group| group.paths) {
            let path = path.replace('|', "");
            assert!(!seen.contains(&path), "{path}");
            seen.push(path);
        }
    }
}
