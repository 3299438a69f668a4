//! What a provider says in an error: its codes, its words and its numbers.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// Bytes of a message that are read: more than any provider needs to say what is wrong.
const MAX_WORDS_BYTES: usize = 4 * 1024;
/// How deep bodies are looked into for messages. Gateways wrap the errors of others.
const MAX_DEPTH: usize = 8;

/// What a provider wrote, for the log alone. It may quote anything, so it shows in neither `Debug`
/// nor an error's text; whoever logs it redacts it first.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct ProviderWords(String);

impl ProviderWords {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ProviderWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderWords(redacted)")
    }
}

/// An error body, read as far as it is of use.
#[derive(Debug, Default)]
pub(crate) struct ErrorBody {
    /// Codes, types and statuses, the most telling first, in lower case.
    pub(crate) codes: Vec<String>,
    /// All messages, in lower case.
    pub(crate) words: String,
    /// All of it, as it was written.
    pub(crate) original: ProviderWords,
    /// A status that the body names, as OpenRouter and LiteLLM do.
    pub(crate) status: Option<u16>,
    /// How long Google asks to wait.
    pub(crate) retry_delay: Option<Duration>,
    /// It is a page for a browser, or other markup: no API of a model answers so.
    pub(crate) is_html: bool,
}

impl ErrorBody {
    /// The body of a response that is no success.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        if let Ok(value) = serde_json::from_str::<Value>(text) {
            return Self::from_value(&value);
        }
        let text = cut(text);
        Self {
            is_html: text.starts_with('<'),
            words: text.to_lowercase(),
            original: ProviderWords(text.to_owned()),
            ..Self::default()
        }
    }

    /// The body, or the value of its `error` field.
    pub(crate) fn from_value(value: &Value) -> Self {
        let mut body = Self::default();
        let mut original = Vec::new();
        body.read(value, MAX_DEPTH, &mut original);
        let original = original.join(" · ");
        let original = cut(&original);
        body.words = original.to_lowercase();
        body.original = ProviderWords(original.to_owned());
        body
    }

    /// Whether one of the codes is this one.
    pub(crate) fn has_code(&self, code: &str) -> bool {
        self.codes.iter().any(|it| it == code)
    }

    /// Collects what the fields for codes and messages say, outermost first.
    fn read(&mut self, value: &Value, depth: usize, original: &mut Vec<String>) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        match value {
            Value::String(text) => self.read_text(text, depth, original),
            Value::Array(list) => list.iter().for_each(|it| self.read(it, depth, original)),
            Value::Object(fields) => {
                for name in ["reason", "code", "type", "status", "finish_reason"] {
                    self.read_code(fields.get(name), original);
                }
                if let Some(Value::String(delay)) = fields.get("retryDelay") {
                    let seconds = delay.strip_suffix('s').and_then(|it| it.parse().ok());
                    let delay = seconds.and_then(|it| Duration::try_from_secs_f64(it).ok());
                    self.retry_delay = self.retry_delay.or(delay);
                }
                // Numbers that llama.cpp names beside its message.
                for name in ["n_prompt_tokens", "n_ctx"] {
                    if let Some(number) = fields.get(name).and_then(Value::as_u64) {
                        original.push(format!("{name} {number}"));
                    }
                }
                let inner = [
                    "error",
                    "message",
                    "msg",
                    "detail",
                    "details",
                    "error_msg",
                    "metadata",
                    "raw",
                    "innererror",
                    "loc",
                    "violations",
                    "quotaId",
                ];
                for name in inner {
                    if let Some(value) = fields.get(name) {
                        self.read(value, depth, original);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn read_code(&mut self, code: Option<&Value>, original: &mut Vec<String>) {
        match code {
            Some(Value::String(code)) => {
                self.status = self.status.or_else(|| code.parse().ok());
                self.codes.push(code.to_lowercase());
                original.push(code.clone());
            }
            Some(Value::Number(code)) => {
                let code = code.as_u64().and_then(|it| u16::try_from(it).ok());
                self.status = self.status.or(code);
            }
            _ => {}
        }
    }

    /// A message, or JSON in a message: gateways quote the bodies of others.
    fn read_text(&mut self, text: &str, depth: usize, original: &mut Vec<String>) {
        let text = cut(text.trim());
        original.push(text.to_owned());
        if let Some(start) = text.find('{')
            && let Some(Ok(inner)) = serde_json::Deserializer::from_str(&text[start..])
                .into_iter::<Value>()
                .next()
        {
            self.read(&inner, depth, original);
        }
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_WORDS_BYTES)]
}
