//! Thousands of connections that send their heads byte by byte: others are served meanwhile,
//! and each is closed by the deadline for heads.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Plan;
use super::half_open::{self, HEAD_GRACE, QUICK_GRACE};
use crate::client::Endpoint;
use crate::failure::Failure;
use crate::report::Report;
use crate::statistics::{Latencies, format_ms};

/// The pause between two bytes of a head.
const BYTE_PAUSE: Duration = Duration::from_millis(500);
/// The pause between two health checks, each on a new connection.
const HEALTH_PAUSE: Duration = Duration::from_millis(25);
/// The longest that a health check may take.
const HEALTH_MAX: Duration = Duration::from_secs(1);
/// What a head continues with, again and again.
const ENDLESS_HEADER: &[u8] = b"x-drip: ";

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let connections = plan.either(2_000, 500);
    let server = half_open::start_server(plan).await?;
    let bound = Duration::from_millis(server.stated_limit("head_timeout_ms").await?);
    let grace = plan.either(HEAD_GRACE, QUICK_GRACE);
    let (done, is_done) = watch::channel(false);
    let health = tokio::spawn(check_health(server.endpoint().clone(), is_done));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        // One after the other: a flood would wait in the kernel's queue, not in the server.
        let began = Instant::now();
        let stream = server.endpoint().connect().await?;
        let head = server.endpoint().head("GET", "/api/workspace");
        tasks.spawn(send_slowly(stream, head, began, bound + grace));
    }
    let mut lifetimes = Latencies::default();
    let (mut late, mut early) = (0, 0);
    while let Some(lifetime) = tasks.join_next().await {
        match lifetime? {
            None => late += 1,
            Some(lifetime) => {
                early += usize::from(lifetime + BYTE_PAUSE < bound);
                lifetimes.record(lifetime);
            }
        }
    }
    done.send_replace(true);
    let (times, failures) = health.await?;

    let mut report = Report::default();
    report.tried(format!(
        "{connections} connections send a byte every {BYTE_PAUSE:?}; {} requests for /healthz on new ones",
        times.len() + failures.len()
    ));
    report.observed(format!("/healthz: {times}"));
    report.expect_zero("health checks without a 200", failures.len());
    if let Some(failure) = failures.first() {
        report.check(false, failure.clone());
    }
    // In a quick run less than nearly all that the others may take: it waits for none of them to be closed.
    let health_max = plan.either(HEALTH_MAX, bound * 3 / 4);
    report.check(
        times.max().is_some_and(|max| max < health_max),
        format!("a health check took longer than {health_max:?}"),
    );
    report.observed(format!(
        "timeout {bound:?}, closed after at most {}",
        format_ms(lifetimes.max())
    ));
    report.expect_zero("still open after their deadline", late);
    report.expect_zero("closed before it", early);
    Ok(report)
}

/// Requests `/healthz` until `is_done`; the times, and what was not a 200.
async fn check_health(
    endpoint: Endpoint,
    is_done: watch::Receiver<bool>,
) -> (Latencies, Vec<String>) {
    let (mut times, mut failures) = (Latencies::default(), Vec::new());
    let mut ticks = tokio::time::interval(HEALTH_PAUSE);
    while !*is_done.borrow() {
        ticks.tick().await;
        let began = Instant::now();
        match endpoint.client().get("/healthz").await {
            Ok(response) if response.status == 200 => times.record(began.elapsed()),
            Ok(response) => failures.push(format!("/healthz answered {}", response.status)),
            Err(failure) => failures.push(format!("/healthz: {failure}")),
        }
    }
    (times, failures)
}

/// Sends byte by byte until the connection is closed; its lifetime, unless that is longer than
/// `longest`.
async fn send_slowly(
    mut stream: TcpStream,
    head: String,
    began: Instant,
    longest: Duration,
) -> Option<Duration> {
    let mut bytes = head.bytes().chain(ENDLESS_HEADER.iter().copied().cycle());
    let mut ticks = tokio::time::interval(BYTE_PAUSE);
    while began.elapsed() < longest {
        // Both arms are cancel-safe: a tick is not lost, and `readable` reads nothing.
        tokio::select! {
            _ = ticks.tick() => {
                let byte = bytes.next().expect("an endless head");
                if stream.write_all(&[byte]).await.is_err() {
                    return Some(began.elapsed());
                }
            }
            ready = stream.readable() => {
                let mut chunk = [0; 256];
                match stream.try_read(&mut chunk) {
                    // The beginning of a refusal, or a spurious wake-up.
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
