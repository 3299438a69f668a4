//! SIGTERM under load: every waiting poll is answered, every run ends, and the process is gone
//! in time with exit code 0.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;

use super::Plan;
use super::load::{self, PollEnd, Writing};
use crate::engine::Order;
use crate::failure::Failure;
use crate::latency::shown;
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::Worker;

/// Workers that are written to and followed.
const WORKERS: usize = 200;
/// Writes a second.
const RATE: u32 = 200;
/// Runs that hang when the signal comes.
const HANGING: usize = 32;
/// How soon an operator may expect the process to be gone.
const GONE: Duration = Duration::from_secs(5);
/// How long before the signal a poll must have been sent to be one that waits: a younger one
/// may cross the signal on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(250);

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let pollers = plan.either(1_000, 400);
    let length = Duration::from_secs(plan.either(8, 3));
    let server = Server::start(Settings::default()).await?;
    let mut client = server.client();
    let workers = Worker::crowd(&mut client, WORKERS).await?;
    for worker in Worker::crowd(&mut client, HANGING).await? {
        worker.hears(&mut client, Order::Hang).await?;
    }
    let mut polls = load::poll(server.door(), &workers, pollers);
    let (writing, is_writing) = watch::channel(Writing::On);
    let writers = load::write(server.door().clone(), workers, RATE, is_writing);
    let writers = tokio::spawn(writers);
    tokio::time::sleep(length).await;
    let waiting = server.counts().await?.waiting_pollers;
    let signalled = Instant::now();
    let ended = server.terminate().await?;
    writing.send_replace(Writing::Done);
    let written = writers.await??.account.balance().accepted;

    let mut verdict = Verdict::new();
    verdict.tried(format!(
        "SIGTERM with {waiting} polls waiting, {written} writes done, {HANGING} runs hanging"
    ));
    verdict.must(
        usize::try_from(waiting).unwrap_or_default() > pollers / 2,
        format!("only {waiting} of {pollers} polls wait"),
    );
    verdict.seen(format!(
        "exit {:?} after {}",
        ended.status.code(),
        shown(Some(ended.took))
    ));
    verdict.must(ended.status.code() == Some(0), "the exit code is not 0");
    verdict.must(ended.took < GONE, format!("gone only after {GONE:?}"));
    let (mut answered, mut lost, mut gaps) = (0, 0, 0);
    while let Some(polled) = polls.join_next().await {
        let polled = polled?;
        answered += polled.polls;
        gaps += polled.gaps;
        match polled.end {
            PollEnd::Stopped => {}
            PollEnd::Failed { sent, failure } if sent + ON_ITS_WAY < signalled => {
                lost += 1;
                verdict.must(false, format!("a waiting poll: {failure}"));
            }
            PollEnd::Failed { .. } => {}
        }
    }
    verdict.seen(format!("{answered} polls answered with 200"));
    verdict.none("waiting polls without an answer", lost);
    verdict.none("events lost or repeated", gaps);
    say_ending(&mut verdict, &ended.log)?;
    Ok(verdict)
}

/// What the server's last line says of runs and connections.
fn say_ending(verdict: &mut Verdict, log: &[u8]) -> Result<(), Failure> {
    let log = String::from_utf8_lossy(log);
    let fields = log
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|line| line["fields"].clone())
        .find(|fields| fields["message"] == "ended")
        .ok_or_else(|| Failure::Undocumented("the log does not say how it ended".to_owned()))?;
    let number = |name: &str| {
        let number = fields[name]
            .as_u64()
            .and_then(|number| usize::try_from(number).ok());
        number.unwrap_or(usize::MAX)
    };
    let cancelled = number("runs_cancelled");
    verdict.seen(format!("{cancelled} runs ended as cancelled"));
    verdict.must(
        cancelled >= HANGING,
        format!("{cancelled} runs ended, of at least {HANGING}"),
    );
    verdict.none("runs that did not end", number("runs_abandoned"));
    verdict.none("connections cut", number("connections_cut"));
    Ok(())
}
