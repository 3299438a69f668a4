//! The two shapes of a worker in this crate: the record that a source gives, and the projection
//! that a client sees. They stand side by side so that a new field is one edit.

#[cfg(feature = "schema")]
mod schema;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capability::CapabilitySet;
use crate::conversation::ConversationSummary;
use crate::diagnostic::Diagnostic;
use crate::id::{DisplayRef, ProfileId, RunId, RuntimeId, WorkerId};
use crate::implementation_kind::ImplementationKind;
use crate::page::{PageToken, Position};
use crate::runtime::RuntimeDescriptor;
use crate::text::DisplayName;
use crate::worker_state::WorkerState;

/// What a source knows of one worker. The registry adds what it knows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRecord {
    /// Its id within the runtime.
    pub worker_id: WorkerId,
    /// Its name for people.
    pub display_name: DisplayName,
    /// The profile it was created with, where known.
    pub profile: Option<ProfileId>,
    /// Its model, where known.
    pub model: Option<DisplayName>,
    /// What it is doing.
    pub state: WorkerState,
    /// The run it works on, or that is queued.
    pub active_run: Option<RunId>,
    /// When it was created, where known.
    pub created_at: Option<Timestamp>,
    /// When something last happened to it, where known.
    pub last_activity_at: Option<Timestamp>,
    /// Diagnostics about it.
    pub diagnostics: Vec<Diagnostic>,
}

impl WorkerRecord {
    /// A worker of which nothing else is known.
    pub fn new(worker_id: WorkerId, display_name: DisplayName, state: WorkerState) -> Self {
        Self {
            worker_id,
            display_name,
            profile: None,
            model: None,
            state,
            active_run: None,
            created_at: None,
            last_activity_at: None,
            diagnostics: Vec::new(),
        }
    }
}

/// One worker in detail, as a source knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerDetailRecord {
    /// What a list shows of it.
    pub worker: WorkerRecord,
    /// The state of its conversation; `None` where the source keeps none.
    pub conversation: Option<ConversationSummary>,
}

impl From<WorkerRecord> for WorkerDetailRecord {
    /// A worker without a conversation.
    fn from(worker: WorkerRecord) -> Self {
        Self {
            worker,
            conversation: None,
        }
    }
}

/// Workers of one source, newest first.
#[derive(Debug, Clone, Default)]
pub struct CatalogPage {
    /// The workers.
    pub workers: Vec<WorkerRecord>,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Position>,
    /// What the page lacks, and why.
    pub diagnostics: Vec<Diagnostic>,
}

/// One worker in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkerSummary {
    /// The runtime that holds it.
    pub runtime_id: RuntimeId,
    /// Its id within that runtime.
    pub worker_id: WorkerId,
    /// `worker@runtime`, for people; never accepted as authority.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub display_ref: DisplayRef,
    /// Its name for people.
    pub display_name: DisplayName,
    /// How its runtime is implemented.
    pub implementation_kind: ImplementationKind,
    /// The profile it was created with, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub profile: Option<ProfileId>,
    /// Its model, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub model: Option<DisplayName>,
    /// What it is doing.
    pub state: WorkerState,
    /// The run it works on, or that is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub active_run: Option<RunId>,
    /// When it was created, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub created_at: Option<Timestamp>,
    /// When something last happened to it, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub last_activity_at: Option<Timestamp>,
    /// What can be asked of it.
    #[cfg_attr(
        feature = "schema",
        schema(value_type = BTreeSet<crate::capability::Capability>, max_items = 10)
    )]
    pub capabilities: CapabilitySet,
    /// Diagnostics about it.
    pub diagnostics: Vec<Diagnostic>,
}

impl WorkerSummary {
    /// What clients see of `record`. Everything that names or describes its runtime comes from
    /// what the registry knows, so that a source can't speak for another one.
    pub(crate) fn project(
        runtime: &RuntimeDescriptor,
        of_runtime: CapabilitySet,
        record: WorkerRecord,
    ) -> Self {
        Self {
            display_ref: DisplayRef::new(&record.worker_id, &runtime.runtime_id),
            runtime_id: runtime.runtime_id.clone(),
            worker_id: record.worker_id,
            display_name: record.display_name,
            implementation_kind: runtime.implementation_kind.clone(),
            profile: record.profile,
            model: record.model,
            state: record.state,
            active_run: record.active_run,
            created_at: record.created_at,
            last_activity_at: record.last_activity_at,
            capabilities: of_runtime.for_worker(record.state),
            diagnostics: record.diagnostics,
        }
    }
}

/// One worker in detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerDetail {
    /// What a list shows of it.
    #[serde(flatten)]
    pub summary: WorkerSummary,
    /// The state of its conversation; absent where the runtime keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationSummary>,
}

impl WorkerDetail {
    /// See [`WorkerSummary::project`].
    pub(crate) fn project(
        runtime: &RuntimeDescriptor,
        of_runtime: CapabilitySet,
        record: WorkerDetailRecord,
    ) -> Self {
        Self {
            summary: WorkerSummary::project(runtime, of_runtime, record.worker),
            conversation: record.conversation,
        }
    }
}

/// A page of workers, newest first within each runtime, runtimes in registration order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorkerPage {
    /// The workers.
    pub items: Vec<WorkerSummary>,
    /// Where the next page begins; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(nullable = false))]
    pub next_page_token: Option<PageToken>,
    /// What the page lacks, and why.
    pub diagnostics: Vec<Diagnostic>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_values::worker_detail;

    #[test]
    fn a_worker_serialises_without_what_is_not_known_of_it() {
        let at = Timestamp::from_millisecond(1_700_000_000_120).unwrap();
        let bare = concat!(
            r#"{"runtime_id":"backend-internal","worker_id":"w1","#,
            r#""display_ref":"w1@backend-internal","#,
            r#""display_name":"“Reviewer”","implementation_kind":"embedded","state":"running","#,
            r#""capabilities":["get_worker","send_input","cancel_run","stop_worker","#,
            r#""rename_worker","delete_worker","read_transcript","read_events"],"#,
            r#""diagnostics":[{"code":"code","severity":"info","message":"A message.","count":1}]}"#,
        );
        let json = |known| serde_json::to_string(&worker_detail(known).summary).unwrap();
        assert_eq!(json(None), bare);
        let whole = bare.replace(
            r#""state":"running","#,
            concat!(
                r#""profile":"builtin:default","model":"a-model","state":"running","active_run":"run","#,
                r#""created_at":"2023-11-14T22:13:20.12Z","#,
                r#""last_activity_at":"2023-11-14T22:13:20.12Z","#,
            ),
        );
        assert_eq!(json(Some(at)), whole);
        let read: WorkerSummary = serde_json::from_str(&whole).unwrap();
        assert_eq!(read, worker_detail(Some(at)).summary);
    }
}
