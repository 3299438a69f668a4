//! Schemas of a worker's detail and of what a cancel did.

use utoipa::openapi::schema::{Object, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{CancelAnswer, ConversationSummary, WorkerDetail, WorkerSummary};
use crate::id::RunId;
use crate::schema::{Component, object_schema, tagged_union};

/// One object with all fields: client generators make classes of `allOf` that are hard to use.
impl PartialSchema for WorkerDetail {
    fn schema() -> RefOr<Schema> {
        let mut object = object_schema::<WorkerSummary>();
        object.description = Some("One worker, whole.".to_owned());
        let mut conversation = Ref::from_schema_name(ConversationSummary::name());
        conversation.description =
            "Where its conversation stands; absent where the runtime keeps none.".to_owned();
        let properties = &mut object.properties;
        properties.insert("conversation".to_owned(), conversation.into());
        object.into()
    }
}

impl ToSchema for WorkerDetail {
    fn schemas(components: &mut Vec<Component>) {
        WorkerSummary::schemas(components);
        components.push((
            ConversationSummary::name().into_owned(),
            ConversationSummary::schema(),
        ));
        ConversationSummary::schemas(components);
    }
}

/// The variants of [`CancelAnswer`], for the derive.
#[derive(ToSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
enum Variants {
    /// The run has ended as cancelled.
    Cancelled {
        /// The run.
        run_id: RunId,
    },
    /// There was no active run.
    NotRunning,
}

impl PartialSchema for CancelAnswer {
    fn schema() -> RefOr<Schema> {
        let (mut union, _) = tagged_union::<Variants>("result", "Result", &Object::new());
        union.description = Some("What a cancel did.".to_owned());
        Schema::OneOf(union).into()
    }
}

impl ToSchema for CancelAnswer {
    fn schemas(components: &mut Vec<Component>) {
        components.extend(tagged_union::<Variants>("result", "Result", &Object::new()).1);
        Variants::schemas(components);
    }
}
