//! Appending an event to one worker against the number of readers that wait on others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use worker_runtime::{
    CreateWorker, EngineError, EventsError, EventsQuery, Input, Limits, Output, Runtime, Turn,
    TurnEngine, Usage, WorkerId,
};

use super::ScaleError;
use super::curve::{Curve, Measured, in_turns, share_us};
use super::workers::BYTES_MAX;

/// Readers that wait.
const SIZES: [u32; 4] = [0, 100, 1_000, 10_000];
/// Readers of each worker that somebody waits on.
const EACH: usize = 50;
/// Events that one round appends.
const EVENTS: usize = 5_000;
/// The longest that a reader waits: longer than anything is measured.
const WAIT: Duration = Duration::from_secs(3_600);
/// What an event says.
const WORD: &str = "word ";

/// An engine that appends events, and says how long that took.
struct Appending(mpsc::UnboundedSender<Duration>);

#[async_trait]
impl TurnEngine for Appending {
    async fn run(&self, _: Turn, output: Output) -> Result<Usage, EngineError> {
        let began = Instant::now();
        for _ in 0..EVENTS {
            output.push(WORD).await?;
        }
        // Whoever asked may have given up.
        let _ = self.0.send(began.elapsed());
        Ok(Usage::default())
    }
}

/// A runtime with so many waiting readers.
pub(super) struct Stage {
    runtime: Runtime,
    written: WorkerId,
    times: mpsc::UnboundedReceiver<Duration>,
    /// Dropped with the stage, and so are its readers.
    _readers: JoinSet<Result<(), EventsError>>,
}

/// Measures all sizes.
pub(super) async fn measure(rounds: u16) -> Result<Curve, ScaleError> {
    Ok(Curve {
        file: "pollers",
        title: "Cost of appending an event against readers that wait elsewhere",
        size: "waiting readers",
        unit: "µs per event",
        sizes: SIZES.to_vec(),
        lines: in_turns::<Stage, _>(["append"], &SIZES, rounds).await?,
        method: "Calls of `worker_runtime`, one thread. An engine pushes deltas into one worker \
                 while readers wait for events of others, fifty on each.",
    })
}

impl Measured<1> for Stage {
    /// A runtime on which so many readers wait already.
    async fn of(size: u32) -> Result<Self, ScaleError> {
        let size = usize::try_from(size).expect("sizes fit");
        let (sender, times) = mpsc::unbounded_channel();
        let runtime = Runtime::builder()
            .engine(Arc::new(Appending(sender)))
            .limits(Limits {
                pollers: size.max(1),
                wait: WAIT,
                total_bytes: BYTES_MAX,
                ..Limits::default()
            })
            .build()?;
        let mut readers = JoinSet::new();
        for _ in 0..size / EACH {
            let worker = runtime.create(CreateWorker::default())?.worker;
            for _ in 0..EACH {
                let runtime = runtime.clone();
                let query = EventsQuery {
                    after: Some(worker.cursor),
                    limit: None,
                    wait: WAIT,
                };
                readers.spawn(async move { runtime.events(worker.id, query).await.map(drop) });
            }
        }
        while runtime.status().waiting_pollers < size {
            if let Some(ended) = readers.try_join_next() {
                ended.map_err(crate::failure::Failure::from)??;
                return Err(ScaleError::Lost("a reader did not wait"));
            }
            tokio::task::yield_now().await;
        }
        let written = runtime.create(CreateWorker::default())?.worker.id;
        Ok(Self {
            runtime,
            written,
            times,
            _readers: readers,
        })
    }

    async fn round(&mut self) -> Result<[f64; 1], ScaleError> {
        self.runtime.send_input(self.written, Input::new("go"))?;
        let took = self.times.recv().await;
        let took = took.ok_or(ScaleError::Lost("the engine is gone"))?;
        while self.runtime.status().active_runs > 0 {
            tokio::task::yield_now().await;
        }
        Ok([share_us(took, EVENTS)])
    }
}
