//! Workers: requests about them, and the registry's records of them.

use registry_core::port::{self, CancelTarget, CatalogPage};
use registry_core::projection;
use registry_core::{DisplayName, SourceError};
use worker_runtime as runtime;

use super::diagnostic::diagnostics;
use super::id::{cursor, replay, run_id, to_runtime_key, worker_id};
use super::run::{error, outcome, usage_totals};

/// The record of a worker that was read from the runtime.
fn worker_record(worker: &runtime::WorkerSnapshot) -> port::WorkerRecord {
    let worker_id = worker_id(worker.id);
    // Both sides have the same rules for a name; without one, a worker has its id.
    let display_name = worker.display_name.as_str().parse::<DisplayName>();
    let display_name = display_name.or_else(|_| worker_id.as_str().parse());
    port::WorkerRecord {
        display_name: display_name.expect("an id can be shown"),
        worker_id,
        profile: worker.profile.as_str().parse().ok(),
        model: worker.model.as_deref().and_then(DisplayName::cleaned),
        state: match worker.state {
            runtime::WorkerState::Idle => projection::WorkerState::Idle,
            runtime::WorkerState::Queued => projection::WorkerState::Queued,
            runtime::WorkerState::Running => projection::WorkerState::Running,
            runtime::WorkerState::Cancelling => projection::WorkerState::Cancelling,
            runtime::WorkerState::Stopped => projection::WorkerState::Stopped,
        },
        active_run: worker.active_run.map(run_id),
        created_at: Some(worker.created_at),
        last_activity_at: Some(worker.last_activity_at),
        diagnostics: diagnostics(worker.diagnostics),
    }
}

/// The record of a worker with the state of its conversation.
pub(crate) fn worker_detail(worker: &runtime::WorkerSnapshot) -> port::WorkerDetailRecord {
    let bounds = worker.transcript;
    let first_and_last = bounds.first_sequence.zip(bounds.last_sequence);
    let conversation = projection::ConversationSummary {
        transcript: projection::TranscriptBounds {
            entries: first_and_last.map_or(0, |(first, last)| last - first + 1),
            first_sequence: bounds.first_sequence,
            last_sequence: bounds.last_sequence,
        },
        latest_cursor: cursor(worker.cursor),
        usage: usage_totals(worker.usage),
        last_run: worker.last_run.map(last_run),
    };
    port::WorkerDetailRecord {
        worker: worker_record(worker),
        conversation: Some(conversation),
    }
}

fn last_run(last: runtime::LastRun) -> projection::LastRun {
    let failed = error(last.error);
    projection::LastRun {
        run_id: run_id(last.run_id),
        outcome: outcome(last.outcome),
        error_code: failed.code,
        error_detail: failed.detail,
        retry_after_s: failed.retry_after_s,
        finished_at: last.finished_at,
    }
}

/// `None` when no worker of the runtime can be in the requested state.
pub(crate) fn list_query(
    query: &port::CatalogQuery,
) -> Result<Option<runtime::ListQuery>, SourceError> {
    let after = query
        .after
        .as_ref()
        .map(|position| position.as_str().parse());
    let after = after
        .transpose()
        .map_err(|_| SourceError::InvalidPosition)?;
    let state = match query.state {
        None => None,
        Some(projection::WorkerState::Idle) => Some(runtime::WorkerState::Idle),
        Some(projection::WorkerState::Queued) => Some(runtime::WorkerState::Queued),
        Some(projection::WorkerState::Running) => Some(runtime::WorkerState::Running),
        Some(projection::WorkerState::Cancelling) => Some(runtime::WorkerState::Cancelling),
        Some(projection::WorkerState::Stopped) => Some(runtime::WorkerState::Stopped),
        Some(projection::WorkerState::Recorded) => return Ok(None),
    };
    Ok(Some(runtime::ListQuery {
        after,
        state,
        limit: Some(query.limit.get()),
    }))
}

pub(crate) fn worker_page(page: &runtime::WorkerPage) -> CatalogPage {
    let position = |id: runtime::WorkerId| id.to_string().parse();
    CatalogPage {
        workers: page.workers.iter().map(worker_record).collect(),
        next: page
            .next
            .map(|id| position(id).expect("a UUID is a position")),
        diagnostics: Vec::new(),
    }
}

pub(crate) fn create_worker(
    request: port::CreateWorker,
) -> Result<runtime::CreateWorker, SourceError> {
    Ok(runtime::CreateWorker {
        display_name: request.display_name.map(|name| name.to_string()),
        profile: request.profile.map(String::from),
        model: request.model.map(|name| name.to_string()),
        idempotency_key: to_runtime_key(request.idempotency_key.as_ref())?,
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

pub(crate) fn cancellation(result: runtime::Cancellation) -> projection::CancelResult {
    match result {
        runtime::Cancellation::Cancelled { run_id: id } => {
            projection::CancelResult::Cancelled { run_id: run_id(id) }
        }
        runtime::Cancellation::NotRunning => projection::CancelResult::NotRunning,
    }
}
