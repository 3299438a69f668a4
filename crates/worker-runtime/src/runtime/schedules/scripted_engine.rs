//! An engine that does what its input says, word by word, and records violations of what an
//! engine is promised.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, Weak};

use async_trait::async_trait;

use super::super::{Inner, Lookup};
use crate::core::Worker;
use crate::{EngineError, EngineErrorKind, Output, RunId, Turn, TurnEngine, WorkerId};

/// The words: `hang` for ever · `fail` · `panic` · `think`. Any other word is pushed.
#[derive(Default)]
pub(super) struct ScriptedEngine {
    runtime: OnceLock<Weak<Inner>>,
    /// How many runs there may be at once.
    places: OnceLock<usize>,
    active_workers: Mutex<HashSet<WorkerId>>,
    started: Mutex<Vec<RunId>>,
    violations: Mutex<Vec<&'static str>>,
}

impl ScriptedEngine {
    pub(super) fn watch(&self, runtime: Weak<Inner>) {
        let places = runtime.upgrade().map(|inner| inner.limits.concurrent_runs);
        assert!(self.places.set(places.expect("it is there")).is_ok());
        assert!(self.runtime.set(runtime).is_ok(), "it is told once");
    }

    /// The runs in the order in which their engines were started.
    pub(super) fn started(&self) -> Vec<RunId> {
        self.started.lock().expect("unpoisoned").clone()
    }

    /// Checks that no run's future is left, and that no promise was violated.
    pub(super) fn assert_no_violations(&self) {
        let violations = self.violations.lock().expect("unpoisoned");
        assert_eq!(*violations, [""; 0]);
        assert!(self.active_workers.lock().expect("unpoisoned").is_empty());
    }

    fn violated(&self, rule: &'static str) {
        self.violations.lock().expect("unpoisoned").push(rule);
    }

    /// The active run of a worker; none if the runtime is gone.
    fn active_run(&self, worker: WorkerId) -> Option<Option<RunId>> {
        let runtime = self.runtime.get()?.upgrade()?;
        Some(match runtime.lookup(worker) {
            Ok(Lookup::Resident(slot)) => slot.read(Worker::active_run),
            Ok(Lookup::Stored(..)) | Err(_) => None,
        })
    }
}

#[async_trait]
impl TurnEngine for ScriptedEngine {
    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let _part = ActiveRunGuard::enter(self, &turn);
        for word in turn.input.split_whitespace() {
            match word {
                "hang" => std::future::pending().await,
                "fail" => return Err(EngineError::new(EngineErrorKind::RateLimited)),
                // Without the panic hook, which would print the schedule.
                "panic" => resume_unwind(Box::new("as the input says")),
                "think" => output.push_reasoning("hm").await?,
                word => output.push(word).await?,
            }
        }
        Ok(())
    }
}

/// Lives as long as the run's future does.
struct ActiveRunGuard<'a> {
    engine: &'a ScriptedEngine,
    worker: WorkerId,
    run: RunId,
}

impl<'a> ActiveRunGuard<'a> {
    fn enter(engine: &'a ScriptedEngine, turn: &Turn) -> Self {
        let mut active = engine.active_workers.lock().expect("unpoisoned");
        if !active.insert(turn.worker_id) {
            engine.violated("two runs of one worker overlap");
        }
        let places = engine.places.get().copied().unwrap_or(usize::MAX);
        if active.len() > places {
            engine.violated("more runs than there are places");
        }
        engine.started.lock().expect("unpoisoned").push(turn.run_id);
        Self {
            engine,
            worker: turn.worker_id,
            run: turn.run_id,
        }
    }
}

impl Drop for ActiveRunGuard<'_> {
    fn drop(&mut self) {
        if let Some(active) = self.engine.active_run(self.worker)
            && active != Some(self.run)
        {
            self.engine
                .violated("a run ended before its future was dropped");
        }
        self.engine
            .active_workers
            .lock()
            .expect("unpoisoned")
            .remove(&self.worker);
    }
}
