//! The load of `polls` and `sigterm`: readers that follow workers by long-poll and cursor, and
//! writes at a steady rate, each an input that is answered with one word.

use std::time::{Duration, Instant};

use registry_core::projection::{EventBatch, EventKind};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::account::Account;
use crate::client::{Client, Door};
use crate::engine::Order;
use crate::failure::Failure;
use crate::latency::Latencies;
use crate::worker::{Follower, Worker};

/// Tasks that write, each to workers of its own.
const WRITERS: usize = 4;

/// Whether the writers go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    On,
    Done,
}

/// What the writers came to.
#[derive(Default)]
pub(super) struct Written {
    /// Runs that were accepted.
    pub(super) account: Account,
    /// From when a write was due to its answer, so that a late one counts as late.
    pub(super) times: Latencies,
    /// Writes that were answered otherwise.
    pub(super) errors: Vec<String>,
}

impl Written {
    fn join(&mut self, other: Self) {
        self.account.join(other.account);
        self.times.join(other.times);
        self.errors.extend(other.errors);
    }
}

/// What one poller came to.
pub(super) struct Polled {
    /// Every event that it saw.
    pub(super) account: Account,
    /// Events that it saw.
    pub(super) events: usize,
    /// Events that it missed, or saw twice.
    pub(super) gaps: usize,
    /// Polls that were answered.
    pub(super) polls: usize,
    /// How it ended.
    pub(super) end: PollEnd,
}

/// How a poller ends.
#[derive(Debug)]
pub(super) enum PollEnd {
    /// It saw the last event of its worker.
    Stopped,
    /// A poll failed that was sent at this instant.
    Failed {
        /// When it was sent.
        sent: Instant,
        /// What came instead of an answer.
        failure: Failure,
    },
}

/// Writes `rate` times a second to `workers` in turn, until told otherwise.
pub(super) async fn write(
    door: Door,
    workers: Vec<Worker>,
    rate: u32,
    writing: watch::Receiver<Writing>,
) -> Result<Written, Failure> {
    let mut tasks = JoinSet::new();
    let writers = u32::try_from(WRITERS).expect("a small number");
    let pause = Duration::from_secs(1) * writers / rate;
    for own in workers.chunks(workers.len().div_ceil(WRITERS)) {
        let (client, own) = (door.client(), own.to_vec());
        tasks.spawn(write_in_turn(client, own, pause, writing.clone()));
    }
    let mut all = Written::default();
    while let Some(written) = tasks.join_next().await {
        all.join(written?);
    }
    Ok(all)
}

async fn write_in_turn(
    mut client: Client,
    workers: Vec<Worker>,
    pause: Duration,
    writing: watch::Receiver<Writing>,
) -> Written {
    let mut written = Written::default();
    let mut ticks = tokio::time::interval(pause);
    // A late write does not put off the next one.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for worker in workers.iter().cycle() {
        if *writing.borrow() == Writing::Done {
            break;
        }
        let due = ticks.tick().await;
        match worker.hears(&mut client, Order::Say(1)).await {
            Ok(accepted) => written.account.accepted(&accepted),
            Err(failure) => written.errors.push(failure.to_string()),
        }
        written.times.add(due.elapsed());
    }
    written
}

/// Starts `pollers` readers, spread over `workers`, each on a connection of its own.
pub(super) fn poll(door: &Door, workers: &[Worker], pollers: usize) -> JoinSet<Polled> {
    let mut tasks = JoinSet::new();
    for worker in workers.iter().cycle().take(pollers) {
        tasks.spawn(follow(door.client(), worker.follower()));
    }
    tasks
}

async fn follow(mut client: Client, mut follower: Follower) -> Polled {
    let mut account = Account::default();
    let (mut events, mut polls, mut stopped) = (0, 0, false);
    let end = loop {
        let sent = Instant::now();
        let read = client.read::<EventBatch>(&follower.poll_path()).await;
        let batch = match read.and_then(|batch| follower.take(batch)) {
            Ok(batch) => batch,
            Err(failure) => break PollEnd::Failed { sent, failure },
        };
        polls += 1;
        events += batch.len();
        for event in &batch {
            account.saw(event);
            stopped |= event.kind == EventKind::WorkerStopped;
        }
        if stopped {
            break PollEnd::Stopped;
        }
    };
    Polled {
        account,
        events,
        gaps: follower.gaps,
        polls,
        end,
    }
}
