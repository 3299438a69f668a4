//! Conversations: inputs, transcripts and events.

use registry_core::SourceError;
use registry_core::port::{self, TranscriptRange};
use registry_core::projection;
use worker_runtime as runtime;

use super::id::{cursor, replay, run_id, to_runtime_cursor, to_runtime_key};
use super::run::{error_code, outcome, usage};

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
            text: in_flight.text,
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
    }
}

pub(crate) fn events_query(query: &port::EventsQuery) -> runtime::EventsQuery {
    runtime::EventsQuery {
        after: query.after.map(to_runtime_cursor),
        limit: Some(query.limit.get()),
        wait: query.wait.get(),
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
        runtime::EventKind::RunFinished {
            run_id: id,
            outcome: ended,
            sequence,
            usage: used,
            error_code: code,
        } => projection::EventKind::RunFinished {
            run_id: run_id(id),
            outcome: outcome(ended),
            sequence,
            usage: used.map(usage),
            error_code: code.map(error_code),
        },
        runtime::EventKind::WorkerStopped => projection::EventKind::WorkerStopped,
    }
}
