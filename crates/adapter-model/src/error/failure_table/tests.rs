//! What providers say, taken from their documentation and from public reports, and what it means.

use worker_runtime::{EngineErrorKind, ErrorDetail};

use super::*;
use crate::error::{KeySent, ProviderError};

/// Kind and detail of an answer with this status, or of an error in a stream.
fn classified(status: Option<u16>, body: &str) -> (EngineErrorKind, Option<ErrorDetail>) {
    let error = match status {
        Some(status) => ProviderError::status(
            status,
            ErrorBody::from_bytes(body.as_bytes()),
            KeySent::Yes,
            None,
        ),
        None => ProviderError::reported(&serde_json::from_str(body).unwrap()),
    };
    (error.kind(), error.detail())
}

#[test]
fn each_answer_has_its_kind() {
    use EngineErrorKind::*;
    let rows = [
        (
            Some(400),
            r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0.3 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(429),
            r#"{"error":{"message":"Per-key limit exceeded: 60 requests per minute, retry in 1 s","code":429}}"#,
            RateLimited,
            None,
        ),
        (
            Some(404),
            r#"{"error":"Internal server error pages are served here; no such route"}"#,
            EndpointWrong,
            None,
        ),
        (
            Some(403),
            r#"{"error":{"message":"Key limit exceeded (monthly limit). Manage it in your settings","code":403}}"#,
            QuotaExhausted,
            None,
        ),
        (
            None,
            r#"{"message":"Internal Server Error (ref: 1b2c)","type":"internal_server_error"}"#,
            Overloaded,
            None,
        ),
        (
            None,
            r#""Internal Server Error (ref: 1b2c)""#,
            Overloaded,
            None,
        ),
        (
            Some(400),
            r#"{"code":"DataInspectionFailed","message":"Output data may contain inappropriate content."}"#,
            Refused,
            None,
        ),
        (
            Some(500),
            r#"{"error":{"code":500,"message":"System role not supported","type":"server_error"}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(400),
            r#"{"error":{"message":"'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 4096 tokens and your request has 40 input tokens (8192 > 4096 - 40)."}}"#,
            RequestRejected,
            Some(ErrorDetail::OutputTokens),
        ),
        (
            Some(400),
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, you requested 8392 tokens (200 in the messages, 8192 in the completion).","code":"context_length_exceeded"}}"#,
            RequestRejected,
            Some(ErrorDetail::OutputTokens),
        ),
        (
            Some(400),
            r#"{"error":{"message":"Budget has been exceeded! Current cost: 5","type":"budget_exceeded","code":"400"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(403),
            r#"{"error":"Your newly created team doesn't have any credits yet."}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(403),
            r#"{"code":"AllocationQuota.FreeTierOnly","message":"The free tier of the model has been exhausted."}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error":"you have reached your weekly usage limit"}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error":{"message":"Rate limit exceeded: free-models-per-day-high-balance","code":429}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded","details":[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(401),
            r#"{"error":{"message":"key not allowed to access model","type":"key_model_access_denied","code":"401"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(403),
            r#"{"message":"You don't have access to the model with the specified model ID."}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"error":{"message":"Invalid URL (POST /v1/models/chat/completions)","type":"invalid_request_error"}}"#,
            EndpointWrong,
            None,
        ),
        (
            Some(400),
            r#"{"error":{"message":"unknown flagged parameter"}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(403),
            r#"{"error":{"code":403,"message":"API has not been used","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(401),
            r#"{"error": {"message": "Incorrect API key provided: sk-x.", "type": "invalid_request_error", "param": null, "code": "invalid_api_key"}}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(401),
            r#"{"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(401),
            r#"{"detail": "Not authenticated"}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(401),
            r#""#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(400),
            r#"{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(403),
            r#"{"type": "error", "error": {"type": "permission_error", "message": "Your API key does not have permission"}}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(403),
            r#"{"error": {"code": 403, "message": "Method doesn't allow unregistered callers", "status": "PERMISSION_DENIED"}}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(403),
            r#"{"message": "Forbidden"}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(400),
            r#"{"error": "No API key passed in."}"#,
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (
            Some(429),
            r#"{"error": {"message": "You exceeded your current quota, please check your plan and billing details.", "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(400),
            r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the Anthropic API."}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(400),
            r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "You have reached your specified API usage limits. You will regain access on 2026-12-01."}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(402),
            r#"{"error": {"message": "Insufficient Balance", "type": "unknown_error", "code": "invalid_request_error"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(402),
            r#"{"error": {"code": 402, "message": "This request requires more credits, or fewer max_tokens."}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(403),
            r#"{"error": "Your team has used all available credits or reached its monthly spending limit."}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"code": 429, "message": "Quota exceeded for metric: GenerateRequestsPerDayPerProjectPerModel", "status": "RESOURCE_EXHAUSTED"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Billing hard limit has been reached", "type": "invalid_request_error", "param": null, "code": "billing_hard_limit_reached"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"message": "Your account is out of credits"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(402),
            r#"<html>Payment Required</html>"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"message": "Rate limit reached for gpt-4o in organization org-x on requests per min (RPM)", "type": "requests", "param": null, "code": "rate_limit_exceeded"}}"#,
            RateLimited,
            None,
        ),
        (
            Some(429),
            r#"{"type": "error", "error": {"type": "rate_limit_error", "message": "This request would exceed your organization's rate limit of 40,000 input tokens per minute"}}"#,
            RateLimited,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"code": 429, "message": "You exceeded your current quota", "status": "RESOURCE_EXHAUSTED", "details": [{"retryDelay": "12s"}]}}"#,
            RateLimited,
            None,
        ),
        (
            Some(429),
            r#"{"message": "Requests rate limit exceeded"}"#,
            RateLimited,
            None,
        ),
        (Some(429), r#"slow down"#, RateLimited, None),
        (
            Some(400),
            r#"{"error": {"message": "litellm.RateLimitError: too many requests", "type": "None", "param": "None", "code": "429"}}"#,
            RateLimited,
            None,
        ),
        (
            Some(529),
            r#"{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}"#,
            Overloaded,
            None,
        ),
        (
            Some(500),
            r#"{"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}"#,
            Overloaded,
            None,
        ),
        (
            Some(500),
            r#"{"error": {"message": "The server had an error while processing your request", "type": "server_error", "param": null, "code": null}}"#,
            Overloaded,
            None,
        ),
        (
            Some(503),
            r#"{"error": {"message": "The engine is currently overloaded, please try again later", "type": "invalid_request_error", "param": null, "code": "engine_overloaded_error"}}"#,
            Overloaded,
            None,
        ),
        (
            Some(503),
            r#"{"error": {"code": 503, "message": "The model is overloaded. Please try again later.", "status": "UNAVAILABLE"}}"#,
            Overloaded,
            None,
        ),
        (
            Some(500),
            r#"{"error": "model requires more system memory (7.5 GiB) than is available (5.2 GiB)"}"#,
            Overloaded,
            None,
        ),
        (
            Some(503),
            r#"{"error": "server busy, please try again.  maximum pending requests exceeded"}"#,
            Overloaded,
            None,
        ),
        (
            Some(500),
            r#"{"error": "llama runner process has terminated: exit status 2"}"#,
            Overloaded,
            None,
        ),
        (
            Some(503),
            r#"{"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}"#,
            Overloaded,
            None,
        ),
        (
            Some(502),
            r#"<html><h1>502 Bad Gateway</h1></html>"#,
            Overloaded,
            None,
        ),
        (Some(504), r#""#, Overloaded, None),
        (Some(408), r#""#, Overloaded, None),
        (
            Some(498),
            r#"{"error": {"code": "capacity_exceeded"}}"#,
            Overloaded,
            None,
        ),
        (
            Some(400),
            r#"{"error": "CUDA error: out of memory"}"#,
            Overloaded,
            None,
        ),
        (
            Some(500),
            r#"{"error": {"code": 502, "message": "Provider returned error"}}"#,
            Overloaded,
            None,
        ),
        (
            None,
            r#"{"message": "The model has crashed without additional information. (Exit code: 6)"}"#,
            Overloaded,
            None,
        ),
        (
            None,
            r#""llama runner process has terminated: exit status 2""#,
            Overloaded,
            None,
        ),
        (
            None,
            r#"{"type": "overloaded_error", "message": "Overloaded"}"#,
            Overloaded,
            None,
        ),
        (
            None,
            r#"{"code": 502, "message": "upstream"}"#,
            Overloaded,
            None,
        ),
        (
            Some(404),
            r#"{"error": {"message": "The model `gpt-9` does not exist or you do not have access to it.", "type": "invalid_request_error", "param": null, "code": "model_not_found"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"type": "error", "error": {"type": "not_found_error", "message": "model: claude-x"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"error": {"code": 404, "message": "models/gemini-9 is not found for API version v1beta", "status": "NOT_FOUND"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"error": "model 'qwen9' not found"}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": "\"nomic-embed-text\" does not support chat"}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"error": {"message": "This is not a chat model and thus not supported in the v1/chat/completions endpoint.", "type": "invalid_request_error", "param": null, "code": null}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "x is not a valid model ID", "code": 400}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"error": {"message": "No endpoints found for x.", "code": 404}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "litellm.BadRequestError: Invalid model name passed in model=x", "code": "400"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "The model `m` has been decommissioned", "type": "invalid_request_error", "param": null, "code": "model_decommissioned"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(404),
            r#"{"error": {"message": "No models loaded. Please load a model in the developer page"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(403),
            r#"{"error": {"message": "Project does not have access to model `m`"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(401),
            "<html>401</html>",
            Unauthorized,
            Some(ErrorDetail::KeyRefused),
        ),
        (Some(408), "<html>408</html>", Overloaded, None),
        (Some(429), "<html>429</html>", RateLimited, None),
        (Some(404), r#"{"error": "not found"}"#, EndpointWrong, None),
        (Some(404), r#"{"detail": "Not Found"}"#, EndpointWrong, None),
        (Some(404), r#"404 page not found"#, EndpointWrong, None),
        (
            Some(404),
            r#"<!DOCTYPE html><title>404</title>"#,
            EndpointWrong,
            None,
        ),
        (
            Some(405),
            r#"{"detail": "Method Not Allowed"}"#,
            EndpointWrong,
            None,
        ),
        (
            Some(403),
            r#"<html>Just a moment...</html>"#,
            EndpointWrong,
            None,
        ),
        (Some(308), r#""#, EndpointWrong, None),
        (Some(301), r#"<html>Moved</html>"#, EndpointWrong, None),
        (
            Some(400),
            r#"{"error": {"message": "The response was filtered due to the prompt triggering Azure's content management policy.", "type": "invalid_request_error", "param": null, "code": "content_filter"}}"#,
            Refused,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "x", "code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}"#,
            Refused,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Your request was rejected as a result of our safety system.", "type": "invalid_request_error", "param": null, "code": "content_policy_violation"}}"#,
            Refused,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Invalid prompt: your prompt was flagged as potentially violating our usage policy", "type": "invalid_request_error", "param": null, "code": "invalid_prompt"}}"#,
            Refused,
            None,
        ),
        (
            Some(403),
            r#"{"error": {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}}"#,
            Refused,
            None,
        ),
        (
            Some(400),
            r#"{"code": "data_inspection_failed", "message": "Input data may contain inappropriate content."}"#,
            Refused,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"code": 400, "message": "User location is not supported for the API use.", "status": "FAILED_PRECONDITION"}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(403),
            r#"{"error": {"message": "Country, region, or territory not supported", "type": "invalid_request_error", "param": null, "code": "unsupported_country_region_territory"}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Unsupported parameter", "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter"}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Your organization must be verified to stream this model", "type": "invalid_request_error", "param": "stream", "code": "unsupported_value"}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Unrecognized request argument supplied: stream_options", "type": "invalid_request_error", "param": null, "code": null}}"#,
            RequestRejected,
            None,
        ),
        (
            Some(422),
            r#"{"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}"#,
            RequestRejected,
            None,
        ),
        (
            Some(400),
            r#"{"object": "error", "message": "System role not supported", "type": "BadRequestError", "code": 400}"#,
            RequestRejected,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}}"#,
            RequestRejected,
            None,
        ),
        (Some(409), r#"{"error": "conflict"}"#, RequestRejected, None),
        (Some(422), r#""#, RequestRejected, None),
        (Some(418), r#"teapot"#, RequestRejected, None),
        (
            None,
            r#"{"message": "something new"}"#,
            RequestRejected,
            None,
        ),
        (
            Some(400),
            r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for claude-3"}}"#,
            RequestRejected,
            Some(ErrorDetail::OutputTokens),
        ),
        (
            Some(400),
            r#"{"error": {"message": "max_tokens is too large: 100000. This model supports at most 16384 completion tokens", "type": "invalid_request_error", "param": null, "code": null}}"#,
            RequestRejected,
            Some(ErrorDetail::OutputTokens),
        ),
        (
            Some(404),
            r#"{"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}"#,
            EndpointWrong,
            None,
        ),
        (
            Some(404),
            r#"{"type": "error", "error": {"type": "not_found_error", "message": "Not Found"}}"#,
            EndpointWrong,
            None,
        ),
        (
            Some(404),
            r#"{"error": {"message": "Invalid URL (POST /v1/v1/chat/completions)", "type": "invalid_request_error", "param": null, "code": null}}"#,
            EndpointWrong,
            None,
        ),
        (
            None,
            r#""Unexpected endpoint or method. (POST /chat/completions)""#,
            EndpointWrong,
            None,
        ),
        (
            Some(501),
            r#"<html>Unsupported method ('POST')</html>"#,
            EndpointWrong,
            None,
        ),
        (
            Some(403),
            "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
            EndpointWrong,
            None,
        ),
        (
            Some(400),
            "\u{feff}<html>The plain HTTP request was sent to HTTPS port</html>",
            EndpointWrong,
            None,
        ),
        (Some(407), r#""#, Unreachable, Some(ErrorDetail::Proxy)),
        (
            Some(400),
            r#"{"error": {"message": "Model Not Exist", "type": "invalid_request_error", "param": null, "code": "invalid_request_error"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"object": "error", "message": "Invalid model: m", "type": "invalid_model", "code": "1500"}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "The requested model 'm' is not supported by any provider you have enabled.", "type": "invalid_request_error", "param": "model", "code": "model_not_supported"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Unable to access non-serverless model m.", "type": "invalid_request_error", "param": null, "code": "model_not_available"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "litellm.BadRequestError: LLM Provider NOT provided. You passed model=m", "code": "400"}}"#,
            ModelUnknown,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Content Exists Risk", "type": "invalid_request_error", "param": null, "code": "invalid_request_error"}}"#,
            Refused,
            None,
        ),
        (
            Some(400),
            r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"}}"#,
            Refused,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"type": "exceeded_current_quota_error", "message": "Your account is suspended"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(400),
            r#"{"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing."}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}"#,
            QuotaExhausted,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"type": "engine_overloaded_error", "message": "The engine is currently overloaded"}}"#,
            Overloaded,
            None,
        ),
        (
            None,
            r#""CUDA error: an illegal memory access was encountered""#,
            Overloaded,
            None,
        ),
        (
            None,
            r#""an error was encountered while running the model: unexpected EOF""#,
            Overloaded,
            None,
        ),
        (
            None,
            r#"{"message": "max_tokens is too large: 100000", "type": "invalid_request_error", "param": null, "code": "invalid_value"}"#,
            RequestRejected,
            Some(ErrorDetail::OutputTokens),
        ),
        (
            Some(400),
            r#"{"error": {"message": "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", "type": "invalid_request_error", "param": null, "code": "invalid_request_error"}}"#,
            RequestRejected,
            Some(ErrorDetail::OutputTokens),
        ),
        (
            Some(400),
            r#"{"error": {"message": "Unsupported value: 'temperature' does not support 0.2 with this model.", "type": "invalid_request_error", "param": "temperature", "code": "unsupported_value"}}"#,
            RequestRejected,
            None,
        ),
    ];
    assert!(rows.len() >= 80, "{}", rows.len());
    let mut wrong = Vec::new();
    for (status, body, kind, detail) in rows {
        let found = classified(status, body);
        if found != (kind, detail) {
            wrong.push(format!("{status:?} {body}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_prompt_that_is_too_long_is_known_by_each_wording_with_its_numbers() {
    let rows = [
        (
            Some(400),
            r#"{"error": {"message": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.", "type": "invalid_request_error", "param": null, "code": "context_length_exceeded"}}"#,
            Some(8192),
            Some(9000),
        ),
        (
            Some(400),
            r#"{"error": {"message": "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", "type": "invalid_request_error", "param": null, "code": "context_length_exceeded"}}"#,
            Some(272000),
            Some(300000),
        ),
        (
            Some(400),
            r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"}}"#,
            Some(200000),
            Some(210000),
        ),
        (
            Some(400),
            r#"{"error": {"code": 400, "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", "status": "INVALID_ARGUMENT"}}"#,
            Some(1048576),
            Some(1200000),
        ),
        (
            Some(400),
            r#"{"object": "error", "message": "This model's maximum context length is 2048 tokens. However, you requested 2100 tokens (2000 in the messages, 100 in the completion).", "type": "BadRequestError", "code": 400}"#,
            Some(2048),
            Some(2100),
        ),
        (
            Some(400),
            r#"{"error": {"message": "'max_tokens' or 'max_completion_tokens' is too large: 500. This model's maximum context length is 2048 tokens and your request has 1800 input tokens (500 > 2048 - 1800)."}}"#,
            Some(2048),
            Some(1800),
        ),
        (
            Some(400),
            r#"{"error": {"code": 400, "message": "request (5022 tokens) exceeds the available context size (2048 tokens), try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 5022, "n_ctx": 2048}}"#,
            Some(2048),
            Some(5022),
        ),
        (
            None,
            r#"{"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}"#,
            None,
            None,
        ),
        (
            Some(400),
            r#"{"error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough."}"#,
            Some(4096),
            Some(5000),
        ),
        (
            Some(400),
            r#"{"error": {"message": "litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException - This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", "code": "400"}}"#,
            Some(4096),
            Some(5000),
        ),
        (
            Some(400),
            r#"{"error": "the input length exceeds the context length"}"#,
            None,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Requested tokens (2300) exceed context window of 2048", "code": 400}}"#,
            Some(2048),
            Some(2300),
        ),
        (
            Some(400),
            r#"{"message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", "type": "invalid_request_prompt"}"#,
            Some(32768),
            Some(40000),
        ),
        (
            Some(413),
            r#"<html>413 Request Entity Too Large</html>"#,
            None,
            None,
        ),
        (
            Some(413),
            r#"{"type": "error", "error": {"type": "request_too_large", "message": "Request exceeds the maximum size"}}"#,
            None,
            None,
        ),
        (
            Some(429),
            r#"{"error": {"message": "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000.", "type": "invalid_request_error", "param": null, "code": "rate_limit_exceeded"}}"#,
            Some(30000),
            Some(40000),
        ),
        (
            Some(400),
            r#"{"type": "error", "error": {"type": "invalid_request_error", "message": "input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000, decrease input length or `max_tokens` and try again"}}"#,
            Some(200000),
            Some(199000),
        ),
        (
            Some(400),
            r#"{"object": "error", "message": "The decoder prompt (length 2500) is longer than the maximum model length of 2048.", "code": 400}"#,
            Some(2048),
            Some(2500),
        ),
        (
            Some(400),
            r#"{"object": "error", "message": "The input (2500 tokens) is longer than the model's context length (2048 tokens).", "code": 400}"#,
            Some(2048),
            Some(2500),
        ),
        (
            Some(400),
            r#"{"error": "This model's maximum prompt length is 131072 but the request contains 537812 tokens."}"#,
            Some(131072),
            Some(537812),
        ),
        (
            Some(400),
            r#"{"error": {"message": "This endpoint's maximum context length is 32768 tokens. However, you requested about 40000 tokens (39000 of text input, 1000 in the output).", "code": 400}}"#,
            Some(32768),
            Some(40000),
        ),
        (
            Some(400),
            r#"{"error": "The number of tokens to keep from the initial prompt is greater than the context length. Try to load the model with a larger context length, or provide a shorter input"}"#,
            None,
            None,
        ),
        (
            Some(400),
            r#"{"error": "Cannot truncate prompt with n_keep (2500) >= n_ctx (2048)"}"#,
            Some(2048),
            Some(2500),
        ),
        (
            Some(400),
            r#"{"error": "Reached context length of 2048 tokens with this model."}"#,
            Some(2048),
            None,
        ),
        (
            Some(400),
            r#"{"error": "prompt too long; exceeded max context length by 452 tokens"}"#,
            None,
            None,
        ),
        (
            Some(400),
            r#"{"error": "input exceeds maximum context length and cannot be truncated further"}"#,
            None,
            None,
        ),
        (
            Some(400),
            r#"{"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."}"#,
            Some(4081),
            Some(4292),
        ),
        (
            Some(400),
            r#"{"code": "InvalidParameter", "message": "Range of input length should be [1, 30720]"}"#,
            Some(30720),
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "Invalid request: Your request exceeded model token limit : 8192", "type": "invalid_request_error"}}"#,
            Some(8192),
            None,
        ),
        (
            Some(400),
            r#"{"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 3000 `inputs` tokens and 2000 `max_new_tokens`", "error_type": "validation"}"#,
            Some(4097),
            Some(3000),
        ),
        (
            Some(400),
            r#"{"error": "Input validation error: `inputs` must have less than 4096 tokens. Given: 5000", "error_type": "validation"}"#,
            Some(4096),
            Some(5000),
        ),
        (
            Some(400),
            r#"{"error": {"message": "prompt token count of 2500 exceeds the limit of 2048", "code": "model_max_prompt_tokens_exceeded"}}"#,
            Some(2048),
            Some(2500),
        ),
        (
            Some(400),
            r#"{"error": {"message": "Your input exceeds the context window of this model. Please adjust your input and try again.", "type": "invalid_request_error", "code": null}}"#,
            None,
            None,
        ),
        (
            Some(400),
            r#"{"detail": "Prompt length 2500 is greater than max_seq_len 2048"}"#,
            Some(2048),
            Some(2500),
        ),
        (
            Some(400),
            r#"{"error": {"message": "Input is too long for requested model."}}"#,
            None,
            None,
        ),
        (
            Some(400),
            r#"{"error": {"message": "The prompt is too long: 5000, model maximum context length: 4096", "type": "invalid_request_error"}}"#,
            Some(4096),
            Some(5000),
        ),
    ];
    let mut wrong = Vec::new();
    for (status, body, limit_tokens, sent_tokens) in rows {
        let parsed = match status {
            Some(_) => ErrorBody::from_bytes(body.as_bytes()),
            None => ErrorBody::from_value(&serde_json::from_str(body).unwrap()),
        };
        let told = TooLong {
            limit_tokens,
            sent_tokens,
        };
        let expected = Reason::ContextTooLong(told);
        let found = reason(status, &parsed);
        if found != expected {
            wrong.push(format!("{body}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_provider_refuses_of_the_request_itself_is_known() {
    for (body, expected) in [
        (
            "Unrecognized request argument supplied: stream_options",
            Reason::StreamOptions,
        ),
        ("System role not supported", Reason::SystemMessage),
        (
            "Developer instruction is not enabled for models/gemma",
            Reason::SystemMessage,
        ),
        (
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
            Reason::SystemMessage,
        ),
        (
            "Only user and assistant roles are supported!",
            Reason::SystemMessage,
        ),
        (
            "This model doesn't support system messages",
            Reason::SystemMessage,
        ),
        ("Role 'system' is not allowed", Reason::SystemMessage),
    ] {
        let body = ErrorBody::from_bytes(body.as_bytes());
        assert_eq!(reason(Some(400), &body), expected, "{body:?}");
    }
}

#[test]
fn a_body_without_end_or_sense_is_read_within_bounds() {
    let deep = format!("{}1{}", r#"{"error":"#.repeat(100), "}".repeat(100));
    let quoted = serde_json::json!({ "error": { "message": "{".repeat(100_000) } }).to_string();
    for body in [
        deep.as_str(),
        &quoted,
        "[[[]]]",
        "null",
        "\u{0}",
        "{\"error\":1e999}",
    ] {
        assert_eq!(
            classified(Some(400), body).0,
            EngineErrorKind::RequestRejected,
            "{body:.40}"
        );
    }
}
