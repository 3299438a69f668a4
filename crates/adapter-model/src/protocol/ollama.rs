//! Ollama's chat (github.com/ollama/ollama/blob/main/docs/api.md), a stream of JSON lines.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use url::Url;
use worker_runtime::Usage;

use super::{
    ChatMessage, ChatRequest, Count, Event, Few, Piece, Progress, Protocol, ResponseState, Texts,
    from_json, messages_with_instructions, to_json,
};
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

    fn body(&self, request: ChatRequest<'_>) -> String {
        let options = Options {
            num_ctx: request.context_tokens,
            num_predict: request.max_output_tokens,
            temperature: request.temperature,
        };
        to_json(&Body {
            model: request.model,
            messages: messages_with_instructions(request.prompt),
            stream: true,
            options: (options != Options::default()).then_some(options),
        })
    }

    fn format(&self) -> StreamFormat {
        StreamFormat::JsonLines
    }

    fn read_event(
        &self,
        event: Event<'_>,
        state: &mut ResponseState,
    ) -> Result<Piece, ProviderError> {
        let line: Line<'_> = from_json(event.data)?;
        let mut piece = Piece::default();
        if let Some(message) = line.message {
            state.advance_to(Progress::Started);
            piece.reasoning.push_str(&message.thinking.into_reasoning());
            piece.push(&message.content);
            state.has_tool_calls |= message.tool_calls.is_some_and(|calls| !calls.0.is_empty());
        }
        if line.done == Some(true) {
            state.advance_to(Progress::Ended);
            state.cut_short = line.done_reason.text == "length";
            state.usage = Usage {
                input_tokens: line.prompt_eval_count.0,
                output_tokens: line.eval_count.0,
            };
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
    options: Option<Options>,
}

#[derive(Default, PartialEq, Serialize)]
struct Options {
    /// Without it, the server cuts a conversation to its own, small default.
    #[serde(skip_serializing_if = "Option::is_none")]
    num_ctx: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    done: Option<bool>,
    #[serde(borrow, default)]
    done_reason: Texts<'a>,
    #[serde(default)]
    prompt_eval_count: Count,
    #[serde(default)]
    eval_count: Count,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Texts<'a>,
    #[serde(borrow, default)]
    thinking: Texts<'a>,
    tool_calls: Option<Few<IgnoredAny>>,
}
