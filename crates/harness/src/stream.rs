//! Conversations whose replies stream in, and readers that watch them: how long a delta takes from
//! the provider's write to the reader, and what it costs the server, beside a bare relay.

mod crowd;
mod relay;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use crate::failure::Failure;
use crate::measurement;
use crate::process_stats::format_mib;
use crate::report::{print_line, table};
use crate::statistics::{Latencies, format_ms};
use crowd::{Crowd, Figures, Subject};

pub(crate) use relay::{RelayArgs, SUBCOMMAND as RELAY_SUBCOMMAND, serve as serve_relay};

/// What is measured.
#[derive(Args)]
pub(crate) struct StreamArgs {
    /// Conversations at once, instead of the usual rows
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    conversations: Option<u32>,

    /// Readers of each conversation, with `--conversations`
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=512))]
    watchers: u32,

    /// Deltas of a reply
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    deltas: u32,

    /// Deltas a second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rate: u32,

    /// How long a reader asks the server to gather events, in milliseconds
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000))]
    batch_ms: u32,

    /// Find how many conversations at once are read with a p99 of at most 100 ms
    #[arg(long, conflicts_with = "conversations")]
    greatest: bool,
}

/// The usual rows: conversations, readers of each, and how long these ask to gather.
const ROWS: [(u32, u32, u32); 5] = [(1, 1, 0), (32, 1, 0), (1, 1, 100), (512, 1, 0), (1, 100, 0)];

/// Conversations at once of which the greatest number is looked for, up to as many as there may be by
/// default.
const CROWDS: [u32; 9] = [64, 128, 256, 384, 512, 640, 768, 896, 1_024];
/// A delay that a reader hardly notices.
const DELAY_MAX: Duration = Duration::from_millis(100);

/// Measures what `args` select.
pub(crate) fn run(args: &StreamArgs) -> ExitCode {
    measurement::run(measure(args))
}

async fn measure(args: &StreamArgs) -> Result<(), Failure> {
    let rows = match args.conversations {
        Some(conversations) => vec![(conversations, args.watchers, args.batch_ms)],
        None if args.greatest => CROWDS.map(|crowd| (crowd, 1, 0)).to_vec(),
        None => ROWS.to_vec(),
    };
    print_line(&format!(
        "{} deltas a reply, {} a second; delays from the provider's write to the reader",
        args.deltas, args.rate
    ));
    let mut table = table(&[
        "SERVER",
        "CONVERSATIONS",
        "READERS",
        "BATCH",
        "P50",
        "P99",
        "MAX",
        "FIRST P99",
        "CPU/DELTA",
        "CPU/DELIVERY",
        "REQUESTS/100",
        "MEMORY",
    ]);
    for (conversations, watchers, batch_ms) in rows {
        let crowd = Crowd {
            conversations,
            watchers,
            batch_ms,
            deltas: args.deltas,
            rate: args.rate,
        };
        // The relay gathers nothing, and its greatest crowd is not looked for.
        let subjects: &[Subject] = match batch_ms {
            0 if !args.greatest => &[Subject::BareRelay, Subject::Yoi],
            _ => &[Subject::Yoi],
        };
        let mut too_slow = false;
        for subject in subjects {
            let figures = crowd.measure(*subject).await?;
            let row = row(*subject, &crowd, &figures);
            print_line(&row.join("  "));
            table.add_row(row);
            too_slow = figures.delays.percentile(99) > Some(DELAY_MAX);
        }
        if args.greatest && too_slow {
            break;
        }
    }
    print_line(&table.to_string());
    Ok(())
}

fn row(subject: Subject, crowd: &Crowd, figures: &Figures) -> [String; 12] {
    let at = |latencies: &Latencies, percent| format_ms(latencies.percentile(percent));
    let deltas = f64::from(crowd.conversations) * f64::from(crowd.deltas);
    let deliveries = deltas * f64::from(crowd.watchers);
    let each = |number: f64| format!("{:.0} µs", figures.cpu.as_secs_f64() * 1e6 / number);
    [
        subject.name().to_owned(),
        crowd.conversations.to_string(),
        crowd.watchers.to_string(),
        format!("{} ms", crowd.batch_ms),
        at(&figures.delays, 50),
        at(&figures.delays, 99),
        at(&figures.delays, 100),
        at(&figures.first_delays, 99),
        each(deltas),
        each(deliveries),
        format!("{:.1}", figures.requests as f64 * 100.0 / deliveries),
        format_mib(figures.resident_bytes),
    ]
}
