//! Creating workers, sending inputs, and appending events.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use divan::Bencher;
use futures_core::Stream;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::task::yield_now;
use worker_runtime::{
    CreateWorker, EngineError, Event, EventsError, Input, Output, Turn, TurnEngine, WorkerId,
};

use crate::population::{EVENTS, Population, WORKERS, at_once};

/// Readers that wait for an event.
const WAITING: [usize; 2] = [0, 10_000];
/// Readers that wait on each of the workers that have any: fewer than the default limit.
const READERS_OF_ONE: usize = 50;
/// Readers of the worker that writes.
const READERS: [usize; 2] = [1, 64];

/// The workers stay, so that the last one is created among `sample_count * sample_size` more.
#[divan::bench(args = WORKERS, sample_count = 100, sample_size = 10)]
fn create_among_workers(bencher: Bencher<'_, '_>, workers: usize) {
    let population = Population::new(workers);
    bencher.bench_local(|| at_once(population.runtime.create(CreateWorker::default())));
}

#[divan::bench(args = WORKERS)]
fn input_to_the_end_of_its_run_among_workers(bencher: Bencher<'_, '_>, workers: usize) {
    let population = Population::new(workers);
    bencher.bench_local(|| population.run_to_end(population.one(), "1"));
}

#[divan::bench(args = EVENTS)]
fn input_to_the_end_of_its_run_after_events(bencher: Bencher<'_, '_>, events: usize) {
    let population = Population::after_events(events);
    bencher.bench_local(|| population.run_to_end(population.one(), "1"));
}

#[divan::bench(args = WAITING)]
fn append_while_readers_wait_elsewhere(bencher: Bencher<'_, '_>, readers: usize) {
    let writer = OpenRun::start(readers / READERS_OF_ONE);
    let mut waiting = Vec::new();
    for other in &writer.population.workers {
        if *other != writer.worker {
            waiting.extend((0..READERS_OF_ONE).map(|_| writer.reader(*other)));
        }
    }
    bencher.bench_local(|| writer.append());
}

#[divan::bench(args = READERS)]
fn append_and_every_reader_receives_it(bencher: Bencher<'_, '_>, readers: usize) {
    let writer = OpenRun::start(0);
    let mut readers: Vec<_> = (0..readers).map(|_| writer.reader(writer.worker)).collect();
    bencher.bench_local(|| {
        writer.append();
        for reader in &mut readers {
            let event = reader.next().now_or_never().flatten();
            assert!(event.is_some_and(|event| event.is_ok()));
            assert!(reader.next().now_or_never().is_none());
        }
    });
}

type Reader = Pin<Box<dyn Stream<Item = Result<Event, EventsError>>>>;

/// A run that writes when the measurement does.
struct OpenRun {
    population: Population,
    worker: WorkerId,
    output: Output,
}

/// Exposes the output of its run, which does not end by itself.
#[derive(Default)]
struct OutputLender(Mutex<Option<Output>>);

#[async_trait]
impl TurnEngine for OutputLender {
    async fn run(&self, _: Turn, output: Output) -> Result<(), EngineError> {
        self.lent().replace(output);
        std::future::pending().await
    }
}

impl OutputLender {
    fn lent(&self) -> MutexGuard<'_, Option<Output>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenRun {
    /// A run of one worker beside so many others.
    fn start(others: usize) -> Self {
        let engine = Arc::new(OutputLender::default());
        let population = Population::with_engine(1 + others, Arc::clone(&engine) as _);
        let worker = population.one();
        let output = population.executor.block_on(async {
            let accepted = at_once(population.runtime.send_input(worker, Input::new("go")));
            accepted.expect("an idle worker takes an input");
            loop {
                if let Some(output) = engine.lent().take() {
                    break output;
                }
                yield_now().await;
            }
        });
        Self {
            population,
            worker,
            output,
        }
    }

    fn append(&self) {
        let pushed = self.output.push("word ").now_or_never();
        assert_eq!(pushed, Some(Ok(())));
    }

    /// A reader that has read everything, and waits.
    fn reader(&self, worker: WorkerId) -> Reader {
        let runtime = &self.population.runtime;
        let latest = at_once(runtime.get(worker)).expect("it was created").cursor;
        let mut reader = runtime.subscribe(worker, latest).boxed_local();
        assert!(reader.next().now_or_never().is_none());
        reader
    }
}
