//! Resident memory of what only waits, or only lies there.

use std::sync::Arc;
use std::time::Duration;

use worker_runtime::{CreateWorker, Input, Limits, OfflineEngine, Runtime};

use super::ScaleError;
use super::curve::Measured as _;
use super::curve::{Curve, Line};
use super::pollers::Stage;
use super::workers::BYTES_MAX;
use crate::process_reading::Reading;

/// Of each thing that is held: fewer can take less than one step of the allocator.
const SIZES: [u32; 3] = [10_000, 30_000, 100_000];
/// Events that a worker has said when it is looked at: what fits into its log.
const EVENTS: u32 = 1_000;
/// How many times as many events as workers are held: one takes too little to be seen.
const EVENTS_FOR_ONE: u32 = 10;
/// Words of an input: as many deltas of the offline engine as one reply can have.
const WORDS: usize = 200;

/// What is measured, in the order of the lines.
const LINES: [&str; 3] = ["idle worker", "waiting reader", "event held"];

/// Measures all of it, in memory that nobody used before.
pub(super) async fn measure() -> Result<Curve, ScaleError> {
    let mut lines = LINES.map(|name| Line::new(name, SIZES.len()));
    // Memory that was given back would be used again, and not be seen.
    let mut kept = Vec::new();
    for (size, number) in SIZES.into_iter().enumerate() {
        let before = resident()?;
        let runtime = runtime()?;
        for _ in 0..number {
            runtime.create(CreateWorker::default())?;
        }
        let workers = resident()?;
        lines[0].add(size, share(before, workers, number));
        let stage = Stage::of(number).await?;
        let readers = resident()?;
        lines[1].add(size, share(workers, readers, number));
        let (talkers, events) = talk(EVENTS_FOR_ONE * number).await?;
        lines[2].add(size, share(readers, resident()?, events));
        kept.push((runtime, stage, talkers));
    }
    Ok(Curve {
        file: "memory",
        title: "Resident memory against how much is held",
        size: "workers, readers, events",
        unit: "bytes each",
        sizes: SIZES.to_vec(),
        lines: lines.into(),
        method: "Differences of the process's resident memory, read once. A reader is a task that \
                 waits for events, with its fiftieth of the worker; its connection is not in it. \
                 An event is one word of a reply, with its share of the entry that holds the \
                 whole reply and of the worker; of events, ten times as many are held.",
    })
}

/// A runtime whose workers have said so many things together, and how many that is.
async fn talk(events: u32) -> Result<(Runtime, u32), ScaleError> {
    let runtime = runtime()?;
    let mut said = 0;
    let input = vec!["word"; WORDS].join(" ");
    while said < events {
        let id = runtime.create(CreateWorker::default())?.worker.id;
        let mut own = 0;
        while own < EVENTS.min(events) {
            runtime.send_input(id, Input::new(input.clone()))?;
            while runtime.status().active_runs > 0 {
                tokio::task::yield_now().await;
            }
            let last = runtime.get(id)?.cursor.sequence();
            own = u32::try_from(last).expect("few events");
        }
        said += own;
    }
    Ok((runtime, said))
}

fn runtime() -> Result<Runtime, ScaleError> {
    let limits = Limits {
        workers: usize::MAX,
        total_bytes: BYTES_MAX,
        events: usize::try_from(2 * EVENTS).expect("a small number"),
        ..Limits::default()
    };
    let engine = OfflineEngine::new(Duration::ZERO);
    let runtime = Runtime::builder().engine(Arc::new(engine)).limits(limits);
    Ok(runtime.build()?)
}

fn resident() -> Result<u64, ScaleError> {
    Ok(Reading::of(std::process::id())?.resident_bytes)
}

fn share(before: u64, after: u64, number: u32) -> f64 {
    let kibibytes = after.saturating_sub(before) / 1024;
    let kibibytes = u32::try_from(kibibytes).expect("less than four tebibytes");
    f64::from(kibibytes) * 1024.0 / f64::from(number)
}
