//! Engines that panic: every run still ends, exactly once, and its worker stays usable.

use registry_core::projection::{RunErrorCode, RunOutcome};
use tokio::task::JoinSet;

use super::Plan;
use crate::driver::{Driver, RunTally};
use crate::engine::Script;
use crate::failure::Failure;
use crate::report::Report;
use crate::server::{Server, Settings};
use crate::worker::{RunEnd, Worker};

/// Workers whose engines panic at the same time.
const WORKERS: usize = 32;
/// The ways to panic, in turn.
const SCRIPTS: [Script; 3] = [
    Script::PanicAtOnce,
    Script::PanicMidway,
    Script::PanicInDrop,
];
/// How a run ends whose engine panics.
const PANICKED: RunEnd = RunEnd {
    outcome: RunOutcome::Failed,
    error_code: Some(RunErrorCode::EnginePanicked),
};

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let panics = plan.either(10_000, 1_500);
    let server = Server::start(Settings::default().with("--log", "off")).await?;
    let mut tasks = JoinSet::new();
    let workers = Worker::create_many(&mut server.client(), WORKERS).await?;
    for (index, worker) in workers.into_iter().enumerate() {
        let share = panics / WORKERS + usize::from(index < panics % WORKERS);
        let driver = Driver::new(server.client(), worker);
        tasks.spawn(panic_often(driver, index, share));
    }
    let (mut total, mut stuck) = (RunTally::default(), 0);
    while let Some(ended) = tasks.join_next().await {
        let (tally, is_stuck) = ended??;
        total.merge(tally);
        stuck += usize::from(is_stuck);
    }
    let counts = server.wait_for_counts(|counts| counts.active_runs == 0);
    let active = counts.await?.active_runs;

    let mut report = Report::default();
    let panicked = total.tracker.totals().accepted - WORKERS;
    report.tried(format!(
        "{panicked} engine panics on {WORKERS} workers, then a reply of each"
    ));
    report.check(
        panicked == panics,
        format!("{panicked} of {panics} accepted"),
    );
    total.report(&mut report, "");
    report.expect_zero("stuck workers", stuck);
    report.check(active == 0, "runs are left active");
    Ok(report)
}

/// Lets a worker's engine panic; the tally, and whether the worker is stuck afterwards.
async fn panic_often(
    mut driver: Driver,
    first: usize,
    panics: usize,
) -> Result<(RunTally, bool), Failure> {
    let cancelled = RunEnd::without_error(RunOutcome::Cancelled);
    for turn in first..first + panics {
        let script = SCRIPTS[turn % SCRIPTS.len()];
        driver.send(script).await?;
        let mut expected = PANICKED;
        if script == Script::PanicInDrop {
            // It hangs once it has output; the panic comes after a cancel, which stands.
            driver.wait_for_output().await?;
            driver.cancel().await?;
            expected = cancelled;
        }
        driver.wait_for_end(expected).await?;
    }
    driver.send(Script::Reply(1)).await?;
    let completed = RunEnd::without_error(RunOutcome::Completed);
    let is_usable = driver.wait_for_end(completed).await?;
    Ok((driver.into_tally(), !is_usable))
}
