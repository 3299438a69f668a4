//! The parameters of operations, with the bounds that `extract` enforces.

use registry_core::page::{PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX};
use registry_core::port::EVENT_WAIT_MAX;
use registry_core::projection::{ImplementationKind, WorkerState};
use registry_core::{Cursor, IdempotencyKey, PageToken, RuntimeId, WorkerId};
use schemars::{Schema, SchemaGenerator, json_schema};

use super::SchemaOf;

/// The largest sequence a client may name: the largest integer that JSON carries exactly
/// everywhere (RFC 8259 §6), far beyond what any transcript reaches.
pub(crate) const SEQUENCE_MAX: u64 = (1 << 53) - 1;

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
}

/// One parameter. Those in the path are required, all others optional.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) description: &'static str,
    pub(crate) schema: SchemaOf,
    /// As it stands in a request. Absent where a repeated value would change the answer.
    pub(crate) example: Option<&'static str>,
}

/// The parameters that a path template names.
pub(crate) fn path_parameters(path: &str) -> impl Iterator<Item = &'static Parameter> {
    PATH.iter()
        .filter(move |parameter| path.contains(&format!("{{{}}}", parameter.name)))
}

static PATH: [Parameter; 2] = [
    Parameter {
        name: "runtime_id",
        place: Place::Path,
        description: "The runtime.",
        schema: SchemaGenerator::subschema_for::<RuntimeId>,
        example: Some("backend-internal"),
    },
    Parameter {
        name: "worker_id",
        place: Place::Path,
        description: "The worker within that runtime.",
        schema: SchemaGenerator::subschema_for::<WorkerId>,
        example: Some("01980000-0000-7000-8000-000000000001"),
    },
];

pub(super) const LIMIT: Parameter = Parameter {
    name: "limit",
    place: Place::Query,
    description: "How many items the answer has at most.",
    schema: limit_schema,
    example: Some("50"),
};

pub(super) const PAGE_TOKEN: Parameter = Parameter {
    name: "page_token",
    place: Place::Query,
    description: "The `next_page_token` of the page before; give the same filters with it.",
    schema: SchemaGenerator::subschema_for::<PageToken>,
    example: None,
};

pub(super) const STATE: Parameter = Parameter {
    name: "state",
    place: Place::Query,
    description: "Only workers in this state.",
    schema: SchemaGenerator::subschema_for::<WorkerState>,
    example: Some("idle"),
};

pub(super) const RUNTIME_ID: Parameter = Parameter {
    name: "runtime_id",
    place: Place::Query,
    description: "Only workers of this runtime.",
    schema: SchemaGenerator::subschema_for::<RuntimeId>,
    example: Some("backend-internal"),
};

pub(super) const IMPLEMENTATION_KIND: Parameter = Parameter {
    name: "implementation_kind",
    place: Place::Query,
    description: "Only workers of runtimes that are implemented so.",
    schema: SchemaGenerator::subschema_for::<ImplementationKind>,
    example: Some("embedded"),
};

pub(super) const BEFORE: Parameter = Parameter {
    name: "before",
    place: Place::Query,
    description: "Only the entries right before this sequence. Not together with `after`.",
    schema: sequence_schema,
    example: None,
};

pub(super) const AFTER_SEQUENCE: Parameter = Parameter {
    name: "after",
    place: Place::Query,
    description: "Only the entries right after this sequence. Not together with `before`.",
    schema: sequence_schema,
    example: None,
};

pub(super) const AFTER_CURSOR: Parameter = Parameter {
    name: "after",
    place: Place::Query,
    description: "Read on from this position; without it, from the oldest retained event.",
    schema: SchemaGenerator::subschema_for::<Cursor>,
    example: None,
};

pub(super) const WAIT_MS: Parameter = Parameter {
    name: "wait_ms",
    place: Place::Query,
    description: "How long to wait, in milliseconds, when there is no newer event.",
    schema: wait_schema,
    example: Some("0"),
};

pub(super) const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: Place::Header,
    description: "Makes a repetition of the same request harmless: the first answer comes \
                  again. A key is used for one request and its repetitions, for instance a \
                  random UUID.",
    schema: SchemaGenerator::subschema_for::<IdempotencyKey>,
    example: None,
};

fn limit_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "integer",
        "minimum": 1,
        "maximum": PAGE_LIMIT_MAX,
        "default": PAGE_LIMIT_DEFAULT,
    })
}

fn sequence_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "minimum": 0, "maximum": SEQUENCE_MAX })
}

fn wait_schema(_: &mut SchemaGenerator) -> Schema {
    let most = u64::try_from(EVENT_WAIT_MAX.as_millis()).unwrap_or(u64::MAX);
    json_schema!({ "type": "integer", "minimum": 0, "maximum": most, "default": 0 })
}
