//! Projections to write, with everything that can be absent there or not.

use jiff::Timestamp;

use crate::projection::{
    Diagnostic, EntryRole, ImplementationKind, Severity, TranscriptEntry, WorkerDetail,
    WorkerState, WorkerSummary,
};
use crate::{Capability, WorkerRef};

fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn entry(created_at: Timestamp, content: &str, partial: bool) -> TranscriptEntry {
    TranscriptEntry {
        sequence: 7,
        role: EntryRole::User,
        content: content.into(),
        run_id: parsed("run"),
        created_at,
        partial,
    }
}

pub(crate) fn detail(at: Timestamp, sequence: Option<u64>) -> WorkerDetail {
    let worker = WorkerRef::new(parsed("backend-internal"), parsed("w1"));
    let summary = WorkerSummary {
        display_ref: worker.display_ref(),
        runtime_id: worker.runtime_id,
        worker_id: worker.worker_id,
        display_name: parsed("“Reviewer”"),
        implementation_kind: ImplementationKind::Embedded,
        profile: sequence.map(|_| parsed("builtin:default")),
        state: WorkerState::Running,
        active_run: sequence.map(|_| parsed("run")),
        created_at: sequence.map(|_| at),
        last_activity_at: sequence.map(|_| at),
        capabilities: Capability::ALL.into_iter().collect(),
        diagnostics: vec![Diagnostic::new("code", Severity::Info, "A message.")],
    };
    WorkerDetail {
        summary,
        conversation: None,
    }
}
