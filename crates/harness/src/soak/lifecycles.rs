//! Workers that are created, given an input that is finished or cancelled, stopped and, at the
//! limit, forgotten: ten thousand leave what two thousand did.

use registry_core::projection::RunOutcome;
use tokio::task::JoinSet;

use super::Plan;
use crate::account::Account;
use crate::client::Client;
use crate::engine::Order;
use crate::failure::Failure;
use crate::process_reading::{self, Reading};
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::Worker;

/// Lives that are lived at the same time.
const AT_ONCE: usize = 16;
/// The server's limit of workers, far below the number of lives: stopped ones are forgotten.
const WORKERS: u64 = 1_000;
/// Words of the replies.
const WORDS: u64 = 20;

/// What one part of the lives came to.
#[derive(Default)]
struct Lives {
    account: Account,
    otherwise: usize,
    gaps: usize,
}

/// The server at rest after some lives.
struct AtRest {
    reading: Reading,
    held_bytes: u64,
    workers: u64,
    active_runs: u64,
}

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let lives = plan.either(10_000, 3_000);
    // Twice the limit: the catalog is full, and its oldest part was forgotten once already.
    let warm = 2_000;
    let settings = Settings::default()
        .with("--log", "warn")
        .limit("workers", WORKERS);
    let server = Server::start(settings).await?;
    let mut total = live(&server, warm).await?;
    let before = at_rest(&server).await?;
    let rest = live(&server, lives - warm).await?;
    let after = at_rest(&server).await?;
    total.account.join(rest.account);
    total.otherwise += rest.otherwise;
    total.gaps += rest.gaps;

    let mut verdict = Verdict::new();
    let balance = total.account.balance();
    verdict.tried(format!(
        "{} workers created, used, stopped; at most {WORKERS} kept",
        balance.accepted
    ));
    verdict.must(
        balance.accepted == lives,
        format!("{} of {lives} lives", balance.accepted),
    );
    let broken = balance.without_end + balance.ended_twice + balance.disorderly;
    verdict.none("runs that don't add up", broken);
    verdict.none("runs that ended otherwise", total.otherwise);
    verdict.none("gaps in the event logs", total.gaps);
    verdict.must(
        after.workers == WORKERS && after.active_runs == 0,
        format!(
            "{} workers are left, {} runs active",
            after.workers, after.active_runs
        ),
    );
    verdict.seen(format!(
        "held after {warm}: {} bytes, after {lives}: {} bytes",
        before.held_bytes, after.held_bytes
    ));
    verdict.must(
        within_a_tenth(before.held_bytes, after.held_bytes),
        "held bytes did not come back to within a tenth",
    );
    compare(
        &mut verdict,
        before.reading,
        after.reading,
        &format!("{warm} lives"),
        "all",
    );
    Ok(verdict)
}

/// Says how much memory there was at two times, and that it did not grow by more than a tenth.
pub(super) fn compare(
    verdict: &mut Verdict,
    before: Reading,
    after: Reading,
    when: &str,
    then: &str,
) {
    verdict.seen(format!(
        "resident after {when}: {}, after {then}: {}",
        process_reading::shown(before.resident_bytes),
        process_reading::shown(after.resident_bytes)
    ));
    verdict.must(
        after.resident_bytes <= before.resident_bytes + before.resident_bytes / 10,
        "resident memory grew by more than a tenth",
    );
}

fn within_a_tenth(before: u64, after: u64) -> bool {
    before.abs_diff(after) <= before / 10
}

async fn at_rest(server: &Server) -> Result<AtRest, Failure> {
    let counts = server.settled(|counts| counts.active_runs == 0).await?;
    Ok(AtRest {
        reading: server.reading()?,
        held_bytes: counts.held_bytes,
        workers: counts.workers.iter().map(|(_, number)| number).sum(),
        active_runs: counts.active_runs,
    })
}

async fn live(server: &Server, lives: usize) -> Result<Lives, Failure> {
    let mut tasks = JoinSet::new();
    for at in 0..AT_ONCE {
        let share = lives / AT_ONCE + usize::from(at < lives % AT_ONCE);
        tasks.spawn(live_often(server.client(), share));
    }
    let mut total = Lives::default();
    while let Some(lives) = tasks.join_next().await {
        let lives = lives??;
        total.account.join(lives.account);
        total.otherwise += lives.otherwise;
        total.gaps += lives.gaps;
    }
    Ok(total)
}

async fn live_often(mut client: Client, share: usize) -> Result<Lives, Failure> {
    let mut lives = Lives::default();
    for turn in 0..share {
        let worker = Worker::create(&mut client).await?;
        let mut follower = worker.follower();
        let (order, wanted) = if turn % 2 == 0 {
            (Order::Say(WORDS), RunOutcome::Completed)
        } else {
            (Order::Hang, RunOutcome::Cancelled)
        };
        lives
            .account
            .accepted(&worker.hears(&mut client, order).await?);
        if wanted == RunOutcome::Cancelled {
            worker.cancel(&mut client).await?;
        }
        let account = &mut lives.account;
        let end = follower
            .until_finished(&mut client, |event| account.saw(event))
            .await?;
        lives.otherwise += usize::from(end.outcome != wanted);
        lives.gaps += follower.gaps;
        worker.stop(&mut client).await?;
    }
    Ok(lives)
}
