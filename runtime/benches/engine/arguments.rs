//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::stores::StoreKind;

#[derive(Parser)]
#[command(
    name = "engine",
    about = "How fast the engine is, beside what the machine allows"
)]
pub struct Arguments {
    /// Which workloads; all when none is named.
    #[arg(value_enum, ignore_case = true)]
    workloads: Vec<Workload>,
    /// On which store; on each when none is named.
    #[arg(long, value_enum)]
    store: Option<StoreKind>,
    /// How often everything is measured; the median is reported.
    #[arg(long)]
    rounds: Option<usize>,
    /// How many hello sequences are started at once, and written by the store alone; fewer are for profilers.
    #[arg(long, default_value_t = 20_000)]
    pub hellos: usize,
    /// Larger sizes, and five rounds.
    #[arg(long)]
    pub long: bool,
    /// What `cargo bench` says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// The process to be killed, with its store in this directory.
    #[arg(long, hide = true)]
    pub child: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Workload {
    W1a,
    W1b,
    W2,
    W3,
    W4,
    W5,
    W6,
    W7,
    W8,
    W9,
}

impl Arguments {
    pub fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.long { 5 } else { 1 }).max(1)
    }

    pub fn workloads(&self) -> Vec<Workload> {
        if self.workloads.is_empty() {
            Workload::value_variants().to_vec()
        } else {
            self.workloads.clone()
        }
    }

    pub fn stores(&self) -> Vec<StoreKind> {
        self.store
            .map_or_else(|| StoreKind::value_variants().to_vec(), |store| vec![store])
    }
}
