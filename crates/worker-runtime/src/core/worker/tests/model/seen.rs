//! Everything that can be seen of a worker, compared with the reference.

use super::{Model, Subject};
use crate::core::worker::Admission;
use crate::core::worker::tests::*;
use crate::query::TranscriptPosition;
use crate::reference::{Fact, Page, Place};
use crate::snapshot::TranscriptBounds;

/// Numbers beyond the latest one to ask for as well.
const FUTURE: u64 = 2;

/// State, run, and what a snapshot says.
pub(super) fn check_state(subject: &Subject, model: &Model) {
    let (snapshot, wanted) = (subject.worker.snapshot(&birth()), &model.worker);
    assert_eq!(snapshot.state, wanted.state());
    let active = snapshot.active_run.map(|run| subject.names.run(run));
    assert_eq!(active, wanted.active_run());
    assert_eq!(snapshot.usage, wanted.usage);
    assert_eq!(snapshot.remarks, wanted.remarks);
    assert_eq!(snapshot.created_at, NOW);
    assert_eq!(
        snapshot.last_activity_at.as_millisecond(),
        wanted.last_event_at()
    );
    let last_run = snapshot.last_run.map(|last| subject.names.last_run(&last));
    assert_eq!(last_run, wanted.last_end());
}

/// Which events there are, from each position.
pub(super) fn check_events(subject: &Subject, model: &Model) {
    let (all, held) = (model.worker.events(), model.worker.events_held());
    let (latest, epoch) = (all.len() as u64, Epoch::new(1));
    let oldest = latest - held as u64;
    assert_eq!(subject.worker.cursor(), Cursor::new(epoch, latest));

    let expired = crate::error::CursorExpired {
        oldest: Cursor::new(epoch, oldest),
        latest: Cursor::new(epoch, latest),
    };
    let foreign = Cursor::new(Epoch::new(2), latest);
    assert_eq!(subject.worker.read(Some(foreign), 1), Err(expired));
    for after in 0..=latest + FUTURE {
        let read = subject
            .worker
            .read(Some(Cursor::new(epoch, after)), usize::MAX);
        if !(oldest..=latest).contains(&after) {
            assert_eq!(read, Err(expired), "after {after}");
            continue;
        }
        let batch = read.unwrap();
        assert!(batch.caught_up);
        let numbered = batch.events.iter().zip(after + 1..);
        let events = numbered.map(|(event, number)| subject.names.event(event, epoch, number));
        let wanted = &all[usize::try_from(after).unwrap()..];
        assert_eq!(events.collect::<Vec<_>>(), wanted, "after {after}");
    }

    // Whatever the reference says, a run ends exactly once.
    let count = |is: fn(&Fact) -> bool| all.iter().filter(|event| is(&event.fact)).count();
    let begun = count(|fact| matches!(fact, Fact::Accepted { .. }));
    let ended = count(|fact| matches!(fact, Fact::Ended { .. }));
    assert_eq!(
        begun - ended,
        usize::from(model.worker.active_run().is_some())
    );
}

/// What is held of the transcript, each page of it, and the reply in progress.
pub(super) fn check_transcript(subject: &Subject, model: &Model) {
    let held = model.worker.lines_held();
    let entries = everything_held(&subject.worker);
    let lines: Vec<_> = entries.iter().map(|e| subject.names.line(e)).collect();
    assert_eq!(lines, held);
    let first = held.first().map(|line| line.number);
    let bounds = TranscriptBounds {
        first_sequence: first,
        last_sequence: held.last().map(|line| line.number),
        pruned_before: first.filter(|first| *first > 1),
    };
    assert_eq!(subject.worker.bounds(), bounds);

    let numbers = 0..=model.worker.lines().len() as u64 + FUTURE;
    let newest = (TranscriptPosition::Newest, Place::Newest);
    let before = |n| (TranscriptPosition::Before(n), Place::Before(n));
    let after = |n| (TranscriptPosition::After(n), Place::After(n));
    let places = numbers.clone().map(before).chain(numbers.map(after));
    let page_bytes = model.limits.transcript_page_bytes;
    for (position, place) in places.chain([newest]) {
        for most in [1, 3] {
            let slice = subject.worker.slice(position, most);
            let lines = slice.entries.iter().map(|entry| subject.names.line(entry));
            let page = Page {
                lines: lines.collect(),
                has_earlier: slice.has_earlier,
                has_later: slice.has_later,
            };
            assert_eq!(page, Page::of(held, place, most, page_bytes), "{place:?}");
        }
    }

    let reply = subject.worker.in_flight();
    let reply = reply.map(|(run, pieces)| (subject.names.run(run), pieces.concat()));
    let wanted = model.worker.in_flight();
    assert_eq!(reply, wanted.map(|reply| (reply.run, reply.text.clone())));
}

/// What the worker counts, and what it could come to count.
pub(super) fn check_bytes(subject: &Subject, model: &Model) {
    assert_eq!(subject.worker.held_bytes(), model.worker.held_bytes());
    assert!(model.worker.held_bytes() <= model.worker.counted_bytes());
    let next = keyed(run(u32::MAX), "next", "next");
    if let Ok(Admission::Start { ceiling_bytes }) = subject.worker.admit(&next) {
        assert_eq!(ceiling_bytes, model.worker.most_bytes("next", Some("next")));
    }
}
