//! The reason of a provider's error, as far as a code states it.

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Reason {
    #[error("credential")]
    Credential,
    #[error("rate limit")]
    RateLimit,
    #[error("quota used up")]
    Quota,
    #[error("overloaded")]
    Overloaded,
    #[error("unknown model")]
    UnknownModel,
    #[error("content")]
    Content,
    /// There is no code, or none that we know.
    #[error("no reason known")]
    Unknown,
}

impl Reason {
    /// The reason stated in an error body, or in the value of an `error` field. Only fields
    /// for codes are read, since a message may quote anything.
    pub(crate) fn from_body(body: &Value) -> Self {
        // Google puts the error of a stream into a list.
        let body = body.get(0).unwrap_or(body);
        let error = body.get("error").unwrap_or(body);
        let details = error.get("details").and_then(Value::as_array);
        let details = details.into_iter().flatten().map(|it| it.get("reason"));
        // Details first: for Google, a wrong key has only the status INVALID_ARGUMENT.
        details
            .chain(["code", "type", "status"].map(|field| error.get(field)))
            .flatten()
            .find_map(|code| match code {
                Value::String(code) => from_code(code).or_else(|| from_status(code.parse().ok()?)),
                Value::Number(code) => from_status(code.as_u64()?),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            })
            .unwrap_or(Self::Unknown)
    }
}

/// The codes of OpenAI, Anthropic and Google, and of servers that are compatible with them.
fn from_code(code: &str) -> Option<Reason> {
    match code {
        "invalid_api_key"
        | "API_KEY_INVALID"
        | "authentication_error"
        | "UNAUTHENTICATED"
        | "permission_error"
        | "PERMISSION_DENIED" => Some(Reason::Credential),
        "insufficient_quota" | "billing_error" => Some(Reason::Quota),
        "rate_limit_exceeded" | "rate_limit_error" | "RESOURCE_EXHAUSTED" => {
            Some(Reason::RateLimit)
        }
        "overloaded_error" | "server_error" | "api_error" | "timeout_error" | "UNAVAILABLE"
        | "INTERNAL" => Some(Reason::Overloaded),
        "model_not_found" | "not_found_error" | "NOT_FOUND" => Some(Reason::UnknownModel),
        "content_filter" | "content_policy_violation" => Some(Reason::Content),
        _ => None,
    }
}

/// OpenRouter uses HTTP statuses as codes, and LiteLLM the same as text.
fn from_status(code: u64) -> Option<Reason> {
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
    fn the_code_is_found_where_each_provider_puts_it() {
        let openai = json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota"}});
        assert_eq!(Reason::from_body(&openai), Reason::Quota);
        let anthropic = json!({"type": "error", "error": {"type": "overloaded_error"}});
        assert_eq!(Reason::from_body(&anthropic), Reason::Overloaded);
        let google = json!([{"error": {
            "code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}],
        }}]);
        assert_eq!(Reason::from_body(&google), Reason::Credential);
        let openrouter = json!({"error": {"code": 502, "message": "upstream"}});
        assert_eq!(Reason::from_body(&openrouter), Reason::Overloaded);
        let litellm = json!({"error": {"code": "429", "type": "None"}});
        assert_eq!(Reason::from_body(&litellm), Reason::RateLimit);
    }

    #[test]
    fn a_message_is_not_read_as_a_code() {
        let body = json!({"error": {"message": "invalid_api_key"}});
        assert_eq!(Reason::from_body(&body), Reason::Unknown);
        assert_eq!(
            Reason::from_body(&json!({"error": "oops"})),
            Reason::Unknown
        );
        assert_eq!(Reason::from_body(&json!("oops")), Reason::Unknown);
    }
}
