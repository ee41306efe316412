//! The command line.

use clap::{Parser, ValueEnum};

use crate::load::Load;
use crate::stores::StoreKind;

#[derive(Parser)]
#[command(
    name = "http",
    about = "How fast the HTTP API is, beside a bare handler of the web framework",
    args_conflicts_with_subcommands = true
)]
pub struct Arguments {
    /// Which workloads; all when none is named.
    #[arg(value_enum, ignore_case = true)]
    workloads: Vec<Workload>,
    /// On which store; on each when none is named.
    #[arg(long, value_enum)]
    store: Option<StoreKind>,
    /// How often everything is measured; the median is reported.
    #[arg(long, default_value_t = 1)]
    pub rounds: usize,
    /// What `cargo bench` says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    /// What the process that makes the load is to do.
    #[command(subcommand)]
    pub load: Option<Load>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "verbatim")]
pub enum Workload {
    /// Requests for a status.
    H1,
    /// Many watchers of one instance.
    H2,
    /// A watcher of each of many instances.
    H3,
    /// The memory that watchers take who do not read.
    H4,
}

impl Arguments {
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
