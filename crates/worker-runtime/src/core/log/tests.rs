//! The ring and its cursors.

use super::*;
use crate::id::RunId;
use crate::limits::{DELTAS_AT_ONCE, SHARED_TEXT_BYTES, WORKER_OVERHEAD_BYTES};

const EPOCH: Epoch = Epoch::new(7);

fn log(events: usize, event_bytes: usize) -> EventLog {
    let limits = Limits {
        events,
        event_bytes,
        ..Limits::default()
    };
    EventLog::new(EPOCH, &limits)
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
fn the_oldest_events_go_when_there_are_too_many() {
    let mut log = log(3, 4_096);
    for _ in 0..5 {
        log.append(Timestamp::UNIX_EPOCH, delta("x"));
    }
    assert_eq!(sequences(&log.read(None, 10).unwrap()), [3, 4, 5]);
    assert_eq!(log.bytes(), 3 * (1 + EVENT_OVERHEAD_BYTES));
}

#[test]
fn the_oldest_events_go_when_they_are_too_large() {
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
    // The text's allocation has a length and a counter before it.
    let alone = size_of::<Step>() + 2 * size_of::<usize>();
    assert!(alone <= EVENT_OVERHEAD_BYTES);
    // The last of several deltas holds the text and the ends of all of them.
    let ends = DELTAS_AT_ONCE * size_of::<u16>();
    let left = alone + SHARED_TEXT_BYTES + ends - EVENT_OVERHEAD_BYTES;
    assert!(left <= WORKER_OVERHEAD_BYTES / 4);
}

#[test]
fn deltas_of_one_step_are_events_like_others() {
    let (mut together, mut alone) = (log(5, 4_096), log(5, 4_096));
    let words = ["a ", "bé ", "c"];
    // From all held to the oldest gone one by one, from every place to every other.
    for round in 0..9 {
        if round % 3 == 2 {
            together.append(Timestamp::UNIX_EPOCH, delta("x"));
            alone.append(Timestamp::UNIX_EPOCH, delta("x"));
        } else {
            let deltas = Deltas::of(run(), &words, usize::MAX).unwrap();
            together.append_deltas(Timestamp::UNIX_EPOCH, deltas);
            for word in words {
                alone.append(Timestamp::UNIX_EPOCH, delta(word));
            }
        }
        assert_eq!(together.bytes(), alone.bytes());
        for after in together.oldest().sequence()..=together.latest().sequence() {
            for limit in 1..6 {
                let page = together.read(Some(at(after)), limit);
                assert_eq!(page, alone.read(Some(at(after)), limit));
            }
        }
        assert_eq!(together.read(None, 9), alone.read(None, 9));
    }
}

#[test]
fn only_a_few_small_texts_are_shared() {
    let large = "x".repeat(SHARED_TEXT_BYTES);
    let many = ["x"; DELTAS_AT_ONCE + 1];
    for texts in [&["x"][..], &["x", ""], &["x", &large], &many] {
        assert!(Deltas::of(run(), texts, usize::MAX).is_none(), "{texts:?}");
    }
    assert!(Deltas::of(run(), &["x", "y"], 1).is_none());
    assert!(Deltas::of(run(), &["x", &large[1..]], usize::MAX).is_some());
    assert!(Deltas::of(run(), &many[1..], usize::MAX).is_some());
}

#[test]
fn as_many_bytes_are_held_as_may_be() {
    let two = 2 * (EVENT_OVERHEAD_BYTES + 1);
    let mut log = log(8, two);
    for _ in 0..2 {
        log.append(Timestamp::UNIX_EPOCH, delta("x"));
    }
    assert_eq!((log.bytes(), log.oldest()), (two, at(0)));
    log.append(Timestamp::UNIX_EPOCH, delta("x"));
    assert_eq!((log.bytes(), log.oldest()), (two, at(1)));
}
