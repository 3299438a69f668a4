//! An engine that takes the steps that the test sends it, run by run.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::command::MODELS;
use crate::engine::{EngineError, History, ModelInfo, Output, Turn, TurnEngine};
use crate::id::RunId;
use crate::reference::Step;
use crate::run::RunErrorCode;

/// Each run: where to send its steps, and the conversation that its engine sees.
#[derive(Debug, Default)]
pub(super) struct ScriptedEngines {
    runs: Mutex<HashMap<RunId, (mpsc::UnboundedSender<Step>, History)>>,
}

impl ScriptedEngines {
    /// Sends the engine of a run its next step; ignored once the run has ended.
    pub(super) fn send(&self, run: RunId, step: Step) {
        let runs = self.runs.lock().unwrap();
        let (sender, _) = runs.get(&run).expect("the engine was started");
        let _ = sender.send(step);
    }

    /// What the engine of a run sees of the conversation; none before it was started.
    pub(super) fn seen(&self, run: RunId) -> Option<History> {
        let runs = self.runs.lock().unwrap();
        runs.get(&run).map(|(_, history)| history.clone())
    }
}

#[async_trait]
impl TurnEngine for ScriptedEngines {
    fn models(&self) -> Vec<ModelInfo> {
        let model = |name: &&str| ModelInfo {
            name: (*name).to_owned(),
            offline: true,
        };
        MODELS.iter().map(model).collect()
    }

    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let (sender, mut steps) = mpsc::unbounded_channel();
        let run = (sender, turn.transcript);
        self.runs.lock().unwrap().insert(turn.run_id, run);
        loop {
            match steps.recv().await {
                Some(Step::Push(text)) => output.push(&text).await?,
                Some(Step::Reason(text)) => output.push_reasoning(&text).await?,
                Some(Step::Report(report)) => output.report(report),
                Some(Step::Complete) => return Ok(()),
                Some(Step::Fail(error)) => {
                    let RunErrorCode::Engine(kind) = error.code else {
                        // Without the panic hook, which would print.
                        resume_unwind(Box::new("as described"));
                    };
                    let failed = EngineError::new(kind).with_detail(error.detail);
                    return Err(failed.with_retry_after(error.retry_after));
                }
                Some(Step::TimeOut) | None => std::future::pending().await,
            }
        }
    }
}
