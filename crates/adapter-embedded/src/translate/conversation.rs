//! Conversations: inputs, transcripts and events.

use registry_core::SourceError;
use registry_core::port::{self, TranscriptRange};
use registry_core::projection as shown;
use worker_runtime as runtime;

use super::latest::LatestRun;
use super::worker::{idempotency_key, replay};
use super::{cursor, run_id, runtime_cursor};

pub(crate) fn input(input: port::Input) -> Result<runtime::Input, SourceError> {
    Ok(runtime::Input {
        content: input.content,
        idempotency_key: input
            .idempotency_key
            .as_ref()
            .map(idempotency_key)
            .transpose()?,
    })
}

pub(crate) fn accepted(accepted: runtime::Accepted) -> port::InputReceipt {
    port::InputReceipt {
        accepted: shown::AcceptedInput {
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

pub(crate) fn transcript_page(page: runtime::TranscriptPage) -> shown::TranscriptPage {
    let mut runs = LatestRun::default();
    let entries = page.entries.into_iter();
    shown::TranscriptPage {
        entries: entries.map(|each| entry(each, &mut runs)).collect(),
        first_sequence: page.bounds.first_sequence,
        last_sequence: page.bounds.last_sequence,
        has_earlier: page.has_earlier,
        has_later: page.has_later,
        pruned_before: page.bounds.pruned_before,
        in_flight: page.in_flight.map(|in_flight| shown::InFlightText {
            run_id: run_id(in_flight.run_id),
            text: in_flight.text,
        }),
        cursor: cursor(page.cursor),
    }
}

fn entry(entry: runtime::Entry, runs: &mut LatestRun) -> shown::TranscriptEntry {
    shown::TranscriptEntry {
        sequence: entry.sequence,
        role: match entry.role {
            runtime::Role::User => shown::EntryRole::User,
            runtime::Role::Assistant => shown::EntryRole::Assistant,
        },
        content: entry.content,
        run_id: runs.or_translate(&entry.run_id, |id| run_id(*id)),
        created_at: entry.at,
        partial: entry.partial,
    }
}

pub(crate) fn events_query(query: &port::EventsQuery) -> runtime::EventsQuery {
    runtime::EventsQuery {
        after: query.after.map(runtime_cursor),
        limit: Some(query.limit.get()),
        wait: query.wait.get(),
    }
}

pub(crate) fn event_batch(batch: runtime::EventBatch) -> shown::EventBatch {
    let mut runs = LatestRun::default();
    let events = batch.events.into_iter();
    shown::EventBatch {
        events: events.map(|each| event(each, &mut runs)).collect(),
        next_cursor: cursor(batch.next_cursor),
        caught_up: batch.caught_up,
    }
}

// Inlined, so that the events of a batch are made where they stay.
#[inline(always)]
fn event(event: runtime::Event, runs: &mut LatestRun) -> shown::WorkerEvent {
    use runtime::EventKind as Happened;
    let mut run_id = |id| runs.or_translate(&id, |id| run_id(*id));
    let kind = match event.kind {
        Happened::WorkerCreated => shown::EventKind::WorkerCreated,
        Happened::InputAccepted {
            run_id: run,
            sequence,
        } => shown::EventKind::InputAccepted {
            run_id: run_id(run),
            sequence,
        },
        Happened::OutputDelta { run_id: run, text } => shown::EventKind::OutputDelta {
            run_id: run_id(run),
            text: text.as_str().into(),
        },
        Happened::RunFinished {
            run_id: run,
            outcome: how,
            sequence,
            usage: used,
            error_code: why,
        } => shown::EventKind::RunFinished {
            run_id: run_id(run),
            outcome: outcome(how),
            sequence,
            usage: used.map(usage),
            error_code: why.map(error_code),
        },
        Happened::WorkerStopped => shown::EventKind::WorkerStopped,
    };
    shown::WorkerEvent {
        cursor: cursor(event.cursor),
        at: event.at,
        kind,
    }
}

pub(super) fn outcome(outcome: runtime::RunOutcome) -> shown::RunOutcome {
    match outcome {
        runtime::RunOutcome::Completed => shown::RunOutcome::Completed,
        runtime::RunOutcome::Cancelled => shown::RunOutcome::Cancelled,
        runtime::RunOutcome::Failed => shown::RunOutcome::Failed,
        runtime::RunOutcome::TimedOut => shown::RunOutcome::TimedOut,
    }
}

pub(super) fn error_code(code: runtime::RunErrorCode) -> shown::RunErrorCode {
    use runtime::{EngineErrorKind as Engine, RunErrorCode as Code};
    match code {
        Code::Engine(Engine::Unauthorized) => shown::RunErrorCode::Unauthorized,
        Code::Engine(Engine::RateLimited) => shown::RunErrorCode::RateLimited,
        Code::Engine(Engine::Unreachable) => shown::RunErrorCode::Unreachable,
        Code::Engine(Engine::TimedOut) => shown::RunErrorCode::TimedOut,
        Code::Engine(Engine::InvalidResponse) => shown::RunErrorCode::InvalidResponse,
        Code::Engine(Engine::Refused) => shown::RunErrorCode::Refused,
        Code::Engine(Engine::Misconfigured) => shown::RunErrorCode::Misconfigured,
        Code::Engine(Engine::Internal) => shown::RunErrorCode::Internal,
        Code::EnginePanicked => shown::RunErrorCode::EnginePanicked,
        Code::OutputLimit => shown::RunErrorCode::OutputLimit,
        Code::Interrupted => shown::RunErrorCode::Interrupted,
    }
}

pub(super) fn usage(usage: runtime::Usage) -> shown::Usage {
    shown::Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
    }
}
