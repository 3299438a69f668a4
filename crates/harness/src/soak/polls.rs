//! A thousand long-polls and steady writes: nobody gets an error, nobody misses an event, and
//! a write takes little longer than on an idle server.

use std::time::Duration;

use tokio::sync::watch;

use super::Plan;
use super::load::{self, PollEnd, Writing, Written};
use crate::account::Account;
use crate::failure::Failure;
use crate::latency::shown;
use crate::process_reading;
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::Worker;

/// Workers that are written to and followed.
const WORKERS: usize = 200;
/// Writes a second.
const RATE: u32 = 200;
/// The longest that 99 of 100 writes may take under load. A bound for a machine that also
/// runs the thousand clients; what was measured stands in the table.
const WRITE_P99_MAX: Duration = Duration::from_millis(500);
/// How long an idle server is measured.
const IDLE: Duration = Duration::from_secs(5);

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let pollers = plan.either(1_000, 400);
    let length = Duration::from_secs(plan.either(30, 6));
    let server = Server::start(Settings::default().with("--log", "warn")).await?;
    let mut client = server.client();

    let unread = Worker::crowd(&mut client, WORKERS).await?;
    let idle = write_for(&server, &unread, plan.either(IDLE, IDLE / 2)).await?;

    let workers = Worker::crowd(&mut client, WORKERS).await?;
    let mut polls = load::poll(server.door(), &workers, pollers);
    let wanted = u64::try_from(pollers).expect("a small number");
    let waiting = server.settled(|counts| counts.waiting_pollers == wanted);
    let waiting = waiting.await?.waiting_pollers;
    let busy = write_for(&server, &workers, length).await?;
    let reading = server.reading()?;
    // The last event of each worker, which every one of its pollers has to see.
    server.settled(|counts| counts.active_runs == 0).await?;
    for worker in &workers {
        worker.stop(&mut client).await?;
    }

    let mut verdict = Verdict::new();
    let writes = busy.times.len();
    verdict.tried(format!(
        "{waiting} long-polls waiting on {WORKERS} workers, {writes} writes in {length:?}"
    ));
    verdict.must(
        waiting == wanted,
        format!("{waiting} of {wanted} polls wait"),
    );
    let due = u64::from(RATE) * length.as_secs();
    verdict.must(
        u64::try_from(writes).unwrap_or_default() >= due * 95 / 100,
        format!("{writes} of {due} writes were done"),
    );
    let errors = idle.errors.len() + busy.errors.len();
    verdict.none("writes that failed", errors);
    let p99 = busy.times.percentile(99);
    for (name, written) in [("idle", &idle), ("under load", &busy)] {
        verdict.seen(format!(
            "write, {name}: p50 {}, p99 {}, at most {}",
            shown(written.times.percentile(50)),
            shown(written.times.percentile(99)),
            shown(written.times.percentile(100))
        ));
    }
    verdict.must(
        p99.is_some_and(|p99| p99 < WRITE_P99_MAX),
        format!("p99 of a write is not below {WRITE_P99_MAX:?}"),
    );
    verdict.seen(format!(
        "resident {}",
        process_reading::shown(reading.resident_bytes)
    ));
    settle(&mut verdict, &mut polls, &busy.account).await?;
    Ok(verdict)
}

/// Writes for a while.
async fn write_for(
    server: &Server,
    workers: &[Worker],
    length: Duration,
) -> Result<Written, Failure> {
    let (writing, is_writing) = watch::channel(Writing::On);
    let end = async {
        tokio::time::sleep(length).await;
        writing.send_replace(Writing::Done);
    };
    let writers = load::write(server.door().clone(), workers.to_vec(), RATE, is_writing);
    let (written, ()) = tokio::join!(writers, end);
    written
}

/// What the pollers saw, against what the writers did.
async fn settle(
    verdict: &mut Verdict,
    polls: &mut tokio::task::JoinSet<load::Polled>,
    written: &Account,
) -> Result<(), Failure> {
    let (mut events, mut gaps, mut answered, mut failed, mut unsound) = (0, 0, 0, 0, 0);
    while let Some(polled) = polls.join_next().await {
        let polled = polled?;
        events += polled.events;
        gaps += polled.gaps;
        answered += polled.polls;
        unsound += polled.account.against(written);
        match polled.end {
            PollEnd::Stopped => {}
            PollEnd::Failed { failure, .. } => {
                failed += 1;
                verdict.must(false, format!("a poll: {failure}"));
            }
        }
    }
    verdict.seen(format!("{answered} polls answered, {events} events read"));
    verdict.none("polls that failed", failed);
    verdict.none("events lost or repeated", gaps);
    verdict.none("runs that a poller did not see to their one end", unsound);
    Ok(())
}
