//! What each read finds, and how much of it.

use super::{
    ALL, Fixture, Subject, accept, at, create, ended, finish, input, keyed, replied, worker,
};
use crate::id::WorkerId;
use crate::store::{Change, StoredState, StoredWorker, Window};
use crate::transcript::{Entry, TranscriptPosition};

/// The index is in the order of the ids, whatever the order of the creates.
pub async fn the_index_has_every_worker_in_order(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let mut ids = [(); 20].map(|()| WorkerId::generate());
    for (at, id) in ids.iter().enumerate().rev() {
        let worker = StoredWorker {
            state: StoredState::ALL[at % 2],
            create_key: if at % 3 == 0 {
                keyed(&format!("{at}"))
            } else {
                None
            },
            ..worker(*id)
        };
        fixture.commit([create(worker)]).await;
    }
    fixture.commit([accept(input(ids[4], 1))]).await;
    let fixture = fixture.reopen().await;
    let index = fixture.store.index().await.expect("a readable store");
    let found: Vec<_> = index.workers.iter().map(|worker| worker.id).collect();
    ids.sort();
    assert_eq!(found, ids);
    for (at, worker) in index.workers.iter().enumerate() {
        assert_eq!(worker.state, StoredState::ALL[at % 2]);
        assert_eq!(worker.create_key.is_some(), at % 3 == 0);
        assert_eq!(worker.has_active_run, at == 4);
    }
}

/// What isn't stored isn't found, and is no error.
pub async fn unknown_workers_are_left_out(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = fixture.conversation(1).await;
    let unknown = WorkerId::generate();
    let store = &fixture.store;
    let found = store.workers(&[unknown, id]).await.expect("readable");
    assert_eq!(found.iter().map(|it| it.id).collect::<Vec<_>>(), [id]);
    assert_eq!(store.workers(&[]).await.expect("readable"), []);
    let loaded = store.load(unknown, ALL, 1).await.expect("readable");
    assert_eq!(loaded, None);
    let page = store.transcript(unknown, TranscriptPosition::Newest, ALL);
    assert_eq!(page.await.expect("readable"), None);
}

/// The entries at a position that fit a window, one by one.
fn expected(entries: &[Entry], position: TranscriptPosition, window: Window) -> Vec<Entry> {
    let mut candidates: Vec<&Entry> = match position {
        TranscriptPosition::Newest => entries.iter().rev().collect(),
        TranscriptPosition::Before(n) => {
            entries.iter().rev().filter(|it| it.sequence < n).collect()
        }
        TranscriptPosition::After(n) => entries.iter().filter(|it| it.sequence > n).collect(),
    };
    let fits = |count: usize| {
        let bytes: usize = candidates[..count]
            .iter()
            .map(|it| it.counted_bytes())
            .sum();
        count <= 1 || count <= window.entries && bytes <= window.bytes
    };
    let count = (0..=candidates.len())
        .take_while(|count| fits(*count))
        .last();
    candidates.truncate(count.unwrap_or(0));
    let mut page: Vec<_> = candidates.into_iter().cloned().collect();
    page.sort_by_key(|entry| entry.sequence);
    page
}

/// Pages at every position and of every size.
pub async fn pages_are_the_transcript_in_parts(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    // Neighbours, so that a page that goes too far would have their entries.
    fixture.conversation(2).await;
    let id = fixture.conversation(0).await;
    fixture.conversation(2).await;
    let empty = fixture
        .store
        .transcript(id, TranscriptPosition::Newest, ALL);
    let empty = empty.await.expect("readable").expect("a stored worker");
    assert_eq!((empty.entries, empty.last_sequence), (Vec::new(), 0));

    for exchange in 0..6_u64 {
        let mut input = input(id, 2 * exchange + 1);
        input.entry.content = "x"
            .repeat(1 + 40 * usize::try_from(exchange).expect("few"))
            .into();
        let finished = replied(&input, "reply");
        fixture.commit([accept(input), finish(finished)]).await;
    }
    let fixture = fixture.reopen().await;
    let entries = fixture.load(id).await.entries;
    let numbers = (0..=14).chain([u64::from(u32::MAX), u64::MAX - 1, u64::MAX]);
    let mut positions = vec![TranscriptPosition::Newest];
    positions.extend(
        numbers.flat_map(|n| [TranscriptPosition::Before(n), TranscriptPosition::After(n)]),
    );
    for position in positions {
        for count in [0, 1, 2, 5, 12, usize::MAX] {
            for bytes in [0, 1, 134, 135, 400, 900, usize::MAX] {
                let window = Window {
                    entries: count,
                    bytes,
                };
                let page = fixture.store.transcript(id, position, window).await;
                let page = page.expect("readable").expect("a stored worker");
                let expected = expected(&entries, position, window);
                assert_eq!(page.entries, expected, "{position:?} {window:?}");
                assert_eq!(page.last_sequence, 12);
            }
        }
    }
}

/// A load has the newest entries that fit, and the newest one in any case.
pub async fn loading_reads_the_newest_part(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = fixture.conversation(4).await;
    let entries = fixture.load(id).await.entries;
    assert_eq!(entries.len(), 8);
    for count in [0, 1, 3, 8, 9] {
        for bytes in [0, 140, 300, usize::MAX] {
            let window = Window {
                entries: count,
                bytes,
            };
            let loaded = fixture.store.load(id, window, 0).await;
            let loaded = loaded.expect("readable").expect("a stored worker");
            let expected = expected(&entries, TranscriptPosition::Newest, window);
            assert_eq!(loaded.entries, expected, "{window:?}");
        }
    }
}

/// As many keys as asked for, the newest, oldest first; a key that comes again is there again.
pub async fn the_newest_input_keys_are_loaded_in_order(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = fixture.conversation(0).await;
    let keys = [Some("a"), None, Some("b"), Some("c"), None, Some("a")];
    for (sequence, key) in (1..).zip(keys) {
        let mut input = input(id, sequence);
        input.key = key.and_then(keyed);
        let finished = ended(&input);
        fixture.commit([accept(input), finish(finished)]).await;
    }
    let fixture = fixture.reopen().await;
    let expected = [(1, "a"), (3, "b"), (4, "c"), (6, "a")];
    for count in [0, 1, 2, 3, 4, 5, usize::MAX] {
        let loaded = fixture.store.load(id, ALL, count).await;
        let inputs = loaded.expect("readable").expect("a stored worker").inputs;
        let found = inputs
            .iter()
            .map(|it| (it.accepted.sequence, it.key.as_str()));
        let newest = &expected[expected.len().saturating_sub(count)..];
        assert_eq!(found.collect::<Vec<_>>(), newest, "{count}");
    }
}

/// Only workers that are stopped, and only those without activity since.
pub async fn workers_stopped_before_a_time_are_found(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let mut stopped = Vec::new();
    for time in [5_000, 6_000, 7_000] {
        let worker_id = fixture.conversation(1).await;
        let stop = Change::Stop {
            worker_id,
            at: at(time),
        };
        fixture.commit([stop]).await;
        stopped.push(worker_id);
    }
    fixture.conversation(1).await;
    let fixture = fixture.reopen().await;
    let nearly = at(6_000) + jiff::SignedDuration::from_nanos(1);
    for (before, expected) in [
        (at(5_000), 0),
        (at(5_001), 1),
        (at(6_000), 1),
        (nearly, 2),
        (at(i64::from(i32::MAX)), 3),
        (jiff::Timestamp::MAX, 3),
        (jiff::Timestamp::MIN, 0),
    ] {
        for limit in [0, 1, 2, usize::MAX] {
            let found = fixture.store.stopped_before(before, limit).await;
            let mut found = found.expect("readable");
            found.sort();
            assert_eq!(found.len(), limit.min(expected), "{before} {limit}");
            assert!(found.iter().all(|id| stopped[..expected].contains(id)));
        }
    }
}
