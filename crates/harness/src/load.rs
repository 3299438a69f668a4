//! What a request to our server costs, all layers on, beside one to a bare server that answers
//! the same bytes: both driven in turns, in short rounds, by the same client.

mod bare;
mod crowd;
mod footprint;
mod lean;
mod measure;
mod route;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum as _};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

pub(crate) use bare::{BareArgs, SUBCOMMAND as BARE_SUBCOMMAND, serve as serve_bare};

use crate::failure::Failure;
use crate::ratio;
use crate::table::Table;
use measure::Measured;
use route::Route;

/// What is measured, and for how long.
#[derive(Args)]
pub(crate) struct LoadArgs {
    /// Measure this route alone
    #[arg(long, value_name = "ROUTE", value_enum)]
    only: Option<Route>,

    /// Measure start, size and memory alone
    #[arg(long, conflicts_with = "only")]
    footprint: bool,

    /// Measure alone what many workers add to a read
    #[arg(long, conflicts_with_all = ["only", "footprint"])]
    crowd: bool,

    /// Rounds of each server, in turns
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Seconds of a round
    #[arg(long, value_name = "S", default_value_t = 0.6, value_parser = seconds)]
    seconds: f64,

    /// Keep-alive connections
    #[arg(long, value_name = "K", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
}

/// How a route is measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    rounds: u32,
    round: Duration,
    connections: usize,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=60.0).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => Err("expected a number from 0.05 to 60".to_owned()),
    }
}

/// Measures what `args` ask for. The exit code tells whether everything could be measured, not
/// whether it was fast.
pub(crate) fn run(args: &LoadArgs) -> ExitCode {
    // One thread: the client must leave the other processor to the servers.
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::io("making an executor"));
    raise_file_limit();
    match executor.and_then(|executor| executor.block_on(measure_all(args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("error: {failure}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure_all(args: &LoadArgs) -> Result<(), Failure> {
    let plan = Plan {
        rounds: args.rounds,
        round: Duration::from_secs_f64(args.seconds),
        connections: args.connections.into(),
    };
    let everything = args.only.is_none() && !args.footprint && !args.crowd;
    if everything || args.only.is_some() {
        routes(args.only, plan).await?;
    }
    let mut figures = Vec::new();
    if everything || args.crowd {
        figures.extend(crowd::measure(plan).await?);
    }
    if everything || args.footprint {
        figures.extend(footprint::measure().await?);
    }
    if !figures.is_empty() {
        let mut table = Table::new(&["", "SEEN", "GOAL"]);
        for figure in figures {
            table.row([figure.what, figure.seen, figure.goal.to_owned()]);
        }
        say(&table.to_string());
    }
    Ok(())
}

async fn routes(only: Option<Route>, plan: Plan) -> Result<(), Failure> {
    say(&format!(
        "{} rounds of {:?} each, {} connections; ours logs to /dev/null",
        plan.rounds, plan.round, plan.connections
    ));
    let mut table = Table::new(&[
        "ROUTE",
        "BYTES",
        "BARE /s",
        "OURS /s",
        "RATIO",
        "GOAL",
        "BARE CPU",
        "OURS CPU",
        "CPU RATIO",
        "REFUSED",
    ]);
    for route in Route::value_variants() {
        if only.is_some_and(|only| only != *route) {
            continue;
        }
        let measured = measure::measure(*route, plan).await?;
        let row = row(*route, &measured);
        say(&row.join("  "));
        table.row(row);
    }
    say(&table.to_string());
    Ok(())
}

fn row(route: Route, measured: &Measured) -> Vec<String> {
    let (bare, ours) = (measured.bare.processor_us(), measured.ours.processor_us());
    vec![
        route.name(),
        measured.bytes.to_string(),
        format!("{:.0}", measured.bare.rate()),
        format!("{:.0}", measured.ours.rate()),
        measured.ratios().shown(),
        route
            .goal()
            .map_or_else(String::new, |goal| format!("≥ {goal:.2}")),
        format!("{bare:.1} µs"),
        format!("{ours:.1} µs"),
        ratio::shown(bare, ours),
        measured.ours.refused().to_string(),
    ]
}

/// Lets the harness have as many connections as it may; too few show when they are made.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    );
}

/// Writes a line for people. Nobody may be reading; the exit code still tells.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
