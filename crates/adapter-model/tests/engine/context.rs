//! A conversation that is longer than the model's context goes on, whatever words its provider has
//! for that.

use serde_json::{Value, json};
use testkit::provider::{RecordedRequest, ScriptedProvider, ScriptedResponse};
use worker_runtime::RunOutcome;

use crate::fixture::{Fixture, config};

/// Tokens of the scripted model's context, at four bytes each.
const CONTEXT_TOKENS: usize = 2_048;
const TURNS: usize = 200;

fn tokens(request: &RecordedRequest) -> usize {
    let messages = request.body["messages"].as_array().unwrap().iter();
    let bytes = messages.map(|message| message["content"].as_str().unwrap().len());
    bytes.sum::<usize>() / 4
}

fn json_error(status: u16, body: &Value) -> ScriptedResponse {
    ScriptedResponse::new(status, &[("content-type", "application/json")]).send(body.to_string())
}

/// What a server says of `sent` tokens, in the words of the numbered provider.
fn too_long(wording: usize, sent: usize) -> ScriptedResponse {
    let limit = CONTEXT_TOKENS;
    let message = |text: String| json!({"error": {"message": text}});
    match wording {
        // OpenAI
        0 => json_error(
            400,
            &json!({"error": {"code": "context_length_exceeded", "message": format!(
            "This model's maximum context length is {limit} tokens. However, your messages resulted \
             in {sent} tokens. Please reduce the length of the messages.")}}),
        ),
        // Anthropic
        1 => json_error(
            400,
            &json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": format!("prompt is too long: {sent} tokens > {limit} maximum")}}),
        ),
        // Gemini
        2 => json_error(
            400,
            &json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
            format!("The input token count ({sent}) exceeds the maximum number of tokens allowed \
                     ({limit}).")}}),
        ),
        // vLLM
        3 => json_error(
            400,
            &json!({"object": "error", "code": 400, "message": format!(
            "This model's maximum context length is {limit} tokens. However, you requested {sent} \
             tokens")}),
        ),
        // llama.cpp
        4 => json_error(
            400,
            &json!({"error": {"code": 400, "type": "exceed_context_size_error",
            "message": format!("request ({sent} tokens) exceeds the available context size ({limit} \
                                tokens), try increasing it"),
            "n_prompt_tokens": sent, "n_ctx": limit}}),
        ),
        // LM Studio, which names no number that helps
        5 => json_error(
            400,
            &json!({"error": "The number of tokens to keep from the initial prompt \
            is greater than the context length (context overflow)"}),
        ),
        // Ollama
        6 => json_error(
            400,
            &json!({"error": "the input length exceeds the context length"}),
        ),
        // llama-cpp-python
        7 => json_error(
            400,
            &message(format!(
                "Requested tokens ({sent}) exceed context window of {limit}"
            )),
        ),
        // Some say nothing, with status 200 and usage
        8 => ScriptedResponse::openai(&[]),
        // llama.cpp with a cache that slots share: in the stream
        _ => ScriptedResponse::event_stream()
            .event(&json!({"error": {"code": 500, "message": "Context size has been exceeded."}})),
    }
}

#[tokio::test]
async fn every_turn_is_answered_and_what_is_left_out_is_said() {
    for wording in 0..10 {
        let provider = ScriptedProvider::start().await;
        provider.respond_with(move |request| match tokens(request) {
            sent if sent > CONTEXT_TOKENS => too_long(wording, sent),
            _ => ScriptedResponse::openai(&["a reply of some words"]),
        });
        let fixture = Fixture::new(&config("m", provider.address));
        let mut omitted = 0;
        for turn in 0..TURNS {
            let run = fixture
                .complete_run(&format!("{turn} {}", "words ".repeat(20)))
                .await;
            assert_eq!(
                run.outcome,
                Some(RunOutcome::Completed),
                "{wording} {turn} {run:?}"
            );
            let snapshot = fixture.snapshot();
            let said = snapshot.diagnostics.omitted_entries;
            let sent = provider.last_request().body["messages"]
                .as_array()
                .unwrap()
                .len();
            // Instructions and input are no entries of before.
            assert_eq!(said, 2 * turn + 2 - sent, "{wording} {turn}");
            omitted = omitted.max(said);
        }
        assert!(omitted > TURNS, "{omitted}");
        // What was learned holds: a refusal costs a request, and there were few.
        let requests = provider.requests().len();
        assert!(requests <= TURNS + 12, "{wording}: {requests}");
    }
}

#[tokio::test]
async fn an_input_that_alone_is_too_long_fails_and_the_conversation_goes_on() {
    let provider = ScriptedProvider::start().await;
    provider.respond_with(|request| match tokens(request) {
        sent if sent > CONTEXT_TOKENS => too_long(0, sent),
        _ => ScriptedResponse::openai(&["fine"]),
    });
    let fixture = Fixture::new(&config("m", provider.address));
    assert_eq!(fixture.complete_run("hello").await.text(), "fine");
    let run = fixture.complete_run(&"long ".repeat(4_000)).await;
    assert_eq!(run.code, Some("context_too_long"));
    assert_eq!(fixture.complete_run("and now?").await.text(), "fine");
    let sent = provider.last_request().body["messages"].clone();
    assert_eq!(
        sent[1]["content"], "hello",
        "the conversation is still sent"
    );
}

#[tokio::test]
async fn a_huge_reply_is_cut_in_the_middle_rather_than_forgotten() {
    let provider = ScriptedProvider::start().await;
    let mut config = config("m", provider.address);
    config.context_bytes = 4_096;
    let fixture = Fixture::new(&config);
    let huge = "x".repeat(300 * 1_024);
    provider.enqueue(ScriptedResponse::openai(&[&huge]));
    provider.enqueue(ScriptedResponse::openai(&["Ann"]));
    fixture.complete_run("my name is Ann, write a lot").await;
    assert_eq!(fixture.complete_run("what is my name?").await.text(), "Ann");
    let sent = provider.last_request().body["messages"].clone();
    assert_eq!(sent[1]["content"], "my name is Ann, write a lot");
    assert!(sent[2]["content"].as_str().unwrap().contains("left out"));
    let snapshot = fixture.snapshot();
    assert!(snapshot.diagnostics.exchange_truncated);
}

#[tokio::test]
async fn a_context_that_a_reply_fills_ends_the_reply_once() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    provider.enqueue(ScriptedResponse::openai(&["hello"]));
    let error = json!({"error": {"code": 500, "message": "Context size has been exceeded."}});
    let full = ScriptedResponse::new(200, &[])
        .delta("Once upon a")
        .event(&error);
    provider.enqueue(full);
    fixture.complete_run("hi").await;
    let run = fixture.complete_run("a story").await;
    assert_eq!(run.text(), "Once upon a");
    assert_eq!(run.outcome, Some(RunOutcome::Completed));
    assert_eq!(provider.requests().len(), 2);
    let snapshot = fixture.snapshot();
    assert!(snapshot.diagnostics.context_window_full);
}

#[tokio::test]
async fn an_empty_reply_to_a_short_conversation_is_not_blamed_on_its_length() {
    let provider = ScriptedProvider::start().await;
    provider.respond_with(|request| match request.body["messages"].as_array() {
        Some(messages) if messages.len() > 2 => ScriptedResponse::openai(&[]),
        _ => ScriptedResponse::openai(&["fine"]),
    });
    let fixture = Fixture::new(&config("m", provider.address));
    assert_eq!(fixture.complete_run("hello").await.text(), "fine");
    assert_eq!(
        fixture.complete_run("again").await.code,
        Some("empty_reply")
    );
    // It was asked again once.
    assert_eq!(provider.requests().len(), 3);
}

/// What a server says while it refuses everything teaches nothing about its model.
#[tokio::test]
async fn a_server_that_refuses_everything_for_a_while_costs_no_memory() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    provider.respond_with(|_| ScriptedResponse::openai(&["fine"]));
    let story = "a long story ".repeat(400);
    fixture.complete_run(&story).await;
    provider.respond_with(|_| ScriptedResponse::new(413, &[]).send("<html>too large</html>"));
    let run = fixture.complete_run("and then?").await;
    assert_eq!(run.code, Some("context_too_long"));
    provider.respond_with(|_| ScriptedResponse::openai(&["fine"]));
    fixture.complete_run("and now?").await;
    let sent = provider.last_request().body["messages"].clone();
    assert_eq!(sent[1]["content"], story.as_str());
}

/// A reply that a content filter withheld in part is not sent again: it would be refused again, and
/// every later message with it.
#[tokio::test]
async fn a_reply_that_was_filtered_in_part_does_not_end_the_conversation() {
    let provider = ScriptedProvider::start().await;
    let reason = json!({"choices": [{"delta": {}, "finish_reason": "content_filter"}]});
    let error = json!({"error": {"code": "data_inspection_failed"}});
    for (end, outcome) in [(reason, RunOutcome::Completed), (error, RunOutcome::Failed)] {
        let fixture = Fixture::new(&config("m", provider.address));
        let filtered = ScriptedResponse::event_stream();
        provider.enqueue(filtered.delta("some bad").event(&end));
        provider.enqueue(ScriptedResponse::openai(&["fine"]));
        let run = fixture.complete_run("something odd").await;
        assert_eq!(run.outcome, Some(outcome), "{end}");
        assert_eq!(fixture.complete_run("what is 2+2?").await.text(), "fine");
        let sent = provider.last_request().body["messages"].to_string();
        assert!(!sent.contains("odd") && !sent.contains("bad"), "{sent}");
    }
}

/// Some providers send an empty reply now and then.
#[tokio::test]
async fn an_empty_reply_now_and_then_costs_no_memory() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    provider.respond_with(|_| ScriptedResponse::openai(&["fine"]));
    let story = "a long story ".repeat(400);
    fixture.complete_run(&story).await;
    for _ in 0..4 {
        for _ in 0..2 {
            provider.enqueue(ScriptedResponse::openai(&[]));
        }
        assert_eq!(fixture.complete_run("and then?").await.text(), "fine");
        fixture.complete_run("and now?").await;
        let sent = provider.last_request().body["messages"].clone();
        assert_eq!(sent[1]["content"], story.as_str());
    }
}
