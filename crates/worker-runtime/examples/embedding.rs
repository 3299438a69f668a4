//! Embeds the runtime with an engine of its own: creates a worker, sends it inputs, prints the
//! replies, stops the worker and shuts the runtime down.
//!
//! `cargo run -p worker-runtime --example embedding`

use std::error::Error;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use worker_runtime::{
    CreateWorker, EngineError, EngineErrorKind, Input, ModelInfo, Output, Reply, RunOutcome,
    Runtime, Turn, TurnEngine, Usage, WorkerState,
};

/// Longer than any reply of this engine takes.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);

/// Answers with the input's words in reverse order.
struct ReversingEngine;

#[async_trait::async_trait]
impl TurnEngine for ReversingEngine {
    fn models(&self) -> Vec<ModelInfo> {
        vec![ModelInfo {
            name: "reverser".to_owned(),
            offline: true,
        }]
    }

    async fn run(&self, turn: Turn, output: Output) -> Result<(), EngineError> {
        let words: Vec<&str> = turn.input.split_whitespace().rev().collect();
        if words.contains(&"fail") {
            return Err(EngineError::new(EngineErrorKind::Refused));
        }
        let earlier = turn.transcript.iter().count();
        output.push(&format!("({earlier} entries before) ")).await?;
        // Each push is an event that readers can follow.
        for word in &words {
            output.push(word).await?;
            output.push(" ").await?;
        }
        let tokens = words.len() as u64;
        output.report(Usage {
            input_tokens: Some(tokens),
            output_tokens: Some(tokens),
        });
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::builder()
        .engine(Arc::new(ReversingEngine))
        .build()?;
    let request = CreateWorker {
        display_name: Some("Ada".to_owned()),
        ..CreateWorker::default()
    };
    let worker = runtime.create(request).await?.worker;

    let mut out = io::stdout().lock();
    for input in ["hello there", "how are you", "please fail"] {
        let run = runtime.send_input(worker.id, Input::new(input)).await?;
        let reply = runtime.reply(worker.id, &run, REPLY_TIMEOUT).await?;
        writeln!(out, "{}: {input}", worker.display_name)?;
        print_reply(&mut out, &reply)?;
    }

    let stopped = runtime.stop(worker.id).await?;
    assert_eq!(stopped.state, WorkerState::Stopped);
    let report = runtime.shutdown(SHUTDOWN_DEADLINE).await;
    assert!(report.abandoned.is_empty());
    writeln!(out, "used {} tokens", stopped.usage.output_tokens)?;
    Ok(())
}

fn print_reply(out: &mut impl io::Write, reply: &Reply) -> io::Result<()> {
    match (reply.outcome, reply.error) {
        (RunOutcome::Completed, _) => writeln!(out, "  {}", reply.text),
        (outcome, Some(error)) => writeln!(out, "  {outcome}: {}", error.code),
        (outcome, None) => writeln!(out, "  {outcome}"),
    }
}
