//! Ollama's chat (github.com/ollama/ollama/blob/main/docs/api.md), a stream of JSON lines.

use serde::Deserialize;
use serde_json::Value;
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
        endpoint.join(&["api", "chat"])
    }

    fn body(&self, request: ChatRequest<'_>) -> Value {
        chat_body(request)
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
