//! What is shown while a run has no text yet: reasoning and retries.

use super::following::{follow_reasoning, follow_reply};
use super::*;
use crate::args::ReasoningMode;
use crate::scripted_server::{delta, problem};

fn at(mut event: Value, second: u32) -> Value {
    event["at"] = format!("2026-01-01T00:00:{second:02}Z").into();
    event
}

#[tokio::test]
async fn reasoning_is_shown_as_asked_and_never_stands_in_the_reply() {
    let script = || {
        let thoughts = [at(thought("Let me"), 1), at(thought(" see."), 5)];
        let reply = [at(delta("Yes"), 13), finished("completed")];
        [batch(2, thoughts), batch(4, reply)]
    };
    for (format, reasoning, err) in [
        (
            Format::Text,
            ReasoningMode::Summary,
            "thought for 12 s, 11 bytes\n",
        ),
        (Format::Text, ReasoningMode::Show, "Let me see.\n"),
        (Format::Text, ReasoningMode::Hide, ""),
        (Format::Json, ReasoningMode::Show, ""),
    ] {
        let reply = follow_reasoning(reasoning, format, script())
            .await
            .success();
        assert_eq!(reply.err, err, "{reasoning:?}");
        match format {
            Format::Text => assert_eq!(reply.out, "Yes\n"),
            Format::Json => assert_eq!(reply.out.lines().count(), 4),
        }
    }
}

#[tokio::test]
async fn reasoning_without_a_reply_is_summarised_before_the_failure() {
    let mut end = at(finished("failed"), 3);
    end["error_code"] = "empty_reply".into();
    end["error_detail"] = "reasoning_only".into();
    let script = [batch(3, [at(thought("Hmm"), 1), end])];
    let reply = follow_reply(Format::Text, script).await;
    assert_eq!(reply.err, "thought for 2 s, 3 bytes\n");
    let error = reply.result.unwrap_err();
    assert_contains(&error.to_string(), "[empty_reply/reasoning_only]");
}

#[tokio::test]
async fn reasoning_that_expired_is_filled_in_from_the_transcript() {
    let mut page = transcript_json(7, &json!([]), Some(""));
    page["in_flight"]["reasoning"] = "One, two, ".into();
    page["in_flight"]["phase"] = "reasoning".into();
    let script = [
        batch(2, [thought("One, ")]),
        problem(410, "cursor_expired"),
        Scripted::Json(200, page),
        batch(9, [thought("three"), delta("Yes"), finished("completed")]),
    ];
    let reply = follow_reasoning(ReasoningMode::Show, Format::Text, script).await;
    let reply = reply.success();
    assert_eq!(reply.out, "Yes\n");
    assert_eq!(
        reply.err,
        "One, \n\
         note: some events have expired; continuing from the transcript\n\
         two, three\n"
    );
}

#[tokio::test]
async fn reasoning_that_expired_together_with_the_text_after_it_is_summarised() {
    let mut whole = reply_entry("Yes", false);
    whole["reasoning"] = "One, two".into();
    let mut in_flight = transcript_json(7, &json!([]), Some("Y"));
    in_flight["in_flight"]["reasoning"] = "One, two".into();
    for page in [transcript_json(7, &json!([whole]), None), in_flight] {
        let rest = batch(9, [delta("es"), finished("completed")]);
        let script = match page.get("in_flight") {
            Some(_) => rest,
            None => worker("idle"),
        };
        let expired = problem(410, "cursor_expired");
        let script = [expired, Scripted::Json(200, page), script];
        let reply = follow_reply(Format::Text, script).await.success();
        assert_eq!(reply.out, "Yes\n");
        assert_contains(&reply.err, "\nthought, 8 bytes\n");
    }
}

#[tokio::test]
async fn a_retry_is_reported_with_its_reason_and_its_delay() {
    let retrying = json!({
        "kind": "run_retrying", "run_id": RUN, "error_code": "rate_limited", "delay_ms": 1200,
    });
    let script = [batch(3, [retrying, delta("Yes"), finished("completed")])];
    let reply = follow_reply(Format::Text, script).await.success();
    assert_eq!(reply.out, "Yes\n");
    assert_eq!(
        reply.err,
        "note: the model's provider asks for fewer requests [rate_limited]; trying again in 2 s\n"
    );
}
