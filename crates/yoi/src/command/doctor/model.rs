//! Does the model reply: creates a worker, sends one short message, deletes the worker.

use std::time::Duration;

use http_api::wire::CreateWorkerBody;
use registry_core::projection::RuntimeSummary;
use registry_core::{DisplayName, RunId, RuntimeId, WorkerRef};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, timeout};

use super::check::Check;
use crate::args::command_line;
use crate::client::Client;
use crate::error::{Error, RunEnd};
use crate::follow::reply::{ReplyProgress, ReplyUpdate};
use crate::follow::{EventFollower, Followed};
use crate::output::diagnostic;
use crate::output::quantity::duration;
use crate::output::worker::run_usage;
use crate::retry::RetryPolicy;

/// The runtime's limit on the time of a run, in milliseconds.
const RUN_TIME_LIMIT: &str = "run_time_ms";
/// How long a run is waited for when its runtime has no such limit.
const RUN_TIME_DEFAULT: Duration = Duration::from_secs(300);
/// Time for the end of a run to arrive: the runtime itself says best what took too long.
const END_TIMEOUT: Duration = Duration::from_secs(10);
const MESSAGE: &str = "Reply with the single word: ready";
const WORKER_NAME: &str = "Doctor";

/// Sends a message to the model behind `runtime` that has the name `model`, or its default one.
///
/// # Errors
/// [`Error::Interrupted`] and [`Error::Setup`]; other errors are in the row.
pub(super) async fn ask(
    client: &Client,
    runtime: &RuntimeSummary,
    model: Option<DisplayName>,
    words_of: impl Fn(&RunId) -> Option<String>,
) -> Result<Check, Error> {
    let reply_timeout = run_time(runtime) + END_TIMEOUT;
    let runtime = &runtime.runtime_id;
    let body = CreateWorkerBody {
        display_name: WORKER_NAME.parse().ok(),
        profile: None,
        model,
    };
    // From here on Ctrl-C never ends the process, which would leave the worker behind.
    let mut ctrl_c = signal(SignalKind::interrupt()).map_err(Error::Setup)?;
    let worker = match client.create(runtime, &body, None).await {
        Ok(created) => WorkerRef::new(runtime.clone(), created.value.summary.worker_id),
        Err(error) => return Ok(Check::error("answer", &error)),
    };
    let started_at = Instant::now();
    let check = tokio::select! {
        // Dropping it loses a poll at most: its worker is deleted.
        end = timeout(reply_timeout, exchange(client, &worker)) => Ok(match end {
            Ok(end) => row(end, started_at.elapsed(), runtime, words_of),
            Err(_) => {
                let waited = duration(reply_timeout);
                Check::failed("answer", format!("the run did not end within {waited}"))
                    .advise("see the server's log")
            }
        }),
        // Cancel-safe: a signal that is not received stays.
        _ = ctrl_c.recv() => Err(Error::Interrupted),
    };
    let is_gone = remove(client, &worker).await;
    let check = check?;
    if is_gone {
        return Ok(check);
    }
    let delete = command_line("delete", &worker);
    let detail = format!("{}; `{delete}` removes its worker", check.detail);
    Ok(Check { detail, ..check })
}

/// Deletes the worker, or stops it where that is all that can be done; returns whether it did.
async fn remove(client: &Client, worker: &WorkerRef) -> bool {
    match client.delete(worker).await {
        Ok(()) => true,
        Err(_) => client.stop(worker).await.is_ok(),
    }
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
                if let ReplyUpdate::Ended(end) = progress.apply(&event) {
                    return Ok(*end);
                }
            }
        }
    }
}

/// As long as the server itself waits for the end of a run.
pub(super) fn run_time(runtime: &RuntimeSummary) -> Duration {
    let mut limits = runtime.limits.iter();
    let limit = limits.find(|limit| limit.name.as_str() == RUN_TIME_LIMIT);
    limit.map_or(RUN_TIME_DEFAULT, |limit| Duration::from_millis(limit.value))
}

/// `words_of` gives what the provider said of a run that failed, if it is known on this machine.
fn row(
    end: Result<RunEnd, Error>,
    took: Duration,
    runtime: &RuntimeId,
    words_of: impl Fn(&RunId) -> Option<String>,
) -> Check {
    let end = match end {
        Ok(end) => end,
        Err(error) => return Check::error("answer", &error),
    };
    let (usage, diagnostics) = (end.usage, end.diagnostics.clone());
    let words = words_of(&end.run_id);
    if let Err(error) = end.into_result() {
        let check = Check::error("answer", &error);
        return match words {
            Some(words) => {
                let detail = format!("{}; the provider said: {words}", check.detail);
                Check { detail, ..check }
            }
            None => check,
        };
    }
    let mut detail = format!("{runtime} replied in {} ms", took.as_millis());
    if let Some(usage) = usage.and_then(run_usage) {
        detail.push_str(&format!(", {usage}"));
    }
    for diagnostic in &diagnostics {
        detail.push_str(&format!("; {}", diagnostic::text(diagnostic)));
    }
    Check::ok("answer", detail)
}
