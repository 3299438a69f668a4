//! Servers that drop connections, go away, and forget workers.

use std::cell::RefCell;

use super::*;

#[tokio::test]
async fn a_lost_connection_is_reported_and_nothing_is_printed_twice() {
    let server = server([
        accepted(1, 2),
        batch(3, [delta("a")]),
        Scripted::Truncated,
        Scripted::Close,
        worker("running"),
        batch(5, [delta("b"), finished("completed")]),
    ])
    .await;
    let chat = send_hi(&server, FAST).await;
    chat.result.unwrap();
    assert_eq!(chat.out, "ab\n");
    let url = server.url();
    assert_eq!(
        chat.err,
        format!(
            "note: the connection to {url} was lost; looking for the server for 20 s\n\
             note: connected to {url} again\n"
        )
    );
    assert_contains(&server.request_lines()[6], &cursor(3));
}

#[tokio::test]
async fn a_run_that_ended_while_its_events_expired_is_read_again_after_an_outage() {
    let expired = || problem(410, "cursor_expired");
    let page = || transcript(7, &json!([reply_entry("All", false)]), None);
    let server = server([
        accepted(1, 2),
        expired(),
        page(),
        Scripted::Truncated,
        worker("idle"),
        expired(),
        page(),
        worker("idle"),
    ])
    .await;
    let chat = send_hi(&server, FAST).await;
    chat.result.unwrap();
    assert_eq!(chat.out, "All\n");
    let lines = server.request_lines();
    assert_eq!(lines[2], lines[6], "from the position before the outage");
}

#[tokio::test]
async fn a_message_whose_response_is_lost_is_sent_again_with_the_same_key() {
    let script = [
        Scripted::Close,
        accepted(1, 2),
        batch(3, [finished("completed")]),
        Scripted::Truncated,
        accepted(1, 2),
        batch(3, [finished("completed")]),
    ];
    let server = server(script).await;
    let chat = chat_on(Redirected, client_of(&server, FAST), async |chat| {
        exchange_once(chat, "hi").await?;
        exchange_once(chat, "hi").await
    });
    chat.await.result.unwrap();
    let requests = server.requests();
    let key = |at: usize| header(&requests[at], "idempotency-key: ");
    assert_eq!(key(1), key(2));
    assert_eq!(key(4), key(5));
    assert_ne!(key(1), key(4), "another message has another key");
}

#[tokio::test]
async fn a_restarted_server_that_forgot_the_worker_gets_a_new_worker_and_the_message() {
    let old = server([Scripted::Close]).await;
    let new = ScriptedServer::start([
        problem(401, "unauthorized"),
        problem(404, "unknown_worker"),
        worker("idle"),
        accepted(1, 2),
        batch(4, [delta("Hello"), finished("completed")]),
    ])
    .await;
    // Its token can be found only a moment after its address.
    let tokens = RefCell::new(vec![OTHER_TOKEN, TOKEN]);
    let server = new.url().clone();
    let find_again = move |_: &_| {
        let token = tokens.borrow_mut().pop().unwrap_or(OTHER_TOKEN);
        Ok(Target::named(server.clone(), Some(token.parse().unwrap())))
    };
    let client = ReconnectingClient::new(old.client(), Rc::new(find_again), FAST);
    let chat = chat_on(Redirected, client, async |chat| {
        exchange_once(chat, "hi").await
    })
    .await;
    chat.result.unwrap();
    assert_eq!(chat.out, "Hello\n");
    assert_contains(&chat.err, "no longer knows w1");
    let requests = new.requests();
    assert_eq!(header(&requests[1], "authorization: Bearer "), OTHER_TOKEN);
    assert!(requests[2].starts_with("POST /api/runtimes/backend-internal/workers HTTP"));
    assert!(requests[2].ends_with("{\"display_name\":\"Worker\"}"));
    assert!(requests[3].ends_with("{\"content\":\"hi\"}"));
}

#[tokio::test]
async fn a_replacement_has_the_same_model_unless_the_server_has_it_no_more() {
    let mut known = worker_summary("w1", "idle");
    known["model"] = "m".into();
    let server = ScriptedServer::start([
        Scripted::Json(200, known),
        problem(404, "unknown_worker"),
        problem(422, "unknown_model"),
        worker("idle"),
        accepted(1, 2),
        batch(4, [delta("Hello"), finished("completed")]),
    ])
    .await;
    let chat = send_hi(&server, FAST).await;
    chat.result.unwrap();
    let requests = server.requests();
    assert!(requests[2].ends_with(r#"{"display_name":"Worker","model":"m"}"#));
    assert!(requests[3].ends_with(r#"{"display_name":"Worker"}"#));
}

#[tokio::test]
async fn a_reply_that_was_lost_with_its_server_is_not_requested_again() {
    let server = server([
        accepted(1, 2),
        batch(3, [delta("Hal")]),
        problem(404, "unknown_worker"),
        worker("idle"),
    ])
    .await;
    let chat = send_hi(&server, FAST).await;
    chat.result.unwrap();
    assert_eq!(chat.out, "Hal\n");
    assert_contains(&chat.err, "note: the rest of this reply is lost");
    assert_contains(&chat.err, "A new worker");
    let mut lines = server.request_lines();
    lines.retain(|line| line.ends_with("/input"));
    assert_eq!(lines.len(), 1);
}

#[tokio::test]
async fn a_worker_that_survives_a_restart_goes_on_after_the_interrupted_reply() {
    let last = json!({
        "run_id": "run-1", "outcome": "failed", "error_code": "interrupted",
        "finished_at": "2026-01-01T00:00:00Z",
    });
    let new = ScriptedServer::start([
        worker_after("idle", &last),
        problem(410, "cursor_expired"),
        transcript(7, &json!([reply_entry("Half of", true)]), None),
        worker_after("idle", &last),
        accepted(5, 2),
        batch(3, [delta("Whole"), finished("completed")]),
    ])
    .await;
    let old = server([accepted(3, 2), batch(3, [delta("Half")])]).await;
    let replacement = new.target();
    let find_again = move |_: &_| Ok(replacement.clone());
    let client = ReconnectingClient::new(old.client(), Rc::new(find_again), FAST);
    let chat = chat_on(Redirected, client, async |chat| {
        let reply = chat.exchange("hi").await;
        chat.report(reply.map(Some)).await?;
        let reply = chat.exchange("again").await;
        chat.report(reply.map(Some)).await
    })
    .await;
    chat.result.unwrap();
    assert_eq!(chat.out, "Half of\nWhole\n");
    let (_, notes) = chat.err.split_once("again\n").unwrap();
    assert_eq!(
        notes,
        "note: the reply stops here: the server was restarted\n\
         error: run run-1 failed [interrupted]\n\
         hint: the server was stopped or crashed while it replied; send the message again\n"
    );
    let inputs = new.request_lines();
    let inputs: Vec<_> = inputs.iter().filter(|l| l.ends_with("/input")).collect();
    assert_eq!(
        inputs,
        ["POST /api/runtimes/backend-internal/workers/w1/input"]
    );
}

#[tokio::test]
async fn a_server_that_stays_away_or_was_away_at_the_start_ends_the_conversation() {
    let timeout = Duration::from_millis(20);
    let policy = ReconnectPolicy { timeout, ..FAST };
    let stays_away = server([Scripted::Close]).await;
    let error = send_hi(&stays_away, policy).await.result.unwrap_err();
    assert_eq!(error.exit(), Exit::Unreachable);

    let was_away = ScriptedServer::start([Scripted::Close]).await;
    let chat = send_hi(&was_away, FAST).await;
    assert!(matches!(chat.result, Err(Error::Unreachable(_))));
    assert_eq!((chat.err.as_str(), was_away.requests().len()), ("", 1));
}

#[tokio::test]
async fn a_server_that_responds_but_never_sends_events_is_given_up() {
    let fruitless = |_| [problem(503, "runtime_unavailable"), worker("running")];
    let script = (0..9).flat_map(fruitless);
    let server = server(std::iter::once(accepted(1, 2)).chain(script)).await;
    let policy = ReconnectPolicy {
        max_delay: Duration::from_millis(20),
        ..FAST
    };
    let started_at = std::time::Instant::now();
    let chat = send_hi(&server, policy).await;
    assert!(matches!(chat.result, Err(Error::Api(_))));
    assert!(server.requests().len() < 20);
    // Time for the cause, such as too many pollers, to pass.
    assert!(started_at.elapsed() >= 4 * policy.max_delay);
}
