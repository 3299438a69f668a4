//! The contract suite for stores: what every store must do.
//!
//! A store's tests implement [`Subject`] and call
//! [`store_conformance_suite!`](crate::store_conformance_suite), which makes one test of each
//! function here.

pub mod changes;
pub mod copying;
pub mod reading;
pub mod round_trip;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    AcceptedInput, Change, FinishedRun, StoreErrorKind, StoredConversation, StoredState,
    StoredWorker, Window, WorkerStore,
};
use crate::cursor::{Cursor, Epoch};
use crate::fingerprint::Fingerprint;
use crate::id::{IdempotencyKey, RunId, WorkerId};
use crate::profile::ProfileSet;
use crate::run::{LastRun, RunDiagnostics, RunOutcome, UsageTotals};
use crate::transcript::{Entry, Role};

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

/// Everything that there is.
const ALL: Window = Window {
    entries: usize::MAX,
    bytes: usize::MAX,
};

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

/// A time so many milliseconds after 1970.
fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).expect("a time in range")
}

fn keyed(key: &str) -> Option<(IdempotencyKey, Fingerprint)> {
    let key = key.parse().expect("a key");
    Some((key, Fingerprint::new(&[Some("content")])))
}

fn worker(id: WorkerId) -> StoredWorker {
    StoredWorker {
        id,
        display_name: "Ada".parse().expect("a name"),
        profile: ProfileSet::builtin().default_profile().clone(),
        model: None,
        state: StoredState::Idle,
        created_at: at(1_000),
        last_activity_at: at(1_000),
        create_key: None,
        last_sequence: 0,
        usage: UsageTotals::default(),
        last_run: None,
        diagnostics: RunDiagnostics::default(),
    }
}

/// An input with this number.
fn input(worker_id: WorkerId, sequence: u64) -> AcceptedInput {
    AcceptedInput {
        worker_id,
        entry: Entry {
            sequence,
            at: at(1_000 + sequence.cast_signed()),
            role: Role::User,
            run_id: RunId::generate(),
            content: format!("input {sequence}").into(),
            partial: false,
            unanswered: false,
            reasoning: None,
            diagnostics: RunDiagnostics::default(),
        },
        cursor: Cursor::new(Epoch::new(u64::MAX - 7), sequence),
        key: None,
    }
}

/// The end of the run of `input`, without a reply.
fn ended(input: &AcceptedInput) -> FinishedRun {
    FinishedRun {
        worker_id: input.worker_id,
        run: LastRun {
            run_id: input.entry.run_id,
            outcome: RunOutcome::Cancelled,
            error: None,
            finished_at: at(input.entry.at.as_millisecond() + 1),
        },
        usage: None,
        usage_totals: UsageTotals::default(),
        diagnostics: RunDiagnostics::default(),
        reply: None,
        state: StoredState::Idle,
    }
}

/// The end of the run of `input` with a reply.
fn replied(input: &AcceptedInput, content: &str) -> FinishedRun {
    let mut finished = ended(input);
    finished.run.outcome = RunOutcome::Completed;
    finished.reply = Some(Entry {
        sequence: input.entry.sequence + 1,
        at: finished.run.finished_at,
        role: Role::Assistant,
        content: content.into(),
        ..input.entry.clone()
    });
    finished
}

fn create(worker: StoredWorker) -> Change {
    Change::Create(Box::new(worker))
}

fn accept(input: AcceptedInput) -> Change {
    Change::Accept(Box::new(input))
}

fn finish(run: FinishedRun) -> Change {
    Change::Finish(Box::new(run))
}

fn draft(input: &AcceptedInput, text: &str) -> Change {
    Change::Draft {
        worker_id: input.worker_id,
        run_id: input.entry.run_id,
        text: text.into(),
    }
}
