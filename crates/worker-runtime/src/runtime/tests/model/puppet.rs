//! An engine that does what the test tells it, run by run.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::engine::{EngineError, Output, Turn, TurnEngine, Usage};
use crate::event::RunErrorCode;
use crate::id::RunId;
use crate::reference::Step;

/// The strings by which the runs are led.
#[derive(Debug, Default)]
pub(super) struct Puppets {
    strings: Mutex<HashMap<RunId, mpsc::UnboundedSender<Step>>>,
}

impl Puppets {
    /// Tells a run's engine what to do next. Nobody hears it once the run has ended.
    pub(super) fn tell(&self, run: RunId, step: Step) {
        let strings = self.strings.lock().unwrap();
        let string = strings.get(&run).expect("the engine was started");
        // An engine that is gone does nothing.
        let _ = string.send(step);
    }
}

#[async_trait]
impl TurnEngine for Puppets {
    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let (string, mut pulls) = mpsc::unbounded_channel();
        self.strings.lock().unwrap().insert(turn.run_id, string);
        loop {
            match pulls.recv().await {
                Some(Step::Say(texts)) => {
                    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                    output.push_all(&texts).await?;
                }
                Some(Step::Remark(remark)) => output.remark(remark),
                Some(Step::Complete(usage)) => return Ok(usage),
                Some(Step::Fail(RunErrorCode::Engine(kind))) => return Err(EngineError::new(kind)),
                // Without the hook, which would print.
                Some(Step::Fail(_)) => resume_unwind(Box::new("as told")),
                Some(Step::Dawdle) | None => std::future::pending().await,
            }
        }
    }
}
