//! Does the model reply: creates a worker, sends one short message, stops the worker.

use std::time::Duration;

use http_api::wire::CreateWorkerBody;
use registry_core::{RuntimeId, WorkerRef};
use tokio::time::{Instant, timeout};

use super::check::Check;
use crate::args::command_line;
use crate::client::Client;
use crate::command::session::until_interrupted;
use crate::error::{Error, RunEnd};
use crate::follow::reply::{ReplyProgress, ReplyUpdate};
use crate::follow::{EventFollower, Followed};
use crate::output::worker::run_usage;
use crate::retry::RetryPolicy;

/// Enough for a model that has to be loaded first.
const REPLY_TIMEOUT: Duration = Duration::from_secs(60);
const MESSAGE: &str = "Reply with the single word: ready";
const WORKER_NAME: &str = "Doctor";

/// Sends a message to the model behind `runtime`.
///
/// # Errors
/// Only [`Error::Interrupted`]; other errors are in the row.
pub(super) async fn ask(client: &Client, runtime: &RuntimeId) -> Result<Check, Error> {
    let body = CreateWorkerBody {
        display_name: WORKER_NAME.parse().ok(),
        profile: None,
    };
    let worker = match client.create(runtime, &body, None).await {
        Ok(created) => WorkerRef::new(runtime.clone(), created.value.summary.worker_id),
        Err(error) => return Ok(Check::error("answer", &error)),
    };
    let exchange = until_interrupted(async {
        let started_at = Instant::now();
        let end = timeout(REPLY_TIMEOUT, exchange(client, &worker)).await;
        Ok(end.map(|end| row(end, started_at.elapsed(), runtime)))
    });
    let check = exchange.await;
    let stopped = client.stop(&worker).await;
    let check = check?.unwrap_or_else(|_| {
        let seconds = REPLY_TIMEOUT.as_secs();
        Check::failed("answer", format!("no reply within {seconds} s"))
            .advise("is the model's provider reachable, and the model loaded?")
    });
    Ok(match stopped {
        Ok(_) => check,
        Err(_) => {
            let stop = command_line("stop", &worker);
            let detail = format!("{}; `{stop}` removes its worker", check.detail);
            Check { detail, ..check }
        }
    })
}

/// Sends the message, and waits until its run has ended.
async fn exchange(client: &Client, worker: &WorkerRef) -> Result<RunEnd, Error> {
    let accepted = client.send_input(worker, MESSAGE.to_owned(), None).await?;
    let accepted = accepted.value;
    let mut progress = ReplyProgress::new(accepted.run_id);
    let mut follower = EventFollower::new(worker, Some(accepted.cursor), RetryPolicy::DEFAULT);
    loop {
        // A reply as short as this expires only on a server that keeps almost no events; then
        // the cursor stays expired, and the follower gives up.
        if let Followed::Batch(batch) = follower.next(client).await? {
            for event in batch.value.events {
                if let ReplyUpdate::Ended(end) = progress.apply(&event.kind) {
                    return Ok(end);
                }
            }
        }
    }
}

fn row(end: Result<RunEnd, Error>, took: Duration, runtime: &RuntimeId) -> Check {
    let end = match end {
        Ok(end) => end,
        Err(error) => return Check::error("answer", &error),
    };
    let usage = end.usage;
    if let Err(error) = end.into_result() {
        return Check::error("answer", &error);
    }
    let mut detail = format!("{runtime} replied in {} ms", took.as_millis());
    if let Some(usage) = usage {
        detail.push_str(&format!(", {}", run_usage(usage)));
    }
    Check::ok("answer", detail)
}
