//! OpenAI's chat completions (platform.openai.com/docs/api-reference/chat), as spoken by
//! vLLM, llama.cpp, LM Studio, Groq, Mistral and many others.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use worker_runtime::Usage;

use super::{Count, Message, Question, Reading, Stage, messages, parse, reported};
use crate::fault::{Fault, Reason};

/// The last event of a stream.
const DONE: &str = "[DONE]";

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

pub(super) fn body(question: Question<'_>) -> Body<'_> {
    let stream_options = StreamOptions {
        include_usage: true,
    };
    Body {
        stream_options: Some(stream_options),
        ..plain_body(question)
    }
}

/// The same for Mistral, which tells the usage unasked and refuses to be asked for it.
pub(super) fn plain_body(question: Question<'_>) -> Body<'_> {
    Body {
        model: question.model,
        messages: messages(question.conversation),
        stream: true,
        stream_options: None,
    }
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Tokens>,
    error: Option<Value>,
    object: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<Content>,
    /// Said instead of content when the model declines.
    refusal: Option<String>,
}

/// A text; or, as Mistral's reasoning models have it, parts of which some are thoughts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Deserialize)]
struct Part {
    /// A thought has none.
    text: Option<String>,
}

impl Content {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Parts(parts) => parts.into_iter().filter_map(|part| part.text).collect(),
        }
    }
}

#[derive(Deserialize)]
struct Tokens {
    #[serde(default)]
    prompt_tokens: Count,
    #[serde(default)]
    completion_tokens: Count,
}

pub(super) fn read(frame: &str, reading: &mut Reading) -> Result<String, Fault> {
    if frame.trim() == DONE {
        reading.reach(Stage::Ended);
        return Ok(String::new());
    }
    let chunk: Chunk = parse(frame)?;
    if let Some(error) = chunk.error {
        return Err(reported(&error));
    }
    // Older servers put no error into their error.
    if chunk.object.as_deref() == Some("error") {
        return Err(Fault::Reported(Reason::Unstated));
    }
    if let Some(tokens) = chunk.usage {
        reading.usage = Usage {
            input_tokens: tokens.prompt_tokens.0,
            output_tokens: tokens.completion_tokens.0,
        };
    }
    let Some(choices) = chunk.choices else {
        return Ok(String::new());
    };
    reading.reach(Stage::Open);
    let mut text = String::new();
    for choice in choices {
        if let Some(delta) = choice.delta {
            text.extend(delta.content.map(Content::into_text));
            text.extend(delta.refusal);
        }
        match choice.finish_reason.as_deref() {
            // Some say with an empty reason that there is none yet.
            None | Some("") => {}
            // OpenRouter and Mistral, and DeepSeek, when the model broke off.
            Some("error" | "insufficient_system_resource") => {
                return Err(Fault::Reported(Reason::Overloaded));
            }
            Some(reason) => {
                reading.withheld |= reason == "content_filter";
                // Mistral has a second word for it.
                reading.cut_short |= matches!(reason, "length" | "model_length");
                reading.reach(Stage::Whole);
            }
        }
    }
    Ok(text)
}
