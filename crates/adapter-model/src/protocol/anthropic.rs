//! Anthropic's messages (docs.anthropic.com/en/api/messages-streaming).

use reqwest::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

use super::{
    ChatMessage, ChatRequest, Count, Event, Few, Piece, Progress, Protocol, ResponseState, Texts,
    from_json, messages, to_json,
};
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

    fn body(&self, request: ChatRequest<'_>) -> String {
        to_json(&Body {
            model: request.model,
            max_tokens: request.max_output_tokens.unwrap_or(MAX_TOKENS_DEFAULT),
            messages: messages(request.prompt).collect(),
            stream: true,
            system: request.prompt.instructions.as_deref(),
            // Anthropic's scale ends at 1.
            temperature: request.temperature.map(|it| it.min(1.0)),
        })
    }

    fn read_event(
        &self,
        event: Event<'_>,
        state: &mut ResponseState,
    ) -> Result<Piece, ProviderError> {
        let read: AnthropicEvent<'_> = from_json(event.data)?;
        // Vertex has the type outside of the data alone.
        let kind = if read.kind.text.is_empty() {
            event.name
        } else {
            &*read.kind.text
        };
        let mut piece = Piece::default();
        match kind {
            "message_start" => {
                state.advance_to(Progress::Started);
                if let Some(message) = read.message {
                    message.usage.update(state);
                }
            }
            "content_block_start" => {
                state.advance_to(Progress::Started);
                if let Some(block) = read.content_block {
                    block.read(&mut piece, state);
                }
            }
            "content_block_delta" => {
                state.advance_to(Progress::Started);
                if let Some(delta) = read.delta {
                    delta.read(&mut piece, state);
                }
            }
            "message_delta" => {
                state.advance_to(Progress::Started);
                read.usage.update(state);
                if let Some(delta) = read.delta {
                    stop(&delta.stop_reason.text, state);
                }
            }
            "message_stop" => state.advance_to(Progress::Ended),
            // The whole reply at once.
            "message" => {
                for block in read.content.into_iter().flat_map(|blocks| blocks.0) {
                    block.read(&mut piece, state);
                }
                read.usage.update(state);
                stop(&read.stop_reason.text, state);
                state.advance_to(Progress::Ended);
            }
            // Other events, and those of later versions, are skipped.
            _ => {}
        }
        Ok(piece)
    }
}

/// Why the reply ended; nothing before it has.
fn stop(reason: &str, state: &mut ResponseState) {
    match reason {
        "" => return,
        "refusal" => state.filtered = true,
        "max_tokens" => state.cut_short = true,
        "model_context_window_exceeded" => state.context_full = true,
        _ => {}
    }
    state.advance_to(Progress::Complete);
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    messages: Vec<ChatMessage<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

#[derive(Deserialize)]
struct AnthropicEvent<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Texts<'a>,
    message: Option<Message>,
    #[serde(borrow)]
    content_block: Option<Block<'a>>,
    #[serde(borrow)]
    delta: Option<Block<'a>>,
    #[serde(default, deserialize_with = "or_default")]
    usage: TokenUsage,
    #[serde(borrow)]
    content: Option<Few<Block<'a>>>,
    #[serde(borrow, default)]
    stop_reason: Texts<'a>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default, deserialize_with = "or_default")]
    usage: TokenUsage,
}

/// A block of content, or what is added to one.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Texts<'a>,
    #[serde(borrow, default)]
    text: Texts<'a>,
    #[serde(borrow, default)]
    thinking: Texts<'a>,
    #[serde(borrow, default)]
    stop_reason: Texts<'a>,
}

impl Block<'_> {
    fn read(self, piece: &mut Piece, state: &mut ResponseState) {
        piece.push(&self.text);
        piece.reasoning.push_str(&self.thinking.into_reasoning());
        piece.hidden_reasoning |= self.kind.text == "redacted_thinking";
        state.has_tool_calls |= self.kind.text.ends_with("tool_use");
    }
}

#[derive(Default, Deserialize)]
struct TokenUsage {
    #[serde(default)]
    input_tokens: Count,
    #[serde(default)]
    cache_creation_input_tokens: Count,
    #[serde(default)]
    cache_read_input_tokens: Count,
    #[serde(default)]
    output_tokens: Count,
}

impl TokenUsage {
    /// Updates the totals that the event contains.
    fn update(&self, state: &mut ResponseState) {
        if self.input_tokens.0.is_some() {
            // `input_tokens` doesn't include tokens that are written to or read from the cache.
            let counts = [
                self.input_tokens,
                self.cache_creation_input_tokens,
                self.cache_read_input_tokens,
            ];
            let counts = counts.into_iter().filter_map(|count| count.0);
            state.usage.input_tokens = counts.reduce(u64::saturating_add);
        }
        let output = self.output_tokens.0;
        state.usage.output_tokens = output.or(state.usage.output_tokens);
    }
}

/// A missing value may also be `null`.
fn or_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TokenUsage, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
