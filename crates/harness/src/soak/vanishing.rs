//! Clients that vanish: in the middle of a request, of a wait and of an answer, with a close
//! and with a reset. Nothing of them may stay: no connection, no poller, no request, and no byte
//! of an answer.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Plan;
use crate::client::Door;
use crate::engine::Order;
use crate::failure::Failure;
use crate::latency::shown;
use crate::server::{Server, Settings};
use crate::verdict::Verdict;
use crate::worker::Worker;

/// Clients that are there at the same time.
const CROWD: usize = 200;
/// Clients amid an answer at the same time: so many that what they hold stays below the
/// server's bound on answers.
const READING: usize = 16;
/// Workers whose events the crowd waits for: below the pollers that one worker takes.
const WORKERS: usize = 8;
/// Bytes of a reply that fits into no socket buffer, six times as long in JSON.
const REPLY_BYTES: usize = 1_000_000;
/// Bytes of an answer that are read before the client vanishes.
const READ_BYTES: usize = 1_000;
/// How long the last of a crowd may be remembered.
const FORGOTTEN: Duration = Duration::from_secs(5);
/// The pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Where a client is when it vanishes.
#[derive(Debug, Clone, Copy)]
enum Amid {
    Head,
    Body,
    Wait,
    Answer,
}

/// How it does.
#[derive(Debug, Clone, Copy)]
enum Leaving {
    Close,
    Reset,
}

pub(super) async fn play(plan: Plan) -> Result<Verdict, Failure> {
    let rounds = plan.either(5, 1);
    let server = Server::start(Settings::default()).await?;
    let mut client = server.client();
    let workers = Worker::crowd(&mut client, WORKERS).await?;
    let talker = Worker::create(&mut client).await?;
    talker
        .hears(&mut client, Order::Escape(REPLY_BYTES))
        .await?;
    talker.until_idle(&mut client).await?;
    let files = server.reading()?.open_files;

    let mut verdict = Verdict::new();
    let mut vanished = 0;
    let mut worst = Duration::ZERO;
    for amid in [Amid::Head, Amid::Body, Amid::Wait, Amid::Answer] {
        for leaving in [Leaving::Close, Leaving::Reset] {
            for _ in 0..rounds {
                let crowd = if matches!(amid, Amid::Answer) {
                    READING
                } else {
                    CROWD
                };
                vanished += crowd;
                match vanish(&server, &workers, &talker, crowd, amid, leaving).await? {
                    Some(took) => worst = worst.max(took),
                    None => verdict.must(false, format!("{amid:?} {leaving:?}: something stays")),
                }
            }
        }
    }
    let counts = server.counts().await?;
    let files_left = files_left(&server, files + 1).await?;
    verdict.tried(format!(
        "{vanished} clients vanish, up to {CROWD} at a time: amid head, body, long-poll, answer; close and reset"
    ));
    verdict.seen(format!("all forgotten within {}", shown(Some(worst))));
    verdict.none(
        "pollers left",
        usize::try_from(counts.waiting_pollers).unwrap_or(usize::MAX),
    );
    verdict.seen(format!("{files} open files before, {files_left} after"));
    verdict.must(files_left <= files + 1, "files stay open");
    Ok(verdict)
}

/// Lets a crowd come and go; how long the server remembered it, if it forgot it in time.
async fn vanish(
    server: &Server,
    workers: &[Worker],
    talker: &Worker,
    number: usize,
    amid: Amid,
    leaving: Leaving,
) -> Result<Option<Duration>, Failure> {
    let door = server.door();
    let mut crowd = Vec::with_capacity(number);
    for at in 0..number {
        crowd.push(arrive(door, &workers[at % WORKERS], talker, amid).await?);
    }
    if matches!(amid, Amid::Wait) {
        let present = u64::try_from(number).expect("a small number");
        let counts = server.settled(|counts| counts.waiting_pollers >= present);
        if counts.await?.waiting_pollers < present {
            return Err(Failure::TooLate("the crowd's polls"));
        }
    }
    for mut stream in crowd {
        if matches!(amid, Amid::Answer) {
            let mut read = [0; READ_BYTES];
            stream
                .read_exact(&mut read)
                .await
                .map_err(Failure::io("reading the beginning of an answer"))?;
        }
        if matches!(leaving, Leaving::Reset) {
            stream
                .set_zero_linger()
                .map_err(Failure::io("asking for a reset"))?;
        }
        drop(stream);
    }
    let began = Instant::now();
    while began.elapsed() < FORGOTTEN {
        // The one that asks has a connection, too.
        let open = server.metric("yoi_http_connections").await?;
        let nobody = open <= 2 && server.counts().await?.waiting_pollers == 0;
        if nobody && server.holds_nothing().await? {
            return Ok(Some(began.elapsed()));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Ok(None)
}

/// The open files once they are few enough, or after a while: the connections that asked close
/// a moment after their answers.
async fn files_left(server: &Server, enough: usize) -> Result<usize, Failure> {
    let began = Instant::now();
    loop {
        let left = server.reading()?.open_files;
        if left <= enough || began.elapsed() > FORGOTTEN {
            return Ok(left);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// A client that is in the middle of something.
async fn arrive(
    door: &Door,
    worker: &Worker,
    talker: &Worker,
    amid: Amid,
) -> Result<TcpStream, Failure> {
    let input = format!("{}/input", worker.path);
    let request = match amid {
        Amid::Head => door.head("POST", &input),
        Amid::Body => format!(
            "{}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"content\":",
            door.head("POST", &input)
        ),
        Amid::Wait => {
            let path = worker.poll_path(worker.created);
            format!("{}\r\n", door.head("GET", &path))
        }
        Amid::Answer => {
            let path = format!("{}/transcript", talker.path);
            format!("{}\r\n", door.head("GET", &path))
        }
    };
    let mut stream = door.connect().await?;
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(Failure::io("sending the beginning of a request"))?;
    Ok(stream)
}
