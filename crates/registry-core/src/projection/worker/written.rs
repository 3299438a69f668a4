//! How workers are written, alone and whole: one object each. By hand, because what `flatten`
//! derives goes through a map, where a field's name is a string like any other.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{WorkerDetail, WorkerSummary};
use crate::projection::field_if_some;

/// Most fields of a summary.
const SUMMARY_FIELDS: usize = 12;
/// Most fields of a detail: the summary's, and its conversation.
const DETAIL_FIELDS: usize = SUMMARY_FIELDS + 1;

impl WorkerSummary {
    #[inline]
    fn serialize_fields<S: SerializeStruct>(&self, worker: &mut S) -> Result<(), S::Error> {
        worker.serialize_field("runtime_id", &self.runtime_id)?;
        worker.serialize_field("worker_id", &self.worker_id)?;
        worker.serialize_field("display_ref", &self.display_ref)?;
        worker.serialize_field("display_name", &self.display_name)?;
        worker.serialize_field("implementation_kind", &self.implementation_kind)?;
        field_if_some(worker, "profile", self.profile.as_ref())?;
        worker.serialize_field("state", &self.state)?;
        field_if_some(worker, "active_run", self.active_run.as_ref())?;
        field_if_some(worker, "created_at", self.created_at.as_ref())?;
        field_if_some(worker, "last_activity_at", self.last_activity_at.as_ref())?;
        worker.serialize_field("capabilities", &self.capabilities)?;
        worker.serialize_field("diagnostics", &self.diagnostics)
    }
}

impl Serialize for WorkerSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut worker = serializer.serialize_struct("WorkerSummary", SUMMARY_FIELDS)?;
        self.serialize_fields(&mut worker)?;
        worker.end()
    }
}

impl Serialize for WorkerDetail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut worker = serializer.serialize_struct("WorkerDetail", DETAIL_FIELDS)?;
        self.summary.serialize_fields(&mut worker)?;
        field_if_some(&mut worker, "conversation", self.conversation.as_ref())?;
        worker.end()
    }
}
