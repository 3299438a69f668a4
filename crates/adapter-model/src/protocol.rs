//! What providers speak: how a conversation is asked, and how a reply is read.
//!
//! Each protocol is a leaf that turns values into values. It knows neither sockets nor
//! time, and of a provider's answer only the fields that are needed here.

use reqwest::header::{HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use worker_runtime::Usage;

use crate::conversation::Conversation;
use crate::fault::{Fault, Malformed, stated_reason};
use crate::frame::Framing;
use crate::secret::{ApiKey, Endpoint};

mod anthropic;
mod gemini;
mod ollama;
mod openai;

/// A way to ask a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// OpenAI's chat completions, which most others speak too.
    OpenAi,
    /// The same without what Mistral refuses.
    Mistral,
    /// Anthropic's messages.
    Anthropic,
    /// Google's `streamGenerateContent`.
    Gemini,
    /// Ollama's own chat.
    Ollama,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) model: &'a str,
    pub(crate) conversation: &'a Conversation,
    /// For those that can't be asked without such a limit.
    pub(crate) max_output_tokens: u32,
}

/// What has been read of a reply besides its text.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) usage: Usage,
    pub(crate) stage: Stage,
    /// The provider held the reply, or the rest of it, back.
    pub(crate) withheld: bool,
    /// The reply reached the most tokens that the provider lets it have.
    pub(crate) cut_short: bool,
}

/// How far a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Stage {
    /// Nothing of this protocol has come yet.
    #[default]
    Silent,
    /// More has to come.
    Open,
    /// The reply is whole; what may follow is about it, e.g. its usage.
    Whole,
    /// Nothing follows.
    Ended,
}

impl Reading {
    fn reach(&mut self, stage: Stage) {
        self.stage = self.stage.max(stage);
    }
}

impl Protocol {
    /// Where to send a question.
    pub(crate) fn url(self, endpoint: &Endpoint, model: &str) -> Url {
        match self {
            Self::OpenAi | Self::Mistral => endpoint.at(&["chat", "completions"]),
            Self::Anthropic => endpoint.at(&["messages"]),
            Self::Gemini => gemini::url(endpoint, model),
            Self::Ollama => endpoint.at(&["api", "chat"]),
        }
    }

    /// The header that carries the key.
    pub(crate) fn credential(self, key: &ApiKey) -> (HeaderName, HeaderValue) {
        match self {
            Self::OpenAi | Self::Mistral | Self::Ollama => {
                (reqwest::header::AUTHORIZATION, key.header("Bearer "))
            }
            Self::Anthropic => (HeaderName::from_static("x-api-key"), key.header("")),
            Self::Gemini => (HeaderName::from_static("x-goog-api-key"), key.header("")),
        }
    }

    /// A header that every question carries.
    pub(crate) fn version(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Anthropic => Some((
                HeaderName::from_static("anthropic-version"),
                HeaderValue::from_static(anthropic::VERSION),
            )),
            Self::OpenAi | Self::Mistral | Self::Gemini | Self::Ollama => None,
        }
    }

    /// The question as JSON.
    pub(crate) fn body(self, question: Question<'_>) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::OpenAi => serde_json::to_vec(&openai::body(question)),
            Self::Mistral => serde_json::to_vec(&openai::plain_body(question)),
            Self::Anthropic => serde_json::to_vec(&anthropic::body(question)),
            Self::Gemini => serde_json::to_vec(&gemini::body(question)),
            Self::Ollama => serde_json::to_vec(&ollama::body(question)),
        }
    }

    /// How the answer is cut into frames.
    pub(crate) const fn framing(self) -> Framing {
        match self {
            Self::OpenAi | Self::Mistral | Self::Anthropic | Self::Gemini => Framing::Events,
            Self::Ollama => Framing::Lines,
        }
    }

    /// Reads a frame; returns the text that it adds to the reply, which may be empty.
    pub(crate) fn read(self, frame: &str, reading: &mut Reading) -> Result<String, Fault> {
        match self {
            Self::OpenAi | Self::Mistral => openai::read(frame, reading),
            Self::Anthropic => anthropic::read(frame, reading),
            Self::Gemini => gemini::read(frame, reading),
            Self::Ollama => ollama::read(frame, reading),
        }
    }
}

/// A message as all but Google's protocol have it.
#[derive(Serialize)]
struct Message<'a> {
    role: &'a str,
    content: &'a str,
}

/// The instructions, if there are any, and what was said.
fn messages(conversation: &Conversation) -> Vec<Message<'_>> {
    let instructions = Some(conversation.instructions.as_str()).filter(|it| !it.is_empty());
    let instructions = instructions.map(|content| Message {
        role: "system",
        content,
    });
    instructions.into_iter().chain(said(conversation)).collect()
}

fn said(conversation: &Conversation) -> impl Iterator<Item = Message<'_>> {
    conversation.messages.iter().map(|message| Message {
        role: message.role.as_str(),
        content: &message.text,
    })
}

/// A number of tokens. A count that is none is no reason to lose the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Value")]
struct Count(u64);

impl From<Value> for Count {
    fn from(value: Value) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast stops at the bounds, which is as close as it gets"
        )]
        let rounded = value.as_f64().map(|number| number as u64);
        Self(value.as_u64().or(rounded).unwrap_or(0))
    }
}

fn parse<T: DeserializeOwned>(frame: &str) -> Result<T, Fault> {
    serde_json::from_str(frame).map_err(|_| Fault::Malformed(Malformed::NotJson))
}

/// An error that stands where a part of the reply should.
fn reported(error: &Value) -> Fault {
    Fault::Reported(stated_reason(error))
}

#[cfg(test)]
mod tests;
