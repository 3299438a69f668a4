//! The contract suite: what every source must do, whatever ports it has.
//!
//! An adapter implements [`Subject`] in its tests and calls
//! [`conformance_suite!`](crate::conformance_suite), which makes one test of each function
//! here. Nothing is skipped: where a source has no port, the function demands that the
//! registry answers "operation unsupported".

pub mod catalog;
pub mod deleting;
pub mod interaction;
pub mod lifecycle;
pub mod observation;
pub mod renaming;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::capability::Capability;
use crate::error::RegistryError;
use crate::id::{RuntimeId, WorkerId, WorkerRef};
use crate::page::PageLimit;
use crate::port::{CreateWorker, EventWait, EventsQuery, Input, RuntimeSource};
use crate::projection::{EventBatch, EventKind, WorkerEvent, WorkerSummary};
use crate::registry::{Deadlines, RuntimeRegistry, WorkerListQuery};

/// What a source does counts here, and not how long a busy machine takes for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The source under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// A fresh source that holds exactly `workers` workers.
    ///
    /// A source that runs inputs must take at least 1 s for an input of 200 words, so that a run
    /// can be met while it is active.
    async fn source(&self, workers: usize) -> Arc<dyn RuntimeSource>;
}

/// Makes one `#[tokio::test]` of each function of the suite. The argument is an expression
/// that gives a [`Subject`].
#[macro_export]
macro_rules! conformance_suite {
    ($subject:expr) => {
        $crate::conformance_suite!(@tests $subject;
            catalog::the_source_describes_itself,
            catalog::every_listed_worker_can_be_got,
            catalog::pages_show_every_worker_exactly_once,
            catalog::the_state_filters_divide_the_workers,
            catalog::a_near_miss_of_an_id_is_unknown,
            catalog::a_position_that_the_source_did_not_make_is_refused,
            lifecycle::a_created_worker_is_in_the_catalog,
            lifecycle::an_unknown_profile_creates_nothing,
            lifecycle::repeating_a_create_makes_one_worker,
            lifecycle::cancelling_an_idle_worker_answers_not_running,
            lifecycle::cancelling_ends_the_named_run_and_no_other,
            lifecycle::stopping_is_final_and_repeatable,
            renaming::a_new_name_shows_everywhere_whatever_the_state,
            deleting::a_deleted_worker_is_unknown_and_a_second_delete_says_so,
            deleting::deleting_a_running_worker_ends_its_run_and_answers_its_readers,
            deleting::deleting_frees_the_key_that_the_worker_was_created_under,
            lifecycle::an_unknown_worker_is_unknown_to_every_operation,
            interaction::an_input_is_answered_by_one_run,
            interaction::a_busy_worker_refuses_a_second_input,
            interaction::empty_and_oversized_inputs_commit_nothing,
            interaction::repeating_an_input_starts_one_run,
            observation::page_and_suffix_are_the_whole_history,
            observation::events_ascend_without_gaps_from_any_cursor,
            observation::a_cursor_of_another_epoch_or_the_future_is_expired,
            observation::gathered_events_are_the_same_and_the_end_is_not_held_back,
            observation::a_wait_without_news_ends_empty,
            observation::a_subscription_gives_what_the_batches_give,
        );
    };
    (@tests $subject:expr; $($module:ident :: $name:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                $crate::conformance::$module::$name(&$subject).await;
            }
        )*
    };
}

/// A registry with the subject's source alone.
struct Fixture {
    registry: RuntimeRegistry,
    source: Arc<dyn RuntimeSource>,
    runtime_id: RuntimeId,
}

impl Fixture {
    async fn with_workers(subject: &dyn Subject, workers: usize) -> Self {
        let source = subject.source(workers).await;
        let runtime_id = source.descriptor().runtime_id.clone();
        let registry = RuntimeRegistry::builder()
            .deadlines(Deadlines {
                read: PATIENCE,
                mutation: PATIENCE,
            })
            .register(Arc::clone(&source))
            .expect("one source is no duplicate")
            .build();
        Self {
            registry,
            source,
            runtime_id,
        }
    }

    async fn can(&self, capability: Capability) -> bool {
        let summary = self
            .registry
            .runtime(&self.runtime_id)
            .await
            .expect("registered");
        summary.capabilities.contains(capability)
    }

    fn reference(&self, worker_id: &WorkerId) -> WorkerRef {
        WorkerRef::new(self.runtime_id.clone(), worker_id.clone())
    }

    /// Every worker, through pages of `limit`.
    async fn all_workers(&self, limit: u32) -> Vec<WorkerSummary> {
        let limit = PageLimit::new(limit).expect("a limit in bounds");
        let mut query = WorkerListQuery {
            limit,
            ..WorkerListQuery::default()
        };
        let mut workers = Vec::new();
        loop {
            let page = self.registry.list_workers(&query).await.expect("a page");
            assert!(
                page.items.len() <= limit.get(),
                "a page is no longer than its limit"
            );
            workers.extend(page.items);
            query.page_token = match page.next_page_token {
                Some(token) => Some(token),
                None => return workers,
            };
        }
    }

    /// Any worker of a source that holds one.
    async fn any_worker(&self) -> WorkerRef {
        let workers = self.all_workers(50).await;
        self.reference(&workers.first().expect("a worker").worker_id)
    }

    async fn create(&self, request: CreateWorker) -> Result<WorkerRef, RegistryError> {
        let created = self
            .registry
            .create_worker(&self.runtime_id, request)
            .await?;
        Ok(self.reference(&created.worker.summary.worker_id))
    }

    /// Reads events of `worker` after the batch's end until its run has finished.
    async fn until_finished(&self, worker: &WorkerRef, mut query: EventsQuery) -> Vec<WorkerEvent> {
        query.wait = EventWait::new(crate::port::EVENT_WAIT_MAX).expect("a wait in bounds");
        let mut events = Vec::new();
        loop {
            let batch: EventBatch = self
                .registry
                .events(worker, &query)
                .await
                .expect("a batch of events");
            assert!(
                !batch.events.is_empty(),
                "the run ends within the longest wait"
            );
            query.after = Some(batch.next_cursor);
            events.extend(batch.events);
            let ended = |event: &WorkerEvent| matches!(event.kind, EventKind::RunFinished { .. });
            if events.iter().any(ended) {
                return events;
            }
        }
    }
}

/// An input that keeps a source busy for a while.
fn long_input() -> Input {
    Input {
        content: "word ".repeat(200),
        idempotency_key: None,
    }
}

fn input(content: &str) -> Input {
    Input {
        content: content.to_owned(),
        idempotency_key: None,
    }
}

/// Demands the one answer to an operation that the source has no port for.
fn assert_unsupported<T: std::fmt::Debug>(result: Result<T, RegistryError>, wanted: Capability) {
    match result {
        Err(RegistryError::OperationUnsupported { capability, .. }) if capability == wanted => {}
        other => panic!("{wanted:?} has no port, yet the answer was {other:?}"),
    }
}
