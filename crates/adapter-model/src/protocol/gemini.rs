//! Google's `streamGenerateContent` (ai.google.dev/api/generate-content).

use reqwest::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use worker_runtime::{Role, Usage};

use super::{ChatRequest, Progress, Protocol, ResponseState, parse, token_count};
use crate::error::ProviderError;
use crate::secret::{ApiKey, Endpoint};

#[derive(Debug)]
pub(crate) struct Gemini;

impl Protocol for Gemini {
    /// Without `alt=sse`, the response would be one JSON list.
    fn url(&self, endpoint: &Endpoint, model: &str) -> Url {
        let mut base = endpoint.base_path();
        // The same server's other protocol.
        base.strip_end(&["v1beta/openai/chat/completions", "v1beta/openai"]);
        if !base.strip_resource_of("models") && !base.ends_with_version() {
            base.push("v1beta");
        }
        let method = format!("{model}:streamGenerateContent");
        let mut url = endpoint.resource(&base, &["models", &method]);
        url.set_query(Some("alt=sse"));
        url
    }

    fn key_header(&self, key: &ApiKey) -> (HeaderName, HeaderValue) {
        (
            HeaderName::from_static("x-goog-api-key"),
            key.header_value(""),
        )
    }

    fn body(&self, request: ChatRequest<'_>) -> Value {
        let messages = request.prompt.messages.iter();
        let contents = messages.map(|message| {
            let role = match message.role {
                Role::User => "user",
                Role::Assistant => "model",
            };
            json!({"role": role, "parts": [{"text": message.text}]})
        });
        let mut body = json!({"contents": contents.collect::<Vec<_>>()});
        if let Some(instructions) = &request.prompt.instructions {
            body["systemInstruction"] = json!({"parts": [{"text": instructions}]});
        }
        if let Some(tokens) = request.max_output_tokens {
            body["generationConfig"]["maxOutputTokens"] = json!(tokens);
        }
        if let Some(temperature) = request.temperature {
            body["generationConfig"]["temperature"] = json!(temperature);
        }
        body
    }

    fn read_event(&self, data: &str, state: &mut ResponseState) -> Result<String, ProviderError> {
        let chunk: Chunk = parse(data)?;
        let usage = chunk.usage_metadata;
        if usage.is_object() {
            let reasoning = token_count(&usage["thoughtsTokenCount"]);
            let text = token_count(&usage["candidatesTokenCount"]);
            state.usage = Usage {
                input_tokens: token_count(&usage["promptTokenCount"]),
                output_tokens: [text, reasoning]
                    .into_iter()
                    .flatten()
                    .reduce(u64::saturating_add),
            };
        }
        if !chunk.prompt_feedback["blockReason"].is_null() {
            state.filtered = true;
            state.advance_to(Progress::Complete);
        }
        let mut text = String::new();
        for candidate in chunk.candidates.into_iter().flatten() {
            state.advance_to(Progress::Started);
            let parts = candidate.content.map(|content| content.parts);
            let parts = parts.into_iter().flatten().filter(|part| !part.thought);
            text.extend(parts.filter_map(|part| part.text));
            // A finish reason is the only mark of the end.
            if let Some(reason) = candidate.finish_reason {
                state.filtered |= !matches!(reason.as_str(), "STOP" | "MAX_TOKENS");
                state.cut_short |= reason == "MAX_TOKENS";
                state.advance_to(Progress::Complete);
            }
        }
        Ok(text)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    candidates: Option<Vec<Candidate>>,
    #[serde(default)]
    prompt_feedback: Value,
    #[serde(default)]
    usage_metadata: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    content: Option<Content>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
    /// The part is the model's reasoning, not its reply.
    #[serde(default)]
    thought: bool,
}
