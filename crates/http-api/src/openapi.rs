//! The OpenAPI 3.1 document: made from the handlers and the types that are sent, and completed
//! with what the middleware adds to every operation.

mod problem;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use http::Method;
use registry_core::projection::{ImplementationKind, WorkerState};
use registry_core::{Cursor, IdempotencyKey, PageToken, RuntimeId, WorkerId};
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

use crate::config::{ApiConfig, Auth};
use crate::middleware::{Access, SECURITY_HEADERS};
use crate::router::{other_routes, reading_routes};
use crate::session::cookie_name;
use crate::wire::path::HEALTHZ;
use crate::wire::{API_VERSION, Problem};

/// Examples of requests and responses, by operation. A test parses each as the type that it is
/// an example of.
const EXAMPLES: &str = include_str!("openapi/examples.json");

/// Headers that some responses have, and the security schemes.
const COMPONENTS: &str = include_str!("openapi/components.json");

/// Operations whose body may be absent.
const OPTIONAL_BODIES: [&str; 4] = [
    "cancel_run",
    "stop_worker",
    "create_session",
    "create_session_code",
];

const PARSES: &str = "a test makes the document";

/// A method and a path of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationInfo {
    /// The `operationId` of the OpenAPI document.
    pub id: String,
    /// The method, in capitals.
    pub method: String,
    /// The path, with parameters as `{runtime_id}`.
    pub path: String,
    /// Whether it takes a JSON body.
    pub takes_body: bool,
    /// Whether it can't be called without that.
    pub requires_body: bool,
    /// Whether it can be called without credentials.
    pub open: bool,
}

/// Every operation of the API, for tests that go through all of them.
pub fn operations() -> &'static [OperationInfo] {
    static OPERATIONS: LazyLock<Vec<OperationInfo>> =
        LazyLock::new(|| operations_of(&from_handlers()));
    &OPERATIONS
}

fn operations_of(document: &Value) -> Vec<OperationInfo> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations.map(move |(method, operation)| OperationInfo {
                id: operation["operationId"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                method: method.to_ascii_uppercase(),
                path: path.clone(),
                takes_body: operation.get("requestBody").is_some(),
                requires_body: requires_body(operation),
                open: access(method, path) == Access::Open,
            })
        })
        .collect()
}

/// What an operation asks for; `method` as the document writes it.
fn access(method: &str, path: &str) -> Access {
    let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
    Access::to(&method.unwrap_or_default(), Some(path))
}

fn requires_body(operation: &Value) -> bool {
    let id = operation["operationId"].as_str().unwrap_or_default();
    operation.get("requestBody").is_some() && !OPTIONAL_BODIES.contains(&id)
}

/// The whole document of a server of this version and with these settings.
pub(crate) fn document(server_version: &str, config: &ApiConfig) -> Value {
    let mut document = from_handlers();
    document["info"]["version"] = server_version.into();
    document["info"]["x-api-version"] = API_VERSION.into();
    let components = &mut document["components"];
    let shared: Map<String, Value> = serde_json::from_str(COMPONENTS).expect(PARSES);
    components.as_object_mut().expect(PARSES).extend(shared);
    components["securitySchemes"]["cookie"]["name"] = cookie_name(config.port).into();
    for (name, value) in &SECURITY_HEADERS {
        components["headers"][name.as_str()] = json!({
            "description": "On every answer.",
            "required": true,
            "schema": { "type": "string", "enum": [value.to_str().unwrap_or_default()] },
        });
    }
    components["responses"] = problem::responses();
    components["schemas"]["SendInputBody"]["properties"]["content"]["maxLength"] =
        config.input_bytes_max.into();
    let examples: Value = serde_json::from_str(EXAMPLES).expect(PARSES);
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(path, access(method, path), operation, config, &examples);
        }
    }
    document
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Yoi workspace server",
        description = INTRODUCTION,
        license(name = "MIT", identifier = "MIT"),
    ),
    servers((url = "/", description = "This server.")),
    tags(
        (name = "workspace", description = "The workspace that the server serves, and signing in."),
        (name = "runtimes", description = "What holds workers, and what can be asked of it."),
        (name = "workers", description = "Workers: listing, creating, renaming, stopping, deleting."),
        (name = "conversation", description = "Talking to a worker and reading what was said."),
        (name = "server", description = "The server itself, for those who operate it."),
    ),
    // What operations refer to only in parameters, or not at all.
    components(schemas(
        Cursor, IdempotencyKey, ImplementationKind, PageToken, Problem, RuntimeId, WorkerId,
        WorkerState,
    )),
)]
struct Document;

const INTRODUCTION: &str = include_str!("openapi/introduction.md");

fn from_handlers() -> Value {
    let routes = reading_routes().merge(other_routes());
    let mut document = Document::openapi();
    document.merge(routes.into_openapi());
    serde_json::to_value(document).expect("the document has string keys alone")
}

/// Adds to an operation what holds for all of its kind: responses of the middleware, headers,
/// security, and its examples.
fn complete(
    path: &str,
    access: Access,
    operation: &mut Value,
    config: &ApiConfig,
    examples: &Value,
) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let id = id.to_owned();
    let (is_create, examples) = (id == "create_worker", &examples[&id]);
    operation["security"] = match (access, &config.auth) {
        (Access::Open, _) | (_, Auth::None) => json!([]),
        (Access::Read | Access::Operate, Auth::Token(_)) => {
            json!([{ "bearer": [] }, { "cookie": [] }])
        }
        // Either the token, or a code in the body.
        (Access::Exchange, Auth::Token(_)) => json!([{ "bearer": [] }, {}]),
        (Access::Token, Auth::Token(_)) => json!([{ "bearer": [] }]),
    };
    let requires_body = requires_body(operation);
    if let Some(body) = operation.get_mut("requestBody") {
        body["content"]["application/json"]["example"] =
            examples.get("request").cloned().unwrap_or(json!({}));
        body["required"] = requires_body.into();
        if !requires_body {
            // `null` is what some generated clients send for an absent body.
            let schema = &mut body["content"]["application/json"]["schema"];
            *schema = json!({ "anyOf": [schema.take(), { "type": "null" }] });
        }
    }
    let mut problems = BTreeSet::from([400, 403, 408, 413, 421, 500]);
    let takes_token = access != Access::Open && matches!(config.auth, Auth::Token(_));
    // A code may be wrong where nobody needs a token, too.
    if takes_token || access == Access::Exchange {
        problems.insert(401);
    }
    if operation.get("requestBody").is_some() {
        problems.extend([415, 429]);
    }
    // What is not known while the server stands by.
    if path != HEALTHZ {
        problems.insert(503);
    }
    if path.contains('{') {
        problems.insert(404);
    }
    let Some(responses) = operation["responses"].as_object_mut() else {
        return;
    };
    let declared = responses.keys().filter_map(|status| status.parse().ok());
    problems.extend(declared.filter(|status: &u16| *status >= 400));
    for status in problems {
        responses.insert(status.to_string(), problem::reference(status));
    }
    let is_conditional = responses.contains_key("304");
    for (status, response) in responses.iter_mut() {
        if !status.starts_with('2') && status != "304" {
            continue;
        }
        response["headers"] = match status.as_str() {
            "200" | "304" if is_conditional => references(&["etag"]),
            "201" if is_create => references(&["location", "idempotency-replayed"]),
            "202" => references(&["idempotency-replayed"]),
            "204" if id.ends_with("_session") => references(&["set-cookie"]),
            _ => references(&[]),
        };
        if status == "304" {
            continue;
        }
        if let Some(example) = examples.get("response") {
            response["content"]["application/json"]["example"] = example.clone();
        }
        if is_create {
            response["links"] = links_of_a_new_worker();
        }
    }
}

/// What can be done next with a worker that was just created.
fn links_of_a_new_worker() -> Value {
    let next = [
        "get_worker",
        "send_input",
        "cancel_run",
        "stop_worker",
        "rename_worker",
        "delete_worker",
        "read_transcript",
        "read_events",
    ];
    let link = |id: &str| {
        json!({
            "operationId": id,
            "parameters": {
                "runtime_id": "$response.body#/runtime_id",
                "worker_id": "$response.body#/worker_id",
            },
        })
    };
    next.into_iter().map(|id| (id, link(id))).collect()
}

/// References to the headers of every response, and to `others`.
fn references(others: &[&str]) -> Value {
    let common = SECURITY_HEADERS.iter().map(|(name, _)| name.as_str());
    common
        .chain(["x-request-id"])
        .chain(others.iter().copied())
        .map(|name| {
            (
                name,
                json!({ "$ref": format!("#/components/headers/{name}") }),
            )
        })
        .collect()
}
