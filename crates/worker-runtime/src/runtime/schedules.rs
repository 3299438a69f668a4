//! The shell under a scheduler that tries out interleavings (feature `shuttle`).
//!
//! Each test is a short scenario in which a few tasks meet. It runs under many schedules,
//! half of them chosen by PCT (<https://doi.org/10.1145/1736020.1736040>) with three
//! priority changes, half at random, and everything has to hold at its end: see
//! [`Fixture::check`]. A schedule that violates something is printed, and `shuttle::replay`
//! repeats it.
//!
//! `YOI_SCHEDULES` sets how many schedules each scenario gets, and
//! `SHUTTLE_RANDOM_SEED` which.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};

use super::slot::Persistence;
use super::*;
use crate::WorkerState;

mod contention;
mod durability;
mod endings;
mod fixture;
mod history;
mod inputs;
mod queueing;
mod readers;
mod refusals;
mod scripted_engine;
mod storing;

use fixture::{Fixture, NEVER, both};

/// Schedules of each scenario unless `YOI_SCHEDULES` says otherwise.
const SCHEDULES: usize = 2_000;
/// Changes of priority in a PCT schedule: the depth of the bugs that it aims at.
const PCT_DEPTH: usize = 3;
/// Steps after which a schedule counts as endless; the longest scenario takes some hundreds.
const MAX_STEPS: usize = 20_000;
/// Stack of each task.
const STACK_BYTES: usize = 128 * 1024;

/// What is done with a runtime. Its type doesn't say what: the scheduler is compiled once for all.
type Scenario = Arc<dyn Fn(Fixture) -> Pin<Box<dyn Future<Output = ()>>> + Send + Sync>;

fn boxed<F>(scenario: impl Fn(Fixture) -> F + Send + Sync + 'static) -> Scenario
where
    F: Future<Output = ()> + 'static,
{
    Arc::new(move |fixture| Box::pin(scenario(fixture)))
}

/// Runs a scenario in memory, and on a store, under both schedulers.
///
/// # Panics
/// When a schedule violates something; says which one it was.
#[expect(clippy::needless_pass_by_value, reason = "callers make them for this")]
fn explore<F>(limits: Limits, scenario: impl Fn(Fixture) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + 'static,
{
    let scenario = boxed(scenario);
    for persistence in [Persistence::Memory, Persistence::Store] {
        run_schedules(1, persistence, limits.clone(), Arc::clone(&scenario));
    }
}

/// Runs a scenario with this persistence under both schedulers.
fn explore_with<F>(
    persistence: Persistence,
    limits: Limits,
    scenario: impl Fn(Fixture) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + 'static,
{
    run_schedules(1, persistence, limits, boxed(scenario));
}

/// Runs a scenario under a fraction of the schedules: one of `share`.
fn run_schedules(share: usize, persistence: Persistence, limits: Limits, scenario: Scenario) {
    let schedules = match std::env::var("YOI_SCHEDULES") {
        Ok(number) => number.parse().expect("YOI_SCHEDULES is a number"),
        Err(_) => SCHEDULES,
    };
    let schedules = usize::max(schedules / share, 2);
    let tried = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&tried);
    let body = Arc::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
        shuttle::future::block_on(async {
            scenario(Fixture::new(limits.clone(), persistence).await).await;
        });
    });
    let run = || {
        let (pct, random) = (schedules.div_ceil(2), schedules / 2);
        under(PctScheduler::new(PCT_DEPTH, pct), Arc::clone(&body));
        under(RandomScheduler::new(random), Arc::clone(&body));
    };
    if catch_unwind(AssertUnwindSafe(run)).is_err() {
        let schedule = tried.load(Ordering::Relaxed);
        panic!("violated by schedule {schedule}, {persistence:?}");
    }
}

fn under(scheduler: impl Scheduler + 'static, body: Arc<impl Fn() + Send + Sync + 'static>) {
    let mut config = shuttle::Config::new();
    config.stack_size = STACK_BYTES;
    config.max_steps = shuttle::MaxSteps::FailAfter(MAX_STEPS);
    config.silence_warnings = true;
    shuttle::Runner::new(scheduler, config).run(move || body());
}

/// Limits under which no timeout passes and nothing is pruned.
fn timeless() -> Limits {
    Limits {
        run_time: NEVER,
        wait: NEVER,
        cancel_wait: NEVER,
        ..Limits::default()
    }
}
