//! Engines that hang, and engines that resist their end as far as a future can: cancel, stop
//! and the run-time limit end them, and no future stays.

use std::time::{Duration, Instant};

use registry_core::projection::RunOutcome;
use tokio::task::JoinSet;

use super::Plan;
use crate::driver::{Driver, RunTally};
use crate::engine::Script;
use crate::failure::Failure;
use crate::report::Report;
use crate::server::{Server, Settings};
use crate::statistics::Latencies;
use crate::worker::{RunEnd, Worker};

/// Workers that hang at the same time: as many as may run.
const WORKERS: usize = 64;
/// The run-time limit, where that is what ends a run.
const RUN_TIME: Duration = Duration::from_millis(500);
/// How long after its limit a run may still be active: some hundred runs end at once, and some
/// of them block their thread for a while. One that has no end is waited for 30 s.
const OVERTIME: Duration = Duration::from_secs(3);
/// The same in a quick run.
const QUICK_OVERTIME: Duration = Duration::from_secs(15);
/// The ways to hang, in turn.
const SCRIPTS: [Script; 4] = [
    Script::Hang,
    Script::EndlessReply,
    Script::Spin,
    Script::SlowDrop,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndedBy {
    Cancel,
    TimeLimit,
    Stop,
}

impl EndedBy {
    fn expected(self) -> RunEnd {
        RunEnd::without_error(match self {
            Self::Cancel | Self::Stop => RunOutcome::Cancelled,
            Self::TimeLimit => RunOutcome::TimedOut,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::TimeLimit => "time limit",
            Self::Stop => "stop",
        }
    }
}

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let mut report = Report::default();
    let server = Server::start(settings()).await?;
    end_all(&mut report, &server, EndedBy::Cancel, plan.either(24, 4)).await?;
    end_all(&mut report, &server, EndedBy::Stop, 1).await?;
    check_nothing_is_left(&mut report, &server).await?;

    let run_time_ms = u64::try_from(RUN_TIME.as_millis()).expect("a short time");
    let settings = settings().limit("run_time_ms", run_time_ms);
    let server = Server::start(settings).await?;
    let (by, rounds) = (EndedBy::TimeLimit, plan.either(6, 2));
    let max = end_all(&mut report, &server, by, rounds).await?;
    report.check(
        max < RUN_TIME + plan.either(OVERTIME, QUICK_OVERTIME),
        format!("a run of at most {RUN_TIME:?} took {max:?}"),
    );
    check_nothing_is_left(&mut report, &server).await?;
    Ok(report)
}

fn settings() -> Settings {
    let runs = u64::try_from(WORKERS).expect("a small number");
    Settings::default().limit("concurrent_runs", runs)
}

/// Nothing is left in the runtime, nor in the engine.
async fn check_nothing_is_left(report: &mut Report, server: &Server) -> Result<(), Failure> {
    let counts = server.wait_for_counts(|counts| counts.active_runs == 0);
    let active = counts.await?.active_runs;
    report.expect_zero(
        "runs left active",
        usize::try_from(active).unwrap_or(usize::MAX),
    );
    let mut client = server.client();
    let worker = Worker::create(&mut client).await?;
    let mut driver = Driver::new(client, worker);
    driver.send(Script::CountRuns).await?;
    let runs = driver.wait_for_output().await?;
    report.expect_zero(
        "futures left in the engine",
        runs.parse().unwrap_or(usize::MAX),
    );
    Ok(())
}

/// Ends hanging runs of many workers; the longest that one took to end.
async fn end_all(
    report: &mut Report,
    server: &Server,
    by: EndedBy,
    rounds: usize,
) -> Result<Duration, Failure> {
    let mut client = server.client();
    let mut tasks = JoinSet::new();
    let workers = Worker::create_many(&mut client, WORKERS).await?;
    for (index, worker) in workers.into_iter().enumerate() {
        let script = SCRIPTS[index % SCRIPTS.len()];
        let driver = Driver::new(server.client(), worker);
        tasks.spawn(end_often(driver, script, by, rounds));
    }
    let total = RunTally::join(tasks).await?;
    let (runs, name) = (total.tracker.totals().accepted, by.name());
    report.tried(format!("{runs} hanging runs ended by {name}"));
    report.observed(format!("{name}: {}", total.times));
    total.report(report, &format!(" ({name})"));
    Ok(total.times.max().unwrap_or_default())
}

async fn end_often(
    mut driver: Driver,
    script: Script,
    by: EndedBy,
    rounds: usize,
) -> Result<RunTally, Failure> {
    let mut times = Latencies::default();
    for _ in 0..rounds {
        let mut began = Instant::now();
        driver.send(script).await?;
        match by {
            EndedBy::TimeLimit => {}
            EndedBy::Cancel => {
                began = Instant::now();
                driver.cancel().await?;
            }
            EndedBy::Stop => {
                began = Instant::now();
                driver.stop().await?;
            }
        }
        driver.wait_for_end(by.expected()).await?;
        times.record(began.elapsed());
    }
    let mut tally = driver.into_tally();
    tally.times = times;
    Ok(tally)
}
