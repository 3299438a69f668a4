//! An engine that does what its input says, word by word, and looks out for what an engine
//! must never meet.

use std::collections::HashSet;
use std::panic::resume_unwind;
use std::sync::{Mutex, OnceLock, Weak};

use async_trait::async_trait;

use super::super::Inner;
use crate::core::Worker;
use crate::{EngineError, EngineErrorKind, Output, RunId, Turn, TurnEngine, Usage, WorkerId};

/// The words: `hang` for ever · `fail` · `panic`. Any other word is said, parts that `+` joins in
/// one step.
#[derive(Default)]
pub(super) struct Actor {
    runtime: OnceLock<Weak<Inner>>,
    on_stage: Mutex<HashSet<WorkerId>>,
    violations: Mutex<Vec<&'static str>>,
}

impl Actor {
    pub(super) fn watch(&self, runtime: Weak<Inner>) {
        assert!(self.runtime.set(runtime).is_ok(), "it is told once");
    }

    /// Checks that no run's future is left, and that none met what an engine must never meet.
    pub(super) fn went_well(&self) {
        let violations = self.violations.lock().expect("unpoisoned");
        assert_eq!(*violations, [""; 0]);
        assert!(self.on_stage.lock().expect("unpoisoned").is_empty());
    }

    fn violated(&self, rule: &'static str) {
        self.violations.lock().expect("unpoisoned").push(rule);
    }

    /// The active run of a worker; none if the runtime is gone.
    fn active_run(&self, worker: WorkerId) -> Option<Option<RunId>> {
        let runtime = self.runtime.get()?.upgrade()?;
        let slot = runtime.slot(worker).ok();
        Some(slot.and_then(|slot| slot.read(Worker::active_run)))
    }
}

#[async_trait]
impl TurnEngine for Actor {
    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let _part = Part::enter(self, &turn);
        for word in turn.input.split_whitespace() {
            match word {
                "hang" => std::future::pending().await,
                "fail" => return Err(EngineError::new(EngineErrorKind::RateLimited)),
                // Without the panic hook, which would print the schedule.
                "panic" => resume_unwind(Box::new("as the input says")),
                word => {
                    let parts: Vec<&str> = word.split('+').collect();
                    output.push_all(&parts).await?;
                }
            }
        }
        Ok(Usage::default())
    }
}

/// Lives as long as the run's future does.
struct Part<'a> {
    actor: &'a Actor,
    worker: WorkerId,
    run: RunId,
}

impl<'a> Part<'a> {
    fn enter(actor: &'a Actor, turn: &Turn) -> Self {
        let alone = actor
            .on_stage
            .lock()
            .expect("unpoisoned")
            .insert(turn.worker_id);
        if !alone {
            actor.violated("two runs of one worker overlap");
        }
        Self {
            actor,
            worker: turn.worker_id,
            run: turn.run_id,
        }
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        if let Some(active) = self.actor.active_run(self.worker)
            && active != Some(self.run)
        {
            self.actor
                .violated("a run ended before its future was dropped");
        }
        self.actor
            .on_stage
            .lock()
            .expect("unpoisoned")
            .remove(&self.worker);
    }
}
