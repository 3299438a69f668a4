//! Anthropic's messages (docs.anthropic.com/en/api/messages-streaming).

use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{ChatRequest, Progress, Protocol, ResponseState, messages, parse, token_count};
use crate::error::ProviderError;
use crate::secret::{ApiKey, Endpoint};

/// The limit that every request needs. All current models accept it.
const MAX_TOKENS_DEFAULT: u32 = 8_192;

#[derive(Debug)]
pub(crate) struct Anthropic;

impl Protocol for Anthropic {
    /// Unlike others, gateways document their prefix alone (`/anthropic`), as this provider's
    /// own libraries want it.
    fn url(&self, endpoint: &Endpoint, _: &str) -> Url {
        let mut base = endpoint.base_path();
        if !base.strip_end(&["messages"]) && !base.ends_with_version() {
            base.push("v1");
        }
        endpoint.resource(&base, &["messages"])
    }

    fn key_header(&self, key: &ApiKey) -> (HeaderName, HeaderValue) {
        (HeaderName::from_static("x-api-key"), key.header_value(""))
    }

    fn version_header(&self) -> Option<(HeaderName, HeaderValue)> {
        Some((
            HeaderName::from_static("anthropic-version"),
            HeaderValue::from_static("2023-06-01"),
        ))
    }

    fn body(&self, request: ChatRequest<'_>) -> Value {
        let messages: Vec<Value> = messages(request.prompt).collect();
        let mut body = json!({
            "model": request.model,
            "max_tokens": request.max_output_tokens.unwrap_or(MAX_TOKENS_DEFAULT),
            "messages": messages,
            "stream": true,
        });
        if let Some(instructions) = &request.prompt.instructions {
            body["system"] = json!(instructions);
        }
        if let Some(temperature) = request.temperature {
            // Anthropic's scale ends at 1.
            body["temperature"] = json!(temperature.min(1.0));
        }
        body
    }

    fn read_event(&self, data: &str, state: &mut ResponseState) -> Result<String, ProviderError> {
        let event: Event = parse(data)?;
        match event {
            Event::MessageStart { message } => {
                state.advance_to(Progress::Started);
                update_usage(&message["usage"], state);
            }
            Event::ContentBlockDelta { delta } => {
                // Other kinds of deltas, e.g. of the model's reasoning, have no text.
                if let Some(text) = delta["text"].as_str() {
                    state.advance_to(Progress::Started);
                    return Ok(text.to_owned());
                }
            }
            Event::MessageDelta { delta, usage } => {
                state.advance_to(Progress::Started);
                let reason = delta["stop_reason"].as_str();
                state.filtered |= reason == Some("refusal");
                state.cut_short |= reason == Some("max_tokens");
                update_usage(&usage, state);
            }
            Event::MessageStop => state.advance_to(Progress::Ended),
            Event::Other => {}
        }
        Ok(String::new())
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Value,
    },
    ContentBlockDelta {
        delta: Value,
    },
    MessageDelta {
        delta: Value,
        #[serde(default)]
        usage: Value,
    },
    MessageStop,
    /// Other events, and those of later versions, are skipped.
    #[serde(other)]
    Other,
}

/// Updates the totals that the event contains.
fn update_usage(usage: &Value, state: &mut ResponseState) {
    if !usage["input_tokens"].is_null() {
        // `input_tokens` doesn't include tokens that are written to or read from the cache.
        let (written, read) = ("cache_creation_input_tokens", "cache_read_input_tokens");
        let counts = ["input_tokens", written, read].map(|field| token_count(&usage[field]));
        state.usage.input_tokens = counts.into_iter().flatten().reduce(u64::saturating_add);
    }
    if !usage["output_tokens"].is_null() {
        state.usage.output_tokens = token_count(&usage["output_tokens"]);
    }
}
