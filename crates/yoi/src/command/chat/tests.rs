//! Conversations: what is printed, what is sent, and how they end.

mod outage;

use std::rc::Rc;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::args::ReasoningMode;
use crate::connect::Target;
use crate::error::Exit;
use crate::output::StreamKind::{self, PlainTerminal, Redirected};
use crate::output::tests::Captured;
use crate::scripted_server::{
    Scripted, ScriptedServer, TOKEN, accepted, assert_contains, batch, cursor, delta, finished,
    finished_with_usage, problem, problem_json, reply_entry, response_budget_exhausted, transcript,
    w1, worker, worker_after, worker_summary,
};

const OTHER_TOKEN: &str = "another-token-of-22-characters-or-more";

/// Hardly waits, but has time for every response of a script.
const FAST: ReconnectPolicy = ReconnectPolicy {
    timeout: Duration::from_secs(20),
    first_delay: Duration::from_millis(1),
    max_delay: Duration::from_millis(1),
};

/// The result of a conversation, and what it printed.
struct Finished<T> {
    result: Result<T, Error>,
    out: String,
    err: String,
}

/// A client of `server`, which has no replacement but itself.
fn client_of(server: &ScriptedServer, policy: ReconnectPolicy) -> ReconnectingClient {
    let find_again = |known: &Target| Ok(known.clone());
    ReconnectingClient::new(server.client(), Rc::new(find_again), policy)
}

/// Starts `yoi chat w1` on two streams of `kind`, and does `work` with it.
async fn chat_on<T>(
    kind: StreamKind,
    client: ReconnectingClient,
    work: impl AsyncFnOnce(&mut Conversation<'_>) -> Result<T, Error>,
) -> Finished<T> {
    let (captured, mut terminal) = Captured::new(kind);
    let style = ReplyStyle {
        format: Format::Text,
        reasoning: ReasoningMode::Summary,
    };
    let partner = Partner::Existing {
        worker: w1(),
        named_by_user: true,
    };
    let last = LastWorker::none();
    let started = Conversation::start(client, last, &mut terminal, style, partner).await;
    let result = match started {
        Ok(mut conversation) => work(&mut conversation).await,
        Err(error) => Err(error),
    };
    Finished {
        result,
        out: captured.out(),
        err: captured.err(),
    }
}

/// Sends “hi” in a conversation with a worker that exists, and reports on the reply.
async fn send_hi(server: &ScriptedServer, policy: ReconnectPolicy) -> Finished<()> {
    chat_on(
        Redirected,
        client_of(server, policy),
        async |conversation| conversation.send_and_report("hi").await,
    )
    .await
}

/// A server with an idle worker.
async fn server(script: impl IntoIterator<Item = Scripted>) -> ScriptedServer {
    ScriptedServer::start(std::iter::once(worker("idle")).chain(script)).await
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {request}"))
}

#[tokio::test]
async fn a_refused_message_is_reported_and_the_conversation_continues() {
    for (status, code) in [
        (409, "worker_busy"),
        (413, "input_too_large"),
        (429, "capacity_exhausted"),
    ] {
        let server = server([problem(status, code)]).await;
        let chat = send_hi(&server, FAST).await;
        chat.result.unwrap();
        assert_contains(&chat.err, &format!("[{code}]"));
        assert_eq!(server.request_lines().len(), 2, "{code} is not waited for");
    }
}

#[tokio::test]
async fn a_message_that_the_server_can_t_store_is_reported_and_the_conversation_continues() {
    let mut full = problem_json(503, "runtime_unavailable");
    full["reason"] = "store_full".into();
    let server = server([
        Scripted::Json(503, full),
        accepted(1, 2),
        batch(3, [delta("Hello"), finished("completed")]),
    ])
    .await;
    let chat = chat_on(Redirected, client_of(&server, FAST), async |chat| {
        for _ in 0..2 {
            chat.send_and_report("hi").await?;
        }
        Ok(())
    })
    .await;
    chat.result.unwrap();
    assert_eq!(chat.out, "Hello\n");
    assert_eq!(
        chat.err,
        "error: Title. Detail. [runtime_unavailable]\n\
         hint: the server's disk, or its database's, is full; free space there, then try again\n"
    );
}

#[tokio::test]
async fn a_reply_refused_by_the_response_budget_is_read_later_and_is_whole() {
    let server = server([
        accepted(1, 2),
        batch(3, [delta("One, ")]),
        response_budget_exhausted(1),
        batch(4, [delta("two, ")]),
        problem(410, "cursor_expired"),
        response_budget_exhausted(0),
        transcript(7, &json!([]), Some("One, two, three, ")),
        response_budget_exhausted(0),
        batch(8, [delta("four"), finished("completed")]),
    ])
    .await;
    let chat = send_hi(&server, FAST).await;
    chat.result.unwrap();
    assert_eq!(chat.out, "One, two, three, four\n");
    let lines = server.request_lines();
    assert_eq!(lines[3], lines[4], "from where it was left");
    assert_eq!(lines[6], lines[7]);
    assert_eq!(lines[8], lines[9]);
    // The server is not looked for: it responds.
    assert!(!chat.err.contains("looking"), "{}", chat.err);
}

#[tokio::test]
async fn reading_a_reply_waits_for_the_response_budget_and_sending_does_not() {
    let server = server([
        response_budget_exhausted(0),
        transcript(7, &json!([]), Some("One, ")),
        batch(8, [delta("two"), finished("completed")]),
        response_budget_exhausted(0),
    ])
    .await;
    let chat = chat_on(Redirected, client_of(&server, FAST), async |conversation| {
        conversation.resume().await?;
        conversation.exchange("hi").await
    })
    .await;
    assert_eq!(chat.out, "One, two\n");
    assert!(chat.result.unwrap_err().is_response_budget_exhausted());
    assert_eq!(server.request_lines().len(), 5);
}

#[tokio::test]
async fn a_worker_that_accepts_no_input_ends_the_conversation() {
    let stopped = server([problem(409, "worker_stopped")]).await;
    let chat = send_hi(&stopped, FAST).await;
    let Err(error @ Error::AcceptsNoInput { .. }) = chat.result else {
        panic!("{:?}", chat.result);
    };
    assert_eq!(error.exit(), Exit::Failed);
    for state in ["stopped", "recorded"] {
        let server = ScriptedServer::start([worker(state)]).await;
        let chat = send_hi(&server, FAST).await;
        assert!(matches!(chat.result, Err(Error::AcceptsNoInput { .. })));
    }
}

#[tokio::test]
async fn a_failed_run_is_reported_with_a_hint_and_the_conversation_continues() {
    let mut end = finished("failed");
    end["error_code"] = "rate_limited".into();
    let server = server([accepted(1, 2), batch(3, [end])]).await;
    let chat = send_hi(&server, FAST).await;
    chat.result.unwrap();
    assert_eq!(
        chat.err,
        "error: run run-1 failed [rate_limited]\n\
         hint: the model's provider asks for fewer requests; wait a little, then send the message \
         again\n"
    );
}

#[tokio::test]
async fn usage_is_printed_as_far_as_it_is_known_on_a_terminal_only() {
    let (input, output) = (json!({"input_tokens": 3}), json!({"output_tokens": 4}));
    let both = json!({"input_tokens": 3, "output_tokens": 4});
    for (kind, usage, err) in [
        (PlainTerminal, &both, "3 input tokens, 4 output tokens\n"),
        (PlainTerminal, &input, "3 input tokens\n"),
        (PlainTerminal, &output, "4 output tokens\n"),
        (PlainTerminal, &json!({}), ""),
        (Redirected, &both, ""),
    ] {
        let mut end = finished("completed");
        end["usage"] = usage.clone();
        let events = [delta("Hello"), end];
        let server = server([accepted(1, 2), batch(3, events)]).await;
        let chat = chat_on(kind, client_of(&server, FAST), async |conversation| {
            exchange_once(conversation, "hi").await
        })
        .await;
        chat.result.unwrap();
        assert_eq!((chat.out.as_str(), chat.err.as_str()), ("Hello\n", err));
    }
}

#[tokio::test]
async fn a_reply_in_progress_is_printed_from_its_beginning() {
    let server = server([
        transcript(7, &json!([]), Some("One, ")),
        batch(8, [delta("two, ")]),
        problem(410, "cursor_expired"),
        transcript(9, &json!([]), Some("One, two, three, ")),
        batch(10, [delta("four"), finished_with_usage()]),
    ])
    .await;
    let chat = chat_on(Redirected, client_of(&server, FAST), async |conversation| {
        conversation.resume().await
    })
    .await;
    assert_eq!(chat.out, "One, two, three, four\n");
    let Some(ReplyEnd::Finished(end)) = chat.result.unwrap() else {
        panic!("the run has not finished");
    };
    assert_eq!(end.usage.unwrap().output_tokens, Some(4));
    assert_contains(&server.request_lines()[2], &cursor(7));
}

#[tokio::test]
async fn a_chat_begins_with_what_was_said_last() {
    let said = |sequence: u64, role: &str, content: &str| {
        let mut entry = reply_entry(content, false);
        entry["sequence"] = sequence.into();
        entry["role"] = role.into();
        entry
    };
    let entries = json!([said(3, "user", "Why?\nHow?"), said(4, "assistant", "So.")]);
    let server = server([
        transcript(7, &entries, None),
        accepted(1, 2),
        batch(3, [finished("completed")]),
    ])
    .await;
    let chat = chat_on(PlainTerminal, client_of(&server, FAST), async |chat| {
        chat.resume().await?;
        chat.run(SlashCommand::Retry).await
    })
    .await;
    chat.result.unwrap();
    assert_eq!(chat.err, "…\nyou:\n  Why?\n  How?\nassistant:\n  So.\n");
    assert_eq!(chat.out, "");
    assert_contains(&server.request_lines()[1], "/transcript?limit=5");
    assert!(server.requests()[2].ends_with(r#"{"content":"Why?\nHow?"}"#));
}

#[tokio::test]
async fn a_new_conversation_has_the_same_model_and_profile_and_another_worker() {
    let mut known = worker_summary("w1", "idle");
    known["model"] = "m".into();
    known["profile"] = "local:p".into();
    let created = Scripted::Json(200, worker_summary("w2", "idle"));
    let server = ScriptedServer::start([
        Scripted::Json(200, known),
        created,
        accepted(1, 2),
        batch(3, [finished("completed")]),
    ])
    .await;
    let chat = chat_on(PlainTerminal, client_of(&server, FAST), async |chat| {
        chat.run(SlashCommand::New).await?;
        chat.run(SlashCommand::Retry).await?;
        chat.send_and_report("hi").await
    })
    .await;
    chat.result.unwrap();
    assert_contains(&chat.err, "chatting with “Worker” (w2)");
    assert_contains(&chat.err, "no message to send again");
    let requests = server.requests();
    assert!(requests[1].ends_with(r#"{"profile":"local:p","model":"m"}"#));
    assert_contains(&server.request_lines()[2], "/workers/w2/input");
}

#[tokio::test]
async fn a_run_is_cancelled_from_the_prompt_and_a_failure_leaves_the_chat() {
    let cancelled = json!({"result": "cancelled", "run_id": "run-9"});
    let server = server([
        Scripted::Json(200, cancelled),
        Scripted::Json(200, json!({"result": "not_running"})),
        problem(405, "operation_unsupported"),
    ])
    .await;
    let chat = chat_on(Redirected, client_of(&server, FAST), async |chat| {
        for _ in 0..3 {
            chat.run(SlashCommand::Cancel).await?;
        }
        Ok(())
    })
    .await;
    chat.result.unwrap();
    let notes = "note: the run was cancelled\nnote: there is no active run\nerror: ";
    assert!(chat.err.starts_with(notes), "{}", chat.err);
}

#[tokio::test]
async fn a_worker_that_another_client_stopped_is_told_as_that_and_ends_the_chat() {
    for (state, is_stopped) in [("stopped", true), ("idle", false)] {
        let end = batch(3, [delta("Hal"), finished("cancelled")]);
        let server = server([accepted(1, 2), end, worker(state)]).await;
        let chat = send_hi(&server, FAST).await;
        let note = "note: another client stopped this worker\n";
        assert_eq!(chat.err.contains(note), is_stopped, "{}", chat.err);
        let ended = matches!(chat.result, Err(Error::AcceptsNoInput { .. }));
        assert_eq!(ended, is_stopped);
    }
}
