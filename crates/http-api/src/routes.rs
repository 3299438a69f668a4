//! The one table of operations. The router, the OpenAPI document and the security matrix are
//! made from it, so that none of them can forget a route.

mod name;
mod parameter;
mod router;
mod table;
mod target;

pub(crate) use name::{OperationId, Tag, Verb};
pub(crate) use parameter::{Parameter, Place, SEQUENCE_MAX, path_parameters};
pub(crate) use router::Router;
pub(crate) use table::OPERATIONS;
pub(crate) use target::Target;

use registry_core::Capability;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::wire::ProblemCode;

/// Who may call an operation, from the least asked for to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Access {
    /// Everybody.
    Open,
    /// Whoever has the token or a session cookie.
    Authorised,
    /// Whoever has the token itself.
    Token,
}

/// Makes the JSON Schema of a type.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// A request body: always required, always `application/json`.
pub(crate) struct RequestBody {
    pub(crate) schema: SchemaOf,
    pub(crate) example: fn() -> Value,
}

/// The answer when all is well.
pub(crate) struct Success {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    /// Absent where the answer has no body.
    pub(crate) content: Option<Content>,
    /// Headers besides those on every answer.
    pub(crate) headers: &'static [SuccessHeader],
}

/// The body of an answer.
pub(crate) struct Content {
    pub(crate) media_type: &'static str,
    pub(crate) schema: SchemaOf,
    pub(crate) example: fn() -> Value,
}

/// A header that some answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuccessHeader {
    Location,
    IdempotencyReplayed,
    SetCookie,
}

/// One operation: everything there is to know about it but what it does.
pub(crate) struct Operation {
    pub(crate) id: OperationId,
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) tag: Tag,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) body: Option<RequestBody>,
    pub(crate) success: Success,
    /// Problems of its own; [`Operation::problems`] has all.
    pub(crate) own_problems: &'static [ProblemCode],
}

/// What any operation may answer: a body is collected whether or not one is taken.
const PROBLEMS_OF_ALL: &[ProblemCode] = &[
    ProblemCode::InvalidQuery,
    ProblemCode::InvalidBody,
    ProblemCode::CrossOriginRejected,
    ProblemCode::RequestTimeout,
    ProblemCode::BodyTooLarge,
    ProblemCode::MisdirectedHost,
    ProblemCode::Internal,
];
/// What an operation with a body may answer besides.
const PROBLEMS_OF_BODIES: &[ProblemCode] = &[ProblemCode::UnsupportedMediaType];
/// What an operation may answer besides whose answer may be large: too many of those may wait.
const PROBLEMS_OF_GROWING_ANSWERS: &[ProblemCode] = &[ProblemCode::CapacityExhausted];
/// What an operation below a runtime may answer besides.
const PROBLEMS_OF_A_RUNTIME: &[ProblemCode] =
    &[ProblemCode::InvalidIdentifier, ProblemCode::UnknownRuntime];

impl Operation {
    /// Every problem that the operation may answer, in the order of [`ProblemCode`].
    pub(crate) fn problems(&self) -> Vec<ProblemCode> {
        let mut codes = [PROBLEMS_OF_ALL, self.own_problems].concat();
        if self.access != Access::Open {
            codes.push(ProblemCode::Unauthorized);
        }
        if self.answer_grows() {
            codes.extend(PROBLEMS_OF_GROWING_ANSWERS);
        }
        if self.body.is_some() {
            codes.extend(PROBLEMS_OF_BODIES);
        }
        if self.path.contains("{runtime_id}") {
            codes.extend(PROBLEMS_OF_A_RUNTIME);
        }
        if self.path.contains("{worker_id}") {
            codes.push(ProblemCode::UnknownWorker);
        }
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// Whether the answer grows with what workers hold. The others are small, or, like the
    /// metrics, what an operator needs most when too much is held.
    pub(crate) fn answer_grows(&self) -> bool {
        match self.id {
            OperationId::ListRuntimes
            | OperationId::GetRuntime
            | OperationId::ListRuntimeWorkers
            | OperationId::ListWorkers
            | OperationId::GetWorker
            | OperationId::ReadTranscript
            | OperationId::ReadEvents => true,
            OperationId::GetWorkspace
            | OperationId::CreateSession
            | OperationId::GetHealth
            | OperationId::GetReadiness
            | OperationId::GetMetrics
            | OperationId::GetOpenapi
            | OperationId::CreateWorker
            | OperationId::StopWorker
            | OperationId::SendInput
            | OperationId::CancelRun => false,
        }
    }

    /// The query parameters that it takes.
    pub(crate) fn query(&self) -> impl Iterator<Item = &'static Parameter> + use<> {
        self.parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Query)
    }
}

/// A method and a path template of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OperationInfo {
    /// The `operationId` of the OpenAPI document.
    pub id: &'static str,
    /// The method, in capitals.
    pub method: &'static str,
    /// The path, with parameters as `{runtime_id}`.
    pub path: &'static str,
    /// Whether it takes a JSON body.
    pub takes_body: bool,
    /// Whether it can be called without credentials.
    pub open: bool,
}

/// Every operation of the API, for tests that go through all of them.
pub fn operations() -> impl Iterator<Item = OperationInfo> {
    OPERATIONS.iter().map(|operation| OperationInfo {
        id: operation.id.as_str(),
        method: operation.verb.as_str(),
        path: operation.path,
        takes_body: operation.body.is_some(),
        open: operation.access == Access::Open,
    })
}

/// The `Allow` of a path: the methods of its operations.
fn allow(path: &str) -> &'static str {
    let takes = |verb| {
        OPERATIONS
            .iter()
            .any(|operation| operation.path == path && operation.verb == verb)
    };
    allow_header(takes(Verb::Get), takes(Verb::Post))
}

/// The `Allow` of the path whose operation needs `capability`, for a runtime without it.
///
/// An empty one is what RFC 9110 §10.2.1 prescribes for a resource that takes no method.
pub(crate) fn allow_without(capability: Capability) -> &'static str {
    match capability {
        // The workers of the same runtime can still be listed.
        Capability::CreateWorker => allow_header(true, false),
        Capability::ListWorkers
        | Capability::GetWorker
        | Capability::SendInput
        | Capability::CancelRun
        | Capability::StopWorker
        | Capability::ReadTranscript
        | Capability::ReadEvents => allow_header(false, false),
    }
}

fn allow_header(get: bool, post: bool) -> &'static str {
    match (get, post) {
        (true, true) => "GET, HEAD, POST",
        (true, false) => "GET, HEAD",
        (false, true) => "POST",
        (false, false) => "",
    }
}
