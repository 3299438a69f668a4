//! Large responses: they arrive whole, whoever reads them slowly is cut in time, and what waits
//! for slow readers is bounded.

#[path = "support/server.rs"]
#[expect(dead_code, reason = "these tests need a part of the fixture alone")]
mod server;

use std::time::Duration;

use http_api::ServeReport;
use registry_core::Cursor;
use registry_core::mock::MockSource;
use registry_core::projection::{EntryRole, TranscriptEntry, TranscriptPage};
use server::{Answer, Server, WORKER, embedded, in_time, read_to_end};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More than the buffers of both sockets hold.
const LARGE_BYTES: usize = 16 * 1024 * 1024;

/// A source whose transcripts are large.
fn talkative() -> MockSource {
    let mut source = embedded();
    let observation = source.observation.as_mut().expect("it has every port");
    observation.checkpoint();
    observation.expect_transcript().returning(|_, _| {
        Ok(TranscriptPage {
            entries: vec![TranscriptEntry {
                sequence: 1,
                role: EntryRole::User,
                content: "x".repeat(LARGE_BYTES).into(),
                run_id: "r1".parse().expect("an id"),
                created_at: "2026-01-05T09:30:00Z".parse().expect("a time"),
                partial: false,
                unanswered: false,
                reasoning: None,
                diagnostics: Vec::new(),
            }],
            first_sequence: Some(1),
            last_sequence: Some(1),
            has_earlier: false,
            has_later: false,
            pruned_before: None,
            in_flight: None,
            cursor: Cursor::new(1, 1),
        })
    });
    source
}

#[tokio::test]
async fn a_large_answer_arrives_whole_also_when_it_is_the_last() {
    let server = Server::over(vec![talkative()], |_| {}).await;
    let answer = server.get(&format!("{WORKER}/transcript")).await;
    assert_eq!(answer.status, 200);
    let length = answer.header("content-length").map(str::parse::<usize>);
    assert_eq!(length, Some(Ok(answer.body.len())));
    assert!(answer.body.len() > LARGE_BYTES);
}

#[tokio::test]
async fn a_large_answer_arrives_whole_though_the_client_has_closed_its_half() {
    let server = Server::over(vec![talkative()], |_| {}).await;
    let mut stream = server.connect().await;
    let request = server.head("GET", &format!("{WORKER}/transcript"), "");
    let request = request.replace("close", "keep-alive");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = Answer::parse(&read_to_end(&mut stream).await);
    assert!(answer.body.len() > LARGE_BYTES);
}

#[tokio::test]
async fn an_answer_under_way_arrives_whole_while_the_server_ends() {
    let server = Server::over(vec![talkative()], |config| {
        config.connection.drain_timeout = Duration::from_secs(60);
    })
    .await;
    let mut stream = server.connect().await;
    let request = server.head("GET", &format!("{WORKER}/transcript"), "");
    stream
        .write_all(request.replace("close", "keep-alive").as_bytes())
        .await
        .unwrap();
    let mut bytes = vec![0; 12];
    in_time(stream.read_exact(&mut bytes)).await.unwrap();
    let stopping = tokio::spawn(server.stop());
    bytes.extend(read_to_end(&mut stream).await);
    let answer = Answer::parse(&bytes);
    let length = answer.header("content-length").map(str::parse::<usize>);
    assert_eq!(length, Some(Ok(answer.body.len())));
    assert_eq!(in_time(stopping).await.unwrap().cut, 0);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_cut() {
    let server = Server::over(vec![talkative()], |config| {
        config.connection.rate_window = Duration::from_millis(200);
        config.connection.drain_timeout = Duration::from_secs(10);
    })
    .await;
    let mut stream = server.connect().await;
    let request = server.head("GET", &format!("{WORKER}/transcript"), "");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    in_time(stream.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    // It ends long before the drain deadline, though nobody reads.
    assert_eq!(
        server.stop().await,
        ServeReport {
            accepted: 1,
            cut: 0
        }
    );
}

/// A client that has asked for a large answer, and takes no more than its beginning.
async fn slow_reader(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    let request = server.head("GET", &format!("{WORKER}/transcript"), "");
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("the server reads");
    let mut first = [0; 12];
    let read = in_time(stream.read_exact(&mut first)).await;
    read.expect("the beginning of an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

#[tokio::test]
async fn what_waits_for_slow_readers_is_bounded_and_given_back() {
    let server = Server::over(vec![talkative()], |config| {
        config.connection.unread_response_bytes = 2 * LARGE_BYTES;
    })
    .await;
    let transcript = format!("{WORKER}/transcript");
    let slow = slow_reader(&server).await;
    let refused = server.get(&transcript).await;
    let problem = refused.problem();
    assert_eq!(refused.status, 429);
    assert_eq!(problem.code.as_str(), "capacity_exhausted");
    assert_eq!(problem.limit, Some("unread_response_bytes".into()));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        server.get(WORKER).await.status,
        200,
        "a small answer goes out"
    );
    let request = server.head("HEAD", &transcript, "");
    let head = server.send(request.as_bytes()).await;
    assert_eq!(head.status, 200, "nothing of it is sent");

    drop(slow);
    let again = async { while server.get(&transcript).await.status != 200 {} };
    in_time(again).await;
}

#[tokio::test]
async fn an_answer_beyond_the_bound_can_be_had_when_nothing_else_waits() {
    let server = Server::over(vec![talkative()], |config| {
        config.connection.unread_response_bytes = 1;
    })
    .await;
    let answer = server.get(&format!("{WORKER}/transcript")).await;
    assert!(answer.status == 200 && answer.body.len() > LARGE_BYTES);
}

#[tokio::test]
async fn what_tells_the_operator_of_it_is_never_refused_for_it() {
    let server = Server::over(vec![talkative()], |config| {
        config.connection.unread_response_bytes = 1;
    })
    .await;
    let _slow = slow_reader(&server).await;
    // Large enough to count, if it did.
    let document = server.get("/api/openapi.json").await;
    assert!(document.status == 200 && document.body.len() > 16 * 1024);
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    let metrics = String::from_utf8_lossy(&metrics.body);
    // 16 MiB and the JSON around them.
    assert!(
        metrics.contains("yoi_http_unread_response_bytes 1677"),
        "{metrics}"
    );
}
