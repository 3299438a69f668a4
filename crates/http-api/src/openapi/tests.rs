//! The document is whole, refers to nothing that is not there, and promises nothing that a
//! browser must not see.

use registry_core::projection::{
    AcceptedInput, CancelResult, EventBatch, RuntimeSummary, TranscriptPage, WorkerDetail,
    WorkerPage,
};
use serde::de::DeserializeOwned;

use super::*;
use crate::routes::{Operation, operations};
use crate::wire::{
    CancelRunBody, CreateWorkerBody, Health, Readiness, RuntimeList, SendInputBody, WorkspaceInfo,
};

fn made() -> Value {
    document(&Particulars {
        server_version: "0.1.0",
        cookie_name: "yoi_session_8787",
        auth_is_on: true,
        input_bytes_max: 131_072,
        profiles: vec!["builtin:default".parse().unwrap()],
    })
}

/// Calls `visit` with every value of the document and where it stands.
fn walk(value: &Value, at: &str, visit: &mut impl FnMut(&str, &Value)) {
    visit(at, value);
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                walk(member, &format!("{at}/{name}"), visit);
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, at, visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn described<'a>(document: &'a Value, operation: &Operation) -> &'a Value {
    let method = operation.verb.as_str().to_ascii_lowercase();
    &document["paths"][operation.path][method]
}

#[test]
fn every_operation_stands_in_it_and_nothing_else() {
    let document = made();
    let mut count = 0;
    for operation in &OPERATIONS {
        let described = described(&document, operation);
        assert_eq!(described["operationId"], operation.id.as_str());
        count += 1;
    }
    let paths = document["paths"].as_object().unwrap();
    let described: usize = paths
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!((described, operations().count()), (count, count));
}

#[test]
fn every_problem_of_an_operation_stands_at_its_status() {
    let document = made();
    for operation in &OPERATIONS {
        let responses = &described(&document, operation)["responses"];
        for code in operation.problems() {
            let response = &responses[code.status().to_string()];
            let content = &response["content"]["application/problem+json"];
            let codes = content["schema"]["properties"]["code"]["enum"]
                .as_array()
                .unwrap();
            assert!(codes.contains(&json!(code)), "{:?} {code:?}", operation.id);
            assert!(content["examples"][code.as_str()].is_object());
        }
        let success = &responses[operation.success.status.to_string()];
        assert!(success["headers"]["x-request-id"].is_object());
        assert_eq!(
            success["headers"]["location"].is_object(),
            operation.success.status == 201
        );
    }
    for code in ProblemCode::ALL {
        assert!(document["components"]["responses"][code.as_str()].is_object());
    }
}

#[test]
fn what_the_layers_may_answer_stands_at_every_operation() {
    let document = made();
    for operation in operations() {
        let method = operation.method.to_ascii_lowercase();
        let described = &document["paths"][operation.path][method];
        let mut statuses = vec![400, 403, 408, 413, 421, 500];
        if !operation.open {
            statuses.push(401);
        }
        if operation.takes_body {
            statuses.push(415);
        }
        if operation.path.contains('{') {
            statuses.push(404);
        }
        for status in statuses {
            let response = &described["responses"][status.to_string()];
            assert!(response.is_object(), "{} lacks {status}", operation.id);
        }
        let asks = !described["security"].as_array().unwrap().is_empty();
        assert_eq!(asks, !operation.open, "{}", operation.id);
    }
}

#[test]
fn every_path_parameter_is_declared() {
    let document = made();
    for operation in &OPERATIONS {
        let parameters = described(&document, operation)["parameters"]
            .as_array()
            .unwrap();
        let in_path = parameters.iter().filter(|p| p["in"] == "path").count();
        assert_eq!(
            in_path,
            operation.path.matches('{').count(),
            "{}",
            operation.path
        );
        for parameter in parameters {
            let schema = &parameter["schema"];
            let bounded = ["maxLength", "maximum", "$ref", "enum"];
            assert!(
                bounded.iter().any(|bound| !schema[*bound].is_null()),
                "{parameter}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = made();
    walk(&document, "", &mut |at, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{at}: {reference}");
        }
    });
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
    let document = made();
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
        if schema.get("type").is_some_and(|of| of == "object") {
            let shaped = schema.contains_key("properties")
                || schema.get("additionalProperties") == Some(&json!(false));
            assert!(shaped, "{at} is any object");
        }
    });
}

#[test]
fn request_bodies_are_closed_and_required() {
    let document = made();
    for operation in OPERATIONS
        .iter()
        .filter(|operation| operation.body.is_some())
    {
        let body = &described(&document, operation)["requestBody"];
        assert_eq!(body["required"], true);
        let reference = body["content"]["application/json"]["schema"]["$ref"]
            .as_str()
            .unwrap();
        let schema = document
            .pointer(reference.strip_prefix('#').unwrap())
            .unwrap();
        assert_eq!(schema["additionalProperties"], false, "{reference}");
    }
}

#[test]
fn this_server_s_own_bounds_stand_in_it() {
    let document = made();
    let content = &document["components"]["schemas"]["SendInputBody"]["properties"]["content"];
    assert_eq!(content["maxLength"], 131_072);
    let profile = &document["components"]["schemas"]["CreateWorkerBody"]["properties"]["profile"];
    assert_eq!(profile["enum"], json!(["builtin:default", null]));
    let cookie = &document["components"]["securitySchemes"]["cookie"];
    assert_eq!(cookie["name"], "yoi_session_8787");
}

#[test]
fn every_example_is_a_value_of_its_type() {
    fn holds<T: DeserializeOwned>(example: fn() -> Value) {
        serde_json::from_value::<T>(example()).unwrap();
    }
    holds::<WorkspaceInfo>(example::workspace);
    holds::<RuntimeList>(example::runtimes);
    holds::<RuntimeSummary>(example::runtime);
    holds::<CreateWorkerBody>(example::create_worker);
    holds::<SendInputBody>(example::send_input);
    holds::<CancelRunBody>(example::cancel_run);
    holds::<WorkerDetail>(example::worker_detail);
    holds::<WorkerDetail>(example::stopped_worker);
    holds::<WorkerPage>(example::worker_page);
    holds::<AcceptedInput>(example::accepted_input);
    holds::<CancelResult>(example::cancelled);
    holds::<TranscriptPage>(example::transcript);
    holds::<EventBatch>(example::events);
    holds::<Health>(example::health);
    holds::<Readiness>(example::readiness);
    for code in ProblemCode::ALL {
        let example = crate::problem::Refusal::example(*code, "id");
        assert_eq!(example.code, *code);
    }
}
