//! What each change does, what it leaves alone, and when it is refused.

use super::{
    Contents, Fixture, Subject, accept, at, create, draft, ended, finish, input, keyed, replied,
    worker,
};
use crate::id::{RunId, WorkerId};
use crate::store::{Change, StoredState, StoredWorker};

/// One change that doesn't fit takes all others of its commit back.
pub async fn a_commit_is_made_as_a_whole_or_not_at_all(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = fixture.conversation(2).await;
    let [other, unknown] = [(); 2].map(|()| WorkerId::generate());
    let next = input(id, 5);
    let changes = [
        create(worker(other)),
        Change::Rename {
            worker_id: id,
            display_name: "Grace".parse().expect("a name"),
        },
        accept(next.clone()),
        draft(&next, "so far"),
        finish(replied(&next, "reply")),
    ];
    let misfit = Change::Stop {
        worker_id: unknown,
        at: at(1),
    };
    for position in 0..=changes.len() {
        let mut torn = changes.to_vec();
        torn.insert(position, misfit.clone());
        fixture.refuses("one change does not fit", torn).await;
    }
    let fixture = fixture.reopen().await;
    fixture.commit(changes).await;
    let loaded = fixture.load(id).await;
    assert_eq!(loaded.worker.display_name.as_str(), "Grace");
    assert_eq!((loaded.entries.len(), loaded.worker.last_sequence), (6, 6));
    assert_eq!(fixture.contents().await.len(), 2);
    fixture.commit([]).await;
}

/// Changes of what isn't there, or isn't in that state.
pub async fn what_does_not_fit_is_refused_and_changes_nothing(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let idle = fixture.conversation(1).await;
    let busy = fixture.conversation(1).await;
    let stopped = fixture.conversation(1).await;
    let unknown = WorkerId::generate();
    let active = input(busy, 3);
    fixture
        .commit([
            accept(active.clone()),
            draft(&active, "so far"),
            stop(stopped),
        ])
        .await;
    let of = |worker_id| Change::Rename {
        worker_id,
        display_name: "Grace".parse().expect("a name"),
    };
    let mut other_run = replied(&active, "reply");
    other_run.run.run_id = RunId::generate();
    let mut late_reply = replied(&active, "reply");
    late_reply.reply.as_mut().expect("a reply").sequence += 1;
    let mut other_draft = active.clone();
    other_draft.entry.run_id = RunId::generate();
    let cases = [
        ("create of a worker that is there", create(worker(idle))),
        ("input of an unknown worker", accept(input(unknown, 1))),
        ("input of a busy worker", accept(input(busy, 4))),
        ("input of a stopped worker", accept(input(stopped, 3))),
        ("input with a number that is taken", accept(input(idle, 2))),
        ("input that leaves a gap", accept(input(idle, 4))),
        ("draft of an idle worker", draft(&input(idle, 1), "more")),
        ("draft of another run", draft(&other_draft, "more")),
        (
            "draft of an unknown worker",
            draft(&input(unknown, 1), "more"),
        ),
        (
            "end of an idle worker's run",
            finish(ended(&input(idle, 1))),
        ),
        ("end of another run", finish(other_run)),
        ("end that leaves a gap", finish(late_reply)),
        (
            "end of an unknown worker's run",
            finish(ended(&input(unknown, 1))),
        ),
        ("stop of a busy worker", stop(busy)),
        ("stop of an unknown worker", stop(unknown)),
        ("name of an unknown worker", of(unknown)),
        (
            "delete of an unknown worker",
            Change::Delete { worker_id: unknown },
        ),
    ];
    for (why, change) in cases {
        fixture.refuses(why, [change]).await;
    }
    let fixture = fixture.reopen().await;
    fixture.commit([finish(replied(&active, "reply"))]).await;
}

fn stop(worker_id: WorkerId) -> Change {
    Change::Stop {
        worker_id,
        at: at(9_000),
    }
}

/// A second worker under the same key is refused; after the first is deleted it isn't.
pub async fn a_create_key_names_one_worker_until_that_is_deleted(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let under_key = |id| StoredWorker {
        create_key: keyed("key"),
        ..worker(id)
    };
    let [first, second, third] = [(); 3].map(|()| WorkerId::generate());
    fixture.commit([create(under_key(first))]).await;
    let fixture = fixture.reopen().await;
    fixture
        .refuses("the key is taken", [create(under_key(second))])
        .await;
    // Without a key, any number.
    fixture
        .commit([create(worker(second)), create(worker(third))])
        .await;
    let delete = Change::Delete { worker_id: first };
    let again = WorkerId::generate();
    fixture.commit([delete, create(under_key(again))]).await;
    assert_eq!(fixture.contents().await.len(), 3);
}

/// Drafts are the text so far of the active run, and of no other.
pub async fn drafts_join_and_go_with_their_run(subject: &dyn Subject) {
    let mut fixture = Fixture::new(subject).await;
    let id = fixture.conversation(0).await;
    let other = fixture.conversation(0).await;
    let text_of = |contents: &Contents, id| -> Option<String> {
        let run = contents[&id].1.active_run.as_ref()?;
        Some(run.text.to_string())
    };
    let first = input(id, 1);
    fixture
        .commit([accept(first.clone()), accept(input(other, 1))])
        .await;
    let mut expected = String::new();
    for part in ["so", " ", "far\0", "🙂", &"x".repeat(10_000), "!"] {
        fixture.commit([draft(&first, part)]).await;
        expected.push_str(part);
        let contents = fixture.contents().await;
        assert_eq!(text_of(&contents, id).as_ref(), Some(&expected));
        assert_eq!(text_of(&contents, other).as_deref(), Some(""));
    }
    fixture = fixture.reopen().await;
    fixture.commit([finish(replied(&first, "reply"))]).await;
    assert_eq!(fixture.load(id).await.active_run, None);
    let second = input(id, 3);
    fixture.commit([accept(second.clone())]).await;
    let run = fixture.load(id).await.active_run.expect("an active run");
    assert_eq!((run.run_id, &*run.text), (second.entry.run_id, ""));
    fixture.reopen().await;
}

/// The end of a run without a reply marks its input, and only that.
pub async fn an_input_without_a_reply_is_unanswered(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = fixture.conversation(1).await;
    for sequence in [3, 4] {
        let input = input(id, sequence);
        fixture.commit([accept(input.clone())]).await;
        fixture.commit([finish(ended(&input))]).await;
    }
    let fixture = fixture.reopen().await;
    let loaded = fixture.load(id).await;
    let marks: Vec<_> = loaded.entries.iter().map(|it| it.unanswered).collect();
    assert_eq!(marks, [false, false, true, true]);
    assert_eq!(loaded.worker.last_sequence, 4);
}

/// A stop and a new name change nothing else of the worker.
pub async fn stopping_and_renaming_change_only_that(subject: &dyn Subject) {
    let fixture = Fixture::new(subject).await;
    let id = fixture.conversation(1).await;
    let before = fixture.load(id).await.worker;
    let rename = Change::Rename {
        worker_id: id,
        display_name: "Grace".parse().expect("a name"),
    };
    fixture.commit([rename]).await;
    let renamed = StoredWorker {
        display_name: "Grace".parse().expect("a name"),
        ..before
    };
    assert_eq!(fixture.load(id).await.worker, renamed);
    fixture.commit([stop(id)]).await;
    let stopped = StoredWorker {
        state: StoredState::Stopped,
        last_activity_at: at(9_000),
        ..renamed
    };
    assert_eq!(fixture.load(id).await.worker, stopped);

    // A run that ends may stop its worker, too.
    let busy = fixture.conversation(0).await;
    let input = input(busy, 1);
    let mut finished = replied(&input, "reply");
    finished.state = StoredState::Stopped;
    fixture.commit([accept(input), finish(finished)]).await;
    assert_eq!(fixture.load(busy).await.worker.state, StoredState::Stopped);
    fixture.reopen().await;
}

/// Deleted workers are gone, and so are their conversations; the others are not.
pub async fn deleting_leaves_nothing(subject: &dyn Subject) {
    let mut fixture = Fixture::new(subject).await;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(fixture.conversation(3).await);
    }
    // One in the middle, and the newest, whose place the next one could take.
    for deleted in [ids[1], ids[3]] {
        let active = input(deleted, 7);
        fixture
            .commit([accept(active.clone()), draft(&active, "so far")])
            .await;
        let mut expected = fixture.contents().await;
        expected.remove(&deleted);
        let delete = Change::Delete { worker_id: deleted };
        fixture.commit([delete]).await;
        assert_eq!(fixture.contents().await, expected);
        fixture = fixture.reopen().await;

        let next = input(fixture.conversation(0).await, 1);
        fixture.commit([accept(next.clone())]).await;
        let loaded = fixture.load(next.worker_id).await;
        assert_eq!(loaded.entries, std::slice::from_ref(&next.entry));
        assert_eq!(&*loaded.active_run.expect("a run").text, "");
        let delete = Change::Delete {
            worker_id: next.worker_id,
        };
        fixture.commit([delete]).await;
    }
    // The id itself is free again.
    fixture.commit([create(worker(ids[3]))]).await;
    assert_eq!(fixture.load(ids[3]).await.entries, []);
}

/// Many workers commit at the same time, and each finds all of its own.
pub async fn workers_commit_at_once(subject: &dyn Subject) {
    const WORKERS: usize = 32;
    const EXCHANGES: u64 = 8;
    let fixture = Fixture::new(subject).await;
    let conversations = (0..WORKERS).map(|_| fixture.conversation(EXCHANGES));
    let ids = futures_util::future::join_all(conversations).await;
    let contents = fixture.reopen().await.contents().await;
    assert_eq!(contents.len(), WORKERS);
    for id in ids {
        let entries = &contents[&id].1.entries;
        let numbers = entries.iter().map(|entry| entry.sequence);
        assert!(numbers.eq(1..=2 * EXCHANGES));
    }
}
