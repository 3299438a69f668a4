//! Each protocol against what its provider documents.

use serde_json::json;
use worker_runtime::Role;

use super::*;
use crate::conversation::Message as Said;
use crate::fault::Reason;

const ALL: [Protocol; 5] = [
    Protocol::OpenAi,
    Protocol::Mistral,
    Protocol::Anthropic,
    Protocol::Gemini,
    Protocol::Ollama,
];

fn asked(protocol: Protocol) -> Value {
    let said = |role, text: &str| Said {
        role,
        text: text.to_owned(),
    };
    let conversation = Conversation {
        instructions: "be brief".to_owned(),
        messages: vec![
            said(Role::User, "one"),
            said(Role::Assistant, "two"),
            said(Role::User, "three"),
        ],
        left_out: 0,
    };
    let body = protocol.body(Question {
        model: "m",
        conversation: &conversation,
        max_output_tokens: 7,
    });
    serde_json::from_slice(&body.unwrap()).unwrap()
}

/// The text of the frames, and what was read besides.
fn heard(protocol: Protocol, frames: &[Value]) -> Result<(String, Reading), Fault> {
    let mut reading = Reading::default();
    let mut text = String::new();
    for frame in frames {
        text += &protocol.read(&frame.to_string(), &mut reading)?;
    }
    Ok((text, reading))
}

#[test]
fn each_protocol_asks_with_instructions_and_alternating_roles() {
    let said = json!([
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]);
    let mut with_system = said.clone();
    let system = json!({"role": "system", "content": "be brief"});
    with_system.as_array_mut().unwrap().insert(0, system);
    assert_eq!(
        asked(Protocol::OpenAi),
        json!({"model": "m", "messages": with_system, "stream": true,
               "stream_options": {"include_usage": true}})
    );
    for protocol in [Protocol::Ollama, Protocol::Mistral] {
        assert_eq!(
            asked(protocol),
            json!({"model": "m", "messages": with_system, "stream": true})
        );
    }
    assert_eq!(
        asked(Protocol::Anthropic),
        json!({"model": "m", "max_tokens": 7, "system": "be brief", "messages": said,
               "stream": true})
    );
    assert_eq!(
        asked(Protocol::Gemini),
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
fn a_model_s_name_stays_in_its_place_of_the_address() {
    let endpoint = "https://host.test/v1beta".parse().unwrap();
    let url = Protocol::Gemini.url(&endpoint, "gemini-x/../y");
    assert_eq!(
        url.as_str(),
        "https://host.test/v1beta/models/gemini-x%2F..%2Fy:streamGenerateContent?alt=sse"
    );
}

#[test]
fn gemini_s_thoughts_are_not_its_reply_but_count() {
    let (text, reading) = heard(
        Protocol::Gemini,
        &[
            json!({"candidates": [{"content": {"parts": [
                {"text": "hm", "thought": true}, {"text": "Hel"}]}}]}),
            json!({"candidates": [{"content": {"parts": [{"text": "lo"}]},
                                   "finishReason": "STOP"}],
                   "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2,
                                     "thoughtsTokenCount": 3}}),
        ],
    )
    .unwrap();
    assert_eq!((text.as_str(), reading.stage), ("Hello", Stage::Whole));
    assert_eq!(
        (reading.usage.input_tokens, reading.usage.output_tokens),
        (5, 5)
    );
    assert!(!reading.withheld);
}

#[test]
fn each_protocol_says_in_its_own_way_that_a_reply_is_withheld() {
    for (protocol, frame) in [
        (
            Protocol::OpenAi,
            json!({"choices": [{"delta": {}, "finish_reason": "content_filter"}]}),
        ),
        (
            Protocol::Anthropic,
            json!({"type": "message_delta", "delta": {"stop_reason": "refusal"}}),
        ),
        (
            Protocol::Gemini,
            json!({"candidates": [{"finishReason": "SAFETY"}]}),
        ),
        (
            Protocol::Gemini,
            json!({"promptFeedback": {"blockReason": "OTHER"}}),
        ),
    ] {
        let (text, reading) = heard(protocol, &[frame]).unwrap();
        assert!(reading.withheld && text.is_empty(), "{protocol:?}");
    }
}

#[test]
fn anthropic_counts_what_is_cached_as_read() {
    let start = json!({"type": "message_start", "message": {"usage": {
        "input_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 300,
        "output_tokens": 1}}});
    let delta = json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                       "usage": {"output_tokens": 9}});
    let (_, reading) = heard(Protocol::Anthropic, &[start, delta]).unwrap();
    let expected = Usage {
        input_tokens: 321,
        output_tokens: 9,
    };
    assert_eq!(reading.usage, expected);
}

#[test]
fn an_error_in_the_stream_is_none_of_the_reply() {
    let error = json!({"error": {"type": "overloaded_error"}, "type": "error"});
    for protocol in ALL {
        let fault = heard(protocol, std::slice::from_ref(&error)).unwrap_err();
        assert_eq!(fault, Fault::Reported(Reason::Overloaded), "{protocol:?}");
    }
    let fault = heard(Protocol::Ollama, &[json!({"error": "runner died"})]).unwrap_err();
    assert_eq!(fault, Fault::Reported(Reason::Unstated));
}

#[test]
fn fields_that_are_null_missing_or_new_do_no_harm() {
    for (protocol, frame) in [
        (Protocol::OpenAi, json!({"choices": null, "usage": null})),
        (
            Protocol::OpenAi,
            json!({"choices": [{"delta": {"content": null}}]}),
        ),
        (Protocol::Anthropic, json!({"type": "invented_later"})),
        (
            Protocol::Anthropic,
            json!({"type": "content_block_delta", "delta": {"type": "thinking_delta"}}),
        ),
        (
            Protocol::Gemini,
            json!({"candidates": [{"content": {"role": "model"}}]}),
        ),
        (Protocol::Ollama, json!({"message": {"content": null}})),
    ] {
        let (text, reading) = heard(protocol, &[frame]).unwrap();
        assert!(text.is_empty(), "{protocol:?}");
        assert!(reading.stage <= Stage::Open, "{protocol:?}");
    }
}

#[test]
fn a_count_that_is_none_costs_no_reply() {
    let count = |value: Value| serde_json::from_value::<Count>(value).unwrap().0;
    for (value, expected) in [
        (json!(7), 7),
        (json!(7.0), 7),
        (json!(1e300), u64::MAX),
        (json!(-1), 0),
        (json!(null), 0),
        (json!("seven"), 0),
    ] {
        assert_eq!(count(value.clone()), expected, "{value}");
    }
    let odd = json!({"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}],
                     "usage": {"prompt_tokens": null, "completion_tokens": -1.5}});
    let (text, reading) = heard(Protocol::OpenAi, &[odd]).unwrap();
    assert_eq!((text.as_str(), reading.usage), ("ok", Usage::default()));
}

#[test]
fn mistral_s_thoughts_are_not_its_reply() {
    let thought = json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]});
    let parts = json!([thought, {"type": "text", "text": "ok"}]);
    let chunk = json!({"choices": [{"delta": {"content": parts}}]});
    let (text, _) = heard(Protocol::Mistral, &[chunk]).unwrap();
    assert_eq!(text, "ok");
}

#[test]
fn a_reply_that_broke_off_is_not_whole() {
    let chunk =
        |reason: &str| json!({"choices": [{"delta": {"content": "Hel"}, "finish_reason": reason}]});
    let (text, reading) = heard(Protocol::OpenAi, &[chunk("")]).unwrap();
    assert_eq!((text.as_str(), reading.stage), ("Hel", Stage::Open));
    for reason in ["error", "insufficient_system_resource"] {
        let fault = heard(Protocol::OpenAi, &[chunk(reason)]).unwrap_err();
        assert_eq!(fault, Fault::Reported(Reason::Overloaded), "{reason}");
    }
    let bare = json!({"object": "error", "message": "no", "code": 400});
    let fault = heard(Protocol::OpenAi, &[bare]).unwrap_err();
    assert_eq!(fault, Fault::Reported(Reason::Unstated));
}
