//! The protocols of providers: how a request is built, and how the events of its response
//! are read.
//!
//! To add a protocol, write a module that implements [`Protocol`], and use it in the table of
//! `provider.rs`. Protocols are pure: they know neither sockets nor time.

use std::fmt;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;
use worker_runtime::Usage;

use crate::error::ProviderError;
use crate::event_decoder::StreamFormat;
use crate::prompt::Prompt;
use crate::secret::{ApiKey, Endpoint};

mod anthropic;
mod gemini;
mod ollama;
mod openai;

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

    /// The body of the request.
    fn body(&self, request: ChatRequest<'_>) -> Value;

    /// How the response's body is split into events.
    fn format(&self) -> StreamFormat {
        StreamFormat::ServerSentEvents
    }

    /// Reads an event and returns the text that it adds to the reply, which may be empty.
    fn read_event(&self, data: &str, state: &mut ResponseState) -> Result<String, ProviderError>;
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
}

/// What was read of a response besides the reply's text.
#[derive(Debug, Default)]
pub(crate) struct ResponseState {
    pub(crate) usage: Usage,
    pub(crate) progress: Progress,
    /// The provider's content filter withheld the reply or the rest of it.
    pub(crate) filtered: bool,
    /// The reply reached the model's limit of output tokens.
    pub(crate) cut_short: bool,
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
    fn advance_to(&mut self, progress: Progress) {
        self.progress = self.progress.max(progress);
    }
}

/// The messages in the form of OpenAI, which Anthropic and Ollama share.
fn messages(prompt: &Prompt) -> impl Iterator<Item = Value> {
    let messages = prompt.messages.iter();
    messages.map(|message| json!({"role": message.role.as_str(), "content": message.text}))
}

/// The request body that OpenAI and Ollama share, with the instructions as a message.
fn chat_body(request: ChatRequest<'_>) -> Value {
    let instructions = request.prompt.instructions.iter();
    let system = instructions.map(|text| json!({"role": "system", "content": text}));
    let messages: Vec<Value> = system.chain(messages(request.prompt)).collect();
    json!({"model": request.model, "messages": messages, "stream": true})
}

/// Parses an event's data. An `error` field, which all protocols have, becomes an error.
fn parse<T: DeserializeOwned>(data: &str) -> Result<T, ProviderError> {
    let not_json = |_| ProviderError::NotJson;
    let event: Value = serde_json::from_str(data).map_err(not_json)?;
    match event.get("error") {
        None | Some(Value::Null) => serde_json::from_value(event).map_err(not_json),
        Some(error) => Err(ProviderError::reported(error)),
    }
}

/// A number of tokens; none where there is no valid number, rather than failing the reply.
fn token_count(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates"
    )]
    let rounded = value.as_f64().map(|number| number as u64);
    let rounded = rounded.filter(|_| value.as_f64().is_some_and(|number| number >= 0.0));
    value.as_u64().or(rounded)
}

#[cfg(test)]
mod tests;
