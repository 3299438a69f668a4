//! Connections that say nothing, or half of what they should: each is closed by the deadline
//! that the server states.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Plan;
use crate::client::Door;
use crate::failure::Failure;
use crate::latency::{Latencies, shown};
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::EMBEDDED;

/// Connections of each kind.
const CROWD: usize = 100;
/// How long after its deadline a connection may still be open: the server's timers, and its
/// wait for a client to read the refusal of its body (2 s).
const GRACE: Duration = Duration::from_secs(3);
/// The same where there is no answer to wait for.
const GRACE_UNANSWERED: Duration = Duration::from_secs(1);
/// Bounds of a quick share, which the server states like any others.
const QUICK_HEAD_MS: u64 = 2_000;
const QUICK_BODY_MS: u64 = 3_000;

/// How much a connection says.
#[derive(Debug, Clone, Copy)]
enum Says {
    Nothing,
    HalfAHead,
    HalfABody,
}

/// What one connection came to.
struct Closed {
    after: Duration,
    answer: Vec<u8>,
}

/// The server, with quicker bounds for a quick share.
pub(super) async fn server(plan: Plan) -> Result<Server, Failure> {
    let quick = Settings::default()
        .with("--head-timeout-ms", QUICK_HEAD_MS)
        .with("--body-timeout-ms", QUICK_BODY_MS);
    Server::start(plan.either(Settings::default(), quick)).await
}

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let server = server(plan).await?;
    let head = Duration::from_millis(server.stated_limit("head_timeout_ms").await?);
    let body = Duration::from_millis(server.stated_limit("body_timeout_ms").await?);
    let mut tasks = JoinSet::new();
    for says in [Says::Nothing, Says::HalfAHead, Says::HalfABody] {
        let (deadline, grace) = match says {
            Says::Nothing | Says::HalfAHead => (head, GRACE_UNANSWERED),
            Says::HalfABody => (body, GRACE),
        };
        for _ in 0..CROWD {
            let half = begin(server.door(), says).await?;
            tasks.spawn(async move {
                let closed = timeout(deadline + grace, until_closed(half)).await;
                (says, deadline, closed)
            });
        }
    }
    let mut verdict = Verdict::new();
    let mut heads = Latencies::default();
    let mut bodies = Latencies::default();
    let (mut late, mut early, mut unanswered) = (0, 0, 0);
    while let Some(task) = tasks.join_next().await {
        let (says, deadline, closed) = task?;
        let Ok(closed) = closed else {
            late += 1;
            continue;
        };
        early += usize::from(closed.after < deadline);
        match says {
            Says::Nothing | Says::HalfAHead => heads.add(closed.after),
            Says::HalfABody => {
                bodies.add(closed.after);
                let refused = closed.answer.starts_with(b"HTTP/1.1 408 ");
                unanswered += usize::from(!refused);
            }
        }
    }
    verdict.tried(format!(
        "{CROWD} connections that say nothing, {CROWD} with half a head, {CROWD} with half a body"
    ));
    verdict.seen(format!(
        "heads: bound {head:?}, closed after at most {}",
        shown(heads.percentile(100))
    ));
    verdict.seen(format!(
        "bodies: bound {body:?}, closed after at most {}",
        shown(bodies.percentile(100))
    ));
    verdict.none("still open after their deadline", late);
    verdict.none("closed before it", early);
    verdict.none("bodies without the documented 408", unanswered);
    let open = server.metric("yoi_http_connections").await?;
    verdict.must(open <= 1, format!("{open} connections are left"));
    Ok(verdict)
}

/// A connection, and when it was made. They come one after the other: a flood would fill the
/// kernel's queue, which makes some wait for a second before the server can see them.
async fn begin(door: &Door, says: Says) -> Result<(TcpStream, Instant), Failure> {
    let path = format!("{EMBEDDED}/workers");
    let text = match says {
        Says::Nothing => String::new(),
        Says::HalfAHead => door.head("POST", &path),
        Says::HalfABody => format!(
            "{}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
            door.head("POST", &path)
        ),
    };
    let began = Instant::now();
    let mut stream = door.connect().await?;
    stream
        .write_all(text.as_bytes())
        .await
        .map_err(Failure::io("sending half a request"))?;
    Ok((stream, began))
}

async fn until_closed((mut stream, began): (TcpStream, Instant)) -> Closed {
    let mut answer = Vec::new();
    // A reset is an end as good as any.
    let _ = stream.read_to_end(&mut answer).await;
    let after = began.elapsed();
    Closed { after, answer }
}
