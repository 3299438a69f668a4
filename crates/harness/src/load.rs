//! What a request costs on our server, with every layer on, relative to a bare axum handler that
//! answers the same value. Both are driven by the same client in alternating rounds.

mod bare;
mod many_workers;
mod rounds;
mod route;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum as _};

pub(crate) use bare::{BareArgs, SUBCOMMAND as BARE_SUBCOMMAND, serve as serve_bare};

use crate::failure::Failure;
use crate::measurement;
use crate::report::{print_line, table};
use crate::server::Server;
use crate::statistics::Rounds;
use bare::Bare;
use rounds::{Side, alternate};
use route::Route;

#[derive(Args)]
pub(crate) struct LoadArgs {
    /// Measure this route alone
    #[arg(long, value_name = "ROUTE", value_enum)]
    only: Option<Route>,

    /// Measure alone what 100,000 workers cost relative to 100
    #[arg(long, conflicts_with = "only")]
    many_workers: bool,

    /// Rounds of each server, alternating
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,

    /// Milliseconds of a round
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    round_ms: u64,

    /// Keep-alive connections
    #[arg(long, value_name = "K", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
}

/// How long each server is driven, and over how many connections.
#[derive(Debug, Clone, Copy)]
struct Plan {
    rounds: u32,
    round: Duration,
    connections: usize,
}

/// The rates of two servers in accepted requests per second, and their ratio.
struct Comparison {
    what: String,
    ours: Rounds,
    reference: Rounds,
    ratio: Rounds,
    goal: String,
}

impl Comparison {
    fn row(self) -> [String; 5] {
        [
            self.what,
            format!("{:.0}", self.ours.median()),
            format!("{:.0}", self.reference.median()),
            self.ratio.to_string(),
            self.goal,
        ]
    }
}

/// Measures what `args` select.
pub(crate) fn run(args: &LoadArgs) -> ExitCode {
    measurement::run(measure(args))
}

async fn measure(args: &LoadArgs) -> Result<(), Failure> {
    let plan = Plan {
        rounds: args.rounds,
        round: Duration::from_millis(args.round_ms),
        connections: args.connections.into(),
    };
    print_line(&format!(
        "medians of {} alternating rounds of {:?} with quartiles, {} connections, logs to /dev/null",
        plan.rounds, plan.round, plan.connections
    ));
    let mut table = table(&["", "OURS /S", "REFERENCE /S", "RATIO", "GOAL"]);
    let mut add = |comparison: Comparison| {
        let row = comparison.row();
        print_line(&row.join("  "));
        table.add_row(row);
    };
    if !args.many_workers {
        for route in Route::value_variants() {
            if args.only.is_none_or(|only| only == *route) {
                add(against_bare(*route, plan).await?);
            }
        }
    }
    if args.only.is_none() {
        for comparison in many_workers::measure(plan).await? {
            add(comparison);
        }
    }
    print_line(&table.to_string());
    Ok(())
}

/// Compares our server with the bare one.
async fn against_bare(route: Route, plan: Plan) -> Result<Comparison, Failure> {
    let server = Server::start(route.settings()).await?;
    let mut client = server.client();
    let workers = route.prepare(&mut client, plan.connections).await?;
    let requests = route.requests(server.endpoint(), &workers, plan.connections);
    let response = client.send(&requests[0][0]).await?;
    let response = response.expect(route.status(), "a request that is measured")?;
    let bare = Bare::start(route, response.body()).await?;
    let ours = Side::new(server.endpoint(), route, requests.clone());
    let reference = Side::new(&bare.endpoint, route, requests);
    let [ours, reference] = alternate(plan, [ours.waiting_for_runs(&server), reference]).await?;
    Ok(Comparison {
        what: format!("{}, {} bytes", route.name(), response.body().len()),
        goal: format!("≥ {:.2}", route.goal()),
        ratio: ours.ratios_to(&reference),
        ours,
        reference,
    })
}
