//! What a copy of a store has: everything, whatever kind of store either of them is. The copy is made
//! in parts, and before its end there is none.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::round_trip::{diagnostics, ends, workers};
use super::{
    ALL, Change, StoredConversation, accept, at, create, draft, ended, finish, input, keyed,
    replied, worker,
};
use crate::cursor::{Cursor, Epoch};
use crate::id::WorkerId;
use crate::run::{Usage, UsageTotals};
use crate::store::copy::{
    CopySource, CopyTarget, Fact, PART_BYTES, PART_ROWS, StoredRun, WorkerIds, copy,
};
use crate::store::{StoreError, WorkerStore};

/// A kind of store, and a kind of copy.
#[async_trait]
pub trait CopySubject: Send + Sync {
    /// The place of a copy.
    type Target: CopyTarget;

    /// A store without workers.
    async fn source(&self) -> Arc<dyn CopySource>;

    /// The place for its copy.
    async fn target(&self) -> Self::Target;

    /// Closes the copy, finished or not, and opens what is there as a store.
    async fn open(&self, target: Self::Target) -> Arc<dyn CopySource>;
}

/// Makes one `#[tokio::test]` of each function of this module, as
/// [`store_conformance_suite!`](crate::store_conformance_suite) does. The argument is an expression
/// that gives a [`CopySubject`].
#[macro_export]
macro_rules! copy_conformance_suite {
    ($subject:expr) => {
        $crate::store_conformance_suite!(@tests $subject;
            copying::a_copy_has_all_that_is_stored,
            copying::a_long_conversation_is_copied_in_parts,
            copying::a_copy_without_an_end_has_no_workers,
            copying::what_is_taken_back_is_not_in_the_copy,
        );
    };
}

/// All that a store has.
pub type Facts = BTreeMap<WorkerId, (StoredConversation, Vec<StoredRun>)>;

/// Reads all that a store has.
pub async fn facts(store: &dyn CopySource) -> Facts {
    let WorkerIds { ids, nameless } = store.worker_ids().await.expect("a readable store");
    assert!(ids.is_sorted());
    assert_eq!(nameless, 0);
    let mut facts = Facts::new();
    for id in ids {
        let loaded = store.load(id, ALL, usize::MAX).await;
        let loaded = loaded.expect("a readable store").expect("a worker");
        let runs = store.runs(id, 0, usize::MAX).await.expect("readable runs");
        facts.insert(id, (loaded, runs));
    }
    facts
}

/// Puts workers into a store whose facts differ in each of their fields. One of them has an active run,
/// as in the store of a server that was killed.
pub async fn fill(store: &dyn WorkerStore) {
    let mut changes: Vec<_> = workers().into_iter().map(create).collect();
    changes.extend(exchanges(WorkerId::generate()));
    let [idle, stopped, active] = [(); 3].map(|()| WorkerId::generate());
    for id in [idle, stopped, active] {
        changes.push(create(worker(id)));
        for (sequence, (outcome, error)) in (1..).zip(ends()) {
            let input = input(id, sequence);
            let mut finished = ended(&input);
            (finished.run.outcome, finished.run.error) = (outcome, error);
            changes.extend([accept(input), finish(finished)]);
        }
    }
    changes.push(Change::Stop {
        worker_id: stopped,
        at: at(9_000),
    });
    let last = input(active, 1 + ends().len() as u64);
    changes.extend([
        accept(last.clone()),
        draft(&last, "so "),
        draft(&last, "far\0"),
    ]);
    store.commit(changes).await.expect("the changes fit");
}

/// A worker with inputs and replies that differ in each of their fields.
fn exchanges(id: WorkerId) -> Vec<Change> {
    let mut changes = vec![create(worker(id))];
    for (exchange, diagnostics) in (0..).zip(diagnostics()) {
        let mut input = input(id, 2 * exchange + 1);
        input.cursor = Cursor::new(Epoch::new(u64::MAX - exchange), 1 << 63);
        input.key = if exchange % 2 == 0 {
            keyed("key")
        } else {
            None
        };
        let mut finished = replied(&input, "reply\0");
        finished.usage = (exchange % 3 > 0).then_some(Usage {
            input_tokens: Some(u64::MAX),
            output_tokens: (exchange % 3 == 1).then_some(exchange),
        });
        finished.usage_totals = UsageTotals {
            incomplete_runs: exchange,
            ..UsageTotals::default()
        };
        finished.diagnostics = diagnostics;
        let reply = finished.reply.as_mut().expect("a reply");
        reply.diagnostics = diagnostics;
        reply.partial = exchange % 2 == 0;
        reply.reasoning = (exchange % 3 == 0).then(|| "because\0".into());
        changes.extend([accept(input), finish(finished)]);
    }
    changes
}

/// Every fact is in the copy as it is in the store.
pub async fn a_copy_has_all_that_is_stored<S: CopySubject>(subject: &S) {
    let source = subject.source().await;
    fill(&*source).await;
    let before = facts(&*source).await;
    let mut target = subject.target().await;
    let mut steps = Vec::new();
    let copied = copy(&*source, &mut target, |done, of| steps.push((done, of))).await;
    let copied = copied.expect("a copy");
    let store = subject.open(target).await;
    let found = facts(&*store).await;
    assert!(found.values().any(|(it, _)| it.active_run.is_some()));
    assert_eq!(found, before);
    let entries = before.values().map(|(it, _)| it.entries.len() as u64);
    let runs = before.values().map(|(_, runs)| runs.len() as u64);
    let counted = (copied.workers, copied.entries, copied.runs);
    let workers = before.len();
    assert_eq!(counted, (workers as u64, entries.sum(), runs.sum()));
    assert!(copied.is_whole());
    assert!(
        steps
            .into_iter()
            .eq((0..workers).map(|done| (done, workers)))
    );
    // It is written to as any other.
    let index = store.index().await.expect("a readable store");
    let active = index.workers.iter().find(|it| it.has_active_run);
    let (active, _) = &before[&active.expect("an active run").id];
    let newest = active.entries.last().expect("an input");
    let mut end = ended(&input(active.worker.id, newest.sequence));
    end.run.run_id = newest.run_id;
    store.commit(vec![finish(end)]).await.expect("the run ends");
}

/// No part is larger than the limits say.
pub async fn a_long_conversation_is_copied_in_parts<S: CopySubject>(subject: &S) {
    let source = subject.source().await;
    let (long, large) = (WorkerId::generate(), WorkerId::generate());
    let mut changes = vec![create(worker(long)), create(worker(large))];
    for exchange in 0..PART_ROWS as u64 + 20 {
        let input = input(long, 2 * exchange + 1);
        changes.extend([accept(input.clone()), finish(replied(&input, "reply"))]);
    }
    let text = "x".repeat(PART_BYTES / 2 - 1_000);
    for exchange in 0..4 {
        let input = input(large, 2 * exchange + 1);
        changes.extend([accept(input.clone()), finish(replied(&input, &text))]);
    }
    source.commit(changes).await.expect("the changes fit");
    let before = facts(&*source).await;
    let mut target = Measured {
        target: subject.target().await,
        parts: 0,
    };
    copy(&*source, &mut target, |_, _| ())
        .await
        .expect("a copy");
    assert!(target.parts > 5, "{}", target.parts);
    assert_eq!(facts(&*subject.open(target.target).await).await, before);
}

/// Demands that every part keeps to the limits.
struct Measured<T> {
    target: T,
    parts: usize,
}

#[async_trait]
impl<T: CopyTarget> CopyTarget for Measured<T> {
    async fn add(&mut self, facts: Vec<Fact>) -> Result<(), StoreError> {
        let (mut rows, mut bytes) = (0, 0);
        for fact in &facts {
            match fact {
                Fact::Worker(_) | Fact::Draft(..) => rows += 1,
                Fact::Runs(_, runs) => rows += runs.len(),
                Fact::Entries(_, entries) => {
                    rows += entries.len();
                    bytes += entries.iter().map(|it| it.content.len()).sum::<usize>();
                }
            }
        }
        assert!(rows <= PART_ROWS && bytes <= PART_BYTES, "{rows} {bytes}");
        self.parts += 1;
        self.target.add(facts).await
    }

    async fn remove(&mut self, id: WorkerId) -> Result<(), StoreError> {
        self.target.remove(id).await
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        self.target.finish().await
    }
}

/// What was added is not in a store before the copy is finished.
pub async fn a_copy_without_an_end_has_no_workers<S: CopySubject>(subject: &S) {
    let mut target = subject.target().await;
    for _ in 0..3 {
        let fact = Fact::Worker(Box::new(worker(WorkerId::generate())));
        target.add(vec![fact]).await.expect("an empty target");
    }
    let store = subject.open(target).await;
    assert_eq!(facts(&*store).await, Facts::new());
}

/// A worker of which a part can't be read is taken back, and the others stay.
pub async fn what_is_taken_back_is_not_in_the_copy<S: CopySubject>(subject: &S) {
    let mut target = subject.target().await;
    let (good, bad) = (WorkerId::generate(), WorkerId::generate());
    for id in [good, bad] {
        let fact = Fact::Worker(Box::new(worker(id)));
        target.add(vec![fact]).await.expect("a new worker");
        let entry = input(id, 1).entry;
        let fact = Fact::Entries(id, vec![entry]);
        target.add(vec![fact]).await.expect("an entry");
    }
    target.remove(bad).await.expect("a worker to remove");
    target.finish().await.expect("a copy");
    let found = facts(&*subject.open(target).await).await;
    assert!(found.keys().eq([&good]), "{found:?}");
}
