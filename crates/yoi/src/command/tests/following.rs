//! Following a reply or a worker's events through every interruption.

use serde_json::{Value, json};

use super::*;
use crate::error::Unreachable;
use crate::follow::tests::FAST;
use crate::scripted_server::{
    RUN, batch, delta, finished, problem, reply_entry as entry, transcript, worker_after,
};

/// Follows the reply to an input that was accepted as entry 3, after event 1.
async fn followed(format: Format, script: impl IntoIterator<Item = Scripted>) -> Finished {
    let accepted = serde_json::from_value(accepted_json(3, 1)).unwrap();
    run_in_session(format, script, async |mut session| {
        send::follow(&mut session, &w1(), accepted, FAST).await
    })
    .await
}

/// Follows the worker's events from the oldest retained.
async fn followed_events(script: impl IntoIterator<Item = Scripted>) -> Finished {
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
        batch(4, [delta("lo"), finished("completed")]),
    ];
    let ran = run_line("yoi send w1 hi --follow", script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "Hello\n");
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn a_run_that_does_not_complete_is_an_error_after_its_text() {
    let ran = followed(
        Format::Text,
        [batch(3, [delta("Hal"), finished("cancelled")])],
    )
    .await;
    assert_eq!(ran.out, "Hal\n");
    assert_eq!(ran.run_end().to_string(), "run run-1 was cancelled");
}

#[tokio::test]
async fn events_that_expired_are_filled_in_from_the_transcript() {
    let script = [
        batch(2, [delta("One, ")]),
        problem(410, "cursor_expired"),
        transcript(7, &json!([]), Some("One, two, ")),
        batch(9, [delta("three"), finished("completed")]),
    ];
    let ran = followed(Format::Text, script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "One, two, three\n");
    assert_eq!(
        ran.err,
        "note: some events have expired; continuing from the transcript\n"
    );
    assert!(
        ran.requests[2].ends_with("/transcript?limit=1&after=3"),
        "{:?}",
        ran.requests
    );
    assert!(ran.requests[3].contains(&cursor(7)), "{:?}", ran.requests);
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
    let ran = followed(Format::Text, script).await;
    assert_eq!(ran.out, "Half\n");
    assert_eq!(
        ran.run_end().to_string(),
        "run run-1 failed [engine_panicked]"
    );
}

#[tokio::test]
async fn a_run_that_ended_long_ago_completed_if_its_reply_is_whole() {
    let gap = |partial| {
        [
            problem(410, "cursor_expired"),
            transcript(7, &json!([entry("All", partial)]), None),
            worker("idle"),
        ]
    };
    let ran = followed(Format::Text, gap(false)).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "All\n");
    assert_eq!(
        followed(Format::Text, gap(true)).await.run_end().outcome,
        None
    );
}

#[tokio::test]
async fn a_reply_survives_a_dropped_connection_and_nothing_is_printed_twice() {
    let script = [
        batch(2, [delta("a")]),
        Scripted::Close,
        Scripted::Truncated,
        batch(3, [delta("b"), finished("completed")]),
    ];
    let ran = followed(Format::Text, script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "ab\n");
}

#[tokio::test]
async fn a_server_that_goes_away_during_a_reply_is_unreachable() {
    let ran = followed(Format::Text, [batch(2, [delta("a")])]).await;
    assert!(matches!(
        ran.result,
        Err(Error::Unreachable(Unreachable::Refused { .. }))
    ));
    let ran = followed(Format::Text, [Scripted::Text(200, "{")]).await;
    assert_eq!(ran.result.unwrap_err().exit(), Exit::Failed);
}

#[tokio::test]
async fn followed_json_is_one_event_a_line_up_to_the_end_of_the_run() {
    let stopped = json!({"kind": "worker_stopped"});
    let script = [
        batch(2, [delta("a\nb")]),
        batch(4, [finished("completed"), stopped]),
    ];
    let ran = followed(Format::Json, script).await;
    ran.result.unwrap();
    let kinds: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone())
        .collect();
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
    let ran = followed_events(script).await;
    ran.result.unwrap();
    assert_eq!(
        ran.out,
        "2026-01-01T00:00:00Z  output_delta    run run-1  \"a\\u{1b}b\"\n\
         2026-01-01T00:00:00Z  worker_stopped\n"
    );
}

#[tokio::test]
async fn following_a_worker_that_was_stopped_before_ends() {
    let script = [batch(2, []), worker("stopped")];
    let ran = run_line(
        &format!("yoi events w1 --follow --after {}", cursor(2)),
        script,
    )
    .await;
    ran.result.unwrap();
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn a_note_says_that_followed_events_expired() {
    let script = [
        problem(410, "cursor_expired"),
        transcript(7, &json!([]), Some("so far")),
        batch(9, [json!({"kind": "worker_stopped"})]),
    ];
    let ran = followed_events(script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "2026-01-01T00:00:00Z  worker_stopped\n");
    assert!(
        ran.err.contains("`yoi transcript w1` shows what they said"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("the text of run run-1 so far: \"so far\""),
        "{}",
        ran.err
    );
    assert!(ran.requests[2].contains(&cursor(7)));
}
