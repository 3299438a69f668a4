//! Clients that disconnect in the middle of a request, of a wait and of a response, with a close
//! and with a reset: no connection, poller, request or response byte of them stays.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Plan;
use crate::client::Endpoint;
use crate::engine::Script;
use crate::failure::Failure;
use crate::report::Report;
use crate::server::{OPEN_CONNECTIONS, Server, Settings};
use crate::statistics::format_ms;
use crate::worker::Worker;

const CLIENTS: usize = 200;
/// Clients in the middle of a response at the same time: so many that what they hold stays below
/// the server's bound on responses.
const READING_CLIENTS: usize = 16;
/// Workers that are polled: so many that no one has more pollers than it may.
const WORKERS: usize = 8;
/// Bytes of a reply that fits into no socket buffer, six times as long in JSON.
const REPLY_BYTES: usize = 1_000_000;
/// Bytes of a response that are read before the client disconnects.
const READ_BYTES: usize = 1_000;
/// The longest that the server may take to clean up. It is judged after a look at the server, so that a
/// pause of the harness is no fault of the server.
const CLEANUP_MAX: Duration = Duration::from_secs(5);
/// The pause between two reads of the server's counts.
const PAUSE: Duration = Duration::from_millis(10);

/// Where a client is when it disconnects.
#[derive(Debug, Clone, Copy)]
enum During {
    Head,
    Body,
    Wait,
    Response,
}

#[derive(Debug, Clone, Copy)]
enum Disconnect {
    Close,
    Reset,
}

/// The workers that clients talk to.
struct Workers {
    polled: Vec<Worker>,
    /// Has a large transcript.
    large: Worker,
}

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let rounds = plan.either(5, 1);
    let server = Server::start(Settings::default()).await?;
    let mut client = server.client();
    let workers = Workers {
        polled: Worker::create_many(&mut client, WORKERS).await?,
        large: Worker::create(&mut client).await?,
    };
    let script = Script::ReplyEscaped(REPLY_BYTES);
    workers.large.send(&mut client, script).await?;
    workers.large.wait_until_idle(&mut client).await?;
    let files = server.stats()?.open_files;

    let mut report = Report::default();
    let mut total = 0;
    let mut longest = Duration::ZERO;
    for during in [During::Head, During::Body, During::Wait, During::Response] {
        for disconnect in [Disconnect::Close, Disconnect::Reset] {
            for _ in 0..rounds {
                let clients = match during {
                    During::Response => READING_CLIENTS,
                    During::Head | During::Body | During::Wait => CLIENTS,
                };
                total += clients;
                match vanish(&server, &workers, clients, during, disconnect).await? {
                    Some(took) => longest = longest.max(took),
                    None => {
                        report.check(false, format!("{during:?} {disconnect:?}: something stays"));
                    }
                }
            }
        }
    }
    let counts = server.counts().await?;
    let files_after = open_files(&server, files + 1).await?;
    report.tried(format!(
        "{total} clients disconnect, up to {CLIENTS} at a time: during head, body, long-poll, response; close and reset"
    ));
    report.observed(format!(
        "all cleaned up within {}",
        format_ms(Some(longest))
    ));
    report.expect_zero(
        "pollers left",
        usize::try_from(counts.waiting_pollers).unwrap_or(usize::MAX),
    );
    report.observed(format!("{files} open files before, {files_after} after"));
    report.check(files_after <= files + 1, "files stay open");
    Ok(report)
}

/// Connects and disconnects clients; how long the server took to clean up, if it did in time.
async fn vanish(
    server: &Server,
    workers: &Workers,
    clients: usize,
    during: During,
    disconnect: Disconnect,
) -> Result<Option<Duration>, Failure> {
    let mut streams = Vec::with_capacity(clients);
    for client in 0..clients {
        let polled = &workers.polled[client % WORKERS];
        let request = beginning(server.endpoint(), polled, &workers.large, during);
        let mut stream = server.endpoint().connect().await?;
        let sent = stream.write_all(request.as_bytes()).await;
        sent.map_err(Failure::io("sending the beginning of a request"))?;
        streams.push(stream);
    }
    if matches!(during, During::Wait) {
        let expected = u64::try_from(clients).expect("a small number");
        let counts = server.wait_for_counts(|counts| counts.waiting_pollers >= expected);
        if counts.await?.waiting_pollers < expected {
            return Err(Failure::Timeout("the pollers"));
        }
    }
    for stream in streams {
        leave(stream, during, disconnect).await?;
    }
    let began = Instant::now();
    loop {
        let waited = began.elapsed();
        // The metrics are read over a connection as well.
        let open = server.metric(OPEN_CONNECTIONS).await?;
        let is_clean = open <= 2 && server.counts().await?.waiting_pollers == 0;
        if is_clean && server.is_idle().await? {
            return Ok(Some(began.elapsed()));
        }
        if waited > CLEANUP_MAX {
            return Ok(None);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a client sends before it disconnects.
fn beginning(endpoint: &Endpoint, polled: &Worker, large: &Worker, during: During) -> String {
    match during {
        During::Head => endpoint.head("POST", &polled.input_path()),
        During::Body => format!(
            "{}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"content\":",
            endpoint.head("POST", &polled.input_path())
        ),
        During::Wait => {
            let path = polled.poll_path(polled.created);
            format!("{}\r\n", endpoint.head("GET", &path))
        }
        During::Response => {
            let path = format!("{}/transcript", large.path);
            format!("{}\r\n", endpoint.head("GET", &path))
        }
    }
}

async fn leave(
    mut stream: TcpStream,
    during: During,
    disconnect: Disconnect,
) -> Result<(), Failure> {
    if matches!(during, During::Response) {
        let read = stream.read_exact(&mut [0; READ_BYTES]).await;
        read.map_err(Failure::io("reading the beginning of a response"))?;
    }
    if matches!(disconnect, Disconnect::Reset) {
        let linger = stream.set_zero_linger();
        linger.map_err(Failure::io("requesting a reset"))?;
    }
    Ok(())
}

/// The open files once there are at most `expected`, or after a while: connections close a
/// moment after their responses.
async fn open_files(server: &Server, expected: usize) -> Result<usize, Failure> {
    let began = Instant::now();
    loop {
        let waited = began.elapsed();
        let files = server.stats()?.open_files;
        if files <= expected || waited > CLEANUP_MAX {
            return Ok(files);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
