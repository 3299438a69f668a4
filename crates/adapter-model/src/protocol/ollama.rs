//! Ollama's chat (github.com/ollama/ollama/blob/main/docs/api.md), a stream of JSON lines.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use worker_runtime::Usage;

use super::{ChatRequest, Progress, Protocol, ResponseState, chat_body, parse, token_count};
use crate::error::ProviderError;
use crate::event_decoder::StreamFormat;
use crate::secret::Endpoint;

#[derive(Debug)]
pub(crate) struct Ollama;

impl Protocol for Ollama {
    fn url(&self, endpoint: &Endpoint, _: &str) -> Url {
        let mut base = endpoint.base_path();
        base.strip_end(&[
            "api/chat",
            "api/generate",
            "api/tags",
            "api",
            "v1/chat/completions",
            "v1",
        ]);
        endpoint.resource(&base, &["api", "chat"])
    }

    fn body(&self, request: ChatRequest<'_>) -> Value {
        let mut body = chat_body(request);
        // Without `num_ctx`, the server cuts a conversation to its own, small default.
        for (option, tokens) in [
            ("num_ctx", request.context_tokens),
            ("num_predict", request.max_output_tokens),
        ] {
            if let Some(tokens) = tokens {
                body["options"][option] = json!(tokens);
            }
        }
        if let Some(temperature) = request.temperature {
            body["options"]["temperature"] = json!(temperature);
        }
        body
    }

    fn format(&self) -> StreamFormat {
        StreamFormat::JsonLines
    }

    fn read_event(&self, data: &str, state: &mut ResponseState) -> Result<String, ProviderError> {
        let line: Line = parse(data)?;
        if line.message.is_some() {
            state.advance_to(Progress::Started);
        }
        if line.done {
            state.advance_to(Progress::Ended);
            state.cut_short = line.done_reason.as_deref() == Some("length");
            state.usage = Usage {
                input_tokens: token_count(&line.prompt_eval_count),
                output_tokens: token_count(&line.eval_count),
            };
        }
        let content = line.message.and_then(|message| message.content);
        Ok(content.unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct Line {
    message: Option<Message>,
    #[serde(default)]
    done: bool,
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Value,
    #[serde(default)]
    eval_count: Value,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}
