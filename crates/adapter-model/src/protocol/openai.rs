//! OpenAI's chat completions (platform.openai.com/docs/api-reference/chat), as spoken by
//! vLLM, llama.cpp, LM Studio, Groq, Mistral and many others.

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use worker_runtime::Usage;

use super::{ChatRequest, Progress, Protocol, ResponseState, chat_body, parse, token_count};
use crate::error::ProviderError;
use crate::secret::{ApiKey, Endpoint};

/// The data of a stream's last event.
const DONE: &str = "[DONE]";

#[derive(Debug)]
pub(crate) struct OpenAi {
    requests_usage: bool,
    /// The field with the most tokens of a reply. The provider itself refuses the older one for
    /// its reasoning models; most other servers know only that.
    output_limit: &'static str,
    key_header: KeyHeader,
    /// What is between a host without a path and the resource.
    root: &'static [&'static str],
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
        output_limit: "max_tokens",
        key_header: KeyHeader::Authorization,
        root: &["v1"],
    };
    /// For the provider itself.
    pub(crate) const OWN: Self = Self {
        output_limit: "max_completion_tokens",
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

    fn body(&self, request: ChatRequest<'_>) -> Value {
        let mut body = chat_body(request);
        if self.requests_usage && request.stream_options {
            body["stream_options"] = json!({"include_usage": true});
        }
        if let Some(tokens) = request.max_output_tokens {
            body[self.output_limit] = json!(tokens);
        }
        if let Some(temperature) = request.temperature {
            body["temperature"] = json!(temperature);
        }
        body
    }

    fn read_event(&self, data: &str, state: &mut ResponseState) -> Result<String, ProviderError> {
        if data.trim() == DONE {
            state.advance_to(Progress::Ended);
            return Ok(String::new());
        }
        let chunk: Chunk = parse(data)?;
        // Older servers send an error without an `error` field.
        if chunk.object.as_deref() == Some("error") {
            let error = serde_json::from_str(data).unwrap_or_default();
            return Err(ProviderError::reported(&error));
        }
        if chunk.usage.is_object() {
            state.usage = Usage {
                input_tokens: token_count(&chunk.usage["prompt_tokens"]),
                output_tokens: token_count(&chunk.usage["completion_tokens"]),
            };
        }
        let mut text = String::new();
        if let Some(choices) = chunk.choices {
            state.advance_to(Progress::Started);
            for choice in choices {
                choice.read(&mut text, state)?;
            }
        }
        Ok(text)
    }
}

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Value,
    object: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Value,
    /// The text with which the model declines.
    refusal: Option<String>,
}

impl Choice {
    fn read(self, text: &mut String, state: &mut ResponseState) -> Result<(), ProviderError> {
        if let Some(delta) = self.delta {
            match delta.content {
                Value::String(content) => text.push_str(&content),
                // Mistral's reasoning models send parts. Their reasoning has no text here.
                Value::Array(parts) => {
                    text.extend(parts.iter().filter_map(|part| part["text"].as_str()));
                }
                Value::Null => {}
                Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
                    return Err(ProviderError::NotJson);
                }
            }
            text.extend(delta.refusal);
        }
        match self.finish_reason.as_deref() {
            // Some servers send an empty reason until there is one.
            None | Some("") => {}
            // From OpenRouter, Mistral and DeepSeek when the model failed.
            Some("error" | "insufficient_system_resource") => {
                return Err(ProviderError::reported(&json!({ "code": "server_error" })));
            }
            Some(reason) => {
                state.filtered |= reason == "content_filter";
                // Mistral also has `model_length`.
                state.cut_short |= matches!(reason, "length" | "model_length");
                state.advance_to(Progress::Complete);
            }
        }
        Ok(())
    }
}
