//! How a worker serialises: its fields, with the ref of both ids beside them.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Diagnostic, ImplementationKind, WorkerState, WorkerSummary};
use crate::capability::CapabilitySet;
use crate::id::{DisplayRef, ProfileId, RunId, RuntimeId, WorkerId};
use crate::text::DisplayName;

#[derive(Serialize)]
struct WithDisplayRef<'a> {
    runtime_id: &'a RuntimeId,
    worker_id: &'a WorkerId,
    display_ref: DisplayRef,
    display_name: &'a DisplayName,
    implementation_kind: ImplementationKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a ProfileId>,
    state: WorkerState,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_run: Option<&'a RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activity_at: Option<Timestamp>,
    capabilities: CapabilitySet,
    diagnostics: &'a [Diagnostic],
}

impl Serialize for WorkerSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = WithDisplayRef {
            runtime_id: &self.runtime_id,
            worker_id: &self.worker_id,
            display_ref: self.display_ref(),
            display_name: &self.display_name,
            implementation_kind: self.implementation_kind,
            profile: self.profile.as_ref(),
            state: self.state,
            active_run: self.active_run.as_ref(),
            created_at: self.created_at,
            last_activity_at: self.last_activity_at,
            capabilities: self.capabilities,
            diagnostics: &self.diagnostics,
        };
        shown.serialize(serializer)
    }
}
