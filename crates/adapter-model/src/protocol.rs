//! The protocols of providers: how a request is built, and how the events of its response
//! are read.
//!
//! To add a protocol, write a module that implements [`Protocol`], and use it in the table of
//! `provider.rs`. Protocols are pure: they know neither sockets nor time.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use worker_runtime::Usage;

use crate::error::ProviderError;
use crate::event_decoder::{self, StreamFormat};
use crate::prompt::Prompt;
use crate::secret::{ApiKey, Endpoint};

mod lists;
mod surrogates;
mod texts;

mod anthropic;
mod gemini;
mod ollama;
mod openai;

use lists::{Count, Few};
use texts::Texts;

pub(crate) use anthropic::Anthropic;
pub(crate) use gemini::Gemini;
pub(crate) use ollama::Ollama;
pub(crate) use openai::OpenAi;

/// A provider's API for streamed chat.
pub(crate) trait Protocol: fmt::Debug + Send + Sync {
    /// Where the request is sent: below the endpoint's path, from which is removed what belongs
    /// to the protocol itself, since people paste whole URLs.
    fn url(&self, endpoint: &Endpoint, model: &str) -> Url;

    /// The header with the key.
    fn key_header(&self, key: &ApiKey) -> (HeaderName, HeaderValue) {
        (AUTHORIZATION, key.header_value("Bearer "))
    }

    /// Whether this is a variant of OpenAI's protocol, whose servers may need a query.
    fn is_openai_variant(&self) -> bool {
        false
    }

    /// A header that every request needs besides content type and key.
    fn version_header(&self) -> Option<(HeaderName, HeaderValue)> {
        None
    }

    /// The body of the request, in JSON.
    fn body(&self, request: ChatRequest<'_>) -> String;

    /// How the response's body is split into events.
    fn format(&self) -> StreamFormat {
        StreamFormat::ServerSentEvents
    }

    /// Reads an event and returns what it adds to the reply, which may be nothing.
    fn read_event(
        &self,
        event: Event<'_>,
        state: &mut ResponseState,
    ) -> Result<Piece, ProviderError>;
}

/// An event that is no keep-alive, and its name, which is empty without one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    name: &'a str,
    data: &'a str,
}

/// What an event adds to a reply. Its reasoning comes before its text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) reasoning: String,
    /// The model reasons, but the provider does not show what.
    pub(crate) hidden_reasoning: bool,
}

impl Piece {
    /// Whether it adds nothing but white space.
    pub(crate) fn is_blank(&self) -> bool {
        let texts = [&self.text, &self.reasoning];
        texts.iter().all(|text| text.trim().is_empty()) && !self.hidden_reasoning
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty() && !self.hidden_reasoning
    }

    fn push(&mut self, texts: &Texts<'_>) {
        self.text.push_str(&texts.text);
        self.reasoning.push_str(&texts.reasoning);
    }
}

/// Reads an event of any protocol. What servers send to keep a connection alive adds nothing.
pub(crate) fn read_event(
    protocol: &dyn Protocol,
    event: &event_decoder::Event,
    state: &mut ResponseState,
) -> Result<Piece, ProviderError> {
    let data = event
        .data
        .trim_matches(|it: char| it.is_whitespace() || it == '\u{feff}');
    if data == DONE {
        // Of a server that speaks another protocol it ends nothing.
        if protocol.is_openai_variant() || state.progress > Progress::NotStarted {
            state.advance_to(Progress::Ended);
        }
        return Ok(Piece::default());
    }
    let is_ping = matches!(
        event.name.as_str(),
        "ping" | "heartbeat" | "keepalive" | "keep-alive"
    );
    if is_ping || matches!(data, "" | "null" | "\"\"" | "{}") || data.starts_with(':') {
        return Ok(Piece::default());
    }
    let data = surrogates::repair(data, &mut state.pending_surrogate);
    // Most events can't hold an error, and are read once. Gemini's lists have errors in their items.
    if data.contains("\"error\"") && !data.starts_with('[') {
        let error: ErrorField = from_json(&data)?;
        if !is_nothing(&error.error) {
            return Err(ProviderError::reported(&error.error));
        }
    }
    let event = Event {
        name: &event.name,
        data: &data,
    };
    if event.name == "error" {
        let error = serde_json::from_str(event.data);
        let error = error.unwrap_or_else(|_| Value::String(event.data.to_owned()));
        return Err(ProviderError::reported(&error));
    }
    let piece = protocol.read_event(event, state)?;
    state.has_reasoning |= piece.hidden_reasoning || !piece.reasoning.is_empty();
    Ok(piece)
}

/// The data of a stream's last event: OpenAI's, and that of gateways before other protocols.
const DONE: &str = "[DONE]";

/// The field for errors, which all protocols have.
#[derive(Default, Deserialize)]
struct ErrorField {
    #[serde(default)]
    error: Value,
}

/// Whether an `error` field holds no error. Some servers have one in every event.
fn is_nothing(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(true) => false,
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ChatRequest<'a> {
    pub(crate) model: &'a str,
    pub(crate) prompt: &'a Prompt,
    /// Tokens of the reply at most, if that is limited.
    pub(crate) max_output_tokens: Option<u32>,
    /// Tokens of the model's context, if they are known.
    pub(crate) context_tokens: Option<u32>,
    /// How much the words vary, unless that is the provider's choice.
    pub(crate) temperature: Option<f64>,
    /// Whether the option that asks for usage may be sent, where there is one.
    pub(crate) stream_options: bool,
    /// Whether the model takes the limit of output tokens in the older of OpenAI's fields.
    pub(crate) max_tokens_field: bool,
}

/// What was read of a response besides the reply's text.
#[derive(Debug, Default)]
pub(crate) struct ResponseState {
    pub(crate) usage: Usage,
    pub(crate) progress: Progress,
    /// The provider's content filter withheld the reply or the rest of it.
    pub(crate) filtered: bool,
    /// The reply reached the limit of output tokens.
    pub(crate) cut_short: bool,
    /// The reply filled the model's context.
    pub(crate) context_full: bool,
    /// The provider gave the reply up.
    pub(crate) given_up: bool,
    /// The model reasoned, whether or not its provider shows what.
    pub(crate) has_reasoning: bool,
    /// Text came in deltas.
    has_deltas: bool,
    /// The model called tools, which workers don't have.
    pub(crate) has_tool_calls: bool,
    /// The first half of a character.
    pending_surrogate: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Progress {
    /// No event of this protocol came yet.
    #[default]
    NotStarted,
    Started,
    /// The text is complete; only its usage may follow.
    Complete,
    /// Nothing follows.
    Ended,
}

impl ResponseState {
    /// Whether something else than the end of its text has ended the reply.
    pub(crate) fn is_ended_early(&self) -> bool {
        self.filtered || self.cut_short || self.context_full || self.given_up || self.has_tool_calls
    }

    fn advance_to(&mut self, progress: Progress) {
        self.progress = self.progress.max(progress);
    }
}

/// A message in the form of OpenAI, which Anthropic and Ollama share.
#[derive(Serialize)]
struct ChatMessage<'a> {
    role: &'a str,
    content: &'a str,
}

/// The messages without the instructions.
fn messages(prompt: &Prompt) -> impl Iterator<Item = ChatMessage<'_>> {
    let messages = prompt.messages.iter();
    messages.map(|message| ChatMessage {
        role: message.role.as_str(),
        content: &message.text,
    })
}

/// The messages with the instructions as the first one, as OpenAI and Ollama have them.
fn messages_with_instructions(prompt: &Prompt) -> Vec<ChatMessage<'_>> {
    let instructions = prompt.instructions.iter();
    let system = instructions.map(|content| ChatMessage {
        role: "system",
        content,
    });
    system.chain(messages(prompt)).collect()
}

/// The text of a request's body. A conversation may be large, so no tree of it is built.
fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("every key of a body is a text")
}

/// Parses an event's data.
fn from_json<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, ProviderError> {
    serde_json::from_str(data).map_err(|_| ProviderError::NotJson)
}

#[cfg(test)]
mod tests;
