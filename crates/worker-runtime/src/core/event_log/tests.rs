//! The ring and its cursors.

use super::*;
use crate::id::RunId;

const EPOCH: Epoch = Epoch::new(7);

fn log(events: usize, event_bytes: usize) -> EventLog {
    let limits = Limits {
        events,
        event_bytes,
        ..Limits::default()
    };
    EventLog::starting_after(0, EPOCH, &limits)
}

fn run() -> RunId {
    let id = "0198c0de-0000-7000-8000-000000000001";
    id.parse().unwrap()
}

fn delta(text: &str) -> EventKind {
    EventKind::OutputDelta {
        run_id: run(),
        text: text.into(),
    }
}

fn at(sequence: u64) -> Cursor {
    Cursor::new(EPOCH, sequence)
}

fn sequences(page: &EventBatch) -> Vec<u64> {
    page.events
        .iter()
        .map(|event| event.cursor.sequence())
        .collect()
}

#[test]
fn an_empty_log_is_read_from_its_beginning() {
    let page = log(4, 4_096).read(None, 10).unwrap();
    assert_eq!(sequences(&page), [0_u64; 0]);
    assert_eq!((page.next_cursor, page.caught_up), (at(0), true));
}

#[test]
fn pages_follow_one_another_without_gaps() {
    let mut log = log(8, 4_096);
    for _ in 0..5 {
        log.append(Timestamp::UNIX_EPOCH, delta("x"));
    }
    let first = log.read(None, 2).unwrap();
    assert_eq!((sequences(&first), first.caught_up), (vec![1, 2], false));
    let second = log.read(Some(first.next_cursor), 2).unwrap();
    assert_eq!((sequences(&second), second.caught_up), (vec![3, 4], false));
    let third = log.read(Some(second.next_cursor), 2).unwrap();
    assert_eq!((sequences(&third), third.caught_up), (vec![5], true));
    let end = log.read(Some(third.next_cursor), 2).unwrap();
    assert_eq!((sequences(&end), end.next_cursor), (vec![], at(5)));
}

#[test]
fn the_oldest_events_are_dropped_when_there_are_too_many() {
    let mut log = log(3, 4_096);
    for _ in 0..5 {
        log.append(Timestamp::UNIX_EPOCH, delta("x"));
    }
    assert_eq!(sequences(&log.read(None, 10).unwrap()), [3, 4, 5]);
    assert_eq!(log.bytes(), 3 * (1 + EVENT_OVERHEAD_BYTES));
}

#[test]
fn the_oldest_events_are_dropped_when_they_are_too_large() {
    let mut log = log(100, 1_000);
    for _ in 0..5 {
        log.append(Timestamp::UNIX_EPOCH, delta(&"x".repeat(300)));
        assert!(log.bytes() <= 1_000);
    }
    assert_eq!(sequences(&log.read(None, 10).unwrap()), [4, 5]);
}

#[test]
fn a_cursor_that_cannot_be_resumed_from_is_expired_and_never_clamped() {
    let mut log = log(3, 4_096);
    for _ in 0..5 {
        log.append(Timestamp::UNIX_EPOCH, delta("x"));
    }
    let expired = Err(CursorExpired {
        oldest: at(2),
        latest: at(5),
    });
    assert_eq!(log.read(Some(at(1)), 10), expired);
    assert_eq!(log.read(Some(at(6)), 10), expired);
    assert_eq!(log.read(Some(Cursor::new(Epoch::new(8), 3)), 10), expired);
    assert!(log.read(Some(at(2)), 10).is_ok());
    assert!(log.read(Some(at(5)), 10).is_ok());
}

#[test]
fn an_event_counts_for_no_less_than_it_takes() {
    // The text's allocation has two counters before it.
    let least = size_of::<Event>() + 2 * size_of::<usize>();
    assert!(least <= EVENT_OVERHEAD_BYTES, "{least}");
}

#[test]
fn the_text_of_reasoning_counts_as_that_of_a_reply_does() {
    let mut log = log(8, 4_096);
    let (run_id, text) = (run(), "hello".into());
    log.append(
        Timestamp::UNIX_EPOCH,
        EventKind::ReasoningDelta { run_id, text },
    );
    assert_eq!(log.bytes(), EVENT_OVERHEAD_BYTES + 5);
}

#[test]
fn the_log_holds_as_many_bytes_as_the_limit() {
    let two = 2 * (EVENT_OVERHEAD_BYTES + 1);
    let mut log = log(8, two);
    for _ in 0..2 {
        log.append(Timestamp::UNIX_EPOCH, delta("x"));
    }
    assert_eq!((log.bytes(), log.oldest()), (two, at(0)));
    log.append(Timestamp::UNIX_EPOCH, delta("x"));
    assert_eq!((log.bytes(), log.oldest()), (two, at(1)));
}
