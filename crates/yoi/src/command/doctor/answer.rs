//! Whether the model answers: one worker, one short message, and the worker is gone again.

use std::time::Duration;

use http_api::wire::CreateWorkerBody;
use registry_core::projection::{EventKind, RunOutcome, Usage};
use registry_core::{RuntimeId, WorkerRef};
use tokio::time::{Instant, timeout};

use super::check::Check;
use crate::client::Client;
use crate::command::until_interrupted;
use crate::failure::{Failure, RunEnd, command_line};
use crate::follow::reply::{Reply, Shown};
use crate::follow::{Fed, Feed, Patience};

/// How long the answer may take, in seconds: a model that is loaded for it, and no longer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// What is asked: as little as there is to ask.
const QUESTION: &str = "Reply with the single word: ready";
/// The name of the worker that is asked.
const WORKER_NAME: &str = "Doctor";

/// What came of a question.
struct Answered {
    end: RunEnd,
    took: Duration,
    usage: Option<Usage>,
}

/// Asks the model behind `runtime`. Ends only with an interruption.
pub(super) async fn ask(client: &Client, runtime: &RuntimeId) -> Result<Check, Failure> {
    let body = CreateWorkerBody {
        display_name: WORKER_NAME.parse().ok(),
        profile: None,
    };
    let worker = match client.create(runtime, &body, None).await {
        Ok(answer) => WorkerRef::new(runtime.clone(), answer.value.summary.worker_id),
        Err(failure) => return Ok(Check::failed_by("answer", &failure)),
    };
    let asked = until_interrupted(async {
        let asked = timeout(ANSWER_TIMEOUT, exchange(client, &worker)).await;
        Ok(asked.map(|answered| row(answered, runtime)))
    });
    let asked = asked.await;
    let stopped = client.stop(&worker).await;
    let check = asked?.unwrap_or_else(|_| {
        let seconds = ANSWER_TIMEOUT.as_secs();
        Check::failed("answer", format!("none within {seconds} s"))
            .advise("is the model's provider reachable, and the model loaded?")
    });
    Ok(match stopped {
        Ok(_) => check,
        Err(_) => {
            let stop = command_line("stop", &worker);
            let detail = format!("{}; `{stop}` takes its worker away", check.detail);
            Check { detail, ..check }
        }
    })
}

/// Sends the question, and waits for the end of its run.
async fn exchange(client: &Client, worker: &WorkerRef) -> Result<Answered, Failure> {
    let asked_at = Instant::now();
    let accepted = client.send_input(worker, QUESTION.to_owned(), None).await?;
    let accepted = accepted.value;
    let mut reply = Reply::new(accepted.run_id);
    let mut feed = Feed::new(client, worker, Some(accepted.cursor), Patience::DEFAULT);
    loop {
        let batch = match feed.next().await? {
            Fed::Batch(batch) => batch.value,
            // So short a reply outlives its events only on a server that keeps almost none.
            Fed::Expired => {
                feed.resume(accepted.cursor);
                continue;
            }
        };
        for event in batch.events {
            if let Shown::Ended(end) = reply.take(&event.kind) {
                let usage = match event.kind {
                    EventKind::RunFinished { usage, .. } => usage,
                    EventKind::WorkerCreated
                    | EventKind::InputAccepted { .. }
                    | EventKind::OutputDelta { .. }
                    | EventKind::WorkerStopped => None,
                };
                let took = asked_at.elapsed();
                return Ok(Answered { end, took, usage });
            }
        }
    }
}

fn row(answered: Result<Answered, Failure>, runtime: &RuntimeId) -> Check {
    let Answered { end, took, usage } = match answered {
        Ok(answered) => answered,
        Err(failure) => return Check::failed_by("answer", &failure),
    };
    if end.outcome != Some(RunOutcome::Completed) {
        return Check::failed_by("answer", &Failure::RunEnded(end));
    }
    let tokens = usage.map(|usage| {
        let (read, written) = (usage.input_tokens, usage.output_tokens);
        format!(", {read} tokens read, {written} written")
    });
    let (took, tokens) = (took.as_millis(), tokens.unwrap_or_default());
    Check::ok("answer", format!("{runtime} answered in {took} ms{tokens}"))
}
