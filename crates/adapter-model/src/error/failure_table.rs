//! The table from what a provider says to what it means: status, codes and words to a [`Reason`].
//!
//! A new wording is one line in a table here, and one row in its test.

use super::body::ErrorBody;
use super::too_long::{is_too_long, reply_tokens, too_long};
use crate::context_budget::TooLong;

/// Why a provider does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("credential")]
    Credential,
    #[error("quota used up")]
    Quota,
    #[error("rate limit")]
    RateLimit,
    #[error("overloaded or crashed")]
    Overloaded,
    #[error("unknown model")]
    ModelUnknown,
    #[error("not the provider's API")]
    EndpointWrong,
    #[error("prompt too long")]
    ContextTooLong(TooLong),
    #[error("limit of output tokens")]
    OutputTokens,
    #[error("content")]
    Content,
    /// The option that asks for usage is refused.
    #[error("option of the stream")]
    StreamOptions,
    /// A system message is refused.
    #[error("system message")]
    SystemMessage,
    /// The model takes no temperature but its own.
    #[error("temperature")]
    Temperature,
    /// The limit of output tokens stands in the field of older models.
    #[error("field of the limit of output tokens")]
    MaxTokensField,
    #[error("rejected")]
    Rejected,
}

/// Codes that say all, wherever a provider puts them, in lower case.
const CODES: &[(&str, Reason)] = &[
    ("insufficient_quota", Reason::Quota),
    ("insufficient_balance", Reason::Quota),
    ("insufficient_funds", Reason::Quota),
    ("exceeded_current_quota_error", Reason::Quota),
    ("arrearage", Reason::Quota),
    ("billing_error", Reason::Quota),
    ("billing_hard_limit_reached", Reason::Quota),
    ("billing_not_active", Reason::Quota),
    ("invalid_api_key", Reason::Credential),
    ("api_key_invalid", Reason::Credential),
    ("authentication_error", Reason::Credential),
    ("unauthenticated", Reason::Credential),
    ("model_not_found", Reason::ModelUnknown),
    ("model_decommissioned", Reason::ModelUnknown),
    ("model_not_available", Reason::ModelUnknown),
    ("model_not_supported", Reason::ModelUnknown),
    ("invalid_model", Reason::ModelUnknown),
    ("deploymentnotfound", Reason::ModelUnknown),
    ("operationnotsupported", Reason::ModelUnknown),
    ("content_filter", Reason::Content),
    ("content_policy_violation", Reason::Content),
    ("responsibleaipolicyviolation", Reason::Content),
    ("data_inspection_failed", Reason::Content),
    ("datainspectionfailed", Reason::Content),
    ("invalid_prompt", Reason::Content),
    ("unsupported_country_region_territory", Reason::Rejected),
    ("service_disabled", Reason::Rejected),
    ("budget_exceeded", Reason::Quota),
    ("key_model_access_denied", Reason::ModelUnknown),
    ("unavailable_model", Reason::ModelUnknown),
    ("1301", Reason::Content),
    ("overloaded_error", Reason::Overloaded),
    ("engine_overloaded_error", Reason::Overloaded),
    ("capacity_exceeded", Reason::Overloaded),
    ("unavailable", Reason::Overloaded),
    ("resource_exhausted", Reason::RateLimit),
    ("rate_limit_exceeded", Reason::RateLimit),
    ("rate_limit_error", Reason::RateLimit),
    ("permission_error", Reason::Credential),
    ("permission_denied", Reason::Credential),
    ("server_error", Reason::Overloaded),
    ("internal_server_error", Reason::Overloaded),
    ("api_error", Reason::Overloaded),
    ("timeout_error", Reason::Overloaded),
    ("internal", Reason::Overloaded),
    ("insufficient_system_resource", Reason::Overloaded),
];

/// Words beside a status or code that says little. Rows are tried in this order; all words of a row
/// must be there.
const WORDS: &[(&[&str], Reason)] = &[
    (
        &["'max_tokens'", "'max_completion_tokens' instead"],
        Reason::MaxTokensField,
    ),
    (&["'temperature' does not support"], Reason::Temperature),
    (&["'temperature' is not supported"], Reason::Temperature),
    (&["`temperature` is deprecated"], Reason::Temperature),
    (&["`temperature` is not supported"], Reason::Temperature),
    (
        &["max_tokens", "maximum allowed number"],
        Reason::OutputTokens,
    ),
    (&["max_tokens", "too large"], Reason::OutputTokens),
    (
        &["max_completion_tokens", "too large"],
        Reason::OutputTokens,
    ),
    (&["max_tokens", "less than or equal"], Reason::OutputTokens),
    (&["max_output_tokens", "out of range"], Reason::OutputTokens),
    (&["maxoutputtokens"], Reason::OutputTokens),
    (&["valid range of max_tokens"], Reason::OutputTokens),
    (&["stream_options"], Reason::StreamOptions),
    (&["system role not supported"], Reason::SystemMessage),
    (&["system role is not supported"], Reason::SystemMessage),
    (
        &["system", "message", "not supported"],
        Reason::SystemMessage,
    ),
    (
        &["developer instruction is not enabled"],
        Reason::SystemMessage,
    ),
    (&["system message", "t support"], Reason::SystemMessage),
    (&["role", "t support", "'system'"], Reason::SystemMessage),
    (&["role", "'system'", "not allowed"], Reason::SystemMessage),
    (&["only user and assistant roles"], Reason::SystemMessage),
    (&["roles must alternate"], Reason::SystemMessage),
    (&["credit balance"], Reason::Quota),
    (&["insufficient balance"], Reason::Quota),
    (&["余额不足"], Reason::Quota),
    (&["insufficient credit"], Reason::Quota),
    (&["insufficient funds"], Reason::Quota),
    (&["more credits"], Reason::Quota),
    (&["out of credits"], Reason::Quota),
    (&["no credits"], Reason::Quota),
    (&["spending limit"], Reason::Quota),
    (&["budget has been exceeded"], Reason::Quota),
    (&["any credits"], Reason::Quota),
    (&["usage limit"], Reason::Quota),
    (&["key limit exceeded (", "limit)"], Reason::Quota),
    (&["requires a subscription"], Reason::Quota),
    (&["freetieronly"], Reason::Quota),
    (&["per-day"], Reason::Quota),
    (&["/ month"], Reason::Quota),
    (&["per day"], Reason::Quota),
    (&["perday"], Reason::Quota),
    (&["api key not valid"], Reason::Credential),
    (&["invalid api key"], Reason::Credential),
    (&["incorrect api key"], Reason::Credential),
    (&["no api key"], Reason::Credential),
    (&["api key", "missing"], Reason::Credential),
    (&["location is not supported"], Reason::Rejected),
    (&["network settings"], Reason::Rejected),
    (&["content management policy"], Reason::Content),
    (&["content policy"], Reason::Content),
    (&["content filter"], Reason::Content),
    (&["content exists risk"], Reason::Content),
    (&["was flagged"], Reason::Content),
    (&["input", "flagged"], Reason::Content),
    (&["prompt", "flagged"], Reason::Content),
    (&["moderation"], Reason::Content),
    (&["invalid url"], Reason::EndpointWrong),
    (&["page not found"], Reason::EndpointWrong),
    (&["does not support chat"], Reason::ModelUnknown),
    (&["not a chat model"], Reason::ModelUnknown),
    (&["not a valid model"], Reason::ModelUnknown),
    (&["invalid model"], Reason::ModelUnknown),
    (&["unknown model"], Reason::ModelUnknown),
    (&["model not exist"], Reason::ModelUnknown),
    (&["non-serverless model"], Reason::ModelUnknown),
    (&["llm provider not provided"], Reason::ModelUnknown),
    (&["no such model"], Reason::ModelUnknown),
    (&["no models loaded"], Reason::ModelUnknown),
    (&["no endpoints found"], Reason::ModelUnknown),
    (&["model", "not found"], Reason::ModelUnknown),
    (&["model", "does not exist"], Reason::ModelUnknown),
    (&["model", "decommissioned"], Reason::ModelUnknown),
    (&["access to model"], Reason::ModelUnknown),
    (&["access to the model"], Reason::ModelUnknown),
    (&["model identifier is invalid"], Reason::ModelUnknown),
    (&["invocation of model"], Reason::ModelUnknown),
    (&["not found for account"], Reason::ModelUnknown),
    (&["unexpected endpoint"], Reason::EndpointWrong),
    (&["system memory"], Reason::Overloaded),
    (&["out of memory"], Reason::Overloaded),
    (&["insufficient system resources"], Reason::Overloaded),
    (&["has terminated"], Reason::Overloaded),
    (&["has crashed"], Reason::Overloaded),
    (&["cuda error"], Reason::Overloaded),
    (
        &["error was encountered while running the model"],
        Reason::Overloaded,
    ),
    (&["loading model"], Reason::Overloaded),
    (&["overloaded"], Reason::Overloaded),
    (&["server busy"], Reason::Overloaded),
    (&["rate limit"], Reason::RateLimit),
    (&["too many requests"], Reason::RateLimit),
];

/// What an error means. Without a status it came in the stream of an answer.
pub(crate) fn reason(status: Option<u16>, body: &ErrorBody) -> Reason {
    // OpenRouter and others put another provider's status into the body of their own.
    let inner = body.status.filter(|it| (400..600).contains(it));
    let status = match status {
        Some(400 | 500 | 502) | None => inner.or(status),
        status => status,
    };
    if is_too_long(status, body) {
        let told = too_long(&body.words);
        // No shorter conversation makes room for a reply that fills the context.
        if let (Some(reply), Some(limit)) = (reply_tokens(&body.words), told.limit_tokens)
            && reply >= limit
        {
            return Reason::OutputTokens;
        }
        return Reason::ContextTooLong(told);
    }
    match status {
        Some(300..=399) => return Reason::EndpointWrong,
        Some(401) if body.has_code("key_model_access_denied") => return Reason::ModelUnknown,
        Some(401) => return Reason::Credential,
        Some(402) => return Reason::Quota,
        // A proxy in front of the API asks to wait in a page, too.
        Some(408 | 429) => {}
        Some(400..=499) if body.is_html => return Reason::EndpointWrong,
        Some(501) => return Reason::EndpointWrong,
        _ => {}
    }
    let by_words = WORDS
        .iter()
        .find(|(words, _)| contains_all(&body.words, words))
        .map(|(_, reason)| *reason);
    let by_code = CODES
        .iter()
        .find(|(code, _)| body.has_code(code))
        .map(|(_, reason)| *reason);
    match (status, by_code, by_words) {
        // Every client error of some servers has the same code; their words say more.
        (_, Some(Reason::Quota | Reason::Content), _) => by_code,
        // What is refused for too many requests is not refused for the words in the message, unless
        // they speak of money or of the size of the request.
        (Some(429), _, Some(Reason::Quota)) => by_words,
        (Some(429), Some(Reason::Overloaded), _) => by_code,
        (Some(429), _, _) => Some(Reason::RateLimit),
        (
            Some(500..=599),
            _,
            Some(
                Reason::Quota
                | Reason::ModelUnknown
                | Reason::Credential
                // What llama.cpp says of a chat template.
                | Reason::SystemMessage
                | Reason::StreamOptions
                | Reason::Temperature
                | Reason::MaxTokensField
                | Reason::OutputTokens,
            ),
        ) => by_words,
        (Some(500..=599), _, _) => Some(Reason::Overloaded),
        _ => by_words.or(by_code),
    }
    .unwrap_or(match status {
        Some(403) => Reason::Credential,
        Some(404) if body.words.contains("model") => Reason::ModelUnknown,
        Some(404 | 405) => Reason::EndpointWrong,
        Some(408 | 425 | 498) => Reason::Overloaded,
        None if body.words.contains("internal server error") => Reason::Overloaded,
        _ => Reason::Rejected,
    })
}

/// Whether all of the words are in the text.
pub(super) fn contains_all(text: &str, words: &[&str]) -> bool {
    words.iter().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests;
