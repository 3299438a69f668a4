//! The reason that a provider gives for an error, as far as it gives one by a code.

use serde_json::Value;

/// What a provider says is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Credential,
    RateLimit,
    Quota,
    Overloaded,
    UnknownModel,
    Content,
    /// Nothing that we know by its code.
    Unstated,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::RateLimit => "rate limit",
            Self::Quota => "quota used up",
            Self::Overloaded => "overloaded",
            Self::UnknownModel => "unknown model",
            Self::Content => "content",
            Self::Unstated => "no reason known",
        }
    }
}

/// The codes of OpenAI, Anthropic and Google, and of those that speak like them.
const CODES: &[(&str, Reason)] = &[
    ("invalid_api_key", Reason::Credential),
    ("API_KEY_INVALID", Reason::Credential),
    ("authentication_error", Reason::Credential),
    ("permission_error", Reason::Credential),
    ("PERMISSION_DENIED", Reason::Credential),
    ("UNAUTHENTICATED", Reason::Credential),
    ("insufficient_quota", Reason::Quota),
    ("billing_error", Reason::Quota),
    ("rate_limit_exceeded", Reason::RateLimit),
    ("rate_limit_error", Reason::RateLimit),
    ("RESOURCE_EXHAUSTED", Reason::RateLimit),
    ("overloaded_error", Reason::Overloaded),
    ("server_error", Reason::Overloaded),
    ("api_error", Reason::Overloaded),
    ("timeout_error", Reason::Overloaded),
    ("UNAVAILABLE", Reason::Overloaded),
    ("INTERNAL", Reason::Overloaded),
    ("model_not_found", Reason::UnknownModel),
    ("not_found_error", Reason::UnknownModel),
    ("NOT_FOUND", Reason::UnknownModel),
    ("content_filter", Reason::Content),
    ("content_policy_violation", Reason::Content),
];

/// The reason stated in an error body, or in the value of an `error` field. Only fields
/// that hold codes are read: a message may quote anything.
pub(crate) fn stated_reason(body: &Value) -> Reason {
    // Google puts the error of a stream into a list.
    let body = body.get(0).unwrap_or(body);
    let error = body.get("error").unwrap_or(body);
    let details = error.get("details").and_then(Value::as_array);
    let details = details.into_iter().flatten().map(|it| it.get("reason"));
    // The most telling one comes first: a wrong key is an INVALID_ARGUMENT to Google.
    details
        .chain(["code", "type", "status"].map(|field| error.get(field)))
        .flatten()
        .find_map(|code| match code {
            Value::String(code) => named(code).or_else(|| numbered(code.parse().ok()?)),
            Value::Number(code) => numbered(code.as_u64()?),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        })
        .unwrap_or(Reason::Unstated)
}

fn named(code: &str) -> Option<Reason> {
    let known = CODES.iter().find(|(known, _)| *known == code);
    known.map(|(_, reason)| *reason)
}

/// The codes of OpenRouter, and as text LiteLLM's, are the statuses that they would have
/// answered with.
fn numbered(code: u64) -> Option<Reason> {
    match code {
        401 | 403 => Some(Reason::Credential),
        402 => Some(Reason::Quota),
        404 => Some(Reason::UnknownModel),
        408 | 500..=599 => Some(Reason::Overloaded),
        429 => Some(Reason::RateLimit),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_are_found_where_each_provider_puts_them() {
        let openai = json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota"}});
        assert_eq!(stated_reason(&openai), Reason::Quota);
        let anthropic = json!({"type": "error", "error": {"type": "overloaded_error"}});
        assert_eq!(stated_reason(&anthropic), Reason::Overloaded);
        let google = json!([{"error": {
            "code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}],
        }}]);
        assert_eq!(stated_reason(&google), Reason::Credential);
        let openrouter = json!({"error": {"code": 502, "message": "upstream"}});
        assert_eq!(stated_reason(&openrouter), Reason::Overloaded);
        let litellm = json!({"error": {"code": "429", "type": "None"}});
        assert_eq!(stated_reason(&litellm), Reason::RateLimit);
    }

    #[test]
    fn a_message_is_no_code() {
        let said = json!({"error": {"message": "invalid_api_key"}});
        assert_eq!(stated_reason(&said), Reason::Unstated);
        assert_eq!(stated_reason(&json!({"error": "oops"})), Reason::Unstated);
        assert_eq!(stated_reason(&json!("oops")), Reason::Unstated);
    }
}
