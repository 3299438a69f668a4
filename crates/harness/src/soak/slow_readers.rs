//! Clients that request large responses and read nothing: what the server holds for them is
//! bounded, clients beyond the bound are refused, and small responses are sent meanwhile.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::client::{Endpoint, Response, read_response};
use crate::engine::Script;
use crate::failure::Failure;
use crate::process_stats::format_mib;
use crate::report::Report;
use crate::server::{Server, Settings, UNREAD_RESPONSE_BYTES};
use crate::worker::Worker;

/// Clients that read nothing.
const READERS: usize = 60;
/// Bytes of the one reply in the transcript, six times as many in JSON.
const REPLY_BYTES: usize = 1_000_000;
/// The least size of a response for the scenario to mean anything.
const RESPONSE_BYTES_MIN: usize = 5_000_000;
/// Bytes that a client's socket buffers, so that the response waits in the server.
const RECEIVE_BUFFER_BYTES: u32 = 4 * 1024;
/// Resident memory beyond the bound: responses that are being serialised, and what the allocator
/// keeps.
const SLACK_BYTES: u64 = 64 * 1024 * 1024;
/// Longest wait for one response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn run() -> Result<Report, Failure> {
    let server = Server::start(Settings::default()).await?;
    let bound = server.stated_limit("unread_response_bytes").await?;
    let mut client = server.client();
    let worker = Worker::create(&mut client).await?;
    worker
        .send(&mut client, Script::ReplyEscaped(REPLY_BYTES))
        .await?;
    worker.wait_until_idle(&mut client).await?;
    let path = format!("{}/transcript", worker.path);
    let response = client.get(&path).await?.expect(200, &path)?;
    let size = response.body().len();
    let before = server.stats()?.resident_bytes;

    let mut streams = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        streams.push(request(server.endpoint(), &path).await?);
    }
    let held = server.metric(UNREAD_RESPONSE_BYTES).await?;
    let healthy = client.get("/healthz").await?.status == 200;
    let readable = client.get(&worker.path).await?.status == 200;
    let during = server.stats()?.resident_bytes;
    let (mut complete, mut refused, mut unexpected) = (0, 0, 0);
    for mut stream in streams {
        let response = read(&mut stream).await?;
        match response.status {
            200 if response.body().len() == size => complete += 1,
            429 if response.problem_code() == "capacity_exhausted" => refused += 1,
            _ => unexpected += 1,
        }
    }
    let is_released = server.wait_until_idle().await?;
    let again = client.get(&path).await?.status == 200;

    let mut report = Report::default();
    report.tried(format!(
        "{READERS} clients read nothing of {size} bytes each"
    ));
    report.check(size > RESPONSE_BYTES_MIN, "the response is not large");
    report.observed(format!(
        "resident {} before, {} during; bound {}",
        format_mib(before),
        format_mib(during),
        format_mib(bound)
    ));
    let grown = during.saturating_sub(before);
    report.check(
        grown < bound + SLACK_BYTES,
        format!("{} more than before", format_mib(grown)),
    );
    report.observed(format!(
        "{complete} complete responses, {refused} refused with 429"
    ));
    report.expect_zero("other responses", unexpected);
    report.observed(format!("{} held during", format_mib(held)));
    report.check(held <= bound, "more is held than the bound");
    report.check(
        held > u64::try_from(size).unwrap_or(u64::MAX),
        "not even two responses were held",
    );
    report.check(is_released, "something is held after all were read");
    report.check(complete > 0, "no response was complete");
    let requested = u64::try_from(size * READERS).unwrap_or(u64::MAX);
    report.check(
        requested > bound,
        "all responses together are within the bound",
    );
    report.check(refused > 0, "no request was refused");
    report.check(
        healthy && readable,
        "small responses were not sent meanwhile",
    );
    report.check(again, "the response is refused after all were read");
    Ok(report)
}

/// A connection that sent a request and reads nothing.
async fn request(endpoint: &Endpoint, path: &str) -> Result<TcpStream, Failure> {
    let send = async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        let mut stream = socket.connect(endpoint.address).await?;
        let request = endpoint.request("GET", path, None);
        stream.write_all(&request).await?;
        // The first bytes show that the response was serialised.
        stream.readable().await?;
        Ok(stream)
    };
    timeout(RESPONSE_TIMEOUT, send)
        .await
        .map_err(|_| Failure::Timeout("the beginning of a response"))?
        .map_err(Failure::io("requesting a large response"))
}

async fn read(stream: &mut TcpStream) -> Result<Response, Failure> {
    let mut unread = Vec::new();
    timeout(RESPONSE_TIMEOUT, read_response(stream, &mut unread, false))
        .await
        .map_err(|_| Failure::Timeout("the rest of a response"))?
}
