//! Each protocol against what its provider documents.

use serde_json::json;
use worker_runtime::Role;

use super::*;
use crate::error::Reason;
use crate::prompt::Message;

const OPENAI: &dyn Protocol = &OpenAi::STANDARD;
const OPENAI_ITSELF: &dyn Protocol = &OpenAi::OWN;
const AZURE: &dyn Protocol = &OpenAi::AZURE;
const MISTRAL: &dyn Protocol = &OpenAi::WITHOUT_USAGE_OPTION;
const ANTHROPIC: &dyn Protocol = &Anthropic;
const GEMINI: &dyn Protocol = &Gemini;
const OLLAMA: &dyn Protocol = &Ollama;

fn body(protocol: &dyn Protocol) -> Value {
    body_with(protocol, false, None)
}

fn body_with(protocol: &dyn Protocol, limits: bool, temperature: Option<f64>) -> Value {
    let message = |role, text: &str| Message {
        role,
        text: text.to_owned(),
    };
    let prompt = Prompt {
        instructions: Some("be brief".to_owned()),
        messages: vec![
            message(Role::User, "one"),
            message(Role::Assistant, "two"),
            message(Role::User, "three"),
        ],
        ..Prompt::default()
    };
    let body = protocol.body(ChatRequest {
        model: "m",
        prompt: &prompt,
        max_output_tokens: limits.then_some(7),
        context_tokens: limits.then_some(99),
        temperature,
        stream_options: true,
        max_tokens_field: true,
    });
    serde_json::from_str(&body).unwrap()
}

/// Reads these events; returns the reply's text and the final state.
fn read(
    protocol: &dyn Protocol,
    events: &[Value],
) -> Result<(String, ResponseState), ProviderError> {
    let mut state = ResponseState::default();
    let mut text = String::new();
    for event in events {
        let event = event_decoder::Event {
            data: event.to_string(),
            ..event_decoder::Event::default()
        };
        text += &read_event(protocol, &event, &mut state)?.text;
    }
    Ok((text, state))
}

#[test]
fn an_error_event_may_be_plain_text() {
    let event = event_decoder::Event {
        name: "error".to_owned(),
        data: "the server is overloaded".to_owned(),
    };
    let error = read_event(ANTHROPIC, &event, &mut ResponseState::default()).unwrap_err();
    assert_eq!(error.words(), Some("the server is overloaded"));
}

fn read_error(protocol: &dyn Protocol, event: Value) -> ProviderError {
    read(protocol, &[event]).unwrap_err()
}

#[test]
fn each_protocol_sends_instructions_and_alternating_roles() {
    let messages = json!([
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]);
    let mut with_system = messages.clone();
    let system = json!({"role": "system", "content": "be brief"});
    with_system.as_array_mut().unwrap().insert(0, system);
    assert_eq!(
        body(OPENAI),
        json!({"model": "m", "messages": with_system, "stream": true,
               "stream_options": {"include_usage": true}})
    );
    for protocol in [OLLAMA, MISTRAL] {
        let expected = json!({"model": "m", "messages": with_system, "stream": true});
        assert_eq!(body(protocol), expected);
    }
    assert_eq!(
        body(ANTHROPIC),
        json!({"model": "m", "max_tokens": 8192, "system": "be brief", "messages": messages,
               "stream": true})
    );
    assert_eq!(
        body(GEMINI),
        json!({
            "systemInstruction": {"parts": [{"text": "be brief"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "one"}]},
                {"role": "model", "parts": [{"text": "two"}]},
                {"role": "user", "parts": [{"text": "three"}]},
            ],
        })
    );
}

#[test]
fn each_protocol_has_its_own_place_for_the_limits_of_tokens() {
    for (protocol, field, expected) in [
        (OPENAI, "max_tokens", json!(7)),
        (MISTRAL, "max_tokens", json!(7)),
        (OPENAI_ITSELF, "max_completion_tokens", json!(7)),
        (AZURE, "max_completion_tokens", json!(7)),
        (ANTHROPIC, "max_tokens", json!(7)),
        (GEMINI, "generationConfig", json!({"maxOutputTokens": 7})),
        (OLLAMA, "options", json!({"num_ctx": 99, "num_predict": 7})),
    ] {
        let mut limited = body_with(protocol, true, None);
        assert_eq!(limited[field], expected, "{protocol:?}");
        let mut unlimited = body(protocol);
        for body in [&mut limited, &mut unlimited] {
            body.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(limited, unlimited, "nothing else differs");
    }
}

#[test]
fn each_protocol_has_its_own_place_and_scale_for_the_temperature() {
    for (protocol, pointer, expected) in [
        (OPENAI, "/temperature", 1.5),
        (ANTHROPIC, "/temperature", 1.0),
        (GEMINI, "/generationConfig/temperature", 1.5),
        (OLLAMA, "/options/temperature", 1.5),
    ] {
        let body = body_with(protocol, false, Some(1.5));
        assert_eq!(
            body.pointer(pointer),
            Some(&json!(expected)),
            "{protocol:?}"
        );
    }
}

#[test]
fn an_endpoint_may_be_pasted_with_and_without_what_belongs_to_the_protocol() {
    const CHAT: &str = "/v1/chat/completions";
    const STREAM: &str = "/v1beta/models/m:streamGenerateContent?alt=sse";
    for (protocol, pasted, expected) in [
        (OPENAI, "", CHAT),
        (OPENAI, "/", CHAT),
        (OPENAI, "/v1", CHAT),
        (OPENAI, "//v1//", CHAT),
        (OPENAI, "/v1/chat/completions", CHAT),
        (OPENAI, "/v1//chat/completions/", CHAT),
        (OPENAI, "/v1/completions", CHAT),
        (OPENAI, "/v1/responses", CHAT),
        // A prefix of the server's own stays, and so does a whole path without a version.
        (OPENAI, "/openai", "/openai/chat/completions"),
        (OPENAI, "/tenant/abc/v1", "/tenant/abc/v1/chat/completions"),
        (OPENAI, "/chat/completions", "/chat/completions"),
        (OPENAI, "/v1beta/openai/", "/v1beta/openai/chat/completions"),
        (OPENAI, "/v1?key=a%20b", "/v1/chat/completions?key=a%20b"),
        (AZURE, "", "/openai/v1/chat/completions"),
        (AZURE, "/openai/", "/openai/v1/chat/completions"),
        (AZURE, "/openai/v1/", "/openai/v1/chat/completions"),
        (
            AZURE,
            "/openai/deployments/D/chat/completions?api-version=2024-10-21",
            "/openai/deployments/D/chat/completions?api-version=2024-10-21",
        ),
        (
            AZURE,
            "/openai/deployments/D?api-version=2024-10-21",
            "/openai/deployments/D/chat/completions?api-version=2024-10-21",
        ),
        (
            AZURE,
            "/models?api-version=1",
            "/models/chat/completions?api-version=1",
        ),
        (ANTHROPIC, "", "/v1/messages"),
        (ANTHROPIC, "/v1/", "/v1/messages"),
        (ANTHROPIC, "//v1//messages", "/v1/messages"),
        (ANTHROPIC, "/messages", "/messages"),
        (ANTHROPIC, "/anthropic", "/anthropic/v1/messages"),
        (ANTHROPIC, "/tenant/abc/v1", "/tenant/abc/v1/messages"),
        (GEMINI, "", STREAM),
        (GEMINI, "/v1beta//", STREAM),
        (GEMINI, "/v1beta/models", STREAM),
        (GEMINI, "/v1beta/models/x:generateContent", STREAM),
        (
            GEMINI,
            "/v1beta/models/x:streamGenerateContent?alt=sse",
            STREAM,
        ),
        (GEMINI, "/v1beta/openai/", STREAM),
        (GEMINI, "/v1beta/openai/chat/completions", STREAM),
        (
            GEMINI,
            "/gw/v1",
            "/gw/v1/models/m:streamGenerateContent?alt=sse",
        ),
        (
            GEMINI,
            "/gw",
            "/gw/v1beta/models/m:streamGenerateContent?alt=sse",
        ),
        (
            GEMINI,
            "/v1/publishers/google/models/x:streamGenerateContent",
            "/v1/publishers/google/models/m:streamGenerateContent?alt=sse",
        ),
        (OLLAMA, "", "/api/chat"),
        (OLLAMA, "/api/", "/api/chat"),
        (OLLAMA, "/api/chat", "/api/chat"),
        (OLLAMA, "/api//generate", "/api/chat"),
        (OLLAMA, "/v1", "/api/chat"),
        (OLLAMA, "/v1/chat/completions", "/api/chat"),
        (OLLAMA, "/tenant/v1", "/tenant/api/chat"),
    ] {
        let endpoint = format!("https://host.test{pasted}").parse().unwrap();
        let url = protocol.url(&endpoint, "m");
        let path = url.as_str().strip_prefix("https://host.test");
        assert_eq!(path, Some(expected), "{protocol:?} {pasted}");
    }
}

#[test]
fn the_key_stands_in_the_header_of_the_protocol() {
    let key: ApiKey = "k".parse().unwrap();
    for (protocol, header, value) in [
        (OPENAI, "authorization", "Bearer k"),
        (AZURE, "api-key", "k"),
        (ANTHROPIC, "x-api-key", "k"),
        (GEMINI, "x-goog-api-key", "k"),
    ] {
        let (name, found) = protocol.key_header(&key);
        assert_eq!((name.as_str(), found.to_str().unwrap()), (header, value));
    }
}

#[test]
fn a_model_s_name_stays_one_segment_of_the_url() {
    let endpoint = "https://host.test/v1beta".parse().unwrap();
    let url = GEMINI.url(&endpoint, "gemini-x/../y");
    assert_eq!(
        url.as_str(),
        "https://host.test/v1beta/models/gemini-x%2F..%2Fy:streamGenerateContent?alt=sse"
    );
}

#[test]
fn reasoning_is_not_part_of_the_reply() {
    let events = [
        json!({"candidates": [{"content": {"parts": [
            {"text": "hm", "thought": true}, {"text": "Hel"}]}}]}),
        json!({"candidates": [{"content": {"parts": [{"text": "lo"}]}, "finishReason": "STOP"}],
               "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2,
                                 "thoughtsTokenCount": 3}}),
    ];
    let (text, state) = read(GEMINI, &events).unwrap();
    assert_eq!(text, "Hello");
    assert_eq!(state.progress, Progress::Complete);
    // It counts as output, though.
    let expected = Usage {
        input_tokens: Some(5),
        output_tokens: Some(5),
    };
    assert_eq!(state.usage, expected);
    assert!(!state.filtered);

    let thinking = json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]});
    let parts = json!([thinking, {"type": "text", "text": "ok"}]);
    let chunk = json!({"choices": [{"delta": {"content": parts}}]});
    assert_eq!(read(MISTRAL, &[chunk]).unwrap().0, "ok");
}

#[test]
fn each_protocol_s_content_filter_is_recognised() {
    let openai = json!({"choices": [{"delta": {}, "finish_reason": "content_filter"}]});
    let anthropic = json!({"type": "message_delta", "delta": {"stop_reason": "refusal"}});
    let gemini = json!({"candidates": [{"finishReason": "SAFETY"}]});
    let gemini_prompt = json!({"promptFeedback": {"blockReason": "OTHER"}});
    for (protocol, event) in [
        (OPENAI, openai),
        (ANTHROPIC, anthropic),
        (GEMINI, gemini),
        (GEMINI, gemini_prompt),
    ] {
        let (text, state) = read(protocol, &[event]).unwrap();
        assert!(state.filtered && text.is_empty(), "{protocol:?}");
    }
}

#[test]
fn anthropic_s_cached_tokens_count_as_input() {
    let start = json!({"type": "message_start", "message": {"usage": {
        "input_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 300,
        "output_tokens": 1}}});
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                       "usage": {"output_tokens": 9}});
    let (_, state) = read(ANTHROPIC, &[start, delta]).unwrap();
    let expected = Usage {
        input_tokens: Some(321),
        output_tokens: Some(9),
    };
    assert_eq!(state.usage, expected);
}

#[test]
fn an_error_in_the_stream_is_not_part_of_the_reply() {
    let overloaded = Some(Reason::Overloaded);
    for protocol in [OPENAI, MISTRAL, ANTHROPIC, GEMINI, OLLAMA] {
        let event = json!({"error": {"type": "overloaded_error"}, "type": "error"});
        assert_eq!(
            read_error(protocol, event).reason(),
            overloaded,
            "{protocol:?}"
        );
    }
    let crashed = json!({"error": "llama runner process has terminated"});
    assert_eq!(read_error(OLLAMA, crashed).reason(), overloaded);
    let without_field = json!({"object": "error", "message": "no", "code": 400});
    assert_eq!(
        read_error(OPENAI, without_field).reason(),
        Some(Reason::Rejected)
    );
    for reason in ["error", "insufficient_system_resource"] {
        let chunk = json!({"choices": [{"delta": {"content": "Hel"}, "finish_reason": reason}]});
        assert_eq!(read_error(OPENAI, chunk).reason(), overloaded, "{reason}");
    }
    let empty_reason = json!({"choices": [{"delta": {"content": "Hel"}, "finish_reason": ""}]});
    let (text, state) = read(OPENAI, &[empty_reason]).unwrap();
    assert_eq!((text.as_str(), state.progress), ("Hel", Progress::Started));
}

#[test]
fn null_missing_and_unknown_fields_are_accepted() {
    let thinking = json!({"type": "content_block_delta", "delta": {"type": "thinking_delta"}});
    for (protocol, event) in [
        (
            OPENAI,
            json!({"choices": null, "usage": null, "error": null}),
        ),
        (OPENAI, json!({"choices": [{"delta": {"content": null}}]})),
        (ANTHROPIC, json!({"type": "invented_later"})),
        (ANTHROPIC, thinking),
        (
            GEMINI,
            json!({"candidates": [{"content": {"role": "model"}}]}),
        ),
        (OLLAMA, json!({"message": {"content": null}})),
    ] {
        let (text, state) = read(protocol, &[event]).unwrap();
        assert!(text.is_empty(), "{protocol:?}");
        assert!(state.progress <= Progress::Started, "{protocol:?}");
    }
}

#[test]
fn reasoning_that_is_only_billed_is_known() {
    let details =
        json!({"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 9}});
    let gemini = json!({"promptTokenCount": 1, "thoughtsTokenCount": 9});
    for (protocol, event) in [
        (OPENAI, json!({"choices": [], "usage": details})),
        (GEMINI, json!({"usageMetadata": gemini})),
    ] {
        let (_, state) = read(protocol, &[event]).unwrap();
        assert!(state.has_reasoning, "{protocol:?}");
        assert_eq!(state.usage.output_tokens, Some(9));
    }
}
