//! Workers: what is asked about them and what is known of them.

use registry_core::port::{self, CancelTarget, CatalogPage, Replay};
use registry_core::projection as shown;
use registry_core::{DisplayName, SourceError, WorkerId};
use worker_runtime as runtime;

use super::conversation::{error_code, outcome, usage};
use super::latest::LatestProfile;
use super::{cursor, run_id};

/// `None` when no worker of the runtime can be in the state that is asked for.
pub(crate) fn list_query(
    query: &port::CatalogQuery,
) -> Result<Option<runtime::ListQuery>, SourceError> {
    let after = match &query.after {
        None => None,
        Some(position) => Some(
            position
                .as_str()
                .parse()
                .map_err(|_| SourceError::InvalidPosition)?,
        ),
    };
    let state = match query.state {
        None => None,
        Some(shown::WorkerState::Idle) => Some(runtime::WorkerState::Idle),
        Some(shown::WorkerState::Running) => Some(runtime::WorkerState::Running),
        Some(shown::WorkerState::Cancelling) => Some(runtime::WorkerState::Cancelling),
        Some(shown::WorkerState::Stopped) => Some(runtime::WorkerState::Stopped),
        Some(shown::WorkerState::Recorded) => return Ok(None),
    };
    Ok(Some(runtime::ListQuery {
        after,
        state,
        limit: Some(query.limit.get()),
    }))
}

/// A page of records, each made as soon as the worker is seen.
pub(crate) fn worker_page(workers: &runtime::Runtime, query: runtime::ListQuery) -> CatalogPage {
    let mut profiles = LatestProfile::default();
    let page = workers.list_as(query, |worker| worker_record(worker, &mut profiles));
    CatalogPage {
        workers: page.workers,
        next: page
            .next
            .map(|id| id.with_text(|text| text.parse().expect("a UUID is a position"))),
        diagnostics: Vec::new(),
    }
}

// Inlined, so that a page's records are made where its workers are looked at.
#[inline(always)]
fn worker_record(
    worker: runtime::ListedWorker<'_>,
    profiles: &mut LatestProfile,
) -> port::WorkerRecord {
    port::WorkerRecord {
        worker_id: WorkerId::from(uuid::Uuid::from_bytes(worker.id.uuid())),
        // Both sides have the same rules for a name; without one, a worker has its id.
        display_name: match worker.display_name.as_str().parse::<DisplayName>() {
            Ok(name) => name,
            Err(_) => worker
                .id
                .with_text(|id| id.parse().expect("an id can be shown")),
        },
        profile: profiles.or_translate(worker.profile, |id| id.as_str().parse().ok()),
        state: match worker.state {
            runtime::WorkerState::Idle => shown::WorkerState::Idle,
            runtime::WorkerState::Running => shown::WorkerState::Running,
            runtime::WorkerState::Cancelling => shown::WorkerState::Cancelling,
            runtime::WorkerState::Stopped => shown::WorkerState::Stopped,
        },
        active_run: worker.active_run.map(run_id),
        created_at: Some(worker.created_at),
        last_activity_at: Some(worker.last_activity_at),
        diagnostics: of_remarks(worker.remarks),
    }
}

/// What is said of a worker whose conversation, or whose reply, no longer fits its model. There
/// is nothing to say of most, and that is seen without a call.
#[inline]
fn of_remarks(remarks: runtime::RunRemarks) -> Vec<shown::Diagnostic> {
    if remarks == runtime::RunRemarks::default() {
        return Vec::new();
    }
    of_some_remarks(remarks)
}

#[cold]
fn of_some_remarks(remarks: runtime::RunRemarks) -> Vec<shown::Diagnostic> {
    let mut said = Vec::new();
    if remarks.left_out_entries > 0 {
        let context_truncated = shown::Diagnostic::new(
            "context_truncated",
            shown::Severity::Info,
            "The model did not get the oldest entries of the conversation.",
        );
        let left_out = u32::try_from(remarks.left_out_entries).unwrap_or(u32::MAX);
        said.push(context_truncated.times(left_out));
    }
    if remarks.reply_cut_short {
        said.push(shown::Diagnostic::new(
            "reply_cut_short",
            shown::Severity::Warning,
            "The newest reply stops in the middle, at the model's own limit.",
        ));
    }
    said
}

// Inlined, so that a record of 400 bytes is made where it stays.
#[inline(always)]
pub(crate) fn worker_detail(worker: &runtime::WorkerSnapshot) -> port::WorkerDetailRecord {
    let runtime::TranscriptBounds {
        first_sequence,
        last_sequence,
        ..
    } = worker.transcript;
    let entries = first_sequence
        .zip(last_sequence)
        .map_or(0, |(first, last)| last - first + 1);
    let conversation = shown::ConversationSummary {
        transcript: shown::TranscriptBounds {
            entries,
            first_sequence,
            last_sequence,
        },
        latest_cursor: cursor(worker.cursor),
        usage: usage(worker.usage),
        last_run: worker.last_run.map(|last| shown::LastRun {
            run_id: run_id(last.run_id),
            outcome: outcome(last.outcome),
            error_code: last.error_code.map(error_code),
            finished_at: last.finished_at,
        }),
    };
    port::WorkerDetailRecord {
        worker: worker_record(worker.listed(), &mut LatestProfile::default()),
        conversation: Some(conversation),
    }
}

pub(crate) fn create_worker(
    request: port::CreateWorker,
) -> Result<runtime::CreateWorker, SourceError> {
    Ok(runtime::CreateWorker {
        display_name: request.display_name.map(|name| name.to_string()),
        profile: request.profile.map(String::from),
        idempotency_key: request
            .idempotency_key
            .as_ref()
            .map(idempotency_key)
            .transpose()?,
    })
}

pub(crate) fn created(created: &runtime::Created) -> port::CreatedWorkerRecord {
    port::CreatedWorkerRecord {
        worker: worker_detail(&created.worker),
        replay: replay(created.replayed),
    }
}

pub(crate) fn cancel_target(
    target: &CancelTarget,
) -> Result<Option<runtime::RunId>, runtime::ParseIdError> {
    target
        .named()
        .map(|run_id| run_id.as_str().parse())
        .transpose()
}

pub(crate) fn cancellation(answer: runtime::Cancellation) -> shown::CancelResult {
    match answer {
        runtime::Cancellation::Cancelled { run_id: run } => shown::CancelResult::Cancelled {
            run_id: run_id(run),
        },
        runtime::Cancellation::NotRunning => shown::CancelResult::NotRunning,
    }
}

/// The same alphabet and length on both sides; a difference would be a failure of ours.
pub(super) fn idempotency_key(
    key: &registry_core::IdempotencyKey,
) -> Result<runtime::IdempotencyKey, SourceError> {
    key.as_str().parse().map_err(SourceError::failed)
}

pub(super) fn replay(replayed: bool) -> Replay {
    if replayed {
        Replay::Replayed
    } else {
        Replay::First
    }
}
