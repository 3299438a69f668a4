//! The answers of operations, as the document describes them.

use std::collections::BTreeMap;

use http::header::{ALLOW, LOCATION, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::layer::SECURITY_HEADERS;
use crate::problem::{Refusal, Retry, text};
use crate::routes::{Success, SuccessHeader};
use crate::wire::{MEDIA_TYPE_PROBLEM, ProblemCode, header};

/// The request id of the examples.
const REQUEST_ID: &str = "01980000-0000-7000-8000-0000000000ff";

/// The answer when all is well.
pub(super) fn success(of: &Success, sent: &mut SchemaGenerator) -> Value {
    let mut names = common_headers();
    for header in of.headers {
        names.push(match header {
            SuccessHeader::Location => LOCATION.as_str(),
            SuccessHeader::IdempotencyReplayed => header::IDEMPOTENCY_REPLAYED,
            SuccessHeader::SetCookie => SET_COOKIE.as_str(),
        });
    }
    let mut described = json!({
        "description": of.description,
        "headers": references(names),
    });
    if let Some(content) = &of.content {
        described["content"] = json!({
            content.media_type: {
                "schema": (content.schema)(sent),
                "example": (content.example)(),
            },
        });
    }
    described
}

/// Codes grouped by the status that they share.
pub(super) fn by_status(codes: &[ProblemCode]) -> BTreeMap<u16, Vec<ProblemCode>> {
    let mut groups: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in codes {
        groups.entry(code.status()).or_default().push(*code);
    }
    groups
}

/// The problems of one status.
pub(super) fn problem(codes: &[ProblemCode]) -> Value {
    let titles: Vec<_> = codes.iter().map(|code| text(*code).title).collect();
    let examples: Map<_, _> = codes
        .iter()
        .map(|code| {
            let example = json!({
                "summary": text(*code).title,
                "value": Refusal::example(*code, REQUEST_ID),
            });
            (code.as_str().to_owned(), example)
        })
        .collect();
    let status = codes.first().map_or(500, |code| code.status());
    let mut names = common_headers();
    if codes
        .iter()
        .any(|code| matches!(text(*code).retry, Retry::After { .. }))
    {
        names.push(RETRY_AFTER.as_str());
    }
    match status {
        401 => names.push(WWW_AUTHENTICATE.as_str()),
        405 => names.push(ALLOW.as_str()),
        _ => {}
    }
    json!({
        "description": format!("{}.", titles.join("; ")),
        "headers": references(names),
        "content": {
            MEDIA_TYPE_PROBLEM: {
                "schema": {
                    "allOf": [{ "$ref": "#/components/schemas/Problem" }],
                    "properties": {
                        "status": { "const": status },
                        "code": { "enum": codes },
                    },
                },
                "examples": examples,
            },
        },
    })
}

/// One response for each code, so that the document has those of no operation as well.
pub(super) fn problems_by_code() -> Value {
    ProblemCode::ALL
        .iter()
        .map(|code| (code.as_str().to_owned(), problem(&[*code])))
        .collect::<Map<_, _>>()
        .into()
}

/// Every header that answers have.
pub(super) fn headers() -> Value {
    let mut headers = Map::new();
    for (name, value) in &SECURITY_HEADERS {
        let schema = json!({ "type": "string", "const": value });
        headers.insert(
            name.as_str().to_owned(),
            described("On every answer.", true, &schema),
        );
    }
    let text = json!({ "type": "string" });
    let others = [
        (
            header::X_REQUEST_ID,
            "The server's own id of the request.",
            true,
            json!({ "type": "string", "format": "uuid" }),
        ),
        (
            LOCATION.as_str(),
            "Where the new worker is.",
            true,
            json!({ "type": "string", "pattern": "^/api/runtimes/[a-z0-9_-]+/workers/[a-z0-9_-]+$" }),
        ),
        (
            header::IDEMPOTENCY_REPLAYED,
            "Present when the same key came before: nothing was done now.",
            false,
            json!({ "type": "string", "const": "true" }),
        ),
        (
            SET_COOKIE.as_str(),
            "The session; absent when the server asks for no authorisation.",
            false,
            text.clone(),
        ),
        (
            RETRY_AFTER.as_str(),
            "Whole seconds after which the request may succeed.",
            false,
            json!({ "type": "integer", "minimum": 1 }),
        ),
        (
            ALLOW.as_str(),
            "The methods that the path takes; empty when it takes none.",
            true,
            text,
        ),
        (
            WWW_AUTHENTICATE.as_str(),
            "How to get in.",
            true,
            json!({ "type": "string", "const": "Bearer" }),
        ),
    ];
    for (name, description, required, schema) in others {
        headers.insert(name.to_owned(), described(description, required, &schema));
    }
    headers.into()
}

fn described(description: &str, required: bool, schema: &Value) -> Value {
    json!({ "description": description, "required": required, "schema": schema })
}

/// The headers of every answer.
fn common_headers() -> Vec<&'static str> {
    SECURITY_HEADERS
        .iter()
        .map(|(name, _)| name.as_str())
        .chain([header::X_REQUEST_ID])
        .collect()
}

fn references(names: Vec<&str>) -> Map<String, Value> {
    names
        .into_iter()
        .map(|name| {
            let reference = json!({ "$ref": format!("#/components/headers/{name}") });
            (name.to_owned(), reference)
        })
        .collect()
}
