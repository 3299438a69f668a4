//! Anthropic's messages (docs.anthropic.com/en/api/messages-streaming).

use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::{ChatRequest, Progress, Protocol, ResponseState, TokenCount, messages, parse};
use crate::error::ProviderError;
use crate::secret::{ApiKey, Endpoint};

#[derive(Debug)]
pub(crate) struct Anthropic;

impl Protocol for Anthropic {
    fn url(&self, endpoint: &Endpoint, _: &str) -> Url {
        endpoint.join(&["messages"])
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
            "max_tokens": request.max_output_tokens,
            "messages": messages,
            "stream": true,
        });
        if let Some(instructions) = &request.prompt.instructions {
            body["system"] = json!(instructions);
        }
        body
    }

    fn read_event(&self, data: &str, state: &mut ResponseState) -> Result<String, ProviderError> {
        let event: Event = parse(data)?;
        match event {
            Event::MessageStart { message } => {
                state.advance_to(Progress::Started);
                update_usage(message.usage, state);
            }
            Event::ContentBlockDelta {
                delta: BlockDelta::TextDelta { text },
            } => {
                state.advance_to(Progress::Started);
                return Ok(text);
            }
            Event::MessageDelta { delta, usage } => {
                state.advance_to(Progress::Started);
                let reason = delta.stop_reason.as_deref();
                state.filtered |= reason == Some("refusal");
                state.cut_short |= reason == Some("max_tokens");
                update_usage(usage, state);
            }
            Event::MessageStop => state.advance_to(Progress::Ended),
            Event::ContentBlockDelta {
                delta: BlockDelta::Other,
            }
            | Event::Other => {}
        }
        Ok(String::new())
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: MessageStart,
    },
    ContentBlockDelta {
        delta: BlockDelta,
    },
    MessageDelta {
        delta: MessageDelta,
        usage: Option<EventUsage>,
    },
    MessageStop,
    /// Other events, and those of later versions, are skipped.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageStart {
    usage: Option<EventUsage>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockDelta {
    TextDelta {
        text: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageDelta {
    stop_reason: Option<String>,
}

/// Totals so far. An event may contain only some of them.
#[derive(Deserialize)]
struct EventUsage {
    input_tokens: Option<TokenCount>,
    cache_creation_input_tokens: Option<TokenCount>,
    cache_read_input_tokens: Option<TokenCount>,
    output_tokens: Option<TokenCount>,
}

fn update_usage(usage: Option<EventUsage>, state: &mut ResponseState) {
    let Some(usage) = usage else { return };
    if let Some(TokenCount(uncached)) = usage.input_tokens {
        // `input_tokens` doesn't include tokens that are written to or read from the cache.
        let written = usage.cache_creation_input_tokens.unwrap_or_default().0;
        let read = usage.cache_read_input_tokens.unwrap_or_default().0;
        state.usage.input_tokens = uncached.saturating_add(written).saturating_add(read);
    }
    if let Some(TokenCount(output)) = usage.output_tokens {
        state.usage.output_tokens = output;
    }
}
