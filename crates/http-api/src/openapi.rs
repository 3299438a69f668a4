//! The OpenAPI 3.1 document: made once, of the table of operations and the schemas of the
//! types that are really sent.

mod answer;
pub(crate) mod example;
mod operation;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use registry_core::ProfileId;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::routes::{OPERATIONS, Tag};
use crate::wire::{API_VERSION, Problem, ProblemCode};

/// The version of the specification that the document follows.
pub(crate) const OPENAPI_VERSION: &str = "3.1.0";
/// Where schemas stand in the document.
const SCHEMAS: &str = "/components/schemas";

/// What the document says of this server in particular.
pub(crate) struct Particulars<'a> {
    pub(crate) server_version: &'static str,
    /// The name of the session cookie.
    pub(crate) cookie_name: &'a str,
    pub(crate) auth_is_on: bool,
    pub(crate) input_bytes_max: u64,
    /// The profiles of all runtimes.
    pub(crate) profiles: Vec<ProfileId>,
}

/// The document's own schema: an object of the OpenAPI specification.
pub(crate) struct DocumentSchema;

/// Metrics as text.
pub(crate) struct MetricsText;

/// The document as it is sent.
pub(crate) fn document_bytes(particulars: &Particulars<'_>) -> Bytes {
    let document = document(particulars);
    let bytes = serde_json::to_vec(&document).expect("a JSON value serialises");
    Bytes::from(bytes)
}

/// The whole document.
pub(crate) fn document(particulars: &Particulars<'_>) -> Value {
    let settings = || SchemaSettings::draft2020_12().with(|s| s.definitions_path = SCHEMAS.into());
    let mut sent = settings().for_serialize().into_generator();
    let mut received = settings().for_deserialize().into_generator();

    let mut paths = Map::new();
    for operation in &OPERATIONS {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        let method = operation.verb.as_str().to_ascii_lowercase();
        item[method] = operation::describe(operation, particulars, &mut sent, &mut received);
    }
    sent.subschema_for::<Problem>();
    sent.subschema_for::<ProblemCode>();

    let mut schemas = received.take_definitions(true);
    // Types that go both ways look the same on both; where they don't, what is sent counts.
    schemas.extend(sent.take_definitions(true));
    particularise(&mut schemas, particulars);

    json!({
        "openapi": OPENAPI_VERSION,
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Yoi workspace server",
            "version": particulars.server_version,
            "summary": "Workers of a workspace, over one API.",
            "description": INTRODUCTION,
            "license": { "name": "MIT", "identifier": "MIT" },
            "x-api-version": API_VERSION,
        },
        "servers": [{ "url": "/", "description": "This server." }],
        "tags": Tag::ALL.map(|tag| json!({
            "name": tag.as_str(),
            "description": tag.description(),
        })),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": answer::headers(),
            "responses": answer::problems_by_code(),
            "securitySchemes": security_schemes(particulars),
        },
    })
}

const INTRODUCTION: &str = "\
A worker is reached by its runtime and its id together, never by one of them alone. JSON in \
and out, UTF-8, timestamps in UTC (RFC 3339). Unknown query parameters and body fields are \
refused.\n\n\
Every answer that is not 2xx is a problem (RFC 9457); programs look at its `code`. Paths that \
do not stand here answer `unknown_route`, methods that do not stand here `method_not_allowed`; \
every `GET` also answers `HEAD`.\n\n\
Events are read by cursor: start with the cursor of a transcript page, give each answer's \
`next_cursor` to the next request, and use `wait_ms` to wait for news.\n\n\
A request head that is malformed, larger than the limit `head_bytes` or slower than \
`head_timeout_ms` is refused before it is a request: with a bare 400 or 431, or by closing the \
connection. `GET /api/workspace` lists these limits.";

/// What only this server's own settings say.
fn particularise(schemas: &mut Map<String, Value>, particulars: &Particulars<'_>) {
    schemas["SendInputBody"]["properties"]["content"] = json!({
        "type": "string",
        "description": "What the person says: at least one character that is not white space.",
        "minLength": 1,
        "maxLength": particulars.input_bytes_max,
        "pattern": "\\S",
        "x-max-bytes": particulars.input_bytes_max,
    });
    if !particulars.profiles.is_empty() {
        schemas["CreateWorkerBody"]["properties"]["profile"] = json!({
            "description": "The worker's profile; without one the runtime's default. Each \
                            runtime lists those that it has.",
            "enum": particulars.profiles.iter().map(|profile| json!(profile))
                .chain([Value::Null]).collect::<Vec<_>>(),
        });
    }
}

fn security_schemes(particulars: &Particulars<'_>) -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "The token that the server printed at its start.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": particulars.cookie_name,
            "description": "The session cookie that `create_session` sets.",
        },
    })
}

impl JsonSchema for DocumentSchema {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OpenapiDocument".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "An OpenAPI document.",
            "required": ["openapi", "info", "paths", "components"],
            "properties": {
                "openapi": { "const": OPENAPI_VERSION },
                "info": { "type": "object" },
                "paths": { "type": "object" },
                "components": { "type": "object" },
            },
        })
    }
}

impl JsonSchema for MetricsText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "MetricsText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
