//! An engine that takes the steps that the test sends it, run by run.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::engine::{EngineError, Output, Turn, TurnEngine};
use crate::id::RunId;
use crate::reference::Step;
use crate::run::{RunErrorCode, Usage};

/// The senders of the steps of each run.
#[derive(Debug, Default)]
pub(super) struct ScriptedEngines {
    senders: Mutex<HashMap<RunId, mpsc::UnboundedSender<Step>>>,
}

impl ScriptedEngines {
    /// Sends the engine of a run its next step; ignored once the run has ended.
    pub(super) fn send(&self, run: RunId, step: Step) {
        let senders = self.senders.lock().unwrap();
        let sender = senders.get(&run).expect("the engine was started");
        let _ = sender.send(step);
    }
}

#[async_trait]
impl TurnEngine for ScriptedEngines {
    async fn run(&self, turn: Turn, output: Output) -> Result<Usage, EngineError> {
        let (sender, mut steps) = mpsc::unbounded_channel();
        self.senders.lock().unwrap().insert(turn.run_id, sender);
        loop {
            match steps.recv().await {
                Some(Step::Push(text)) => output.push(&text).await?,
                Some(Step::Report(diagnostic)) => output.report(diagnostic),
                Some(Step::Complete(usage)) => return Ok(usage),
                Some(Step::Fail(RunErrorCode::Engine(kind))) => return Err(EngineError::new(kind)),
                // Without the panic hook, which would print.
                Some(Step::Fail(_)) => resume_unwind(Box::new("as description")),
                Some(Step::TimeOut) | None => std::future::pending().await,
            }
        }
    }
}
