//! The part of the failure table about prompts that are too long, and the numbers in its words.

use super::body::ErrorBody;
use super::failure_table::contains_all;
use crate::context_budget::TooLong;

/// Tokens of the smallest context: a smaller number in the words is something else.
const CONTEXT_MIN_TOKENS: u64 = 128;

/// Words that say that a prompt is too long: of OpenAI, vLLM, LiteLLM, Mistral (1), Anthropic (2),
/// Gemini (3), llama.cpp (4), LM Studio (5), Ollama (6), llama-cpp-python (7), and of limits per request.
const TOO_LONG: &[&[&str]] = &[
    &["maximum context length"],
    &["contextwindowexceeded"],
    &["prompt is too long"],
    &["input is too long"],
    &["input token count", "exceeds"],
    &["exceeds the available context size"],
    &["context size has been exceeded"],
    &["context length of only"],
    &["context overflow"],
    &["exceeds", "context length"],
    &["exceed", "context window"],
    &["exceed", "context limit"],
    &["exceed", "max context length"],
    &["greater than the context length"],
    &["reached context length"],
    &["longer than the model's context"],
    &["longer than the maximum model length"],
    &["n_keep", "n_ctx"],
    &["max_seq_len"],
    &["maximum prompt length"],
    &["prompt token count", "exceeds"],
    &["model token limit"],
    &["too many tokens", "prompt"],
    &["range of input length"],
    &["`inputs`", "tokens"],
    &["prompt too long"],
    &["reduce the length of"],
    &["request too large for"],
    &["string_above_max_length"],
];

/// Whether a provider says that the prompt is too long.
pub(super) fn is_too_long(status: Option<u16>, body: &ErrorBody) -> bool {
    // A page of a proxy that takes no large request says it with its status alone.
    status == Some(413)
        || body.has_code("context_length_exceeded")
        || body.has_code("exceed_context_size_error")
        || body.has_code("request_too_large")
        || TOO_LONG
            .iter()
            .any(|words| contains_all(&body.words, words))
}

/// The numbers in the words about a prompt that is too long.
pub(super) fn too_long(words: &str) -> TooLong {
    let limit_tokens = [
        "maximum context length is",
        "maximum context length of",
        "maximum context length:",
        "maximum model length of",
        "maximum prompt length is",
        "maximum number of tokens allowed",
        "available context size",
        "context length of",
        "context length (",
        "context window of",
        "limit of",
        ": limit",
        "token limit",
        "n_ctx",
        "max_seq_len",
        "cannot exceed",
        "must be <=",
        "must have less than",
        "input length should be [1,",
        " > ",
    ];
    let limit_tokens = limit_tokens
        .iter()
        .find_map(|before| number_after(words, before))
        .or_else(|| number_before(words, "maximum"))
        .filter(|limit| *limit >= CONTEXT_MIN_TOKENS);
    let sent_tokens = [
        "you requested",
        "resulted in",
        "input token count",
        "requested tokens",
        "prompt is too long:",
        "n_prompt_tokens",
        "request has",
        "request contains",
        "keep the first",
        "n_keep",
        "prompt contains",
        "requested",
        "request (",
        "input (",
        "(length",
        "token count of",
        "context limit:",
        "prompt length",
        "received",
        "given:",
    ];
    let sent_tokens = sent_tokens.iter().find_map(|it| number_after(words, it));
    TooLong {
        limit_tokens,
        sent_tokens,
    }
}

/// The tokens that the reply was to have at most, where the words about a prompt name them.
pub(super) fn reply_tokens(words: &str) -> Option<u64> {
    let too_large = words.contains("max_tokens") || words.contains("max_completion_tokens");
    let too_large = too_large
        .then(|| number_after(words, "too large:"))
        .flatten();
    let in_completion = ["in the completion", "for the completion"];
    too_large.or_else(|| in_completion.iter().find_map(|it| number_before(words, it)))
}

/// The first number after `words` in `text`, also one with separators: `8,192`. A number of bytes is
/// none.
fn number_after(text: &str, words: &str) -> Option<u64> {
    let (_, rest) = text.split_once(words)?;
    let start = rest.find(|it: char| it.is_ascii_digit())?;
    let digits = rest[start..]
        .chars()
        .take_while(|it| it.is_ascii_digit() || matches!(it, ',' | '_'))
        .filter(char::is_ascii_digit);
    let digits: String = digits.collect();
    let unit =
        rest[start..].trim_start_matches(|it: char| it.is_ascii_digit() || ",._ ".contains(it));
    let is_bytes = ["byte", "kb", "kib", "mb", "mib", "gb"];
    if is_bytes.iter().any(|it| unit.starts_with(it)) {
        return None;
    }
    digits.parse().ok()
}

/// The last number before `words` in `text`.
fn number_before(text: &str, words: &str) -> Option<u64> {
    let (before, _) = text.split_once(words)?;
    let end = before.rfind(|it: char| it.is_ascii_digit())? + 1;
    let start = before[..end]
        .rfind(|it: char| !(it.is_ascii_digit() || matches!(it, ',' | '_')))
        .map_or(0, |it| {
            it + before[it..].chars().next().map_or(1, char::len_utf8)
        });
    let digits = before[start..end].chars().filter(char::is_ascii_digit);
    digits.collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_beside_words() {
        assert_eq!(number_after("limit is 8,192 tokens", "limit"), Some(8_192));
        assert_eq!(number_after("no number", "number"), None);
        assert_eq!(number_after("limit 99999999999999999999999", "limit"), None);
        assert_eq!(
            number_before("210000 tokens > 200_000 maximum", "maximum"),
            Some(200_000)
        );
        assert_eq!(number_before("é maximum", "maximum"), None);
    }
}
