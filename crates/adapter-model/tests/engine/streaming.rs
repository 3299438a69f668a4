//! Replies stream, whoever sends them, and the next question carries what was said.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;
use worker_runtime::{EventKind, RunOutcome, Usage};

use crate::provider::{Answer, Provider, Step, delta, end, event, head, reply};
use crate::world::{KEY, World, config};

const USAGE: Usage = Usage {
    input_tokens: 7,
    output_tokens: 3,
};

fn anthropic(pieces: &[&str]) -> Answer {
    let mut answer = vec![
        head(200, &[]),
        event(&json!({"type": "message_start", "message": {
            "usage": {"input_tokens": 7, "output_tokens": 1}}})),
        event(&json!({"type": "content_block_start", "index": 0,
                      "content_block": {"type": "text", "text": ""}})),
        event(&json!({"type": "ping"})),
    ];
    answer.extend(pieces.iter().map(|text| {
        event(&json!({"type": "content_block_delta", "index": 0,
                      "delta": {"type": "text_delta", "text": text}}))
    }));
    answer.extend([
        event(&json!({"type": "content_block_stop", "index": 0})),
        event(
            &json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                      "usage": {"output_tokens": 3}}),
        ),
        event(&json!({"type": "message_stop"})),
    ]);
    answer
}

fn gemini(pieces: &[&str]) -> Answer {
    let mut answer = vec![head(200, &[])];
    answer.extend(
        pieces
            .iter()
            .map(|text| event(&json!({"candidates": [{"content": {"parts": [{"text": text}]}}]}))),
    );
    answer.push(event(&json!({
        "candidates": [{"finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3},
    })));
    answer
}

fn ollama(pieces: &[&str]) -> Answer {
    let line = |value: Value| Step::Send(format!("{value}\n").into_bytes());
    let mut answer = vec![head(200, &[("content-type", "application/x-ndjson")])];
    answer.extend(
        pieces
            .iter()
            .map(|text| line(json!({"message": {"content": text}, "done": false}))),
    );
    answer.push(line(json!({
        "message": {"content": ""}, "done": true, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3,
    })));
    answer
}

/// Two runs: what is read, what is kept, what is counted. Returns the requests' bodies.
async fn converse(model: &str, answer: fn(&[&str]) -> Answer) -> Provider {
    let provider = Provider::start().await;
    let world = World::new(&config(model, provider.address));
    provider.will(answer(&["Hel", "lo, ", "wörld"]));
    provider.will(answer(&["fine"]));

    let run = world.says("hi").await;
    assert_eq!((run.outcome, run.code), (RunOutcome::Completed, None));
    assert_eq!(run.text(), "Hello, wörld");
    assert_eq!(run.usage, Some(USAGE));
    assert_eq!(world.says("how are you?").await.text(), "fine");
    assert_eq!(
        world.transcript(),
        [
            "user: hi",
            "assistant: Hello, wörld",
            "user: how are you?",
            "assistant: fine"
        ]
    );
    let total = world.runtime.get(world.worker).unwrap().usage;
    assert_eq!(total, USAGE.plus(USAGE));
    provider
}

fn said_before() -> Value {
    json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello, wörld"},
        {"role": "user", "content": "how are you?"},
    ])
}

#[tokio::test]
async fn a_conversation_with_openai_s_protocol() {
    let provider = converse("any-model", reply).await;
    let request = provider.last_request();
    assert!(request.head.starts_with("POST /v1/chat/completions "));
    let bearer = format!("Bearer {KEY}");
    assert_eq!(request.header("authorization"), Some(bearer.as_str()));
    assert_eq!(request.body["model"], "any-model");
    let messages = request.body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["role"], "system");
    assert_eq!(json!(messages[1..]), said_before());
}

#[tokio::test]
async fn a_conversation_with_anthropic_s_protocol() {
    let provider = converse("anthropic::claude-x", anthropic).await;
    let request = provider.last_request();
    assert!(request.head.starts_with("POST /v1/messages "));
    assert_eq!(request.header("x-api-key"), Some(KEY));
    assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.body["messages"], said_before());
    assert!(request.body["system"].is_string());
}

#[tokio::test]
async fn a_conversation_with_gemini_s_protocol() {
    let provider = converse("gemini::gemini-x", gemini).await;
    let request = provider.last_request();
    let line = "POST /v1/models/gemini-x:streamGenerateContent?alt=sse ";
    assert!(request.head.starts_with(line), "{}", request.head);
    assert_eq!(request.header("x-goog-api-key"), Some(KEY));
    assert_eq!(request.body["contents"][1]["role"], "model");
}

#[tokio::test]
async fn a_conversation_with_ollama_s_protocol() {
    let provider = converse("ollama::qwen3:4b", ollama).await;
    let request = provider.last_request();
    assert!(request.head.starts_with("POST /v1/api/chat "));
    assert_eq!(request.body["model"], "qwen3:4b");
}

/// The same answer with one word of its bytes replaced.
fn instead(answer: Answer, of: &str, word: &str) -> Answer {
    let replaced = |step| match step {
        Step::Send(bytes) => {
            let text = String::from_utf8(bytes).unwrap();
            Step::Send(text.replace(of, word).into_bytes())
        }
        other @ (Step::Wait(_) | Step::Murmur | Step::Stall) => other,
    };
    answer.into_iter().map(replaced).collect()
}

#[tokio::test]
async fn a_reply_that_the_provider_cut_short_is_kept_and_said_to_be() {
    let half = &["half a"];
    for (model, whole, word, cut) in [
        ("any-model", reply(half), "stop", "length"),
        (
            "anthropic::claude-x",
            anthropic(half),
            "end_turn",
            "max_tokens",
        ),
        ("gemini::gemini-x", gemini(half), "STOP", "MAX_TOKENS"),
        ("ollama::qwen3:4b", ollama(half), "\"stop\"", "\"length\""),
    ] {
        let provider = Provider::start().await;
        let world = World::new(&config(model, provider.address));
        provider.will(instead(whole, word, cut));
        let run = world.says("hi").await;
        assert_eq!(
            (run.outcome, run.text()),
            (RunOutcome::Completed, "half a".to_owned())
        );
        let remarks = || world.runtime.get(world.worker).unwrap().diagnostics;
        assert!(remarks().reply_cut_short, "{model}");
        world.begin("again");
        assert!(!remarks().reply_cut_short, "it was said of the run before");
    }
}

#[tokio::test]
async fn a_piece_is_passed_on_although_nothing_follows_it() {
    let provider = Provider::start().await;
    let world = World::new(&config("m", provider.address));
    let go_on = Arc::new(Notify::new());
    let mut answer = vec![head(200, &[]), delta("now"), Step::Wait(Arc::clone(&go_on))];
    answer.push(delta(" and then"));
    answer.extend(end(7, 3));
    provider.will(answer);

    let accepted = world.begin("hi");
    let is_delta = |kind: &EventKind| matches!(kind, EventKind::OutputDelta { .. });
    world.until(accepted.cursor, is_delta).await;
    go_on.notify_one();
    assert_eq!(world.end(&accepted).await.deltas, ["now", " and then"]);
}

#[tokio::test]
async fn a_fast_model_makes_few_events_and_loses_no_word() {
    let provider = Provider::start().await;
    let world = World::new(&config("m", provider.address));
    let words: Vec<String> = (0..5_000).map(|number| format!("{number} ")).collect();
    let pieces: Vec<&str> = words.iter().map(String::as_str).collect();
    provider.will(reply(&pieces));
    let run = world.says("count").await;
    assert_eq!(run.text(), words.concat());
    // By size alone there would be twelve; a slow machine adds some by time.
    assert!(run.deltas.len() < 500, "{} events", run.deltas.len());
}

#[tokio::test]
async fn what_is_left_out_of_the_conversation_is_told() {
    let provider = Provider::start().await;
    let mut config = config("m", provider.address);
    config.context_bytes = 0;
    let world = World::new(&config);
    for _ in 0..2 {
        provider.will(reply(&["ok"]));
        world.says("hi").await;
    }
    let snapshot = world.runtime.get(world.worker).unwrap();
    assert_eq!(snapshot.diagnostics.omitted_entries, 2);
    let sent = provider.last_request().body;
    let messages = sent["messages"].as_array().unwrap();
    assert_eq!(messages.last().unwrap()["content"], "hi");
    let spoken = messages.iter().filter(|it| it["role"] != "system").count();
    assert_eq!(spoken, 1);
}

#[tokio::test]
async fn a_reply_is_read_whole_however_its_bytes_come() {
    let provider = Provider::start().await;
    let world = World::new(&config("m", provider.address));
    let mut answer = vec![head(200, &[])];
    for step in [delta("wörld "), delta("🦀")].into_iter().chain(end(7, 3)) {
        let Step::Send(bytes) = step else {
            unreachable!("a piece is sent");
        };
        answer.extend(bytes.into_iter().map(|byte| Step::Send(vec![byte])));
    }
    provider.will(answer);
    assert_eq!(world.says("hi").await.text(), "wörld 🦀");
}

#[tokio::test]
async fn a_probe_asks_one_small_question() {
    let provider = Provider::start().await;
    let engine = adapter_model::ModelEngine::new(&config("m", provider.address)).unwrap();
    provider.will(reply(&["ok"]));
    assert_eq!(engine.probe().await.unwrap(), USAGE);
    provider.will(crate::provider::refusal(401, &[], ""));
    let refused = engine.probe().await.unwrap_err();
    assert_eq!(refused.kind().as_str(), "unauthorized");
    assert_eq!(engine.public_name(), "m");
}
