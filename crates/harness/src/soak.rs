//! The scenarios, one after the other, each with its deadline, and the table of what they saw.

mod canaries;
mod events;
mod half_open;
mod hangs;
mod lifecycles;
mod load;
mod panics;
mod polls;
mod sigterm;
mod slow_loris;
mod slow_readers;
mod vanishing;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use tokio::time::timeout;

use crate::failure::Failure;
use crate::table::Table;
use crate::verdict::Verdict;

/// The seed where nobody gives one.
const SEED: u64 = 0x796f_6921;

/// Which scenarios are played, and how much of them.
#[derive(Args)]
pub(crate) struct SoakArgs {
    /// Play this scenario alone
    #[arg(long, value_name = "NAME", value_enum)]
    only: Option<Scenario>,

    /// Play a smaller share of each, a minute in all
    #[arg(long)]
    quick: bool,

    /// The seed of everything random
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
}

/// What a scenario has to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    share: Share,
    /// The seed of everything random.
    pub(crate) seed: u64,
}

/// How much of each scenario is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Full,
    Quick,
}

impl Plan {
    /// `full`, or `quick` for a smaller share.
    pub(crate) fn either<T>(self, full: T, quick: T) -> T {
        match self.share {
            Share::Full => full,
            Share::Quick => quick,
        }
    }
}

/// What can be played, in the order in which it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Scenario {
    /// Engines that panic before their first await, in the middle and when dropped
    Panics,
    /// Engines that hang for ever, and engines that resist their end
    Hangs,
    /// Clients that vanish in the middle of requests, waits and answers
    Vanishing,
    /// Connections that say nothing, or half of what they should
    HalfOpen,
    /// Thousands of connections that drip their heads
    SlowLoris,
    /// Readers that take nothing of large answers
    SlowReaders,
    /// A thousand long-polls under steady writes
    Polls,
    /// SIGTERM under that load
    Sigterm,
    /// Workers that are created, used, stopped and forgotten
    Lifecycles,
    /// A million events, and the memory they leave
    Events,
    /// Fuzzed requests at a server full of planted secrets
    Canaries,
}

impl Scenario {
    /// The longest that a full one may take: several times what it needs on two idle cores.
    const fn deadline(self) -> Duration {
        Duration::from_secs(match self {
            Self::Panics
            | Self::Hangs
            | Self::Vanishing
            | Self::HalfOpen
            | Self::SlowLoris
            | Self::SlowReaders
            | Self::Sigterm
            | Self::Lifecycles => 60,
            Self::Polls | Self::Events => 90,
            Self::Canaries => 150,
        })
    }

    async fn play(self, plan: Plan) -> Result<Verdict, Failure> {
        match self {
            Self::Panics => panics::play(plan).await,
            Self::Hangs => hangs::play(plan).await,
            Self::Vanishing => vanishing::play(plan).await,
            Self::HalfOpen => half_open::play(plan).await,
            Self::SlowLoris => slow_loris::play(plan).await,
            Self::SlowReaders => slow_readers::play().await,
            Self::Polls => polls::play(plan).await,
            Self::Sigterm => sigterm::play(plan).await,
            Self::Lifecycles => lifecycles::play(plan).await,
            Self::Events => events::play(plan).await,
            Self::Canaries => canaries::play(plan).await,
        }
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        let value = value.expect("no scenario is hidden");
        value.get_name().to_owned()
    }
}

/// Plays what `args` ask for. The exit code is 1 when any promise broke.
pub(crate) fn run(args: &SoakArgs) -> ExitCode {
    let executor = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(executor) => executor,
        Err(error) => {
            say(&format!("error: no executor: {error}"));
            return ExitCode::FAILURE;
        }
    };
    executor.block_on(play(args))
}

async fn play(args: &SoakArgs) -> ExitCode {
    let plan = Plan {
        share: if args.quick {
            Share::Quick
        } else {
            Share::Full
        },
        seed: args.seed,
    };
    say(&format!("seed {}", plan.seed));
    let mut table = Table::new(&["SCENARIO", "TRIED", "SEEN", "BROKEN", "TOOK"]);
    let mut all_hold = true;
    for scenario in Scenario::value_variants() {
        if args.only.is_some_and(|only| only != *scenario) {
            continue;
        }
        let began = Instant::now();
        let verdict = match timeout(scenario.deadline(), scenario.play(plan)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(failure)) => Verdict::cut_short(&failure),
            Err(_) => Verdict::cut_short(&"not done by its deadline"),
        };
        let took = format!("{:.1} s", began.elapsed().as_secs_f64());
        let holds = verdict.holds();
        let word = if holds { "holds" } else { "BROKEN" };
        say(&format!("{} {word} ({took})", scenario.name()));
        all_hold &= holds;
        let [tried, seen, broken] = verdict.columns();
        table.row([scenario.name(), tried, seen, broken, took]);
    }
    say(&table.to_string());
    if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Writes a line for people. Nobody may be reading; the exit code still tells.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
