//! One operation, as the document describes it.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::{Particulars, answer};
use crate::routes::{Access, Operation, OperationId, Parameter, Place, path_parameters};
use crate::wire::MEDIA_TYPE_JSON;

/// Describes `operation`; schemas of what is sent and received go to their generators.
pub(super) fn describe(
    operation: &Operation,
    particulars: &Particulars<'_>,
    sent: &mut SchemaGenerator,
    received: &mut SchemaGenerator,
) -> Value {
    let parameters: Vec<_> = path_parameters(operation.path)
        .chain(operation.parameters)
        .map(|of| parameter(of, received))
        .collect();
    let mut described = json!({
        "operationId": operation.id.as_str(),
        "tags": [operation.tag.as_str()],
        "summary": operation.summary,
        "description": operation.description,
        "parameters": parameters,
        "responses": responses(operation, sent),
        "security": security(operation.access, particulars.auth_is_on),
    });
    if let Some(body) = &operation.body {
        described["requestBody"] = json!({
            "required": true,
            "content": {
                MEDIA_TYPE_JSON: {
                    "schema": (body.schema)(received),
                    "example": (body.example)(),
                },
            },
        });
    }
    described
}

fn parameter(of: &Parameter, received: &mut SchemaGenerator) -> Value {
    let place = match of.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    let schema = (of.schema)(received);
    let mut described = json!({
        "name": of.name,
        "in": place,
        "description": of.description,
        "required": of.place == Place::Path,
    });
    if let Some(example) = of.example {
        let is_integer = schema.get("type").is_some_and(|of| of == "integer");
        described["example"] = match example.parse::<u64>() {
            Ok(number) if is_integer => json!(number),
            Ok(_) | Err(_) => json!(example),
        };
    }
    described["schema"] = schema.to_value();
    described
}

fn responses(operation: &Operation, sent: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    let mut success = answer::success(&operation.success, sent);
    if operation.id == OperationId::CreateWorker {
        success["links"] = links_of_a_new_worker();
    }
    responses.insert(operation.success.status.to_string(), success);
    for (status, codes) in answer::by_status(&operation.problems()) {
        responses.insert(status.to_string(), answer::problem(&codes));
    }
    Value::Object(responses)
}

/// What can be done next with a worker that was just created.
fn links_of_a_new_worker() -> Value {
    let next = [
        OperationId::GetWorker,
        OperationId::SendInput,
        OperationId::CancelRun,
        OperationId::StopWorker,
        OperationId::ReadTranscript,
        OperationId::ReadEvents,
    ];
    next.into_iter()
        .map(|operation| {
            let link = json!({
                "operationId": operation.as_str(),
                "parameters": {
                    "runtime_id": "$response.body#/runtime_id",
                    "worker_id": "$response.body#/worker_id",
                },
            });
            (operation.as_str().to_owned(), link)
        })
        .collect::<Map<_, _>>()
        .into()
}

fn security(access: Access, auth_is_on: bool) -> Value {
    match (access, auth_is_on) {
        (Access::Open, _) | (_, false) => json!([]),
        (Access::Authorised, true) => json!([{ "bearer": [] }, { "cookie": [] }]),
        (Access::Token, true) => json!([{ "bearer": [] }]),
    }
}
