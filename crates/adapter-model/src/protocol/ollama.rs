//! Ollama's chat (github.com/ollama/ollama/blob/main/docs/api.md): a line of JSON a piece.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use worker_runtime::Usage;

use super::{Count, Message, Question, Reading, Stage, messages, parse, reported};
use crate::fault::Fault;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
}

pub(super) fn body(question: Question<'_>) -> Body<'_> {
    Body {
        model: question.model,
        messages: messages(question.conversation),
        stream: true,
    }
}

#[derive(Deserialize)]
struct Line {
    message: Option<Piece>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Count,
    #[serde(default)]
    eval_count: Count,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Piece {
    content: Option<String>,
}

pub(super) fn read(frame: &str, reading: &mut Reading) -> Result<String, Fault> {
    let line: Line = parse(frame)?;
    if let Some(error) = line.error {
        return Err(reported(&error));
    }
    if line.message.is_some() {
        reading.reach(Stage::Open);
    }
    if line.done {
        reading.reach(Stage::Ended);
        reading.cut_short = line.done_reason.as_deref() == Some("length");
        reading.usage = Usage {
            input_tokens: line.prompt_eval_count.0,
            output_tokens: line.eval_count.0,
        };
    }
    let content = line.message.and_then(|message| message.content);
    Ok(content.unwrap_or_default())
}
