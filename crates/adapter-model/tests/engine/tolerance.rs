//! What servers send besides, or instead of, what their protocol says, as people have reported it.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::provider::{ScriptedProvider, ScriptedResponse};
use tokio::time::timeout;
use worker_runtime::{EventKind, EventsQuery, RunDiagnostics, RunOutcome, TranscriptQuery};

use crate::fixture::{Fixture, Run, config};

const SSE: &[(&str, &str)] = &[("content-type", "text/event-stream")];
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// The run against this body, and the fixture behind it.
async fn run_against(model: &str, response: ScriptedResponse) -> (Run, Fixture) {
    let provider = ScriptedProvider::start().await;
    let mut config = config(model, provider.address);
    config.timeouts.first_byte = Duration::from_secs(5);
    config.timeouts.idle = Duration::from_millis(500);
    let fixture = Fixture::new(&config);
    provider.enqueue(response);
    let run = fixture.complete_run("hi").await;
    (run, fixture)
}

fn sse<T: AsRef<str>>(events: &[T]) -> ScriptedResponse {
    let events = events.iter().map(|event| format!("{}\n\n", event.as_ref()));
    ScriptedResponse::new(200, SSE).send(events.collect::<String>())
}

fn data(event: &Value) -> String {
    format!("data: {event}")
}

fn chunk(delta: &Value) -> String {
    data(&json!({"choices": [{"index": 0, "delta": delta}]}))
}

fn text(text: &str) -> String {
    chunk(&json!({"content": text}))
}

fn finish(reason: &str) -> String {
    data(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

#[tokio::test]
async fn what_keeps_a_connection_alive_and_text_in_any_place_are_accepted() {
    let raw = str::to_owned;
    let (hel, lo, stop) = (text("Hel"), text("lo"), finish("stop"));
    let around = |more: &[&str]| {
        let more = more.iter().map(|event| raw(event));
        let mut events = vec![hel.clone()];
        events.extend(more);
        events.extend([lo.clone(), stop.clone()]);
        events
    };
    let with_error = |error: Value| {
        let good = json!({"choices": [{"delta": {"content": "Hello"}}], "error": error});
        vec![data(&good), stop.clone()]
    };
    let message = json!({"message": {"content": "Hello"}, "finish_reason": "stop"});
    let plain = json!({"text": "Hello", "finish_reason": "stop"});
    let marked = r#"data: {"choices":[{"delta":{"content":"Hello"}}]}"#;
    let marked = format!("\u{feff}{}", marked.replace("data: ", "data: \u{feff}"));
    for events in [
        around(&["data: "]),
        around(&["data:", "data: null", "data: \"\"", "data: {}"]),
        around(&["data: : OPENROUTER PROCESSING", ": comment"]),
        around(&["event: ping\ndata: not json"]),
        around(&[&chunk(&json!(null)), &chunk(&json!({"content": null}))]),
        around(&[&chunk(
            &json!({"reasoning_content": "hm", "tool_calls": null}),
        )]),
        with_error(json!({})),
        with_error(json!(false)),
        with_error(json!("")),
        with_error(json!(null)),
        vec![
            chunk(&json!({"content": ["Hel", {"text": "lo"}]})),
            stop.clone(),
        ],
        vec![data(&json!({"choices": [message]}))],
        vec![data(&json!({"choices": [plain]}))],
        // Both places, as Together does.
        vec![
            data(&json!({"choices": [{"text": "Hel", "delta": {"content": "Hel"}}]})),
            data(&json!({"choices": [{"text": "lo", "delta": {"content": "lo"}}]})),
            stop.clone(),
        ],
        vec![data(
            &json!({"choices": [{"text": "Hello", "message": {"content": "Hello"},
                                 "finish_reason": "stop"}]}),
        )],
        // The whole reply again at its end.
        vec![
            hel.clone(),
            lo.clone(),
            data(&json!({"choices": [message]})),
        ],
        with_error(json!({"code": null, "message": ""})),
        vec![marked, stop.clone()],
        // Deltas under the name of the whole.
        vec![
            data(&json!({"choices": [{"message": {"content": "Hel"}}]})),
            data(&json!({"choices": [{"message": {"content": "lo"}, "finish_reason": "stop"}]})),
        ],
        vec![hel.clone(), finish("null"), lo.clone(), stop.clone()],
        vec![text("<think>hm</think>\n\nHello"), stop.clone()],
        vec![hel.clone(), lo.clone(), raw("data: [DONE]")],
    ] {
        let (run, _) = run_against("m", sse(&events)).await;
        assert_eq!(run.text(), "Hello", "{events:?} {run:?}");
        assert_eq!(run.outcome, Some(RunOutcome::Completed), "{events:?}");
    }
    // The last line break is forgotten.
    let unfinished = ScriptedResponse::new(200, SSE).send(format!("{hel}\n\n{lo}\n\n{stop}"));
    let (run, _) = run_against("m", unfinished).await;
    assert_eq!((run.text().as_str(), run.code), ("Hello", None));
    let halves = [r"\ud83d", r"\ude00"];
    let halves =
        halves.map(|half| format!(r#"data: {{"choices":[{{"delta":{{"content":"{half}"}}}}]}}"#));
    let (run, _) = run_against("m", sse(&[&halves[0], &halves[1], &stop])).await;
    assert_eq!(run.text(), "😀");
}

#[tokio::test]
async fn anthropic_s_stream_needs_neither_its_last_event_nor_types_in_its_data() {
    let block = json!({"type": "text", "text": "Hel"});
    let events = [
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 5}}}),
        json!({"type": "content_block_start", "content_block": block}),
        json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
               "usage": {"output_tokens": 2}}),
    ];
    let typed: Vec<_> = events.iter().map(data).collect();
    let untyped = events.iter().map(|event| {
        let mut event = event.clone();
        let kind = event.as_object_mut().unwrap().remove("type").unwrap();
        format!("event: {}\ndata: {event}", kind.as_str().unwrap())
    });
    let with = |more: &str| {
        let mut events = typed.clone();
        events.push(more.to_owned());
        events
    };
    for events in [
        typed.clone(),
        untyped.collect(),
        with("event: ping\ndata: "),
        with("data: [DONE]"),
        with("data: {\"type\":\"message_stop\"}"),
    ] {
        let (run, _) = run_against("anthropic::c", sse(&events)).await;
        assert_eq!(run.text(), "Hello", "{events:?} {run:?}");
        let usage = run.usage.unwrap();
        let tokens = (usage.input_tokens, usage.output_tokens);
        assert_eq!(tokens, (Some(5), Some(2)));
    }
    // Pings alone neither keep a complete reply waiting, nor fail it.
    let ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
    let pings = sse(&typed).repeat(ping, Duration::from_millis(50));
    let run = timeout(Duration::from_secs(60), run_against("anthropic::c", pings)).await;
    assert_eq!(run.expect("an end").0.text(), "Hello");
}

#[tokio::test]
async fn a_server_that_does_not_stream_answers_all_the_same() {
    let message = json!({"message": {"content": "Hello"}, "finish_reason": "stop"});
    let openai = json!({"choices": [message], "usage": {"prompt_tokens": 3}});
    let anthropic = json!({"type": "message", "content": [{"type": "text", "text": "Hello"}],
                           "stop_reason": "end_turn", "usage": {"input_tokens": 3}});
    let gemini = json!([
        {"candidates": [{"content": {"parts": [{"text": "Hel"}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "lo"}]}, "finishReason": "STOP"}],
         "usageMetadata": {"promptTokenCount": 3}},
    ]);
    let ollama = json!({"message": {"content": "Hello"}, "done": true, "prompt_eval_count": 3});
    // A gateway before it may stream in the way of others.
    let events = format!("data: {ollama}\n\n");
    let pretty = |body: &Value| serde_json::to_string_pretty(body).unwrap();
    for (model, body) in [
        ("m", pretty(&openai)),
        ("anthropic::c", pretty(&anthropic)),
        ("gemini::g", pretty(&gemini)),
        ("ollama::q", ollama.to_string()),
        ("ollama::q", pretty(&ollama)),
        ("ollama::q", pretty(&ollama).replace('\n', "\r\n")),
        ("ollama::q", events),
    ] {
        let response = ScriptedResponse::new(200, JSON).send(body);
        let (run, _) = run_against(model, response).await;
        assert_eq!(run.text(), "Hello", "{model} {run:?}");
        assert_eq!(run.usage.unwrap().input_tokens, Some(3), "{model}");
    }
    let error = json!({"error": {"message": "You exceeded your spending limit"}}).to_string();
    let (run, _) = run_against("m", ScriptedResponse::new(200, JSON).send(error)).await;
    assert_eq!(run.code, Some("quota_exhausted"));
    // Between the events of a stream, too.
    let error = r#"{"error": {"message": "You exceeded your spending limit"}}"#;
    for events in [&[": keep-alive", error][..], &[&text("Hel"), error]] {
        let (run, _) = run_against("m", sse(events)).await;
        assert_eq!(run.code, Some("quota_exhausted"), "{events:?}");
    }
    let named = "event: error\ndata: {\"message\": \"CUDA error: out of memory\"}";
    let (run, _) = run_against("m", sse(&[&text("Hel"), named])).await;
    assert_eq!(run.code, Some("overloaded"));
}

#[tokio::test]
async fn a_stream_that_breaks_off_within_an_event_is_cut_off() {
    let hel = json!({"message": {"content": "Hel"}});
    for (model, body) in [
        ("m", format!("{}\n\ndata: {{\"choices\": [", text("Hel"))),
        ("ollama::q", format!("{hel}\n{{\"message\": {{\"con")),
    ] {
        let response = ScriptedResponse::new(200, &[]).send(body);
        let (run, _) = run_against(model, response).await;
        assert_eq!(
            (run.text().as_str(), run.code),
            ("Hel", Some("reply_cut_off"))
        );
    }
}

/// What a run shows of the model's reasoning.
async fn reasoning(fixture: &Fixture) -> String {
    let query = EventsQuery {
        limit: Some(200),
        ..EventsQuery::default()
    };
    let batch = fixture.runtime.events(fixture.worker, query).await.unwrap();
    let mut reasoning = String::new();
    for event in &batch.events {
        if let EventKind::ReasoningDelta { text, .. } = &event.kind {
            reasoning.push_str(text);
        }
    }
    reasoning
}

#[tokio::test]
async fn reasoning_is_shown_wherever_a_provider_puts_it() {
    let openai = |deltas: &[Value]| {
        let mut events: Vec<_> = deltas.iter().map(chunk).collect();
        events.push(finish("stop"));
        sse(&events)
    };
    let hello = json!({"content": "Hello"});
    let parts = json!([{"type": "thinking", "thinking": [{"text": "hm"}]}, {"text": "Hello"}]);
    let anthropic = [
        json!({"type": "message_start", "message": {}}),
        json!({"type": "content_block_delta", "delta": {"thinking": "hm"}}),
        json!({"type": "content_block_delta", "delta": {"text": "Hello"}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
    ];
    let gemini = json!([{"text": "hm", "thought": true}, {"text": "Hello"}]);
    let gemini = json!({"content": {"parts": gemini}, "finishReason": "STOP"});
    let ollama = "{\"message\":{\"thinking\":\"hm\"}}\n\
                  {\"message\":{\"content\":\"Hello\"},\"done\":true}\n";
    for (model, response) in [
        ("m", openai(&[json!({"reasoning": "hm"}), hello.clone()])),
        (
            "m",
            openai(&[json!({"reasoning_content": "hm", "reasoning": "hm"}), hello]),
        ),
        ("m", openai(&[json!({"content": parts})])),
        (
            "m",
            openai(&[
                json!({"content": "<think>h"}),
                json!({"content": "m</think>Hello"}),
            ]),
        ),
        ("anthropic::c", sse(&anthropic.each_ref().map(data))),
        ("gemini::g", sse(&[data(&json!({"candidates": [gemini]}))])),
        ("ollama::q", ScriptedResponse::new(200, JSON).send(ollama)),
    ] {
        let (run, fixture) = run_against(model, response).await;
        let shown = (run.text(), reasoning(&fixture).await);
        assert_eq!(shown, ("Hello".to_owned(), "hm".to_owned()), "{model}");
        let query = TranscriptQuery::default();
        let page = fixture
            .runtime
            .transcript(fixture.worker, query)
            .await
            .unwrap();
        assert_eq!(page.entries[1].reasoning.as_deref(), Some("hm"));
        assert_eq!(&*page.entries[1].content, "Hello", "it is not sent back");
    }
}

#[tokio::test]
async fn a_reply_without_text_says_what_came_instead_and_is_asked_for_again() {
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 9});
    let usage = data(&json!({"choices": [], "usage": usage}));
    let calls = json!({"tool_calls": [{"function": {"name": "f"}}]});
    for (delta, detail) in [
        (json!({"reasoning": "hm"}), Some("reasoning_only")),
        (json!({"content": "<think>hm"}), Some("reasoning_only")),
        (calls, Some("tool_calls_only")),
        (json!({}), None),
    ] {
        let provider = ScriptedProvider::start().await;
        let fixture = Fixture::new(&config("m", provider.address));
        for _ in 0..2 {
            provider.enqueue(sse(&[chunk(&delta), finish("length"), usage.clone()]));
        }
        let run = fixture.complete_run("hi").await;
        let failed = (run.code, run.detail);
        assert_eq!(failed, (Some("empty_reply"), detail), "{delta}");
        assert_eq!(provider.requests().len(), 2);
        let usage = run.usage.unwrap();
        let used = (usage.input_tokens, usage.output_tokens);
        assert_eq!(
            used,
            (Some(6), Some(18)),
            "of both attempts, and of a run that failed"
        );
    }
}

#[tokio::test]
async fn a_reply_that_is_not_whole_says_so() {
    let openai = |content: &str, reason: &str| sse(&[text(content), finish(reason)]);
    let anthropic = |reason: &str| {
        sse(&[
            data(&json!({"type": "message_start", "message": {}})),
            data(&json!({"type": "content_block_delta", "delta": {"text": "Hel"}})),
            data(&json!({"type": "message_delta", "delta": {"stop_reason": reason}})),
        ])
    };
    let none = RunDiagnostics::default;
    let cut = RunDiagnostics {
        reply_cut_short: true,
        ..none()
    };
    let full = RunDiagnostics {
        context_window_full: true,
        ..none()
    };
    let filtered = RunDiagnostics {
        content_filtered: true,
        ..none()
    };
    let blank = RunDiagnostics {
        blank_reply: true,
        ..none()
    };
    let context = "model_context_window_exceeded";
    for (model, response, expected) in [
        ("m", openai("Hello", "stop"), none()),
        ("m", openai("Hel", "length"), cut),
        ("m", openai("Hel", "model_length"), full),
        ("m", openai("Hel", "content_filter"), filtered),
        ("m", openai(" \n", "stop"), blank),
        ("anthropic::c", anthropic("max_tokens"), cut),
        ("anthropic::c", anthropic("refusal"), filtered),
        ("anthropic::c", anthropic(context), full),
    ] {
        let (run, fixture) = run_against(model, response).await;
        assert_eq!(run.outcome, Some(RunOutcome::Completed), "{run:?}");
        let query = TranscriptQuery::default();
        let page = fixture
            .runtime
            .transcript(fixture.worker, query)
            .await
            .unwrap();
        assert_eq!(page.entries[1].diagnostics, expected, "{model} {run:?}");
    }
}

/// The first chunk says nothing yet: a model that thinks in silence has the first-byte time-out.
#[tokio::test]
async fn the_first_chunk_does_not_end_the_patience_for_the_first_word() {
    let rest = format!("{}\n\n{}\n\n", text("lo"), finish("stop"));
    let role = chunk(&json!({"role": "assistant", "content": ""}));
    let filter = data(&json!({"choices": [], "prompt_filter_results": []}));
    for first in [role, filter] {
        let response = sse(&[first]).delay(Duration::from_millis(1_300));
        let (run, _) = run_against("m", response.send(rest.clone())).await;
        assert_eq!(run.text(), "lo", "{run:?}");
    }
    // Comments and thoughts are signs of life in the middle of a reply.
    let thought = format!("{}\n\n", chunk(&json!({"reasoning": "hm"})));
    let mut response = sse(&[text("Hel")]);
    for sign in [": alive\n\n", &thought, ": alive\n\n", &thought] {
        response = response.delay(Duration::from_millis(400)).send(sign);
    }
    let (run, _) = run_against("m", response.send(rest)).await;
    assert_eq!(run.text(), "Hello");
}

#[tokio::test]
async fn a_compressed_reply_is_read() {
    let headers = [
        ("content-type", "text/event-stream"),
        ("content-encoding", "gzip"),
    ];
    let response = ScriptedResponse::new(200, &headers).send(GZIP);
    assert_eq!(run_against("m", response).await.0.text(), "Hello");
}

/// A chunk with the content `Hello` and the finish reason `stop`, compressed.
const GZIP: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 75, 73, 44, 73, 180, 82, 168, 86, 74, 206, 200, 207, 76, 78,
    45, 86, 178, 138, 174, 86, 74, 73, 205, 41, 73, 84, 178, 2, 10, 230, 231, 149, 164, 230, 149,
    40, 89, 41, 121, 164, 230, 228, 228, 43, 213, 234, 40, 165, 101, 230, 101, 22, 103, 196, 23,
    165, 38, 22, 231, 231, 1, 37, 138, 75, 242, 11, 148, 106, 99, 107, 185, 184, 0, 251, 175, 78,
    226, 74, 0, 0, 0,
];
