//! Anthropic's messages (docs.anthropic.com/en/api/messages-streaming).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Count, Message, Question, Reading, Stage, parse, reported, said};
use crate::fault::Fault;

/// The version of the protocol, sent with every question.
pub(super) const VERSION: &str = "2023-06-01";

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    system: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
}

pub(super) fn body(question: Question<'_>) -> Body<'_> {
    Body {
        model: question.model,
        max_tokens: question.max_output_tokens,
        system: &question.conversation.instructions,
        messages: said(question.conversation).collect(),
        stream: true,
    }
}

/// The events that matter; the others, and those yet to be invented, say nothing here.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Event {
    MessageStart {
        message: Start,
    },
    ContentBlockDelta {
        delta: BlockDelta,
    },
    MessageDelta {
        delta: MessageDelta,
        usage: Option<Tokens>,
    },
    MessageStop,
    Error {
        error: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Start {
    usage: Option<Tokens>,
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

/// Counts so far, each as far as the event tells it.
#[derive(Deserialize)]
struct Tokens {
    input_tokens: Option<Count>,
    cache_creation_input_tokens: Option<Count>,
    cache_read_input_tokens: Option<Count>,
    output_tokens: Option<Count>,
}

pub(super) fn read(frame: &str, reading: &mut Reading) -> Result<String, Fault> {
    let event: Event = parse(frame)?;
    match event {
        Event::MessageStart { message } => {
            reading.reach(Stage::Open);
            count(message.usage, reading);
        }
        Event::ContentBlockDelta {
            delta: BlockDelta::TextDelta { text },
        } => {
            reading.reach(Stage::Open);
            return Ok(text);
        }
        Event::MessageDelta { delta, usage } => {
            reading.reach(Stage::Open);
            let reason = delta.stop_reason.as_deref();
            reading.withheld |= reason == Some("refusal");
            reading.cut_short |= reason == Some("max_tokens");
            count(usage, reading);
        }
        Event::MessageStop => reading.reach(Stage::Ended),
        Event::Error { error } => return Err(reported(&error)),
        Event::ContentBlockDelta {
            delta: BlockDelta::Other,
        }
        | Event::Other => {}
    }
    Ok(String::new())
}

fn count(tokens: Option<Tokens>, reading: &mut Reading) {
    let Some(tokens) = tokens else { return };
    if let Some(Count(uncached)) = tokens.input_tokens {
        // What is read from, or put into, the cache is not counted among the others.
        let cached = tokens.cache_creation_input_tokens.unwrap_or_default().0;
        let read = tokens.cache_read_input_tokens.unwrap_or_default().0;
        reading.usage.input_tokens = uncached.saturating_add(cached).saturating_add(read);
    }
    if let Some(Count(written)) = tokens.output_tokens {
        reading.usage.output_tokens = written;
    }
}
