//! Fault injection and load against the real server, in a process of its own, over loopback.
//!
//! [`server`] starts the process under test, [`engine`] is its scripted turn engine, [`client`]
//! and [`worker`] talk to it, [`driver`] and [`run_tracker`] check runs. [`soak`] has the
//! scenarios, [`load`], [`scale`], [`store_cost`], [`stream`] and [`turns`] the measurements, the
//! last two with a scripted [`provider`].

mod child;
mod client;
mod driver;
mod engine;
mod failure;
mod load;
mod log_line;
mod measurement;
mod process_stats;
mod provider;
mod random;
mod report;
mod run_tracker;
mod scale;
mod server;
mod side_server;
mod soak;
mod statistics;
mod store_cost;
mod stream;
mod turns;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The product's allocator, for the server under test and for the bare server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Faults and load against the workspace server
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Inject faults and load, and report which promises held
    Soak(soak::SoakArgs),
    /// Measure requests to the server against the same ones to a bare axum server
    Load(load::LoadArgs),
    /// Measure operations of the libraries against the amount of data
    Scale(scale::ScaleArgs),
    /// Measure what keeping workers over restarts costs
    StoreCost(store_cost::StoreCostArgs),
    /// Measure how fast streamed replies reach their readers, and what that costs
    Stream(stream::StreamArgs),
    /// Measure whole turns against a provider that answers at once
    Turns(turns::TurnsArgs),
    /// The relay that ours is compared with; started by `stream`
    #[command(hide = true, name = stream::RELAY_SUBCOMMAND)]
    Relay(stream::RelayArgs),
    /// The scripted provider; started by `stream` and `turns`
    #[command(hide = true, name = provider::SUBCOMMAND)]
    Provider,
    /// The bare server; started by `load`
    #[command(hide = true, name = load::BARE_SUBCOMMAND)]
    Bare(load::BareArgs),
    /// The server under test; started by the other commands
    #[command(hide = true, name = child::SUBCOMMAND)]
    Child(Box<child::ChildArgs>),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Soak(args) => soak::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Scale(args) => scale::run(&args),
        Command::StoreCost(args) => store_cost::run(&args),
        Command::Stream(args) => stream::run(&args),
        Command::Turns(args) => turns::run(&args),
        Command::Relay(args) => stream::serve_relay(args),
        Command::Provider => provider::serve(),
        Command::Bare(args) => load::serve_bare(&args),
        Command::Child(args) => child::run(*args),
    }
}
