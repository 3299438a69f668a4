//! Engines that hang, and engines that resist their end as far as a future can: cancel, stop
//! and the run-time limit end them, and nothing of them stays.

use std::time::{Duration, Instant};

use registry_core::projection::RunOutcome;
use tokio::task::JoinSet;

use super::Plan;
use crate::account::Account;
use crate::client::Client;
use crate::engine::Order;
use crate::failure::Failure;
use crate::latency::{Latencies, shown};
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::Worker;

/// Workers that hang at the same time: as many as may run.
const WORKERS: usize = 64;
/// The run-time limit, where that is what ends a run.
const RUN_TIME: Duration = Duration::from_millis(500);
/// How long after its limit a run may still be active: some hundred runs are ended at once,
/// and some block for a while.
const OVERTIME: Duration = Duration::from_secs(3);
/// The ways to hang, in turn.
const WAYS: [Order; 4] = [Order::Hang, Order::Insist, Order::Spin, Order::Cling];

/// What ends a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Cancel,
    TimeLimit,
    Stop,
}

impl By {
    fn outcome(self) -> RunOutcome {
        match self {
            Self::Cancel | Self::Stop => RunOutcome::Cancelled,
            Self::TimeLimit => RunOutcome::TimedOut,
        }
    }
}

#[derive(Default)]
struct Tally {
    account: Account,
    times: Latencies,
    otherwise: usize,
    gaps: usize,
}

impl Tally {
    fn join(&mut self, other: Self) {
        self.account.join(other.account);
        self.times.join(other.times);
        self.otherwise += other.otherwise;
        self.gaps += other.gaps;
    }
}

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let mut verdict = Verdict::new();
    let server = Server::start(Settings::default()).await?;
    let cancelled = ended_by(&server, By::Cancel, plan.either(24, 4)).await?;
    say(&mut verdict, "cancelled", "cancel", &cancelled);
    let stopped = ended_by(&server, By::Stop, 1).await?;
    say(&mut verdict, "stopped", "stop", &stopped);
    at_rest(&mut verdict, &server).await?;

    let run_time_ms = u64::try_from(RUN_TIME.as_millis()).expect("a short time");
    let settings = Settings::default().limit("run_time_ms", run_time_ms);
    let server = Server::start(settings).await?;
    let timed_out = ended_by(&server, By::TimeLimit, plan.either(6, 2)).await?;
    say(
        &mut verdict,
        "left to their time limit",
        "time limit",
        &timed_out,
    );
    let worst = timed_out.times.percentile(100).unwrap_or_default();
    verdict.must(
        worst < RUN_TIME + OVERTIME,
        format!("a run of at most {RUN_TIME:?} took {worst:?}"),
    );
    at_rest(&mut verdict, &server).await?;
    Ok(verdict)
}

fn say(verdict: &mut Verdict, how: &str, by: &str, tally: &Tally) {
    let balance = tally.account.balance();
    verdict.tried(format!("{} hanging runs {how}", balance.accepted));
    let (p50, worst) = (tally.times.percentile(50), tally.times.percentile(100));
    verdict.seen(format!(
        "{by}: p50 {}, at most {}",
        shown(p50),
        shown(worst)
    ));
    let broken = balance.without_end + balance.ended_twice + balance.disorderly;
    verdict.none(&format!("runs that don't add up ({by})"), broken);
    verdict.none(
        &format!("runs that ended otherwise ({by})"),
        tally.otherwise,
    );
    verdict.none(&format!("gaps in the event logs ({by})"), tally.gaps);
}

/// Nothing is left in the runtime, nor in the engine.
async fn at_rest(verdict: &mut Verdict, server: &Server) -> Result<(), Failure> {
    let counts = server.settled(|counts| counts.active_runs == 0).await?;
    verdict.none(
        "runs left active",
        usize::try_from(counts.active_runs).unwrap_or(usize::MAX),
    );
    let mut client = server.client();
    let worker = Worker::create(&mut client).await?;
    let mut follower = worker.follower();
    worker.hears(&mut client, Order::Count).await?;
    let in_hand = follower.until_text(&mut client, |_| {}).await?;
    verdict.none(
        "futures left in the engine",
        in_hand.parse().unwrap_or(usize::MAX),
    );
    Ok(())
}

async fn ended_by(server: &Server, by: By, rounds: usize) -> Result<Tally, Failure> {
    let mut client = server.client();
    let mut tasks = JoinSet::new();
    for (at, worker) in Worker::crowd(&mut client, WORKERS)
        .await?
        .into_iter()
        .enumerate()
    {
        let order = WAYS[at % WAYS.len()];
        tasks.spawn(hang_often(server.client(), worker, order, by, rounds));
    }
    let mut total = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        total.join(tally??);
    }
    Ok(total)
}

async fn hang_often(
    mut client: Client,
    worker: Worker,
    order: Order,
    by: By,
    rounds: usize,
) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let mut follower = worker.follower();
    for _ in 0..rounds {
        let mut began = Instant::now();
        tally
            .account
            .accepted(&worker.hears(&mut client, order).await?);
        match by {
            By::TimeLimit => {}
            By::Cancel => {
                began = Instant::now();
                worker.cancel(&mut client).await?;
            }
            By::Stop => {
                began = Instant::now();
                worker.stop(&mut client).await?;
            }
        }
        let account = &mut tally.account;
        let end = follower
            .until_finished(&mut client, |event| account.saw(event))
            .await?;
        tally.times.add(began.elapsed());
        tally.otherwise += usize::from(end.outcome != by.outcome());
    }
    tally.gaps = follower.gaps;
    Ok(tally)
}
