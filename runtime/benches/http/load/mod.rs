//! The load, in a process of its own: one thread, and no more work for a request than it takes to know that it was answered.

mod requests;
mod watchers;

use std::net::SocketAddr;

use clap::Subcommand;

#[derive(Subcommand)]
#[command(hide = true)]
pub enum Load {
    /// Requests on connections that stay open.
    Requests {
        address: SocketAddr,
        /// What nearly all requests are for.
        target: String,
        /// What the others are for, with a number at its end.
        other: String,
    },
    /// Streams that stay open.
    Watchers {
        address: SocketAddr,
        /// What is watched; with `{}` in it each watches another one.
        target: String,
        /// How many read.
        readers: usize,
        /// How many do not.
        sleepers: usize,
        /// After how many changes to say how it went.
        every: usize,
    },
}

pub fn run(load: &Load) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        match load {
            Load::Requests {
                address,
                target,
                other,
            } => requests::run(*address, target, other).await,
            Load::Watchers {
                address,
                target,
                readers,
                sleepers,
                every,
            } => watchers::run(*address, target, *readers, *sleepers, *every).await,
        }
    });
}
