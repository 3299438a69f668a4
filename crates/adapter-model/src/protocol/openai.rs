//! OpenAI's chat completions (platform.openai.com/docs/api-reference/chat), as spoken by
//! vLLM, llama.cpp, LM Studio, Groq, Mistral and many others.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;
use worker_runtime::Usage;

use super::{
    ChatMessage, ChatRequest, Count, Event, Few, Piece, Progress, Protocol, ResponseState, Texts,
    from_json, messages_with_instructions, to_json,
};
use crate::error::ProviderError;
use crate::secret::{ApiKey, Endpoint};

#[derive(Debug)]
pub(crate) struct OpenAi {
    requests_usage: bool,
    /// The field with the most tokens of a reply.
    output_limit: OutputLimit,
    key_header: KeyHeader,
    /// What is between a host without a path and the resource.
    root: &'static [&'static str],
}

/// The provider itself refuses the older field for its reasoning models; most other servers know only
/// that.
#[derive(Debug, Clone, Copy)]
enum OutputLimit {
    MaxTokens,
    MaxCompletionTokens,
}

/// Where the key stands.
#[derive(Debug)]
enum KeyHeader {
    /// `authorization: Bearer …`
    Authorization,
    /// `api-key: …`
    ApiKey,
}

impl OpenAi {
    /// For any server that is none of the others.
    pub(crate) const STANDARD: Self = Self {
        requests_usage: true,
        output_limit: OutputLimit::MaxTokens,
        key_header: KeyHeader::Authorization,
        root: &["v1"],
    };
    /// For the provider itself.
    pub(crate) const OWN: Self = Self {
        output_limit: OutputLimit::MaxCompletionTokens,
        ..Self::STANDARD
    };
    /// For Azure (learn.microsoft.com/azure/ai-foundry/openai/reference).
    pub(crate) const AZURE: Self = Self {
        key_header: KeyHeader::ApiKey,
        root: &["openai", "v1"],
        ..Self::OWN
    };
    /// For Mistral, which always sends the usage and refuses the option that requests it.
    pub(crate) const WITHOUT_USAGE_OPTION: Self = Self {
        requests_usage: false,
        ..Self::STANDARD
    };
}

impl Protocol for OpenAi {
    fn url(&self, endpoint: &Endpoint, _: &str) -> Url {
        let mut base = endpoint.base_path();
        base.complete_to(self.root);
        base.strip_end(&["chat/completions", "completions", "responses"]);
        endpoint.resource(&base, &["chat", "completions"])
    }

    fn is_openai_variant(&self) -> bool {
        true
    }

    fn key_header(&self, key: &ApiKey) -> (HeaderName, HeaderValue) {
        match self.key_header {
            KeyHeader::Authorization => (AUTHORIZATION, key.header_value("Bearer ")),
            KeyHeader::ApiKey => (HeaderName::from_static("api-key"), key.header_value("")),
        }
    }

    fn body(&self, request: ChatRequest<'_>) -> String {
        let (max_tokens, max_completion_tokens) = match self.output_limit {
            OutputLimit::MaxTokens if request.max_tokens_field => (request.max_output_tokens, None),
            OutputLimit::MaxTokens | OutputLimit::MaxCompletionTokens => {
                (None, request.max_output_tokens)
            }
        };
        let requests_usage = self.requests_usage && request.stream_options;
        to_json(&Body {
            model: request.model,
            messages: messages_with_instructions(request.prompt),
            stream: true,
            stream_options: requests_usage.then_some(StreamOptions {
                include_usage: true,
            }),
            max_tokens,
            max_completion_tokens,
            temperature: request.temperature,
        })
    }

    fn read_event(
        &self,
        event: Event<'_>,
        state: &mut ResponseState,
    ) -> Result<Piece, ProviderError> {
        let chunk: Chunk<'_> = from_json(event.data)?;
        // Older servers send an error without an `error` field.
        if chunk.object.text == "error" {
            let error = serde_json::from_str(event.data).unwrap_or_default();
            return Err(ProviderError::reported(&error));
        }
        let usage = chunk.usage.or(chunk.x_groq.and_then(|it| it.usage));
        if let Some(usage) = usage {
            usage.update(state);
        }
        let mut piece = Piece::default();
        if let Some(choices) = chunk.choices {
            state.advance_to(Progress::Started);
            for choice in choices.0 {
                choice.read(&mut piece, state)?;
            }
        }
        Ok(piece)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<ChatMessage<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    choices: Option<Few<Choice<'a>>>,
    usage: Option<TokenUsage>,
    /// Where Groq puts the usage.
    x_groq: Option<GroqExtension>,
    #[serde(borrow, default)]
    object: Texts<'a>,
}

#[derive(Deserialize)]
struct GroqExtension {
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct TokenUsage {
    #[serde(default)]
    prompt_tokens: Count,
    #[serde(default)]
    completion_tokens: Count,
    completion_tokens_details: Option<TokenDetails>,
}

#[derive(Deserialize)]
struct TokenDetails {
    #[serde(default)]
    reasoning_tokens: Count,
}

impl TokenUsage {
    /// A later event with fewer numbers takes none back.
    fn update(self, state: &mut ResponseState) {
        let known = state.usage;
        state.usage = Usage {
            input_tokens: self.prompt_tokens.0.or(known.input_tokens),
            output_tokens: self.completion_tokens.0.or(known.output_tokens),
        };
        // Some models reason, and their providers only bill it.
        let reasoning = self.completion_tokens_details;
        let reasoning = reasoning.and_then(|it| it.reasoning_tokens.0);
        state.has_reasoning |= reasoning.is_some_and(|tokens| tokens > 0);
    }
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    /// In place of a delta when the whole reply comes at once.
    #[serde(borrow)]
    message: Option<Delta<'a>>,
    /// Where servers of plain completions put it.
    #[serde(borrow, default)]
    text: Texts<'a>,
    #[serde(borrow, default)]
    finish_reason: Texts<'a>,
    /// Where Moonshot puts it.
    usage: Option<TokenUsage>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Texts<'a>,
    /// Where DeepSeek, vLLM and llama.cpp put reasoning.
    #[serde(borrow, default)]
    reasoning_content: Texts<'a>,
    /// Where OpenRouter and Groq put it.
    #[serde(borrow, default)]
    reasoning: Texts<'a>,
    /// The text with which the model declines.
    #[serde(borrow, default)]
    refusal: Texts<'a>,
    tool_calls: Option<Few<IgnoredAny>>,
}

impl Delta<'_> {
    fn read(self, piece: &mut Piece, state: &mut ResponseState) {
        let content = self.reasoning_content.into_reasoning();
        let reasoning = self.reasoning.into_reasoning();
        // Some servers send it in both fields.
        piece.reasoning.push_str(&content);
        if reasoning != content {
            piece.reasoning.push_str(&reasoning);
        }
        piece.push(&self.content);
        piece.push(&self.refusal);
        state.has_tool_calls |= self.tool_calls.is_some_and(|calls| !calls.0.is_empty());
    }
}

impl Choice<'_> {
    fn read(self, piece: &mut Piece, state: &mut ResponseState) -> Result<(), ProviderError> {
        let before = piece.text.len();
        if let Some(delta) = self.delta {
            state.has_deltas |= !delta.content.text.is_empty();
            delta.read(piece, state);
        }
        // Some servers repeat the whole reply in the last event's message.
        if let Some(message) = self.message.filter(|_| !state.has_deltas) {
            message.read(piece, state);
        }
        if let Some(usage) = self.usage {
            usage.update(state);
        }
        // Together sends all text in both places.
        if piece.text.len() == before && !state.has_deltas {
            piece.push(&self.text);
        }
        match self.finish_reason.text.as_ref() {
            // Some servers send an empty reason until there is one.
            "" | "null" => {}
            // From OpenRouter, Mistral and DeepSeek when the model failed.
            "error" | "insufficient_system_resource" => {
                let error = json!({ "code": "server_error" });
                return Err(ProviderError::reported(&error));
            }
            reason => {
                state.filtered |= reason == "content_filter";
                state.cut_short |= reason == "length";
                // From vLLM when it ends a reply for reasons of its own.
                state.given_up |= reason == "abort";
                // Of Mistral.
                state.context_full |= reason == "model_length";
                state.advance_to(Progress::Complete);
            }
        }
        Ok(())
    }
}
