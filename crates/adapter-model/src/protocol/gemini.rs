//! Google's `streamGenerateContent` (ai.google.dev/api/generate-content).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use worker_runtime::{Role, Usage};

use super::{Count, Question, Reading, Stage, parse, reported};
use crate::fault::Fault;
use crate::secret::Endpoint;

/// The address names the model; without `alt=sse` the answer would be one JSON list.
pub(super) fn url(endpoint: &Endpoint, model: &str) -> Url {
    let method = format!("{model}:streamGenerateContent");
    let mut url = endpoint.at(&["models", &method]);
    url.set_query(Some("alt=sse"));
    url
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Content<'a>>,
    contents: Vec<Content<'a>>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    parts: [Part<'a>; 1],
}

#[derive(Serialize)]
struct Part<'a> {
    text: &'a str,
}

pub(super) fn body(question: Question<'_>) -> Body<'_> {
    let conversation = question.conversation;
    let instructions = Some(conversation.instructions.as_str()).filter(|it| !it.is_empty());
    let contents = conversation.messages.iter().map(|message| Content {
        role: Some(match message.role {
            Role::User => "user",
            Role::Assistant => "model",
        }),
        parts: [Part {
            text: &message.text,
        }],
    });
    Body {
        system_instruction: instructions.map(|text| Content {
            role: None,
            parts: [Part { text }],
        }),
        contents: contents.collect(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    candidates: Option<Vec<Candidate>>,
    prompt_feedback: Option<Feedback>,
    usage_metadata: Option<Tokens>,
    error: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Answer>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    parts: Vec<AnswerPart>,
}

#[derive(Deserialize)]
struct AnswerPart {
    text: Option<String>,
    /// What the model thinks is no part of what it says.
    #[serde(default)]
    thought: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tokens {
    #[serde(default)]
    prompt_token_count: Count,
    #[serde(default)]
    candidates_token_count: Count,
    #[serde(default)]
    thoughts_token_count: Count,
}

pub(super) fn read(frame: &str, reading: &mut Reading) -> Result<String, Fault> {
    let chunk: Chunk = parse(frame)?;
    if let Some(error) = chunk.error {
        return Err(reported(&error));
    }
    if let Some(tokens) = chunk.usage_metadata {
        let written = tokens.candidates_token_count.0;
        reading.usage = Usage {
            input_tokens: tokens.prompt_token_count.0,
            output_tokens: written.saturating_add(tokens.thoughts_token_count.0),
        };
    }
    if let Some(Feedback {
        block_reason: Some(_),
    }) = chunk.prompt_feedback
    {
        reading.withheld = true;
        reading.reach(Stage::Whole);
    }
    let mut text = String::new();
    for candidate in chunk.candidates.into_iter().flatten() {
        reading.reach(Stage::Open);
        let parts = candidate.content.map(|content| content.parts);
        let said = parts.into_iter().flatten().filter(|part| !part.thought);
        text.extend(said.filter_map(|part| part.text));
        if let Some(reason) = candidate.finish_reason {
            // There is no mark of the end but this reason.
            reading.withheld |= !matches!(reason.as_str(), "STOP" | "MAX_TOKENS");
            reading.cut_short |= reason == "MAX_TOKENS";
            reading.reach(Stage::Whole);
        }
    }
    Ok(text)
}
