//! Following a reply or a worker's events, through everything that can come between.

use serde_json::{Value, json};

use super::*;
use crate::failure::Unreachable;
use crate::follow::tests::HASTY;
use crate::scripted_server::{batch, delta, finished, problem, reply as entry, transcript};

/// Follows the reply to an input that was accepted as entry 3, after event 1.
async fn followed(format: Format, script: impl IntoIterator<Item = Does>) -> Ran {
    let accepted = json!({"run_id": RUN, "sequence": 3, "cursor": cursor(1)});
    let accepted = serde_json::from_value(accepted).unwrap();
    let follow =
        async |mut session: Session<'_>| reply::follow(&mut session, &w1(), &accepted, HASTY).await;
    ran(format, script, follow).await
}

/// Follows the worker's events from the oldest retained.
async fn followed_events(script: impl IntoIterator<Item = Does>) -> Ran {
    let follow =
        async |mut session: Session<'_>| events::follow(&mut session, &w1(), None, HASTY).await;
    ran(Format::Text, script, follow).await
}

#[tokio::test]
async fn a_reply_is_printed_as_it_comes_and_ends_its_line() {
    let script = [
        accepted(),
        batch(2, [delta("Hel")]),
        batch(4, [delta("lo"), finished("completed")]),
    ];
    let ran = typed("yoi send w1 hi --follow", script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "Hello\n");
    assert_eq!(ran.err, "");
}

#[tokio::test]
async fn a_run_that_does_not_complete_is_a_failure_after_its_text() {
    let ran = followed(
        Format::Text,
        [batch(3, [delta("Hal"), finished("cancelled")])],
    )
    .await;
    assert_eq!(ran.out, "Hal\n");
    assert_eq!(ran.run_end().to_string(), "run run-1 was cancelled");
}

#[tokio::test]
async fn events_that_are_gone_are_filled_in_from_the_transcript() {
    let script = [
        batch(2, [delta("One, ")]),
        problem(410, "cursor_expired"),
        transcript(7, &json!([]), json!({"run_id": RUN, "text": "One, two, "})),
        batch(9, [delta("three"), finished("completed")]),
    ];
    let ran = followed(Format::Text, script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "One, two, three\n");
    assert_eq!(
        ran.err,
        "note: some events are gone; the transcript fills the gap\n"
    );
    assert!(
        ran.asked[2].ends_with("/transcript?limit=1&after=3"),
        "{:?}",
        ran.asked
    );
    assert!(ran.asked[3].contains(&cursor(7)), "{:?}", ran.asked);
}

#[tokio::test]
async fn a_run_that_ended_in_the_gap_ends_as_the_worker_remembers_it() {
    let last = json!({
        "run_id": RUN, "outcome": "failed", "error_code": "engine_panicked",
        "finished_at": "2026-01-01T00:00:00Z",
    });
    let script = [
        problem(410, "cursor_expired"),
        Does::HangsUp,
        transcript(7, &json!([entry("Half", true)]), Value::Null),
        Does::BreaksOff,
        worker("idle", last),
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
            transcript(7, &json!([entry("All", partial)]), Value::Null),
            worker("idle", Value::Null),
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
        Does::HangsUp,
        Does::BreaksOff,
        batch(3, [delta("b"), finished("completed")]),
    ];
    let ran = followed(Format::Text, script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "ab\n");
}

#[tokio::test]
async fn a_server_that_goes_away_while_it_is_followed_is_unreachable() {
    let ran = followed(Format::Text, [batch(2, [delta("a")])]).await;
    assert!(matches!(
        ran.result,
        Err(Failure::Unreachable(Unreachable::Refused { .. }))
    ));
    let ran = followed(Format::Text, [Does::Says(200, "{")]).await;
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
        worker("idle", Value::Null),
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
    let script = [batch(2, []), worker("stopped", Value::Null)];
    let ran = typed(
        &format!("yoi events w1 --follow --after {}", cursor(2)),
        script,
    )
    .await;
    ran.result.unwrap();
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn followed_events_that_are_gone_are_said_to_be() {
    let script = [
        problem(410, "cursor_expired"),
        transcript(7, &json!([]), json!({"run_id": RUN, "text": "so far"})),
        batch(9, [json!({"kind": "worker_stopped"})]),
    ];
    let ran = followed_events(script).await;
    ran.result.unwrap();
    assert_eq!(ran.out, "2026-01-01T00:00:00Z  worker_stopped\n");
    assert!(
        ran.err.contains("`yoi transcript w1` has what they said"),
        "{}",
        ran.err
    );
    assert!(
        ran.err.contains("run run-1 has said so far: \"so far\""),
        "{}",
        ran.err
    );
    assert!(ran.asked[2].contains(&cursor(7)));
}
