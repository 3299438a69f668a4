//! Histories of real threads against a sequential specification: whatever clients of one
//! runtime do at the same time, its answers are those that it could have given one after the
//! other.
//!
//! `YOI_HISTORIES` is the number of histories, `YOI_SEED` what the clients' plans are drawn
//! from. How the threads interleave is up to the machine.

#![expect(
    clippy::unwrap_used,
    reason = "a history that can't be recorded is a failure of the test"
)]

mod linearizability {
    pub(crate) mod checker;
    mod checker_tests;
    pub(crate) mod clients;
    pub(crate) mod engine;
    pub(crate) mod observed;
    pub(crate) mod plan;
    pub(crate) mod specification;
    mod specification_tests;
}

use std::env;

use linearizability::checker::{Action, Verdict, check};
use linearizability::clients::{CONCURRENT_RUNS, Stage};
use linearizability::plan::Plan;
use linearizability::specification::World;

/// Threads that the engines share; each client has one of its own.
const ENGINE_THREADS: usize = 2;
/// Histories when nobody says how many: about a second in a debug build.
const HISTORIES: u64 = 500;

/// Numbers from the environment, so that a long run and a repeated one need no other build.
fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn what_threads_see_could_have_happened_one_after_the_other() {
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ENGINE_THREADS)
        .enable_time()
        .build()
        .unwrap();
    let seed = number("YOI_SEED", 0);
    let mut met = 0;
    for history in 0..number("YOI_HISTORIES", HISTORIES) {
        let plan = Plan::draw(seed.wrapping_add(history));
        let recorded = executor.block_on(Stage::new().play(plan));
        met += usize::from(clients_met(&recorded));
        match check(World::new(CONCURRENT_RUNS), &recorded) {
            Verdict::Linearizable => {}
            Verdict::Anomaly => {
                let lines = recorded.iter().map(|action| format!("{action:?}\n"));
                let lines: String = lines.collect();
                panic!("history {history} of seed {seed} has no linearization:\n{lines}");
            }
        }
    }
    assert!(
        met > 0,
        "no two clients ever did something at the same time"
    );
}

/// Whether calls of two clients overlapped.
fn clients_met<O>(history: &[Action<O>]) -> bool {
    let overlap = |one: &Action<O>, other: &Action<O>| {
        one.client != other.client && one.invoked < other.returned && other.invoked < one.returned
    };
    let meets = |one| history.iter().any(|other| overlap(one, other));
    history.iter().any(meets)
}
