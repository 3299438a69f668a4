//! The examples of the document: real values of the real types, so that they can't rot.

use jiff::Timestamp;
use registry_core::page::PageLimit;
use registry_core::projection::{
    AcceptedInput, CancelResult, ConversationSummary, EntryRole, EventBatch, EventKind, Facilities,
    ImplementationKind, LastRun, Limit, LimitUnit, ModelSummary, ProfileSummary, RunOutcome,
    RuntimeCounts, RuntimeStatus, RuntimeSummary, TranscriptBounds, TranscriptEntry,
    TranscriptPage, Usage, WorkerDetail, WorkerEvent, WorkerPage, WorkerState, WorkerSummary,
    WorkersByState,
};
use registry_core::{Capability, CapabilitySet, Cursor, FixedText, RunId, WorkerId, WorkerRef};
use serde::Serialize;
use serde_json::{Value, json};

use crate::wire::{
    API_VERSION, CancelRunBody, CreateWorkerBody, Health, HealthStatus, Readiness, ReadinessStatus,
    RuntimeList, SendInputBody, WorkspaceInfo,
};

const SOUND: &str = "the examples are sound; a test makes each of them";
/// 2026-01-05T09:30:00Z.
const START: i64 = 1_767_605_400;

pub(crate) fn empty() -> Value {
    json!({})
}

pub(crate) fn workspace() -> Value {
    value(&WorkspaceInfo {
        display_name: "Yoi".parse().expect(SOUND),
        server_version: FixedText::new(env!("CARGO_PKG_VERSION")),
        api_version: API_VERSION,
        started_at: at(0),
        limits: vec![Limit::new("body_bytes", LimitUnit::Bytes, 1_048_576)],
    })
}

pub(crate) fn runtimes() -> Value {
    value(&RuntimeList {
        items: vec![a_runtime()],
    })
}

pub(crate) fn runtime() -> Value {
    value(&a_runtime())
}

pub(crate) fn create_worker() -> Value {
    value(&CreateWorkerBody {
        display_name: Some("Reviewer".parse().expect(SOUND)),
        profile: None,
    })
}

pub(crate) fn worker_detail() -> Value {
    value(&a_worker(WorkerState::Idle))
}

pub(crate) fn stopped_worker() -> Value {
    value(&a_worker(WorkerState::Stopped))
}

pub(crate) fn worker_page() -> Value {
    value(&WorkerPage {
        items: vec![a_worker(WorkerState::Idle).summary],
        next_page_token: None,
        diagnostics: Vec::new(),
    })
}

pub(crate) fn send_input() -> Value {
    value(&SendInputBody {
        content: "What does this project do?".to_owned(),
    })
}

pub(crate) fn accepted_input() -> Value {
    value(&AcceptedInput {
        run_id: run_id(),
        sequence: 1,
        cursor: Cursor::new(1, 2),
    })
}

pub(crate) fn cancel_run() -> Value {
    value(&CancelRunBody {
        run_id: Some(run_id()),
    })
}

pub(crate) fn cancelled() -> Value {
    value(&CancelResult::Cancelled { run_id: run_id() })
}

pub(crate) fn transcript() -> Value {
    let entry = |sequence, role, content: &str| TranscriptEntry {
        sequence,
        role,
        content: content.into(),
        run_id: run_id(),
        created_at: at(60),
        partial: false,
    };
    value(&TranscriptPage {
        entries: vec![
            entry(1, EntryRole::User, "What does this project do?"),
            entry(2, EntryRole::Assistant, "It serves a workspace."),
        ],
        first_sequence: Some(1),
        last_sequence: Some(2),
        has_earlier: false,
        has_later: false,
        pruned_before: None,
        in_flight: None,
        cursor: Cursor::new(1, 4),
    })
}

pub(crate) fn events() -> Value {
    let event = |sequence, kind| WorkerEvent {
        cursor: Cursor::new(1, sequence),
        at: at(60),
        kind,
    };
    value(&EventBatch {
        events: vec![
            event(
                3,
                EventKind::OutputDelta {
                    run_id: run_id(),
                    text: "It serves a workspace.".into(),
                },
            ),
            event(
                4,
                EventKind::RunFinished {
                    run_id: run_id(),
                    outcome: RunOutcome::Completed,
                    sequence: Some(2),
                    usage: Some(usage()),
                    error_code: None,
                },
            ),
        ],
        next_cursor: Cursor::new(1, 4),
        caught_up: true,
    })
}

pub(crate) fn health() -> Value {
    value(&Health {
        status: HealthStatus::Ok,
    })
}

pub(crate) fn readiness() -> Value {
    value(&Readiness {
        status: ReadinessStatus::Ready,
    })
}

pub(crate) fn metrics() -> Value {
    json!(
        "# HELP yoi_http_connections Open connections.\n\
         # TYPE yoi_http_connections gauge\n\
         yoi_http_connections 1\n# EOF\n"
    )
}

pub(crate) fn document() -> Value {
    json!({ "openapi": super::OPENAPI_VERSION, "info": {}, "paths": {}, "components": {} })
}

pub(crate) fn run_id() -> RunId {
    "01980000-0000-7000-8000-0000000000aa".parse().expect(SOUND)
}

fn worker_id() -> WorkerId {
    "01980000-0000-7000-8000-000000000001".parse().expect(SOUND)
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).expect(SOUND)
}

fn usage() -> Usage {
    Usage {
        input_tokens: 12,
        output_tokens: 4,
    }
}

fn a_runtime() -> RuntimeSummary {
    RuntimeSummary {
        runtime_id: "backend-internal".parse().expect(SOUND),
        display_name: "Backend internal".parse().expect(SOUND),
        implementation_kind: ImplementationKind::EMBEDDED,
        status: RuntimeStatus::Available,
        capabilities: Capability::ALL.into_iter().collect(),
        facilities: Facilities::default(),
        model: Some(ModelSummary {
            name: "gpt-5-mini".parse().expect(SOUND),
            offline: false,
        }),
        profiles: vec![ProfileSummary {
            profile_id: "builtin:default".parse().expect(SOUND),
            description: "Answers questions about the workspace."
                .parse()
                .expect(SOUND),
        }],
        limits: vec![Limit::new("page_items", LimitUnit::Count, page_items())],
        counts: Some(RuntimeCounts {
            workers: WorkersByState {
                idle: 1,
                ..WorkersByState::default()
            },
            active_runs: 0,
            waiting_pollers: 0,
            held_bytes: 4096,
        }),
        observed_at: at(90),
        diagnostics: Vec::new(),
    }
}

fn a_worker(state: WorkerState) -> WorkerDetail {
    let of_runtime: CapabilitySet = Capability::ALL.into_iter().collect();
    let worker = WorkerRef::new("backend-internal".parse().expect(SOUND), worker_id());
    WorkerDetail {
        summary: WorkerSummary {
            display_ref: worker.display_ref(),
            runtime_id: worker.runtime_id,
            worker_id: worker.worker_id,
            display_name: "Reviewer".parse().expect(SOUND),
            implementation_kind: ImplementationKind::EMBEDDED,
            profile: Some("builtin:default".parse().expect(SOUND)),
            state,
            active_run: None,
            created_at: Some(at(30)),
            last_activity_at: Some(at(60)),
            capabilities: of_runtime.for_worker(state),
            diagnostics: Vec::new(),
        },
        conversation: Some(ConversationSummary {
            transcript: TranscriptBounds {
                entries: 2,
                first_sequence: Some(1),
                last_sequence: Some(2),
            },
            latest_cursor: Cursor::new(1, 4),
            usage: usage(),
            last_run: Some(LastRun {
                run_id: run_id(),
                outcome: RunOutcome::Completed,
                error_code: None,
                finished_at: at(60),
            }),
        }),
    }
}

fn page_items() -> u64 {
    u64::try_from(PageLimit::default().get()).expect(SOUND)
}

fn value(example: &impl Serialize) -> Value {
    serde_json::to_value(example).expect(SOUND)
}
