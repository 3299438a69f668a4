//! Servers that stumble, vanish and forget.

use std::cell::RefCell;

use serde_json::Value;

use super::*;

#[tokio::test]
async fn a_lost_connection_is_spoken_of_and_nothing_is_printed_twice() {
    let server = server([
        accepted(),
        batch(3, [delta("a")]),
        Does::BreaksOff,
        Does::HangsUp,
        worker("running", Value::Null),
        batch(5, [delta("b"), finished("completed")]),
    ])
    .await;
    let had = saying_hi(&server, HASTY).await;
    had.result.unwrap();
    assert_eq!(had.out, "ab\n");
    let url = server.url();
    assert_eq!(
        had.err,
        format!(
            "note: the connection to {url} was lost; looking for the server for 20 s\n\
             note: {url} answers again\n"
        )
    );
    assert!(
        server.asked()[6].contains(&cursor(3)),
        "{:?}",
        server.asked()
    );
}

#[tokio::test]
async fn a_message_whose_answer_is_lost_is_sent_again_under_the_same_key() {
    let script = [
        Does::HangsUp,
        accepted(),
        batch(3, [finished("completed")]),
        Does::BreaksOff,
        accepted(),
        batch(3, [finished("completed")]),
    ];
    let server = server(script).await;
    let had = having(link_to(&server, HASTY), async |conversation| {
        conversation.say("hi").await?;
        conversation.say("hi").await
    });
    had.await.result.unwrap();
    let heard = server.heard();
    let key = |at: usize| header(&heard[at], "idempotency-key: ");
    assert_eq!(key(1), key(2));
    assert_eq!(key(4), key(5));
    assert_ne!(key(1), key(4), "another message has another key");
}

#[tokio::test]
async fn a_restarted_server_that_forgot_the_worker_gets_a_new_one_and_the_message() {
    let old = server([Does::HangsUp]).await;
    let new = ScriptedServer::start([
        problem(401, "unauthorized"),
        problem(404, "unknown_worker"),
        worker("idle", Value::Null),
        accepted(),
        batch(4, [delta("Hello"), finished("completed")]),
    ])
    .await;
    // Its token can be found only a moment after its address.
    let tokens = RefCell::new(vec![OTHER_TOKEN, TOKEN]);
    let url = new.url().clone();
    let find_again: super::link::FindAgain = Box::new(move |_| {
        let mut tokens = tokens.borrow_mut();
        let token = tokens.pop().unwrap_or(OTHER_TOKEN);
        Ok(Found {
            server: url.clone(),
            token: Some(token.parse().unwrap()),
            choice: Choice::NewestOf(1),
        })
    });
    let link = Link::new(found(&old, TOKEN), find_again, HASTY).unwrap();
    let had = having(link, async |conversation| conversation.say("hi").await).await;
    assert!(matches!(had.result.unwrap().ending, Ending::Completed));
    assert_eq!(had.out, "Hello\n");
    assert!(had.err.contains("knows nothing of w1"), "{}", had.err);
    let heard = new.heard();
    assert_eq!(header(&heard[1], "authorization: Bearer "), OTHER_TOKEN);
    assert!(heard[2].starts_with("POST /api/runtimes/backend-internal/workers HTTP"));
    assert!(
        heard[2].ends_with("{\"display_name\":\"Worker\"}"),
        "{}",
        heard[2]
    );
    assert!(heard[3].ends_with("{\"content\":\"hi\"}"));
}

#[tokio::test]
async fn a_reply_that_was_lost_with_its_server_is_not_asked_for_again() {
    let server = server([
        accepted(),
        batch(3, [delta("Hal")]),
        problem(404, "unknown_worker"),
        worker("idle", Value::Null),
    ])
    .await;
    let had = saying_hi(&server, HASTY).await;
    had.result.unwrap();
    assert_eq!(had.out, "Hal\n");
    assert!(
        had.err.starts_with("note: the rest of this reply is lost"),
        "{}",
        had.err
    );
    assert!(had.err.contains("A new worker"), "{}", had.err);
    let inputs = server
        .asked()
        .iter()
        .filter(|line| line.ends_with("/input"))
        .count();
    assert_eq!(inputs, 1);
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_and_ends_the_conversation() {
    let server = server([Does::HangsUp]).await;
    let impatient = Persistence {
        overall: Duration::from_millis(20),
        ..HASTY
    };
    let failure = saying_hi(&server, impatient).await.result.unwrap_err();
    assert_eq!(failure.exit(), Exit::Unreachable);
}

#[tokio::test]
async fn a_server_that_was_never_there_is_not_waited_for() {
    let server = ScriptedServer::start([Does::HangsUp]).await;
    let had = saying_hi(&server, HASTY).await;
    assert!(matches!(had.result, Err(Failure::Unreachable(_))));
    assert_eq!((had.err.as_str(), server.asked().len()), ("", 1));
}

#[tokio::test]
async fn a_server_that_is_there_and_is_never_read_from_is_given_up() {
    let never = || {
        [
            problem(503, "runtime_unavailable"),
            worker("running", Value::Null),
        ]
    };
    let script = (0..9).flat_map(|_| never());
    let server = server(std::iter::once(accepted()).chain(script)).await;
    let patient = Persistence {
        longest_pause: Duration::from_millis(20),
        ..HASTY
    };
    let began_at = std::time::Instant::now();
    let had = saying_hi(&server, patient).await;
    assert!(matches!(had.result, Err(Failure::Refused(_))));
    assert!(server.asked().len() < 20, "{:?}", server.asked());
    // Too many pollers, say, become fewer.
    assert!(began_at.elapsed() >= 4 * patient.longest_pause);
}
