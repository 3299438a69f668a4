//! Compares everything that a runtime shows with the reference.

use super::command::{After, CommandResult};
use super::subject::Subject;
use super::*;
use crate::error::{CursorExpired, EventsError, UnknownWorker};
use crate::reference::{self, Page, WorkerNumber};
use crate::{Epoch, EventBatch, ListQuery, TranscriptBounds, TranscriptPosition, WorkerSnapshot};

/// Checks totals, workers, lists, events and transcripts.
pub(super) fn check_everything(subject: &Subject, model: &reference::Runtime) {
    let status = subject.runtime.status();
    assert_eq!(status.workers, model.counts());
    assert_eq!(status.active_runs, model.active_runs());
    assert_eq!(status.queued_runs, model.queued_runs());
    assert_eq!(status.waiting_pollers, 0);
    assert_eq!(status.phase == Phase::Stopping, model.is_shutting_down());

    for number in 0..=model.total_created() {
        let worker_id = subject.worker_id(number);
        let snapshot = at_once(subject.runtime.get(worker_id));
        match model.get(number) {
            Ok(worker) => {
                check_worker(subject, model, number, &snapshot.unwrap());
                check_history(subject, worker, worker_id);
                check_transcript(subject, model, number, TranscriptPosition::Newest, None);
            }
            Err(_) => assert_eq!(snapshot, Err(UnknownWorker { worker_id }.into())),
        }
    }

    let mut after = None;
    let mut listed = Vec::new();
    loop {
        let query = ListQuery {
            after,
            ..ListQuery::default()
        };
        let page = at_once(subject.runtime.list(query)).unwrap();
        for worker in &page.workers {
            assert_eq!(at_once(subject.runtime.get(worker.id)).as_ref(), Ok(worker));
            listed.push(subject.numbering.worker(worker.id));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, model.known().rev().collect::<Vec<_>>());
    // With a store, reading the events has brought all workers into memory.
    let held_bytes = subject.runtime.status().held_bytes;
    assert_eq!(held_bytes, model.counted_bytes());
    assert!(held_bytes <= model.limits.total_bytes);
}

fn check_worker(
    subject: &Subject,
    model: &reference::Runtime,
    number: WorkerNumber,
    checks: &WorkerSnapshot,
) {
    let worker = model.get(number).unwrap();
    if let Some(name) = model.name(number) {
        assert_eq!(checks.display_name.as_str(), name);
    }
    let choice = (checks.profile.as_str(), checks.model.as_deref().unwrap());
    assert_eq!(choice, model.choice(number));
    assert_eq!(checks.state, worker.state());
    let active = checks.active_run.map(|run| subject.numbering.run(run));
    assert_eq!(active, worker.active_run());
    assert_eq!(checks.created_at.as_millisecond(), model.created_at(number));
    assert_eq!(
        checks.last_activity_at.as_millisecond(),
        worker.last_event_at()
    );
    assert_eq!(checks.transcript, bounds(worker));
    assert_eq!(checks.cursor, cursor(subject, worker.events().len() as u64));
    assert_eq!(checks.usage, worker.usage());
    assert_eq!(checks.diagnostics, worker.diagnostics);
    let last_run = checks
        .last_run
        .map(|last| subject.numbering.last_run(&last));
    assert_eq!(last_run, worker.last_run());
    if let Some(seen) = active.and_then(|run| subject.seen_by_engine(run)) {
        let seen = seen.iter().map(|entry| subject.numbering.line(entry));
        assert_eq!(seen.collect::<Vec<_>>(), worker.history());
    }
}

/// Reads all events that are held, page by page, as a client would.
fn check_history(subject: &Subject, worker: &reference::Worker, id: WorkerId) {
    let oldest = worker.events().len() - worker.events_held();
    let mut checks = Vec::new();
    let mut after = None;
    loop {
        let batch = read(subject, id, after, None).unwrap();
        let first = oldest as u64 + checks.len() as u64 + 1;
        let numbered = batch.events.iter().zip(first..);
        checks.extend(numbered.map(|(event, n)| subject.numbering.event(event, epoch(subject), n)));
        if batch.caught_up {
            break;
        }
        after = Some(batch.next_cursor);
    }
    assert_eq!(checks, &worker.events()[oldest..]);
}

pub(super) fn check_list(
    subject: &Subject,
    model: &reference::Runtime,
    after: Option<WorkerNumber>,
    state: Option<WorkerState>,
    limit: Option<usize>,
) -> CommandResult {
    // A worker that was never created has no position in the list.
    let after = after.filter(|number| *number < model.total_created());
    let page = at_once(subject.runtime.list(ListQuery {
        after: after.map(|number| subject.worker_id(number)),
        state,
        limit,
    }))
    .unwrap();
    let number = |id: WorkerId| subject.numbering.worker(id);
    let listed: Vec<_> = page
        .workers
        .iter()
        .map(|worker| number(worker.id))
        .collect();
    let wanted = model.list(after, state, model.limits.page(limit));
    assert_eq!((listed, page.next.map(number)), wanted);
    CommandResult::None
}

pub(super) fn check_events(
    subject: &Subject,
    model: &reference::Runtime,
    number: WorkerNumber,
    after: After,
    limit: Option<usize>,
) -> CommandResult {
    let worker_id = subject.worker_id(number);
    let position = match after {
        After::Nothing => None,
        After::Event(number) => Some(cursor(subject, number)),
        After::Foreign(number) => {
            let other = Epoch::new(epoch(subject).get().wrapping_add(1));
            Some(Cursor::new(other, number))
        }
    };
    let result = read(subject, worker_id, position, limit);
    let Ok(worker) = model.get(number) else {
        let unknown = EventsError::UnknownWorker(UnknownWorker { worker_id });
        assert_eq!(result, Err(unknown));
        return CommandResult::None;
    };
    let latest = worker.events().len() as u64;
    let oldest = latest - worker.events_held() as u64;
    let from = match after {
        After::Nothing => Some(oldest),
        After::Event(number) => Some(number).filter(|n| (oldest..=latest).contains(n)),
        After::Foreign(_) => None,
    };
    let Some(from) = from else {
        let expired = CursorExpired {
            oldest: cursor(subject, oldest),
            latest: cursor(subject, latest),
        };
        assert_eq!(result, Err(EventsError::Expired(expired)));
        return CommandResult::None;
    };
    let batch = result.unwrap();
    let to = latest.min(from + model.limits.page(limit) as u64);
    let numbered = batch.events.iter().zip(from + 1..);
    let events = numbered.map(|(event, n)| subject.numbering.event(event, epoch(subject), n));
    let wanted = usize::try_from(from).unwrap()..usize::try_from(to).unwrap();
    assert_eq!(events.collect::<Vec<_>>(), &worker.events()[wanted]);
    let end = (batch.next_cursor, batch.caught_up);
    assert_eq!(end, (cursor(subject, to), to == latest));
    CommandResult::None
}

pub(super) fn check_transcript(
    subject: &Subject,
    model: &reference::Runtime,
    number: WorkerNumber,
    position: TranscriptPosition,
    limit: Option<usize>,
) -> CommandResult {
    let worker_id = subject.worker_id(number);
    let page = at_once(
        subject
            .runtime
            .transcript(worker_id, TranscriptQuery { position, limit }),
    );
    let Ok(worker) = model.get(number) else {
        assert_eq!(page, Err(UnknownWorker { worker_id }.into()));
        return CommandResult::None;
    };
    let page = page.unwrap();
    let lines = page
        .entries
        .iter()
        .map(|entry| subject.numbering.line(entry));
    let checks = Page {
        lines: lines.collect(),
        has_earlier: page.has_earlier,
        has_later: page.has_later,
    };
    let most = model.limits.page(limit);
    let bytes = model.limits.transcript_page_bytes;
    assert_eq!(
        checks,
        Page::new(worker.lines_shown(), position, most, bytes)
    );
    assert_eq!(page.bounds, bounds(worker));
    let phase = page.in_flight.as_ref().map(|reply| reply.phase);
    assert_eq!(phase, worker.phase());
    let reply = page
        .in_flight
        .map(|reply| subject.numbering.in_flight(&reply));
    assert_eq!(reply.as_ref(), worker.in_flight());
    assert_eq!(page.cursor, cursor(subject, worker.events().len() as u64));
    CommandResult::None
}

fn read(
    subject: &Subject,
    id: WorkerId,
    after: Option<Cursor>,
    limit: Option<usize>,
) -> Result<EventBatch, EventsError> {
    let query = EventsQuery {
        after,
        limit,
        wait: Duration::ZERO,
        ..EventsQuery::default()
    };
    let read = subject.runtime.events(id, query);
    futures_util::FutureExt::now_or_never(read).expect("it doesn't wait")
}

fn bounds(worker: &reference::Worker) -> TranscriptBounds {
    let held = worker.lines_shown();
    let first = held.first().map(|line| line.number);
    TranscriptBounds {
        first_sequence: first,
        last_sequence: held.last().map(|line| line.number),
        pruned_before: first.filter(|first| *first > 1),
    }
}

fn epoch(subject: &Subject) -> Epoch {
    subject.runtime.status().epoch
}

fn cursor(subject: &Subject, number: u64) -> Cursor {
    Cursor::new(epoch(subject), number)
}
