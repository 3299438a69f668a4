//! Operations on one worker, or one page, against the number of workers there are.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use worker_runtime::{CreateWorker, Input, Limits, ListQuery, OfflineEngine, Runtime, WorkerId};

use super::ScaleError;
use super::curve::{Curve, Measured, each_us, in_turns, share_us};
use crate::random::Random;

/// Workers that there are.
const SIZES: [u32; 4] = [100, 1_000, 10_000, 100_000];
/// Of these, workers that take the place of stopped ones: few enough that the smallest number
/// still has a full page of others.
const REPLACED: usize = 25;
/// Of these, workers that hear inputs: the same number everywhere, so that their transcripts
/// are as long at every size.
const HEARERS: usize = 16;
/// Look-ups of a round.
const LOOKUPS: usize = 4_000;
/// Pages of a round.
const PAGES: usize = 400;
/// Workers on a page.
const PAGE: usize = 50;
/// Inputs of a round to each of the hearers.
const INPUTS: usize = 4;
/// Bytes that all workers may count: more than the machine has.
pub(super) const BYTES_MAX: usize = 1 << 42;
/// Where the look-ups begin.
const SEED: u64 = 0x796f_6921;

/// What is measured, in the order of the lines.
const LINES: [&str; 5] = [
    "detail, any worker",
    "detail, one worker",
    "page of 50, anywhere",
    "create, in the place of a stopped one",
    "input, to the end of its run",
];

/// A runtime with so many workers.
struct Stage {
    runtime: Runtime,
    workers: Vec<WorkerId>,
    hearers: Vec<WorkerId>,
    /// Workers that the next ones take the place of.
    stopped: Vec<WorkerId>,
    random: Random,
}

/// Measures all operations at all sizes.
pub(super) async fn measure(rounds: u16) -> Result<Curve, ScaleError> {
    Ok(Curve {
        file: "workers",
        title: "Cost of an operation against the number of workers",
        size: "workers",
        unit: "µs per operation",
        sizes: SIZES.to_vec(),
        lines: in_turns::<Stage, _>(LINES, &SIZES, rounds).await?,
        method: "Calls of `worker_runtime`, one thread. “Any worker” is another one each time, so \
                 that beyond the processor's caches the memory itself is in the figure; “one \
                 worker” is always the same. The runtime is at its limit of workers, so `create` \
                 also forgets the oldest stopped one. The offline engine answers inputs without \
                 pacing.",
    })
}

impl Measured<5> for Stage {
    async fn of(size: u32) -> Result<Self, ScaleError> {
        let size = usize::try_from(size).expect("sizes fit");
        let runtime = Runtime::builder()
            .engine(Arc::new(OfflineEngine::new(Duration::ZERO)))
            .limits(Limits {
                workers: size,
                total_bytes: BYTES_MAX,
                ..Limits::default()
            })
            .build()?;
        let mut all = Vec::with_capacity(size);
        for _ in 0..size {
            all.push(runtime.create(CreateWorker::default())?.worker.id);
        }
        let workers = all.split_off(HEARERS + REPLACED);
        let stopped = all.split_off(HEARERS);
        let mut stage = Self {
            runtime,
            workers,
            hearers: all,
            stopped,
            random: Random::of(SEED),
        };
        stage.stop_replaced().await?;
        Ok(stage)
    }

    /// The figures of one round, in the order of [`LINES`].
    async fn round(&mut self) -> Result<[f64; 5], ScaleError> {
        Ok([
            self.any_detail()?,
            self.same_detail()?,
            self.page(),
            self.create().await?,
            self.input().await?,
        ])
    }
}

impl Stage {
    fn any_detail(&mut self) -> Result<f64, ScaleError> {
        let ids: Vec<_> = (0..LOOKUPS).map(|_| self.any()).collect();
        let began = Instant::now();
        for id in ids {
            black_box(self.runtime.get(id)?);
        }
        Ok(each_us(began, LOOKUPS))
    }

    fn same_detail(&mut self) -> Result<f64, ScaleError> {
        let id = self.any();
        let began = Instant::now();
        for _ in 0..LOOKUPS {
            black_box(self.runtime.get(id)?);
        }
        Ok(each_us(began, LOOKUPS))
    }

    fn page(&mut self) -> f64 {
        // Behind each of them is a full page, also in the smallest catalog: ids are in the
        // order of creation, and pages go from the newest to the oldest.
        let beyond = self.workers.len() - PAGE;
        let behind = |random: &mut Random| Some(self.workers[PAGE + random.below(beyond)]);
        let places: Vec<_> = (0..PAGES).map(|_| behind(&mut self.random)).collect();
        let began = Instant::now();
        for after in places {
            black_box(self.runtime.list(ListQuery {
                after,
                state: None,
                limit: Some(PAGE),
            }));
        }
        each_us(began, PAGES)
    }

    async fn create(&mut self) -> Result<f64, ScaleError> {
        let mut created = Vec::with_capacity(REPLACED);
        let began = Instant::now();
        for _ in 0..REPLACED {
            created.push(self.runtime.create(CreateWorker::default())?.worker.id);
        }
        let figure = each_us(began, REPLACED);
        self.stopped = created;
        self.stop_replaced().await?;
        Ok(figure)
    }

    async fn stop_replaced(&mut self) -> Result<(), ScaleError> {
        for id in &self.stopped {
            self.runtime.stop(*id).await?;
        }
        Ok(())
    }

    async fn input(&mut self) -> Result<f64, ScaleError> {
        let mut took = Duration::ZERO;
        for _ in 0..INPUTS {
            let began = Instant::now();
            for id in &self.hearers {
                self.runtime.send_input(*id, Input::new("Hello there."))?;
            }
            while self.runtime.status().active_runs > 0 {
                tokio::task::yield_now().await;
            }
            took += began.elapsed();
        }
        Ok(share_us(took, INPUTS * self.hearers.len()))
    }

    fn any(&mut self) -> WorkerId {
        self.workers[self.random.below(self.workers.len())]
    }
}
