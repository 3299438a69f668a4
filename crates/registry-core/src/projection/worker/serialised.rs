//! How a worker serialises: its fields, with the ref of both ids beside them.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::WorkerSummary;

/// Most fields of a summary.
const SUMMARY_FIELDS: usize = 12;

impl Serialize for WorkerSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("WorkerSummary", SUMMARY_FIELDS)?;
        let worker = &mut object;
        worker.serialize_field("runtime_id", &self.runtime_id)?;
        worker.serialize_field("worker_id", &self.worker_id)?;
        worker.serialize_field("display_ref", &self.display_ref())?;
        worker.serialize_field("display_name", &self.display_name)?;
        worker.serialize_field("implementation_kind", &self.implementation_kind)?;
        field_if_some(worker, "profile", self.profile.as_ref())?;
        worker.serialize_field("state", &self.state)?;
        field_if_some(worker, "active_run", self.active_run.as_ref())?;
        field_if_some(worker, "created_at", self.created_at.as_ref())?;
        field_if_some(worker, "last_activity_at", self.last_activity_at.as_ref())?;
        worker.serialize_field("capabilities", &self.capabilities)?;
        worker.serialize_field("diagnostics", &self.diagnostics)?;
        object.end()
    }
}

/// A field that is absent when there is no value.
fn field_if_some<S: SerializeStruct>(
    object: &mut S,
    name: &'static str,
    value: Option<&impl Serialize>,
) -> Result<(), S::Error> {
    match value {
        Some(value) => object.serialize_field(name, value),
        None => object.skip_field(name),
    }
}
