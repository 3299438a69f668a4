//! Conversations: inputs, transcripts and events.

use registry_core::SourceError;
use registry_core::port::{self, TranscriptRange};
use registry_core::projection;
use worker_runtime as runtime;

use super::diagnostic::diagnostics;
use super::id::{cursor, replay, run_id, to_runtime_cursor, to_runtime_key};
use super::run::{engine_error_code, error, outcome, usage};

pub(crate) fn input(input: port::Input) -> Result<runtime::Input, SourceError> {
    Ok(runtime::Input {
        content: input.content,
        idempotency_key: to_runtime_key(input.idempotency_key.as_ref())?,
    })
}

pub(crate) fn accepted(accepted: runtime::Accepted) -> port::InputReceipt {
    port::InputReceipt {
        accepted: projection::AcceptedInput {
            run_id: run_id(accepted.run_id),
            sequence: accepted.sequence,
            cursor: cursor(accepted.cursor),
        },
        replay: replay(accepted.replayed),
    }
}

pub(crate) fn transcript_query(query: &port::TranscriptQuery) -> runtime::TranscriptQuery {
    runtime::TranscriptQuery {
        position: match query.range {
            TranscriptRange::Newest => runtime::TranscriptPosition::Newest,
            TranscriptRange::Before(sequence) => runtime::TranscriptPosition::Before(sequence),
            TranscriptRange::After(sequence) => runtime::TranscriptPosition::After(sequence),
        },
        limit: Some(query.limit.get()),
    }
}

pub(crate) fn transcript_page(page: runtime::TranscriptPage) -> projection::TranscriptPage {
    projection::TranscriptPage {
        entries: page.entries.into_iter().map(entry).collect(),
        first_sequence: page.bounds.first_sequence,
        last_sequence: page.bounds.last_sequence,
        has_earlier: page.has_earlier,
        has_later: page.has_later,
        pruned_before: page.bounds.pruned_before,
        in_flight: page.in_flight.map(|in_flight| projection::InFlightText {
            run_id: run_id(in_flight.run_id),
            phase: phase(in_flight.phase),
            text: in_flight.text,
            reasoning: Some(in_flight.reasoning).filter(|text| !text.is_empty()),
        }),
        cursor: cursor(page.cursor),
    }
}

fn entry(entry: runtime::Entry) -> projection::TranscriptEntry {
    projection::TranscriptEntry {
        sequence: entry.sequence,
        role: match entry.role {
            runtime::Role::User => projection::EntryRole::User,
            runtime::Role::Assistant => projection::EntryRole::Assistant,
        },
        content: entry.content,
        run_id: run_id(entry.run_id),
        created_at: entry.at,
        partial: entry.partial,
        unanswered: entry.unanswered,
        reasoning: entry.reasoning,
        diagnostics: diagnostics(entry.diagnostics),
    }
}

fn phase(phase: runtime::RunPhase) -> projection::RunPhase {
    match phase {
        runtime::RunPhase::Queued => projection::RunPhase::Queued,
        runtime::RunPhase::Waiting => projection::RunPhase::Waiting,
        runtime::RunPhase::Retrying => projection::RunPhase::Retrying,
        runtime::RunPhase::Reasoning => projection::RunPhase::Reasoning,
        runtime::RunPhase::Answering => projection::RunPhase::Answering,
    }
}

pub(crate) fn events_query(query: &port::EventsQuery) -> runtime::EventsQuery {
    runtime::EventsQuery {
        after: query.after.map(to_runtime_cursor),
        limit: Some(query.limit.get()),
        wait: query.wait.get(),
        batch: query.batch.get(),
    }
}

pub(crate) fn event_batch(batch: runtime::EventBatch) -> projection::EventBatch {
    projection::EventBatch {
        events: batch.events.into_iter().map(event).collect(),
        next_cursor: cursor(batch.next_cursor),
        caught_up: batch.caught_up,
    }
}

fn event(event: runtime::Event) -> projection::WorkerEvent {
    projection::WorkerEvent {
        cursor: cursor(event.cursor),
        at: event.at,
        kind: event_kind(event.kind),
    }
}

fn event_kind(kind: runtime::EventKind) -> projection::EventKind {
    match kind {
        runtime::EventKind::WorkerCreated => projection::EventKind::WorkerCreated,
        runtime::EventKind::InputAccepted {
            run_id: id,
            sequence,
        } => projection::EventKind::InputAccepted {
            run_id: run_id(id),
            sequence,
        },
        runtime::EventKind::OutputDelta { run_id: id, text } => {
            projection::EventKind::OutputDelta {
                run_id: run_id(id),
                text,
            }
        }
        runtime::EventKind::ReasoningDelta { run_id: id, text } => {
            projection::EventKind::ReasoningDelta {
                run_id: run_id(id),
                text,
            }
        }
        runtime::EventKind::RunRetrying {
            run_id: id,
            error: kind,
            delay,
        } => projection::EventKind::RunRetrying {
            run_id: run_id(id),
            error_code: engine_error_code(kind),
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        },
        runtime::EventKind::RunFinished(finished) => {
            let failed = error(finished.error);
            projection::EventKind::RunFinished {
                run_id: run_id(finished.run_id),
                outcome: outcome(finished.outcome),
                sequence: finished.sequence,
                usage: finished.usage.and_then(usage),
                error_code: failed.code,
                error_detail: failed.detail,
                retry_after_s: failed.retry_after_s,
                diagnostics: diagnostics(finished.diagnostics),
            }
        }
        runtime::EventKind::WorkerStopped => projection::EventKind::WorkerStopped,
    }
}
