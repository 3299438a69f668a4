//! The load of `polls` and `sigterm`: pollers that follow workers by long-poll and cursor, and
//! inputs at a steady rate, each answered with one word.

use std::time::{Duration, Instant};

use registry_core::projection::{EventBatch, EventKind};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior};

use crate::client::{Client, Endpoint};
use crate::engine::Script;
use crate::failure::Failure;
use crate::run_tracker::RunTracker;
use crate::statistics::Latencies;
use crate::worker::{EventReader, Worker};

/// Workers of the load.
pub(super) const WORKERS: usize = 200;
/// Inputs a second.
pub(super) const RATE: u32 = 200;
/// Tasks that send inputs, each to workers of its own.
const SENDERS: u32 = 4;
/// Time between two inputs of one of them.
const PAUSE: Duration = Duration::from_millis(1_000 * SENDERS as u64 / RATE as u64);

#[derive(Default)]
pub(super) struct Inputs {
    pub(super) tracker: RunTracker,
    /// Times from when an input was due to its response, so that a late one counts as late.
    pub(super) times: Latencies,
    /// Inputs that were not accepted.
    pub(super) errors: Vec<String>,
}

impl Inputs {
    fn merge(&mut self, other: Self) {
        self.tracker.merge(other.tracker);
        self.times.merge(other.times);
        self.errors.extend(other.errors);
    }
}

pub(super) struct Polled {
    pub(super) tracker: RunTracker,
    pub(super) events: usize,
    /// Events that it missed or received twice.
    pub(super) gaps: usize,
    pub(super) polls: usize,
    pub(super) end: PollEnd,
}

#[derive(Debug)]
pub(super) enum PollEnd {
    /// It received the last event of its worker.
    Stopped,
    /// A poll failed.
    Failed { sent: Instant, failure: Failure },
}

/// Sends [`RATE`] inputs a second to `workers` in turn, until `done` is true.
pub(super) async fn send_inputs(
    endpoint: Endpoint,
    workers: Vec<Worker>,
    done: watch::Receiver<bool>,
) -> Result<Inputs, Failure> {
    send_all(&endpoint, &workers, usize::MAX, &done).await
}

/// Sends the inputs that are due within `length`, [`RATE`] a second, to `workers` in turn. Takes longer
/// when the server or the machine does.
pub(super) async fn send_inputs_for(
    endpoint: &Endpoint,
    workers: &[Worker],
    length: Duration,
) -> Result<Inputs, Failure> {
    let (_done, is_done) = watch::channel(false);
    send_all(endpoint, workers, due_within(length), &is_done).await
}

/// How late a task is that sends nothing and waits for the instants of a sender: what the machine itself
/// adds to the times of inputs.
pub(super) async fn lateness(length: Duration) -> Latencies {
    let mut lateness = Latencies::default();
    let mut ticks = due_instants();
    for _ in 0..due_within(length) {
        lateness.record(ticks.tick().await.elapsed());
    }
    lateness
}

/// The inputs of one sender that are due within `length`.
fn due_within(length: Duration) -> usize {
    (length.as_nanos() / PAUSE.as_nanos()) as usize
}

/// Sends `each` inputs from every sender, unless `done` is true before.
async fn send_all(
    endpoint: &Endpoint,
    workers: &[Worker],
    each: usize,
    done: &watch::Receiver<bool>,
) -> Result<Inputs, Failure> {
    let mut tasks = JoinSet::new();
    for own in workers.chunks(workers.len().div_ceil(SENDERS as usize)) {
        let (client, own) = (endpoint.client(), own.to_vec());
        tasks.spawn(send_in_turn(client, own, each, done.clone()));
    }
    let mut all = Inputs::default();
    while let Some(inputs) = tasks.join_next().await {
        all.merge(inputs?);
    }
    Ok(all)
}

/// The instants at which a sender's inputs are due.
fn due_instants() -> Interval {
    let mut ticks = tokio::time::interval(PAUSE);
    // A late input does not delay the next one.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    ticks
}

async fn send_in_turn(
    mut client: Client,
    workers: Vec<Worker>,
    number: usize,
    done: watch::Receiver<bool>,
) -> Inputs {
    let mut inputs = Inputs::default();
    let mut ticks = due_instants();
    let turn = PAUSE * u32::try_from(workers.len()).expect("a small number");
    let mut own: Vec<_> = workers.iter().map(|worker| (worker, None)).collect();
    for index in (0..own.len()).cycle().take(number) {
        let (worker, last) = &mut own[index];
        if *done.borrow() {
            break;
        }
        let due = ticks.tick().await;
        let since_last = last.replace(Instant::now()).map(|last| last.elapsed());
        // An input that makes up for lost time may find the run of the one before.
        if since_last.is_some_and(|time| time < turn / 2)
            && let Err(failure) = worker.wait_until_idle(&mut client).await
        {
            inputs.errors.push(failure.to_string());
        }
        match worker.send(&mut client, Script::Reply(1)).await {
            Ok(accepted) => inputs.tracker.accepted(&accepted),
            Err(failure) => inputs.errors.push(failure.to_string()),
        }
        inputs.times.record(due.elapsed());
    }
    inputs
}

/// Starts `pollers` tasks, spread over `workers`, each with a connection of its own.
pub(super) fn start_pollers(
    endpoint: &Endpoint,
    workers: &[Worker],
    pollers: usize,
) -> JoinSet<Polled> {
    let mut tasks = JoinSet::new();
    for worker in workers.iter().cycle().take(pollers) {
        tasks.spawn(poll(endpoint.client(), worker.events()));
    }
    tasks
}

async fn poll(mut client: Client, mut reader: EventReader) -> Polled {
    let mut tracker = RunTracker::default();
    let (mut events, mut polls, mut stopped) = (0, 0, false);
    let end = loop {
        let sent = Instant::now();
        let response = client.get_json::<EventBatch>(&reader.poll_path()).await;
        let batch = match response.and_then(|batch| reader.advance(batch)) {
            Ok(batch) => batch,
            Err(failure) => break PollEnd::Failed { sent, failure },
        };
        polls += 1;
        events += batch.len();
        for event in &batch {
            tracker.event(event);
            stopped |= event.kind == EventKind::WorkerStopped;
        }
        if stopped {
            break PollEnd::Stopped;
        }
    };
    Polled {
        tracker,
        events,
        gaps: reader.gaps,
        polls,
        end,
    }
}
