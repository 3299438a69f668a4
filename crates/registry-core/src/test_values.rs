//! Values for unit tests.

use jiff::Timestamp;

use crate::capability::Capability;
use crate::diagnostic::{Diagnostic, Severity};
use crate::implementation_kind::ImplementationKind;
use crate::port::{RuntimeDescriptor, WorkerRecord};
use crate::projection::{Facilities, WorkerDetail, WorkerState};

pub(crate) fn descriptor(runtime_id: &str) -> RuntimeDescriptor {
    RuntimeDescriptor {
        runtime_id: runtime_id.parse().unwrap(),
        display_name: "A runtime".parse().unwrap(),
        implementation_kind: ImplementationKind::EMBEDDED,
        facilities: Facilities::default(),
        models: Vec::new(),
        limits: Vec::new(),
    }
}

/// A worker with everything that may be absent, or with nothing of it.
pub(crate) fn worker_detail(known: Option<Timestamp>) -> WorkerDetail {
    let name = "“Reviewer”".parse().unwrap();
    let record = WorkerRecord {
        profile: known.map(|_| "builtin:default".parse().unwrap()),
        model: known.map(|_| "a-model".parse().unwrap()),
        active_run: known.map(|_| "run".parse().unwrap()),
        created_at: known,
        last_activity_at: known,
        diagnostics: vec![Diagnostic::new("code", Severity::Info, "A message.")],
        ..WorkerRecord::new("w1".parse().unwrap(), name, WorkerState::Running)
    };
    let of_runtime = Capability::ALL.into_iter().collect();
    WorkerDetail::project(&descriptor("backend-internal"), of_runtime, record.into())
}
