//! What keeping workers costs: the store beside SQLite alone, beside one `fsync`, and with many
//! workers beside few; or the store in a database beside bare inserts, and with many workspaces beside
//! one. Everything in one run, in rounds that alternate.

mod database;
mod inputs;
mod population;

use std::process::ExitCode;

use clap::Args;

use crate::report::{print_line, table};
use crate::statistics::Rounds;

/// How much is measured.
#[derive(Args)]
pub(crate) struct StoreCostArgs {
    /// Inputs in all
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    inputs: u32,

    /// Workers of the large store
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..))]
    workers: u32,

    /// Measure the store in this database instead, an empty one of its own
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A figure with its goal.
pub(crate) struct Figure {
    what: String,
    value: String,
    goal: &'static str,
}

/// Measures everything and prints a table.
pub(crate) fn run(args: &StoreCostArgs) -> ExitCode {
    let executor = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::from);
    match executor.and_then(|executor| executor.block_on(measure(args))) {
        Ok(figures) => {
            let mut table = table(&["", "FIGURE", "GOAL"]);
            table.add_rows(
                figures
                    .into_iter()
                    .map(|it| [it.what, it.value, it.goal.to_owned()]),
            );
            print_line(&table.to_string());
            ExitCode::SUCCESS
        }
        Err(error) => {
            print_line(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(args: &StoreCostArgs) -> Result<Vec<Figure>, Error> {
    if let Some(address) = &args.database {
        return database::measure(address, args.inputs as usize).await;
    }
    let mut figures = inputs::measure(args.inputs as usize).await?;
    figures.extend(population::measure(args.workers as usize).await?);
    Ok(figures)
}

/// Times of a thing and of what it is held against, in milliseconds.
fn ratio(what: &str, goal: &'static str, [thing, other]: [&Rounds; 2]) -> Figure {
    Figure {
        what: what.to_owned(),
        value: format!(
            "{} ({:.3} ms ÷ {:.3} ms)",
            thing.ratios_to(other),
            thing.median(),
            other.median()
        ),
        goal,
    }
}
