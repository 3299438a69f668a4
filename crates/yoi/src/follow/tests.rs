//! Polls that succeed, fail and expire.

use std::time::Duration;

use registry_core::{Cursor, WorkerRef};

use super::*;
use crate::error::Unreachable;
use crate::retry::BUDGET_DELAY_MIN;
use crate::scripted_server::{
    Scripted, ScriptedServer, batch, cursor, delta, problem, response_budget_exhausted,
};

/// Hardly waits.
pub(crate) const FAST: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(1),
    budget_timeout: Duration::from_secs(20),
    empty_poll_interval: Duration::from_millis(1),
};

async fn read(server: &ScriptedServer, batches: usize) -> Result<Vec<usize>, Error> {
    let worker = WorkerRef::new("r".parse().unwrap(), "w1".parse().unwrap());
    let client = server.client();
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
async fn each_poll_starts_where_the_last_one_ended() {
    let script = [
        batch(2, [delta("a"), delta("b")]),
        batch(2, []),
        batch(3, [delta("c")]),
    ];
    let server = ScriptedServer::start(script).await;
    assert_eq!(read(&server, 3).await.unwrap(), [2, 0, 1]);
    assert_eq!(cursors(&server), [cursor(0), cursor(2), cursor(2)]);
}

#[tokio::test]
async fn a_poll_that_is_lost_is_repeated_from_the_same_cursor() {
    let script = [
        batch(1, [delta("a")]),
        Scripted::Close,
        problem(503, "runtime_unavailable"),
        batch(2, [delta("b")]),
        Scripted::Truncated,
        Scripted::Close,
        batch(3, [delta("c")]),
    ];
    let server = ScriptedServer::start(script).await;
    assert_eq!(read(&server, 3).await.unwrap(), [1, 1, 1]);
    let (one, two) = (cursor(1), cursor(2));
    let expected = [&cursor(0), &one, &one, &one, &two, &two, &two];
    assert_eq!(cursors(&server).iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up() {
    let server = ScriptedServer::start([batch(1, [delta("a")]), Scripted::Close]).await;
    let error = read(&server, 2).await.unwrap_err();
    // The script has ended, so nobody answers the last attempt.
    assert!(
        matches!(error, Error::Unreachable(Unreachable::Refused { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_poll_refused_by_the_response_budget_is_repeated_when_the_server_says_and_is_no_attempt()
{
    let refused = (0..FAST.attempts).map(|_| response_budget_exhausted(0));
    let script = std::iter::once(batch(1, [delta("a")]))
        .chain(refused)
        .chain([response_budget_exhausted(1), batch(2, [delta("b")])]);
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
async fn after_an_expired_cursor_the_follower_resumes_where_it_is_told_to() {
    let script = [problem(410, "cursor_expired"), batch(101, [delta("a")])];
    let server = ScriptedServer::start(script).await;
    assert_eq!(read(&server, 2).await.unwrap(), [1]);
    assert_eq!(cursors(&server), [cursor(0), cursor(100)]);
}

#[tokio::test]
async fn cursors_that_always_expire_end_the_follower() {
    let script = (0..=EXPIRED_MAX).map(|_| problem(410, "cursor_expired"));
    let server = ScriptedServer::start(script).await;
    assert!(matches!(read(&server, 9).await, Err(Error::Api(_))));
}
