//! What the attributes cost to compile: `cargo bench -p steadfast-macros --bench compile_time`, with `-- --rounds 9` for more rounds.
//!
//! It writes two packages that do the same at run time: 200 activities and 50 orchestrators with the attributes, and the same
//! functions with registration, decoding and recording written by hand (in `target/tmp/compile_time`, to be looked at). Everything
//! that they depend on is built first. Then one line of one activity is changed, and both packages are compiled, by turns; the
//! printed figures are the medians of the rounds, and `ratio` is that of the attributes to the hand-written package.
//!
//! `cpu` is the processor time of cargo and its compilers, user and system together, from `/proc/self/stat`: it hardly depends on
//! what else the machine does. `wall` is the time that passed; where there is no `/proc`, it is all that is printed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark measures real time, prints it, and panics when it cannot go on"
)]

mod packages;
mod shapes;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use packages::Style;

const ROUNDS: u32 = 3;

/// The processor time that ended children took is counted in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a round compiles.
struct Mode {
    name: &'static str,
    command: &'static str,
    incremental: &'static str,
}

const MODES: [Mode; 4] = [
    Mode {
        name: "build",
        command: "build",
        incremental: "0",
    },
    Mode {
        name: "check",
        command: "check",
        incremental: "0",
    },
    Mode {
        name: "build_incremental",
        command: "build",
        incremental: "1",
    },
    Mode {
        name: "check_incremental",
        command: "check",
        incremental: "1",
    },
];

/// How long a compilation took, in seconds.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: Option<f64>,
}

fn main() {
    let rounds = rounds();
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compile_time");
    packages::write_all(&folder).unwrap();
    let mut edits = 0;
    for mode in MODES {
        for style in Style::ALL {
            compile(&folder, style, &mode);
        }
        let mut costs = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            edits += 1;
            for (style, costs) in Style::ALL.into_iter().zip(&mut costs) {
                packages::edit(&folder, style, edits).unwrap();
                costs.push(compile(&folder, style, &mode));
            }
        }
        report(
            mode.name,
            "wall",
            costs
                .each_ref()
                .map(|costs| costs.iter().map(|cost| Some(cost.wall)).collect()),
        );
        report(
            mode.name,
            "cpu",
            costs
                .each_ref()
                .map(|costs| costs.iter().map(|cost| cost.cpu).collect()),
        );
    }
}

/// What `--rounds` says.
fn rounds() -> u32 {
    let mut arguments = env::args().skip_while(|argument| argument != "--rounds");
    match arguments.nth(1) {
        Some(rounds) => rounds.parse().expect("`--rounds` takes a number"),
        None => ROUNDS,
    }
}

/// Compiles a package; what it depends on is compiled already, except for the first time.
fn compile(folder: &Path, style: Style, mode: &Mode) -> Cost {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([
            mode.command,
            "--quiet",
            "--offline",
            "--package",
            style.name(),
        ])
        .env("CARGO_INCREMENTAL", mode.incremental)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .current_dir(folder)
        .stdin(Stdio::null());
    let (began, before) = (Instant::now(), cpu_of_children());
    let status = cargo.status().unwrap();
    let wall = began.elapsed().as_secs_f64();
    assert!(status.success(), "`{}` does not compile", style.name());
    let cpu = before
        .zip(cpu_of_children())
        .map(|(before, after)| after - before);
    Cost { wall, cpu }
}

/// The processor time of all children that have ended, and of theirs.
fn cpu_of_children() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold anything; the state behind it is the third field.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<f64> = fields
        .split_whitespace()
        .skip(13)
        .take(2)
        .map_while(|ticks| ticks.parse().ok())
        .collect();
    let [user, system] = ticks[..] else {
        return None;
    };
    Some((user + system) / TICKS_PER_SECOND)
}

/// Prints the medians and their ratio, when there is something to print.
fn report(mode: &str, clock: &str, costs: [Option<Vec<f64>>; 2]) {
    let [Some(attributes), Some(by_hand)] = costs.map(|costs| costs.and_then(median)) else {
        return;
    };
    println!("{mode}_attributes_{clock}_seconds {attributes:.2}");
    println!("{mode}_by_hand_{clock}_seconds {by_hand:.2}");
    println!("{mode}_{clock}_ratio {:.2}", attributes / by_hand);
}

fn median(mut costs: Vec<f64>) -> Option<f64> {
    costs.sort_by(f64::total_cmp);
    costs.get(costs.len() / 2).copied()
}
