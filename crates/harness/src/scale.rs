//! What operations of the libraries cost relative to the amount of data, measured in process.
//! Rounds alternate between the sizes, so that a disturbance of the machine affects all of them.

mod append;
mod local;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::report::{print_line, table};
use crate::statistics::Rounds;

/// How often everything is measured.
#[derive(Args)]
pub(crate) struct ScaleArgs {
    /// Rounds over all sizes
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
}

type Error = Box<dyn std::error::Error>;

/// An operation at one size, set up to be measured repeatedly.
trait Sample: Sized {
    /// Sets it up.
    async fn new(size: usize) -> Result<Self, Error>;

    /// Measures it once: the time of one operation.
    async fn round(&mut self) -> Result<Duration, Error>;
}

/// Measures everything and prints a table.
pub(crate) fn run(args: &ScaleArgs) -> ExitCode {
    // One thread, because an operation's cost is measured, not contention.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::from);
    let rows = runtime.and_then(|runtime| runtime.block_on(measure(args.rounds)));
    match rows {
        Ok(rows) => {
            let mut table = table(&["", "SMALL", "LARGE", "RATIO", "GOAL"]);
            table.add_rows(rows);
            print_line(&table.to_string());
            ExitCode::SUCCESS
        }
        Err(error) => {
            print_line(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(rounds: u16) -> Result<[[String; 5]; 2], Error> {
    let append = compare::<append::Append>([0, 10_000], rounds).await?;
    let page = compare::<local::LocalPage>([100, 10_000], rounds).await?;
    Ok([
        row(
            "append of an event, 10,000 waiting pollers ÷ none",
            "≤ 1.10",
            append,
        ),
        row("local page of 50, 10,000 ÷ 100 records", "≤ 2", page),
    ])
}

/// Microseconds of an operation at a small and a large size.
async fn compare<S: Sample>(sizes: [usize; 2], rounds: u16) -> Result<[Rounds; 2], Error> {
    let mut samples = [S::new(sizes[0]).await?, S::new(sizes[1]).await?];
    let mut figures = [Rounds::default(), Rounds::default()];
    // The first round warms up.
    for round in 0..=rounds {
        for (sample, figures) in samples.iter_mut().zip(&mut figures) {
            let time = sample.round().await?;
            if round > 0 {
                figures.record(time.as_secs_f64() * 1e6);
            }
        }
    }
    Ok(figures)
}

fn row(what: &str, goal: &str, [small, large]: [Rounds; 2]) -> [String; 5] {
    [
        what.to_owned(),
        format!("{:.3} µs", small.median()),
        format!("{:.3} µs", large.median()),
        large.ratios_to(&small).to_string(),
        goal.to_owned(),
    ]
}
