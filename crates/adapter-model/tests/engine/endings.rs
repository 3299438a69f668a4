//! What ends a reply and what does not, and what an attempt that failed leaves behind.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::provider::{ScriptedProvider, ScriptedResponse};
use worker_runtime::{RunOutcome, TranscriptQuery};

use crate::fixture::{Fixture, Run, config};

/// Longer than what is left to a reply that is complete.
const PAUSE: Duration = Duration::from_millis(1_200);
/// Longer than any pause here, also on a machine that is busy with something else.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A chunk of OpenAI's protocol with a reason to finish.
fn openai(text: &str, reason: &str) -> Value {
    json!({"choices": [{"delta": {"content": text}, "finish_reason": reason}]})
}

fn gemini(text: &str, reason: &str) -> Value {
    let content = json!({"parts": [{"text": text}]});
    json!({"candidates": [{"content": content, "finishReason": reason}]})
}

async fn run_against(model: &str, responses: impl IntoIterator<Item = ScriptedResponse>) -> Run {
    let provider = ScriptedProvider::start().await;
    responses.into_iter().for_each(|it| provider.enqueue(it));
    let mut config = config(model, provider.address);
    config.timeouts.idle = IDLE_TIMEOUT;
    Fixture::new(&config).complete_run("hi").await
}

/// Gemini did so, and gateways pass it on.
#[tokio::test]
async fn a_reason_to_finish_in_every_event_ends_nothing() {
    let of = |model, chunk: fn(&str, &str) -> Value, reason| async move {
        let part = |text| chunk(text, reason);
        let all = ScriptedResponse::event_stream()
            .event(&part("one "))
            .delay(PAUSE)
            .event(&part("two "))
            .delay(PAUSE)
            .event(&part("three"));
        let run = run_against(model, [all]).await;
        assert_eq!(run.text(), "one two three", "{model} {reason}");
        assert_eq!(run.outcome, Some(RunOutcome::Completed), "{run:?}");

        let error = json!({"error": {"code": 503, "message": "overloaded"}});
        let failed = ScriptedResponse::event_stream()
            .event(&part("one "))
            .event(&part("two "));
        let run = run_against(model, [failed.event(&error)]).await;
        assert_eq!((&*run.text(), run.code), ("one two ", Some("overloaded")));
    };
    tokio::join!(of("m", openai, "stop"), of("gemini::g", gemini, "STOP"));
}

/// A gateway sends the reason while the model still thinks.
#[tokio::test]
async fn a_reason_to_finish_before_any_text_ends_nothing() {
    let of = |model, chunk: fn(&str, &str) -> Value, reason| async move {
        let late = ScriptedResponse::event_stream()
            .event(&chunk("", reason))
            .delay(PAUSE);
        let run = run_against(model, [late.event(&chunk("Hello", reason))]).await;
        assert_eq!(run.text(), "Hello", "{model} {run:?}");
    };
    tokio::join!(of("m", openai, "stop"), of("gemini::g", gemini, "STOP"));
}

#[tokio::test]
async fn a_reply_that_its_provider_gives_up_is_cut_off() {
    for (model, chunk, reason) in [
        ("m", openai as fn(&str, &str) -> Value, "abort"),
        ("gemini::g", gemini, "OTHER"),
    ] {
        // The last text may come with the reason.
        let given_up = |text| {
            ScriptedResponse::event_stream()
                .event(&chunk(text, ""))
                .event(&chunk(text, reason))
        };
        let run = run_against(model, [given_up("tick ")]).await;
        assert_eq!(run.code, Some("reply_cut_off"), "{model}");
        assert_eq!(run.text(), "tick tick ");
        let run = run_against(
            model,
            [
                given_up(""),
                ScriptedResponse::event_stream().event(&chunk("42", "stop")),
            ],
        )
        .await;
        assert_eq!(
            run.text(),
            "42",
            "{model}: nothing was shown, so it is asked again"
        );
    }
}

/// Its server keeps the connection open, and sends comments for ever.
#[tokio::test]
async fn an_empty_reply_is_waited_for_no_longer_than_a_while() {
    let of = |delta: Value| async move {
        let thought =
            ScriptedResponse::event_stream().event(&json!({"choices": [{"delta": delta}]}));
        let end = thought.event(&openai("", "stop"));
        let end = end.repeat(": alive\n\n", PAUSE / 12);
        let run = run_against("m", [end.clone(), end]);
        let run = tokio::time::timeout(IDLE_TIMEOUT / 2, run).await;
        assert_eq!(run.unwrap().code, Some("empty_reply"));
    };
    tokio::join!(of(json!({})), of(json!({"reasoning": "hm"})));
}

/// A last line break is no sign that the reply goes on.
#[tokio::test]
async fn white_space_after_the_end_keeps_nothing_waiting() {
    let end = ScriptedResponse::event_stream()
        .event(&openai("Hello", ""))
        .event(&openai("", "stop"));
    let end = end
        .event(&openai("\n", ""))
        .repeat(": alive\n\n", PAUSE / 12);
    let run = run_against("m", [end]);
    let run = tokio::time::timeout(IDLE_TIMEOUT / 2, run).await;
    assert_eq!(run.unwrap().text(), "Hello\n");
}

/// No reply to speak of, but the protocol is the right one.
#[tokio::test]
async fn usage_alone_is_of_gemini_s_protocol() {
    let usage = || {
        ScriptedResponse::event_stream().event(&json!({"usageMetadata": {"promptTokenCount": 3}}))
    };
    let hello = ScriptedResponse::event_stream().event(&gemini("Hello", "STOP"));
    let run = run_against("gemini::g", [usage(), hello]).await;
    assert_eq!(run.text(), "Hello", "{run:?}");
}

#[tokio::test]
async fn what_the_attempts_reason_is_set_apart() {
    let thought = |text| {
        ScriptedResponse::event_stream()
            .event(&json!({"choices": [{"delta": {"reasoning": text}}]}))
    };
    let provider = ScriptedProvider::start().await;
    provider.enqueue(thought("One thought."));
    provider.enqueue(thought("Another.").event(&openai("Hello", "stop")));
    let fixture = Fixture::new(&config("m", provider.address));
    assert_eq!(fixture.complete_run("hi").await.text(), "Hello");
    let query = TranscriptQuery::default();
    let page = fixture.runtime.transcript(fixture.worker, query).await;
    let reasoning = page.unwrap().entries[1].reasoning.clone();
    assert_eq!(reasoning.as_deref(), Some("One thought.\n\nAnother."));
}
