//! A client that has used up every quota of its token and goes on asking: it gets no more, and the
//! inputs of another client take about as long as without it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Plan;
use super::polling_load::{Inputs, RATE, WORKERS, send_inputs_for};
use crate::client::Endpoint;
use crate::engine::Script;
use crate::failure::Failure;
use crate::report::Report;
use crate::server::{Server, Settings};
use crate::worker::{EMBEDDED, Worker};

/// The token of the greedy client.
const GREEDY_TOKEN: &str = "the-token-of-a-client-that-wants-it-all";
/// Its quotas.
const RUNS: usize = 8;
const POLLS: usize = 16;
const BYTES: usize = 128 * 1024;
/// The pause between two requests of one of its tasks: far shorter than `Retry-After` asks for.
const PAUSE: Duration = Duration::from_millis(10);

/// What one task of the greedy client was answered.
#[derive(Default)]
struct Refusals {
    quota: usize,
    others: Vec<String>,
}

pub(super) async fn run(plan: Plan) -> Result<Report, Failure> {
    let length = Duration::from_secs(plan.either(20, 3));
    let directory = tempfile::tempdir().map_err(Failure::io("creating a directory"))?;
    let file = directory.path().join("token");
    write_token(&file)?;
    let quotas = format!("runs={RUNS},polls={POLLS},bytes={BYTES}");
    let named = format!("greedy={},{quotas}", file.display());
    let settings = Settings::default().with("--log", "warn");
    let server = Server::start(settings.with("--token", named)).await?;
    let mut client = server.client();
    let workers = Worker::create_many(&mut client, WORKERS).await?;
    let alone = send_inputs_for(server.endpoint(), &workers, length).await?;

    let greedy = Endpoint {
        token: GREEDY_TOKEN.to_owned(),
        ..server.endpoint().clone()
    };
    let busy = Worker::create_many(&mut greedy.client(), RUNS + 1).await?;
    for worker in &busy[..RUNS] {
        worker.send(&mut greedy.client(), Script::Hang).await?;
    }
    let idle = &busy[RUNS];
    let poll = format!("{}/events?after={}&wait_ms=30000", idle.path, idle.created);
    let mut polls = JoinSet::new();
    for _ in 0..POLLS {
        let (mut client, poll) = (greedy.client(), poll.clone());
        polls.spawn(async move { client.get(&poll).await });
    }
    let unfinished = begin_body(&greedy).await?;
    let (runs, waiting) = (RUNS as u64, POLLS as u64);
    let full = server
        .wait_for_counts(|counts| counts.active_runs == runs && counts.waiting_pollers == waiting);
    full.await?;

    let (done, is_done) = watch::channel(false);
    let requests = [
        greedy.request(
            "POST",
            &idle.input_path(),
            Some(&json!({ "content": "more" })),
        ),
        greedy.request("GET", &poll, None),
        greedy.request("POST", &format!("{EMBEDDED}/workers"), Some(&json!({}))),
    ];
    let mut asking = JoinSet::new();
    for request in requests {
        asking.spawn(ask_for_more(greedy.clone(), request, is_done.clone()));
    }
    let beside = send_inputs_for(server.endpoint(), &workers, length).await?;
    done.send_replace(true);
    let (mut refused, mut others) = (0, Vec::new());
    while let Some(refusals) = asking.join_next().await {
        let refusals = refusals?;
        refused += refusals.quota;
        others.extend(refusals.others);
    }
    drop((unfinished, polls));

    let mut report = Report::default();
    report.tried(format!(
        "a client with {quotas} in use asks for more {refused} times; {RATE} inputs a second of another"
    ));
    report.observed(format!("input, alone: {}", alone.times));
    report.observed(format!("input, beside it: {}", beside.times));
    report.observed(ratio_of_p99(&beside, &alone));
    let failed = alone.errors.len() + beside.errors.len();
    report.expect_zero("inputs of the other client that failed", failed);
    report.check(refused > 0, "the greedy client was refused nothing");
    report.expect_zero("other answers to the greedy client", others.len());
    if let Some(other) = others.first() {
        report.check(false, other.clone());
    }
    Ok(report)
}

fn write_token(file: &Path) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let created = options.write(true).create_new(true).mode(0o600).open(file);
    created
        .and_then(|mut file| writeln!(file, "{GREEDY_TOKEN}"))
        .map_err(Failure::io("writing a token"))
}

/// A connection that sends all of its body but the last byte.
async fn begin_body(endpoint: &Endpoint) -> Result<TcpStream, Failure> {
    let mut stream = endpoint.connect().await?;
    let head = endpoint.head("POST", &format!("{EMBEDDED}/workers"));
    let head = format!("{head}Content-Type: application/json\r\nContent-Length: {BYTES}\r\n\r\n");
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + BYTES - 1, b' ');
    let sent = stream.write_all(&bytes).await;
    sent.map_err(Failure::io("sending a body"))?;
    Ok(stream)
}

async fn ask_for_more(
    endpoint: Endpoint,
    request: Vec<u8>,
    done: watch::Receiver<bool>,
) -> Refusals {
    let mut refusals = Refusals::default();
    let mut client = endpoint.client();
    while !*done.borrow() {
        match client.send(&request).await {
            Ok(response) if response.problem_code() == "quota_exhausted" => refusals.quota += 1,
            Ok(response) => refusals.others.push(format!("status {}", response.status)),
            Err(failure) => refusals.others.push(failure.to_string()),
        }
        tokio::time::sleep(PAUSE).await;
    }
    refusals
}

fn ratio_of_p99(of: &Inputs, to: &Inputs) -> String {
    let p99 = |inputs: &Inputs| {
        inputs
            .times
            .percentile(99)
            .unwrap_or_default()
            .as_secs_f64()
    };
    format!("p99 beside it ÷ alone: {:.2}", p99(of) / p99(to))
}
