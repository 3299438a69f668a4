//! Polls that succeed, fail and expire.

use registry_core::{Cursor, WorkerRef};

use super::*;
use crate::failure::Unreachable;
use crate::scripted_server::{Does, ScriptedServer, batch, cursor, delta, no_room, problem};

/// No patience to speak of: tests wait for nothing.
pub(crate) const HASTY: Patience = Patience {
    attempts: 3,
    first_pause: Duration::from_millis(1),
    expiries: 2,
    idle_pause: Duration::from_millis(1),
    room: Duration::from_secs(20),
};

async fn read(server: &ScriptedServer, batches: usize) -> Result<Vec<usize>, Failure> {
    let worker = WorkerRef::new("r".parse().unwrap(), "w1".parse().unwrap());
    let client = server.client();
    let mut feed = Feed::new(&client, &worker, Some(Cursor::new(1, 0)), HASTY);
    let mut sizes = Vec::new();
    for _ in 0..batches {
        match feed.next().await? {
            Fed::Batch(answer) => sizes.push(answer.value.events.len()),
            Fed::Expired => feed.resume(Cursor::new(1, 100)),
        }
    }
    Ok(sizes)
}

fn cursors(server: &ScriptedServer) -> Vec<String> {
    let after = |asked: &String| {
        let (_, query) = asked.split_once("after=").unwrap();
        query.split('&').next().unwrap().to_owned()
    };
    server.asked().iter().map(after).collect()
}

#[tokio::test]
async fn each_poll_begins_where_the_last_one_ended() {
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
        Does::HangsUp,
        problem(503, "runtime_unavailable"),
        batch(2, [delta("b")]),
        Does::BreaksOff,
        Does::HangsUp,
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
    let server = ScriptedServer::start([batch(1, [delta("a")]), Does::HangsUp]).await;
    let failure = read(&server, 2).await.unwrap_err();
    // The script has ended, so nobody answers the last attempt.
    assert!(
        matches!(failure, Failure::Unreachable(Unreachable::Refused { .. })),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_poll_without_room_is_repeated_when_the_server_says_and_is_no_attempt() {
    let without_room = (0..HASTY.attempts).map(|_| no_room(0));
    let script = std::iter::once(batch(1, [delta("a")]))
        .chain(without_room)
        .chain([no_room(1), batch(2, [delta("b")])]);
    let server = ScriptedServer::start(script).await;
    let began_at = Instant::now();
    assert_eq!(read(&server, 2).await.unwrap(), [1, 1]);
    assert!(began_at.elapsed() >= Duration::from_secs(1) + HASTY.attempts * ROOM_PAUSE);
    assert_eq!(cursors(&server)[1..], vec![cursor(1); 5]);
}

#[tokio::test]
async fn a_server_that_asks_for_more_time_than_there_is_is_not_asked_again() {
    let server = ScriptedServer::start([no_room(21), batch(1, [delta("a")])]).await;
    let failure = read(&server, 1).await.unwrap_err();
    assert!(failure.lacks_room(), "{failure:?}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn what_can_not_pass_is_not_repeated() {
    let script = [problem(404, "unknown_worker"), batch(1, [delta("a")])];
    let server = ScriptedServer::start(script).await;
    assert!(matches!(read(&server, 1).await, Err(Failure::Refused(_))));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn after_an_expired_cursor_the_feed_goes_on_where_it_is_told_to() {
    let script = [problem(410, "cursor_expired"), batch(101, [delta("a")])];
    let server = ScriptedServer::start(script).await;
    assert_eq!(read(&server, 2).await.unwrap(), [1]);
    assert_eq!(cursors(&server), [cursor(0), cursor(100)]);
}

#[tokio::test]
async fn cursors_that_always_expire_end_the_feed() {
    let script = (0..3).map(|_| problem(410, "cursor_expired"));
    let server = ScriptedServer::start(script).await;
    assert!(matches!(read(&server, 3).await, Err(Failure::Refused(_))));
}
