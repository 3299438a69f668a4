//! Runtimes with as many workers and events as a measurement needs.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::runtime::{Builder, Runtime as Executor};
use tokio::task::yield_now;
use worker_runtime::{
    CreateWorker, EngineError, Input, Limits, Output, Runtime, Turn, TurnEngine, WorkerId,
    WorkerState,
};

/// Workers that a runtime holds.
pub(crate) const WORKERS: [usize; 3] = [100, 10_000, 100_000];
/// Events that were written about one worker.
pub(crate) const EVENTS: [usize; 2] = [1_000, 1_000_000];
/// Events of one run: the input, its deltas, the end.
const EVENTS_PER_RUN: usize = 20;
/// More than a run can write while it is measured.
const ENDLESS_REPLY_BYTES: usize = 1024 * 1024 * 1024;

/// A runtime, its workers, and the executor of their runs.
pub(crate) struct Population {
    pub(crate) executor: Executor,
    pub(crate) runtime: Runtime,
    pub(crate) workers: Vec<WorkerId>,
}

/// Replies at once, with as many deltas of one letter as the input says.
struct Letters;

#[async_trait]
impl TurnEngine for Letters {
    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let deltas = turn.input.parse().expect("the input is a number");
        for _ in 0..deltas {
            output.push("x").await?;
        }
        Ok(())
    }
}

impl Population {
    /// So many idle workers, of an engine that replies at once.
    pub(crate) fn new(workers: usize) -> Self {
        Self::with_engine(workers, Arc::new(Letters))
    }

    /// So many idle workers of `engine`.
    pub(crate) fn with_engine(workers: usize, engine: Arc<dyn TurnEngine>) -> Self {
        let builder = Runtime::builder().engine(engine).limits(limits());
        let runtime = builder.build().expect("the limits can work");
        let executor = Builder::new_current_thread().enable_time().build();
        let mut population = Self {
            executor: executor.expect("an executor"),
            runtime,
            workers: Vec::with_capacity(workers),
        };
        for _ in 0..workers {
            let created = at_once(population.runtime.create(CreateWorker::default()));
            let id = created.expect("there is capacity").worker.id;
            population.workers.push(id);
        }
        population
    }

    /// One worker, about which so many events were written.
    pub(crate) fn after_events(events: usize) -> Self {
        let population = Self::new(1);
        let deltas = (EVENTS_PER_RUN - 2).to_string();
        for _ in 0..events / EVENTS_PER_RUN {
            population.run_to_end(population.one(), &deltas);
        }
        population
    }

    /// A worker in the middle of the list.
    pub(crate) fn one(&self) -> WorkerId {
        self.workers[self.workers.len() / 2]
    }

    /// Sends an input, and waits until its run has ended.
    pub(crate) fn run_to_end(&self, worker: WorkerId, input: &str) {
        let accepted = {
            let _entered = self.executor.enter();
            at_once(self.runtime.send_input(worker, Input::new(input)))
        };
        accepted.expect("an idle worker takes an input");
        self.executor.block_on(async {
            let state = async || {
                self.runtime
                    .get(worker)
                    .await
                    .expect("it was created")
                    .state
            };
            while state().await != WorkerState::Idle {
                yield_now().await;
            }
        });
    }
}

/// The output of a future that has nothing to wait for: the runtime is in memory.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    future.now_or_never().expect("it doesn't wait")
}

/// Limits that no measurement comes near.
fn limits() -> Limits {
    Limits {
        workers: usize::MAX,
        total_bytes: usize::MAX,
        output_bytes: ENDLESS_REPLY_BYTES,
        transcript_bytes: 2 * ENDLESS_REPLY_BYTES,
        pollers: usize::MAX,
        ..Limits::default()
    }
}
