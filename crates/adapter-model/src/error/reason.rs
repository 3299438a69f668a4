//! The reason of a provider's error, as far as a code states it.

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Credential,
    RateLimit,
    Quota,
    Overloaded,
    UnknownModel,
    Content,
    /// There is no code, or none that we know.
    Unknown,
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
            Self::Unknown => "no reason known",
        }
    }
}

/// The codes of OpenAI, Anthropic and Google, and of servers that are compatible with them.
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

fn from_code(code: &str) -> Option<Reason> {
    let known = CODES.iter().find(|(known, _)| *known == code);
    known.map(|(_, reason)| *reason)
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
