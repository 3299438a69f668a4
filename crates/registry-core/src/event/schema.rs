//! Schema of an event: one component for each kind, with the fields that all kinds share.

use jiff::Timestamp;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{OneOf, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{EventKind, WorkerEvent};
use crate::cursor::Cursor;
use crate::schema::{Component, object_schema, tagged_union};

/// The fields of every event, for the derive.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct Common {
    /// The position after this event.
    cursor: Cursor,
    /// When it happened.
    at: Timestamp,
}

fn union_and_variants() -> (OneOf, Vec<Component>) {
    tagged_union::<EventKind>("kind", "Event", &object_schema::<Common>())
}

impl PartialSchema for WorkerEvent {
    fn schema() -> RefOr<Schema> {
        let (mut union, _) = union_and_variants();
        union.description = Some("An event of a worker.".to_owned());
        Schema::OneOf(union).into()
    }
}

impl ToSchema for WorkerEvent {
    fn schemas(components: &mut Vec<Component>) {
        components.extend(union_and_variants().1);
        EventKind::schemas(components);
        Common::schemas(components);
    }
}
