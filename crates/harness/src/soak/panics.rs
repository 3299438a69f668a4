//! Engines that panic: every run still ends, once, and the server goes on.

use registry_core::projection::{RunErrorCode, RunOutcome};
use tokio::task::JoinSet;

use super::Plan;
use crate::account::{Account, Balance};
use crate::client::Client;
use crate::engine::Order;
use crate::failure::Failure;
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::{End, Worker};

/// Workers that panic at the same time.
const WORKERS: usize = 32;
/// The ways to panic, in turn.
const WAYS: [Order; 3] = [Order::PanicAtOnce, Order::PanicMidway, Order::PanicAtDrop];
/// How a run ends whose engine panics.
const PANICKED: End = End {
    outcome: RunOutcome::Failed,
    error_code: Some(RunErrorCode::EnginePanicked),
};
/// How it ends when the panic comes after a cancel, which stands.
const CANCELLED: End = End {
    outcome: RunOutcome::Cancelled,
    error_code: None,
};

/// What one worker's panics came to.
#[derive(Default)]
struct Tally {
    account: Account,
    gaps: usize,
    otherwise: usize,
    stuck: usize,
}

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let panics = plan.either(10_000, 1_500);
    let server = Server::start(Settings::default().with("--log", "off")).await?;
    let mut client = server.client();
    let mut tasks = JoinSet::new();
    for (at, worker) in Worker::crowd(&mut client, WORKERS)
        .await?
        .into_iter()
        .enumerate()
    {
        let share = panics / WORKERS + usize::from(at < panics % WORKERS);
        tasks.spawn(panic_often(server.client(), worker, at, share));
    }
    let mut total = Tally::default();
    while let Some(tally) = tasks.join_next().await {
        let tally = tally??;
        total.account.join(tally.account);
        total.gaps += tally.gaps;
        total.otherwise += tally.otherwise;
        total.stuck += tally.stuck;
    }
    let counts = server.settled(|counts| counts.active_runs == 0).await?;
    let Balance {
        accepted,
        without_end,
        ended_twice,
        disorderly,
    } = total.account.balance();

    let mut verdict = Verdict::new();
    let panicked = accepted - WORKERS;
    verdict.tried(format!(
        "{panicked} engine panics on {WORKERS} workers, then a word from each"
    ));
    verdict.must(
        panicked == panics,
        format!("{panicked} of {panics} accepted"),
    );
    verdict.none("runs without a terminal event", without_end);
    verdict.none("runs with two", ended_twice);
    verdict.none("disorderly runs", disorderly);
    verdict.none("gaps in the event logs", total.gaps);
    verdict.none("runs that ended otherwise", total.otherwise);
    verdict.none("stuck workers", total.stuck);
    verdict.must(counts.active_runs == 0, "runs are left active");
    Ok(verdict)
}

async fn panic_often(
    mut client: Client,
    worker: Worker,
    first: usize,
    panics: usize,
) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    let mut follower = worker.follower();
    for turn in first..first + panics {
        let order = WAYS[turn % WAYS.len()];
        tally
            .account
            .accepted(&worker.hears(&mut client, order).await?);
        let account = &mut tally.account;
        if order == Order::PanicAtDrop {
            // Once it says something it is in the middle of its work.
            follower
                .until_text(&mut client, |event| account.saw(event))
                .await?;
            worker.cancel(&mut client).await?;
        }
        let end = follower
            .until_finished(&mut client, |event| account.saw(event))
            .await?;
        let wanted = if order == Order::PanicAtDrop {
            CANCELLED
        } else {
            PANICKED
        };
        tally.otherwise += usize::from(end != wanted);
    }
    // Still of use: it says a word, and that is its last run.
    tally
        .account
        .accepted(&worker.hears(&mut client, Order::Say(1)).await?);
    let account = &mut tally.account;
    let end = follower
        .until_finished(&mut client, |event| account.saw(event))
        .await?;
    tally.stuck += usize::from(end.outcome != RunOutcome::Completed);
    tally.gaps = follower.gaps;
    Ok(tally)
}
