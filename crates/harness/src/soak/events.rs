//! A million events leave as much memory as the first tenth of them did.
//!
//! The same workers are compared, idle both times, with full transcripts (bounded to two
//! entries) and full event logs (1,024 events, the default): what grows later is a leak.

use tokio::task::JoinSet;

use super::{Plan, lifecycles};
use crate::client::Client;
use crate::engine::Script;
use crate::failure::Failure;
use crate::report::Report;
use crate::server::{Server, Settings};
use crate::worker::{Worker, latest_cursor};

/// Workers that reply at the same time.
const WORKERS: usize = 10;
const WORDS: u64 = 9_998;
/// Events of one run: its words, its input and its end.
const RUN_EVENTS: u64 = WORDS + 2;
/// Entries that a transcript keeps: the input and the reply of the newest run.
const TRANSCRIPT_ENTRIES: u64 = 2;

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let rounds = plan.either(10, 4);
    let settings = Settings::default()
        .with("--log", "warn")
        .limit("transcript_entries", TRANSCRIPT_ENTRIES);
    let server = Server::start(settings).await?;
    let mut client = server.client();
    let workers = Worker::create_many(&mut client, WORKERS).await?;

    let mut events = run_all(&server, &workers, 1).await?;
    let (first, held_first, before) = (events, held_bytes(&server).await?, server.stats()?);
    events += run_all(&server, &workers, rounds - 1).await?;
    let (held_last, after) = (held_bytes(&server).await?, server.stats()?);

    let mut report = Report::default();
    report.tried(format!("{events} events of {WORKERS} workers"));
    let expected = rounds * RUN_EVENTS * u64::try_from(WORKERS).expect("a small number");
    report.check(events == expected, format!("{events} of {expected} events"));
    report.observed(format!(
        "held after {first}: {held_first} bytes, after all: {held_last} bytes"
    ));
    report.check(held_last == held_first, "the held bytes changed");
    lifecycles::compare_memory(&mut report, before, after, &format!("{first} events"));
    for worker in &workers {
        worker.stop(&mut client).await?;
    }
    Ok(report)
}

async fn held_bytes(server: &Server) -> Result<u64, Failure> {
    let counts = server.wait_for_counts(|counts| counts.active_runs == 0);
    Ok(counts.await?.held_bytes)
}

/// Sends `rounds` inputs to every worker; the number of events by their cursors.
async fn run_all(server: &Server, workers: &[Worker], rounds: u64) -> Result<u64, Failure> {
    let mut tasks = JoinSet::new();
    for worker in workers {
        tasks.spawn(run_one(server.client(), worker.clone(), rounds));
    }
    let mut events = 0;
    while let Some(more) = tasks.join_next().await {
        events += more??;
    }
    Ok(events)
}

async fn run_one(mut client: Client, worker: Worker, rounds: u64) -> Result<u64, Failure> {
    let first = latest_cursor(&worker.detail(&mut client).await?)?;
    for _ in 0..rounds {
        worker.send(&mut client, Script::Reply(WORDS)).await?;
        worker.wait_until_idle(&mut client).await?;
    }
    let last = latest_cursor(&worker.detail(&mut client).await?)?;
    Ok(last.sequence() - first.sequence())
}
