//! Connections that send nothing, or half of a request, are closed by the deadline that the
//! server states.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Plan;
use crate::client::Endpoint;
use crate::failure::Failure;
use crate::report::Report;
use crate::server::{OPEN_CONNECTIONS, Server, Settings};
use crate::statistics::{Latencies, format_ms};
use crate::worker::EMBEDDED;

/// Connections of each kind.
const CONNECTIONS: usize = 100;
/// How long after the deadline for bodies a connection may still be open: the server's timers,
/// and its wait for a client to read the refusal (2 s).
const BODY_GRACE: Duration = Duration::from_secs(3);
/// The same for heads, where no response has to be read.
pub(super) const HEAD_GRACE: Duration = Duration::from_secs(1);
/// The same for both in a quick run.
pub(super) const QUICK_GRACE: Duration = Duration::from_secs(15);
/// Timeouts of a quick run, which the server states like any others.
const QUICK_HEAD_MS: u64 = 5_000;
const QUICK_BODY_MS: u64 = 3_000;

#[derive(Debug, Clone, Copy)]
enum Sent {
    Nothing,
    HalfHead,
    HalfBody,
}

struct Closed {
    after: Duration,
    response: Vec<u8>,
}

/// A server, with shorter timeouts for a quick run.
pub(super) async fn start_server(plan: Plan) -> Result<Server, Failure> {
    let quick = Settings::default()
        .with("--head-timeout-ms", QUICK_HEAD_MS)
        .with("--body-timeout-ms", QUICK_BODY_MS);
    Server::start(plan.either(Settings::default(), quick)).await
}

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let server = start_server(plan).await?;
    let head_timeout = Duration::from_millis(server.stated_limit("head_timeout_ms").await?);
    let body_timeout = Duration::from_millis(server.stated_limit("body_timeout_ms").await?);
    // A body of which nothing comes is slower than a client may be.
    let rate_window = Duration::from_millis(server.stated_limit("client_rate_window_ms").await?);
    let body_timeout = body_timeout.min(rate_window);
    let mut tasks = JoinSet::new();
    for sent in [Sent::Nothing, Sent::HalfHead, Sent::HalfBody] {
        let (deadline, grace) = match sent {
            Sent::Nothing | Sent::HalfHead => (head_timeout, HEAD_GRACE),
            Sent::HalfBody => (body_timeout, BODY_GRACE),
        };
        let grace = plan.either(grace, QUICK_GRACE);
        for _ in 0..CONNECTIONS {
            let connection = connect(server.endpoint(), sent).await?;
            tasks.spawn(async move {
                let closed = timeout(deadline + grace, wait_for_close(connection)).await;
                (sent, deadline, closed)
            });
        }
    }
    let mut report = Report::default();
    let mut heads = Latencies::default();
    let mut bodies = Latencies::default();
    let (mut late, mut early, mut unanswered) = (0, 0, 0);
    while let Some(task) = tasks.join_next().await {
        let (sent, deadline, closed) = task?;
        let Ok(closed) = closed else {
            late += 1;
            continue;
        };
        early += usize::from(closed.after < deadline);
        match sent {
            Sent::Nothing | Sent::HalfHead => heads.record(closed.after),
            Sent::HalfBody => {
                bodies.record(closed.after);
                let refused = closed.response.starts_with(b"HTTP/1.1 408 ");
                unanswered += usize::from(!refused);
            }
        }
    }
    report.tried(format!(
        "{CONNECTIONS} connections send nothing, {CONNECTIONS} half a head, {CONNECTIONS} half a body"
    ));
    for (name, timeout, times) in [
        ("heads", head_timeout, heads),
        ("bodies", body_timeout, bodies),
    ] {
        report.observed(format!(
            "{name}: timeout {timeout:?}, closed after at most {}",
            format_ms(times.max())
        ));
    }
    report.expect_zero("still open after their deadline", late);
    report.expect_zero("closed before it", early);
    report.expect_zero("bodies without the documented 408", unanswered);
    // The clients see the end of a connection before the server sees that of its own side.
    let open = server.wait_for_metric(OPEN_CONNECTIONS, 1).await?;
    report.check(open <= 1, format!("{open} connections are left"));
    Ok(report)
}

/// A connection, and when it was opened. They are opened one after the other, because a flood
/// would fill the kernel's queue and make some wait before the server can accept them.
async fn connect(endpoint: &Endpoint, sent: Sent) -> Result<(TcpStream, Instant), Failure> {
    let path = format!("{EMBEDDED}/workers");
    let text = match sent {
        Sent::Nothing => String::new(),
        Sent::HalfHead => endpoint.head("POST", &path),
        Sent::HalfBody => format!(
            "{}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
            endpoint.head("POST", &path)
        ),
    };
    let began = Instant::now();
    let mut stream = endpoint.connect().await?;
    stream
        .write_all(text.as_bytes())
        .await
        .map_err(Failure::io("sending half a request"))?;
    Ok((stream, began))
}

async fn wait_for_close((mut stream, began): (TcpStream, Instant)) -> Closed {
    let mut response = Vec::new();
    // A reset closes the connection as well.
    let _ = stream.read_to_end(&mut response).await;
    let after = began.elapsed();
    Closed { after, response }
}
