//! Faults and load against the real server, in a process of its own, over loopback.
//!
//! Reading order: [`server`] (the process under test), [`engine`] (its turn engine, which does
//! what its input says), [`client`] and [`worker`] (how it is talked to), [`account`] (what
//! must add up), [`verdict`] and [`table`] (what is said in the end), [`soak`] (the scenarios),
//! [`load`] (what a request costs beside one to a bare server), [`scale`] (what an operation
//! costs when there is much of everything).

mod account;
mod child;
mod client;
mod engine;
mod failure;
mod latency;
mod load;
mod process_reading;
mod random;
mod ratio;
mod scale;
mod server;
mod soak;
mod table;
mod verdict;
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The product's, since the server under test is a process of this program; so the bare server
/// has it as well.
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
    /// Break things and load things, and say which promises held
    Soak(soak::SoakArgs),
    /// Measure requests to the server beside the same ones to a bare server
    Load(load::LoadArgs),
    /// Measure operations of the libraries against how much there is of everything
    Scale(scale::ScaleArgs),
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
        Command::Bare(args) => load::serve_bare(args),
        Command::Child(args) => child::run(*args),
    }
}
