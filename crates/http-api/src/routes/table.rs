//! The table itself: one entry for each operation, in the order in which people meet them.

use registry_core::projection::{
    AcceptedInput, CancelResult, EventBatch, RuntimeSummary, TranscriptPage, WorkerDetail,
    WorkerPage,
};
use schemars::SchemaGenerator;

use super::parameter::{
    AFTER_CURSOR, AFTER_SEQUENCE, BEFORE, IDEMPOTENCY_KEY, IMPLEMENTATION_KIND, LIMIT, PAGE_TOKEN,
    RUNTIME_ID, STATE, WAIT_MS,
};
use super::{
    Access, Content, Operation, OperationId, Parameter, RequestBody, Success, SuccessHeader, Tag,
    Verb,
};
use crate::metrics::MEDIA_TYPE_METRICS;
use crate::openapi::{DocumentSchema, MetricsText, example};
use crate::wire::{
    CancelRunBody, CreateSessionBody, CreateWorkerBody, Health, MEDIA_TYPE_JSON, ProblemCode,
    Readiness, RuntimeList, SendInputBody, StopWorkerBody, WorkspaceInfo, path,
};

const NONE: &[Parameter] = &[];

/// A JSON answer of this type, with its example and the headers of its own.
macro_rules! json {
    ($status:literal, $text:literal, $type:ty, $example:ident $(, $header:ident)*) => {
        Success {
            status: $status,
            description: $text,
            content: Some(Content {
                media_type: MEDIA_TYPE_JSON,
                schema: SchemaGenerator::subschema_for::<$type>,
                example: example::$example,
            }),
            headers: &[$(SuccessHeader::$header),*],
        }
    };
}

/// A required JSON body of this type, with its example.
macro_rules! body {
    ($type:ty, $example:ident) => {
        Some(RequestBody {
            schema: SchemaGenerator::subschema_for::<$type>,
            example: example::$example,
        })
    };
}

pub(crate) static OPERATIONS: [Operation; 17] = [
    Operation {
        id: OperationId::GetWorkspace,
        verb: Verb::Get,
        path: path::WORKSPACE,
        tag: Tag::Workspace,
        summary: "The workspace and the server",
        description: "Display name, versions, start and the server's named limits.",
        access: Access::Authorised,
        parameters: NONE,
        body: None,
        success: json!(200, "The workspace.", WorkspaceInfo, workspace),
        own_problems: &[],
    },
    Operation {
        id: OperationId::CreateSession,
        verb: Verb::Post,
        path: path::SESSION,
        tag: Tag::Workspace,
        summary: "Exchange the token for a cookie",
        description: "For pages in a browser: the bearer token is exchanged for a session cookie \
                      that scripts can't read. The session lives as long as the server does, and \
                      the oldest ends when there are too many. Without authorisation no cookie is \
                      set, because none is needed.",
        access: Access::Token,
        parameters: NONE,
        body: body!(CreateSessionBody, empty),
        success: Success {
            status: 204,
            description: "The cookie is set.",
            content: None,
            headers: &[SuccessHeader::SetCookie],
        },
        own_problems: &[],
    },
    Operation {
        id: OperationId::ListRuntimes,
        verb: Verb::Get,
        path: path::RUNTIMES,
        tag: Tag::Runtimes,
        summary: "All runtimes",
        description: "In the order in which the server registered them. One that fails shows as \
                      unavailable and hides no other.",
        access: Access::Authorised,
        parameters: NONE,
        body: None,
        success: json!(200, "The runtimes.", RuntimeList, runtimes),
        own_problems: &[],
    },
    Operation {
        id: OperationId::GetRuntime,
        verb: Verb::Get,
        path: "/api/runtimes/{runtime_id}",
        tag: Tag::Runtimes,
        summary: "One runtime",
        description: "Its status, capabilities, profiles, limits and counts.",
        access: Access::Authorised,
        parameters: NONE,
        body: None,
        success: json!(200, "The runtime.", RuntimeSummary, runtime),
        own_problems: &[],
    },
    Operation {
        id: OperationId::ListRuntimeWorkers,
        verb: Verb::Get,
        path: "/api/runtimes/{runtime_id}/workers",
        tag: Tag::Workers,
        summary: "The workers of one runtime",
        description: "Newest first. A page may hold fewer workers than its limit; the last one has \
                      no `next_page_token`.",
        access: Access::Authorised,
        parameters: &[LIMIT, PAGE_TOKEN, STATE],
        body: None,
        success: json!(200, "A page of workers.", WorkerPage, worker_page),
        own_problems: &[
            ProblemCode::InvalidPageToken,
            ProblemCode::RuntimeUnavailable,
        ],
    },
    Operation {
        id: OperationId::CreateWorker,
        verb: Verb::Post,
        path: "/api/runtimes/{runtime_id}/workers",
        tag: Tag::Workers,
        summary: "Create a worker",
        description: "The worker is idle and takes input at once. A profile that the runtime does \
                      not have is refused, never replaced.",
        access: Access::Authorised,
        parameters: &[IDEMPOTENCY_KEY],
        body: body!(CreateWorkerBody, create_worker),
        success: json!(
            201,
            "The new worker.",
            WorkerDetail,
            worker_detail,
            Location,
            IdempotencyReplayed
        ),
        own_problems: &[
            ProblemCode::OperationUnsupported,
            ProblemCode::UnknownProfile,
            ProblemCode::IdempotencyConflict,
            ProblemCode::CapacityExhausted,
            ProblemCode::RuntimeUnavailable,
            ProblemCode::ShuttingDown,
        ],
    },
    Operation {
        id: OperationId::GetWorker,
        verb: Verb::Get,
        path: "/api/runtimes/{runtime_id}/workers/{worker_id}",
        tag: Tag::Workers,
        summary: "One worker",
        description: "Its state, and where its conversation stands.",
        access: Access::Authorised,
        parameters: NONE,
        body: None,
        success: json!(200, "The worker.", WorkerDetail, worker_detail),
        own_problems: &[ProblemCode::RuntimeUnavailable],
    },
    Operation {
        id: OperationId::SendInput,
        verb: Verb::Post,
        path: "/api/runtimes/{runtime_id}/workers/{worker_id}/input",
        tag: Tag::Conversation,
        summary: "Send a worker an input",
        description: "Accepted means committed to the transcript, with a run started for it. The \
                      run goes on when the client goes away.",
        access: Access::Authorised,
        parameters: &[IDEMPOTENCY_KEY],
        body: body!(SendInputBody, send_input),
        success: json!(
            202,
            "The input is committed and its run started.",
            AcceptedInput,
            accepted_input,
            IdempotencyReplayed
        ),
        own_problems: &[
            ProblemCode::OperationUnsupported,
            ProblemCode::WorkerBusy,
            ProblemCode::WorkerStopped,
            ProblemCode::InputTooLarge,
            ProblemCode::InputEmpty,
            ProblemCode::IdempotencyConflict,
            ProblemCode::CapacityExhausted,
            ProblemCode::RuntimeUnavailable,
            ProblemCode::ShuttingDown,
        ],
    },
    Operation {
        id: OperationId::CancelRun,
        verb: Verb::Post,
        path: "/api/runtimes/{runtime_id}/workers/{worker_id}/cancel",
        tag: Tag::Conversation,
        summary: "Cancel a worker's active run",
        description: "Answers when the run has ended. The worker stays usable.",
        access: Access::Authorised,
        parameters: NONE,
        body: body!(CancelRunBody, cancel_run),
        success: json!(200, "What the cancel did.", CancelResult, cancelled),
        own_problems: &[
            ProblemCode::OperationUnsupported,
            ProblemCode::RunMismatch,
            ProblemCode::RuntimeUnavailable,
        ],
    },
    Operation {
        id: OperationId::StopWorker,
        verb: Verb::Post,
        path: "/api/runtimes/{runtime_id}/workers/{worker_id}/stop",
        tag: Tag::Workers,
        summary: "Stop a worker for good",
        description: "Cancels an active run first. Stopping a stopped worker answers the same.",
        access: Access::Authorised,
        parameters: NONE,
        body: body!(StopWorkerBody, empty),
        success: json!(200, "The stopped worker.", WorkerDetail, stopped_worker),
        own_problems: &[
            ProblemCode::OperationUnsupported,
            ProblemCode::RuntimeUnavailable,
        ],
    },
    Operation {
        id: OperationId::ReadTranscript,
        verb: Verb::Get,
        path: "/api/runtimes/{runtime_id}/workers/{worker_id}/transcript",
        tag: Tag::Conversation,
        summary: "A page of a worker's transcript",
        description: "The newest entries, or those right before or after a sequence, in ascending \
                      order. Reading events after the page's cursor gives exactly what the page \
                      lacks.",
        access: Access::Authorised,
        parameters: &[LIMIT, BEFORE, AFTER_SEQUENCE],
        body: None,
        success: json!(200, "A page of entries.", TranscriptPage, transcript),
        own_problems: &[
            ProblemCode::OperationUnsupported,
            ProblemCode::RuntimeUnavailable,
        ],
    },
    Operation {
        id: OperationId::ReadEvents,
        verb: Verb::Get,
        path: "/api/runtimes/{runtime_id}/workers/{worker_id}/events",
        tag: Tag::Conversation,
        summary: "A worker's events after a cursor",
        description: "A batch, oldest first. With `wait_ms` the answer is held back until there is \
                      an event. A client that goes away ends its own wait and nothing else.",
        access: Access::Authorised,
        parameters: &[AFTER_CURSOR, LIMIT, WAIT_MS],
        body: None,
        success: json!(200, "A batch of events.", EventBatch, events),
        own_problems: &[
            ProblemCode::OperationUnsupported,
            ProblemCode::InvalidCursor,
            ProblemCode::CursorExpired,
            ProblemCode::TooManyPollers,
            ProblemCode::RuntimeUnavailable,
        ],
    },
    Operation {
        id: OperationId::ListWorkers,
        verb: Verb::Get,
        path: path::WORKERS,
        tag: Tag::Workers,
        summary: "The workers of all runtimes",
        description: "Read-only; runtimes in registration order, newest first within each. A \
                      runtime that fails is left out with a diagnostic. Every operation on a \
                      worker is reached below its runtime.",
        access: Access::Authorised,
        parameters: &[LIMIT, PAGE_TOKEN, STATE, RUNTIME_ID, IMPLEMENTATION_KIND],
        body: None,
        success: json!(200, "A page of workers.", WorkerPage, worker_page),
        own_problems: &[
            ProblemCode::InvalidIdentifier,
            ProblemCode::InvalidPageToken,
            ProblemCode::UnknownRuntime,
        ],
    },
    Operation {
        id: OperationId::GetHealth,
        verb: Verb::Get,
        path: path::HEALTHZ,
        tag: Tag::Server,
        summary: "Whether the server runs",
        description: "Needs no authorisation.",
        access: Access::Open,
        parameters: NONE,
        body: None,
        success: json!(200, "It runs.", Health, health),
        own_problems: &[],
    },
    Operation {
        id: OperationId::GetReadiness,
        verb: Verb::Get,
        path: path::READYZ,
        tag: Tag::Server,
        summary: "Whether the server takes requests",
        description: "Needs no authorisation. 503 once the server is ending.",
        access: Access::Open,
        parameters: NONE,
        body: None,
        success: json!(200, "It takes requests.", Readiness, readiness),
        own_problems: &[ProblemCode::ShuttingDown],
    },
    Operation {
        id: OperationId::GetMetrics,
        verb: Verb::Get,
        path: path::METRICS,
        tag: Tag::Server,
        summary: "Metrics for Prometheus",
        description: "OpenMetrics text: requests, latency, connections, runtimes and workers.",
        access: Access::Authorised,
        parameters: NONE,
        body: None,
        success: Success {
            status: 200,
            description: "The metrics.",
            content: Some(Content {
                media_type: MEDIA_TYPE_METRICS,
                schema: SchemaGenerator::subschema_for::<MetricsText>,
                example: example::metrics,
            }),
            headers: &[],
        },
        own_problems: &[],
    },
    Operation {
        id: OperationId::GetOpenapi,
        verb: Verb::Get,
        path: path::OPENAPI,
        tag: Tag::Server,
        summary: "This document",
        description: "OpenAPI 3.1, made from the same table as the router.",
        access: Access::Authorised,
        parameters: NONE,
        body: None,
        success: json!(200, "The document.", DocumentSchema, document),
        own_problems: &[],
    },
];
