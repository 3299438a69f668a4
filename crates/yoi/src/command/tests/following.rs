//! Following a reply or a worker's events through every interruption.

use std::time::Duration;

use registry_core::Cursor;
use registry_core::projection::AcceptedInput;
use serde_json::{Value, json};

use super::*;
use crate::args::ReasoningMode;
use crate::command::reply::ReplyStyle;
use crate::connect::Target;
use crate::error::Unreachable;
use crate::follow::tests::FAST;
use crate::scripted_server::{
    RUN, assert_contains, batch, cursor, delta, finished, problem, reply_entry as entry,
    transcript, w1, worker_after,
};

/// Follows the reply to an input that was accepted as entry 3, after event 1.
pub(super) async fn follow_reply(
    format: Format,
    script: impl IntoIterator<Item = Scripted>,
) -> Finished {
    follow_reasoning(ReasoningMode::Summary, format, script).await
}

pub(super) async fn follow_reasoning(
    reasoning: ReasoningMode,
    format: Format,
    script: impl IntoIterator<Item = Scripted>,
) -> Finished {
    let (run_id, sequence, cursor) = (RUN.parse().unwrap(), 3, Cursor::new(1, 1));
    let accepted = AcceptedInput {
        run_id,
        sequence,
        cursor,
    };
    run_in_session(format, script, async |mut session| {
        let style = ReplyStyle { format, reasoning };
        send::follow(&mut session, style, &w1(), accepted, FAST).await
    })
    .await
}

/// Follows the worker's events from the oldest retained.
async fn follow_events(script: impl IntoIterator<Item = Scripted>) -> Finished {
    run_in_session(Format::Text, script, async |mut session| {
        events::follow(&mut session, &w1(), None, FAST).await
    })
    .await
}

#[tokio::test]
async fn a_reply_is_printed_as_it_comes_and_its_line_is_ended() {
    let script = [
        accepted(3, 1),
        batch(2, [delta("Hel")]),
        Scripted::Close,
        batch(4, [delta("lo"), finished("completed")]),
    ];
    let send = run_line("send w1 hi --follow", script).await.success();
    assert_eq!((send.out.as_str(), send.err.as_str()), ("Hello\n", ""));
}

#[tokio::test]
async fn a_run_that_does_not_complete_is_an_error_after_its_text() {
    let script = [batch(3, [delta("Hal"), finished("cancelled")])];
    let reply = follow_reply(Format::Text, script).await;
    assert_eq!(reply.out, "Hal\n");
    let error = reply.result.unwrap_err();
    assert_eq!(error.to_string(), "run run-1 was cancelled");
}

fn diagnostic(code: &str, severity: &str, count: u32) -> Value {
    json!({"code": code, "severity": severity, "message": "Something.", "count": count})
}

#[tokio::test]
async fn what_a_reply_lacks_is_reported_after_it_and_is_no_failure() {
    let told = "note: Something. ×3 [context_truncated]\nwarning: Something. [reply_cut_short]\n";
    let diagnostics = json!([
        diagnostic("context_truncated", "info", 3),
        diagnostic("reply_cut_short", "warning", 1),
    ]);
    let mut end = finished("completed");
    end["diagnostics"] = diagnostics.clone();
    let script = || [batch(3, [delta("Once upon a"), end.clone()])];
    let reply = follow_reply(Format::Text, script()).await.success();
    assert_eq!(
        (reply.out.as_str(), reply.err.as_str()),
        ("Once upon a\n", told)
    );
    let reply = follow_reply(Format::Json, script()).await.success();
    assert_eq!(reply.err, "");

    let mut whole = entry("Once upon a", false);
    whole["diagnostics"] = diagnostics;
    let script = [
        problem(410, "cursor_expired"),
        transcript(7, &json!([whole]), None),
        worker("idle"),
    ];
    let reply = follow_reply(Format::Text, script).await.success();
    assert!(reply.err.ends_with(told), "{}", reply.err);
}

#[tokio::test]
async fn events_that_expired_are_filled_in_from_the_transcript() {
    let script = [
        batch(2, [delta("One, ")]),
        problem(410, "cursor_expired"),
        transcript(7, &json!([]), Some("One, two, ")),
        batch(9, [delta("three"), finished("completed")]),
    ];
    let reply = follow_reply(Format::Text, script).await.success();
    assert_eq!(reply.out, "One, two, three\n");
    let note = "note: some events have expired; continuing from the transcript\n";
    assert_eq!(reply.err, note);
    assert_contains(&reply.requests[2], "/transcript?limit=1&after=3");
    assert_contains(&reply.requests[3], &cursor(7));
}

#[tokio::test]
async fn a_run_that_ended_in_the_gap_ends_as_the_worker_remembers_it() {
    let last = json!({
        "run_id": RUN, "outcome": "failed", "error_code": "engine_panicked",
        "finished_at": "2026-01-01T00:00:00Z",
    });
    let script = [
        problem(410, "cursor_expired"),
        Scripted::Close,
        transcript(7, &json!([entry("Half", true)]), None),
        Scripted::Truncated,
        worker_after("idle", &last),
    ];
    let reply = follow_reply(Format::Text, script).await;
    assert_eq!(reply.out, "Half\n");
    let error = reply.result.unwrap_err();
    assert_eq!(error.to_string(), "run run-1 failed [engine_panicked]");
}

#[tokio::test]
async fn a_run_that_ended_long_ago_completed_if_its_reply_is_whole() {
    let script = |partial| {
        let page = transcript(7, &json!([entry("All", partial)]), None);
        [problem(410, "cursor_expired"), page, worker("idle")]
    };
    let whole = follow_reply(Format::Text, script(false)).await.success();
    assert_eq!(whole.out, "All\n");
    let partial = follow_reply(Format::Text, script(true)).await;
    let Err(Error::RunEnded(end)) = partial.result else {
        panic!("{:?}", partial.result);
    };
    assert_eq!(end.outcome, None);
}

#[tokio::test]
async fn a_server_that_goes_away_during_a_reply_is_unreachable() {
    let reply = follow_reply(Format::Text, [batch(2, [delta("a")])]).await;
    let Err(Error::Unreachable(Unreachable::Refused { .. })) = reply.result else {
        panic!("{:?}", reply.result);
    };
    let reply = follow_reply(Format::Text, [Scripted::Text(200, "{")]).await;
    assert_eq!(reply.result.unwrap_err().exit(), Exit::Failed);
}

/// The end of a run that did not survive the server.
fn interrupted() -> Scripted {
    let last = json!({
        "run_id": RUN, "outcome": "failed", "error_code": "interrupted",
        "finished_at": "2026-01-01T00:00:00Z",
    });
    worker_after("idle", &last)
}

#[tokio::test]
async fn a_reply_that_a_restart_interrupts_ends_as_failed_after_its_text() {
    for (partial, out) in [("Half", "Half\n"), ("Half of", "Half of\n")] {
        let server = ScriptedServer::start([
            interrupted(),
            problem(410, "cursor_expired"),
            transcript(7, &json!([entry(partial, true)]), None),
            interrupted(),
        ])
        .await;
        let target = server.target();
        let reply = follow_through(target, [batch(2, [delta("Half")])]).await;
        assert_eq!(reply.out, out);
        let error = reply.result.unwrap_err();
        assert_eq!(error.to_string(), "run run-1 failed [interrupted]");
        assert_eq!(error.exit(), Exit::Failed);
        let url = server.url();
        let (_, rest) = reply.err.split_once("looking for the server").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        assert_eq!(
            rest,
            format!(
                "note: connected to {url} again\n\
                 note: the reply stops here: the server was restarted\n"
            )
        );
    }
}

#[tokio::test]
async fn a_restart_on_the_same_port_is_called_a_restart_not_a_wrong_token() {
    let server = ScriptedServer::start([worker("idle"), batch(3, [finished("completed")])]).await;
    let refused = [problem(401, "unauthorized")];
    let reply = follow_through(server.target(), refused).await.success();
    let url = server.url();
    assert_eq!(
        reply.err,
        format!(
            "note: the server was restarted; looking for the server for 20 s\n\
             note: connected to {url} again\n"
        )
    );
}

/// Without a store a restarted server knows no worker.
#[tokio::test]
async fn a_reply_whose_worker_a_restart_forgets_is_an_unknown_worker() {
    let server = ScriptedServer::start([problem(404, "unknown_worker")]).await;
    let reply = follow_through(server.target(), [batch(2, [delta("Half")])]).await;
    let error = reply.result.unwrap_err();
    assert_eq!(error.exit(), Exit::Failed);
    assert_contains(&error.message(), "[unknown_worker]");
}

/// Follows a reply on a server that goes away after `script`, and that `then` replaces.
async fn follow_through(then: Target, script: impl IntoIterator<Item = Scripted>) -> Finished {
    let (run_id, sequence, cursor) = (RUN.parse().unwrap(), 3, Cursor::new(1, 1));
    let accepted = AcceptedInput {
        run_id,
        sequence,
        cursor,
    };
    run_in_session(Format::Text, script, async move |mut session| {
        session.find_again = Rc::new(move |_| Ok(then.clone()));
        session.reconnect.timeout = Duration::from_secs(20);
        let style = ReplyStyle {
            format: Format::Text,
            reasoning: ReasoningMode::Summary,
        };
        send::follow(&mut session, style, &w1(), accepted, FAST).await
    })
    .await
}

#[tokio::test]
async fn followed_json_is_one_event_a_line_up_to_the_end_of_the_run() {
    let stopped = json!({"kind": "worker_stopped"});
    let script = [
        batch(2, [delta("a\nb")]),
        batch(4, [finished("completed"), stopped]),
    ];
    let reply = follow_reply(Format::Json, script).await.success();
    let kind = |line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone();
    let kinds: Vec<Value> = reply.out.lines().map(kind).collect();
    assert_eq!(kinds, ["output_delta", "run_finished"]);
}

#[tokio::test]
async fn events_are_followed_until_the_worker_is_stopped() {
    let script = [
        batch(2, [delta("a\u{1b}b")]),
        batch(2, []),
        worker("idle"),
        batch(3, [json!({"kind": "worker_stopped"})]),
    ];
    let events = follow_events(script).await.success();
    assert_eq!(
        events.out,
        "2026-01-01T00:00:00Z  output_delta    run run-1  \"a\\u{1b}b\"\n\
         2026-01-01T00:00:00Z  worker_stopped\n"
    );
}

#[tokio::test]
async fn following_a_worker_that_was_stopped_before_ends() {
    let line = format!("events w1 --follow --after {}", cursor(2));
    let events = run_line(&line, [batch(2, []), worker("stopped")]).await;
    assert_eq!(events.success().out, "");
}

#[tokio::test]
async fn a_note_says_that_followed_events_expired() {
    let script = [
        problem(410, "cursor_expired"),
        transcript(7, &json!([]), Some("so far")),
        batch(9, [json!({"kind": "worker_stopped"})]),
    ];
    let events = follow_events(script).await.success();
    assert_eq!(events.out, "2026-01-01T00:00:00Z  worker_stopped\n");
    assert_contains(&events.err, "`yoi transcript w1` shows their text");
    assert_contains(&events.err, "the text of run run-1 so far: \"so far\"");
    assert_contains(&events.requests[2], &cursor(7));
}
