//! Polls that succeed, fail and expire.

use std::time::Duration;

use super::*;
use crate::retry::BUDGET_DELAY_MIN;
use crate::scripted_server::{
    Scripted, ScriptedServer, batch, cursor, delta, problem, response_budget_exhausted, w1,
};

/// Hardly waits.
pub(crate) const FAST: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(1),
    budget_timeout: Duration::from_secs(20),
    empty_poll_interval: Duration::from_millis(1),
};

async fn read(server: &ScriptedServer, batches: usize) -> Result<Vec<usize>, Error> {
    let (worker, client) = (w1(), server.client());
    let mut follower = EventFollower::new(&worker, Some(Cursor::new(1, 0)), FAST);
    let mut sizes = Vec::new();
    for _ in 0..batches {
        match follower.next(&client).await? {
            Followed::Batch(batch) => sizes.push(batch.value.events.len()),
            Followed::CursorExpired => follower.resume_at(Cursor::new(1, 100)),
        }
    }
    Ok(sizes)
}

fn cursors(server: &ScriptedServer) -> Vec<String> {
    let after = |line: &String| {
        let (_, query) = line.split_once("after=").unwrap();
        query.split('&').next().unwrap().to_owned()
    };
    server.request_lines().iter().map(after).collect()
}

#[tokio::test]
async fn each_poll_starts_where_the_last_one_ended_and_a_lost_one_is_repeated() {
    let script = [
        batch(1, [delta("a")]),
        Scripted::Close,
        problem(503, "runtime_unavailable"),
        batch(2, []),
        Scripted::Truncated,
        Scripted::Close,
        batch(4, [delta("b"), delta("c")]),
    ];
    let server = ScriptedServer::start(script).await;
    assert_eq!(read(&server, 3).await.unwrap(), [1, 0, 2]);
    assert_eq!(cursors(&server), [0, 1, 1, 1, 2, 2, 2].map(cursor));
}

#[tokio::test]
async fn a_poll_refused_by_the_response_budget_is_repeated_when_the_server_says_and_is_no_attempt()
{
    let refused = (0..FAST.attempts).map(|_| response_budget_exhausted(0));
    let script = [batch(1, [delta("a")])].into_iter().chain(refused);
    let script = script.chain([response_budget_exhausted(1), batch(2, [delta("b")])]);
    let server = ScriptedServer::start(script).await;
    let started_at = Instant::now();
    assert_eq!(read(&server, 2).await.unwrap(), [1, 1]);
    assert!(started_at.elapsed() >= Duration::from_secs(1) + FAST.attempts * BUDGET_DELAY_MIN);
    assert_eq!(cursors(&server)[1..], vec![cursor(1); 5]);
}

#[tokio::test]
async fn a_poll_is_not_repeated_when_the_server_asks_for_more_time_than_there_is() {
    let server =
        ScriptedServer::start([response_budget_exhausted(21), batch(1, [delta("a")])]).await;
    let error = read(&server, 1).await.unwrap_err();
    assert!(error.is_response_budget_exhausted(), "{error:?}");
    assert_eq!(server.request_lines().len(), 1);
}

#[tokio::test]
async fn an_error_that_is_not_transient_is_not_repeated() {
    let script = [problem(404, "unknown_worker"), batch(1, [delta("a")])];
    let server = ScriptedServer::start(script).await;
    assert!(matches!(read(&server, 1).await, Err(Error::Api(_))));
    assert_eq!(server.request_lines().len(), 1);
}

#[tokio::test]
async fn after_an_expired_cursor_the_follower_resumes_where_it_is_told_to_but_not_forever() {
    let script = [problem(410, "cursor_expired"), batch(101, [delta("a")])];
    let expired = (0..=EXPIRED_MAX).map(|_| problem(410, "cursor_expired"));
    let server = ScriptedServer::start(script.into_iter().chain(expired)).await;
    assert!(matches!(read(&server, 9).await, Err(Error::Api(_))));
    assert_eq!(cursors(&server)[..3], [0, 100, 101].map(cursor));
    assert_eq!(cursors(&server)[3..], vec![cursor(100); 5]);
}
