//! Schema of what a cancel did: one component for each result.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::CancelResult;
use crate::id::RunId;
use crate::schema::{Component, tagged_union};

/// The variants of [`CancelResult`], for the derive.
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

impl PartialSchema for CancelResult {
    fn schema() -> RefOr<Schema> {
        let (mut union, _) = tagged_union::<Variants>("result", "Result", &Object::new());
        union.description = Some("What a cancel did.".to_owned());
        Schema::OneOf(union).into()
    }
}

impl ToSchema for CancelResult {
    fn schemas(components: &mut Vec<Component>) {
        components.extend(tagged_union::<Variants>("result", "Result", &Object::new()).1);
        Variants::schemas(components);
    }
}
