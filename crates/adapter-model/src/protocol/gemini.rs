//! Google's `streamGenerateContent` (ai.google.dev/api/generate-content).

use reqwest::header::{HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use url::Url;
use worker_runtime::{Role, Usage};

use super::{
    ChatRequest, Count, Event, Few, Piece, Progress, Protocol, ResponseState, Texts, from_json,
    is_nothing, to_json,
};
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

    fn body(&self, request: ChatRequest<'_>) -> String {
        let messages = request.prompt.messages.iter();
        let contents = messages.map(|message| {
            let role = match message.role {
                Role::User => "user",
                Role::Assistant => "model",
            };
            SentContent::new(Some(role), &message.text)
        });
        let instructions = request.prompt.instructions.as_deref();
        let config = GenerationConfig {
            max_output_tokens: request.max_output_tokens,
            temperature: request.temperature,
        };
        to_json(&Body {
            contents: contents.collect(),
            system_instruction: instructions.map(|text| SentContent::new(None, text)),
            generation_config: (config != GenerationConfig::default()).then_some(config),
        })
    }

    fn read_event(
        &self,
        event: Event<'_>,
        state: &mut ResponseState,
    ) -> Result<Piece, ProviderError> {
        // Without `alt=sse`, which a proxy may drop, all chunks are one list.
        let mut piece = Piece::default();
        if event.data.starts_with('[') {
            let chunks: Vec<&RawValue> = from_json(event.data)?;
            for chunk in chunks {
                let chunk: Chunk<'_> = from_json(chunk.get())?;
                chunk.read(&mut piece, state)?;
            }
        } else {
            let chunk: Chunk<'_> = from_json(event.data)?;
            chunk.read(&mut piece, state)?;
        }
        Ok(piece)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    contents: Vec<SentContent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SentContent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation_config: Option<GenerationConfig>,
}

#[derive(Serialize)]
struct SentContent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    parts: [SentPart<'a>; 1],
}

#[derive(Serialize)]
struct SentPart<'a> {
    text: &'a str,
}

impl<'a> SentContent<'a> {
    fn new(role: Option<&'a str>, text: &'a str) -> Self {
        let parts = [SentPart { text }];
        Self { role, parts }
    }
}

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow)]
    candidates: Option<Few<Candidate<'a>>>,
    #[serde(borrow)]
    prompt_feedback: Option<PromptFeedback<'a>>,
    usage_metadata: Option<UsageMetadata>,
    /// Of one chunk in a list.
    #[serde(default)]
    error: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromptFeedback<'a> {
    #[serde(borrow, default)]
    block_reason: Texts<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsageMetadata {
    #[serde(default)]
    prompt_token_count: Count,
    #[serde(default)]
    candidates_token_count: Count,
    #[serde(default)]
    thoughts_token_count: Count,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow, default)]
    finish_reason: Texts<'a>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow)]
    parts: Option<Few<Part<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Texts<'a>,
    /// The part is the model's reasoning, not its reply.
    thought: Option<bool>,
    function_call: Option<IgnoredAny>,
}

impl Chunk<'_> {
    fn read(self, piece: &mut Piece, state: &mut ResponseState) -> Result<(), ProviderError> {
        if !is_nothing(&self.error) {
            return Err(ProviderError::reported(&self.error));
        }
        if let Some(usage) = self.usage_metadata {
            state.advance_to(Progress::Started);
            let text = usage.candidates_token_count.0;
            let reasoning = usage.thoughts_token_count.0;
            state.has_reasoning |= reasoning.is_some_and(|tokens| tokens > 0);
            let output = [text, reasoning].into_iter().flatten();
            let output = output.reduce(u64::saturating_add);
            state.usage = Usage {
                input_tokens: usage.prompt_token_count.0.or(state.usage.input_tokens),
                output_tokens: output.or(state.usage.output_tokens),
            };
        }
        if self
            .prompt_feedback
            .is_some_and(|it| !it.block_reason.text.is_empty())
        {
            state.filtered = true;
            state.advance_to(Progress::Complete);
        }
        for candidate in self.candidates.into_iter().flat_map(|it| it.0) {
            state.advance_to(Progress::Started);
            let parts = candidate.content.and_then(|content| content.parts);
            for part in parts.into_iter().flat_map(|parts| parts.0) {
                state.has_tool_calls |= part.function_call.is_some();
                if part.thought == Some(true) {
                    piece.reasoning.push_str(&part.text.into_reasoning());
                } else {
                    piece.push(&part.text);
                }
            }
            // A finish reason is the only mark of the end.
            match candidate.finish_reason.text.as_ref() {
                "" | "FINISH_REASON_UNSPECIFIED" => continue,
                "STOP" => {}
                "MAX_TOKENS" => state.cut_short = true,
                "OTHER" | "MALFORMED_RESPONSE" => state.given_up = true,
                "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => state.has_tool_calls = true,
                "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT"
                | "SPII" | "IMAGE_SAFETY" => state.filtered = true,
                _ => {}
            }
            state.advance_to(Progress::Complete);
        }
        Ok(())
    }
}
