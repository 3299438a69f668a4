//! The document is complete, refers to nothing that is not there, and promises nothing that a
//! browser must not see.

use registry_core::projection::{
    AcceptedInput, CancelResult, EventBatch, RuntimeSummary, TranscriptPage, WorkerDetail,
    WorkerPage,
};
use serde::de::DeserializeOwned;

use super::*;
use crate::wire::{
    CancelRunBody, CreateSessionBody, CreateWorkerBody, Health, ProblemCode, Readiness,
    RenameWorkerBody, RuntimeList, SendInputBody, SessionCode, SessionInfo, WorkspaceInfo,
};

/// The most bytes of the document: what a client generator or a person reads at once.
const DOCUMENT_BYTES_MAX: usize = 120 * 1024;

/// The reads that answer 304 to a client that has the answer.
const CONDITIONAL: [&str; 3] = ["list_runtimes", "list_runtime_workers", "list_workers"];

fn document_of_a_server() -> Value {
    let token = Auth::Token("a-secret-of-more-than-22-characters".parse().unwrap());
    document(
        "0.1.0",
        &ApiConfig::new("Test".parse().unwrap(), token, 8787),
    )
}

/// Calls `visit` with every value of the document and its JSON pointer.
fn walk(value: &Value, pointer: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(pointer, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                walk(member, &format!("{pointer}/{name}"), visit);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, pointer, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The value that a reference leads to.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => document
            .pointer(reference.trim_start_matches('#'))
            .unwrap_or_else(|| panic!("{reference} leads nowhere")),
        None => value,
    }
}

fn described<'a>(document: &'a Value, operation: &OperationInfo) -> &'a Value {
    &document["paths"][&operation.path][operation.method.to_lowercase()]
}

#[test]
fn what_the_middleware_answers_is_a_response_of_every_operation() {
    let document = document_of_a_server();
    let operations = operations();
    assert_eq!(operations.len(), 22);
    for operation in operations {
        let described = described(&document, operation);
        let mut statuses = vec![400, 403, 408, 413, 421, 500];
        if !operation.open {
            statuses.push(401);
        }
        if operation.takes_body {
            statuses.extend([415, 429]);
        }
        if operation.path != "/healthz" {
            statuses.push(503);
        }
        if operation.path.contains('{') {
            statuses.push(404);
        }
        for status in statuses {
            let response = &described["responses"][status.to_string()];
            assert!(response["$ref"].is_string(), "{} {status}", operation.id);
        }
        let security = described["security"].as_array().unwrap();
        assert_eq!(security.is_empty(), operation.open, "{}", operation.id);
        assert!(described["summary"].is_string(), "{}", operation.id);
        assert!(described["description"].is_string(), "{}", operation.id);
    }
}

#[test]
fn every_response_names_its_headers_and_every_problem_is_the_same_schema() {
    let document = document_of_a_server();
    let mut codes = 0;
    for operation in operations() {
        let responses = described(&document, operation)["responses"].as_object();
        for (status, response) in responses.unwrap() {
            let response = resolved(&document, response);
            assert!(response["headers"]["x-request-id"].is_object());
            if status.starts_with('2') {
                let is_created = operation.id == "create_worker" && status == "201";
                assert_eq!(response["headers"]["location"].is_object(), is_created);
            }
            let is_conditional = CONDITIONAL.contains(&operation.id.as_str());
            let has_tag = is_conditional && ["200", "304"].contains(&status.as_str());
            assert_eq!(response["headers"]["etag"].is_object(), has_tag);
            if status == "304" {
                assert!(response.get("content").is_none(), "{}", operation.id);
            }
            if status.starts_with('2') || status == "304" {
                continue;
            }
            let content = &response["content"]["application/problem+json"];
            assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem");
        }
    }
    let responses = document["components"]["responses"].as_object().unwrap();
    for response in responses.values() {
        let examples = &response["content"]["application/problem+json"]["examples"];
        codes += examples.as_object().unwrap().len();
    }
    assert_eq!(codes, ProblemCode::ALL.len());
    let documented = &document["components"]["schemas"]["ProblemCode"]["enum"];
    assert_eq!(*documented, json!(ProblemCode::ALL));
}

#[test]
fn only_the_session_sets_a_cookie_and_an_empty_response_has_no_content() {
    let document = document_of_a_server();
    for operation in operations() {
        let response = &described(&document, operation)["responses"]["204"];
        let cookie = &response["headers"]["set-cookie"];
        let sets_cookie = ["create_session", "delete_session"].contains(&&*operation.id);
        assert_eq!(cookie.is_object(), sets_cookie, "{}", operation.id);
        assert!(response.get("content").is_none(), "{}", operation.id);
    }
}

#[test]
fn every_parameter_is_bounded_and_every_one_of_the_path_is_declared() {
    let document = document_of_a_server();
    for operation in operations() {
        let parameters = described(&document, operation)["parameters"].as_array();
        let parameters = parameters.cloned().unwrap_or_default();
        let in_path = parameters.iter().filter(|p| p["in"] == "path").count();
        let expected = operation.path.matches('{').count();
        assert_eq!(in_path, expected, "{}", operation.path);
        for parameter in parameters {
            // Every text is valid, as long as it fits into a request's head.
            if parameter["name"] == "If-None-Match" {
                continue;
            }
            let schema = resolved(&document, &parameter["schema"]);
            let bounded = ["maxLength", "maximum", "enum"];
            assert!(
                bounded.iter().any(|bound| !schema[*bound].is_null()),
                "{parameter}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document_of_a_server();
    walk(&document, "", &mut |_, value| {
        resolved(&document, value);
    });
}

#[test]
fn enums_are_plain_and_unions_name_what_tells_their_variants_apart() {
    let document = document_of_a_server();
    walk(&document["components"]["schemas"], "", &mut |at, schema| {
        assert!(schema.get("const").is_none(), "{at} is a constant");
        let Some(variants) = schema.get("oneOf").and_then(Value::as_array) else {
            return;
        };
        let nullable = variants.iter().any(|variant| variant["type"] == "null");
        let discriminated = schema["discriminator"]["propertyName"].is_string();
        assert!(nullable || discriminated, "{at} has no discriminator");
    });
}

#[test]
fn the_document_is_small_enough_to_read() {
    let bytes = document_of_a_server().to_string().len();
    assert!(bytes <= DOCUMENT_BYTES_MAX, "{bytes} bytes");
}

#[test]
fn no_schema_has_room_for_what_a_browser_must_not_see() {
    let forbidden = [
        "path",
        "socket",
        "url",
        "token",
        "secret",
        "endpoint",
        "session_id",
    ];
    let document = document_of_a_server();
    walk(&document["components"]["schemas"], "", &mut |at, schema| {
        let Some(schema) = schema.as_object() else {
            return;
        };
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for name in properties.keys() {
                assert!(!forbidden.contains(&name.as_str()), "{at}: {name}");
            }
        }
        let free = schema
            .get("additionalProperties")
            .is_some_and(|more| *more != json!(false));
        assert!(!free, "{at} has additional properties");
        if schema.get("type").is_some_and(|kind| kind == "object") {
            let shaped = schema.contains_key("properties")
                || schema.get("additionalProperties") == Some(&json!(false));
            assert!(shaped, "{at} is any object");
        }
    });
}

#[test]
fn request_bodies_are_closed_and_required_but_for_those_that_say_little() {
    let document = document_of_a_server();
    for operation in operations().iter().filter(|o| o.takes_body) {
        let body = &described(&document, operation)["requestBody"];
        let optional = [
            "cancel_run",
            "stop_worker",
            "create_session",
            "create_session_code",
        ]
        .contains(&operation.id.as_str());
        assert_eq!(body["required"], !optional, "{}", operation.id);
        assert_eq!(operation.requires_body, !optional, "{}", operation.id);
        let mut schema = &body["content"]["application/json"]["schema"];
        if optional {
            assert_eq!(schema["anyOf"][1]["type"], "null", "{}", operation.id);
            schema = &schema["anyOf"][0];
        }
        let schema = resolved(&document, schema);
        assert_eq!(schema["additionalProperties"], false, "{}", operation.id);
    }
}

#[test]
fn settings_of_the_server_are_in_the_document() {
    let document = document_of_a_server();
    let content = &document["components"]["schemas"]["SendInputBody"]["properties"]["content"];
    assert_eq!(content["maxLength"], 131_072);
    let cookie = &document["components"]["securitySchemes"]["cookie"];
    assert_eq!(cookie["name"], "yoi_session_8787");
}

#[test]
fn every_example_is_a_value_of_its_type() {
    fn parses<T: DeserializeOwned>(example: &Value) {
        serde_json::from_value::<T>(example.clone()).unwrap();
    }
    let examples: Value = serde_json::from_str(EXAMPLES).unwrap();
    for (id, example) in examples.as_object().unwrap() {
        let (request, response) = (&example["request"], &example["response"]);
        match id.as_str() {
            "get_workspace" => parses::<WorkspaceInfo>(response),
            "get_session" => parses::<SessionInfo>(response),
            "create_session" => parses::<CreateSessionBody>(request),
            "create_session_code" => parses::<SessionCode>(response),
            "list_runtimes" => parses::<RuntimeList>(response),
            "get_runtime" => parses::<RuntimeSummary>(response),
            "get_worker" | "stop_worker" => parses::<WorkerDetail>(response),
            "list_workers" | "list_runtime_workers" => parses::<WorkerPage>(response),
            "read_transcript" => parses::<TranscriptPage>(response),
            "read_events" => parses::<EventBatch>(response),
            "get_health" => parses::<Health>(response),
            "get_readiness" => parses::<Readiness>(response),
            "create_worker" => {
                parses::<CreateWorkerBody>(request);
                parses::<WorkerDetail>(response);
            }
            "rename_worker" => {
                parses::<RenameWorkerBody>(request);
                parses::<WorkerDetail>(response);
            }
            "send_input" => {
                parses::<SendInputBody>(request);
                parses::<AcceptedInput>(response);
            }
            "cancel_run" => {
                parses::<CancelRunBody>(request);
                parses::<CancelResult>(response);
            }
            other => panic!("{other} has an example of no type"),
        }
    }
}
