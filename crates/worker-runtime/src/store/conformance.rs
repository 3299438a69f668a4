//! The contract suite for stores: what every store must do.
//!
//! A store's tests implement [`Subject`] and call
//! [`store_conformance_suite!`](crate::store_conformance_suite), which makes one test of each
//! function here.

pub mod changes;
pub mod copying;
pub mod facts;
pub mod reading;
pub mod round_trip;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use self::facts::{ALL, accept, at, create, draft, ended, finish, input, keyed, replied, worker};
use super::{Change, StoreErrorKind, StoredConversation, WorkerStore};
use crate::id::WorkerId;

/// The store under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A store without workers.
    async fn store(&self) -> Arc<dyn WorkerStore>;

    /// The store after it was closed and opened again. There are no other references to it.
    async fn reopen(&self, store: Arc<dyn WorkerStore>) -> Arc<dyn WorkerStore>;
}

/// Makes one `#[tokio::test]` of each function of the suite. The argument is an expression that
/// gives a [`Subject`].
#[macro_export]
macro_rules! store_conformance_suite {
    ($subject:expr) => {
        $crate::store_conformance_suite!(@tests $subject;
            round_trip::workers_keep_every_field,
            round_trip::conversations_keep_every_field,
            round_trip::every_way_to_end_is_kept,
            round_trip::large_and_odd_texts_are_kept,
            changes::a_commit_is_made_as_a_whole_or_not_at_all,
            changes::what_does_not_fit_is_refused_and_changes_nothing,
            changes::a_create_key_names_one_worker_until_that_is_deleted,
            changes::drafts_join_and_go_with_their_run,
            changes::an_input_without_a_reply_is_unanswered,
            changes::stopping_and_renaming_change_only_that,
            changes::deleting_leaves_nothing,
            changes::workers_commit_at_once,
            reading::the_index_has_every_worker_in_order,
            reading::unknown_workers_are_left_out,
            reading::pages_are_the_transcript_in_parts,
            reading::loading_reads_the_newest_part,
            reading::the_newest_input_keys_are_loaded_in_order,
            reading::workers_stopped_before_a_time_are_found,
        );
    };
    (@tests $subject:expr; $($module:ident :: $name:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::store::conformance::$module::$name(&$subject).await;
            }
        )*
    };
}

/// A store, and what the tests do with it.
struct Fixture<'a> {
    subject: &'a dyn Subject,
    store: Arc<dyn WorkerStore>,
}

/// What is in a store about each worker, and the index.
type Contents = BTreeMap<WorkerId, (bool, StoredConversation)>;

impl<'a> Fixture<'a> {
    async fn new(subject: &'a dyn Subject) -> Self {
        let store = subject.store().await;
        Self { subject, store }
    }

    async fn commit(&self, changes: impl IntoIterator<Item = Change>) {
        let committed = self.store.commit(changes.into_iter().collect()).await;
        committed.expect("the changes fit");
    }

    /// Demands that the changes fail and leave everything as it was.
    async fn refuses(&self, why: &str, changes: impl IntoIterator<Item = Change>) {
        let before = self.contents().await;
        let refused = self.store.commit(changes.into_iter().collect()).await;
        let refused = refused.expect_err(why);
        assert_eq!(refused.kind(), StoreErrorKind::Failed, "{why}");
        assert_eq!(self.contents().await, before, "{why}");
    }

    async fn load(&self, id: WorkerId) -> StoredConversation {
        let loaded = self.store.load(id, ALL, usize::MAX).await;
        loaded.expect("a readable store").expect("a stored worker")
    }

    async fn contents(&self) -> Contents {
        let index = self.store.index().await.expect("a readable store");
        assert_eq!(index.unreadable, 0);
        let mut contents = Contents::new();
        for worker in index.workers {
            let loaded = self.load(worker.id).await;
            assert_eq!(worker.state, loaded.worker.state);
            let create_key = loaded.worker.create_key.as_ref();
            assert_eq!(worker.create_key.as_ref(), create_key.map(|(key, _)| key));
            assert_eq!(worker.has_active_run, loaded.active_run.is_some());
            contents.insert(worker.id, (worker.has_active_run, loaded));
        }
        contents
    }

    /// Closes and opens the store, and demands that it is as before.
    async fn reopen(self) -> Self {
        let before = self.contents().await;
        let store = self.subject.reopen(self.store).await;
        let fixture = Self { store, ..self };
        assert_eq!(
            fixture.contents().await,
            before,
            "after it was opened again"
        );
        fixture
    }

    /// A stored worker with `exchanges` inputs and replies.
    async fn conversation(&self, exchanges: u64) -> WorkerId {
        let id = WorkerId::generate();
        self.commit([create(worker(id))]).await;
        for exchange in 0..exchanges {
            let input = input(id, 2 * exchange + 1);
            let finished = replied(&input, "reply");
            self.commit([accept(input)]).await;
            self.commit([finish(finished)]).await;
        }
        id
    }
}
