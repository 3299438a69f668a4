//! Workers that are created, given an input that finishes or is cancelled, stopped and, at the
//! limit, evicted: ten thousand leave as much memory as two thousand did.

use registry_core::projection::RunOutcome;
use tokio::task::JoinSet;

use super::Plan;
use crate::driver::{Driver, RunTally};
use crate::engine::Script;
use crate::failure::Failure;
use crate::process_stats::{ProcessStats, format_mib};
use crate::report::Report;
use crate::server::{Server, Settings};
use crate::worker::{RunEnd, Worker};

/// Lifecycles at the same time.
const CONCURRENCY: usize = 16;
/// The server's limit of workers, far below the number of lifecycles, so that stopped workers
/// are evicted.
const WORKERS: u64 = 1_000;
/// Lifecycles before memory is read for the first time: twice the limit, so that the oldest
/// workers were evicted once.
const WARM_UP: usize = 2_000;
const WORDS: u64 = 20;

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let lifecycles = plan.either(10_000, 3_000);
    let settings = Settings::default()
        .with("--log", "warn")
        .limit("workers", WORKERS);
    let server = Server::start(settings).await?;
    let idle = |server| Server::wait_for_counts(server, |counts| counts.active_runs == 0);
    let mut total = run_all(&server, WARM_UP).await?;
    let (before, stats_before) = (idle(&server).await?, server.stats()?);
    total.merge(run_all(&server, lifecycles - WARM_UP).await?);
    let (after, stats_after) = (idle(&server).await?, server.stats()?);

    let mut report = Report::default();
    let accepted = total.tracker.totals().accepted;
    report.tried(format!(
        "{accepted} workers created, used, stopped; at most {WORKERS} kept"
    ));
    report.check(
        accepted == lifecycles,
        format!("{accepted} of {lifecycles} lifecycles"),
    );
    total.report(&mut report, "");
    let (workers, runs) = (
        after.workers.iter().map(|(_, number)| number).sum::<u64>(),
        after.active_runs,
    );
    report.check(
        workers == WORKERS && runs == 0,
        format!("{workers} workers are left, {runs} runs active"),
    );
    let (held_before, held_after) = (before.held_bytes, after.held_bytes);
    report.observed(format!(
        "held after {WARM_UP}: {held_before} bytes, after all: {held_after} bytes"
    ));
    report.check(
        held_before.abs_diff(held_after) <= held_before / 10,
        "held bytes changed by more than a tenth",
    );
    let when = format!("{WARM_UP} lifecycles");
    compare_memory(&mut report, stats_before, stats_after, &when);
    Ok(report)
}

/// Checks that resident memory did not grow by more than a tenth from `when` to the end.
pub(super) fn compare_memory(
    report: &mut Report,
    before: ProcessStats,
    after: ProcessStats,
    when: &str,
) {
    report.observed(format!(
        "resident after {when}: {}, after all: {}",
        format_mib(before.resident_bytes),
        format_mib(after.resident_bytes)
    ));
    report.check(
        after.resident_bytes <= before.resident_bytes + before.resident_bytes / 10,
        "resident memory grew by more than a tenth",
    );
}

async fn run_all(server: &Server, lifecycles: usize) -> Result<RunTally, Failure> {
    let mut tasks = JoinSet::new();
    for task in 0..CONCURRENCY {
        let share = lifecycles / CONCURRENCY + usize::from(task < lifecycles % CONCURRENCY);
        let endpoint = server.endpoint().clone();
        tasks.spawn(async move {
            let mut client = endpoint.client();
            let mut total = RunTally::default();
            for turn in 0..share {
                let worker = Worker::create(&mut client).await?;
                let mut driver = Driver::new(client, worker);
                if turn % 2 == 0 {
                    driver.send(Script::Reply(WORDS)).await?;
                    let completed = RunEnd::without_error(RunOutcome::Completed);
                    driver.wait_for_end(completed).await?;
                } else {
                    driver.send(Script::Hang).await?;
                    driver.cancel().await?;
                    let cancelled = RunEnd::without_error(RunOutcome::Cancelled);
                    driver.wait_for_end(cancelled).await?;
                }
                driver.stop().await?;
                let (used, tally) = driver.finish();
                client = used;
                total.merge(tally);
            }
            Ok(total)
        });
    }
    RunTally::join(tasks).await
}
