//! Runs the scenarios one after the other, each with its deadline, and prints what they observed.

mod canaries;
mod events;
mod half_open;
mod hangs;
mod kill;
mod lifecycles;
mod panics;
mod polling_load;
mod polls;
mod quotas;
mod sigterm;
mod slow_loris;
mod slow_readers;
mod vanishing;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::report::{Report, print_line, table};

/// The seed unless `--seed` gives another one.
const SEED: u64 = 0x796f_6921;

/// Which scenarios run, and at which length.
#[derive(Args)]
pub(crate) struct SoakArgs {
    /// Run this scenario alone
    #[arg(long, value_name = "NAME", value_enum)]
    only: Option<Scenario>,

    /// Run a shorter version of each, a minute in all
    #[arg(long)]
    quick: bool,

    /// Kill so many servers, in the scenarios that kill any [default: what each does itself]
    #[arg(long, value_name = "N")]
    kills: Option<usize>,

    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
}

/// The parameters of every scenario.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    quick: bool,
    kills: Option<usize>,
    /// The seed of everything random.
    pub(crate) seed: u64,
}

impl Plan {
    /// `full`, or `quick` for a quick run.
    pub(crate) fn either<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Whether percentiles of times are held against bounds. A quick run is so short that one stall of a
    /// busy machine would decide over them: it reports them alone.
    pub(crate) fn judges_times(self) -> bool {
        !self.quick
    }

    /// How many servers are killed, unless the flags say so: `full`, or `quick` for a quick run.
    fn kills(self, full: usize, quick: usize) -> usize {
        self.kills.unwrap_or_else(|| self.either(full, quick))
    }
}

/// The scenarios, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Scenario {
    /// Engines that panic before their first await, in the middle and when dropped
    Panics,
    /// Engines that hang for ever, and engines that resist their end
    Hangs,
    /// Clients that disconnect in the middle of requests, waits and responses
    Vanishing,
    /// Connections that send nothing, or half of a request
    HalfOpen,
    /// Thousands of connections that send their heads byte by byte
    SlowLoris,
    /// Clients that read nothing of large responses
    SlowReaders,
    /// A thousand long-polls under steady inputs
    Polls,
    /// A client that has used up its quotas and goes on asking, beside another
    Quotas,
    /// SIGTERM under that load
    Sigterm,
    /// Workers that are created, used, stopped and forgotten
    Lifecycles,
    /// A million events, and the memory they leave
    Events,
    /// Fuzzed requests at a server full of planted secrets
    Canaries,
    /// A thousand kills at any instant, all on one store
    Kill,
    /// Owners that are killed, asked to end or frozen while another server stands by, on the database
    /// that .ci/with-postgres provides
    Failover,
}

impl Scenario {
    /// The longest that a full run may take: several times what it needs on two idle cores.
    const fn deadline(self) -> Duration {
        Duration::from_secs(match self {
            Self::Panics
            | Self::Hangs
            | Self::Vanishing
            | Self::HalfOpen
            | Self::SlowLoris
            | Self::SlowReaders
            | Self::Quotas
            | Self::Sigterm
            | Self::Lifecycles => 60,
            Self::Polls | Self::Events => 90,
            Self::Canaries => 150,
            Self::Kill => 2_400,
            Self::Failover => 5_400,
        })
    }

    async fn run(self, plan: Plan) -> Result<Report, Failure> {
        match self {
            Self::Panics => panics::run(plan).await,
            Self::Hangs => hangs::run(plan).await,
            Self::Vanishing => vanishing::run(plan).await,
            Self::HalfOpen => half_open::run(plan).await,
            Self::SlowLoris => slow_loris::run(plan).await,
            Self::SlowReaders => slow_readers::run().await,
            Self::Polls => polls::run(plan).await,
            Self::Quotas => quotas::run(plan).await,
            Self::Sigterm => sigterm::run(plan).await,
            Self::Lifecycles => lifecycles::run(plan).await,
            Self::Events => events::run(plan).await,
            Self::Canaries => canaries::run(plan).await,
            Self::Kill => kill::run(plan).await,
            Self::Failover => kill::failover::run(plan).await,
        }
    }

    /// Whether this machine has what it needs. Otherwise it runs, and fails, only when it is named.
    fn is_possible(self) -> bool {
        self != Self::Failover || kill::failover::database_is_there()
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        let value = value.expect("no scenario is hidden");
        value.get_name().to_owned()
    }
}

/// Runs the selected scenarios. The exit code is 1 when any promise was broken.
pub(crate) fn run(args: &SoakArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(run_scenarios(args)),
        Err(error) => {
            print_line(&format!("error: starting tokio: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run_scenarios(args: &SoakArgs) -> ExitCode {
    let plan = Plan {
        quick: args.quick,
        kills: args.kills,
        seed: args.seed,
    };
    print_line(&format!("seed {}", plan.seed));
    let mut table = table(&["SCENARIO", "TRIED", "OBSERVED", "BROKEN", "TOOK"]);
    let mut broken_promises = Vec::new();
    for scenario in Scenario::value_variants() {
        let is_wanted = match args.only {
            Some(only) => only == *scenario,
            None => scenario.is_possible(),
        };
        if !is_wanted {
            continue;
        }
        let began = Instant::now();
        let report = match timeout(scenario.deadline(), scenario.run(plan)).await {
            Ok(Ok(report)) => report,
            Ok(Err(failure)) => Report::aborted(&failure),
            Err(_) => Report::aborted(&"not done by its deadline"),
        };
        let took = format!("{:.1} s", began.elapsed().as_secs_f64());
        let result = if report.passed() { "holds" } else { "BROKEN" };
        let name = scenario.name();
        print_line(&format!("{name} {result} ({took})"));
        let [tried, observed, broken] = report.columns();
        if !report.passed() {
            broken_promises.push(format!("{name}: {}", broken.replace('\n', "; ")));
        }
        table.add_row([name, tried, observed, broken, took]);
    }
    print_line(&table.to_string());
    // Of a long log the end is read first.
    for broken in &broken_promises {
        print_line(broken);
    }
    if broken_promises.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
