//! Readers that ask for large answers and take nothing of them: what the server holds for them
//! is bounded, those beyond the bound are told so, and small answers go out all the while.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::client::{Answer, Door, read_answer};
use crate::engine::Order;
use crate::failure::Failure;
use crate::process_reading::shown;
use crate::server::{ANSWER_BYTES, Server, Settings};
use crate::verdict::Verdict;
use crate::worker::Worker;

/// Readers that take nothing.
const READERS: usize = 60;
/// Bytes of the one reply in the transcript, six times as many in JSON.
const REPLY_BYTES: usize = 1_000_000;
/// The least that a large answer must have for the scenario to mean anything.
const ANSWER_BYTES_MIN: usize = 5_000_000;
/// Bytes that a reader's socket takes by itself, so that the answer waits in the server.
const RECEIVE_BUFFER_BYTES: u32 = 4 * 1024;
/// How much more than the bound may stay resident: answers that are being written out as JSON,
/// and what the allocator keeps.
const SLACK_BYTES: u64 = 64 * 1024 * 1024;
/// Longest wait for one reader's answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn play() -> Result<Verdict, Failure> {
    let server = Server::start(Settings::default()).await?;
    let bound = server.stated_limit("answer_bytes").await?;
    let mut client = server.client();
    let worker = Worker::create(&mut client).await?;
    worker
        .hears(&mut client, Order::Escape(REPLY_BYTES))
        .await?;
    worker.until_idle(&mut client).await?;
    let path = format!("{}/transcript", worker.path);
    let whole = client.get(&path).await?.expect(200)?.body().len();
    let before = server.reading()?;

    let mut streams = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        streams.push(ask(server.door(), &path).await?);
    }
    let held = server.metric(ANSWER_BYTES).await?;
    let healthy = client.get("/healthz").await?.status == 200;
    let idle = client.get(&worker.path).await?.status == 200;
    let during = server.reading()?;
    let (mut complete, mut refused, mut otherwise) = (0, 0, 0);
    for mut stream in streams {
        let answer = take(&mut stream).await?;
        match answer.status {
            200 if answer.body().len() == whole => complete += 1,
            429 if answer.problem_code() == "capacity_exhausted" => refused += 1,
            _ => otherwise += 1,
        }
    }
    let is_free = server.lets_go().await?;
    let again = client.get(&path).await?.status == 200;

    let mut verdict = Verdict::new();
    verdict.tried(format!(
        "{READERS} readers take nothing of {whole} bytes each"
    ));
    verdict.must(whole > ANSWER_BYTES_MIN, "the answer is not large");
    let grown = during.resident_bytes.saturating_sub(before.resident_bytes);
    verdict.seen(format!(
        "resident {} before, {} during; bound {}",
        shown(before.resident_bytes),
        shown(during.resident_bytes),
        shown(bound)
    ));
    verdict.must(
        grown < bound + SLACK_BYTES,
        format!("{} more than before", shown(grown)),
    );
    verdict.seen(format!(
        "{complete} answers whole, {refused} refused with 429"
    ));
    verdict.none("answered otherwise", otherwise);
    verdict.seen(format!("{} held during", shown(held)));
    verdict.must(held <= bound, "more is held than the bound");
    verdict.must(
        held > u64::try_from(whole).unwrap_or(u64::MAX),
        "not even two answers were held",
    );
    verdict.must(is_free, "something is held after all were read");
    verdict.must(complete > 0, "nobody got the answer");
    let asked = u64::try_from(whole * READERS).unwrap_or(u64::MAX);
    verdict.must(asked > bound, "all answers together are within the bound");
    verdict.must(refused > 0, "nobody was refused");
    verdict.must(healthy && idle, "small answers did not go out meanwhile");
    verdict.must(again, "the answer is refused after all were read");
    Ok(verdict)
}

/// A reader that asked, and takes nothing.
async fn ask(door: &Door, path: &str) -> Result<TcpStream, Failure> {
    let connected = async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        let mut stream = socket.connect(door.address).await?;
        stream.write_all(&door.request("GET", path, None)).await?;
        // The first bytes say that the answer is made.
        stream.readable().await?;
        Ok(stream)
    };
    timeout(PATIENCE, connected)
        .await
        .map_err(|_| Failure::TooLate("the beginning of an answer"))?
        .map_err(Failure::io("asking for a large answer"))
}

async fn take(stream: &mut TcpStream) -> Result<Answer, Failure> {
    timeout(PATIENCE, read_answer(stream, &mut Vec::new(), false))
        .await
        .map_err(|_| Failure::TooLate("the rest of an answer"))?
}
