//! Replies stream from every protocol, and the next request contains the conversation.

use std::sync::Arc;
use std::time::Duration;

use adapter_model::ModelConfig;
use serde_json::json;
use tokio::sync::Notify;
use worker_runtime::{RunOutcome, Usage};

use crate::fixture::{Fixture, KEY, config};
use testkit::provider::{RecordedRequest, ScriptedProvider, ScriptedResponse};

const USAGE: Usage = Usage {
    input_tokens: Some(7),
    output_tokens: Some(3),
};

fn anthropic(deltas: &[&str], finish_reason: &str) -> ScriptedResponse {
    let start = json!({"usage": {"input_tokens": 7, "output_tokens": 1}});
    let mut response = ScriptedResponse::new(200, &[])
        .event(&json!({"type": "message_start", "message": start}))
        .event(&json!({"type": "content_block_start", "index": 0,
                       "content_block": {"type": "text", "text": ""}}))
        .event(&json!({"type": "ping"}));
    for text in deltas {
        let delta = json!({"type": "text_delta", "text": text});
        response =
            response.event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    }
    let delta = json!({"stop_reason": finish_reason});
    response
        .event(&json!({"type": "content_block_stop", "index": 0}))
        .event(&json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3}}))
        .event(&json!({"type": "message_stop"}))
}

fn gemini(deltas: &[&str], finish_reason: &str) -> ScriptedResponse {
    let mut response = ScriptedResponse::new(200, &[]);
    for text in deltas {
        let content = json!({"parts": [{"text": text}]});
        response = response.event(&json!({"candidates": [{"content": content}]}));
    }
    response.event(&json!({
        "candidates": [{"finishReason": finish_reason}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 3},
    }))
}

fn ollama(deltas: &[&str], finish_reason: &str) -> ScriptedResponse {
    let mut response = ScriptedResponse::new(200, &[("content-type", "application/x-ndjson")]);
    for text in deltas {
        response = response.send(format!(
            "{}\n",
            json!({"message": {"content": text}, "done": false})
        ));
    }
    let done = json!({"message": {"content": ""}, "done": true, "done_reason": finish_reason,
                      "prompt_eval_count": 7, "eval_count": 3});
    response.send(done.to_string())
}

/// Completes two runs, checks reply, transcript and usage, and returns the second request.
async fn two_runs(model: &str, reply: impl Fn(&[&str]) -> ScriptedResponse) -> RecordedRequest {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config(model, provider.address));
    provider.enqueue(reply(&["Hel", "lo, ", "wörld"]));
    provider.enqueue(reply(&["fine"]));

    let run = fixture.complete_run("hi").await;
    assert_eq!((run.outcome, run.code), (Some(RunOutcome::Completed), None));
    assert_eq!(run.text(), "Hello, wörld");
    assert_eq!(run.usage, Some(USAGE));
    assert_eq!(fixture.complete_run("how are you?").await.text(), "fine");
    assert_eq!(
        fixture.transcript(),
        [
            "user: hi",
            "assistant: Hello, wörld",
            "user: how are you?",
            "assistant: fine"
        ]
    );
    let total = fixture.snapshot().usage;
    assert_eq!((total.input_tokens, total.output_tokens), (14, 6));
    assert_eq!(total.incomplete_runs, 0);
    provider.last_request()
}

#[tokio::test]
async fn each_protocol_sends_the_conversation_to_its_url_with_its_key() {
    let bearer = format!("Bearer {KEY}");
    let gemini_path = "/v1/models/gemini-x:streamGenerateContent?alt=sse";
    let openai = two_runs("any-model", ScriptedResponse::openai).await;
    let claude = |deltas: &[&str]| anthropic(deltas, "end_turn");
    let claude = two_runs("anthropic::claude-x", claude).await;
    let gemini = two_runs("gemini::gemini-x", |deltas| gemini(deltas, "STOP")).await;
    let ollama = two_runs("ollama::qwen3:4b", |deltas| ollama(deltas, "stop")).await;
    assert_eq!(openai.body["model"], "any-model");
    assert_eq!(ollama.body["model"], "qwen3:4b");
    let conversation = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hello, wörld"},
        {"role": "user", "content": "how are you?"},
    ]);
    let messages = openai.body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["role"], "system");
    assert_eq!(json!(messages[1..]), conversation);
    assert!(claude.body["system"].is_string());
    assert_eq!(claude.body["messages"], conversation);
    assert_eq!(gemini.body["contents"][1]["role"], "model");
    for (request, path, header, key) in [
        (openai, "/v1/chat/completions", "authorization", &*bearer),
        (claude, "/v1/messages", "x-api-key", KEY),
        (gemini, gemini_path, "x-goog-api-key", KEY),
        (ollama, "/api/chat", "authorization", &bearer),
    ] {
        let line = format!("POST {path} ");
        assert!(request.head.starts_with(&line), "{}", request.head);
        assert_eq!(request.header(header), Some(key), "{path}");
        if header != "authorization" {
            assert_eq!(request.header("authorization"), None, "{path}");
        }
        let version = request.header("anthropic-version");
        assert_eq!(version, (header == "x-api-key").then_some("2023-06-01"));
    }
}

#[tokio::test]
async fn a_reply_that_the_provider_cut_short_is_kept_and_marked() {
    let half = &["half a"];
    let openai = ScriptedResponse::new(200, &[]).delta("half a");
    for (model, response) in [
        ("any-model", openai.end("length")),
        ("anthropic::claude-x", anthropic(half, "max_tokens")),
        ("gemini::gemini-x", gemini(half, "MAX_TOKENS")),
        ("ollama::qwen3:4b", ollama(half, "length")),
    ] {
        let provider = ScriptedProvider::start().await;
        let fixture = Fixture::new(&config(model, provider.address));
        provider.enqueue(response);
        let run = fixture.complete_run("hi").await;
        assert_eq!(run.outcome, Some(RunOutcome::Completed));
        assert_eq!(run.text(), "half a");
        let diagnostics = || fixture.snapshot().diagnostics;
        assert!(diagnostics().reply_cut_short, "{model}");
        fixture.start_run("again");
        assert!(!diagnostics().reply_cut_short, "only the last run counts");
    }
}

#[tokio::test]
async fn a_delta_is_forwarded_although_nothing_follows_it() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    let forwarded = Arc::new(Notify::new());
    let response = ScriptedResponse::new(200, &[]).delta("now");
    let response = response.wait_for(&forwarded).delta(" and then").end("stop");
    provider.enqueue(response);

    let accepted = fixture.start_run("hi");
    fixture.first_delta(&accepted).await;
    forwarded.notify_one();
    let run = fixture.run_end(&accepted).await;
    assert_eq!(run.deltas, ["now", " and then"]);
}

#[tokio::test]
async fn what_comes_at_once_is_one_event() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    let delta = |text| json!({"choices": [{"delta": {"content": text}}]});
    let events = ["Hel", "lo, ", "wörld"].map(|text| format!("data: {}\n\n", delta(text)));
    let chunk = |event: &String| format!("{:x}\r\n{event}\r\n", event.len());
    let chunks =
        events.iter().map(chunk).collect::<String>() + "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    let head = "HTTP/1.1 200 x\r\nconnection: close\r\n";
    for response in [
        format!("{head}\r\n{}data: [DONE]\n\n", events.concat()),
        format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}"),
    ] {
        provider.enqueue(ScriptedResponse::raw(response));
        let run = fixture.complete_run("hi").await;
        assert_eq!(run.deltas, ["Hello, wörld"]);
    }
}

#[tokio::test]
async fn a_slow_reply_is_complete_if_no_pause_is_too_long() {
    let provider = ScriptedProvider::start().await;
    let mut config = config("m", provider.address);
    config.timeouts.idle = Duration::from_millis(600);
    let fixture = Fixture::new(&config);
    let pause = Duration::from_millis(250);
    let mut response = ScriptedResponse::new(200, &[]);
    for word in ["one ", "two ", "three ", "four"] {
        response = response.delta(word).delay(pause);
    }
    provider.enqueue(response.end("stop"));
    let run = fixture.complete_run("count").await;
    assert_eq!(run.text(), "one two three four");
}

#[tokio::test]
async fn a_fast_model_makes_few_events_and_loses_no_text() {
    let provider = ScriptedProvider::start().await;
    let fixture = Fixture::new(&config("m", provider.address));
    let words: Vec<String> = (0..5_000).map(|number| format!("{number} ")).collect();
    let deltas: Vec<&str> = words.iter().map(String::as_str).collect();
    provider.enqueue(ScriptedResponse::openai(&deltas));
    let run = fixture.complete_run("count").await;
    assert_eq!(run.text(), words.concat());
    // By size alone there would be twelve; a slow machine adds some by time.
    assert!(run.deltas.len() < 500, "{} events", run.deltas.len());
}

#[tokio::test]
async fn entries_left_out_of_the_prompt_are_reported() {
    let provider = ScriptedProvider::start().await;
    let mut config = config("m", provider.address);
    config.context_bytes = 0;
    let fixture = Fixture::new(&config);
    for _ in 0..2 {
        provider.enqueue(ScriptedResponse::openai(&["ok"]));
        fixture.complete_run("hi").await;
    }
    let snapshot = fixture.snapshot();
    assert_eq!(snapshot.diagnostics.omitted_entries, 2);
    let sent = provider.last_request().body;
    let messages = sent["messages"].as_array().unwrap();
    assert_eq!(messages.last().unwrap()["content"], "hi");
    let conversation = messages.iter().filter(|it| it["role"] != "system");
    assert_eq!(conversation.count(), 1);
}

#[tokio::test]
async fn a_probe_sends_one_small_request() {
    let provider = ScriptedProvider::start().await;
    let engine = adapter_model::ModelEngine::new(&config("m", provider.address)).unwrap();
    provider.enqueue(ScriptedResponse::openai(&["ok"]));
    engine.probe().await.unwrap();
    provider.enqueue(ScriptedResponse::new(401, &[]));
    let error = engine.probe().await.unwrap_err();
    assert_eq!(error.kind().as_str(), "unauthorized");
    assert_eq!(engine.public_name(), "m");
}

#[tokio::test]
async fn a_pasted_endpoint_leads_to_the_url_of_its_protocol() {
    type Reply = fn(&[&str]) -> ScriptedResponse;
    let claude: Reply = |deltas| anthropic(deltas, "end_turn");
    let qwen: Reply = |deltas| ollama(deltas, "stop");
    for (model, pasted, reply, path) in [
        (
            "m",
            "",
            ScriptedResponse::openai as Reply,
            "/v1/chat/completions",
        ),
        (
            "m",
            "/v1//",
            ScriptedResponse::openai,
            "/v1/chat/completions",
        ),
        (
            "m",
            "/v1/chat/completions",
            ScriptedResponse::openai,
            "/v1/chat/completions",
        ),
        (
            "m",
            "/v1?api-version=1",
            ScriptedResponse::openai,
            "/v1/chat/completions?api-version=1",
        ),
        ("anthropic::c", "", claude, "/v1/messages"),
        ("anthropic::c", "/v1/messages", claude, "/v1/messages"),
        ("ollama::q", "/v1", qwen, "/api/chat"),
        ("ollama::q", "/api", qwen, "/api/chat"),
    ] {
        let provider = ScriptedProvider::start().await;
        provider.enqueue(reply(&["Hello"]));
        let endpoint = format!("http://{}{pasted}", provider.address);
        let config = ModelConfig {
            endpoint: Some(endpoint.parse().unwrap()),
            ..config(model, provider.address)
        };
        let run = Fixture::new(&config).complete_run("hi").await;
        assert_eq!(run.text(), "Hello", "{model} {pasted}");
        let head = provider.last_request().head;
        assert!(head.starts_with(&format!("POST {path} ")), "{head}");
    }
}
