//! What the registry and the adapter add to a direct call of the runtime: each module measures
//! the same operation twice, `directly` and `through_the_registry`. The difference is the added cost.
//!
//! `cargo bench -p adapter-embedded`

use std::sync::Arc;
use std::time::Duration;

use adapter_embedded::EmbeddedSource;
use divan::Bencher;
use futures_util::FutureExt as _;
use registry_core::id::{RuntimeId, WorkerRef};
use registry_core::port::{EventsQuery, TranscriptQuery, TranscriptRange};
use registry_core::{PageLimit, RuntimeRegistry};
use tokio::runtime::{Builder, Runtime as Executor};
use tokio::task::yield_now;
use worker_runtime::{Limits, OfflineEngine, Runtime, WorkerId, WorkerState};

/// Workers that the runtime holds.
const WORKERS: [usize; 3] = [100, 10_000, 100_000];
/// Items on a page.
const PAGE: u32 = 50;
/// Inputs that a worker was sent before: its transcript and events fill a page.
const INPUTS: usize = 30;

mod writing;

fn main() {
    divan::main();
}

/// A runtime, the registry over it, and a worker in the middle of the list.
struct Pair {
    executor: Executor,
    runtime: Runtime,
    registry: RuntimeRegistry,
    worker: WorkerId,
    worker_ref: WorkerRef,
}

impl Pair {
    fn new(workers: usize) -> Self {
        let limits = Limits {
            workers: usize::MAX,
            total_bytes: usize::MAX,
            ..Limits::default()
        };
        let engine = Arc::new(OfflineEngine::new(Duration::ZERO));
        let builder = Runtime::builder().engine(engine).limits(limits);
        let runtime = builder.build().expect("the limits can work");
        let create = |_| {
            let created = runtime.create(worker_runtime::CreateWorker::default());
            let created = created.now_or_never().expect("nothing to wait for");
            created.expect("there is capacity").worker.id
        };
        let ids: Vec<WorkerId> = (0..workers).map(create).collect();
        let worker = ids[workers / 2];
        let source = Arc::new(EmbeddedSource::new(runtime.clone()));
        let registry = RuntimeRegistry::builder().register(source);
        let worker_id = worker.to_string().parse().expect("a UUID is a worker id");
        let executor = Builder::new_current_thread().enable_time().build();
        Self {
            executor: executor.expect("an executor"),
            runtime,
            registry: registry.expect("the only source").build(),
            worker,
            worker_ref: WorkerRef::new(runtime_id(), worker_id),
        }
    }

    /// A worker that has something to show on a page.
    fn with_a_conversation() -> Self {
        let pair = Self::new(1);
        pair.executor.block_on(async {
            for _ in 0..INPUTS {
                let input = worker_runtime::Input::new("hello there");
                let accepted = pair.runtime.send_input(pair.worker, input).await;
                accepted.expect("an idle worker takes an input");
                pair.run_ends().await;
            }
        });
        pair
    }

    async fn run_ends(&self) {
        let state = async || {
            self.runtime
                .get(self.worker)
                .await
                .map(|worker| worker.state)
        };
        while state().await != Ok(WorkerState::Idle) {
            yield_now().await;
        }
    }

    /// Measures a call that returns without waiting, without the cost of entering an executor.
    fn measure<F: Future>(&self, bencher: Bencher<'_, '_>, call: impl Fn() -> F) {
        let _entered = self.executor.enter();
        bencher.bench_local(|| call().now_or_never().expect("there is nothing to wait for"));
    }
}

fn runtime_id() -> RuntimeId {
    adapter_embedded::RUNTIME_ID.parse().expect("a runtime id")
}

fn page_limit() -> PageLimit {
    PageLimit::new(PAGE).expect("within the bounds of a page")
}

mod detail {
    use super::*;

    #[divan::bench(args = WORKERS)]
    fn directly(bencher: Bencher<'_, '_>, workers: usize) {
        let pair = Pair::new(workers);
        pair.measure(bencher, || pair.runtime.get(pair.worker));
    }

    #[divan::bench(args = WORKERS)]
    fn through_the_registry(bencher: Bencher<'_, '_>, workers: usize) {
        let pair = Pair::new(workers);
        pair.measure(bencher, || pair.registry.worker(&pair.worker_ref));
    }
}

mod list_page_of_50 {
    use super::*;

    #[divan::bench(args = WORKERS)]
    fn directly(bencher: Bencher<'_, '_>, workers: usize) {
        let pair = Pair::new(workers);
        let query = worker_runtime::ListQuery {
            limit: Some(page_limit().get()),
            ..Default::default()
        };
        pair.measure(bencher, || pair.runtime.list(query));
    }

    #[divan::bench(args = WORKERS)]
    fn through_the_registry(bencher: Bencher<'_, '_>, workers: usize) {
        let pair = Pair::new(workers);
        let runtime_id = runtime_id();
        pair.measure(bencher, || {
            let registry = &pair.registry;
            registry.list_runtime_workers(&runtime_id, None, None, page_limit())
        });
    }
}

mod transcript_page_of_50 {
    use super::*;

    #[divan::bench]
    fn directly(bencher: Bencher<'_, '_>) {
        let pair = Pair::with_a_conversation();
        let query = worker_runtime::TranscriptQuery {
            limit: Some(page_limit().get()),
            ..Default::default()
        };
        pair.measure(bencher, || pair.runtime.transcript(pair.worker, query));
    }

    #[divan::bench]
    fn through_the_registry(bencher: Bencher<'_, '_>) {
        let pair = Pair::with_a_conversation();
        let query = TranscriptQuery {
            range: TranscriptRange::Newest,
            limit: page_limit(),
        };
        pair.measure(bencher, || {
            pair.registry.transcript(&pair.worker_ref, &query)
        });
    }
}

mod events_batch_of_50 {
    use super::*;

    #[divan::bench]
    fn directly(bencher: Bencher<'_, '_>) {
        let pair = Pair::with_a_conversation();
        let query = worker_runtime::EventsQuery {
            limit: Some(page_limit().get()),
            ..Default::default()
        };
        pair.measure(bencher, || pair.runtime.events(pair.worker, query));
    }

    #[divan::bench]
    fn through_the_registry(bencher: Bencher<'_, '_>) {
        let pair = Pair::with_a_conversation();
        let query = EventsQuery {
            limit: page_limit(),
            ..EventsQuery::default()
        };
        pair.measure(bencher, || pair.registry.events(&pair.worker_ref, &query));
    }
}
