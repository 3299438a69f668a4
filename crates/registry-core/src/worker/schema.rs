//! Schema of a worker's detail: one object with all fields, because client generators make
//! classes of `allOf` that are hard to use.

use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{WorkerDetail, WorkerSummary};
use crate::conversation::ConversationSummary;
use crate::schema::{Component, object_schema};

impl PartialSchema for WorkerDetail {
    fn schema() -> RefOr<Schema> {
        let mut object = object_schema::<WorkerSummary>();
        object.description = Some("One worker in detail.".to_owned());
        let mut conversation = Ref::from_schema_name(ConversationSummary::name());
        conversation.description =
            "The state of its conversation; absent where the runtime keeps none.".to_owned();
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
