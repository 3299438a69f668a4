//! Appending an event to one worker while pollers wait for events of others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use worker_runtime::{
    CreateWorker, EngineError, EventsQuery, Input, Limits, Output, Runtime, Turn, TurnEngine,
    WorkerId,
};

use super::{Error, Sample};
use crate::engine::WORD;

/// Pollers of each worker that has any.
const POLLERS_PER_WORKER: usize = 50;
/// Events that one round appends.
const EVENTS: u32 = 5_000;
/// Bytes that all workers may reserve: more than the machine has.
const BYTES_MAX: usize = 1 << 42;
/// The longest wait of a poller: longer than the measurement.
const WAIT: Duration = Duration::from_secs(3_600);

/// An engine that appends events and sends how long one took.
struct AppendingEngine(mpsc::UnboundedSender<Duration>);

#[async_trait]
impl TurnEngine for AppendingEngine {
    async fn run(&self, _: Turn, output: Output) -> Result<(), EngineError> {
        let began = Instant::now();
        for _ in 0..EVENTS {
            output.push(WORD).await?;
        }
        // Fails only once the sample was dropped.
        let _ = self.0.send(began.elapsed() / EVENTS);
        Ok(())
    }
}

/// A runtime with waiting pollers.
pub(super) struct Append {
    runtime: Runtime,
    worker: WorkerId,
    times: mpsc::UnboundedReceiver<Duration>,
    /// Dropping it ends the pollers.
    _pollers: JoinSet<()>,
}

impl Sample for Append {
    async fn new(size: usize) -> Result<Self, Error> {
        let (sender, times) = mpsc::unbounded_channel();
        let runtime = Runtime::builder()
            .engine(Arc::new(AppendingEngine(sender)))
            .limits(Limits {
                pollers: size.max(1),
                wait: WAIT,
                total_bytes: BYTES_MAX,
                ..Limits::default()
            })
            .build()?;
        let mut pollers = JoinSet::new();
        for _ in 0..size / POLLERS_PER_WORKER {
            let worker = runtime.create(CreateWorker::default()).await?.worker;
            for _ in 0..POLLERS_PER_WORKER {
                let runtime = runtime.clone();
                let query = EventsQuery {
                    after: Some(worker.cursor),
                    wait: WAIT,
                    ..EventsQuery::default()
                };
                pollers.spawn(async move { drop(runtime.events(worker.id, query).await) });
            }
        }
        while runtime.status().waiting_pollers < size {
            if pollers.try_join_next().is_some() {
                return Err("a poller did not wait".into());
            }
            tokio::task::yield_now().await;
        }
        let worker = runtime.create(CreateWorker::default()).await?.worker.id;
        Ok(Self {
            runtime,
            worker,
            times,
            _pollers: pollers,
        })
    }

    async fn round(&mut self) -> Result<Duration, Error> {
        self.runtime
            .send_input(self.worker, Input::new("go"))
            .await?;
        let time = self.times.recv().await;
        let time = time.ok_or("the engine is gone")?;
        while self.runtime.status().active_runs > 0 {
            tokio::task::yield_now().await;
        }
        Ok(time)
    }
}
