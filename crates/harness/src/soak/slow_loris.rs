//! Thousands of connections that drip their heads, byte by byte: others are served all the
//! while, and each is closed by the deadline for heads.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Plan, half_open};
use crate::client::Door;
use crate::failure::Failure;
use crate::latency::{Latencies, shown};
use crate::verdict::Verdict;

/// The pause between two bytes of a head.
const DRIP: Duration = Duration::from_millis(500);
/// How long after the deadline a connection may still be open.
const GRACE: Duration = Duration::from_secs(1);
/// The pause between two others, who ask for `/healthz` on a new connection.
const ASK: Duration = Duration::from_millis(25);
/// The longest that such an answer may take.
const HEALTH_MAX: Duration = Duration::from_secs(1);
/// What is dripped: a header without end.
const DRIPPED: &[u8] = b"x-drip: ";

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let drippers = plan.either(2_000, 500);
    let server = half_open::server(plan).await?;
    let bound = Duration::from_millis(server.stated_limit("head_timeout_ms").await?);
    let (done, is_done) = watch::channel(false);
    let health = tokio::spawn(ask_for_health(server.door().clone(), is_done));
    let mut tasks = JoinSet::new();
    for _ in 0..drippers {
        // One after the other: a flood would wait in the kernel's queue, not in the server.
        let began = Instant::now();
        let stream = server.door().connect().await?;
        let head = server.door().head("GET", "/api/workspace");
        tasks.spawn(drip(stream, head, began, bound + GRACE));
    }
    let mut lives = Latencies::default();
    let (mut late, mut early) = (0, 0);
    while let Some(life) = tasks.join_next().await {
        match life? {
            None => late += 1,
            Some(life) => {
                early += usize::from(life + DRIP < bound);
                lives.add(life);
            }
        }
    }
    done.send_replace(true);
    let (answers, failures) = health.await?;

    let mut verdict = Verdict::new();
    verdict.tried(format!(
        "{drippers} connections drip a byte every {DRIP:?}; {} ask for /healthz on new ones",
        answers.len() + failures.len()
    ));
    let worst = answers.percentile(100);
    verdict.seen(format!(
        "/healthz: p50 {}, p99 {}, at most {}",
        shown(answers.percentile(50)),
        shown(answers.percentile(99)),
        shown(worst)
    ));
    verdict.none("health checks without a 200", failures.len());
    if let Some(failure) = failures.first() {
        verdict.must(false, failure.clone());
    }
    verdict.must(
        worst.is_some_and(|worst| worst < HEALTH_MAX),
        format!("a health check took longer than {HEALTH_MAX:?}"),
    );
    verdict.seen(format!(
        "bound {bound:?}, closed after at most {}",
        shown(lives.percentile(100))
    ));
    verdict.none("drippers still there a second after their deadline", late);
    verdict.none("drippers closed before it", early);
    Ok(verdict)
}

/// Asks until it is told that it is done; the times of the answers, and what else came.
async fn ask_for_health(door: Door, is_done: watch::Receiver<bool>) -> (Latencies, Vec<String>) {
    let (mut answers, mut failures) = (Latencies::default(), Vec::new());
    let mut ticks = tokio::time::interval(ASK);
    while !*is_done.borrow() {
        ticks.tick().await;
        let began = Instant::now();
        match door.client().get("/healthz").await {
            Ok(answer) if answer.status == 200 => answers.add(began.elapsed()),
            Ok(answer) => failures.push(format!("/healthz answered {}", answer.status)),
            Err(failure) => failures.push(format!("/healthz: {failure}")),
        }
    }
    (answers, failures)
}

/// Drips until the connection is closed; how long it lived, if that was not too long.
async fn drip(
    mut stream: TcpStream,
    head: String,
    began: Instant,
    longest: Duration,
) -> Option<Duration> {
    let mut bytes = head.bytes().chain(DRIPPED.iter().copied().cycle());
    let mut ticks = tokio::time::interval(DRIP);
    while began.elapsed() < longest {
        // Both arms can be dropped at any point: a tick comes again, and `readable` takes
        // nothing.
        tokio::select! {
            _ = ticks.tick() => {
                let byte = bytes.next().expect("a head without end");
                if stream.write_all(&[byte]).await.is_err() {
                    return Some(began.elapsed());
                }
            }
            ready = stream.readable() => {
                let mut chunk = [0; 256];
                match stream.try_read(&mut chunk) {
                    // The beginning of a refusal, or nothing after all.
                    Ok(1..) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Ok(0) | Err(_) => return Some(began.elapsed()),
                }
                if ready.is_err() {
                    return Some(began.elapsed());
                }
            }
        }
    }
    None
}
