//! Problems in the document: one response for each status, which operations refer to.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::references;
use crate::error::{INSUFFICIENT_SCOPE_CHALLENGE, example};
use crate::wire::{MEDIA_TYPE_PROBLEM, ProblemCode, Retry};

/// The response of each status that a problem has, by its name.
pub(super) fn responses() -> Value {
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in ProblemCode::ALL {
        by_status.entry(code.status()).or_default().push(*code);
    }
    let responses = by_status.iter();
    responses
        .map(|(status, codes)| (name(*status), response(*status, codes)))
        .collect()
}

/// A reference to the response of a status.
pub(super) fn reference(status: u16) -> Value {
    json!({ "$ref": format!("#/components/responses/{}", name(status)) })
}

fn response(status: u16, codes: &[ProblemCode]) -> Value {
    let mut headers = Vec::new();
    if codes
        .iter()
        .any(|code| matches!(code.retry(), Retry::After(_)))
    {
        headers.push("retry-after");
    }
    match status {
        401 => headers.push("www-authenticate"),
        405 => headers.push("allow"),
        _ => {}
    }
    let description: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.as_str(), code.title()))
        .collect();
    let examples: Map<_, _> = codes
        .iter()
        .map(|code| (code.as_str().to_owned(), json!({ "value": example(*code) })))
        .collect();
    let mut headers = references(&headers);
    if codes.contains(&ProblemCode::InsufficientScope) {
        headers["www-authenticate"] = json!({
            "description": "What is asked for, with `insufficient_scope` alone.",
            "schema": { "type": "string", "enum": [INSUFFICIENT_SCOPE_CHALLENGE] },
        });
    }
    json!({
        "description": description.join(" "),
        "headers": headers,
        "content": {
            MEDIA_TYPE_PROBLEM: {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": examples,
            },
        },
    })
}

/// `404` is `NotFound`.
fn name(status: u16) -> String {
    let status = StatusCode::from_u16(status).ok();
    let reason = status.and_then(|status| status.canonical_reason());
    reason.unwrap_or_default().replace(' ', "")
}
