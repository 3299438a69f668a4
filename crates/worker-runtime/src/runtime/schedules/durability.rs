//! What was answered or shown is in the store, whenever the process ends.

use super::*;
use crate::command::{CreateWorker, Input};
use crate::store::scripted_store::{Fault, Operation, When};
use crate::store::{Change, StoreErrorKind, StoredConversation, StoredState, Window, WorkerStore};
use crate::transcript::{TranscriptPosition, TranscriptQuery};
use crate::{RunOutcome, StopError};

impl Fixture {
    /// What another process would find of a worker now.
    async fn stored(&self, worker: WorkerId) -> Option<StoredConversation> {
        let window = Window {
            entries: usize::MAX,
            bytes: usize::MAX,
        };
        let loaded = self.store.load(worker, window, usize::MAX).await;
        loaded.expect("it can be read")
    }

    /// What the store has ever got of the replies of drafts, joined.
    fn drafted(&self) -> String {
        let text = |change: &Change| match change {
            Change::Draft { text, .. } => Some(text.to_string()),
            Change::Create(_)
            | Change::Accept(_)
            | Change::Finish(_)
            | Change::Stop { .. }
            | Change::Rename { .. }
            | Change::Delete { .. } => None,
        };
        self.store.committed().iter().filter_map(text).collect()
    }

    /// So many commits are refused from now on: not all of them, because some schedules would try
    /// nothing else for ever.
    fn refuse_commits(&self, count: usize) {
        for number in 1..=count {
            self.disturb_commits(When::Nth(number), Fault::Fail(StoreErrorKind::Full));
        }
    }

    async fn assert_stop_is_stored(&self, worker: WorkerId) {
        let stored = self.stored(worker).await.expect("it is there");
        assert_eq!(stored.worker.state, StoredState::Stopped);
        assert_eq!(stored.active_run, None);
    }

    fn slow_down_commits(&self) {
        self.disturb_commits(When::Every, Fault::Yield(2));
    }

    fn disturb_commits(&self, when: When, fault: Fault) {
        self.store.disturb(Operation::Commit, when, fault);
    }
}

#[test]
fn a_crash_right_after_an_answer() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.slow_down_commits();
        let (a, b) = (fixture.clone(), fixture.clone());
        let input = async move {
            let accepted = a.input(worker, "a").await.expect("it is idle");
            let entries = a.stored(worker).await.expect("it is there").entries;
            assert!(entries.iter().any(|entry| entry.run_id == accepted.run_id));
        };
        let rename = async move {
            let renamed = b.runtime.rename(worker, "Ada").await.expect("it is there");
            let stored = b.stored(worker).await.expect("it is there").worker;
            assert_eq!(renamed.display_name.as_str(), "Ada");
            assert_eq!(stored.display_name, renamed.display_name);
        };
        both(input, rename).await;
        fixture.stop(worker).await;
        let stored = fixture.stored(worker).await.expect("it is there").worker;
        assert_eq!(stored.state, StoredState::Stopped);
        let created = fixture.worker().await;
        assert!(fixture.stored(created).await.is_some());
        fixture.runtime.delete(worker).await.expect("it is there");
        assert_eq!(fixture.stored(worker).await, None);
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn a_stop_after_a_run_whose_end_was_refused() {
    let limits = Limits {
        cancel_wait: fixture::SOON,
        ..timeless()
    };
    explore_with(Persistence::Store, limits, |fixture| async move {
        let worker = fixture.worker().await;
        fixture.input(worker, "a hang").await.expect("it is idle");
        fixture.refuse_commits(10);
        for _ in 0..2 {
            match fixture.runtime.stop(worker).await {
                Ok(_) => fixture.assert_stop_is_stored(worker).await,
                Err(StopError::StillEnding(_)) => fixture.ended(worker).await,
                Err(StopError::Store(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        fixture.store.clear();
        fixture.stop(worker).await;
        fixture.assert_stop_is_stored(worker).await;
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn page_and_changes_that_are_being_stored() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.slow_down_commits();
        let (a, b) = (fixture.clone(), fixture.clone());
        let reader = async move {
            for _ in 0..3 {
                a.page(worker).await;
                a.snapshot(worker).await;
            }
        };
        let writer = async move {
            b.input(worker, "a").await.expect("it is idle");
            b.stop(worker).await;
        };
        both(reader, writer).await;
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn page_from_the_store_and_an_input_that_is_being_stored() {
    let limits = Limits {
        transcript_entries: 2,
        ..timeless()
    };
    explore_with(Persistence::Store, limits, |fixture| async move {
        let worker = fixture.worker().await;
        for words in ["a", "b"] {
            fixture.input(worker, words).await.expect("it is idle");
            fixture.ended(worker).await;
        }
        // The store has the input for a while before its commit returns.
        fixture.disturb_commits(When::Nth(1), Fault::HangAfterwards);
        let (a, b) = (fixture.clone(), fixture.clone());
        let writer = async move { a.runtime.send_input(worker, Input::new("c")).await };
        let reader = async move {
            b.store.hanging(1).await;
            let everything = TranscriptQuery {
                position: TranscriptPosition::After(0),
                limit: None,
            };
            let page = b.runtime.transcript(worker, everything).await;
            let page = page.expect("it is there");
            assert_eq!(page.entries.len(), 4);
            assert!(!page.has_later);
            b.store.release();
        };
        let (sent, ()) = both(writer, reader).await;
        sent.expect("it is idle");
        fixture.ended(worker).await;
        assert_eq!(
            fixture.stored(worker).await.map(|it| it.entries.len()),
            Some(6)
        );
    });
}

#[test]
fn drafts_of_a_reply_of_which_one_is_refused() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.disturb_commits(When::Nth(2), Fault::Fail(StoreErrorKind::Full));
        fixture
            .input(worker, "a b c d e f g h")
            .await
            .expect("it is idle");
        fixture.ended(worker).await;
        // Whenever the process had ended, it would have left the beginning of the reply.
        let drafted = fixture.drafted();
        assert!("abcdefgh".starts_with(&drafted), "{drafted}");
        fixture.shut_down_and_check().await;
    });
}

#[test]
fn a_crash_amid_a_reply() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        let run = fixture.store_unfinished_run(worker, &["a", "b"]).await;
        let after = fixture.reopened().await;
        let (a, b) = (after.clone(), after);
        let getter = async move { a.get(worker).await };
        let reader = async move { b.transcript(worker, TranscriptQuery::default()).await };
        let (found, page) = both(getter, reader).await;
        let last_run = found.expect("it is there").last_run;
        let last_run = last_run.expect("it was cut off");
        assert_eq!(
            (last_run.run_id, last_run.outcome),
            (run, RunOutcome::Failed)
        );
        let entries = page.expect("it is there").entries;
        assert_eq!(entries.len(), 2);
        assert_eq!((&*entries[1].content, entries[1].partial), ("ab", true));
        let again = fixture.reopened().await.get(worker).await;
        assert_eq!(again.expect("it is there").last_run, Some(last_run));
    });
}

#[test]
fn a_crash_before_a_word() {
    explore_with(Persistence::Store, timeless(), |fixture| async move {
        let worker = fixture.worker().await;
        fixture.store_unfinished_run(worker, &[]).await;
        let after = fixture.reopened().await;
        let stored = fixture.stored(worker).await.expect("it is there");
        assert_eq!(stored.active_run, None);
        assert!(stored.entries[0].unanswered);
        let input = after.send_input(worker, Input::new("a")).await;
        input.expect("it is idle");
        let create = after.create(CreateWorker::default()).await;
        create.expect("there is capacity");
        after.shutdown(NEVER).await;
    });
}
