//! The load of `polls` and `sigterm`: pollers that follow workers by long-poll and cursor, and
//! inputs at a steady rate, each answered with one word.

use std::time::{Duration, Instant};

use registry_core::projection::{EventBatch, EventKind};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

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
    let mut tasks = JoinSet::new();
    let pause = Duration::from_secs(1) * SENDERS / RATE;
    let senders = usize::try_from(SENDERS).expect("a small number");
    for own in workers.chunks(workers.len().div_ceil(senders)) {
        let (client, own) = (endpoint.client(), own.to_vec());
        tasks.spawn(send_in_turn(client, own, pause, done.clone()));
    }
    let mut all = Inputs::default();
    while let Some(inputs) = tasks.join_next().await {
        all.merge(inputs?);
    }
    Ok(all)
}

/// Sends [`RATE`] inputs a second to `workers` in turn, for `length`.
pub(super) async fn send_inputs_for(
    endpoint: &Endpoint,
    workers: &[Worker],
    length: Duration,
) -> Result<Inputs, Failure> {
    let (done, is_done) = watch::channel(false);
    let end = async {
        tokio::time::sleep(length).await;
        done.send_replace(true);
    };
    let senders = send_inputs(endpoint.clone(), workers.to_vec(), is_done);
    let (inputs, ()) = tokio::join!(senders, end);
    inputs
}

async fn send_in_turn(
    mut client: Client,
    workers: Vec<Worker>,
    pause: Duration,
    done: watch::Receiver<bool>,
) -> Inputs {
    let mut inputs = Inputs::default();
    let mut ticks = tokio::time::interval(pause);
    // A late input does not delay the next one.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for worker in workers.iter().cycle() {
        if *done.borrow() {
            break;
        }
        let due = ticks.tick().await;
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
